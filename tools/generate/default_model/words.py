"""The words that all stories share: names, places, weather, things, food, feelings."""

GIRLS = """Anna Lily Mia Emma Sara Nora Ella Lucy Rosa Ida Clara Ruby Zoe Maya Alice Eva Julia Hanna Leah Nina Olga Tess
Wendy Molly Daisy Greta Marta Sofia Lena Kate""".split()
BOYS = """Tom Ben Max Sam Leo Tim Jack Finn Noah Oscar Paul Hugo Emil Felix Adam Peter Jonas Luke Otto Theo Anton Daniel
Karl Simon Victor Will Henry Omar Ravi Milo""".split()

# kind of animal: (adjectives, names, where it lives)
ANIMALS = {
    "mouse": ("small grey|tiny brown|quick little", "Pip Nibble Minty Crumb", "in a hole under the kitchen floor"),
    "rabbit": ("white|soft brown|young", "Clover Hopper Thistle Flop", "in a warm burrow under the hill"),
    "fox": ("young red|clever little|shy", "Rusty Ember Ash Copper", "in a den at the edge of the forest"),
    "bear": ("big brown|gentle|sleepy young", "Bruno Honey Barley Moss", "in a cave behind the waterfall"),
    "hedgehog": ("round little|shy|brown", "Prickle Hazel Bristle Nutkin", "under a pile of dry leaves"),
    "duck": ("yellow|cheerful little|young", "Puddle Daffy Waddle Pebble", "in the reeds beside the pond"),
    "frog": ("small green|jumpy|cheerful", "Hop Fern Splash Lily", "under a wide leaf on the pond"),
    "owl": ("young|wise little|grey", "Hoot Luna Willow Dusk", "in the hollow of an old oak tree"),
    "squirrel": ("red|quick|busy little", "Acorn Hazel Chip Maple", "high up in a tall pine tree"),
    "kitten": ("black|grey|striped little", "Misty Socks Velvet Tiger", "in a basket beside the stove"),
    "puppy": ("brown|spotted|fluffy white", "Biscuit Patch Scout Bingo", "on a farm near the village"),
    "turtle": ("slow green|patient little|old", "Shelly Pond Tilly Stone", "on the muddy bank of the river"),
    "penguin": ("small|round little|brave", "Pim Frost Flip Snowy", "on the ice at the bottom of the world"),
    "elephant": ("young|gentle grey|little", "Tumba Ella Peanut Rumble", "near the wide brown river"),
    "sparrow": ("small brown|cheerful|young", "Chirp Dot Feather Wren", "under the roof of the old barn"),
    "lamb": ("woolly white|little|curious", "Woolly Daisy Cotton Snow", "on the green meadow"),
}

# other heroes: kind: (adjectives, names, where it lives)
WONDERS = {
    "robot": ("little|small silver|friendly|old tin|round blue", "Bolt Zip Rivet Gizmo Tik",
              "in a workshop full of tools"),
    "dragon": ("little green|young|shy purple", "Spark Cinder Ruby Smoky", "in a cave on top of the mountain"),
    "snowman": ("round|cheerful|tall white", "Frosty Flake Icicle Carrot", "in the garden behind the school"),
    "ghost": ("little white|shy|friendly", "Boo Misty Sheet Pale", "in the attic of an old house"),
    "train": ("little red|old blue|small green", "Toot Puff Whistle Clack", "in a shed at the end of the line"),
    "boat": ("little blue|small wooden|brave white", "Skipper Breeze Pearl Anchor", "in a quiet harbor"),
    "star": ("small|bright little|young", "Twinkle Stella Glow Shine", "high up in the night sky"),
}

# grown-ups: kind: (adjectives, pronoun, where they live)
PEOPLE = {
    "king": ("old|young|sad|proud|good", "he", "in a castle with a hundred rooms"),
    "queen": ("wise|young|proud|good|brave", "she", "in a castle above the valley"),
    "princess": ("little|brave|clever|bored", "she", "in a tower of white stone"),
    "prince": ("young|shy|lazy|brave", "he", "in a palace with a golden roof"),
    "fisherman": ("poor|old|patient", "he", "in a hut by the sea"),
    "shepherd": ("young|lonely|quiet", "he", "on a hill with forty sheep"),
    "baker": ("round|friendly|busy", "she", "in a little shop that smelled of bread"),
    "witch": ("good|young|forgetful|old", "she", "in a crooked house in the woods"),
    "wizard": ("old|forgetful|wise|small", "he", "in a tower full of books"),
    "knight": ("brave|young|tired", "he", "in a castle near the border"),
    "tailor": ("poor|little|clever", "he", "in a narrow house beside the gate"),
    "gardener": ("old|kind|quiet", "she", "behind the gardens of the palace"),
    "sailor": ("young|brave|old", "she", "on a ship with white sails"),
    "painter": ("poor|young|dreamy", "she", "under the roof of a tall house"),
}

# name: (where, where to, sights, finds, hiding places)
PLACES = {
    "forest": ("in the forest", "into the forest|to the forest",
               "tall trees|red mushrooms|soft green moss|a narrow path|sunlight between the leaves",
               "a shiny acorn|a blue feather|a round stone|a pine cone",
               "under a fern|behind a fallen tree|between the roots of an oak"),
    "sea": ("by the sea|at the beach", "to the sea|to the beach|down to the sea",
            "white waves|a long sandy beach|gulls in the sky|a ship far away|small crabs",
            "a pink shell|a smooth white stone|a green bottle|a piece of driftwood",
            "under a wet rock|behind a dune|in the sand beside the pier"),
    "park": ("in the park", "to the park",
             "a big fountain|green benches|children on the swings|ducks on the pond|a long row of roses",
             "a silver coin|a red button|a yellow leaf|a lost glove",
             "under a bench|behind the fountain|in the tall grass"),
    "river": ("by the river|at the river", "to the river|down to the river",
              "clear water|an old stone bridge|silver fish|a dragonfly|willow trees",
              "a flat stone|a little paper boat|a snail shell|a fishing hook",
              "under the bridge|in the reeds|between two stones"),
    "farm": ("on the farm", "to the farm", "brown cows|a noisy rooster|a red barn|a field of wheat|a sleepy old horse",
             "a white egg|an old horseshoe|a rusty key|a goose feather", "in the hay|behind the barn|under the wagon"),
    "mountain": ("on the mountain|high on the mountain", "up the mountain|to the mountain",
                 "steep rocks|a goat with long horns|snow on the peak|tiny houses far below|a cold stream",
                 "a shining crystal|an eagle feather|a purple flower|a smooth black stone",
                 "behind a rock|in a small cave|under a bush"),
    "garden": ("in the garden", "into the garden|out to the garden",
               "yellow sunflowers|a row of carrots|bees on the roses|a green gate|an apple tree",
               "a ladybug|a snail shell|a ripe strawberry|a tiny blue egg",
               "under the rose bush|behind the shed|in the watering can"),
    "market": ("at the market", "to the market",
               "baskets of red apples|a man with bright balloons|fresh bread|a woman with flowers|piles of oranges",
               "a copper coin|a lost ribbon|a little bell|a golden button",
               "under a table|behind a basket of pears|beside the well"),
    "lake": ("at the lake|by the lake", "to the lake|down to the lake",
             "still blue water|a family of swans|water lilies|a small island|a wooden pier",
             "a white feather|a tiny shell|a round pebble|an old oar",
             "under the pier|in the long grass|behind a wooden boat"),
    "meadow": ("on the meadow|in the meadow", "to the meadow|out to the meadow",
               "wild flowers|yellow butterflies|tall grass|a hopping rabbit|a buzzing bee",
               "a lucky clover|a red poppy|a snail shell|a small bell",
               "in the tall grass|under a daisy|behind an old fence"),
    "town": ("in the town", "to the town|into the town",
             "a tall clock tower|shops with bright windows|a busy street|a baker with a white hat|a yellow bus",
             "a lost letter|a small key|a silver coin|a warm glove",
             "under a bench|behind the bakery|near the old gate"),
}

WEATHER = {
    "sunny": ("the sun was shining|the sky was blue and clear|the sun was bright and warm|not a cloud was in the sky|"
              "the air was warm and still",
              "sunny|warm|bright|golden"),
    "windy": ("a strong wind was blowing|the wind was singing in the trees|clouds were racing over the sky|"
              "the leaves were dancing in the wind",
              "windy|fresh|wild"),
    "rainy": ("rain was falling softly|it was raining|grey clouds were hanging low|small drops of rain were falling",
              "rainy|wet|grey"),
    "snowy": ("snow was falling|everything was white with snow|the world was quiet under the snow|"
              "snowflakes were dancing in the cold air",
              "snowy|cold|white"),
    "foggy": ("the air was thick with fog|white fog was hiding the hills|everything was grey and quiet in the fog",
              "foggy|misty|quiet"),
}

THINGS = """red ball|blue ball|wooden boat|little drum|silver whistle|yellow kite|green hat|warm scarf|toy train|
paper crown|golden key|small lantern|picture book|old map|shiny marble|music box|teddy bear|striped umbrella|
brass bell|toy ship|red bucket|blue ribbon|silver spoon|wooden flute|little mirror|glass bead|soft blanket|
pocket watch|paint box|purple cup"""
FOODS = """apple pie|warm bread|honey cake|chocolate cookies|vegetable soup|pancakes|blueberry muffins|
cheese and bread|strawberry jam|roasted nuts|ginger cookies|sweet pears|carrot cake|plum cake"""
TRAITS = """curious|kind|brave|cheerful|quiet|clever|gentle|patient|shy|friendly|playful|careful|dreamy|busy|stubborn|
helpful"""
LIKES = """to sing|to climb trees|to look at the clouds|to draw pictures|to collect stones|to tell stories|
to ask questions|to dance in the rain|to watch the stars|to play hide and seek|to build towers|to run fast|
to listen to the birds|to bake|to jump into puddles|to read books|to paint|to make new friends|to count things|
to solve riddles|to explore new places"""
HOMES = """in a small house by the river|in a yellow house at the end of the street|
in a little village between two hills|in a tall house in the middle of the town|on a farm with many animals|
in a cottage near the forest|in a house with a blue door|on a small island|above the bakery|near the old mill|
beside the railway|at the foot of a mountain"""
TIMES = ("One day|One morning|One afternoon|One {weather_word} morning|One {weather_word} day|One summer day|"
         "Early one morning|On a {weather_word} afternoon|Last Sunday")


def words(text):
    """The alternatives of a list above."""
    return [word.strip() for word in text.replace("\n", "").split("|")]

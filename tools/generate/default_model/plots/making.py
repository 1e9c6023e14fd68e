"""Something is built, baked, planted, painted or repaired."""

from frames import aside, arrive, at_home, end
from plots import plot
from story import Story

# what: (material, failure, remedy, success)
_WORKS = {
    "a kite": ("paper, two sticks and a long string", "it fell on its nose", "made the tail longer",
               "it climbed up to the clouds"),
    "a raft": ("old boards and a rope", "it sank like a stone", "tied empty bottles under it",
               "it floated like a duck"),
    "a tree house": ("boards, nails and an old door", "the floor broke", "used thicker boards",
                     "it stood as strong as a tower"),
    "a scooter": ("a board and four wheels", "a wheel fell off", "used longer screws",
                  "it rolled down the hill and did not fall apart"),
    "a bird house": ("thin wood and a little paint", "the door was too small", "cut a bigger hole",
                     "two blue birds moved in"),
    "a bridge": ("stones and a long board", "the water carried it away", "put heavy stones on both sides",
                 "even a cow could walk over it"),
    "a windmill": ("paper, wood and a nail", "it did not turn", "made the arms lighter",
                   "it turned so fast that it hummed"),
    "a snow castle": ("snow and more snow", "one wall fell down", "poured water over the walls until they were ice",
                      "it shone in the sun for weeks"),
    "a flying machine": ("cloth, wire and old bicycle parts", "it only hopped like a hen", "made the wings wider",
                         "it flew over the whole garden"),
    "a telescope": ("a long tube and two pieces of glass", "everything was blurry", "turned one glass around",
                    "one could see the mountains of the moon"),
}


@plot
def build(random):
    work = random.choice(list(_WORKS))
    s = Story(random, ["person", "child", "pair", "robot", "animal"], weather=["snowy"] if "snow" in work else None)
    material, failure, remedy, success = _WORKS[work]
    at_home(s)
    s.let(work=work, the_work='the ' + work.split(' ', 1)[1], material=material, failure=failure, remedy=remedy,
          success=success)
    s.say("{time}, {N} wanted to build {work}.",
          '"{I} will build {work}," said {A} one morning.',
          '{time}, {he} had a great idea. "{Ill} build {work}!"')
    s.say("For that {he} needed {material}.",
          "{he} took {material} and began to work.",
          '"All {I} need is {material}," said {A}.',
          "{G} gave {him} {material}.")
    s.say("{he} worked the whole morning.",
          "{N} measured, cut and hammered until {his} arms were tired.",
          "It was more work than {he} had thought.")
    s.paragraph()
    s.say("At last {the_work} was ready. But {failure}!",
          "Then came the big moment. Oh no, {failure}!",
          "Everybody came to see {the_work}. But {failure}, and some of them laughed.")
    s.say('"It is no good," said {A}, and kicked a stone.',
          "{N} {was} very disappointed.",
          "{he} wanted to throw everything away.")
    s.say('"Every builder makes mistakes," said {G}.',
          '"Let us look at it together," said {F}.',
          '"Why did that happen?" asked {G}. {N} looked at it from all sides.',
          '"Now you know what does not work," said {F}. "That is good!"')
    s.paragraph()
    s.say('The next day {he} {remedy}.', 'So {he} tried again and {remedy}.', 'Then {N} understood it. {he} {remedy}.')
    s.say('And this time {success}!', 'They tried it once more, and {success}!', 'It worked: {success}.')
    s.say('"Hurray!" shouted {A}.',
          '{G} shook {his} hand{s}. "Well done!"',
          '"May I try it, too?" asked {F}. "Of course!" said {A}.')
    return end(s, "a mistake is a good teacher", "good things need two tries",
               "you learn most when something goes wrong")


@plot
def bake(random):
    s = Story(random, ["person", "child", "pair", "animal", "robot"])
    at_home(s)
    s.let(cake="an apple cake|a honey cake|a chocolate cake|ginger cookies|bread|a plum pie",
          wrong="salt|pepper|soap powder|flour from the wrong box",
          reason="{G}'s birthday|the village feast|the first day of spring|a visit of friends")
    s.say("It was the day before {reason}, and {N} wanted to bake {cake}.",
          '"{I} will bake {cake} for {reason}," said {A}.',
          "{time}, {N} decided to bake {cake} all alone.")
    s.say("{he} took flour, eggs, butter and milk.",
          "Flour flew through the kitchen like snow.",
          "An egg fell on the floor, but {N} only laughed.")
    if s.random.random() < 0.5:
        s.say("Then {he} needed sugar. But {he} took {wrong} and did not notice it.",
              "The sugar and the salt stood side by side, and {he} took the wrong one.")
        s.paragraph()
        s.say('It looked perfect. But when {F} took a bite, {fhe} made a face. "What is in it?" asked {F}.',
              "{G} tried a piece and coughed.",
              '{N} took a big bite. "Ugh!" ^It tasted terrible.')
        s.say("{N} {was} so ashamed that {he} hid behind the door.",
              '"Oh no," said {A}. "It was not sugar!"',
              "There was a silence. Then somebody began to laugh, and then everyone laughed, even {N}.")
    else:
        s.say("While it was in the oven, {he} went out to play and forgot the time.",
              "{he} sat down for a moment and fell asleep.")
        s.paragraph()
        s.say("Suddenly there was smoke in the kitchen!",
              "When {he} came back, everything was black.",
              "It smelled of smoke. {N} ran to the oven, but it was too late.")
        s.say('"It looks like a piece of coal," said {A}, and wanted to cry.',
              "{N} {was} so sad that {he} could not speak.")
    s.paragraph()
    s.say('"That happened to me, too, when I was young," said {G}.',
          '"Come," said {F}, "~we will bake a new one together."',
          '"Nobody bakes well the first time," said {G}, and put on an apron.')
    s.say("This time {he} tasted everything first.",
          "They began again. {N} read every line of the recipe two times.",
          "{he} stayed next to the oven and looked at the clock.")
    s.say("Soon the whole house smelled wonderful.",
          "The new one was golden brown and soft.",
          "And what a success it was! Not a crumb was left.")
    return end(s, "you should look twice", "a mistake tastes less bitter with a friend", "patience makes a good baker")


@plot
def seed(random):
    s = Story(random, ["person", "child", "animal", "pair", "robot"], places=["garden", "farm", "meadow"],
              weather=["sunny", "rainy"])
    at_home(s)
    s.let(plant="sunflower|pumpkin|apple tree|bean|rose", seed_word="seed")
    s.say("{time}, {G} gave {him} a little seed.",
          "{time}, {he} found a small brown seed in {his} pocket.",
          "A bird dropped a seed right in front of {him}.")
    s.say('"What will it be?" asked {A}. "Wait and see," said {G}.',
          '"It is so small," said {A}. "Can anything grow from it?"',
          "{N} made a hole {at} and put the seed into it.")
    s.say("{he} gave it water every day.",
          "Every morning {N} went to look, and every morning there was nothing.",
          "{he} put a little fence around it and waited.")
    s.paragraph()
    s.say('A week passed, and nothing happened. "Is it asleep?" asked {A}.',
          '"Grow!" said {A}. But the seed did not listen.',
          "{N} wanted to dig it out and look at it.")
    s.say('"Leave it alone," said {G}. "Everything needs its time."',
          '"Be patient," said {G}. "Under the ground it is busy."',
          '{F} laughed. "You cannot hurry a seed."')
    s.say("Then it rained for two days.",
          "Then the sun came out and warmed the ground.",
          "After the rain came the sun.")
    s.say("And one morning there was a tiny green leaf!",
          "The next day something green looked out of the ground.",
          '"Look!" cried {A}. "It is coming out!"')
    s.paragraph()
    s.say("It grew and grew. In summer it was a {plant}, taller than {G}.",
          "It became a {plant}, the most beautiful one far and wide.",
          "Soon everybody could see it: it was a {plant}!")
    s.say("Bees and butterflies came to visit.",
          "In autumn there were new seeds, and {N} gave one to every friend.",
          '{N} sat down in its shadow and was very quiet.' if not s.hero.plural
          else '{N} sat down in its shadow and were very quiet.')
    return end(s, "good things need time", "great things begin small", "patience is never wasted")


@plot
def broken_thing(random):
    s = Story(random, ["child", "pair", "animal"])
    at_home(s)
    s.let(vase="vase|window|teapot|lamp|clock|blue plate|mirror", how="ball|elbow|wooden sword|kite")
    s.say("{time}, {N} played with a ball in the house, although {G} had said no.",
          "{time}, {he} ran through the kitchen as fast as {he} could.",
          "{time}, {N} danced around the table.")
    s.say("Crash! ^{G}'s {vase} was broken.",
          "Bang! ^The {vase} fell down and broke into a hundred pieces.",
          "Then there was a loud noise. {G}'s old {vase} lay on the floor in pieces.")
    s.say('{N} stood there and did not move.', '{his} heart{s} beat very fast.', '"What now?" thought {A}.')
    s.paragraph()
    s.say('Nobody had seen it. "{I} could say that it was the cat," thought {A}.',
          "{he} hid the pieces under the carpet.",
          '"{I} will say that it was the wind," said {A}.')
    s.say("When {G} came home, {he} said nothing. But the food did not taste good.",
          "In the evening {he} could not sleep. {his} stomach hurt.",
          '{G} asked, "Who did that?" and looked at the cat. The poor cat!')
    s.say('At last {N} could not stand it any longer. "It was {me}," said {A}.',
          "{he} got up, went to {G} and told the truth.",
          '"The cat did nothing," said {A} in a quiet voice. "It was {me}. {Im} sorry."')
    s.paragraph()
    s.say("{G} was quiet for a while. Then {ghe} smiled.",
          '{G} looked at {him} for a long time. "Thank you for the truth," said {G}.',
          '"It is only a {vase}," said {G}. "But your word is more important."')
    s.say("Together they glued the pieces. The {vase} was not perfect, but it was beautiful.",
          "{N} saved {his} money and bought a new {vase}.",
          "The next day they repaired it together, and {G} told a story about it.")
    return end(s, "the truth makes the heart light", "a lie is heavier than a stone", "telling the truth needs courage")


@plot
def cure_boredom(random):
    s = Story(random, ["child", "pair"], weather=["rainy"])
    at_home(s)
    s.let(box="a big box|the old sofa|the kitchen table|a blanket and two chairs|the bed",
          ship="a ship|a rocket|a castle|a submarine|a train|a hot air balloon")
    s.say('It rained and rained. "{Im} bored," said {A}.',
          "All day the rain fell on the roof, and {he} could not go out.",
          '"When will it stop?" asked {A}, and looked out of the window for the tenth time.')
    s.say('"Then invent something," said {G}.',
          '{G} pointed to {box}. "What could that be?"',
          "{N} looked around and saw {box}.")
    s.say('"That is not {box}," said {A}. "That is {ship}!"',
          "And just like that, {box} became {ship}.",
          "{N} climbed in. It was {ship} now, and {A} was the captain.")
    s.paragraph()
    s.let(land="the land of the penguins|the moon|an island with talking trees|the bottom of the ocean|a "
               "city made of ice cream|the land of the dragons")
    s.say('They traveled to {land}.' if s.hero.plural else '{he} traveled to {land}.',
          "The journey went to {land}, and it was a dangerous journey.",
          '"Next stop: {land}!" shouted {A}.')
    s.say("On the way there was a terrible storm. {N} held on tight.",
          "A whale came by and said hello.",
          "Pirates came, but they were friendly pirates who only wanted tea.")
    s.say("There a king was waiting and gave {him} a crown.",
          "There everything was made of sugar, even the stones.",
          "The people there walked on their hands and ate soup with a fork.")
    s.say('Then {he} heard a voice. "Dinner is ready!" called {G}.',
          '"Captain, we need you at the table," said {G}.',
          "Suddenly it smelled of {food}. It was time to go home.")
    s.paragraph()
    s.say("{N} looked out of the window. The rain had stopped a long time ago.",
          "Outside the sun was shining again, but {N} did not even notice it.",
          '"What did you do all day?" asked {G}. "{I} {was} far away," said {A}.')
    return end(s, "with a little fantasy no day is boring", "the best toys are in your head",
               "a journey can begin in your own room")


@plot
def music_band(random):
    s = Story(random, ["person", "animal", "wonder", "robot", "child"], places=["forest", "meadow", "farm", "town"])
    has_hands = s.hero.kind in ("child", "robot")
    at_home(s)
    s.let(sound="a drum|a flute|a bell|a trumpet|a guitar", other="a drum|a flute|a violin|a whistle")
    s.say("{N} had {sound}. But alone it sounded thin.",
          "{N} could play {sound}, and {he} dreamed of a band.",
          "{time}, {he} found {sound} and tried it. What a fine sound!")
    s.say('{he} went {to} and asked everybody, "Do you want to play with me?"',
          '"I need others," thought {A}, and went {to}.',
          'So {he} put up a sign {at}: "Who can make music?"')
    s.paragraph()
    s.say("First came {friend_is} with {other}.",
          '"I can play {other}," said {friend_is}.',
          "The first one was {friend_is}, who could sing very low.")
    s.say("Then came [two crickets|a goat|an old donkey|three ducks] and wanted to sing.",
          "Soon [a cat|a goose|a beaver|a donkey] came, too.",
          "Next came a woodpecker, who could knock very fast.")
    s.say("At first it sounded terrible. Each of them wanted to be the loudest.",
          "They all played at the same time, and the birds flew away.",
          '"Stop!" cried {F}. "My ears hurt!"')
    s.say('"We must listen to each other," said {A}.',
          '"First you, then you, and then all together," said {A}.',
          'Then {N} raised one hand, and there was silence. "Once more, but softly."' if has_hands
          else '"Once more," said {A}, "~but softly."')
    s.paragraph()
    s.say("They practiced every evening, and it became better and better.",
          "And suddenly it was music!",
          "Now one sound fitted to the other like stones in a wall.")
    s.say("On Saturday they played {at}, and everybody danced.",
          "When they played, even the moon stood still.",
          "People came from far away to hear them.")
    return end(s, "music begins with listening", "together we sound better than alone",
               "everyone has a voice that is needed")

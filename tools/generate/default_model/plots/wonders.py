"""Stories in which something happens that never happens."""

from frames import at_home, arrive, end
from plots import plot
from story import Story


@plot
def robot_laughs(random):
    s = Story(random, ["robot"])
    at_home(s)
    s.say("{N} could do everything: cook, sew and count to a million. But {he} could not laugh.",
          "{N} could lift a piano, but {he} did not know what a joke was.",
          '"Why do people laugh?" asked {A}. Nobody could explain it.')
    s.say("{he} read ten books about it.",
          '{he} asked {G}. "That comes from inside," said {G}.',
          "{he} opened {his} chest and looked for it, but there were only wheels and wires.")
    s.say('"Ha. ^Ha. ^Ha," said {A}. It sounded like a broken clock.',
          "{F} told {him} a joke. {N} did not understand it.",
          "{he} tried it in front of a mirror, but it did not work.")
    s.paragraph()
    s.say('{time}, {F} slipped on a [banana|puddle|wet leaf] and sat down in a bucket. "Help!" cried {F}.',
          "{time}, a small bird made a nest on {his} head, right between the ears.",
          "{time}, a goat ate {G}'s hat and then said, \"Baa!\" with a very serious face.")
    s.say("Something began to tickle in {his} stomach.",
          "{N} felt something strange. It went up from the feet to the head.",
          "There was a little noise inside, like water that begins to boil.")
    s.say("And then it came out: {he} laughed! {he} laughed so much that a screw fell out.",
          '"Ho ho ho! ^Hee hee hee!" ^{N} could not stop.',
          "It was a laugh like many small bells.")
    s.paragraph()
    s.say("{F} laughed, too, and so did {G}.",
          '"So that is it!" said {A}. "It is like flying without wings."',
          '"Did I break?" asked {A}. "No," said {G}, "~now you are complete."')
    return end(s, "a laugh comes when you do not look for it", "the best things can't be learned from a book",
               "laughing is best together")


@plot
def low_battery(random):
    s = Story(random, ["robot"], weather=["foggy", "rainy", "snowy"])
    arrive(s)
    s.paragraph()
    s.say("But then a red light began to blink. {his} battery was almost empty!",
          "Suddenly {he} became slower and slower.",
          '"Beep," said a voice inside. "Ten more minutes."')
    s.say("There was no plug, and the sun was hidden.",
          "Home was far away. {N} sat down on a stone.",
          '"What now?" said {A}. {he} could lift {his} arm only a little.')
    s.say('{friend_is} came by. "Are you ill?" asked {F}.',
          'Then {friend_is} stopped in front of {him} and looked. "Why do you not move?"',
          '"Hello?" said {friend_is}. "You look so tired."')
    s.say('"I need power," said {A} in a very slow voice.',
          '"I need light or wind," said {A}.',
          '"No power," was all that {he} could say.')
    s.paragraph()
    s.say("{F} thought about it. Then {fhe} ran away and came back with an old bicycle lamp and a wheel.",
          "{F} called all {fhis} friends, and together they pushed {him} up the hill, where the sun was.",
          "{F} knew an old windmill. With a rope {fhe} pulled {him} there.")
    s.say("They worked for an hour until something hummed.",
          '"One, two, three!" they shouted.',
          "Slowly the red light turned yellow, and then it turned green.")
    s.say("{N} opened {his} eyes and stood up.",
          '"Thank you!" said {A}, and did a little dance.',
          "Whirr! ^{N} could move again.")
    s.say('"Now I will help you," said {A}, and carried {F} home on {his} shoulders.',
          "Since then {F} always has a small battery in {fhis} bag.",
          '"You are my best battery," said {A}, and {F} laughed.')
    return end(s, "friends give you new power", "even the strongest need help",
               "it is good to look at the light in time")


@plot
def fallen_star(random):
    s = Story(random, ["person", "child", "pair", "animal", "robot"])
    at_home(s)
    s.let(light="a small lamp|a firefly|a candle|a piece of the moon",
          way="a kite|a tall ladder|a hundred balloons|the back of an eagle|a big swing")
    s.say("One night {he} looked out of the window and saw a star fall down.",
          "One night there was a bright light {at}.",
          '"Look, a star is falling!" cried {A} one evening.')
    s.say("{N} ran out. There it lay, as small as an apple, and it was crying.",
          "In the grass sat a little star and shivered.",
          "{he} followed the light and found a small star.")
    s.say('"I fell down when I danced," said the star. "I want to go home."',
          "\"I was too curious,\" said the star, \"~and now I can't get back.\"",
          '"My mother will look for me," sobbed the star.')
    s.say("{N} took it in both hands. It was warm like bread.",
          '"Do not cry," said {A}. "{I} will bring you back."',
          "{he} wrapped it in a scarf and thought about it.")
    s.paragraph()
    s.say("First {he} threw it up, but it fell down again.",
          "First {he} climbed a tree, but the sky was still far away.",
          '{he} asked {G}. "The sky is high," said {G}.')
    s.say("Then {N} had an idea. With {way} it could work!",
          '"{I} need {way}," said {A}.',
          '{F} knew what to do. "Take {way}!"')
    s.say("Up and up it went, until the star could jump.",
          "The star held on tight, and up it went, higher than the clouds.",
          "They waited for midnight. Then the star flew up, over the roofs, over the hills, into the sky.")
    s.say("There was a new light between the others, and it blinked two times.",
          "High above, somebody blinked. That was the star.",
          '"Thank you!" called a very small voice.')
    s.maybe(0.6,
            "And every night it looks through {his} window.",
            "When {N} {was} sad, {he} looked up, and the star blinked.",
            "Where it had been in the grass, there grew a silver flower.")
    return end(s, "even a star needs a friend sometimes", "no way is too far for a good heart",
               "light comes back to the one who gives it")


@plot
def wish(random):
    s = Story(random, ["person", "child", "pair", "animal"], places=["lake", "river", "sea"])
    arrive(s)
    s.let(fish="golden fish|silver fish|old turtle|blue frog",
          first="a mountain of {food}|a castle|a bag of gold|a pair of wings|a ship of silver",
          trouble="nobody had time for {him} anymore|{he} had no place to play|everything became too "
                  "heavy|{he} {was} afraid of thieves|it was cold and lonely")
    s.paragraph()
    s.say('There a {fish} was caught in a net. "Help me!" it said.',
          "In the reeds lay a {fish} that could not get free.",
          '"Please let me go," said a {fish}. It could speak!')
    s.say('{N} opened the net and set it free.', 'Carefully {he} cut the net.', '{N} {was} sorry for it and let it go.')
    s.say('"You have three wishes," said the {fish}.',
          '"Thank you," said the {fish}. "Now you may wish for something three times."')
    s.say('"{I} want {first}!" said {A}. And so it was.', 'First {N} wished for {first}. At once it came true.')
    s.paragraph()
    s.say('But soon {trouble}.', 'At first it was wonderful. But then {trouble}.', 'After three days {trouble}.')
    s.say("Then {he} wished for a servant, but the servant only slept.",
          "With the second wish {he} wanted to make it better, but it only became worse.",
          "The second wish was for more, but more was too much.")
    s.say('{N} went back to the water. "{I} have one wish left," said {A}.',
          "Sadly {he} went to the water and called the {fish}.",
          '"What do you want now?" asked the {fish}.')
    s.say('"Let everything be as it was," said {A}.',
          '"{I} only want {my} old life back," said {A}.',
          '"Please make somebody else happy with it," said {A}.')
    s.say('The {fish} smiled. "That was the best wish of all."',
          "And at once {he} stood there as before, with {F} by {his} side.",
          "Then there was a splash, and the {fish} was gone.")
    return end(s, "not every wish makes you happy", "the best things are already there",
               "one should think before one wishes")


@plot
def moon_journey(random):
    s = Story(random, ["person", "child", "pair", "robot", "animal"])
    at_home(s)
    s.let(vehicle="a cardboard rocket|a flying bed|a silver balloon|a bathtub with wings",
          being="a man with a green hat|three round rabbits|a sleepy giant|an old woman with a broom",
          work="polished the stars|baked bread out of moonlight|painted the clouds|counted the dreams of the children")
    s.say('At night {N} often looked at the moon. "How does it look up there?"',
          '"Who lives on the moon?" asked {A}. {G} did not know.',
          "The moon was so big that {N} could not sleep.")
    s.say("So {he} built {vehicle}.",
          'Then {vehicle} stood in front of the window. "Get in!" said a voice.',
          'One night {he} climbed into {vehicle} and counted: "Three, two, one!"')
    s.say("It flew over the roofs, over the sea, and past the stars.",
          "The houses became as small as crumbs.",
          "Up it went, and it was very quiet.")
    s.paragraph()
    s.say("On the moon {he} met {being}.",
          'There {being} opened a door in the ground. "Come in!"',
          '"A visitor!" cried {being}. "At last!"')
    s.say('Up there one {work}.', '"Here we have a lot to do," {he} heard. And really, somebody {work}.')
    s.say("{N} could jump ten times as high as at home.",
          "{he} helped until {his} fingers were all silver.",
          "They drank tea that did not stay in the cup.")
    s.say("Then {he} saw the earth, round and blue. Somewhere down there was {G}.",
          '"{I} miss {my} bed," said {A} after a while.',
          "Then the clock struck six. It was time to fly home.")
    s.paragraph()
    s.say('When {N} woke up, {he} {was} in {his} bed. Was it a dream? But there was silver dust on {his} hands.'
          if not s.hero.plural
          else 'When {N} woke up, they were in their beds. Was it a dream? But there was silver dust on their hands.',
          'In the morning {G} asked, "Why is there sand in your bed?" ^{N} only smiled.',
          "Nobody believed the story. But in {his} pocket there was a piece of the moon.")
    return end(s, "dreams can carry you far", "home is the best place under the moon",
               "it is good to travel and good to come back")


@plot
def little_vehicle(random):
    s = Story(random, ["wonder"], weather=["snowy", "rainy", "windy"])
    while s.hero.kind not in ("train", "boat"):
        s = Story(random, ["wonder"], weather=["snowy", "rainy", "windy"])
    at_home(s)
    s.let(load="medicine for the sick children|letters for the island|warm coats for the village|bread for "
               "the whole town", village='the island' if s.hero.kind == 'boat' else 'the mountain village',
          big='the big ships' if s.hero.kind == 'boat' else 'the big engines')
    s.say('{big} laughed at {him}. "You are much too small," they said.',
          "{N} was the smallest of all, and {big} never let {him} go first.",
          "Nobody needed {him}, because {big} did all the work.")
    s.say("One winter {big} could not go out, because of the storm.",
          "One day there was so much snow and ice that {big} stayed at home.",
          "Then came a terrible night. {big} were afraid of the storm.")
    s.say("But {village} needed {load}.",
          '"Who will bring {load} to {village}?" asked {G}.',
          "And {village} was waiting for {load}.")
    s.say('"I will go," said {A} in a small voice.',
          '"Let me try," said {A}.',
          "{N} did not ask for long. {he} took {load} and left.")
    s.paragraph()
    s.say("The wind pushed {him} from side to side.",
          "It was dark, and {he} could not see the way.",
          "{he} went very slowly, meter by meter.")
    s.say('"I can do it, I can do it," {he} said again and again.',
          "{he} thought of the people who were waiting, and that made {him} strong.",
          "Two times {he} stopped. Two times {he} went on.")
    s.say("Because {he} was so small, {he} could go where the others could not.",
          "Then {he} saw a light. It was {village}!",
          "In the early morning {he} heard bells. {he} was there!")
    s.say("All the people came out and cheered.",
          "The children danced around {him}.",
          '"You saved us!" called the people.')
    s.paragraph()
    s.say("Since then {big} say good morning to {him} first.",
          'When {he} came home, {big} were very quiet. "Well done," they said at last.',
          "{G} painted a golden star on {his} side.")
    return end(s, "small ones can do great things", "you only know what you can do when you try",
               "courage does not depend on size")

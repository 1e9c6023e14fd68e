"""Fear, learning, trying again."""

from frames import aside, arrive, at_home, end
from plots import plot
from story import Story

_SKILLS = {
    "to swim": ("lake", "{he} went under and came up with water in {his} nose.",
                "Then {he} moved {his} arms and legs like a frog, and {he} could swim!"),
    "to ride a bicycle": ("park", "The bicycle fell to the left, and then it fell to the right.",
                          "Then the bicycle rolled and rolled and did not fall. {N} could ride!"),
    "to whistle": ("garden", "Only air came out, and no sound at all.",
                   "Suddenly there was a clear, high sound. {N} could whistle!"),
    "to skate": ("lake", "{he} slipped and sat down on the cold ice.",
                 "Then {he} went over the ice like the wind. {N} could skate!"),
    "to play the flute": ("meadow", "It sounded like a cat with a sore paw.",
                          "Then, one evening, the flute sang like a bird."),
    "to read": ("garden", "The letters looked like small black ants.",
                "Then the letters became words, and the words became a story. {N} could read!"),
    "to paint": ("park", "The horse looked like a table, and the sun looked like an egg.",
                 "At last there was a picture with a horse that looked like a real horse."),
    "to cook soup": ("garden", "The first soup was too salty, and the second soup was too thin.",
                     "The last soup was so good that nobody left a drop."),
    "to fly a kite": ("meadow", "The kite fell into the grass again and again.",
                      "Then a good wind came, and the kite went up, higher than the trees!"),
    "to dance": ("park", "{he} turned left when {he} should turn right and fell over.",
                 "Then {his} feet knew the way all alone. {N} could dance!"),
}


@plot
def learn_skill(random):
    skill = random.choice(list(_SKILLS))
    place, failure, success = _SKILLS[skill]
    s = Story(random, ["child", "child", "pair"] if place != "garden" else ["child", "pair", "animal", "robot"],
              places=[place], weather=["sunny", "windy"] if skill != "to skate" else ["snowy"])
    at_home(s)
    s.let(skill=skill)
    s.say("There was one thing that {N} could not do. {he} wanted {skill}.",
          "More than anything {N} wanted {skill}.",
          "All the others knew how {skill}, but {N} did not.",
          '"{I} want {skill}," said {A} one day.')
    s.say('"Then you have to practice," said {G}.',
          '"It takes time," said {G}, "but you can do it."',
          '"I will show you," said {G}.',
          '{G} laughed in a friendly way. "Everybody starts small."')
    s.paragraph()
    s.say('So {he} tried. ' + failure,
          'The first try was not good. ' + failure,
          '{N} went {to} and tried it. ' + failure)
    s.say('"{I} will never learn it!" cried {A}.',
          "{he} {was} angry and wanted to give up.",
          "Some others laughed, and {N} {was} sad.",
          '"It is too hard," said {A}.')
    s.say('"Try again," said {F}. "I fell many times, too."',
          'But {G} said, "Try once more. ^Slowly."',
          '{F} came and helped {him}. "Do not give up," said {F}.')
    s.paragraph()
    s.say("{N} practiced every day, in the morning and in the evening.",
          "The next day {he} tried again, and the day after that, too.",
          "{he} tried it ten times, then twenty times, then a hundred times.")
    s.say("Every day it went a little better.",
          "It was still hard, but not as hard as before.",
          "Slowly, slowly it became easier.")
    s.say(success)
    s.say('"You did it!" cried {F}.',
          '{G} clapped. "I knew that you could do it!"',
          '"Look at {me}!" shouted {A}.',
          "Everybody clapped and cheered.")
    return end(s, "you can learn everything if you practice", "nobody is born a master", "it is worth trying again")


@plot
def afraid_of_dark(random):
    s = Story(random, ["child", "animal", "pair", "robot"])
    at_home(s)
    s.let(noise="a scratching sound|a deep hum|soft steps|a strange knock|a long squeak",
          culprit="a small hedgehog that was looking for apples|a branch that touched the window|a cat that "
                  "wanted to come in|the wind in the old door|a moth at the lamp|a mouse with a nut")
    s.say("There was only one thing {he} did not like: the dark.",
          "But at night {N} {was} afraid.",
          "{N} {was} afraid of the dark, but {he} told nobody about it.")
    s.say("One night {he} could not sleep.", "One night the lamp went out.", "One night {N} woke up. It was very dark.")
    s.say("Then {he} heard {noise}.", "There was {noise} outside!", "Something made {noise} near the window.")
    s.paragraph()
    s.say('"Who is there?" asked {A} in a small voice. Nobody answered.',
          "{he} pulled the blanket over {his} head{s}.",
          "{his} heart{s} went boom, boom, boom.")
    s.say('"Is it a monster?" thought {A}.',
          '"It must be a giant," thought {A}.',
          '{N} wanted to call {G}, but then {he} thought, "{I} {am} brave."')
    s.say("{he} took a lamp and went to the door, step by step.",
          "Slowly {he} got up and took a deep breath.",
          '{he} took {his} {thing} in one hand and a candle in the other hand.' if s.hero.kind == 'child'
          else 'Then {he} lit a candle and went to look.')
    s.say("{he} opened the door. It was only {culprit}!",
          "And what was it? It was {culprit}.",
          "There was no monster. There was only {culprit}.")
    s.paragraph()
    s.say("{N} laughed and laughed.",
          '"So you are {my} monster!" said {A}.',
          '"Oh, it is only you," said {A}, and laughed.')
    s.say("Then {he} looked up and saw a thousand stars. The night was beautiful.",
          "The moon was shining, and everything looked like silver.",
          "{he} went back to bed and slept until morning.")
    return end(s, "the dark is only the day without light", "fear gets smaller when you look at it",
               "brave people are afraid, too, but they go on")


@plot
def shy_singer(random):
    s = Story(random, ["child", "animal", "robot", "wonder"], places=["town", "park", "meadow"])
    at_home(s)
    s.let(party="the summer party|the harvest feast|the big concert|the school play|the winter feast")
    s.say("{N} had a beautiful voice, but {he} only sang when nobody was near.",
          "When {N} was alone, {he} sang. But in front of others {he} could not say a word.",
          "{N} could sing like a bird, but {he} was too shy to show it.")
    s.say('{time}, {F} heard {him} sing. "You must sing at {party}!" said {F}.',
          '{time}, there was a sign {at}: "Singers wanted for {party}!"',
          '"Who will sing at {party}?" asked {G}. Nobody answered.')
    s.say("\"I can't,\" said {A}. \"Everyone will look at me.\"",
          "{N} turned red and shook {his} head.",
          '"What if I forget the words?" asked {A}.')
    s.paragraph()
    s.say('"Then look only at me," said {F}.',
          '"Close your eyes," said {G}, "~and think of something nice."',
          '"I will stand next to you," said {F}.')
    s.say("The evening came, and many people sat {at}.",
          "At {party} there were lights in all the trees.",
          "Then the day of {party} came. {sky}.")
    s.say("{A}'s knees were shaking.",
          "{N} stood there and could hear {his} own heart.",
          "At first no sound came out, and somebody coughed.")
    s.say("Then {he} looked at {F}, and {F} smiled. {N} began to sing.",
          "{he} closed {his} eyes and began, first softly, then louder and louder.",
          "{he} took a deep breath and sang.")
    s.paragraph()
    s.say("It was so quiet that one could hear a leaf fall.",
          "Even the birds stopped to listen.",
          "The song went over the roofs and up to the stars.")
    s.say('When it was over, everyone clapped and shouted, "More! ^More!"',
          "Then the clapping began, and it did not want to end.",
          '"Bravo!" called the people, and {G} wiped away a tear.')
    return end(s, "a good friend gives you courage", "you should show what you can do", "the first step is the hardest")


@plot
def scary_neighbor(random):
    s = Story(random, ["child", "pair", "animal"], places=["forest", "mountain", "lake", "town"])
    at_home(s)
    s.let(monster="a giant|a dragon|a witch|a big grey wolf|a grumpy old bear",
          cry="toothache|a thorn in the foot|a bad cold|nobody to talk to")
    s.say("Everyone said that {monster} lived {at}. Nobody dared to go there.",
          '"Never go {to}," people said. "There lives {monster}!"',
          "People told terrible stories about {monster} who lived {at}.")
    s.say("{time}, {N} lost the way and came {to}.",
          "{time}, {his} ball rolled away, and {he} ran after it, all the way {to}.",
          "But {N} {was} curious, and one day {he} went {to}.")
    s.say("Then {he} heard somebody cry.",
          "There was a deep sound. Was it a roar? No, somebody was crying!",
          "Behind a door somebody was sobbing.")
    s.paragraph()
    s.say("It was {monster}!",
          "There sat {monster} with big tears in both eyes.",
          "{N} looked around the corner and saw {monster}.")
    s.say('{N} wanted to run away, but {he} stayed. "Why are you crying?" asked {A}.',
          '"Please do not eat {me}!" said {A}. "Eat you? ^I only eat soup," came the answer.',
          '"Do you need help?" asked {A} in a small voice.')
    s.say('"I have {cry}," was the answer, "and everyone runs away from me."',
          '"I have {cry}," came the answer. "Nobody ever comes to see me."')
    s.say("So {N} stayed and helped.",
          "{N} ran home and came back with {food} and warm tea.",
          '"{Ill} help you," said {A}, and so {he} did.')
    s.paragraph()
    s.say("Soon everything was better, and they laughed together.",
          "After an hour the tears were gone.",
          '"You are the first one who was kind to me," came the deep voice.')
    s.say("{N} told everyone about it, and from then on people came to visit.",
          'The next day {N} came back with {F}, and the three of them had tea.' if not s.hero.plural
          else 'The next day {N} came back with {F}, and all of them had tea.',
          "Now nobody was afraid anymore.")
    return end(s, "you should not believe every story", "you have to know somebody before you judge",
               "even the biggest ones need a friend")


@plot
def lost_way(random):
    s = Story(random, ["person", "child", "pair", "animal", "robot"], places=["forest", "mountain", "meadow"])
    arrive(s)
    aside(s)
    s.let(chase="a blue butterfly|a white rabbit|a strange light|a little bird|the sound of a bell",
          guide="a stream|the north star|the smoke of a chimney|the sound of the church bell|a row of white stones")
    s.paragraph()
    s.say("{he} followed {chase} and did not look at the way.",
          "Then {he} saw {chase}. {N} ran after it, farther and farther.",
          '"Look!" cried {A}. It was {chase}, and {he} had to follow it.')
    s.say("When {he} stopped, nothing looked the same.",
          "Suddenly {he} did not know where {he} {was}.",
          "After a while {N} turned around. Where was the path?")
    s.say("It was getting dark, and {he} {was} cold.",
          "The sun was going down, and the shadows grew long.",
          "{N} called for {G}, but only the wind answered.")
    s.paragraph()
    s.say('"{I} must not cry," said {A}. "{I} must think."',
          '{he} remembered what {G} had once said: "When you are lost, stay calm and listen."',
          "{he} sat down and thought.")
    s.say('Then {he} saw {friend_is}. "Follow me," said {F}. "I know every stone here."' if random.random() < 0.4
          else 'Then {he} noticed {guide}. "If {I} follow it, {I} will find the village," thought {A}.',
          "There was {guide}. {N} followed it, step by step.",
          "Far away there was {guide}, and that showed {him} the way.")
    s.say("It was a long way, but at last {he} saw a light.",
          "{he} walked and walked until {he} came to a bridge that {he} knew.",
          "Behind the last hill was home!")
    s.say('{G} was standing at the door with a lantern. "There you are!"',
          "{G} ran out and held {him} tight.",
          '"I was so worried," said {G}, and gave {him} warm milk.')
    return end(s, "it is good to stay calm", "one should never leave the path without looking back",
               "there is always a way home")

"""Friendship: quarrels, new children, birthdays, games."""

from frames import arrive, at_home, end
from plots import plot
from story import Story


@plot
def quarrel(random):
    s = Story(random, ["pair"])
    arrive(s)
    s.paragraph()
    s.let(first="to build a dam|to fly the kite|to play ball|to climb the hill",
          second="to look for shells|to rest|to play hide and seek|to draw")
    s.say('"I want {first}," said {A}. "No," said {B}, "I want {second}!"',
          "{A} wanted {first}, but {B} wanted {second}.",
          '"That is my {thing}!" said {A}. "No, it is mine!" said {B}. They both pulled at it.')
    s.say('"Always you!" shouted {A}. "Never me!" shouted {B}.',
          "They became louder and louder.",
          '"You are not my friend anymore!" cried {B}.')
    s.say("{A} went to the left, and {B} went to the right.",
          "They turned their backs to each other and did not say a word.",
          "{B} ran away, and {A} stayed alone.")
    s.paragraph()
    s.say("But playing alone was not nice at all.",
          "{A} sat on a stone. It was very quiet without {B}.",
          "After a while {A} looked at the empty place and felt sad.")
    s.say("{B} was sad, too. With whom could one laugh now?",
          "On the other side {B} kicked a stone and thought the same.",
          '"Perhaps I was too loud," thought {B}.')
    s.say("Then it began to rain, and there was only one dry place, under a big tree. There they met again.",
          "Both got up at the same time, and in the middle they met.",
          "Then {A} found {find} and wanted to show it to somebody. But to whom?")
    s.say('"I am sorry," said {A}. "Me, too," said {B}.',
          "{A} held out a hand. {B} took it and smiled.",
          '"Let us do both," said {A}. "First your game, then mine."')
    s.paragraph()
    s.say("And then they laughed so loud that the birds flew up.",
          "They played until it was dark, and nobody knew anymore who had started it.",
          "The game of the two was much better than the game of one.")
    return end(s, "two friends can always find a way", "a quarrel is over when one says sorry",
               "being together is better than being right")


@plot
def new_child(random):
    s = Story(random, ["child", "pair"], places=["town", "park", "farm"])
    at_home(s)
    s.let(game="football|hide and seek|chess|marbles|pirates",
          reason="spoke another language|was very shy|had come from far away|knew nobody")
    s.say("{time}, a new child came to school. It was {friend_is}.",
          'In September there was a new face in the class. The teacher said, "This is our new friend." It '
          "was {friend_is}.",
          "{time}, a family moved into the empty house. They had a child: {friend_is}.")
    s.say("{F} {reason} and sat alone in the corner.",
          "Nobody talked to {F}, because {fhe} {reason}.",
          "In the break {F} stood at the wall and looked at the ground.")
    s.say('"Why does nobody play with {fhim}?" asked {A}.',
          "{N} watched {F} for a while.",
          "{N} remembered {his} own first day. It had been hard.")
    s.paragraph()
    s.say('So {he} went over. "Do you want to play {game} with {me}?"',
          '{N} took {his} lunch and sat down next to {F}. "Would you like some?" asked {A}.',
          '"Hello," said {A}. At first there was no answer.')
    s.say("{F} looked up, and slowly {fhe} began to smile.",
          "{F} said nothing, but {fhe} drew a picture: a house, a tree and a sun.",
          '"Really?" asked {F}. "Really!" said {A}.')
    s.say("And it turned out that {F} could play {game} better than all the others!",
          "{F} showed {him} a game that nobody knew. Soon the whole class wanted to play it.",
          "{F} knew wonderful stories about far countries.")
    s.paragraph()
    s.say("The next day three more children came, and then ten.",
          "After a week nobody knew anymore that {F} was new.",
          "Now {F} was never alone in the break.")
    s.say('"You were the first one," said {F}. "I will not forget it."',
          '{F} gave {him} a {thing}. "For my first friend," said {fhe}.',
          "In the evening {F} told everything at home and laughed.")
    return end(s, "one friendly word can change a day", "everybody is new somewhere",
               "it is easy to make a friend when you say hello")


@plot
def birthday(random):
    s = Story(random, ["child", "animal", "robot"])
    at_home(s)
    s.let(clue="a paper star on the floor|a smell of chocolate|a long ribbon on the stairs|a red balloon "
               "behind the house")
    s.say("It was {A}'s birthday, but nobody said a word about it.",
          '"Today is my birthday!" thought {A}, and jumped out of bed.',
          "{N} woke up very early. It was {his} birthday at last!")
    s.say('{G} only said, "Good morning," and went away.',
          "But there was no cake and no present. There was only bread, as always.",
          '"Do you know what day it is?" asked {A}. "Tuesday," said {G}.')
    s.say('{N} went to {F}. "I have no time today," said {F}, and closed the door.',
          "When {he} met {F}, {fhe} quickly ran around the corner.",
          "Even {F} walked past and did not say anything.")
    s.paragraph()
    s.say('"They have all forgotten me," thought {A}.',
          "{N} {was} so sad that {he} walked alone {to}.",
          "{he} sat down {at} and looked at the clouds for a long time.")
    s.say("Then {he} noticed {clue}.",
          "On the way home {he} saw {clue}. How strange!",
          "But what was that? There was {clue}.")
    s.say("Slowly {he} opened the door. It was dark inside.",
          "{he} came home when the sun went down. All the windows were dark.",
          '"Hello?" said {A}. "Is anybody there?"')
    s.paragraph()
    s.say('"Surprise!" ^The light went on, and there they all were.',
          'Suddenly a hundred candles were burning, and everyone shouted, "Happy birthday!"',
          'Then everybody jumped out from behind the table. "Happy birthday!"')
    s.say("There was {food} and a big {thing} with a ribbon.",
          "{G} had baked {food}, and {F} had made a paper crown.",
          '"We worked on it all day," said {F}. "It was hard to say nothing!"')
    s.say("{N} laughed and cried at the same time.",
          "{N} did not know what to say. So {he} hugged them all.",
          "They danced until midnight.")
    return end(s, "good friends do not forget you", "a surprise needs a little patience",
               "you are never as alone as you think")


@plot
def hide_and_seek(random):
    s = Story(random, ["child", "animal", "pair", "robot"])
    arrive(s)
    s.paragraph()
    s.say('"Let us play hide and seek!" said {F}.',
          '{N} met {F} there. "Do you want to play hide and seek?" asked {A}.',
          "There {F} was already waiting. They wanted to play hide and seek.")
    s.say("{F} closed {fhis} eyes and counted to twenty.",
          '"One, two, three," counted {F}, and {N} ran away.',
          "{F} counted, and {N} looked for a good place.")
    s.say("{N} hid {hiding}.",
          "Where could {he} hide? There was only one place: {hiding}.",
          "{he} went {hiding} and did not make a sound.")
    s.say("{F} looked here and there.",
          '"Where are you?" called {F}.',
          "{F} walked past two times and did not see {him}.")
    s.paragraph()
    s.let(there="a nest with four small eggs|a sleeping hedgehog|a lost {thing}|a family of ladybugs|a mouse "
                "with five babies")
    s.say("In the hiding place {N} noticed something. It was {there}!",
          "But {N} {was} not alone. Right beside {him} was {there}.",
          "Then {he} saw {there}, very close.")
    s.say('{he} forgot the game and only looked.', '"Oh!" said {A}, a little too loud.', '{N} did not dare to move.')
    s.say('"Found you!" cried {F}. "Shh," said {A}, "~look here."',
          'Then {F} came. "Why did you call?" ^{N} pointed, and {F} opened {fhis} eyes wide.',
          '{F} heard {him} and came running. Now both were very quiet.' if not s.hero.plural
          else '{F} heard them and came running. Now all of them were very quiet.')
    s.say("They looked at it for a long time and went away on their toes.",
          "They decided to come back every day, very carefully.",
          "It was their secret from that day on.")
    return end(s, "the best finds are the ones you did not look for", "quiet eyes see more",
               "a secret is best with a friend")


@plot
def greedy(random):
    s = Story(random, ["animal", "child", "wonder"], places=["forest", "farm", "garden", "meadow", "lake"])
    at_home(s)
    s.let(treat="apples|berries|nuts|honey|cookies|plums")
    s.say("{N} loved {treat} more than anything else.",
          "{N} had found a place with the sweetest {treat}, and {he} told nobody about it.",
          "{time}, {he} found a whole basket of {treat} {at}.")
    s.say('"May I have some?" asked {F}. "No," said {A}, "~they are all mine!"',
          "{F} came by and looked at the {treat}. But {N} turned around and ate alone.",
          "The others asked for a few, but {N} gave them nothing.")
    s.say("{he} ate and ate.",
          '"The more, the better," thought {A}, and ate on.',
          "{he} ate until {he} could hardly walk.")
    s.paragraph()
    s.say("Soon {his} stomach hurt.",
          'Then {he} felt sick. "Oh, oh, oh!" cried {A}.',
          "In the night {he} could not sleep, because {his} belly was as round as a ball.")
    s.say("{he} wanted to go home, but {he} could not move.",
          "{N} lay in the grass and groaned.",
          '"Help!" called {A} in a weak voice. Who would come?')
    s.say("It was {F} who came. {fhe} brought a cup of hot tea.",
          "{F} heard it and came at once, although {N} had given {fhim} nothing.",
          '"I told you so," said {F}, but then {fhe} sat down and held {A}\'s hand.'
          if s.hero.kind == 'child' else '"I told you so," said {F}, but {fhe} stayed the whole night.')
    s.paragraph()
    s.say('"Why do you help me?" asked {A}. "Because we are friends," said {F}.',
          '{N} {was} very ashamed. "I am sorry," said {A}.',
          '"I was so silly," said {A}, and looked at the ground.')
    s.say("The next day {N} gave everyone a big bowl of {treat}.",
          "From then on {he} shared everything, and it tasted much better.",
          "When the new {treat} were ripe, {N} called all the others first.")
    return end(s, "too much is not good for anyone", "sharing is sweeter than sugar",
               "a full heart is better than a full belly")

"""Somebody is hurt, hungry, stuck or in danger, and gets help."""

from frames import aside, arrive, at_home, end
from plots import plot
from story import Story


@plot
def hurt_bird(random):
    s = Story(random, ["person", "child", "pair", "robot"], places=["forest", "park", "garden", "meadow", "river"])
    arrive(s)
    s.let(bird="little bird|young crow|small owl|swallow|white dove", part="wing|leg")
    s.paragraph()
    s.say('{hiding} lay a {bird}. It could not fly.', 'Then {he} heard a weak cry. A {bird} was lying on the ground.',
          'On the ground sat a {bird} with a broken {part}.')
    s.say('"Poor thing!" said {A}. "{I} will help you."', '{N} knelt down. "Do not be afraid," said {A}.',
          'The {bird} looked at {him} with big black eyes.')
    s.say('Very gently {he} picked it up and carried it home.', '{N} put it into a box with soft hay and took it home.',
          '{he} wrapped it in a scarf and brought it to {G}.')
    s.paragraph()
    s.say('{G} put a bandage around its {part}.', '"The {part} needs time," said {G}.',
          '"Give it water and seeds," said {G}, "~and a lot of sleep."')
    s.say('Every day {N} brought it water and seeds.', '{N} fed the {bird} every morning and every evening.',
          'For two weeks {he} took care of the {bird}.', '{N} read stories to it, and the {bird} listened.')
    s.say('Slowly it became stronger.', 'One morning it began to sing.', 'After ten days it hopped around the room.')
    s.paragraph()
    s.say("Then the day came. {N} opened the window, and the {bird} flew out.",
          "One day {he} carried it outside and opened {his} hands. The {bird} flew up into the sky.",
          '"Now you must fly," said {A}. The {bird} spread its wings and was gone.')
    s.say('{N} {was} a little sad, but also glad.', '{he} waved for a long time.', '"Good luck!" called {A}.')
    s.maybe(0.7,
            "In spring there was a song at the window. The {bird} had come back!",
            "The next morning a red berry lay at the window. It was a present.",
            "Every year the {bird} comes back and sings for {him}.")
    return end(s, "even the smallest creature deserves help", "love sometimes means to let go",
               "whoever helps is never alone")


@plot
def cat_in_tree(random):
    s = Story(random, ["child", "pair", "robot", "animal"], places=["park", "garden", "forest", "farm", "town"])
    arrive(s)
    s.let(cat="kitten|little cat|grey cat|black cat")
    aside(s)
    s.paragraph()
    s.say('"Meow!" ^It came from high above. A {cat} was sitting in a tall tree.',
          "High up in a tree sat a {cat} and cried.",
          'Under a tree stood {friend_is} and looked up. "My {cat} is up there," said {F}, "~and it is afraid."')
    s.say('"How did you get up there?" asked {A}.',
          "It had climbed up, but it did not know how to come down.",
          "A dog had chased it up the tree.")
    s.say("{N} called it, but it only held on to the branch.",
          '"Come down!" called {A}. The {cat} shook its head.',
          "{N} tried to climb up, but the tree was too tall.")
    s.paragraph()
    s.let(idea="ladder|rope|fish|basket")
    idea = s.variables["idea"]
    s.say('Then {N} had an idea.', '{N} thought hard. "{I} know what to do!"', '"{I} have an idea," said {A}.')
    if idea == "ladder":
        s.say("{he} ran home and came back with {G} and a long ladder. {G} held the ladder, and {A} climbed up.",
              "{he} borrowed a ladder from the farmer and climbed up, step by step.")
        s.say("{A} put the {cat} under one arm and came down again.",
              'At the top {A} said, "Come to me." The {cat} jumped into the open arms.')
    elif idea == "rope":
        s.say("{he} threw a rope over a branch and pulled up a basket.",
              "With a rope {he} pulled a basket up to the branch.")
        s.say("The {cat} jumped into the basket, and down it went.",
              "The {cat} looked at the basket, sniffed, and climbed in. Slowly {he} let it down.")
    elif idea == "fish":
        s.say('{he} fetched a small fish and held it up.', '{he} put a bowl of milk and a little fish under the tree.')
        s.say("The {cat} smelled the fish. One paw, then the next, and it was down!",
              "The {cat} was so hungry that it forgot its fear and climbed down.")
    else:
        s.say('{he} held up a blanket with {G} and called, "Jump!"',
              "With {G} {he} held a big blanket under the branch.")
        s.say("The {cat} closed its eyes and jumped. It landed softly.",
              "Hop! The {cat} was in the blanket and looked very surprised.")
    s.paragraph()
    s.say("The {cat} purred and rubbed its head against {his} leg{s}.",
          '"Purr," said the {cat}. That means thank you.',
          'Then it ran away, but at the corner it turned around and said, "Meow!"')
    return end(s, "a good idea is better than strong arms", "going up is easier than coming down",
               "thinking helps more than shouting")


@plot
def shared_food(random):
    s = Story(random, ["person", "child", "pair", "animal", "robot"])
    at_home(s)
    s.say("{time}, {G} gave {him} {food} for the way.",
          "{time}, {N} had {food} in {his} bag and went {to}.",
          '{G} had made {food}. "Do not eat it all at once," said {G}.')
    s.say("{N} found a nice place {at} and sat down to eat.",
          "At noon {he} sat down {at}. How good it smelled!",
          "{N} sat {at}. {sky}, and it was time to eat.")
    s.paragraph()
    s.say("Just then {friend_is} came by and looked at the food.",
          "Then {he} saw {friend_is}, who was thin and tired.",
          'Behind a tree stood {friend_is}. "I have not eaten since yesterday," said {F}.')
    s.say('"Are you hungry?" asked {A}. {F} nodded.',
          '"That smells good," said {F} in a quiet voice.',
          "{N} looked at the food. There was not very much.")
    s.say("At first {he} wanted to keep everything.",
          '"If {I} share it, there will be less for {me}," thought {A}.',
          "{N} did not think about it for long.")
    s.say('But then {he} broke it in the middle. "Here, take half of it."',
          '"Sit down with {me}," said {A}, "~and eat!"',
          "{he} gave {F} the bigger half.")
    s.paragraph()
    s.say("They ate and laughed, and it tasted twice as good.",
          '{F} ate every crumb. "I have never eaten anything better," said {F}.',
          'Soon they were both full, and they told each other funny stories.' if not s.hero.plural
          else 'Soon all of them were full and happy.')
    s.say('"Next time I will bring something," said {F}. And the next day {fhe} came with a basket of '
          "[berries|nuts|apples|plums].",
          '"Come with me," said {F}, "I will show you something." It was a place with the sweetest '
          "[berries|apples|plums] of all.",
          "A week later {N} {was} hungry, and who came by with a full basket? It was {F}!")
    return end(s, "shared food tastes best", "whoever shares gets more than he gives", "there is always enough for two")


@plot
def dry_well(random):
    s = Story(random, ["animal"], places=["farm", "forest", "river", "meadow"], weather=["sunny"])
    at_home(s)
    s.say("That summer it did not rain for many weeks. The grass turned yellow.",
          "It was a hot summer, and the pond became smaller every day.",
          "The stream was dry, and all the animals were thirsty.")
    s.say('"We need water," said {G}.',
          "Everyone was worried. Nobody knew what to do.",
          "The animals began to quarrel about every drop.")
    s.say('"I will look for water," said {A}.',
          "{N} could not watch it any longer and set off.",
          '"Stay here," said {F}. "There is no water anywhere." But {N} went.')
    s.paragraph()
    s.say("{he} walked over dry hills under the hot sun.",
          "{he} walked all day and found only dust and stones.",
          "The way was long, and {his} tongue was dry.")
    s.say("Then {he} heard something. It was a soft drip, drip, drip behind a rock.",
          "In the evening {he} saw a green spot far away. Where it is green, there must be water!",
          'Suddenly {he} noticed a line of ants. "They know the way," thought {A}, and followed them.')
    s.say("There was a small spring with clear, cold water.",
          "Under the stones there was water!",
          "Behind a bush {he} found a deep, blue pool.")
    s.paragraph()
    s.say("{N} could have stayed there, but {he} ran back to the others.",
          "{he} drank a little and ran home as fast as {he} could.",
          "First {he} thought of the others and went back at once.")
    s.say("Together they dug a little channel, and the water came down to them.",
          "All the animals followed {him}, the big ones and the small ones.",
          "They carried water in leaves and shells until everyone had enough.")
    s.say("Three days later it rained at last.",
          "The old turtle drank first, then the young ones, then the others. Nobody quarreled.",
          '"Long live {A}!" shouted everybody.')
    return end(s, "water belongs to everybody", "you should not give up too early", "one brave heart can save many")


@plot
def lamp_of_the_tower(random):
    s = Story(random, ["child", "pair", "robot"], places=["sea"], weather=["windy", "rainy", "foggy"])
    at_home(s)
    s.let(keeper="the old keeper|the keeper")
    s.say("Near the sea stood a lighthouse. {keeper} lit the lamp every evening.",
          "On the rocks stood a white lighthouse, and {N} often visited {keeper}.")
    s.say("One night there was a storm, and the lamp did not burn.",
          "One evening {N} looked out. The tower was dark!",
          "One dark night the light went out.")
    s.say('"The ships will hit the rocks!" cried {A}.',
          "Far away {he} could see the small lights of a ship. It came closer and closer.",
          '"Something is wrong," said {A}.')
    s.paragraph()
    s.say("{N} ran through the rain to the tower.",
          "{he} took a lantern and ran out into the storm.",
          "The wind was strong, but {N} did not stop.")
    s.say('{keeper} lay in bed and had a fever. "The lamp," came the weak voice, "~please light the lamp!"',
          '{keeper} had hurt a foot on the stairs. "I cannot climb up," came the answer.',
          "At the door {he} found {keeper}, who could not walk.")
    s.say("{N} climbed the hundred steps.",
          "Up and up {he} went, round and round, until {he} stood at the top.",
          "There were so many steps that {he} had to stop two times.")
    s.say("{he} filled the lamp with oil and lit it.",
          "With cold fingers {he} lit a match. The first one went out, and the second one, too. The third one burned!",
          "The great lamp began to turn, and its light fell on the black water.")
    s.paragraph()
    s.say("Just in time the ship turned away from the rocks.",
          "The ship saw the light and came safely into the harbor.",
          "Out there a horn sounded. The ship was safe!")
    s.say("In the morning the sailors came to thank {him}.",
          "The captain gave {him} a blue cap with a golden star.",
          '"You saved us all," said the captain.')
    return end(s, "a small light can save a big ship", "everyone can do great things",
               "it is important to look after each other")


@plot
def stop_in_the_race(random):
    s = Story(random, ["child", "animal", "robot", "wonder"], places=["meadow", "forest", "park", "mountain", "lake"],
              weather=["sunny", "windy"])
    at_home(s)
    s.let(prize="a golden cup|a big cake|a blue ribbon|a silver medal")
    s.say("{time}, there was a great race {at}. The winner would get {prize}.",
          "Every year there was a race {at}, and the prize was {prize}.",
          '"Who is the fastest of all?" ^Everyone wanted to know it, and so there was a race {at}.')
    s.say('{N} had practiced for weeks.', '{N} wanted to win very much.', '"I will win," said {A}. "I can feel it."')
    s.say('"Ready, steady, go!" ^And off they ran.',
          "The bell rang, and everybody started.",
          "{G} waved a flag, and the race began.")
    s.say("{N} was in front. The others were far behind.",
          "First {F} was in front, then {N}.",
          "{N} ran like the wind past {sight}.")
    s.paragraph()
    s.say("But then {he} heard a cry. {F} had fallen into a ditch.",
          "Suddenly {F} fell and held {fhis} foot.",
          "Then {he} saw {F}, who lay on the ground and could not get up.")
    s.say("{N} looked at the finish. It was so near!",
          '"If I stop now, I will lose," thought {A}.',
          "The others ran past and did not stop.")
    s.say('But {he} turned around and went back. "Give me your hand," said {A}.',
          '{N} stopped. "Can you walk?" asked {A}. {F} shook {fhis} head.',
          "{N} did not think about the prize anymore. {he} helped {F} up.")
    s.say("Together they walked slowly to the finish. They were the last ones.",
          "{N} carried {F} all the way. They came in last.",
          "Arm in arm they came to the finish, long after the others.")
    s.paragraph()
    s.say("But everyone stood up and clapped louder than before.",
          'The winner gave {prize} to {him}. "You are the real winner," everyone said.',
          '"There are two winners today," said {G}: "one with fast feet and one with a good heart."')
    s.say("{F} gave {him} a big hug.",
          '"I will never forget this," said {F}.',
          "And {N} {was} prouder than ever before.")
    return end(s, "friendship is more important than winning", "the last one can be the first one",
               "it is better to help than to win")

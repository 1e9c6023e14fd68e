"""Things that are lost, found, given back or kept."""

from frames import aside, arrive, at_home, end
from plots import plot
from story import Story


@plot
def lost_thing(random):
    s = Story(random, ["person", "child", "pair", "animal", "wonder", "robot"])
    arrive(s)
    s.paragraph()
    s.say("{he} had brought {his} {thing}. It was a present from {G}.",
          "With {him} {he} had {his} {thing}, and {he} played with it for a long time.",
          "{N} played with {his} {thing} until noon.",
          "{he} had a {thing} and took it everywhere.")
    aside(s)
    s.say("But then the {thing} was gone!",
          "Suddenly {N} could not find the {thing}.",
          "When {he} wanted to go home, the {thing} was missing.",
          'Then {he} looked into {his} bag. "Oh no! ^Where is {my} {thing}?" cried {A}.')
    s.say("{he} looked everywhere, but {he} could not find it.",
          "{N} looked here and there, but there was no {thing}.",
          "{he} searched for an hour and found nothing.")
    s.say("{N} {was} very sad and began to cry.",
          "A tear ran down {A}'s face.",
          "{he} {was} so sad that {he} sat down on the ground.")
    s.paragraph()
    s.say('{friend_is} came along. "Why are you so sad?" asked {F}.',
          'Just then {friend_is} came by and asked, "What is wrong?"',
          '"Can I help you?" asked a voice. It was {friend_is}.')
    s.say('"{I} lost {my} {thing}," said {A}.',
          '"{my} {thing} is gone," said {A}.',
          "{N} told {F} about the {thing}.")
    s.say('"Let us look together," said {F}. "Four eyes see more than two."' if not s.hero.plural
          else '"Let us look together," said {F}. "Six eyes see more than four."',
          '"Where did you see it last?" asked {F}. {N} thought for a moment and pointed.',
          '"Do not worry," said {F}. "I am good at finding things."')
    s.say("They looked {hiding}, and there it was! The {thing} was a little dirty, but it was not broken.",
          '{F} looked {hiding}. "I found it!" ^{fhe} called, and held up the {thing}.',
          "At last they found the {thing} {hiding}.")
    s.say('"Thank you!" said {A}, and gave {F} a hug.',
          "{N} thanked {F} again and again.",
          '"Thank you, {F}! You are a true friend," said {A}.')
    s.maybe(0.5,
            "Then they played together until the sun went down.",
            "{he} shared {food} with {F}.",
            "After that, {N} and {F} met every day.")
    return end(s, "a friend is the best help", "it is easier to search together", "it is good to ask for help")


@plot
def found_thing(random):
    s = Story(random, ["person", "child", "pair", "animal", "robot"])
    arrive(s)
    aside(s)
    s.paragraph()
    s.say("{hiding} {he} found a {thing}.",
          "Something was shining {hiding}. It was a {thing}!",
          "Then {he} saw a {thing}. It lay {hiding}.")
    s.say('"How pretty!" said {A}. "May {I} keep it?"',
          '"Whose is this?" asked {A}.',
          "{N} had always wanted a {thing}.",
          "{N} picked it up and turned it around.")
    s.say('But then {he} thought, "Somebody must be sad without it."',
          '"Perhaps somebody is looking for it," thought {A}.',
          "But {he} knew that it belonged to somebody else.")
    s.paragraph()
    s.say("{N} asked [a farmer|a postman|the baker], but the {thing} was not his.",
          "{he} asked everyone {he} met. Nobody knew the {thing}.", "{he} went from door to door and asked.")
    s.say("At last {he} met {friend_is}, who was looking at the ground.",
          "Then {he} heard somebody cry. It was {friend_is}.",
          "Near the gate sat {friend_is} with a sad face.")
    s.say('"Did you lose something?" asked {A}. "Yes," said {F}, "my {thing}."',
          '"I lost my {thing}," said {F}. "I have looked for it all day."',
          '"Is this yours?" asked {A}, and held up the {thing}.')
    s.say("{N} gave the {thing} back, and {F} jumped for joy.",
          '{F} took the {thing} and laughed. "Thank you! Thank you!"',
          "How happy {F} was when {fhe} had the {thing} again!")
    s.say('"You are honest," said {F}. "Come, let us have {food}."',
          "From then on they were friends.",
          '"Would you like to play with me?" asked {F}. And so they played together.',
          '"Please take this," said {F}, and gave {him} {find}.')
    return end(s, "it feels good to be honest", "giving back is better than keeping", "an honest heart finds friends")


@plot
def treasure_map(random):
    s = Story(random, ["person", "child", "pair", "animal"], places=["forest", "sea", "mountain", "lake", "river"])
    at_home(s)
    s.let(spot="a big tree|three white stones|a small hill|an old wall|a hollow tree",
          reward="books|silver coins|seeds for a whole garden|old toys|letters and pictures|golden cups")
    s.say("{time}, {N} found an old map [in the attic|behind the stove|in an old book|under the stairs].",
          "{time}, {G} gave {him} an old map.",
          "{time}, the wind blew an old map through the window.")
    s.say("There was a red cross on it, and a path that led {to}.",
          '"Look, a red cross!" said {A}. "There must be a treasure."',
          "The map showed a path {to}, and at the end of it was {spot}.")
    s.say("{N} took a lamp and some bread and set off.",
          "{he} packed a bag and went {to} at once.",
          '"May {I} go?" asked {A}. "Go," said {G}, "~but do not go alone." So {N} went {to} with {F}.',
          "{N} asked {F} to come along, and they went {to}.")
    s.paragraph()
    s.say("The way was long. First {he} came to {sight}, then to {sight2}.",
          "They walked for hours past {sight} and {sight2}.",
          "The path was steep, and {sky}.")
    aside(s)
    s.say("At last {he} stood in front of {spot}.",
          "There it was: {spot}, just as on the map!",
          '"Here it is!" cried {A}, and pointed to {spot}.')
    s.say("{he} began to dig. Soon the spade hit something hard.",
          "{he} dug a deep hole, and in it was an old box.",
          "Under the leaves {he} found a box with a rusty lock.")
    s.paragraph()
    s.say("The box was full of {reward}.",
          "Slowly {he} opened the box. Inside were {reward}!",
          '"What is in it?" ^It was full of {reward}.')
    s.say("{N} shared everything with {F}.",
          "{N} took only a little and left the rest for others.",
          "{he} carried it all home and gave half of it to {G}.",
          'Next to them lay a letter: "Whoever finds this shall share it." And {N} did.')
    return end(s, "a shared treasure is worth twice as much", "the way is the best part of a journey",
               "the greatest treasure is a good friend")


@plot
def message(random):
    s = Story(random, ["person", "child", "pair", "animal"], places=["sea", "lake", "river"])
    arrive(s)
    s.paragraph()
    s.say("A bottle was swimming in the water. {N} pulled it out.",
          "In the water {he} saw a green bottle with a letter in it.",
          "{he} found a bottle, and inside the bottle was a letter.")
    s.say('The letter said, "I live alone on the other side. ^Please visit me."',
          '"Whoever reads this," said the letter, "please be my friend."',
          'On the paper stood only one sentence: "Do you want to be my friend?"')
    s.say('"{I} must answer," said {A}.',
          "{N} read it two times. Who could have written it?",
          '"Somebody is lonely," thought {A}.')
    s.paragraph()
    s.say("{he} wrote a long letter, put it into the bottle and threw it back.",
          '{N} took a pencil and wrote, "Yes! ^Come and see {me}." Then {he} gave the bottle back to the water.')
    s.say("Days went by, and no answer came.",
          "{he} waited for a week. Every day {he} looked at the water.",
          "After three days there was still no answer, and {N} {was} a little sad.")
    s.say("But on Sunday a small boat came over the water. In it sat {friend_is}.",
          "Then, one morning, somebody called. It was {friend_is} in a little boat!",
          "Then there was a knock at the door. Outside stood {friend_is}.")
    s.say('"I got your letter," said {F}. "Here I am!"',
          '"Are you the one who wrote to me?" asked {F}. {N} nodded and laughed.',
          "{F} held up the letter and smiled.")
    s.say("They ate {food} and told each other stories.",
          "They played all day, and {F} was not lonely anymore.",
          "Together they built a little house by the water.")
    return end(s, "a kind letter can bring a friend", "nobody has to stay alone",
               "it is worth waiting for something good")


@plot
def gift_at_market(random):
    s = Story(random, ["child", "pair"], places=["market", "town"])
    at_home(s)
    s.let(coins="three coins|five coins|a silver coin|two silver coins", want="thing")
    s.say("{N} had saved {coins}. With the money {he} wanted to buy a {thing}.",
          "For weeks {N} had saved money for a {thing}. Now {he} had {coins}.",
          '{G} gave {him} {coins}. "Buy yourself something nice," said {G}.')
    s.say("{time}, {he} went {to}.", "So {he} went {to}. {sky}.", "{he} put the money into {his} pocket and ran {to}.")
    s.say("There {he} saw {sight} and {sight2}.",
          "There {he} saw {sight}, and also the {thing}.",
          "{N} looked at everything: {sight}, {sight2}, and at last the {thing}.")
    s.paragraph()
    s.let(poor_noun="old woman|little boy|young girl|old man", poor="a {poor_noun}",
          need="bread|shoes|medicine|a warm coat")
    s.say("Next to the well sat {poor} who had no money for {need}.",
          'But then {he} saw {poor}. "I am so cold and hungry," came the quiet voice.',
          "At the corner stood {poor} and looked very sad.")
    s.say("{N} thought about the {thing}. Then {he} thought about {poor}.",
          "{N} looked at the {thing} one more time.",
          "It was not easy, but {N} knew what to do.")
    s.say("{he} gave away all the money.",
          '"Please take this," said {A}, and gave away {coins}.',
          '"Buy {need} with it," said {A}.')
    s.say('"You have a good heart," came the answer.',
          "The tired face began to smile.",
          '"Thank you, thank you!" said the {poor_noun}.')
    s.paragraph()
    s.say("{N} came home with empty hands, but {he} {was} not sad.",
          'At home {G} asked, "Where is your {thing}?" {N} told the whole story.',
          '"And what did you buy?" asked {G}. "Nothing," said {A}, and told {G} about it.')
    s.say("{G} said nothing, but a week later there was a {thing} on the table.",
          '{G} gave {him} a kiss. "I am proud of you," said {G}.',
          "On {A}'s birthday there was a small box on the table. In it was the {thing}!")
    return end(s, "giving makes you richer than keeping", "a good heart is worth more than gold",
               "kindness always comes back")

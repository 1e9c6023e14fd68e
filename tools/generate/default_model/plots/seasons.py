"""Weather, seasons and days out."""

from frames import aside, arrive, at_home, end
from plots import plot
from story import Story


@plot
def sandcastle(random):
    s = Story(random, ["pair", "pair", "child", "animal"], places=["sea"], weather=["sunny", "windy"])
    human = s.hero.kind in ("pair", "child")
    arrive(s)
    s.paragraph()
    s.let(tower="four towers|a high tower|a deep moat|a long wall|a gate of shells",
          flag="a feather|a leaf|a red ribbon|a piece of paper")
    s.say('"Let us build a sandcastle!" said {A}.',
          "{he} took a bucket and a spade and began to build a castle.",
          '{N} took off {his} shoes and built a sandcastle.' if human else '{N} began to build a castle in the sand.')
    s.say("It had {tower} and a flag made of {flag}.",
          "Soon there was a castle with {tower}.",
          "{he} made {tower}, and put {flag} on the top.")
    s.say("{he} looked for shells and put them on the walls.",
          "A crab moved in and was the king.",
          "It was the biggest castle on the whole beach.")
    s.say("{he} did not notice that the water came closer.",
          "But the sea came nearer and nearer.",
          'Then {G} called, "Look at the water!"')
    s.paragraph()
    s.say("A big wave came, and the castle was gone.",
          "Splash! ^One wave, and only a little hill was left.",
          "First the wall fell, then the tower, and then there was nothing.")
    s.say('"{my} castle!" cried {A}.', '{N} could not believe it.', '{A} had tears in both eyes.')
    s.say('"The sea wanted to play, too," said {G}.',
          '"Come," said {F}, "~we can build a better one farther up."',
          'Then {A} began to laugh. "The sea was hungry!"')
    s.say("So {he} built a new one, far away from the waves.",
          "{he} made a boat out of sand, and when the next wave came, {he} sat in it and cheered.",
          "Now {he} dug a canal, so that the water ran around the castle.")
    s.maybe(0.6,
            "When the sun went down, the sea was red and gold.",
            "{he} collected shells and took them home.",
            "In the evening there was {food}, and it tasted of salt and sun.")
    return end(s, "what the sea takes you can build again", "nothing lasts, but playing is fun",
               "it is the building that makes you happy")


@plot
def storm(random):
    s = Story(random, ["person", "child", "pair", "animal", "wonder", "robot"], weather=["windy", "rainy"])
    arrive(s)
    aside(s)
    s.let(shelter="an old hut|a small cave|a barn|an empty boat house|a hollow tree")
    s.paragraph()
    s.say("Then the sky became black.",
          "Suddenly there was thunder far away.",
          "A flash of lightning went over the sky.")
    s.say("The rain came down like a wall of water.",
          "The wind tore at the trees, and big drops began to fall.",
          '"{I} must find a dry place," said {A}.')
    s.say("{he} ran and ran until {he} came to {shelter}.",
          "There, behind the bushes, was {shelter}!",
          "Just in time {he} found {shelter}.")
    s.say("Somebody was there already. It was {friend_is}, cold and wet.",
          'Inside sat {friend_is}. "Come in," said {F}, "~there is room for everyone."',
          "In the corner {he} saw two eyes. It was {friend_is}!")
    s.paragraph()
    s.say("The thunder was so loud that the ground shook.",
          'Boom! ^Both of them jumped.' if not s.hero.plural else 'Boom! ^Everybody jumped.',
          "Outside a big branch broke.")
    s.say('"Are you afraid?" asked {F}. "A little," said {A}. "Me, too," said {F}.',
          '"Let us sing," said {A}, "~then we will not hear the thunder."',
          '"Count after each flash," said {F}. "Then you know how far away it is."')
    s.say("So they sat close together and told stories.",
          "They sang all the songs they knew, and some of them two times.",
          '"One, two, three, four," they counted. Each time they could count a little longer.')
    s.say("After an hour the storm was over.",
          "Then it became quiet. The sun looked through the clouds.",
          "At last the rain stopped, and everything smelled fresh.")
    s.say("Over the hills stood a rainbow.",
          "The whole world was shining like new.",
          '"Look, a rainbow!" called {A}. They looked at it until it was gone.')
    return end(s, "every storm is over one day", "fear is smaller when you share it", "after the rain comes the sun")


@plot
def hat_in_the_wind(random):
    s = Story(random, ["person", "child", "pair", "animal", "robot", "wonder"], weather=["windy"])
    s.variables["thing"] = s.random.choice(["green hat", "red hat", "blue cap", "yellow scarf", "striped umbrella",
                                            "straw hat", "love letter", "newspaper"])
    arrive(s)
    s.paragraph()
    s.say("Whoosh! ^The wind took the {thing} and carried it away.",
          "{he} had a {thing}. But the wind wanted to have it, too.",
          "Suddenly the wind took {his} {thing} and threw it into the air.")
    s.say('"Stop!" cried {A}, and ran after it.',
          '"Come back!" called {A}. But the {thing} did not listen.',
          "{N} ran as fast as {he} could.")
    s.say("It flew over a fence, over a cow and over a pond.",
          "First it sat on a roof, then on a tree, then on the head of a horse.",
          "Each time {he} had almost caught it, it jumped up again.")
    s.say("[A dog|A farmer|A policeman|A goose] saw it and ran, too. Then came [a baker|two children|a cat|a postman].",
          "Soon half of the village was running after the {thing}.",
          '"What are you doing?" asked {F}. "{Im} running after the wind!" called {A}. So {F} ran along.')
    s.paragraph()
    s.say("At last it fell into the river and swam away like a boat.",
          "Then the wind was tired and let it fall, right into a soup pot.",
          "In the end it landed on a scarecrow, and it looked very good there.")
    s.say("Everybody stood there and could not speak, because they were out of breath.",
          "They looked at each other. Then everyone began to laugh.",
          '"Well," said {A}, "~that was a good race!"')
    s.say('{N} let it go. "The wind needs it more than {I} do," said {A}.',
          '{A} got it back, and it had a hole. "Now the wind can blow through it," said {A}.',
          "{F} gave {him} a new one, and {N} tied it with a ribbon.")
    return end(s, "some things are worth a good laugh", "the wind always wins", "a lost hat can bring many friends")


@plot
def snow_day(random):
    s = Story(random, ["child", "pair", "animal"], weather=["snowy"],
              places=["garden", "park", "farm", "meadow", "mountain"])
    at_home(s)
    s.let(nose="carrot|pine cone|red pepper|potato", hat="a bucket|an old hat|a pot|a basket")
    s.say("When {N} woke up, everything was white.",
          '"It has snowed!" cried {A}, and ran to the window.',
          "In the night the first snow had fallen.")
    s.say('{he} put on warm boots and ran outside.' if s.hero.kind in ('child', 'pair')
          else '{he} ran outside and jumped into the snow.',
          "The snow was so deep that {he} sank in up to the knees.",
          "The air was cold, and the snow made a soft sound under {his} feet.")
    s.say("First {he} made a small ball, then a big one, and then a very big one.",
          '"{I} will make a snowman," said {A}.',
          "With {F} {he} rolled three big balls.")
    s.say("The snowman got a {nose} for a nose and {hat} for a hat.",
          "Two black stones were the eyes, and a {nose} was the nose.",
          "{G} brought {hat} for his head.")
    s.paragraph()
    s.say('"He looks a little lonely," said {A}. So {he} made a snow dog, too.',
          '"Good night, snowman," said {A} in the evening.',
          "The snowman looked so real that {N} said hello to him.")
    s.say("In the night it became warmer, and the next morning the snowman was very small.",
          "After a week the sun came back. Drip, drip, drip, went the snowman.",
          "But in March the warm wind came.")
    s.say('"He is melting!" cried {A}.',
          '{N} {was} sad. "Do not go away," said {A}.',
          "Only the {nose} was left in the grass.")
    s.say('"He is not gone," said {G}. "He becomes water, and the water becomes a cloud, and next winter he '
          'will fall down again."',
          '"Now he is a little lake for the birds," said {G}.',
          '"Next year he will come back," said {F}. "I promise."')
    s.maybe(0.6,
            "And where he had stood, the first flower came out.",
            "A rabbit came and ate the {nose}. So somebody was happy.",
            "{N} kept {hat} for the next winter.")
    return end(s, "everything comes back in its time", "nothing is ever really lost", "every season has its own joy")


@plot
def picnic(random):
    s = Story(random, ["person", "pair", "child", "animal", "robot"],
              places=["park", "lake", "meadow", "river", "forest"], weather=["sunny"])
    arrive(s)
    s.paragraph()
    s.let(thief="a line of ants|a fat goose|a cheeky squirrel|a hungry dog|a crow")
    s.say("{G} had packed a basket with {food}.",
          "{he} put a blanket on the grass and opened the basket.",
          '"First {I} will rest a little," said {A}, "~and then {I} will eat."')
    s.say("The sun was so warm that {he} fell asleep.",
          "{he} went to the water and left the basket alone.",
          "{N} played ball and forgot the basket.")
    s.say("When {he} came back, the basket was almost empty!",
          "Suddenly there was a noise. Somebody was at the basket!",
          "Then {he} saw that the food was gone.")
    s.say("Who was it? It was {thief}!",
          'There was {thief}, and it was very busy.' if s.variables['thief'] != 'a line of ants'
          else 'There was {thief}, and each ant carried a crumb.',
          "{N} followed the crumbs and found {thief}.")
    s.paragraph()
    s.say('At first {N} {was} angry. "That is {my} lunch!"',
          '"Hey!" cried {A}.',
          "{A} wanted to shout. But then {A} had to laugh.")
    s.say('"They have many children to feed," said {G}.' if s.variables['thief'] == 'a line of ants'
          else '"It must be very hungry," said {G}.',
          '{F} came by and laughed, too. "You have a guest!"')
    s.say("There was still one piece left, and {he} shared it.",
          '{F} had bread and cheese. "Eat with me," said {F}.',
          "{he} picked berries instead, and they were very sweet.")
    s.say("The next time {he} brought two baskets: one for {himself} and one for the guests.",
          '"Next time {I} will bring more," said {A}.',
          "It was the funniest picnic of the year.")
    return end(s, "a good laugh is better than a good lunch", "one should keep an eye on one's basket",
               "everyone gets hungry sometimes")


@plot
def echo(random):
    s = Story(random, ["person", "child", "animal", "robot", "pair"], places=["mountain"])
    arrive(s)
    s.paragraph()
    s.say('"Hello!" called {A}. And from far away a voice called, "Hello!"',
          "{N} shouted for joy, and somebody shouted back.",
          '"Is anybody there?" called {A}. "There, there, there," came the answer.')
    s.say('"Who are you?" called {A}. "Are you," said the voice.',
          '"What is your name?" called {A}. "Name, name," called the voice.',
          '"Come here!" shouted {A}. "Here, here!" it shouted back.')
    s.say('"You are silly!" called {A}. "Silly, silly!" came the answer.',
          '{N} became angry. "Stop it!" "Stop it!" said the voice.',
          '"Go away!" shouted {A}. "Away, away!" it answered.')
    s.say('{N} ran home to {G}. "There is a rude child on the mountain!"',
          "In tears {he} told {G} about it.",
          "{he} met {F} and complained about the voice.")
    s.paragraph()
    s.say('"Try it with kind words," was the answer.',
          '"That is strange," said {G}. "Say something nice to it."',
          '"Perhaps you were rude first," said {G} with a smile.')
    s.say('So {N} went back. "You are nice!" called {A}.',
          'The next day {he} stood there again. "{I} like you!" called {A}.',
          '"Good morning, my friend!" called {A}.')
    s.say('And the voice said, "Friend, friend, friend."',
          "And from all the mountains it came back, soft and kind.",
          "And the voice was just as friendly.")
    s.say('"That is the echo," said {G}. "It always gives back what you give."',
          "Then {N} understood who it was, and laughed.",
          "Since then {N} went there every Sunday to say good morning.")
    return end(s, "you get back what you give", "kind words come back to you", "the world answers in the way you speak")

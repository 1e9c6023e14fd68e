"""Evenings, visits and little mysteries at home."""

from frames import at_home, end
from plots import plot
from story import Story


@plot
def cannot_sleep(random):
    s = Story(random, ["person", "child", "animal", "robot", "pair"])
    at_home(s)
    s.say("It was late, but {N} could not sleep.",
          "\"{I} can't sleep,\" said {A} for the third time.",
          "One night {N} lay in bed with open eyes.")
    s.say('"Drink a glass of milk," said {G}. It did not help.',
          '"Count sheep," said {G}. But the sheep jumped around and made noise.',
          "{he} turned to the left and then to the right.")
    s.say("Then {he} counted the stars: one, two, three, up to a hundred and two.",
          "{he} listened to the clock: tick, tock, tick, tock.",
          'The moon looked through the window. "Are you awake, too?" asked {A}.')
    s.paragraph()
    s.say('At last {G} sat down on the edge of the bed. "What are you thinking about?"',
          '"Is something wrong?" asked {G}.',
          '{G} took {his} hand{s}. "Tell me."')
    s.let(worry="the first day of school|the journey tomorrow|the quarrel with {F}|the lost {thing}|the big "
                "dog next door")
    s.say('"{I} {am} thinking about {worry}," said {A}.',
          '{N} thought for a while. "It is because of {worry}."',
          "Then it all came out: it was {worry}.")
    s.say('{G} listened until the end. "Everybody knows that feeling," said {G}.',
          '"Tomorrow we will look at it together," said {G}.',
          '"A worry is like a shadow," said {G}. "At night it is long, and at noon it is very short."')
    s.paragraph()
    s.say("{G} sang an old song about a ship and the wind.",
          "Then {G} told a story about a bear who had lost his sleep and found it in a shoe.",
          "They looked out at the quiet garden for a while.")
    s.say("Before the song was over, {N} {was} asleep.",
          "{his} eyes became heavy, and the clock went on: tick, tock.",
          "Soon there was only soft breathing in the room.")
    s.say("The next morning everything was only half as bad.",
          "In the morning the sun was shining, and the worry was as small as a pea.",
          "And the moon smiled and went on its way.")
    return end(s, "a worry gets smaller when you tell it", "sleep comes when the heart is quiet",
               "the morning is wiser than the evening")


@plot
def mystery(random):
    s = Story(random, ["person", "child", "pair", "animal", "robot"])
    at_home(s)
    s.let(gone="cake|sausage|pie|cheese|bowl of cream|jar of honey",
          clue="a trail of crumbs|a white hair|small wet footprints|a piece of blue paper|a spot of jam",
          thief="the dog|the cat|little mouse children|Grandpa himself|a raccoon|the goat of the neighbor",
          where="under the stairs|in the garden shed|behind the sofa|in the cellar")
    s.say("{time}, the {gone} was gone! It had been on the table.",
          '"Who ate the {gone}?" asked {G}. Nobody knew.',
          '{time}, there was an empty plate in the kitchen. "My {gone}!" cried {G}.')
    s.say('"{I} will find out," said {A}, and took a magnifying glass.',
          '{N} {was} very good at riddles. "This is a case for {me}."',
          '"It was not {me}," said {A}, "~but {I} will find out who it was."')
    s.say("First {he} looked at the table. There was {clue}.",
          "On the floor {he} discovered {clue}.",
          '"Aha!" said {A}, and pointed to {clue}.')
    s.say('Then {he} asked {F}. "I was at home all day," said {F}.',
          "{he} wrote everything down in a little book.",
          '{he} asked everyone the same question: "Where were you at noon?"')
    s.paragraph()
    s.say("{he} followed the clue through the whole house.",
          "At night {he} hid and waited.",
          "The next day {he} put out a new plate and waited behind the door.")
    s.say("Then there was a noise {where}.",
          "Something moved {where}.",
          "Step by step {he} came closer. There was somebody {where}!")
    s.say("It was {thief}, with a very full belly!",
          '"Caught you!" cried {A}. There sat {thief}.',
          "And who was it? It was {thief}!")
    s.paragraph()
    s.say("{G} could not be angry and laughed.",
          '"The case is solved," said {A}.',
          '"I should have known it," said {G}.')
    s.say("The next time there were two plates, one of them on the floor.",
          "From then on there was a bell on the kitchen door.",
          "As a reward {N} got {food}.")
    return end(s, "a clever head finds every answer", "one should not blame anyone too early",
               "little things tell great stories")


@plot
def visit(random):
    s = Story(random, ["child", "pair"], places=["farm", "sea", "mountain", "lake"])
    at_home(s)
    s.variables["G"] = s.random.choice(["Grandma", "Grandpa"])
    grandma = s.variables["G"] == "Grandma"
    s.variables.update(ghe="she" if grandma else "he", ghim="her" if grandma else "him", ghis="her" if grandma
                       else "his")
    s.let(seat="the window|an old man with a violin|a woman with three hens|a soldier|a girl with a frog in a box")
    s.say("In the holidays {he} went to {G}, who lived {at}.",
          "{time}, {he} took the train to visit {G} {at}.",
          '"This summer {I} will visit {G}," said {A}.')
    s.say("In the train {he} sat next to {seat}.",
          "The journey took three hours. {N} sat next to {seat}.",
          "The train went past fields and rivers, and {he} sat beside {seat}.")
    s.say("{G} was waiting at the station and waved with a red scarf.",
          'At the station {G} took {him} in {ghis} arms. "How you have grown!"',
          "There stood {G}, with a little cart and a donkey.")
    s.paragraph()
    s.say("Everything was different here. In the morning {he} heard the rooster.",
          "Every day there was something new: {sight}, {sight2}, and in the evening {food}.",
          "The house was old and small, but there was a place for everything.")
    s.say("{G} showed {him} how to [milk a cow|catch a fish|bake bread|light a fire].",
          "{N} helped {G} to [feed the hens|pick cherries|mend the fence|carry the wood].",
          "At night {G} told stories of the time when {ghe} was young.")
    s.say("But on the third evening {N} {was} homesick.",
          "Only at bedtime {he} missed {his} own room.",
          "Once it rained all day, and {A} wanted to go home.")
    s.say('{G} noticed it and lit the big lamp. "Look at the stars," said {ghe}. "They are the same ones as at home."',
          '"Let us write a letter," said {G}. And when it was written, everything was better.',
          "{G} took out an old photo album, and they laughed at the funny hats.")
    s.paragraph()
    s.say("When the holidays were over, {N} did not want to leave.",
          "At the end {he} got a jar of jam and a kiss.",
          '"Come back soon," said {G}, and the train whistled.')
    return end(s, "one can be at home in two places", "old people know the best stories",
               "love does not need a big house")


@plot
def old_clock(random):
    s = Story(random, ["child", "robot", "animal", "pair"], places=["town"])
    at_home(s)
    s.say("In the middle of the town stood a tower with a clock. One day it stopped.",
          "{time}, the big clock of the town did not strike.",
          "The old clock in the tower had stopped at five past three.")
    s.say("Now everyone came too late. The baker baked at noon, and the school began in the evening.",
          "Nobody knew when to get up or when to eat.",
          "The bus left too early, and the soup was ready too late.")
    s.say("The clockmaker was ill, and nobody else could climb so high.",
          '"The wheels are too small for my big hands," said the mayor.',
          'The mayor asked, "Who can repair it?" But everyone looked away.')
    s.say('"{I} will try it," said {A}.',
          "{N} took a small lamp and went up the stairs.",
          '"{Im} small," said {A}, "~{I} can get between the wheels."')
    s.paragraph()
    s.say("Inside there were a hundred wheels, and all of them stood still.",
          "It was dark, and it smelled of dust and oil.",
          "Up there it was very quiet. {N} looked at every wheel.")
    s.let(cause="a bird had built a nest between the wheels|a nut was stuck in the biggest wheel|a mouse had "
                "made its bed there|a screw had fallen out|a ribbon was wound around the axle")
    s.say("Then {he} saw it: {cause}.",
          '"So that is it," said {A}. {cause}.',
          "At last {he} found the reason: {cause}.")
    s.say("Very carefully {he} put everything in order.",
          "{he} worked slowly, so that nothing would break.",
          "It took {him} a whole hour, with careful fingers.")
    s.say("Tick, said the clock. Tock. And then it struck four times.",
          "Bong! ^The bell was so loud that the pigeons flew up.",
          "The wheels began to turn, first slowly, then as always.")
    s.paragraph()
    s.say("Down in the street the people clapped.",
          "The mayor gave {him} the key to the tower.",
          '"Now we know again when it is time for cake!" said the baker, and brought {food}.')
    return end(s, "it is sometimes good to be small", "one must look closely", "little hands can do great work")

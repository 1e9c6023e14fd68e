"""What all plots share: openings, arrivals, side scenes and endings."""

import words


def introduce(story):
    """Who the hero is and where the hero lives."""
    story.let(like1=words.words(words.LIKES),
              once="Once upon a time,|Once upon a time|Long ago,|A long time ago,|Once,|Not so long ago,")
    if story.hero.names[0].startswith("the "):
        story.say("{long} lived {home}. {he} liked {like1}.",
                  "{once} {hero_is} lived {home}. {he} was very {trait}.",
                  "{long} was very {trait} and liked {like1}. {he} lived {home}.",
                  "{home}, there lived {hero_is}. Everyone knew that {he} liked {like1}.",
                  "{once} there was {hero_is}. {N} liked {like1}.",
                  "{long} lived all alone {home}.")
    elif story.hero.plural:
        story.say("{once} there were {hero_is}. They lived {home} and liked {like1}.",
                  "{N} were {trait} children who lived {home}.",
                  "{home} lived {hero_is}. They did everything together.",
                  "{N} were best friends. They both liked {like1}.",
                  "There were once {hero_is}. Most of all they liked {like1}.",
                  "{once} {N} lived {home}. They were always {trait}.")
    else:
        story.say("{once} there was {hero_is}. {he} lived {home}.",
                  "{once} there was {hero_is} who lived {home}. {he} was {trait} and liked {like1}.",
                  "{hero_is} lived {home}. More than anything else {he} liked {like1}.",
                  "{home}, there lived {hero_is}. {he} was very {trait}.",
                  "There was once {hero_is} who liked {like1}.",
                  "{A} was {trait}. {he} lived {home} and liked {like1}.",
                  "{A} lived {home}. Every day {he} found some time {like1}.",
                  "In a land far away, there was {hero_is}. Everybody liked {him}, because {he} was so {trait}.",
                  "Do you know {A}? {A} was {hero_is_plain} who liked {like1}.")


def prepare(story):
    """Variables that every frame may read."""
    who = story.variables["hero_is"]
    plain = who
    for mark in (" called ", " named "):
        plain = plain.split(mark)[0]
    if ", " in plain:
        plain = plain.split(", ")[1]
    story.variables["hero_is_plain"] = plain


def at_home(story):
    """An opening for plots that begin at no special place; they go on with a sentence of their own."""
    prepare(story)
    introduce(story)
    story.paragraph(0.6)
    if story.random.random() < 0.25:
        story.say("{sky}.", "It was a {weather_word} day.", "Outside {sky}.", "It was a quiet day, and {sky}.")


def arrive(story):
    """An opening that ends with the hero at the place."""
    prepare(story)
    style = story.random.random()
    if style < 0.3:
        story.let(N1="{long}" if story.hero.names[0].startswith("the ") else "{N}")
        story.say("{N1} went {to}.",
                  "{N1} went {to} on a {weather_word} day.",
                  "{N1} went {to} with {G}.",
                  "{time}, {N1} went {to}.",
                  "{N1} walked {to}. {sky}.",
                  "{sky} when {N} went {to}.",
                  "It was a {weather_word} day, and {N} went {to}.",
                  '{sky}. "What a {weather_word} day!" said {A}. "Let us go {to}."',
                  '"Can {I} go {to} today?" asked {A}. "Yes," said {G}, "~but be home before dark."')
        if story.random.random() < 0.5:
            story.let(like1=words.words(words.LIKES))
            story.say("{N} {was} {trait} and liked {like1}.",
                      "{N} had waited for this day all week.",
                      "{he} {was} in a good mood.",
                      "{N} had never been there before.",
                      "{he} went there almost every day.")
    else:
        introduce(story)
        story.paragraph(0.6)
        story.say("{time}, {N} went {to}.", "{time}, {he} went {to}. {sky}.", "{time}, {N} decided to go {to}.",
                  "{time}, when {sky}, {N} went {to}.", "{time}, {he} walked {to} with {G}.")
    story.maybe(0.6,
                "There {he} saw {sight}.",
                "{he} saw {sight} and {sight2}.",
                "Everything looked new: {sight}, {sight2} and much more.",
                "{N} looked at {sight} and smiled.",
                "How beautiful it was! {N} could see {sight} and {sight2}.",
                "{he} liked the place, because there {he} could see {sight}.",
                "It smelled of [fresh air|grass|rain|summer], and far away {he} could see {sight}.")


def aside(story, chance=0.35):
    """A small scene on the way that changes nothing."""
    if story.random.random() > chance:
        return
    human = story.hero.kind in ("child", "pair")
    story.let(aside_food='|'.join(['a piece of bread', 'an apple', 'a sandwich', 'a cookie', 'some berries',
                                   'a few nuts']))
    story.say('On the way {he} met [a farmer|an old woman|a postman|a tired traveler]. "Good day!" said {A}. '
              '"Good day to you!" came the answer.',
              "Then {he} sat down for a while and ate {aside_food}.",
              'A butterfly landed on {his} hand{s} and flew away again.' if human else 'A butterfly flew by.',
              "Somewhere a bird was singing.",
              "{he} stopped to look at {sight}.",
              "A cloud covered the sun for a moment, and then it was bright again.",
              "{he} sang a little song, and the time passed quickly.",
              "The wind grew a little stronger.",
              "A bee buzzed past and was gone.")


def end(story, *morals):
    """A closing sentence or two; `morals` are what this plot teaches."""
    story.paragraph(0.7)
    story.let(happy="happy|proud|glad|thankful|very happy", moral=list(morals))
    style = story.random.random()
    if style < 0.35:
        story.say("From that day on, {N} knew that {moral}.",
                  "That day {N} learned that {moral}.",
                  "And so {N} learned that {moral}.",
                  "{N} never forgot that {moral}.",
                  '"Now {I} know that {moral}," said {A}.',
                  "{G} was right: {moral}.",
                  'Since then {N} often said, "Remember, {moral}."')
    elif style < 0.65:
        story.say('In the evening {N} told {G} everything. "{I} {am} {happy}," said {A}, and {G} smiled.',
                  "When the stars came out, {N} fell asleep with a smile.",
                  "That night {he} slept very well.",
                  "{N} went home tired but {happy}.",
                  "It was the best day of the whole year.",
                  "At home {G} was waiting with {food}. What a day it had been!",
                  "{N} laughed, and {G} laughed too.",
                  "The sun went down, and everybody was {happy}.",
                  'At bedtime {G} asked, "Did you have a good day?" "The best," said {A}, and fell asleep at once.')
    else:
        story.say("{N} {was} {happy}, because {moral}.",
                  "And if you go there today, you may still hear {him} laugh.",
                  '"{moral}," said {G}, and {N} nodded.',
                  "And they all lived happily ever after.",
                  "And {N} {was} {happy} for a long, long time.",
                  "After that, nobody was ever sad there for long.",
                  "What a {weather_word} and wonderful day!",
                  "{N} smiled all the way home.")
    story.maybe(0.15, "The end.")
    return story

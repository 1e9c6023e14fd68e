"""One story while it is told: the random choices made so far, the variables, the paragraphs."""

import cast
import words
from grammar import expand, polish


class Story:
    """Plots set variables and say sentences; openings, side scenes and endings are shared by all plots."""

    def __init__(self, random, kinds, places=None, weather=None):
        self.random = random
        self.hero = cast.hero(random, kinds)
        self.friend = cast.friend(random, self.hero)
        elder, elder_pronoun = cast.elder(random, self.hero)
        self.variables = {**cast.hero_variables(self.hero), **cast.friend_variables(self.friend, self.hero),
                          **cast.pronoun_variables(elder_pronoun, "g"), "G": elder}
        self.place = random.choice(places or list(words.PLACES))
        where, where_to, self.sights, self.finds, self.hidings = words.PLACES[self.place]
        self.weather = random.choice(weather or ["sunny", "sunny", "windy", "rainy", "foggy"])
        sky, adjective = words.WEATHER[self.weather]
        self.paragraphs = [[]]
        self.let(at=where, to=where_to, place=self.place, sky=sky, weather_word=adjective, sight=self.sights,
                 sight2=self.sights, find=self.finds, hiding=self.hidings, thing='|'.join(words.words(words.THINGS)),
                 food='|'.join(words.words(words.FOODS)), trait='|'.join(words.words(words.TRAITS)), time=words.TIMES,
                 like='|'.join(words.words(words.LIKES)))

    def let(self, **choices):
        """Chooses one alternative for each variable, once for the whole story."""
        for name, choice in choices.items():
            options = choice if isinstance(choice, list) else choice.split("|")
            value = self.random.choice(options)
            if name == "sight2":
                value = self.random.choice([option for option in options if option != self.variables["sight"]])
            self.variables[name] = value

    def say(self, *options):
        """Adds one of the options to the present paragraph."""
        text = expand(self.random.choice(options), self.random, self.variables)
        if text.strip():
            self.paragraphs[-1].append("^" + text.strip())

    def maybe(self, chance, *options):
        if self.random.random() < chance:
            self.say(*options)

    def paragraph(self, chance=0.75):
        """Starts a new paragraph, most of the time."""
        if self.paragraphs[-1] and self.random.random() < chance:
            self.paragraphs.append([])

    def text(self):
        return "\n\n".join(polish(" ".join(lines)) for lines in self.paragraphs if lines)

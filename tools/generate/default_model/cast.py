"""Who takes part in a story: pronouns, names and descriptions as template variables."""

import words

_PRONOUNS = {
    "she": ("she", "her", "her", "herself"), "he": ("he", "him", "his", "himself"),
    "it": ("it", "it", "its", "itself"), "they": ("they", "them", "their", "themselves"),
}
_FAMILY = [("Grandma", "she"), ("Grandpa", "he"), ("Mom", "she"), ("Dad", "he"), ("Aunt May", "she"),
           ("Uncle Karl", "he")]
_ELDERS = {
    "robot": [("the old inventor", "she"), ("the clockmaker", "he")],
    "snowman": [("the teacher", "she"), ("the gardener", "he")],
    "ghost": [("the old lady downstairs", "she"), ("the night watchman", "he")],
    "train": [("the station master", "he"), ("the driver", "she")],
    "boat": [("the old fisherman", "he"), ("the lighthouse keeper", "she")],
    "star": [("the moon", "she"), ("the night wind", "he")],
    "person": [("the cook", "he"), ("the old neighbor", "she"), ("the miller", "he")],
}


class Someone:
    """One character, or a pair of characters that acts together."""

    def __init__(self, kind, names, also, introduction, pronoun, home):
        self.kind = kind                  # "child", "pair", "person", an animal or a wonder
        self.names = names                # one name, two for a pair, "the robot" when it has none
        self.also = also                  # another way to say it ("the little robot"), or None
        self.introduction = introduction  # "a shy fox called Ember"
        self.pronoun = pronoun
        self.home = home

    @property
    def plural(self):
        return self.pronoun == "they"

    def name(self, random):
        if self.also and random.random() < 0.25:
            return self.also
        return " and ".join(self.names)


def child(random, taken=()):
    girl = random.random() < 0.5
    name = random.choice([name for name in (words.GIRLS if girl else words.BOYS) if name not in taken])
    adjective = random.choice(["little", "young", "small", random.choice(words.words(words.TRAITS))])
    noun = "girl" if girl else "boy"
    how = random.choice([f"a {adjective} {noun} named {name}", f"a {noun} called {name}",
                         f"a {adjective} {noun} called {name}"])
    return Someone("child", [name], None, how, "she" if girl else "he", random.choice(words.words(words.HOMES)))


def creature(random, table, taken=()):
    kind = random.choice([kind for kind in table if kind not in taken])
    adjectives, names, home = table[kind]
    adjective = random.choice(adjectives.split("|"))
    pronoun = random.choice(["he", "she"])
    if random.random() < 0.3:
        return Someone(kind, [f"the {kind}"], f"the {adjective} {kind}", f"a {adjective} {kind}", pronoun, home)
    name = random.choice(names.split())
    how = random.choice([f"a {adjective} {kind} named {name}", f"a {adjective} {kind} called {name}",
                         f"{name}, a {adjective} {kind},"])
    return Someone(kind, [name], f"the {kind}", how, pronoun, home)


def person(random):
    """A grown-up hero, mostly without a name: the old king, a poor fisherman."""
    kind = random.choice(list(words.PEOPLE))
    adjectives, pronoun, home = words.PEOPLE[kind]
    adjective = random.choice(adjectives.split("|"))
    return Someone("person", [f"the {kind}"], f"the {adjective} {kind}", f"a {adjective} {kind}", pronoun, home)


def pair(random):
    first = child(random)
    second = child(random, taken=first.names)
    relation = random.choice(["two friends", "brother and sister", "best friends", "neighbors"])
    if relation == "brother and sister" and first.pronoun == second.pronoun:
        relation = "two brothers" if first.pronoun == "he" else "two sisters"
    names = [first.names[0], second.names[0]]
    how = random.choice([f"{relation} called {names[0]} and {names[1]}", f"{relation} named {names[0]} and {names[1]}"])
    return Someone("pair", names, None, how, "they", first.home)


def hero(random, kinds):
    """A hero of one of the kinds: child, pair, animal, wonder, robot, person."""
    kind = random.choice(kinds)
    if kind == "child":
        return child(random)
    if kind == "pair":
        return pair(random)
    if kind == "person":
        return person(random)
    if kind == "robot":
        return creature(random, {"robot": words.WONDERS["robot"]})
    return creature(random, words.ANIMALS if kind == "animal" else words.WONDERS)


def friend(random, hero):
    """Somebody else, of a kind and with a name that can't be mistaken for the hero."""
    if hero.kind in ("child", "pair") and random.random() < 0.7:
        return child(random, taken=hero.names)
    other = creature(random, words.ANIMALS, taken=(hero.kind,))
    return friend(random, hero) if set(other.names) & set(hero.names) else other


def elder(random, hero):
    """The grown-up of the story as (name, pronoun)."""
    if hero.kind in words.ANIMALS:
        return random.choice(_FAMILY[:4])
    if hero.kind == "dragon":
        return random.choice([("the old dragon", "he"), ("Mother Dragon", "she")])
    return random.choice(_ELDERS.get(hero.kind, _FAMILY))


def pronoun_variables(pronoun, prefix):
    """{he}, {him}, {his}, ... of somebody, with a prefix: {fhe} is the friend, {ghe} the grown-up."""
    he, him, his, himself = _PRONOUNS[pronoun]
    return {prefix + "he": he, prefix + "him": him, prefix + "his": his, prefix + "himself": himself}


def hero_variables(hero):
    """{N} the hero or the pair, {A} and {B} its members (both the hero when alone), and words that agree in number."""
    many = hero.plural
    table = pronoun_variables(hero.pronoun, "")
    table.update({
        "N": hero.name, "A": hero.names[0], "B": hero.names[-1], "hero_is": hero.introduction, "home": hero.home,
        "long": hero.also or hero.names[0],
        "was": "were" if many else "was", "I": "we" if many else "I", "me": "us" if many else "me",
        "my": "our" if many else "my", "mine": "ours" if many else "mine", "am": "are" if many else "am",
        "Im": "we're" if many else "I'm", "Ill": "we'll" if many else "I'll", "s": "s" if many else "",
    })
    return table


def friend_variables(friend, hero):
    """{F} the friend; a first {F} that no {friend_is} introduced says who that is: "her friend Tom", "a shy fox"."""
    known = []

    def introduction(random):
        known.append(True)
        return friend.introduction

    def name(random):
        if known:
            return friend.name(random)
        known.append(True)
        return friend.introduction if friend.names[0].startswith("the ") else "{his} friend " + friend.names[0]

    table = pronoun_variables(friend.pronoun, "f")
    table.update({"F": name, "friend_is": introduction})
    return table

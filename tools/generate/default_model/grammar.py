"""The template language of the stories: `[a|b|c]` chooses, `{x}` reads a variable, `^` makes the next letter a capital.

`~` keeps the next letter small. Choices nest, an empty alternative makes a part optional, and a variable may hold a
template itself.
"""

import re

_SILENT_H = ("hour", "honest")
_LIKE_YOU = ("one ", "once", "uni", "use", "euro")


def _split_choice(text, start):
    """The alternatives of the choice whose `[` is at start - 1, and the position behind its `]`."""
    parts, depth, begin = [], 0, start
    for position in range(start, len(text)):
        letter = text[position]
        if letter == "[":
            depth += 1
        elif letter == "]" and depth:
            depth -= 1
        elif letter == "]":
            return parts + [text[begin:position]], position + 1
        elif letter == "|" and not depth:
            parts.append(text[begin:position])
            begin = position + 1
    raise ValueError(f"no ']' in template: {text!r}")


def expand(template, random, variables):
    """Replaces every choice and every variable of the template."""
    pieces, position = [], 0
    while position < len(template):
        letter = template[position]
        if letter == "[":
            parts, position = _split_choice(template, position + 1)
            pieces.append(expand(random.choice(parts), random, variables))
        elif letter == "{":
            end = template.index("}", position)
            value = variables[template[position + 1:end]]
            pieces.append(expand(value(random) if callable(value) else value, random, variables))
            position = end + 1
        else:
            pieces.append(letter)
            position += 1
    return "".join(pieces)


def _article(match):
    word = match.group(2).lower()
    vowel = word[0] in "aeiou" and not word.startswith(_LIKE_YOU) or word.startswith(_SILENT_H)
    return match.group(1) + ("n " if vowel else " ") + match.group(2)


def polish(text):
    """Spaces, articles (a, an) and capitals; `."` before a word leaves that word as the template wrote it."""
    text = re.sub(r" +", " ", text).strip()
    text = re.sub(r" ([,.!?])", r"\1", text)
    text = re.sub(r",([,.!?])", r"\1", text)
    text = re.sub(r"\b([Aa])n? (\w[\w-]*(?: |\b))", _article, text)
    text = re.sub(r'(^|[.!?] |(?:^|[ ^])"|\^)(\w)', lambda m: m.group(1).rstrip("^") + m.group(2).upper(), text)
    return text.replace("^", "").replace("~", "")

#!/usr/bin/env python3
"""Writes unicode_categories.cpp, unicode_scripts.cpp and unicode_tables.cpp.

They hold what the reference tokenizers library and its regular expressions take each code point for.

The tables are measured, not copied: every code point is put through Hugging Face tokenizers (with the oniguruma inside it) and the
answer recorded, because its parts use different versions of Unicode. Usage: generate_unicode.py (takes minutes).
"""
import contextlib
import ctypes
import pathlib
import unicodedata

from tokenizers import Regex, normalizers as N, pre_tokenizers as P

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
CATEGORIES = "Cc Cf Cn Co Ll Lm Lo Lt Lu Mc Me Mn Nd Nl No Pc Pd Pe Pf Pi Po Ps Sc Sk Sm So Zl Zp Zs".split()
SCRIPTS = """Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki Bopomofo Brahmi
Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee Chorasmian Common Coptic Cuneiform Cypriot
Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Garay Georgian
Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi Gurmukhi Gurung_Khema Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana
Imperial_Aramaic Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kawi Kayah_Li Kharoshthi
Khitan_Small_Script Khmer Khojki Khudawadi Kirat_Rai Lao Latin Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani Makasar
Malayalam Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao
Modi Mongolian Mro Multani Myanmar Nabataean Nag_Mundari Nandinagari New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki
Ol_Onal Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya
Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian
Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Sunuwar Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham
Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Todhri Toto Tulu_Tigalari Ugaritic Vai Vithkuqi Wancho
Warang_Citi Yezidi Yi Zanabazar_Square""".split()


def matching(pattern):
    """Code points that the regular expression matches."""
    splitter, found = P.Split(Regex(pattern), "removed"), set()
    for at in range(0, len(CODE_POINTS), 50000):
        chunk = CODE_POINTS[at:at + 50000]
        left = set()
        for piece, _ in splitter.pre_tokenize_str("".join(map(chr, chunk))):
            left.update(map(ord, piece))
        found.update(c for c in chunk if c not in left)
    return found


def chosen(test):
    return {c for c in CODE_POINTS if test(chr(c))}


def ranges(members):
    out = []
    for c in sorted(members):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def emit_set(name, comment, members):
    items = ["{0x%x,0x%x}" % (a, b) for a, b in ranges(members)]
    print(f"// {comment}\nconst CodeRange {name}Ranges[] = {{")
    emit_lines(items)
    print(f"}};\nconst std::size_t {name}Count = std::size({name}Ranges);\n")


def emit_lines(items):
    line = "   "
    for item in items:
        if len(line) + len(item) > 117:
            print(line)
            line = "   "
        line += " " + item + ","
    print(line)


def emit_map(name, comment, value_of):
    """value_of: code point → small number; runs of equal value; value 0 is left out."""
    runs = []
    for c in sorted(value_of):
        v = value_of[c]
        if v and runs and runs[-1][1] == c - 1 and runs[-1][2] == v:
            runs[-1][1] = c
        elif v:
            runs.append([c, c, v])
    print(f"// {comment}\nconst ValueRange {name}Ranges[] = {{")
    emit_lines(["{0x%x,0x%x,%d}" % tuple(r) for r in runs])
    print(f"}};\nconst std::size_t {name}Count = std::size({name}Ranges);\n")


def hf_scripts(script_of):
    """Where the UnicodeScripts pre-tokenizer disagrees with the regular expressions: code point → script + 1 (0 = none: joins all)."""
    split = P.UnicodeScripts()
    joined = lambda a, b: len(split.pre_tokenize_str(a + b)) == 1
    fold = lambda s: "Han" if s in ("Hiragana", "Katakana") else s
    representative = {}
    for c in CODE_POINTS:
        s = script_of.get(c)
        if s and fold(s) not in representative and not (joined("a", chr(c)) and joined("!", chr(c))):
            representative[fold(s)] = chr(c)
    representative.update(Latin="a", Common="!")
    different = {}
    for c in CODE_POINTS:
        guess = script_of.get(c)
        ch = chr(c)
        if joined("a", ch) and joined("!", ch):
            found = None
        elif guess and joined(representative[fold(guess)], ch):
            continue
        else:
            found = next((s for s, r in representative.items() if joined(r, ch)), guess)
        if found != guess:
            different[c] = SCRIPTS.index(found) + 1 if found else 255
    return different


def old_normalization():
    """Code points that the normalizers treat as inert although utf8proc decomposes, reorders or composes them."""
    library = ctypes.CDLL("libutf8proc.so.2")
    library.utf8proc_NFD.restype = library.utf8proc_NFKD.restype = ctypes.c_void_p
    libc = ctypes.CDLL("libc.so.6")

    def ours(function, text):
        pointer = function(text.encode())
        value = ctypes.string_at(pointer).decode()
        libc.free(ctypes.c_void_p(pointer))
        return value

    nfd, nfkd, inert = N.NFD(), N.NFKD(), set()
    for c in CODE_POINTS[1:]:
        ch = chr(c)
        if nfkd.normalize_str(ch) != ours(library.utf8proc_NFKD, ch):
            inert.add(c)
            continue
        if unicodedata.category(ch)[0] in "MC":
            for other in "\u0316\u0301\u0334\u0345\u05b0":
                for text in ("a" + other + ch, "a" + ch + other):
                    if nfd.normalize_str(text) != ours(library.utf8proc_NFD, text):
                        inert.add(c)
    return inert | {0x11930}


def lowercase_exceptions():
    library = ctypes.CDLL("libutf8proc.so.2")
    lower, out = N.Lowercase(), []
    for c in CODE_POINTS:
        want = lower.normalize_str(chr(c))
        if want != chr(library.utf8proc_tolower(c)):
            out.append((c, [ord(x) for x in want]))
    return out


@contextlib.contextmanager
def table_file(name):
    with open(pathlib.Path(__file__).parent / name, "w", encoding="utf-8") as out, contextlib.redirect_stdout(out):
        print("// Generated by generate_unicode.py from the behaviour of Hugging Face tokenizers; do not edit.")
        print('#include "runtime/text/unicode_tables.h"\n\nnamespace llc::text {\n')
        yield
        print("}  // namespace llc::text")


def categories():
    category = {}
    for i, name in enumerate(CATEGORIES):
        if name != "Cn":
            category.update((c, i + 1) for c in matching(r"\p{%s}" % name))
    print("const char *const categoryNames[] = {")
    emit_lines([f'"{n}"' for n in CATEGORIES])
    print("};\nconst std::size_t categoryNameCount = std::size(categoryNames);\n")
    emit_map("category", "General category (index in categoryNames + 1) of the regular expressions; Cn is left out.", category)


def scripts():
    script_of = {}
    for name in SCRIPTS:
        try:
            script_of.update((c, name) for c in matching(r"\p{%s}" % name))
        except Exception:
            pass
    print("const char *const scriptNames[] = {")
    emit_lines([f'"{n}"' for n in SCRIPTS])
    print("};\nconst std::size_t scriptNameCount = std::size(scriptNames);\n")
    emit_map("script", "Script (index in scriptNames + 1) of the regular expressions.",
             {c: SCRIPTS.index(s) + 1 for c, s in script_of.items()})
    emit_map("scriptException", "Where the UnicodeScripts pre-tokenizer sees another script (255: none).", hf_scripts(script_of))


def sets():
    emit_set("word", r"\w", matching(r"\w"))
    emit_set("alphabetic", "[[:alpha:]]", matching("[[:alpha:]]"))
    emit_set("uppercase", "[[:upper:]]", matching("[[:upper:]]"))
    emit_set("lowercase", "[[:lower:]]", matching("[[:lower:]]"))
    emit_set("numeric", "The Digits pre-tokenizer.", chosen(lambda c: len(P.Digits(True).pre_tokenize_str("a" + c + "a")) == 3))
    emit_set("punctuation", "The Punctuation and BertPreTokenizer pre-tokenizers.",
             chosen(lambda c: len(P.Punctuation("isolated").pre_tokenize_str("a" + c + "a")) == 3))
    emit_set("accent", "The StripAccents normalizer.", chosen(lambda c: N.StripAccents().normalize_str("a" + c) == "a"))
    bert = lambda **on: N.BertNormalizer(**{**dict(clean_text=False, handle_chinese_chars=False, strip_accents=False,
                                                   lowercase=False), **on})
    accents, clean, chinese = bert(strip_accents=True), bert(clean_text=True), bert(handle_chinese_chars=True)
    emit_set("bertAccent", "BertNormalizer, strip_accents.", chosen(lambda c: accents.normalize_str("a" + c) == "a"))
    emit_set("bertControl", "BertNormalizer, clean_text: removed.", chosen(lambda c: clean.normalize_str("a" + c + "a") == "aa"))
    emit_set("bertChinese", "BertNormalizer, handle_chinese_chars.", chosen(lambda c: chinese.normalize_str(c) == f" {c} "))
    emit_set("inert", "The normalizers leave these alone, although the Unicode of utf8proc gives them a mapping or a class.",
             old_normalization())
    print("// The Lowercase normalizer, where it differs from utf8proc_tolower (second target 0: none).")
    print("const LowerException lowerExceptions[] = {")
    emit_lines(["{0x%x,0x%x,0x%x}" % (c, t[0], t[1] if len(t) > 1 else 0) for c, t in lowercase_exceptions()])
    print("};\nconst std::size_t lowerExceptionCount = std::size(lowerExceptions);\n")


def main():
    for name, write in (("unicode_categories.cpp", categories), ("unicode_scripts.cpp", scripts), ("unicode_tables.cpp", sets)):
        with table_file(name):
            write()


if __name__ == "__main__":
    main()

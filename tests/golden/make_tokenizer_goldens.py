#!/usr/bin/env python3
"""Writes tests/golden/tokenizers/*.json: tiny tokenizers of every kind, trained here, and what the reference libraries make of some texts.

Needs the packages tokenizers and sentencepiece, whose trainers break ties differently at each run, so the vocabularies change.
Each file: {"files": {name: text, or {"base64": …}}, "cases": [{"text", "ids", "special", "decoded", "skipped"}]};
"special": with the post-processor's tokens, "skipped": decoded without special tokens.
"""
import base64
import io
import json
import pathlib
import random
import tempfile

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

FOLDER = pathlib.Path(__file__).parent / "tokenizers"
WORDS = """the a small river runs under old stone bridges and every morning its water carries light leaves boats letters numbers
1 22 333 4444 don't we'll they're it's über naïve café Straße Ελληνικά Русский 日本語 中文 한국어 हिन्दी עברית العربية 🙂 👍🏽""".split()

TEXTS = ["", " ", "  ", "a", " a", "a ", "  a  b ", "\n", "\r\n\r\n", "\t x", "the old river", "The OLD River!", "don't we'll THEY'RE it'S",
         "1 22 333 4444 55555", "3.14159, -2e10; x=y+z", "naïve café Straße", "e\u0301 n\u0303 q\u0307\u0323",
         "日本語と中文。한국어", "हिन्दी עברית العربية",
         "🙂👍🏽👩‍👩‍👧🇩🇪", "a\u200bb\u00adc\ufeffd", "\u00a0\u3000\u2028x", "½ ² Ⅷ ٣ ①", "ﬁ Ａ ｶﾞ ㍿",
         "İ ẞ ß ſ K", "\x00\x01\x7f\x85", "<s>", "<s> the </s>",
         "the<mask>river", "the <mask>  river", "x<special>y<SPECIAL>", "▁ ▁▁ Ġ", "https://a.b/c?d=e&f#g", "def f(x):\n    return x  # y\n",
         "\u0344\u0f43\u0958", "don 't n't do not 's", "a" * 40, " " * 20 + "x", "\U0010ffff\U000e0001"]


def corpus():
    rng = random.Random(7)
    return [" ".join(rng.choice(WORDS) for _ in range(12)) for _ in range(400)]


def cases(encode, decode):
    out = []
    for text in TEXTS:
        ids, special = encode(text, False), encode(text, True)
        out.append({"text": text, "ids": ids, "special": special, "decoded": decode(special, False), "skipped": decode(special, True)})
    return out


def write(name, files, made):
    (FOLDER / f"{name}.json").write_text(json.dumps({"files": files, "cases": made}, ensure_ascii=False, separators=(",", ":")) + "\n")


def save(name, tokenizer):
    text = json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":"))
    write(name, {"tokenizer.json": text}, cases(lambda t, s: tokenizer.encode(t, add_special_tokens=s).ids,
                                               lambda i, s: tokenizer.decode(i, skip_special_tokens=s)))


def template(tokenizer):
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", tokenizer.token_to_id("<s>")), ("</s>", tokenizer.token_to_id("</s>"))])


SPECIAL = ["<unk>", "<s>", "</s>"]


def byte_level():
    t = Tokenizer(models.BPE())
    pattern = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"),
                                               pre_tokenizers.ByteLevel(False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=420, special_tokens=SPECIAL, show_progress=False,
                                                        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    template(t)
    t.add_tokens([AddedToken("<mask>", lstrip=True, rstrip=True, normalized=False)])
    save("byte_level_bpe", t)


def byte_fallback():
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    t.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=520, special_tokens=SPECIAL + ["<0x%02X>" % b for b in range(256)],
                                                        show_progress=False, limit_alphabet=80, max_token_length=8))
    template(t)
    t.add_tokens([AddedToken("<special>", single_word=True), AddedToken("<mask>", rstrip=True, normalized=True)])
    save("byte_fallback_bpe", t)


def clip_like():
    t = Tokenizer(models.BPE(unk_token="</s>", end_of_word_suffix="</w>"))
    t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    words = Regex(r"'s|'t|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(words, "removed", invert=True),
                                               pre_tokenizers.ByteLevel(False)])
    t.decoder = decoders.Sequence([decoders.BPEDecoder("</w>")])
    t.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=400, special_tokens=SPECIAL, show_progress=False,
                                                        end_of_word_suffix="</w>"))
    t.post_processor = processors.RobertaProcessing(("</s>", t.token_to_id("</s>")), ("<s>", t.token_to_id("<s>")))
    save("word_end_bpe", t)


def word_piece():
    t = Tokenizer(models.WordPiece(unk_token="<unk>", max_input_chars_per_word=30))
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    t.train_from_iterator(corpus(), trainers.WordPieceTrainer(vocab_size=300, special_tokens=SPECIAL, show_progress=False))
    t.post_processor = processors.BertProcessing(("</s>", t.token_to_id("</s>")), ("<s>", t.token_to_id("<s>")))
    save("word_piece", t)


def unigram():
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = pre_tokenizers.Metaspace()
    t.decoder = decoders.Metaspace()
    t.train_from_iterator(corpus(), trainers.UnigramTrainer(vocab_size=300, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False))
    template(t)
    save("unigram", t)


def word_level():
    t = Tokenizer(models.WordLevel(unk_token="<unk>"))
    t.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Strip()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation("contiguous"),
                                               pre_tokenizers.Digits(True),
                                               pre_tokenizers.UnicodeScripts()])
    t.train_from_iterator(corpus(), trainers.WordLevelTrainer(special_tokens=SPECIAL, show_progress=False))
    t.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    save("word_level", t)


def sentence_piece(kind, **options):
    bytes_out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(corpus()), model_writer=bytes_out, model_type=kind, minloglevel=2,
                                                **options)
    model = sentencepiece.SentencePieceProcessor(model_proto=bytes_out.getvalue())
    size = model.get_piece_size()

    def encode(text, special):
        return ([model.bos_id()] if special else []) + model.encode(text)

    made = cases(encode, lambda ids, skip: model.decode(ids))
    rng = random.Random(3)
    for _ in range(20):
        ids = [rng.randrange(size) for _ in range(rng.randrange(1, 9))]
        made.append({"decode": ids, "decoded": model.decode(ids), "skipped": model.decode(ids)})
    name = f"sentencepiece_{kind}" + ("" if options.get("byte_fallback") else "_plain")
    write(name, {"tokenizer.model": {"base64": base64.b64encode(bytes_out.getvalue()).decode()}}, made)


def main():
    FOLDER.mkdir(exist_ok=True)
    for make in (byte_level, byte_fallback, clip_like, word_piece, unigram, word_level):
        make()
    for kind in ("bpe", "unigram"):
        sentence_piece(kind, vocab_size=360, byte_fallback=True, user_defined_symbols=["<mask>", "river"],
                       normalization_rule_name="identity", remove_extra_whitespaces=False)
        with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:  # a small character map: the library's own have 300 KB
            rules.write("FF21\t41\n2460\t31\nA0\t20\n3000\t20\nFB01\t66 69\n65 301\tE9\n6E 303\tF1\n"
                        "9\t20\nA\t20\nD\t20\n200B\t\nBD\t31 2044 32\n")
            rules.flush()
            sentence_piece(kind, vocab_size=110, user_defined_symbols=["<mask>"], normalization_rule_tsv=rules.name,
                           character_coverage=0.98)
    sentence_piece("char", vocab_size=80, normalization_rule_name="identity")
    sentence_piece("word", vocab_size=30, normalization_rule_name="identity", treat_whitespace_as_suffix=True)


if __name__ == "__main__":
    main()

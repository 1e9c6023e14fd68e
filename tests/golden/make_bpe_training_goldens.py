#!/usr/bin/env python3
"""Writes tests/golden/bpe_training.json: what Hugging Face tokenizers' BpeTrainer makes of some documents, with several options.

Needs the package tokenizers (used: 0.23). {"documents": [text], "cases": [{"options", "tokens": [by id], "merges",
"texts": [{"text", "ids"}]}]}; "ids": with the template `<s> $A`.
"""
import json
import pathlib
import random

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

SPECIAL = ["<pad>", "<s>", "</s>", "<unk>", "<mask>"]
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
STEMS = """river stone morning carry light letter number translate retranslate transform form former inform information station nation
national international in inter the there then other another mother brother aa aaa aaaa aaaaaaa abab ababab bab 2024 1999 10 3141592653
don't we'll it's naïve café e\u0301te\u0301 Straße Русский Россия 日本語 日本 中文 🙂 👍🏽 == !== -> --> for(;;) ){ \\n""".split()
TEXTS = ["the other nation's information", "  two  blanks\n\n\tand a tab ", "aaaaaaaaa ababababab", "in 2024 it's 3.14159",
         "日本語 Россия 🙂👍🏽 café e\u0301",
         "<s> is text? <mask></s>", "for(;;){ x --> y; }\r\n", "", "\x00\x7f\u00a0\u3000"]


def documents():
    rng = random.Random(11)
    out = []
    for _ in range(60):
        words = [rng.choice(STEMS) + rng.choice(["", "", "s", "ed", "ing", ",", "."]) for _ in range(rng.randint(3, 60))]
        out.append("".join(word + rng.choice([" ", " ", " ", "  ", "\n", ""]) for word in words))
    return out


def case(texts, vocabulary, minimum=2, longest=0, pattern="gpt2", digits=False, normalization="identity"):
    tokenizer = Tokenizer(models.BPE())
    steps = [pre_tokenizers.Digits(individual_digits=True)] if digits else []
    if pattern == "gpt2":
        steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True))
    else:
        steps.append(pre_tokenizers.Split(Regex(LLAMA3 if pattern == "llama3" else pattern), "isolated"))
        steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    if normalization != "identity":
        tokenizer.normalizer = {"nfc": normalizers.NFC, "nfkc": normalizers.NFKC}[normalization]()
    options = {"max_token_length": longest} if longest else {}
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=vocabulary, min_frequency=minimum, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False, **options))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    model = json.loads(tokenizer.to_str())["model"]
    return {"options": {"vocabulary": vocabulary, "min_frequency": minimum, "max_token_length": longest, "pattern": pattern,
                        "digits": digits, "normalization": normalization},
            "tokens": sorted(model["vocab"], key=model["vocab"].get), "merges": model["merges"],
            "texts": [{"text": text, "ids": tokenizer.encode(text).ids} for text in TEXTS]}


def main():
    texts = documents()
    cases = [case(texts, 900), case(texts, 700, digits=True), case(texts, 700, pattern="llama3"), case(texts, 600, longest=5),
             case(texts, 5000, minimum=4, normalization="nfkc"), case(texts, 500, pattern=r"\s+|\S+", normalization="nfc")]
    path = pathlib.Path(__file__).parent / "bpe_training.json"
    path.write_text(json.dumps({"documents": texts, "cases": cases}, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()

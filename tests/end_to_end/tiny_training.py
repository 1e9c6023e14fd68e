"""What tests of training share: texts whose next word is nearly certain, a tokenizer and the shape of a model for them."""
import pathlib
import random
import shutil

import support

# Keys of metrics.jsonl that differ from run to run.
TIMES = {"train/tokens_per_second", "train/step_seconds", "train/mfu", "memory/peak_resident_bytes", "time/seconds", "eval/seconds"}
WORDS = "the river runs under every old stone and carries water to the morning light".split()
SHAPE = {"d_model": 32, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "d_ff": 64, "max_len": 64, "vocab_size": 320}


def lines_of_words(count):
    """Each word follows the one before it."""
    rng = random.Random(1)
    lines = []
    for _ in range(count):
        start = rng.randrange(len(WORDS))
        lines.append(" ".join(WORDS[(start + i) % len(WORDS)] for i in range(rng.randint(4, 20))))
    return lines


class Case(support.Case):
    """All tests of a class share the folder `base`."""

    @classmethod
    def begin(cls, lines):
        """Makes the folder with text.txt in it."""
        cls.base = pathlib.Path(support.tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.base)
        (cls.base / "text.txt").write_text("\n".join(lines) + "\n")

    @classmethod
    def prepare(cls, *commands):
        """Adds the tokenizer tok and the configuration c.json, then runs the commands; gives the last one's outcome."""
        for arguments in (
                ("tokenizer", "train", "-i", cls.base / "text.txt", "--type", "byte-bpe", "--vocab-size", 320,
                 "-o", cls.base / "tok", "-q"),
                ("create-config", "--type", "tiny", "-o", cls.base / "c.json",
                 *[item for pair in SHAPE.items() for item in ("--set", "%s=%s" % pair)]), *commands):
            outcome = support.run(*arguments)
            assert outcome.code == 0, outcome.err
        return outcome

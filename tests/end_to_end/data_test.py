"""Texts to tokenizers, datasets and perplexity; configurations. Everything that can be checked without training."""
import gzip
import json
import math
import os
import random
import signal
import struct
import subprocess
import time
import unittest

import support
from support import PROGRAM, ROOT, TINY

DEFAULT = ROOT / "models/builtin/default"

WORDS = "the a river stone morning light letter number runs under every old water carries boat 1999 42 don't naïve 日本語 🙂".split()


def sentences(count, seed=1):
    rng = random.Random(seed)
    return [" ".join(rng.choice(WORDS) for _ in range(rng.randint(4, 14))) for _ in range(count)]


def sequences(path):
    """Of a .bin, read by hand."""
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        (count,) = struct.unpack_from("<I", data, at)
        found.append(list(struct.unpack_from(f"<{count}i", data, at + 4)))
        at += 4 + 4 * count
    return found


class Tokenizers(support.Case):
    def setUp(self):
        super().setUp()
        self.text = self.folder / "texts.txt"
        self.text.write_text("\n".join(sentences(800)) + "\n")

    def test_each_kind_is_trained_and_used(self):
        for kind, name in (("bpe", "tokenizer.model"), ("unigram", "tokenizer.model"), ("byte-bpe", "tokenizer.json")):
            with self.subTest(kind=kind):
                out = self.folder / kind
                made = self.json("tokenizer", "train", "-i", self.text, "--type", kind, "--vocab-size", 320, "-o", out, "--json", "-q")
                self.assertEqual((made["documents"], made["output"]), (800, str(out / name)))
                self.assertEqual(made["tokens"], 320)
                self.assertEqual(len(list(out.iterdir())), 2)
                line = sentences(1, seed=9)[0] + " ж"
                ids = self.json("tokenize", out, "-p", line)["ids"]
                self.assertEqual(self.json("tokenize", out, "--decode", "-p", ",".join(map(str, ids)))["text"], line)
                self.assertEqual(self.json("tokenize", out / name, "-p", line)["ids"], ids)

    def test_formats_give_the_same_tokenizer(self):
        lines = self.text.read_text().splitlines()
        packed = self.folder / "packed"
        packed.mkdir()
        with gzip.open(packed / "a.jsonl.gz", "wt") as file:
            file.writelines(json.dumps({"text": line, "id": str(i)}) + "\n" for i, line in enumerate(lines[:500]))
        (packed / "b.csv").write_text("id,text\n" + "".join(f'{i},"{line}"\n' for i, line in enumerate(lines[500:])))
        for source in (self.text, packed):
            self.good("tokenizer", "train", "--input", source, "--type", "byte-bpe", "--vocab-size", 320, "-o",
                      self.folder / source.stem, "-q")
        self.assertEqual((self.folder / "texts/tokenizer.json").read_bytes(), (self.folder / "packed/tokenizer.json").read_bytes())

    def test_broken_records(self):
        broken = self.folder / "b.jsonl"
        broken.write_text("".join(json.dumps({"text": s}) + "\n" for s in sentences(50)) + "{oops\n")
        train = ["tokenizer", "train", "-i", broken, "--type", "byte-bpe", "--vocab-size", 300, "-o", self.folder / "t"]
        self.refused(*train, says=["b.jsonl:51", "--on-bad-record skip"])
        self.assertFalse((self.folder / "t/tokenizer.json").exists())
        outcome = self.good(*train, "--on-bad-record", "skip", "--json")
        self.assertIn("b.jsonl:51", outcome.err)
        self.assertEqual(json.loads(outcome.out)["bad_records"], 1)
        self.refused(*train, "--skip-bad", 0, says=["b.jsonl:51", "--skip-bad"])

    def test_mistakes(self):
        train = ["tokenizer", "train", "-i", self.text, "-o", self.folder / "t", "-q"]
        self.refused(*train, "--vocab-size", 100, says=["--vocab-size"])
        self.refused(*train, "--vocab-size", 100000, says=["vocab-size"])
        self.refused(*train, "--pattern", "gpt2", says=["--pattern", "--type bpe"])
        self.refused(*train, "--type", "byte-bpe", "--pattern", "(", says=["--pattern"])
        self.refused("tokenizer", "train", "-i", self.folder / "none.txt", says=["none.txt"])
        self.refused("tokenizer", "trian", says=["'train'"])
        self.refused("tokenizer", says=["tokenizer --help"])


class Datasets(support.Case):
    def setUp(self):
        super().setUp()
        self.texts = sentences(300)
        (self.folder / "a.txt").write_text("\n".join(self.texts) + "\n")

    def prepare(self, *options):
        return self.json("data", "prepare", "-i", self.folder / "a.txt", "--tokenizer-path", DEFAULT,
                         "-o", self.folder / "d.bin", "--json", "-q", *options)

    def test_prepare_gives_what_tokenize_gives(self):
        made = self.prepare("--verify")
        rows = sequences(self.folder / "d.bin")
        self.assertEqual((made["sequences"], made["tokens"]), (300, sum(map(len, rows))))
        lines = "".join(json.dumps({"text": text}) + "\n" for text in self.texts)
        ids = [json.loads(line)["ids"] for line in self.good("tokenize", "default", stdin=lines).out.splitlines()]
        self.assertEqual([row[1:-1] for row in rows], ids)
        self.assertEqual({(row[0], row[-1]) for row in rows}, {(0, 1)})
        shown = self.json("data", "inspect", self.folder / "d", "--show", 2, "--from", 5, "--json")
        self.assertEqual([entry["ids"] for entry in shown["shown"]], rows[5:7])
        self.good("data", "verify", self.folder / "d.index", "--tokenizer-path", DEFAULT)

    def test_parquet_gives_what_json_lines_give(self):
        goldens = ROOT / "tests/golden/parquet"
        for name, lines, more in (("plain_pages", "plain", ("--field", "text")), ("nested_pages", "nested", ())):
            for source in (f"{name}.parquet", f"{lines}.jsonl"):
                out = self.folder / source
                made = self.json("data", "prepare", "-i", goldens / source, "--tokenizer-path", DEFAULT, "-o", f"{out}.bin",
                                 "--on-bad-record", "skip", "--json", "-q", *more)
                self.assertGreater(made["sequences"], 10)
            self.assertEqual((self.folder / f"{name}.parquet.bin").read_bytes(), (self.folder / f"{lines}.jsonl.bin").read_bytes())
        prepare = ("data", "prepare", "--tokenizer-path", DEFAULT, "-o", self.folder / "x.bin", "-i")
        self.refused(*prepare, goldens / "plain.parquet", "--field", "text", says=["plain.parquet:1", "'text'", "--on-bad-record skip"])
        self.refused(*prepare, goldens / "brotli.parquet", says=["BROTLI", "write_table"], code=3)
        (self.folder / "cut.parquet").write_bytes((goldens / "plain.parquet").read_bytes()[:-9])
        self.refused(*prepare, self.folder / "cut.parquet", says=["cut.parquet", "does not end with PAR1"])

    def test_ids_of_8_bytes_are_converted(self):
        self.prepare()
        rows = sequences(self.folder / "d.bin")
        wide = self.folder / "wide.bin"
        wide.write_bytes(b"".join(struct.pack(f"<I{len(row)}q", len(row), *row) for row in rows))
        self.good("data", "convert", wide, self.folder / "narrow.bin", "-q")
        self.assertEqual(sequences(self.folder / "narrow.bin"), rows)

    def test_broken_data_and_other_tokenizers_are_refused(self):
        self.prepare()
        self.refused("data", "verify", self.folder / "d", "--tokenizer-path", TINY, says=[])
        data = bytearray((self.folder / "d.bin").read_bytes())
        data[9] ^= 64
        (self.folder / "d.bin").write_bytes(data)
        self.refused("data", "verify", self.folder / "d", "-q", says=["d.bin"])
        self.refused("data", "inspect", self.folder / "none", says=["none.bin"])

    def test_weights(self):
        (self.folder / "b.txt").write_text("\n".join(sentences(600, seed=3)) + "\n")
        made = self.prepare("-i", self.folder / "b.txt", "--mix", "a:0.8,b:0.2")
        share = made["sources"][0]["tokens"] / made["tokens"]
        self.assertAlmostEqual(share, 0.8, delta=0.01)
        self.refused("data", "prepare", "-i", self.folder / "a.txt", "--tokenizer-path", DEFAULT, "-o",
                     self.folder / "x", "--mix", "aa:1", says=["'a'"])

    def test_killed_while_writing_nothing_half_is_left(self):
        (self.folder / "big.txt").write_text("\n".join(sentences(60000)) + "\n")
        command = [PROGRAM, "data", "prepare", "-i", self.folder / "big.txt", "--tokenizer-path", DEFAULT,
                   "-o", self.folder / "k.bin", "-q", "-t", "1"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not list(self.folder.glob("k.*")) and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        if process.wait() == -signal.SIGKILL:
            self.assertFalse((self.folder / "k.index").exists())


class Perplexity(support.Case):
    def test_equals_a_direct_computation(self):
        text = " ".join(sentences(40))
        (self.folder / "a.txt").write_text(text)
        ids = self.json("tokenize", "default", "-p", text, "--add-special")["ids"]
        context, stride = 64, 24
        total, scored = 0.0, 1
        for begin in range(0, len(ids), stride):
            window = ids[begin:begin + context]
            values = self.json("score", "default", "--ids", ",".join(map(str, window)), "--json", "-q")["log_probs"]
            for place in range(scored, begin + len(window)):
                total += values[place - begin - 1]
            scored = max(scored, begin + len(window))
            if scored == len(ids):
                break
        found = self.json("eval", "default", "--perplexity", self.folder / "a.txt", "--context", context, "--stride", stride,
                          "--json", "-q")
        self.assertEqual((found["total_tokens_evaluated"], found["unscored_tokens"]), (len(ids) - 1, 1))
        self.assertAlmostEqual(found["avg_loss"], -total / (len(ids) - 1), delta=1e-5)
        self.assertAlmostEqual(found["perplexity"], math.exp(found["avg_loss"]), delta=1e-6 * found["perplexity"])
        self.assertAlmostEqual(found["bits_per_byte"], -total / math.log(2) / len(text.encode()), delta=1e-4)

    def test_an_artifact_knows_how_long_texts_its_model_was_made_for(self):
        (self.folder / "a.txt").write_text(" ".join(sentences(400)))
        made = json.loads((DEFAULT / "config.json").read_text())["max_position_embeddings"]
        artifact = self.folder / "longer.so"
        self.good("compile", "default", "-o", artifact, "--format", "so", "--target-cpu", "native", "--max-context", 2 * made)
        found = [self.json("eval", model, "--perplexity", self.folder / "a.txt", "--json", "-q") for model in ("default", artifact)]
        self.assertEqual([one["context"] for one in found], [made, made])
        self.assertAlmostEqual(found[0]["avg_loss"], found[1]["avg_loss"], delta=1e-3)
        longer = self.json("eval", artifact, "--perplexity", self.folder / "a.txt", "--context", 2 * made, "--json", "-q")
        self.assertEqual(longer["context"], 2 * made)

    def test_a_dataset_counts_like_its_texts(self):
        texts = sentences(20)
        (self.folder / "a.txt").write_text("\n".join(texts) + "\n")
        model = DEFAULT
        self.good("data", "prepare", "-i", self.folder / "a.txt", "--tokenizer-path", model, "-o", self.folder / "d", "--no-eos", "-q")
        one = self.json("eval", "default", "--perplexity", self.folder / "a.txt", "--document-separator", "line", "--json", "-q")
        two = self.json("eval", "default", "--perplexity", self.folder / "d.bin", "--json", "-q")
        self.assertEqual((one["documents"], one["total_tokens_evaluated"]), (20, two["total_tokens_evaluated"]))
        self.assertAlmostEqual(one["avg_loss"], two["avg_loss"], delta=1e-6)
        self.assertIsNone(two["bits_per_byte"])
        self.refused("eval", "default", "--perplexity", self.folder / "a.txt", "--context", 64, "--stride", 65, says=["--stride"])


class Configurations(support.Case):
    def test_sizes_and_keys(self):
        out = self.folder / "new/config.json"
        counts = self.json("create-config", "--type", "tiny", "-o", out, "--print-params", "--json")
        self.assertEqual(counts["total"], 53748224)
        self.assertEqual(json.loads(out.read_text())["d_model"], 512)
        self.good("create-config", "--type", "tiny", "-o", out, "--set", "training.lr=3e-4", "--vocab-size", 1000)
        self.assertEqual((json.loads(out.read_text())["training"], json.loads(out.read_text())["vocab_size"]), ({"lr": 3e-4}, 1000))
        yaml = self.good("create-config", "--full", "-o", self.folder / "c.yaml") and (self.folder / "c.yaml").read_text()
        self.assertIn("\ntraining:\n  optimizer: \"adamw\"\n", yaml)
        for computed in ("total_steps", "warmup_steps", "sample_prompt"):
            self.assertNotIn(computed, yaml)
        same = self.json("create-config", "--type=tiny", "--vocab_size", 1000, "--print_params", "--json")
        self.assertEqual(same["head"], 1000 * 512)
        self.refused("create-config", "--type", "huge", says=["tiny, small, base, large, xl"])
        self.refused("create-config", "--set", "n_layer=3", says=["'n_layers'"])
        self.refused("create-config", "--set", "n_heads=7", "-o", out, says=["n_heads 7", "d_model"])


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    support.main()

"""Bidirectional models: logits and gradients against the reference implementation's, training on hidden tokens, filling in, and what such
models refuse."""
import json
import math
import pathlib
import random
import shutil
import signal
import subprocess
import time
import unittest

import gradients_test
import support
import tiny_training
from gradients_test import norm
from support import CONFORMANCE, PROGRAM, ROOT, TINY
from tiny_training import TIMES, WORDS

FOLDER = ROOT / "tests/golden/encoders"
GOLDENS = json.loads((ROOT / "tests/golden/encoders.json").read_text())
CASES = sorted(case for name in ("bert", "roberta") for case in (CONFORMANCE / "cases").glob(name + "-s*"))


class Case(gradients_test.Case):
    def check_logits(self, model, *more):
        """Within 2e-6 of the largest, where there is no padding."""
        expected = support.read_safetensors(model / "expected.safetensors")
        out = self.folder / "logits.safetensors"
        self.good("logits", model, "--input", model / "expected.safetensors", "--output", out, *more)
        shape, found = support.read_safetensors(out)["logits"]
        want, mask = expected["logits"][1], expected["attention_mask"][1]
        self.assertEqual(shape, expected["logits"][0])
        for i, (value, other) in enumerate(zip(found, want)):
            self.assertLessEqual(abs(value - other) if mask[i // shape[2]] else abs(value), 2e-6 * max(map(abs, want)))

    def gradients(self, model, *more):
        out = self.folder / "out.safetensors"
        self.good("grad", model, "--input", model / "expected.safetensors", "--output", out, "--dtype", "f32", *more)
        found = support.read_safetensors(out)
        return found["loss"][1][0], {name.removeprefix("grad/"): value for name, value in found.items() if name != "loss"}


class Goldens(Case):
    def test_logits(self):
        for name in GOLDENS:
            for more in (("--dtype", "f32", "-t", 2), ("--dtype", "f32", "--engine", "reference"), ("--program", "training")):
                with self.subTest(name, more=more):
                    self.check_logits(FOLDER / name, *more)

    def test_activations_are_rounded_beside_bf16_weights(self):
        """As in models that generate: by default, in the code as in the interpreter."""
        out = self.folder / "logits.safetensors"
        def logits(name, *more):
            model = FOLDER / name
            self.good("logits", model, "--input", model / "expected.safetensors", "--output", out, "--dtype", "bf16", *more)
            return support.read_safetensors(out)["logits"][1]
        for name in GOLDENS:
            with self.subTest(name):
                rounded, plain = logits(name), logits(name, "--activations", "f32")
                most = max(map(abs, plain))
                apart = lambda a, b: max(abs(x - y) for x, y in zip(a, b)) / most
                self.assertEqual(rounded, logits(name, "--activations", "bf16"))
                self.assertLess(apart(rounded, logits(name, "--engine", "reference")), 1e-3)
                self.assertLess(apart(plain, logits(name, "--engine", "reference", "--activations", "f32")), 1e-5)
                self.assertGreater(apart(rounded, plain), 1e-4)
                self.assertLess(apart(rounded, plain), 5e-2)
        self.refused("logits", FOLDER / "bert", "--input", FOLDER / "bert/expected.safetensors", "--output", out, "--dtype", "f32",
                     "--activations", "bf16", says=["--activations", "--dtype bf16"])

    def test_gradients(self):
        for name, golden in GOLDENS.items():
            norms, projections = ({key: value[part] for key, value in golden["gradients"].items()} for part in range(2))
            for more in (("--engine", "jit"), ("--engine", "reference"), ("--gradient-checkpointing", "nothing_saveable")):
                with self.subTest(name, more=more):
                    self.compare(FOLDER / name, self.gradients(FOLDER / name, *more), golden["loss"], norms, projections)

    def test_padding_changes_nothing(self):
        """On the left as on the right; a token has a label of its own also where padding is before it."""
        rows = [[5, 6, 7, 8], [9, 10]]
        left, right = (self.grad(FOLDER / "bert", *gradients_test.padded(rows, side)) for side in ("left", "right"))
        self.assertAlmostEqual(left[0], right[0], delta=1e-6)
        total = norm(norm(values) for _, values in left[1].values())
        for name, (_, values) in left[1].items():
            self.assertLess(norm(a - b for a, b in zip(values, right[1][name][1])), 1e-6 * total, name)


@unittest.skipUnless(CASES, "no conformance cases here (LLC_SHARED)")
class Conformance(Case):
    def test_all(self):
        for case in CASES:
            norms = json.loads((case / "grads.json").read_text())["checkpoint"]
            loss = support.read_safetensors(case / "expected.safetensors")["loss"][1][0]
            for engine in ("jit", "reference"):
                with self.subTest(case.name, engine=engine):
                    self.check_logits(case, "--dtype", "f32", "--engine", engine)
                    self.compare(case, self.gradients(case, "--engine", engine), loss, norms)


class Training(tiny_training.Case):
    @classmethod
    def setUpClass(cls):
        """Texts that all begin alike, so that a token's position tells it."""
        rng = random.Random(3)
        cls.begin([" ".join(WORDS[:rng.randint(6, len(WORDS))]) for _ in range(300)])
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        (cls.base / "vocab.txt").write_text("\n".join(special + sorted(set(WORDS)) + ["##s"]) + "\n")

    def config(self, name, *more):
        shape = {"d_model": 32, "n_layers": 2, "n_heads": 4, "d_ff": 64, "max_len": 32}
        self.good("create-config", "--type", "tiny", "--objective", "mlm", "-o", self.folder / name,
                  *[item for pair in shape.items() for item in ("--set", "%s=%s" % pair)], *more)
        return self.folder / name

    def pretrain(self, config, out, *more, steps=60):
        return ("pretrain", "--config", config, "--data-path", self.base / "text.txt", "--tokenizer-path", self.base / "vocab.txt",
                "--output-dir", out, "--batch-size", 8, "--gradient-accumulation-steps", 2, "--lr", "1e-2", "--max-steps", steps,
                "--log-interval", 4, "--eval-interval", 20, "--save-interval", 5, "--set", "data.packing=false", "-t", 1, "-q",
                "--json", *more)

    def curve(self, run):
        records = [json.loads(line) for line in (pathlib.Path(run) / "metrics.jsonl").read_text().splitlines()]
        return [{key: value for key, value in record.items() if key not in TIMES} for record in records if record["event"] != "checkpoint"]

    def test_learns_and_goes_on_after_a_kill(self):
        config = self.config("c.json")
        made = self.json(*self.pretrain(config, self.folder / "whole"))
        curve = self.curve(made["run"])
        losses = [record for record in curve if record["event"] == "train"]
        self.assertLess(losses[-1]["train/loss"], 0.5 * losses[0]["train/loss"])
        self.assertGreater(losses[-1]["train/accuracy"], 0.6)
        self.assertGreater(curve[-1]["eval/accuracy"], 0.6)
        killed = self.folder / "killed"
        arguments = list(map(str, self.pretrain(config, killed)))
        process = subprocess.Popen([str(PROGRAM), *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not list(killed.glob("pretrain/*-step-*")):
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        again = self.json(*arguments)
        self.assertEqual(self.curve(again["run"]), curve)
        name = "model.safetensors"
        self.assertEqual((pathlib.Path(again["checkpoint"]) / name).read_bytes(), (pathlib.Path(made["checkpoint"]) / name).read_bytes())
        # Its position tells a token.
        for engine in ("jit", "reference"):
            filled = self.json("fill-mask", made["checkpoint"], "-p", "the river runs [MASK] every old [MASK] and carries", "--top-k", 2,
                               "--json", "--engine", engine)["masks"]
            self.assertEqual([mask["token"] for mask in filled], [4, 7])
            self.assertEqual([mask["candidates"][0]["text"] for mask in filled], ["under", "stone"])
            self.assertEqual(len(filled[0]["candidates"]), 2)
        # Others hide more, and go on from a model.
        more = self.json("finetune", made["checkpoint"], "--trainer", "mlm", "--data-path", self.base / "text.txt", "--output-dir",
                         self.folder / "more", "--max-steps", 2, "--trainer-setting", "mlm_probability=0.4", "-t", 1, "-q", "--json")
        self.assertLess(more["eval_loss"], losses[0]["train/loss"])

    def hidden_losses(self, model, rows, labels):
        """Of hidden tokens, by the command logits: -log p of each label, and whether it is the first choice."""
        width = max(map(len, rows))
        ids = [id for row in rows for id in row + [0] * (width - len(row))]
        mask = [int(place < len(row)) for row in rows for place in range(width)]
        path, out = self.folder / "in.safetensors", self.folder / "logits.safetensors"
        shape = (len(rows), width)
        support.write_safetensors(path, {"input_ids": ("I64", shape, ids), "attention_mask": ("I64", shape, mask)})
        self.good("logits", model, "--input", path, "--output", out, "-q")
        (_, _, vocabulary), values = support.read_safetensors(out)["logits"]
        found = []
        for row, of in enumerate(labels):
            for place, label in of.items():
                logits = values[(row * width + place) * vocabulary:(row * width + place + 1) * vocabulary]
                most = max(logits)
                found.append((most + math.log(sum(math.exp(x - most) for x in logits)) - logits[label], logits[label] == most))
        return found

    def test_evaluation(self):
        """Each token hidden alone, as logits of such rows say; longer texts in rows; a share of them at once, by a seed."""
        model = self.json(*self.pretrain(self.config("c.json"), self.folder / "out", steps=10))["checkpoint"]
        words = sorted(set(WORDS))
        texts = [WORDS[:7], WORDS[3:5], WORDS + WORDS[:2]]
        (self.folder / "t.txt").write_text("\n".join(" ".join(text) for text in texts) + "\n")
        arguments = ("eval", model, "--perplexity", self.folder / "t.txt", "--document-separator", "line", "--json")
        for context in (32, 8):
            rows, labels = [], []
            for text in texts:
                ids = [5 + words.index(word) for word in text]
                for first in range(0, len(ids), context - 2):
                    part = ids[first:first + context - 2]
                    for place in range(len(part)):
                        rows.append([2, *part[:place], 4, *part[place + 1:], 3])
                        labels.append({place + 1: part[place]})
            expected = self.hidden_losses(model, rows, labels)
            found = self.json(*arguments, "--context", context, "-t", 1)
            self.assertEqual(found["total_tokens_evaluated"], len(rows))
            self.assertAlmostEqual(found["avg_loss"], math.fsum(loss for loss, _ in expected) / len(rows), delta=1e-5)
            self.assertAlmostEqual(found["pseudo_perplexity"], math.exp(found["avg_loss"]), delta=1e-6 * found["pseudo_perplexity"])
            self.assertAlmostEqual(found["accuracy"], sum(hit for _, hit in expected) / len(rows), delta=1e-9)
            self.assertEqual((found["documents"], found["context"]), (3, context if context == 8 else max(map(len, rows))))
        one = self.json(*arguments, "--limit", 1)
        self.assertEqual((one["documents"], one["total_tokens_evaluated"]), (1, 7))
        some, again, other = (self.json(*arguments, "--mlm-probability", 0.5, "--seed", seed) for seed in (1, 1, 2))
        self.assertEqual(some["avg_loss"], again["avg_loss"])
        self.assertNotEqual(some["avg_loss"], other["avg_loss"])
        self.assertIn("perplexity_of_hidden", some)
        self.assertTrue(0 < some["total_tokens_evaluated"] < sum(map(len, texts)))
        # A prepared dataset holds the same tokens.
        self.good("data", "prepare", "-i", self.folder / "t.txt", "--tokenizer-path", self.base / "vocab.txt", "-o",
                  self.folder / "t.bin", "-q")
        prepared = self.json("eval", model, "--perplexity", self.folder / "t.bin", "--json")
        self.assertAlmostEqual(prepared["avg_loss"], self.json(*arguments)["avg_loss"], delta=1e-9)
        self.assertIn("pseudo-perplexity", self.good(*arguments[:-1]).out)
        for more, says in ((("--stride", 4), "--stride"), (("--preload",), "--preload"), (("--context", 99), "--context"),
                           (("--mlm-probability", 2), "--mlm-probability")):
            self.refused(*arguments, *more, says=[says])
        self.refused("eval", "default", "--perplexity", self.folder / "t.txt", "--mlm-probability", 0.2, says=["--mlm-probability"])

    def test_compiled_ahead_it_is_the_same(self):
        config = self.config("c.json")
        arguments = self.pretrain(config, self.folder / "jit", steps=8)
        trainer = self.folder / "trainer"
        self.good("compile-train", config, "--tokenizer-path", self.base / "vocab.txt", "--batch-size", 8, "--gradient-accumulation-steps",
                  2, "-o", trainer, "-q", "--set", "data.packing=false", "--block-size", 32)
        made = self.json(*arguments)
        other = json.loads(self.good("--data-path", self.base / "text.txt", "--output-dir", self.folder / "aot", "--lr", "1e-2",
                                     "--max-steps", 8, "--log-interval", 4, "--eval-interval", 20, "--save-interval", 5, "-t", 1, "-q",
                                     "--json", program=trainer).out)
        self.assertEqual(self.curve(made["run"]), self.curve(other["run"]))

    def test_trainer_chooses_the_model(self):
        """Without an objective; and what a BERT can't be."""
        made = self.json(*self.pretrain(self.short("c.json"), self.folder / "out", "--trainer", "mlm", steps=1))
        self.assertEqual(json.loads((pathlib.Path(made["checkpoint"]) / "config.json").read_text())["model_type"], "bert")
        self.refused(*self.pretrain(self.short("d.json", pos_type="rope"), self.folder / "out", "--trainer", "mlm"),
                     code=3, says=["pos_type", "absolute"])
        self.refused(*self.pretrain(self.short("e.json", objective="causal"), self.folder / "other", "--trainer", "mlm"),
                     code=3, says=["bidirectional"])
        self.refused(*self.pretrain(self.short("f.json"), self.folder / "out", "--trainer", "mlm", "--sample-prompt", "a"),
                     code=3, says=["--sample-prompt"])
        self.refused(*self.pretrain(self.short("g.json"), self.folder / "out", "--trainer", "mlm", "--trainer-setting",
                                    "random_replace_prob=0.5"), says=["0.8", "0.5", "at most 1"])

    def short(self, name, **more):
        path = self.folder / name
        path.write_text(json.dumps({"d_model": 16, "n_layers": 1, "n_heads": 2, "d_ff": 32, "max_len": 32, **more}))
        return path


class Refusals(Case):
    def test_other_uses(self):
        bert = FOLDER / "bert"
        for arguments in (("run", bert, "-p", "a"), ("compile", bert, "-o", self.folder / "a"), ("verify", bert), ("inspect", bert),
                          ("score", bert, "--ids", "5,6")):
            self.refused(*arguments, code=3, says=["sees whole texts at once", "fill-mask"])
        self.good("inspect", bert, "--training", "--trainer", "mlm", "--block-size", 32, "--memory")
        self.refused("inspect", bert, "--training", "--block-size", 32, code=3, says=["--trainer mlm"])
        self.refused("fill-mask", bert, "-p", "a [MASK]", says=["no tokenizer"])
        self.refused("eval", bert, "--perplexity", self.base_text(), says=["no tokenizer"])
        self.refused("fill-mask", TINY, "-p", "a [MASK]", code=3, says=["only the tokens before"])
        self.refused("logits", bert, "--input", bert / "expected.safetensors", "--output", self.folder / "o", "--context", 16,
                     says=["--context", "cache"])

    def base_text(self):
        (self.folder / "text.txt").write_text("a b c\n")
        return self.folder / "text.txt"

    def test_batches(self):
        path = self.folder / "in.safetensors"
        def refused(model, types, says):
            support.write_safetensors(path, {"input_ids": ("I64", (1, 3), [5, 6, 7]), "token_type_ids": ("I64", (1, 3), types)})
            self.refused("grad", model, "--input", path, "--output", self.folder / "o", says=says)
        refused(FOLDER / "bert", [0, 1, 2], ["column 2", "token_type_ids is 2", "0 to 1"])
        refused(TINY, [0, 0, 0], ["knows no types"])
        self.refused("grad", FOLDER / "roberta", "--input", self.write([[5] * 31]), "--output", self.folder / "o", says=["31", "30"])

    def test_configurations(self):
        for change, says in (({"position_embedding_type": "relative_key"}, "relative_key"), ({"is_decoder": True}, "is_decoder"),
                             ({"tie_word_embeddings": False}, "tie_word_embeddings"), ({"max_position_embeddings": 16}, "16"),
                             ({"architectures": ["BertForSequenceClassification"]}, "pooler")):
            model = self.folder / says
            shutil.copytree(FOLDER / "bert", model)
            config = json.loads((model / "config.json").read_text())
            (model / "config.json").write_text(json.dumps(config | change))
            self.refused("logits", model, "--input", FOLDER / "bert/expected.safetensors", "--output", self.folder / "o",
                         code=3 if says == "pooler" else 2, says=[says])


if __name__ == "__main__":
    support.main()

"""Fine-tuning by examples: completions, conversations, preferences, a teacher; from a file of records to a model that has learned."""
import json
import pathlib
import random
import shutil
import signal
import subprocess
import time
import unittest

import support
import tiny_training
from support import PROGRAM
from tiny_training import TIMES, WORDS

COLOURS = ["red", "green", "blue", "black"]


class Trainers(tiny_training.Case):
    @classmethod
    def setUpClass(cls):
        """A tokenizer, a small model that has seen its first texts, and records to fine-tune on."""
        rng = random.Random(1)
        cls.begin([" ".join(rng.choice(WORDS + COLOURS) for _ in range(rng.randint(4, 16))) for _ in range(400)])
        outcome = cls.prepare((
            "pretrain", "--config", cls.base / "c.json", "--data-path", cls.base / "text.txt", "--tokenizer-path", cls.base / "tok",
            "--output-dir", cls.base / "out", "--max-steps", 8, "--lr", "5e-3", "-t", 1, "-q", "--json"))
        cls.model = json.loads(outcome.out)["checkpoint"]
        pick = lambda: (rng.randrange(len(WORDS)), rng.randrange(len(COLOURS)))
        prompt = lambda word: f"the colour of {WORDS[word]} is"
        colour = lambda word, shift=0: f" {COLOURS[(word + shift) % 4]} and {COLOURS[(word + 1) % 4]}"
        cls.write("sft.jsonl", [{"prompt": prompt(a), "completion": colour(a)} for a, _ in (pick() for _ in range(120))])
        cls.write("chat.jsonl", [{"messages": [{"role": "user", "content": prompt(a)}, {"role": "assistant", "content": colour(a)}]}
                                 for a, _ in (pick() for _ in range(40))])
        cls.write("dpo.jsonl", [{"prompt": prompt(a), "chosen": colour(a), "rejected": colour(a, 1 + b % 3)}
                                for a, b in (pick() for _ in range(80))])

    @classmethod
    def write(cls, name, records):
        (cls.base / name).write_text("".join(json.dumps(record) + "\n" for record in records))

    def finetune(self, out, trainer, data, *more, steps=24):
        return ("finetune", "--model-path", self.model, "--trainer", trainer, "--data-path", self.base / data, "--output-dir", out,
                "--batch-size", 4, "--gradient-accumulation-steps", 2, "--lr", "5e-3", "--max-steps", steps, "--log-interval", 2,
                "--eval-interval", 8, "--save-interval", 3, "-t", 1, "-q", "--json", *more)

    def records(self, made, event="train"):
        lines = (pathlib.Path(made["run"]) / "metrics.jsonl").read_text().splitlines()
        return [record for record in map(json.loads, lines) if record["event"] == event]

    def dataset(self, out):
        (found,) = (out / "data").glob("*.bin")
        return found

    def test_completions(self):
        made = self.json(*self.finetune(self.folder / "out", "sft", "sft.jsonl"))
        losses = [record["train/loss"] for record in self.records(made)]
        self.assertLess(losses[-1], 0.5 * losses[0])
        self.assertLess(made["eval_loss"], 0.5 * losses[0])
        shown = self.json("data", "inspect", self.dataset(self.folder / "out"), "--tokenizer-path", self.base / "tok", "--show", 1,
                          "--json")
        entry = shown["shown"][0]
        self.assertTrue(shown["marked"] and not shown["paired"])
        prompt = [label == -100 for label in entry["labels"]]
        self.assertTrue(prompt[0] and not prompt[-1] and prompt == sorted(prompt, reverse=True))
        self.assertEqual([label for label in entry["labels"] if label != -100], entry["ids"][prompt.count(True):])
        self.assertIn("the colour of", entry["text"])
        # All tokens count when that is asked for, and rows of one example each give the same kind of run.
        every = self.json(*self.finetune(self.folder / "all", "sft", "sft.jsonl", "--no-completion-only-loss", "--set",
                                         "data.packing=false", steps=2))
        self.assertEqual(every["steps"], 2)
        shown = self.json("data", "inspect", self.dataset(self.folder / "all"), "--show", 1, "--json")["shown"][0]
        self.assertEqual(shown["labels"], shown["ids"])
        self.assertLessEqual(len(self.json("run", made["checkpoint"], "-p", "the colour of river is", "-n", 4, "--json")["ids"]), 4)

    def test_conversations(self):
        for style, opening in (("chatml", "<|im_start|>assistant\n"), ("roles", "<|assistant|>\n")):
            out = self.folder / style
            self.json(*self.finetune(out, "sft", "chat.jsonl", "--chat-format", style, "--assistant-only-loss", steps=2))
            shown = self.json("data", "inspect", self.dataset(out), "--tokenizer-path", self.base / "tok", "--show", 1,
                              "--json")["shown"][0]
            self.assertIn(opening, shown["text"])
            self.assertIn(-100, shown["labels"])
        # A template of the model's own is not rendered, and not left aside in silence.
        own = self.folder / "own"
        shutil.copytree(self.model, own)
        (own / "chat_template.jinja").write_text("{{ messages }}")
        arguments = [own if argument == self.model else argument
                     for argument in self.finetune(self.folder / "o", "sft", "chat.jsonl", steps=1)]
        self.refused(*arguments, code=3, says=["chat template", "--chat-format"])
        self.json(*arguments, "--chat-format", "roles")

    def test_preferences(self):
        made = self.json(*self.finetune(self.folder / "out", "dpo", "dpo.jsonl", "--trainer-setting", "beta=1", steps=40))
        records = self.records(made)
        self.assertNotIn("train/perplexity", records[0])
        self.assertAlmostEqual(records[0]["train/loss"], 0.6931, delta=0.05)
        self.assertLess(records[-1]["train/loss"], 0.5)
        self.assertGreater(records[-1]["train/rewards/accuracies"], 0.8)
        for record in records:
            margin = record["train/rewards/chosen"] - record["train/rewards/rejected"]
            self.assertAlmostEqual(record["train/rewards/margins"], margin, delta=1e-4)
        last = self.records(made, "evaluation")[-1]
        self.assertGreater(last["eval/rewards/accuracies"], 0.8)
        # Without steps nothing differs from the reference: the first step's margin is 0.
        one = self.json(*self.finetune(self.folder / "one", "dpo", "dpo.jsonl", steps=1))
        self.assertAlmostEqual(self.records(one)[0]["train/rewards/margins"], 0, delta=1e-5)
        self.assertAlmostEqual(self.records(one)[0]["train/loss"], 0.693147, delta=1e-5)

    def test_killed_preferences_end_the_same(self):
        curve = lambda made: [{key: value for key, value in record.items() if key not in TIMES}
                              for event in ("train", "evaluation") for record in self.records(made, event)]
        arguments = lambda name: self.finetune(self.folder / name, "dpo", "dpo.jsonl", "--set", "training.trainer_settings={\"beta\": 0.3}")
        whole = self.json(*arguments("whole"))
        rng = random.Random(3)
        for how in (signal.SIGKILL, signal.SIGINT):
            process = subprocess.Popen([str(PROGRAM), *map(str, arguments("killed"))], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            metrics = self.folder / "killed/finetune/metrics.jsonl"
            lines = rng.randint(2, 5) + (len(metrics.read_text().splitlines()) if metrics.exists() else 0)
            while process.poll() is None and not (metrics.exists() and len(metrics.read_text().splitlines()) >= lines):
                time.sleep(0.002)
            process.send_signal(how)
            process.wait()
        # The reference of the first start is kept; without it it is computed again from the same weights.
        (reference,) = (self.folder / "killed/data").glob("*.reference")
        reference.unlink()
        killed = self.json(*arguments("killed"))
        self.assertEqual(curve(killed), curve(whole))
        for name in ("model.safetensors", "optimizer-00001-of-00001.safetensors"):
            self.assertEqual(*(pathlib.Path(made["checkpoint"], name).read_bytes() for made in (killed, whole)), name)

    def test_a_teacher(self):
        teacher = self.json(*self.finetune(self.folder / "teacher", "sft", "sft.jsonl"))["checkpoint"]
        made = self.json(*self.finetune(self.folder / "out", "distillation", "sft.jsonl", "--teacher", teacher,
                                        "--trainer-setting", "alpha=1"))
        records = self.records(made)
        self.assertLess(records[-1]["train/kl_loss"], 0.5 * records[0]["train/kl_loss"])
        self.assertNotIn("teacher", " ".join(support.read_safetensors_header(pathlib.Path(made["checkpoint"]) / "model.safetensors")))
        # The older key says the same.
        config = self.folder / "d.json"
        config.write_text(json.dumps({"training": {"distillation": {"teacher": teacher, "alpha": 1, "hidden_weight": 0}}}))
        arguments = self.finetune(self.folder / "key", "distillation", "sft.jsonl", "--config", config)
        same = self.json(*(a for i, a in enumerate(arguments) if a != "--trainer" and arguments[i - 1] != "--trainer"))
        self.assertEqual([record["train/loss"] for record in self.records(same)], [record["train/loss"] for record in records])

    def test_trainers_are_listed(self):
        listed = self.json("trainers", "--json")
        self.assertTrue({"causal_lm", "sft", "dpo", "distillation"} <= set(listed))
        self.assertIn("ipo", listed["dpo"]["settings"]["loss_type"]["choices"])
        self.assertIn("beta = 0.1", self.good("trainers", "dpo").out)

    def test_mistakes_get_one_message(self):
        bad = self.folder / "bad.jsonl"
        bad.write_text((self.base / "dpo.jsonl").read_text() + '{"prompt": "a", "chosen": "b"}\n{oops\n')
        out = self.folder / "out"
        base = [bad if str(argument).endswith("dpo.jsonl") else argument for argument in self.finetune(out, "dpo", "dpo.jsonl", steps=1)]
        self.refused(*base, says=["bad.jsonl:81", "chosen", "--on-bad-record"])
        skipped = self.good(*base, "--on-bad-record", "skip")
        self.assertEqual(skipped.err.count("warning: skipped"), 2)
        self.refused(*self.finetune(out, "dpq", "dpo.jsonl"), says=["dpq", "dpo"])
        self.refused(*self.finetune(out, "dpo", "dpo.jsonl", "--trainer-setting", "bets=1"), says=["bets", "beta"])
        self.refused(*self.finetune(out, "dpo", "dpo.jsonl", "--trainer-setting", "loss_type=ipq"), says=["ipq", "ipo"])
        self.refused(*self.finetune(out, "dpo", "dpo.jsonl", "--trainer-setting", "beta"), says=["NAME=VALUE"])
        self.refused(*self.finetune(out, "dpo", "sft.jsonl"), says=["sft.jsonl:1", "chosen"])
        self.refused(*self.finetune(out, "distillation", "sft.jsonl"), says=["--teacher"])
        # A prepared dataset of pairs is no text, and a text no pairs.
        (pairs,) = (path for path in (out / "data").glob("*.bin") if self.json("data", "inspect", path, "--json")["paired"])
        arguments = self.finetune(out, "sft", "dpo.jsonl")
        self.refused(*(pairs if str(argument).endswith("dpo.jsonl") else argument for argument in arguments), says=["preferences"])


if __name__ == "__main__":
    unittest.main()

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

    def finetune(self, out, trainer, data, *more, steps=24, verb="finetune", model=None, rate="5e-3"):
        return (verb, "--model-path", model or self.model, "--trainer", trainer, "--data-path", self.base / data, "--output-dir", out,
                "--batch-size", 4, "--gradient-accumulation-steps", 2, "--lr", rate, "--max-steps", steps, "--log-interval", 2,
                "--eval-interval", 8, "--save-interval", 3, "-t", 1, "-q", "--json", *more)

    def records(self, made, event="train"):
        lines = (pathlib.Path(made["run"]) / "metrics.jsonl").read_text().splitlines()
        return [record for record in map(json.loads, lines) if record["event"] == event]

    def dataset(self, out):
        (found,) = (out / "data").glob("*.bin")
        return found

    def test_modes(self):
        """Of finetune: what it trains where no trainer is named."""
        def run(name, *more, data="sft.jsonl"):
            arguments = list(self.finetune(self.folder / name, "", data, *more, steps=2))
            place = arguments.index("--trainer")
            return self.json(*arguments[:place], *arguments[place + 2:])

        def losses(made):
            return [record["train/loss"] for record in self.records(made)]

        named = losses(self.json(*self.finetune(self.folder / "named", "sft", "sft.jsonl", steps=2)))
        self.assertEqual(losses(run("records")), named)
        self.assertEqual(losses(run("sft", "--mode", "sft")), named)
        self.assertNotEqual(losses(run("full", "--mode", "full")), named)
        adapted = [losses(self.json(*arguments)) for arguments in (
            self.finetune(self.folder / "lora", "sft", "sft.jsonl", steps=2, verb="lora-finetune"),
            [one for one in self.finetune(self.folder / "lora-records", "", "sft.jsonl", steps=2, verb="lora-finetune")
             if one not in ("--trainer", "")])]
        self.assertEqual(*adapted)
        config = self.folder / "mode.yaml"
        config.write_text("training:\n  mode: prefix\n  use_amp: true\n")
        for kind, more in (("LORA", ("--mode", "lora", "--lora-rank", 2)), ("BOTTLENECK", ("--mode", "adapter")),
                           ("PREFIX_TUNING", ("--config", config))):
            made = run(kind, *more)
            written = json.loads((pathlib.Path(made["checkpoint"]) / "adapter_config.json").read_text())
            self.assertEqual(written["peft_type"], kind)
            self.assertEqual(pathlib.Path(made["run"]).name, "finetune")

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
            made = self.json(*self.finetune(out, "sft", "chat.jsonl", "--chat-format", style, "--assistant-only-loss", steps=2))
            # Who talks to the model speaks as it has learned.
            said = [self.json("run", made["checkpoint"], "--chat", "--single-turn", "-p", "hello", "-n", 4, "--temp", 0, "--json", *more)
                    for more in ((), ("--chat-template", style))]
            self.assertEqual(*[answer["ids"] for answer in said])
            shown = self.json("data", "inspect", self.dataset(out), "--tokenizer-path", self.base / "tok", "--show", 1,
                              "--json")["shown"][0]
            self.assertIn(opening, shown["text"])
            self.assertIn(-100, shown["labels"])
        # A template of the model's own is rendered, and what it refuses is said.
        own = self.folder / "own"
        shutil.copytree(self.model, own)
        template = own / "chat_template.jinja"
        template.write_text("{% for m in messages %}[{{ m.role }}] {% if m.role == 'assistant' %}{% generation %}"
                            "{{ m.content + eos_token }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}")
        arguments = [own if argument == self.model else argument
                     for argument in self.finetune(self.folder / "o", "sft", "chat.jsonl", "--assistant-only-loss", steps=1)]
        self.json(*arguments)
        shown = self.json("data", "inspect", self.dataset(self.folder / "o"), "--tokenizer-path", self.base / "tok", "--show", 1,
                          "--json")["shown"][0]
        self.assertIn("[assistant]", shown["text"])
        learned = [label for label in shown["labels"] if label != -100]
        self.assertTrue(0 < len(learned) < len(shown["ids"]) and shown["labels"][-1] == shown["ids"][-1])
        for text, says in (("{{ messages }}", "generation"), ("{% if %}", "chat_template.jinja, line 1"),
                           ("{% generation %}{{ raise_exception('not these') }}{% endgeneration %}", "not these")):
            template.write_text(text)
            shutil.rmtree(self.folder / "o")
            self.refused(*arguments, code=2, says=[says])
        template.unlink()
        self.refused(*arguments, "--chat-format", "template", code=2, says=["no chat template", "chat_template.jinja"])
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

    def test_preferences_in_bf16(self):
        made = self.json(*self.finetune(self.folder / "out", "dpo", "dpo.jsonl", "--trainer-setting", "beta=1", "--precision", "bf16",
                                        steps=40))
        records = self.records(made)
        # The reference is rounded as the model is: before the first step they are the same.
        one = self.json(*self.finetune(self.folder / "one", "dpo", "dpo.jsonl", "--precision", "bf16", steps=1))
        self.assertAlmostEqual(self.records(one)[0]["train/loss"], 0.693147, delta=1e-4)
        self.assertLess(records[-1]["train/loss"], 0.5)
        self.assertGreater(records[-1]["train/rewards/accuracies"], 0.8)

    def test_preferences_of_an_adapter(self):
        """A LoRA learns them; the model without it is the reference, and stays as it is."""
        arguments = lambda name, steps: self.finetune(self.folder / name, "dpo", "dpo.jsonl", "--trainer-setting", "beta=1",
                                                      "--lora-rank", 8, verb="lora-finetune", rate="5e-2", steps=steps)
        one = self.json(*arguments("one", 1))
        self.assertAlmostEqual(self.records(one)[0]["train/loss"], 0.693147, delta=1e-5)
        made = self.json(*arguments("out", 40))
        records = self.records(made)
        self.assertLess(records[-1]["train/loss"], 0.6)
        self.assertGreater(records[-1]["train/rewards/margins"], 0.5)
        self.assertTrue((pathlib.Path(made["checkpoint"]) / "adapter_model.safetensors").exists())
        # What it learned is in it: the adapter likes what was chosen better than the model alone does.
        texts = ["the colour of %s is %s and %s" % (WORDS[0], COLOURS[0], COLOURS[1]), "the colour of %s is %s and %s" % (
            WORDS[0], COLOURS[2], COLOURS[1])]
        ahead = lambda *options: (lambda a, b: a["sum"] - b["sum"])(
            *(self.json("score", self.model, "-p", text, "--json", *options) for text in texts))
        self.assertGreater(ahead("--adapter", made["checkpoint"]), ahead())

    def classify(self, model, *arguments):
        return [json.loads(line) for line in self.good("classify", model, "-q", *arguments).out.splitlines()]

    def test_rewards(self):
        records = [json.loads(line) for line in (self.base / "dpo.jsonl").read_text().splitlines()]
        for i, record in enumerate(records):
            record.update({"margin": 1} if i % 2 else {})
        self.write("rewards.jsonl", records)
        made = self.json(*self.finetune(self.folder / "out", "reward", "rewards.jsonl", rate="1e-2", steps=100))
        curve = self.records(made)
        self.assertLess(curve[-1]["train/loss"], 0.3 * curve[0]["train/loss"])
        self.assertGreater(self.records(made, "evaluation")[-1]["eval/rewards/accuracies"], 0.8)
        for record in curve:
            margin = record["train/rewards/chosen"] - record["train/rewards/rejected"]
            self.assertAlmostEqual(record["train/rewards/margins"], margin, delta=1e-4)
        # Margins are what makes the difference to a run without them.
        plain = self.records(self.json(*self.finetune(self.folder / "plain", "reward", "dpo.jsonl", steps=2)))
        self.assertNotAlmostEqual(plain[0]["train/loss"], curve[0]["train/loss"], delta=0.05)
        self.assertAlmostEqual(plain[0]["train/loss"], 0.6931, delta=0.1)
        # The result is a classifier; code, interpreter and artifact agree, and it ranks as it has learned.
        config = json.loads((pathlib.Path(made["checkpoint"]) / "config.json").read_text())
        self.assertEqual((config["architectures"], config["num_labels"]), (["LlamaForSequenceClassification"], 1))
        names = support.read_safetensors_header(pathlib.Path(made["checkpoint"]) / "model.safetensors")
        self.assertIn("score.weight", names)
        self.assertNotIn("lm_head.weight", names)
        self.write("texts.jsonl", [{"prompt": record["prompt"], "completion": record[which]}
                                   for record in records[:20] for which in ("chosen", "rejected")])
        scores = [line["scores"]["LABEL_0"] for line in self.classify(made["checkpoint"], "--input", self.base / "texts.jsonl")]
        self.assertGreater(sum(a > b for a, b in zip(scores[0::2], scores[1::2])), 15)
        plainly = self.classify(made["checkpoint"], "--input", self.base / "texts.jsonl", "--engine", "reference")
        for score, line in zip(scores, plainly):
            self.assertAlmostEqual(score, line["scores"]["LABEL_0"], delta=1e-4)
        self.good("compile", made["checkpoint"], "-o", self.folder / "art", "-q")
        text = records[0]["prompt"] + records[0]["chosen"]
        (one,) = self.classify(self.folder / "art", "-p", text)
        self.assertAlmostEqual(one["scores"]["LABEL_0"], scores[0], delta=1e-4)
        self.assertEqual(self.json("classify", "-p", text, program=self.folder / "art"), one)
        (open_ended,) = self.classify(made["checkpoint"], "-p", text, "--no-eos")
        self.assertEqual(open_ended["tokens"], one["tokens"] - 1)
        self.good("verify", made["checkpoint"], "-q")
        # Each says what the other is for.
        self.refused("run", made["checkpoint"], "-p", "the", code=3, says=["llc-model classify"])
        self.refused("classify", self.model, "-p", "the", code=3, says=["no labels", "--trainer reward"])
        # It goes on from its own head.
        more = self.json(*self.finetune(self.folder / "more", "reward", "dpo.jsonl", model=made["checkpoint"], steps=1))
        self.assertLess(self.records(more)[0]["train/loss"], plain[0]["train/loss"])

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
        self.assertTrue({"causal_lm", "sft", "dpo", "distillation", "reward"} <= set(listed))
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
        self.refused(*self.finetune(out, "dpo", "dpo.jsonl", "--mode", "sft"), says=["training.mode sft", "dpo"])
        self.refused(*self.finetune(out, "sft", "sft.jsonl", "--mode", "qlora"), code=3, says=["4 bits", "lora"])
        self.refused(*self.finetune(out, "sft", "sft.jsonl", "--mode", "lora", "--peft", "ia3"), says=["contradict"])
        self.refused(*self.finetune(out, "sft", "sft.jsonl", "--set", "training.mode=lora", verb="train"), says=["is a mode of finetune"])
        for key in ("training.active_learning={}", "data.mix={}", "checkpoint.async=true", "distributed.zero_stage=2",
                    "evaluation.batch_size=100"):
            self.refused(*self.finetune(out, "sft", "sft.jsonl", "--set", key), code=3, says=[key.split("=")[0], "not available yet"])
        self.refused(*self.finetune(out, "dpo", "dpo.jsonl", "--trainer-setting", "bets=1"), says=["bets", "beta"])
        self.refused(*self.finetune(out, "dpo", "dpo.jsonl", "--trainer-setting", "loss_type=ipq"), says=["ipq", "ipo"])
        self.refused(*self.finetune(out, "dpo", "dpo.jsonl", "--trainer-setting", "beta"), says=["NAME=VALUE"])
        self.refused(*self.finetune(out, "dpo", "sft.jsonl"), says=["sft.jsonl:1", "chosen"])
        self.refused(*self.finetune(out, "distillation", "sft.jsonl"), says=["--teacher"])
        self.refused("pretrain", "--config", self.base / "c.json", "--trainer", "reward", "--data-path", self.base / "dpo.jsonl", code=3,
                     says=["reward", "llc-model finetune"])
        bad.write_text('{"chosen": "a", "rejected": "b", "margin": "much"}\n')
        self.refused(*(bad if str(argument).endswith("dpo.jsonl") else argument for argument in self.finetune(
            out, "reward", "dpo.jsonl", steps=1)), says=["bad.jsonl:1", "margin"])
        # A prepared dataset of pairs is no text, and a text no pairs.
        (pairs,) = (path for path in (out / "data").glob("*.bin") if self.json("data", "inspect", path, "--json")["paired"])
        arguments = self.finetune(out, "sft", "dpo.jsonl")
        self.refused(*(pairs if str(argument).endswith("dpo.jsonl") else argument for argument in arguments), says=["preferences"])


if __name__ == "__main__":
    unittest.main()

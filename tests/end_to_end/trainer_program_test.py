"""compile-train: a program that trains without a compiler is llc-model's training, bit for bit."""
import json
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import support
import tiny_training
from tiny_training import TIMES, lines_of_words

STATE = ("model.safetensors", "optimizer-00001-of-00001.safetensors")


class TrainerProgram(tiny_training.Case):
    @classmethod
    def setUpClass(cls):
        cls.begin(lines_of_words(600))
        cls.prepare(cls.compile_train(cls.base / "trainer"))

    @classmethod
    def compile_train(cls, output):
        return ("compile-train", cls.base / "c.json", "-o", output, "--tokenizer-path", cls.base / "tok", *cls.compiled(),
                "--target-cpu", "native", "-q")

    @staticmethod
    def compiled():
        return ("--batch-size", 4, "--gradient-accumulation-steps", 2, "--lr", "5e-3")

    def run_options(self, out, steps=12):
        return ("--data-path", self.base / "text.txt", "--output-dir", out, "--max-steps", steps, "--log-interval", 2,
                "--eval-interval", 6, "--save-interval", 3, "--seed", 7, "--threads", 1, "-q", "--json")

    def with_compiler(self, out, *more, **options):
        return self.json("pretrain", "--config", self.base / "c.json", "--tokenizer-path", self.base / "tok", *self.compiled(),
                         *self.run_options(out, **options), *more)

    def alone(self, out, *more, program="trainer", **options):
        return self.json(*self.run_options(out, **options), *more, program=self.base / program)

    def curve(self, made):
        lines = pathlib.Path(made["run"], "metrics.jsonl").read_text().splitlines()
        records = [json.loads(line) for line in lines]
        return [{key: value for key, value in record.items() if key not in TIMES} for record in records if record["event"] != "checkpoint"]

    def same(self, one, other):
        self.assertEqual(self.curve(one), self.curve(other))
        for name in STATE:
            self.assertEqual(*(pathlib.Path(made["checkpoint"], name).read_bytes() for made in (one, other)), name)

    def test_reads_parquet(self):
        goldens = support.ROOT / "tests/golden/parquet"
        self.same(*(self.alone(self.folder / name, "--on-bad-record", "skip", "--data-path", goldens / name, steps=4)
                    for name in ("nested_pages.parquet", "nested.jsonl")))
        outcome = support.run("--data-path", goldens / "brotli.parquet", "--output-dir", self.folder / "no", program=self.base / "trainer")
        self.assertIn("BROTLI", outcome.err)

    def test_trains_as_the_compiler_does_and_goes_on_from_its_checkpoints(self):
        whole, trained = self.with_compiler(self.folder / "whole"), self.alone(self.folder / "alone")
        self.assertEqual(len([record for record in self.curve(whole) if record["event"] == "train"]), 6)
        self.same(whole, trained)
        # The last checkpoints are lost; the other program goes on from those before.
        for made in (whole, trained):
            shutil.rmtree(made["checkpoint"])
        before = self.curve(trained)
        across = self.with_compiler(self.folder / "alone")
        back = self.alone(self.folder / "whole")
        self.same(across, back)
        self.assertEqual(self.curve(back), before)

    def test_killed_it_ends_the_same(self):
        whole = self.alone(self.folder / "whole")
        arguments = [str(self.base / "trainer"), *map(str, self.run_options(self.folder / "killed"))]
        metrics = self.folder / "killed/pretrain/metrics.jsonl"
        for lines, how in ((1, signal.SIGKILL), (3, signal.SIGINT)):
            process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while process.poll() is None and not (metrics.exists() and len(metrics.read_text().splitlines()) >= lines):
                time.sleep(0.002)
            process.send_signal(how)
            process.wait()
        self.same(whole, self.alone(self.folder / "killed"))

    def test_needs_the_c_library_alone_and_is_the_same_twice(self):
        listed = subprocess.run(["readelf", "-d", str(self.base / "trainer")], capture_output=True, text=True, check=True).stdout
        needed = {name for name in re.findall(r"NEEDED.*\[(.*)\]", listed) if not name.startswith("ld-linux")}  # the loader is there
        self.assertEqual(needed, {"libc.so.6", "libm.so.6"})
        self.good(*self.compile_train(self.folder / "again"))
        self.assertEqual((self.folder / "again").read_bytes(), (self.base / "trainer").read_bytes())

    def test_says_what_it_is_and_refuses_what_was_compiled_in(self):
        trainer = self.base / "trainer"
        manifest = self.json("info", "--json", "--check", program=trainer)
        self.assertGreater(manifest["arena_bytes"], 0)
        text = self.good("info", program=trainer).out
        for part in ("micro-batches of 4 rows of 64 tokens, 2 a step", "optimizer_state", "training.lr ", "training.batch_size"):
            self.assertIn(part, text)
        self.assertIn("--max-steps", self.good("--help", program=trainer).out)
        run = self.run_options(self.folder / "out")
        for option in (("--batch-size", 8), ("--block-size", 32), ("--precision", "bf16"), ("--optimizer", "lion"),
                       ("--freeze", "x"), ("--set", "d_model=64"), ("--tokenizer-path", "x")):
            self.refused(*run, *option, program=trainer, says=[option[0], "compile again"])
        self.refused(*run, "--lr", "fast", program=trainer, says=["--learning-rate", "fast"])
        self.refused(*run, "--set", "training.lrr=1", program=trainer, says=["training.lr"])
        self.refused(*run, "--data-path", self.folder / "none.txt", program=trainer, says=["none.txt"])
        self.refused("run", trainer, "-p", "x", code=3, says=["trainer"])

    def test_goes_on_from_a_model_that_travels_along(self):
        first = self.with_compiler(self.folder / "first", steps=2)
        arguments = ("--model-path", first["checkpoint"], "--block-size", 32, "--freeze", "model.embed_tokens.weight", "--lr", "1e-3")
        self.good("compile-train", "--verb", "finetune", *arguments, "-o", self.base / "tuner", "--target-cpu", "native", "-q")
        one = self.json("finetune", *arguments, *self.run_options(self.folder / "one", steps=3))
        self.same(one, self.alone(self.folder / "other", program="tuner", steps=3))

    def test_moves_weights_early(self):
        """Without clipping and accumulation; with the compiler and without, early or not, weights are the same."""
        one, other = self.pair("pretrain", "--max-grad-norm", 0, accumulation=1)
        self.same(one, other)
        late, other = self.pair("pretrain", "--max-grad-norm", 0, "--early-updates", "never", accumulation=1)
        self.same(late, other)
        for name in STATE:
            self.assertEqual(*(pathlib.Path(made["checkpoint"], name).read_bytes() for made in (one, late)), name)
        says = "each weight moves as soon as its gradient is complete"
        self.assertIn(says, pathlib.Path(one["run"], "training.log").read_text())
        self.assertNotIn(says, pathlib.Path(late["run"], "training.log").read_text())

    def write(self, name, records):
        (self.folder / name).write_text("".join(json.dumps(record) + "\n" for record in records))
        return self.folder / name

    def pair(self, verb, *settings, model=None, data=None, steps=3, fixes_seed=False, accumulation=2, more=()):
        """Trains with the compiler and with a program that was compiled with the same settings: both outcomes."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        settings = (*(() if model else ("--tokenizer-path", self.base / "tok")), "--batch-size", 4,
                    "--gradient-accumulation-steps", accumulation, *settings)
        given = ("--model-path", model) if model else ("--config", self.base / "c.json")
        options = ["--data-path", data or self.base / "text.txt", "--max-steps", steps, "--log-interval", 1, "--eval-interval", 2,
                   "--save-interval", 2, "--threads", 1, "-q", "--json", *more]
        seed = ("--seed", 7)
        self.good("compile-train", *(given if model else given[1:]), "--verb", verb, *settings, *(seed if fixes_seed else ()), "-o",
                  folder / "trainer", "--target-cpu", "native", "-q")
        if fixes_seed:
            self.refused("--seed", 8, "--data-path", "x", program=folder / "trainer", says=["--seed", "compile again"])
        one = self.json(verb, *given, *settings, *seed, *options, "--output-dir", folder / "one")
        other = self.json(*(() if fixes_seed else seed), *options, "--output-dir", folder / "other", program=folder / "trainer")
        return one, other

    def trained_model(self):
        return self.with_compiler(self.folder / "first", steps=2)["checkpoint"]

    def same_files(self, one, other):
        self.assertEqual(self.curve(one), self.curve(other))
        ends = (".safetensors", "config.json")
        names = {path.name for path in pathlib.Path(one["checkpoint"]).iterdir() if path.name.endswith(ends)}
        self.assertEqual(names, {path.name for path in pathlib.Path(other["checkpoint"]).iterdir() if path.name.endswith(ends)})
        for name in names:
            self.assertEqual(*(pathlib.Path(made["checkpoint"], name).read_bytes() for made in (one, other)), name)

    def test_averages_of_the_weights(self):
        for more in ((), ("--set", "training.ema_model=false")):
            self.same_files(*self.pair("pretrain", "--ema-decay", 0.8, *more))

    def test_text_on_the_way(self):
        """By the program that trains: with averages, another prompt than the compiled one, and behind virtual tokens."""
        texts = lambda made: [record["text"] for record in self.curve(made) if record["event"] == "sample"]
        one, other = self.pair("pretrain", "--sample-prompt", "the river", "--ema-decay", 0.5, steps=4)
        self.same_files(one, other)
        self.assertEqual(len(texts(one)), 2)
        self.assertTrue(all(text.startswith("the river") and len(text) > 12 for text in texts(one)))
        model, last = one["checkpoint"], texts(one)[-1]
        one, other = self.pair("lora-finetune", "--sample-prompt", "x", "--peft", "prompt_tuning", "--num-virtual-tokens", 3,
                               model=model, fixes_seed=True)
        self.same_files(one, other)
        changed = self.json("--data-path", self.base / "text.txt", "--max-steps", 1, "--sample-prompt", "old stone", "--output-dir",
                            self.folder / "changed", "-q", "--json", program=pathlib.Path(one["run"]).parents[1] / "trainer")
        self.assertTrue(texts(changed)[0].startswith("old stone"))
        self.refused("--sample-prompt", "x", "--data-path", "x", program=self.base / "trainer", says=["--sample-prompt", "compile again"])
        # It is what a program that serves says: the text of the checkpoint of the same step.
        served = self.json("run", model, "-p", "the river", "-n", 50, "--temp", 0.8, "--seed", 42, "--top-k", 0, "--top-p", 1, "--json",
                           "--dtype", "f32", "--cache-dtype", "f32")
        self.assertEqual("the river" + served["text"], last)

    def test_weights_in_bf16_and_dropout(self):
        one, other = self.pair("pretrain", "--weight-dtype", "bf16", "--set", "dropout=0.1", fixes_seed=True)
        self.same_files(one, other)
        types = {entry["dtype"] for entry in support.read_safetensors_header(pathlib.Path(other["checkpoint"], STATE[0])).values()}
        self.assertEqual(types, {"BF16", "F32"})
        self.same_files(*self.pair("train", "--weight-dtype", "bf16", "--set", "training.stochastic_rounding=false",
                                   model=one["checkpoint"]))

    def test_adapters(self):
        """Each kind; with what was there as well as made by the seed."""
        model = self.trained_model()
        for settings in (("--lora-rank", 4, "--lora-dropout", 0.1), ("--use-dora", "--modules-to-save", "norm"), ("--peft", "bottleneck"),
                         ("--peft", "p_tuning", "--num-virtual-tokens", 4, "--block-size", 32),
                         ("--peft", "prefix_tuning", "--num-virtual-tokens", 4, "--block-size", 32)):
            one, other = self.pair("lora-finetune", *settings, model=model, fixes_seed=True)
            self.same_files(one, other)
        self.good("run", model, "--adapter", other["checkpoint"], "-p", "the", "-n", 2)
        one, other = self.pair("lora-finetune", "--adapter", one["checkpoint"], "--block-size", 32, model=model)
        self.same_files(one, other)
        # Either goes on from what the other wrote.
        run = pathlib.Path(one["run"]).parent
        shutil.rmtree(one["checkpoint"])
        trainer = run.parent / "trainer"
        on = self.json("--data-path", self.base / "text.txt", "--max-steps", 3, "--log-interval", 1, "--eval-interval", 2,
                       "--save-interval", 2, "--seed", 7, "-t", 1, "-q", "--json", "--output-dir", run, program=trainer)
        self.same_files(on, other)

    def test_each_trainer(self):
        model = self.trained_model()
        pairs = [("the river", " runs under every", " runs over none"), ("old stone and", " carries water", " carries nothing at all")] * 12
        answers = self.write("answers.jsonl", [{"prompt": a, "completion": b} for a, b, _ in pairs])
        preferences = self.write("pairs.jsonl", [{"prompt": a, "chosen": b, "rejected": c} for a, b, c in pairs])
        for trainer, data, more in (("sft", answers, ()), ("distillation", answers, ("--teacher", model)),
                                    ("dpo", preferences, ("--block-size", 32)), ("reward", preferences, ("--block-size", 32))):
            one, other = self.pair("finetune", "--trainer", trainer, *more, model=model, data=data, fixes_seed=trainer == "reward",
                                   more=("--validation-split", 0.1))
            self.same_files(one, other)
        one, other = self.pair("lora-finetune", "--trainer", "dpo", "--block-size", 32, model=model, data=preferences, fixes_seed=True)
        self.same_files(one, other)

    def test_other_architectures(self):
        for name in ("gpt2", "gemma2", "qwen3"):
            model = self.folder / name
            shutil.copytree(support.ROOT / "tests/golden/architectures" / name, model)
            tokens = {**{chr(97 + i): i for i in range(26)}, "<unk>": 26, "</s>": 27}
            (model / "tokenizer.json").write_text(json.dumps(
                {"version": "1.0", "added_tokens": [{"id": 27, "content": "</s>", "special": True, "single_word": False, "lstrip": False,
                                                      "rstrip": False, "normalized": False}],
                 "normalizer": None, "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "."}, "behavior": "Isolated", "invert": False},
                 "post_processor": None, "decoder": None, "model": {"type": "WordLevel", "unk_token": "<unk>", "vocab": tokens}}))
            # GPT-2's config.json has dropout.
            self.same_files(*self.pair("train", "--block-size", 16, model=model, fixes_seed=name == "gpt2"))

    def test_what_can_not_be_compiled_is_said(self):
        base = ("compile-train", self.base / "c.json", "-o", self.folder / "t", "--tokenizer-path", self.base / "tok")
        self.refused("compile-train", "-o", self.folder / "t", says=["CONFIG"])
        self.refused(*base, "--verb", "finetune", says=["--model-path"])
        self.refused(*base, "--trainer", "dpo", says=["--block-size"])
        self.refused(*base, "--freeze", "model.embed_tokens.weight", code=3, says=["training.freeze"])
        self.refused(*base, "--adapter", "x", says=["--adapter", "lora-finetune"])
        model = ("compile-train", "--model-path", self.trained_model(), "--verb", "lora-finetune", "-o", self.folder / "t")
        self.refused(*model, "--merge", code=3, says=["lora.merge", "llc-model merge"])
        self.refused(*model, "--peft", "prompt_tuning", "--trainer", "sft", says=["--block-size"])
        self.assertFalse((self.folder / "t").exists())


if __name__ == "__main__":
    unittest.main()

"""From raw text to a trained model that runs, and what happens when the way is interrupted."""
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
from tiny_training import TIMES, lines_of_words


class Training(tiny_training.Case):
    @classmethod
    def setUpClass(cls):
        """A text whose next word is nearly certain, a tokenizer, a dataset, a configuration."""
        cls.begin(lines_of_words(600))
        cls.prepare(
            ("data", "prepare", "-i", cls.base / "text.txt", "--tokenizer-path", cls.base / "tok", "-o", cls.base / "train.bin", "-q"))

    def pretrain(self, out, *more, steps=24):
        return ("pretrain", "--config", self.base / "c.json", "--data-path", self.base / "train.bin", "--tokenizer-path", self.base / "tok",
                "--output-dir", out, "--batch-size", 4, "--gradient-accumulation-steps", 2, "--lr", "5e-3", "--max-steps", steps,
                "--log-interval", 2, "--eval-interval", 8, "--save-interval", 3, "--threads", 1, "-q", "--json", *more)

    def curve(self, run):
        """What must not depend on interruptions, line by line."""
        parts = sorted(run.glob("metrics.jsonl*"), key=lambda part: -int(part.suffix[1:]) if part.suffix != ".jsonl" else 0)
        records = [json.loads(line) for part in parts for line in part.read_text().splitlines()]
        return [{key: value for key, value in record.items() if key not in TIMES} for record in records if record["event"] != "checkpoint"]

    def test_from_text_to_a_model_that_runs(self):
        made = self.json(*self.pretrain(self.folder / "out", "--trackers", "tensorboard"))
        run = pathlib.Path(made["run"])
        self.assertEqual((made["steps"], made["stopped"]), (24, "finished"))
        losses = [record["train/loss"] for record in self.curve(run) if record["event"] == "train"]
        self.assertEqual(len(losses), 12)
        self.assertGreater(losses[0], 5)
        self.assertLess(losses[-1], 0.6 * losses[0])
        self.assertLess(made["eval_loss"], 0.6 * losses[0])
        self.assertEqual((run / "latest").read_text().strip(), pathlib.Path(made["checkpoint"]).name)
        self.assertIn("<svg", (run / "report.html").read_text())
        self.assertEqual(len(list((run / "tensorboard").glob("events.out.tfevents.*"))), 1)
        text = self.json("run", made["checkpoint"], "-p", "the river", "-n", 8, "--json")
        self.assertEqual(len(text["ids"]), 8)
        scored = self.json("eval", made["checkpoint"], "--perplexity", self.base / "text.txt", "--json")
        self.assertLess(scored["avg_loss"], 0.7 * losses[0])
        # Again: it is finished. And on from there, with other data: a text that is prepared on the way.
        again = self.json(*self.pretrain(self.folder / "out"))
        self.assertEqual(again["checkpoint"], made["checkpoint"])
        more = self.json("finetune", "--model-path", made["checkpoint"], "--data-path", self.base / "text.txt", "--output-dir",
                         self.folder / "more", "--max-steps", 2, "--block-size", 32, "--threads", 1, "-q", "--json")
        self.assertEqual(more["steps"], 2)
        self.assertLess(more["eval_loss"], 0.7 * losses[0])

    def test_killed_and_stopped_it_ends_the_same(self):
        whole = self.json(*self.pretrain(self.folder / "whole"))
        rng = random.Random(2)
        arguments = [str(PROGRAM), *map(str, self.pretrain(self.folder / "killed"))]
        for how in (signal.SIGKILL, signal.SIGINT, signal.SIGKILL):
            process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            metrics = self.folder / "killed/pretrain/metrics.jsonl"
            lines = rng.randint(1, 4) + (len(metrics.read_text().splitlines()) if metrics.exists() else 0)
            while process.poll() is None and not (metrics.exists() and len(metrics.read_text().splitlines()) >= lines):
                time.sleep(0.002)
            process.send_signal(how)
            process.wait()
        killed = self.json(*self.pretrain(self.folder / "killed"))
        self.assertEqual(self.curve(pathlib.Path(killed["run"])), self.curve(pathlib.Path(whole["run"])))
        for name in ("model.safetensors", "optimizer-00001-of-00001.safetensors"):
            one, other = (pathlib.Path(made["checkpoint"], name).read_bytes() for made in (killed, whole))
            self.assertEqual(one, other, name)

    def ends_the_same(self, arguments):
        """The run, which also ends the same when it goes on from the checkpoint in the middle; with the tensors of its last one, the
        model's and those beside it, by name."""
        made = self.json(*arguments)
        checkpoint, curve = pathlib.Path(made["checkpoint"]), self.curve(pathlib.Path(made["run"]))
        files = {name: checkpoint.joinpath(name).read_bytes() for name in ("model.safetensors", "optimizer-00001-of-00001.safetensors")}
        shutil.rmtree(checkpoint)
        again = self.json(*arguments)
        self.assertEqual(self.curve(pathlib.Path(again["run"])), curve)
        for name, bytes in files.items():
            self.assertEqual(pathlib.Path(again["checkpoint"], name).read_bytes(), bytes, name)
        headers = [support.read_safetensors_header(pathlib.Path(again["checkpoint"], name)) for name in files]
        for header in headers:
            header.pop("__metadata__", None)
        return again, *headers

    def test_mixed_precision_goes_on_as_it_was(self):
        """Checkpoints hold f32 weights, and the loss scale of f16."""
        for precision in ("bf16", "f16"):
            with self.subTest(precision):
                made, model, _ = self.ends_the_same(self.pretrain(self.folder / precision, "--precision", precision, steps=6))
                self.assertEqual({entry["dtype"] for entry in model.values()}, {"F32"})
                scales = [record.get("train/loss_scale") for record in self.curve(pathlib.Path(made["run"])) if record["event"] == "train"]
                self.assertEqual(scales, [65536 if precision == "f16" else None] * 3)

    def test_small_state_and_weights_go_on_as_they_were(self):
        """AdamW with state in 8 bits, matrices in bf16."""
        out = self.folder / "out"
        small = ("--weight-dtype", "bf16", "--optimizer")
        made, model, state = self.ends_the_same(self.pretrain(out, *small, "adamw_8bit", steps=6))
        codes, scales = (state[f"{name}/model.embed_tokens.weight"] for name in ("exp_avg", "exp_avg_scale"))
        self.assertEqual((codes["dtype"], codes["shape"], scales["dtype"], scales["shape"]), ("U8", [40, 256], "F32", [40]))
        self.assertEqual(state["exp_avg/model.norm.weight"]["dtype"], "F32")
        self.assertEqual([model[name]["dtype"] for name in ("model.embed_tokens.weight", "model.norm.weight")], ["BF16", "F32"])
        self.assertEqual(len(self.json("run", made["checkpoint"], "-p", "the river", "-n", 4, "--json")["ids"]), 4)
        self.refused(*self.pretrain(out, *small, "adamw", steps=8), says=["exp_avg", "u8", "start anew"])

    def test_averages_are_the_model(self):
        """Evaluation and the saved model are of the averages; the weights beside them are what training goes on with."""
        averaged, model, state = self.ends_the_same(self.pretrain(self.folder / "ema", "--ema-decay", 0.9, steps=6))
        self.assertEqual({f"weight/{name}" for name in model}, {name for name in state if name.startswith("weight/")})
        plain = self.json(*self.pretrain(self.folder / "plain", steps=6))
        losses = [[record["train/loss"] for record in self.curve(pathlib.Path(made["run"])) if record["event"] == "train"]
                  for made in (averaged, plain)]
        self.assertEqual(*losses)
        self.assertGreater(averaged["eval_loss"], 1.02 * plain["eval_loss"])  # averages lag behind
        # The other way round: the model is what it is without averages, and they are beside it.
        latest = self.json(*self.pretrain(self.folder / "latest", "--ema-decay", 0.9, "--set", "training.ema_model=false", steps=6))
        self.assertEqual(latest["eval_loss"], averaged["eval_loss"])
        self.assertEqual(*(pathlib.Path(made["checkpoint"], "model.safetensors").read_bytes() for made in (latest, plain)))

    def test_dropout_goes_on_as_it_was(self):
        """Of sublayers and of attention's weights; what is left out follows from seed and micro-batch."""
        rates = ("--set", "dropout=0.1", "--set", "attention_dropout=0.2")
        made, _, _ = self.ends_the_same(self.pretrain(self.folder / "out", *rates, steps=6))
        whole, _, _ = self.ends_the_same(self.pretrain(self.folder / "whole", *rates[:2], steps=6))
        self.assertNotEqual(self.curve(pathlib.Path(made["run"])), self.curve(pathlib.Path(whole["run"])))
        self.refused(*self.pretrain(self.folder / "x", "--set", "attention_dropout=1"), says=["attention_dropout", "0.99"])

    def test_a_curriculum_goes_on_as_it_was(self):
        """Texts in short pieces at first, by the program that there is without; logs in several files."""
        grow = ("--curriculum", json.dumps({"start_len": 4, "steps": 5, "multiple": 2}))
        small = ("--set", "logging.rotate_bytes=1500", "--set", "logging.rotate_keep=20")
        made, _, _ = self.ends_the_same(self.pretrain(self.folder / "grow", *grow, steps=6))
        run = pathlib.Path(made["run"])
        plain = pathlib.Path(self.json(*self.pretrain(self.folder / "plain", *small, steps=6))["run"])
        targets = [[record["train/loss"] for record in self.curve(one) if record["event"] == "train"] for one in (run, plain)]
        self.assertGreater(len(list(plain.glob("metrics.jsonl.[0-9]*"))), 0)
        self.assertEqual(len(targets[0]), 3)
        self.assertNotEqual(targets[0][0], targets[1][0])
        self.assertGreater((plain / "report.html").read_text().count("<svg"), 2)
        self.refused(*self.pretrain(self.folder / "x", "--curriculum", '{"start_len": 400}'), says=["400", "64", "data.block_size"])
        self.refused(*self.pretrain(self.folder / "grow", *grow, "--set", "training.curriculum={\"start_len\": 8}"), says=["curriculum"])

    def test_all_keys_written_down_change_nothing(self):
        """create-config --full writes what counts without it."""
        shape = [item for pair in tiny_training.SHAPE.items() for item in ("--set", "%s=%s" % pair)]
        full = self.folder / "full.yaml"
        self.good("create-config", "--type", "tiny", "-o", full, "--full", *shape)
        curves = []
        for name, config in (("plain", self.base / "c.json"), ("full", full)):
            made = self.json("pretrain", "--config", config, "--data-path", self.base / "train.bin", "--tokenizer-path", self.base / "tok",
                             "--output-dir", self.folder / name, "--set", "training.log_interval=1", "--save-interval", 0, "-t", 1, "-q",
                             "--json")
            curves.append(self.curve(pathlib.Path(made["run"])))
            self.assertEqual(len(list(pathlib.Path(made["run"]).glob("*-step-*"))), 1)
        self.assertGreater(len(curves[0]), 3)
        self.assertEqual(*curves)

    def test_gradients_are_shown_by_layer(self):
        made = self.json(*self.pretrain(self.folder / "out", "--freeze", "*embed*", "--freeze", "*layers.1.*norm*",
                                        steps=4))
        records = [record for record in self.curve(pathlib.Path(made["run"])) if record["event"] == "train"]
        norms = {key.split("/")[-1]: value for key, value in records[-1].items() if key.startswith("train/grad_norms/")}
        self.assertEqual(set(norms), {"model.layers.0", "model.layers.1", "model.norm", "lm_head"})
        self.assertIn("Gradient flow", (pathlib.Path(made["run"]) / "report.html").read_text())

    def test_mistakes_get_one_message(self):
        out = self.folder / "out"
        base = self.pretrain(out)
        self.refused(*base, "--lr", 1, says=["--learning-rate", "more than once"])
        self.refused(*base, "--set", "vocab_size=64", "--vocab-mismatch", "error", says=["vocab_size: 64", "tokens", "error"])
        self.refused("pretrain", "--config", self.base / "c.json", "--data-path", self.base / "text.txt", folder=self.folder,
                     says=["weights/tokenizer.model", "tokenizer train"])
        saving = ("--set", "use_gradient_checkpointing=save_only_these_names:mpl")
        self.refused(*base, *saving, says=["'mpl'", "self_attn.q_proj"])
        self.refused("pretrain", "--config", self.folder / "none.json", "--data-path", "x", says=["create-config"])
        self.refused(*base, "--lr-schedule", "cosin", says=["lr_schedule"])
        self.refused(*base, "--set", "training.lrr=1", says=["training.lr"])
        for group, says in (({"lrr": 1}, "no 'lrr'"), ({"lr": -1}, "no number"), (3, "no object"), ({"lr": 1}, "no weight")):
            self.refused(*base, "--set", "training.parameter_groups=" + json.dumps({"decoder.*": group}), says=["decoder.*", says])
        self.refused(*base, "--set", "pos_type=alibi", code=3, says=["pos_type", "rope"])
        self.refused(*base, "--trackers", "neptune", says=["neptune", "wandb"])
        self.refused(*base, "--data-path", self.folder / "none.txt", says=["none.txt"])
        self.refused(*base, "--resume-from-checkpoint", "best", says=["no such checkpoint"])
        self.refused("finetune", "--model-path", self.folder / "none", "--data-path", self.base / "text.txt", says=["none"])
        self.json(*self.pretrain(out, steps=1))
        self.refused(*base, "--set", "d_ff=96", says=["intermediate_size", "64", "96", "--resume-from-checkpoint none"])
        elsewhere = self.pretrain(out, "--run-name", "elsewhere", "--resume-from-checkpoint", out / "pretrain", steps=2)
        self.assertEqual(self.json(*elsewhere)["steps"], 2)
        other = [3 if argument == 4 else argument for argument in base]  # rows of a batch
        self.refused(*other, says=["saved position", "start anew"])


if __name__ == "__main__":
    unittest.main()

"""What training takes over from a model that exists, what it adds to it, and what it says while it trains."""
import json
import pathlib
import shutil
import unittest

import support
import tiny_training
from tiny_training import lines_of_words


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at


def fields(data):
    """Of a message of protocol buffers: (number, value) with bytes for what has a length."""
    found, at = [], 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 2:
            length, at = varint(data, at)
            found.append((tag >> 3, data[at:at + length]))
            at += length
        else:
            assert tag & 7 == 0, tag
            value, at = varint(data, at)
            found.append((tag >> 3, value))
    return found


def wandb_records(path):
    """Of an offline run, as wandb's own reader finds them: seven bytes of header, then LevelDB's log in blocks of 32 KiB."""
    data, block, at, whole, records = path.read_bytes(), 32768, 7, b"", []
    assert data[:4] == b":W&B"
    while at < len(data):
        if block - at % block < 7:
            at += block - at % block
            continue
        length, kind = int.from_bytes(data[at + 4:at + 6], "little"), data[at + 6]
        whole += data[at + 7:at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            records.append(fields(whole))
            whole = b""
    return records


class FineTuning(tiny_training.Case):
    @classmethod
    def setUpClass(cls):
        """A small model, and the text that it has seen."""
        cls.begin(lines_of_words(200))
        outcome = cls.prepare((
            "pretrain", "--config", cls.base / "c.json", "--data-path", cls.base / "text.txt", "--tokenizer-path", cls.base / "tok",
            "--output-dir", cls.base / "out", "--max-steps", 8, "--lr", "5e-3", "-t", 1, "-q", "--json"))
        made = json.loads(outcome.out)
        cls.model, cls.started = pathlib.Path(made["checkpoint"]), pathlib.Path(made["run"])

    def train(self, name, *more, model=None, verb="train", steps=4, rate="5e-3"):
        return (verb, "--model-path", model or self.model, "--data-path", self.base / "text.txt", "--output-dir", self.folder / name,
                "--batch-size", 4, "--gradient-accumulation-steps", 2, "--lr", rate, "--max-steps", steps, "--log-interval", 1,
                "--eval-interval", 2, "-t", 1, "-q", "--json", *more)

    def records(self, made, event="train"):
        lines = (pathlib.Path(made["run"]) / "metrics.jsonl").read_text().splitlines()
        return [record for record in map(json.loads, lines) if record["event"] == event]

    def losses(self, made):
        return [record["train/loss"] for record in self.records(made)]

    def changed(self, name, **keys):
        """The model with other keys in its config.json."""
        folder = self.folder / name
        shutil.copytree(self.model, folder)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, **keys}))
        return folder

    def test_a_models_dropout_counts_unless_another_is_given(self):
        plain = self.losses(self.json(*self.train("plain")))
        model = self.changed("dropping", attention_dropout=0.3)
        outcome = self.good(*self.train("dropped", model=model))
        self.assertIn("note: attention_dropout 0.3, as the model's config.json says", outcome.err)
        dropped = self.losses(json.loads(outcome.out))
        self.assertNotEqual(dropped, plain)
        given = self.json(*self.train("given", "--attention-dropout", 0.3))
        self.assertEqual(self.losses(given), dropped)
        none = self.good(*self.train("none", "--attention-dropout", 0, model=model))
        self.assertEqual(self.losses(json.loads(none.out)), plain)
        self.assertNotIn("attention_dropout", none.err)
        adapted = self.good(*self.train("adapted", model=model, verb="lora-finetune"))
        self.assertIn("note: attention_dropout 0.3", adapted.err)
        self.refused(*self.train("wrong", model=self.changed("wrong-model", attention_dropout=1.5)), says=["1.5", "attention_dropout=0"])

    def test_a_larger_tokenizer_gets_rows(self):
        (self.base / "more.txt").write_text((self.base / "text.txt").read_text() + "zebra quagga okapi gnu tapir ibex\n" * 300)
        self.good("tokenizer", "train", "-i", self.base / "more.txt", "--type", "byte-bpe", "--vocab-size", 330, "-o",
                  self.folder / "tok", "-q")
        larger = ("--tokenizer-path", self.folder / "tok")
        outcome = self.good(*self.train("out", *larger, rate=0, steps=2))
        self.assertIn("vocab_size 320 becomes 330", outcome.err)
        made = pathlib.Path(json.loads(outcome.out)["checkpoint"])
        self.assertEqual(json.loads((made / "config.json").read_text())["vocab_size"], 330)
        before, after = (support.read_safetensors(model / "model.safetensors") for model in (self.model, made))
        self.assertEqual(before.keys(), after.keys())
        grown = {name for name in before if before[name] != after[name]}
        self.assertEqual(grown, {"model.embed_tokens.weight", "lm_head.weight"})
        for name in grown:
            (rows, columns), old = before[name]
            (more, _), new = after[name]
            self.assertEqual((more, new[:rows * columns]), (330, old))
            added = new[rows * columns:]
            self.assertLess(abs(sum(added) / len(added)), 0.005)
            self.assertAlmostEqual((sum(x * x for x in added) / len(added)) ** 0.5, 0.02, delta=0.004)
        # It goes on, by the same rows.
        again = self.json(*self.train("out", *larger, rate=0, steps=3))
        self.assertEqual(again["steps"], 3)
        self.assertEqual(support.read_safetensors(pathlib.Path(again["checkpoint"]) / "model.safetensors"), after)
        self.refused(*self.train("x", *larger, "--vocab-mismatch", "error"), says=["330", "320", "--vocab-mismatch resize"])
        self.refused(*self.train("x", *larger, verb="lora-finetune"), says=["330", "320"])

    def test_the_folder_of_a_run_is_its_latest_checkpoint(self):
        told, found, named = (self.good("run", *model, "-p", "the river", "-n", 4, "--temp", 0)
                              for model in ((self.model,), (self.started,), ("--model-path", self.started)))
        self.assertEqual((told.out, told.out), (found.out, named.out))
        made = self.json(*self.train("lora", model=self.started, verb="lora-finetune"))
        adapter = pathlib.Path(made["checkpoint"])
        self.refused("run", adapter, "-p", "the", says=["is an adapter", f"--adapter {adapter}"])
        told, found = (self.good("run", self.started, "--adapter", place, "-p", "the river", "-n", 4, "--temp", 0)
                       for place in (adapter, made["run"]))
        self.assertEqual(told.out, found.out)

    def test_a_run_goes_on_with_the_model_that_it_began_with(self):
        made = self.json(*self.train("out", steps=2))
        self.assertEqual(self.json(*self.train("out", steps=3))["steps"], 3)
        moved = self.folder / "moved"
        shutil.copytree(self.model, moved)
        self.assertEqual(self.json(*self.train("out", model=moved, steps=3))["steps"], 3)
        self.refused(*self.train("out", model=made["checkpoint"]), says=["began with other weights", str(self.model), "--run-name"])
        other = self.json(*self.train("out", "--resume-from-checkpoint", "none", model=made["checkpoint"]))
        self.assertNotEqual(other["run"], made["run"])

    def test_rates_fall_in_stages_and_layer_by_layer(self):
        stages = ("--lr-schedule", "multistage", "--warmup-steps", 0, "--set", 'training.lr_stages={"0.75": 0.1, "0.5": 0.5}')
        made = self.json(*self.train("out", *stages, "--lr-decay", 0.5, "--optimizer", "sgd", "--weight-decay", 0))
        rates = [record["train/learning_rate"] for record in self.records(made)]
        for rate, share in zip(rates, (1, 1, 0.5, 0.1), strict=True):
            self.assertAlmostEqual(rate, 5e-3 * share)
        same = self.json(*self.train("same", *stages, "--optimizer", "sgd", "--weight-decay", 0))
        self.assertNotEqual(self.losses(made), self.losses(same))
        for wrong, says in (('{"0.5": "x"}', "0.5"), ('{"half": 0.5}', "half"), ('{"1.5": 0.5}', "1.5"), ('{"0.5": 2}', "0.5")):
            self.refused(*self.train("x", *stages[:4], "--set", "training.lr_stages=" + wrong), says=[says])

    def test_mistakes_name_the_option(self):
        self.refused(*self.train("x", "--lora-rank", 0, verb="lora-finetune"), says=["--lora-rank: lora.r is 0"])
        self.refused(*self.train("x", "--log-level", "LOUD"), says=["--log-level", "DEBUG"])
        logged = self.good(*self.train("y", "--log-level", "WARNING", "--log-file", "my.log", "--set", "device=cuda:0", steps=1))
        self.assertIn('device "cuda:0" has no effect', logged.err)
        self.assertEqual((pathlib.Path(json.loads(logged.out)["run"]) / "my.log").read_text(), "")

    def test_wandb_reads_its_files(self):
        """Field numbers of wandb_internal.proto: 1 number, 2 history, 3 summary, 17 run, 18 exit, 21 header."""
        made = self.json(*self.train("out", "--trackers", "wandb", steps=4))
        (file,) = (self.folder / "out/wandb").glob("offline-run-*/run-*.wandb")
        records = wandb_records(file)
        self.assertEqual([dict(record)[1] for record in records], list(range(1, len(records) + 1)))
        kinds = [next(number for number, _ in record if number in (2, 3, 17, 18, 21)) for record in records]
        self.assertEqual((kinds[:2], kinds[-2:]), ([21, 17], [3, 18]))
        self.assertEqual(set(kinds[2:-2]), {2})
        history = []
        for record in records[2:-2]:
            items = [dict(fields(item)) for number, item in fields(dict(record)[2]) if number == 1]
            history.append({item.get(2, item.get(1)).decode(): json.loads(item[16]) for item in items})
        self.assertEqual([entry["train/loss"] for entry in history if "train/loss" in entry], self.losses(made))
        self.assertEqual([entry["_step"] for entry in history if "train/loss" in entry], [1, 2, 3, 4])

    def test_evaluation_stays_within_what_the_model_was_made_for(self):
        arguments = ("eval", self.model, "--perplexity", self.base / "text.txt", "--json")
        found = self.json(*arguments)
        self.assertEqual((found["context"], found["stride"]), (64, 32))
        self.assertEqual(self.json(*arguments, "--context", 64)["avg_loss"], found["avg_loss"])
        self.assertEqual(self.json(*arguments, "--context", 128)["context"], 128)
        self.assertIn("--document-separator line", self.good(*arguments).err)
        self.assertNotIn("--document-separator", self.good(*arguments, "--document-separator", "line").err)

    def test_alerts_are_written_run_commands_and_stop(self):
        said = self.folder / "said"
        rules = [{"metric": "train/loss", "op": ">", "threshold": 0, "steps": 3, "stop": True, "command": f"echo \"$LLC_ALERT\" >> {said}"},
                 {"metric": "train/losses", "op": ">", "threshold": 0}]
        outcome = self.good(*self.train("out", "--set", "logging.alerts=" + json.dumps(rules), steps=6))
        made = json.loads(outcome.out)
        self.assertEqual((made["steps"], made["stopped"]), (3, "alert"))
        self.assertIn("alert: train/loss is", outcome.err)
        self.assertIn("no record had train/losses", outcome.err)
        (alert,) = self.records(made, "alert")
        self.assertEqual((alert["step"], alert["metric"]), (3, "train/loss"))
        self.assertIn("WARNING - alert: train/loss", (pathlib.Path(made["run"]) / "training.log").read_text())
        # It goes on when it is asked to, and what was said is not said again.
        again = self.json(*self.train("out", "--set", "logging.alerts=" + json.dumps(rules[:1]), steps=6))
        self.assertEqual((again["steps"], again["stopped"]), (6, "finished"))
        self.assertEqual([json.loads(line)["step"] for line in said.read_text().splitlines()], [3])
        self.refused(*self.train("x", "--set", 'logging.alerts=[{"metric": "train/loss", "op": "=>", "threshold": 1}]'), says=["=>", ">="])

    def test_lmsys_is_made_once_of_a_local_copy(self):
        copy = self.folder / "copy"
        copy.mkdir()
        talk = [{"role": "user", "content": "say: " + line} for line in lines_of_words(300)]
        (copy / "a.jsonl").write_text("".join(json.dumps({"conversations": [one, {**one, "role": "assistant"}]}) + "\n" for one in talk))
        begin = ("pretrain", "--config", self.base / "c.json", "--use-lmsys-dataset", "--max-steps", 1, "--block-size", 32, "-t", 1)
        self.refused(*begin, folder=self.folder, code=2, says=["weights/tokenizer.model", "--data-path", "licence"])
        (self.folder / "weights").mkdir()
        shutil.copy(self.base / "tok/tokenizer.json", self.folder / "weights")
        own = (*begin, "--tokenizer-path", "weights/tokenizer.json")
        self.refused(*own, folder=self.folder, says=["data/preprocessed/lmsys_dataset.bin", "LMSYS-Chat", "--data-path"])
        self.assertIn("300 sequences", self.good(*own, "--data-path", copy, folder=self.folder).err)
        made = self.folder / "data/preprocessed/lmsys_dataset.bin"
        when = made.stat().st_mtime_ns
        again = self.good(*own, "--data-path", copy, "--run-name", "again", folder=self.folder)
        self.assertIn("--data-path is not read", again.err)
        self.assertEqual(made.stat().st_mtime_ns, when)


if __name__ == "__main__":
    unittest.main()

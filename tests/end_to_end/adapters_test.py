"""Adapters: PEFT's files against the reference's values, merging, training them, and what is refused."""
import json
import math
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

import support
import tiny_training
from support import PROGRAM, ROOT

CASES = {"llama-lora": "llama", "llama-dora": "llama", "gpt2-lora": "gpt2", "gpt2-dora": "gpt2", "gpt_neox-lora": "gpt_neox",
         "llama-saved": "llama", "llama-ia3": "llama", "gpt2-ia3": "gpt2"}
# Kinds that stay beside the weights.
OTHERS = {"llama-prompt": "llama", "gemma2-prompt": "gemma2", "gpt2-ptuning": "gpt2", "llama-prefix": "llama", "gpt2-prefix": "gpt2",
          "llama-bottleneck": "llama", "gpt2-bottleneck": "gpt2"}
VIRTUAL = [case for case in OTHERS if "bottleneck" not in case]
ADAPTERS, MODELS = ROOT / "tests/golden/adapters", ROOT / "tests/golden/architectures"
PREFIX = "base_model.model."
EXACT = ("--dtype", "f32", "--cache-dtype", "f32")  # for models in 16 bits


def norm(values):
    return math.sqrt(math.fsum(value * value for value in values))


def difference(one, other):
    """Largest one, relative to the largest value."""
    return max(abs(a - b) for a, b in zip(one, other)) / max(map(abs, other))


class Case(support.Case):
    def batch(self, model):
        """Both sequences of the model's goldens, padded on the right: (path of the input file, lengths)"""
        expected = support.read_safetensors(MODELS / model / "expected.safetensors")
        rows = [list(expected[f"ids.{number}"][1]) for number in range(2)]
        width = max(map(len, rows))
        ids = [id for row in rows for id in row + [0] * (width - len(row))]
        mask = [int(place < len(row)) for row in rows for place in range(width)]
        path = self.folder / "in.safetensors"
        support.write_safetensors(path, {"input_ids": ("I64", (2, width), ids), "attention_mask": ("I64", (2, width), mask)})
        return path, [len(row) for row in rows]

    def logits(self, path, model, *more):
        """Of both sequences, without padding."""
        source, lengths = self.batch(model)
        out = self.folder / "logits.safetensors"
        self.good("logits", path, "--input", source, "--output", out, "-q", *more)
        (_, width, vocabulary), values = support.read_safetensors(out)["logits"]
        return [values[row * width * vocabulary:(row * width + length) * vocabulary] for row, length in enumerate(lengths)]

    def near(self, found, expected, tolerance=1e-5):
        for one, other in zip(found, expected):
            self.assertEqual(len(one), len(other))
            self.assertLess(difference(one, other), tolerance)

    def copy(self, case):
        target = self.folder / "adapter"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(ADAPTERS / case, target)
        return target

    def rewrite(self, folder, change):
        """`change`(tensors) edits {name: (dtype, shape, values)} in place."""
        path = folder / "adapter_model.safetensors"
        tensors = {name: ("F32", shape, list(values)) for name, (shape, values) in support.read_safetensors(path).items()}
        change(tensors)
        support.write_safetensors(path, tensors)

    def configure(self, folder, **keys):
        path = folder / "adapter_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))


class Choosing(Case):
    """Several adapters are loaded, and each prompt says how much of which one it gets."""

    def run_prompts(self, *records, adapters, options=()):
        path = self.folder / "prompts.jsonl"
        path.write_text("".join(json.dumps({"ids": [3, 5, 7], **record}) + "\n" for record in records))
        given = [item for adapter in adapters for item in ("--adapter", adapter)]
        out = self.good("run", MODELS / "llama", *given, "--prompts", path, "--temp", 0, "-n", 6, "--ignore-eos", "--log-probs", "--json",
                        "-q", *EXACT, *options).out
        return [json.loads(line) for line in out.splitlines()]

    def alone(self, model, *adapters):
        given = [item for adapter in adapters for item in ("--adapter", adapter)]
        return self.json("run", model, *given, "--ids", "3,5,7", "--temp", 0, "-n", 6, "--ignore-eos", "--log-probs", "--json", "-q",
                         *EXACT)

    def same(self, found, expected):
        self.assertEqual(found["ids"], expected["ids"])
        for one, other in zip(found["log_probs"], expected["log_probs"]):
            self.assertAlmostEqual(one, other, delta=2e-5)

    def test_each_prompt_has_its_own(self):
        style, other = ADAPTERS / "llama-lora", self.copy("llama-lora")
        self.rewrite(other, lambda t: t.update({name: (kind, shape, [-2 * x for x in values] if "lora_B" in name else values)
                                                for name, (kind, shape, values) in t.items()}))
        merged = self.folder / "merged"
        self.good("merge", MODELS / "llama", "--adapter", f"{style}:0.5", "--adapter", other, "-o", merged, "-q", "--dtype", "f32")
        records = [{}, {"adapters": "style"}, {"adapters": {"style": 0.5, "other": 1}}, {"adapters": []}, {"adapters": ["other"]}, {},
                   {"adapters": {"style": -1}}]
        found = self.run_prompts(*records, adapters=[f"style={style}:0.7", f"other={other}"])
        plain = self.alone(MODELS / "llama")
        expected = [self.alone(MODELS / "llama", f"{style}:0.7", other), self.alone(MODELS / "llama", style), self.alone(merged), plain,
                    self.alone(MODELS / "llama", other), None, self.alone(MODELS / "llama", f"{style}:-1")]
        expected[5] = expected[0]
        self.assertEqual(len(found), len(expected))
        for one, want in zip(found, expected):
            self.same(one, want)
        self.assertEqual(len({tuple(one["log_probs"]) for one in found}), 6)
        # Without a name it is the directory's; the others of the line stay what they were.
        (named,) = self.run_prompts({"adapters": "llama-lora"}, adapters=[style])
        self.same(named, expected[1])

    def test_other_kinds(self):
        bottleneck = ADAPTERS / "llama-bottleneck"
        whole, half, none = self.run_prompts({"adapters": "b"}, {"adapters": {"b": 0.5}}, {"adapters": []}, adapters=[f"b={bottleneck}"])
        self.same(whole, self.alone(MODELS / "llama", bottleneck))
        self.same(half, self.alone(MODELS / "llama", f"{bottleneck}:0.5"))
        self.same(none, self.alone(MODELS / "llama"))
        # Those that can't be chosen may be there for all prompts.
        (dora,) = self.run_prompts({}, adapters=[ADAPTERS / "llama-dora"])
        self.same(dora, self.alone(MODELS / "llama", ADAPTERS / "llama-dora"))
        path = self.folder / "p.jsonl"
        for case in ("llama-dora", "llama-saved", "llama-prompt"):
            path.write_text(json.dumps({"ids": [1], "adapters": case}) + "\n")
            self.refused("run", MODELS / "llama", "--adapter", ADAPTERS / case, "--prompts", path, code=3, says=["from prompt to prompt"])

    def test_mistakes_name_the_line(self):
        path = self.folder / "p.jsonl"
        for text, says in (('{"ids": [1]}\n{"prompts": "a"}\n', [":2", "prompts"]), ('{"adapters": []}\n', [":1", "has no prompt"]),
                           ('{"ids": [1], "prompt": "a"}\n', ["a prompt and ids"]), ("\n", ["holds no prompt"]), ("{\n", [":1"]),
                           ('{"ids": [1], "adapters": "b"}\n', ["no adapter 'b'", "--adapter b=DIR"]),
                           ('{"ids": [1], "adapters": {"a": "x"}}\n', [":1", "adapters"])):
            path.write_text(text)
            self.refused("run", MODELS / "llama", "--prompts", path, says=says)
        self.refused("run", MODELS / "llama", "--prompts", self.folder / "none", says=["none"])
        self.refused("run", MODELS / "llama", "--prompts", path, "--ids", "1", says=["--prompts"])


class Goldens(Case):
    def expected(self, case):
        return support.read_safetensors(ADAPTERS / case / "expected.safetensors")

    def test_gradients(self):
        for case, model in {**CASES, **OTHERS}.items():
            golden = self.expected(case)
            for engine in ("jit", "reference"):
                with self.subTest(case=case, engine=engine):
                    out = self.folder / "out.safetensors"
                    self.good("grad", MODELS / model, "--adapter", ADAPTERS / case, "--input", self.batch(model)[0], "--output", out,
                              "--engine", engine, "-q")
                    found = support.read_safetensors(out)
                    self.assertAlmostEqual(found["loss"][1][0], golden["loss"][1][0], delta=1e-5 * golden["loss"][1][0])
                    names = {name for name in golden if name.startswith("grad/")}
                    self.assertEqual(set(found) - {"loss"}, names)  # none by the model's own weights
                    for name in names:
                        self.assertEqual(found[name][0], golden[name][0], name)
                        off = norm(a - b for a, b in zip(found[name][1], golden[name][1]))
                        self.assertLess(off, 1e-4 * norm(golden[name][1]), name)

    def test_logits_and_merging(self):
        for case, model in CASES.items():
            with self.subTest(case):
                golden = self.expected(case)
                wanted = [golden[f"logits.{number}"][1] for number in range(2)]
                before = (MODELS / model / "model.safetensors").read_bytes()
                self.near(self.logits(MODELS / model, model, "--adapter", ADAPTERS / case), wanted)
                merged = self.folder / ("merged-" + case)
                self.good("merge", MODELS / model, "--adapter", ADAPTERS / case, "-o", merged, "-q")
                self.near(self.logits(merged, model), wanted)
                self.assertEqual((MODELS / model / "model.safetensors").read_bytes(), before)
                self.assertEqual(support.read_safetensors_header(merged / "model.safetensors").keys(),
                                 support.read_safetensors_header(MODELS / model / "model.safetensors").keys())

    def test_logits_of_other_kinds(self):
        for case, model in OTHERS.items():
            for engine in ("jit", "reference"):
                with self.subTest(case=case, engine=engine):
                    wanted = [self.expected(case)[f"logits.{number}"][1] for number in range(2)]
                    self.near(self.logits(MODELS / model, model, "--adapter", ADAPTERS / case, "--engine", engine, *EXACT), wanted)
            self.refused("merge", MODELS / model, "--adapter", ADAPTERS / case, "-o", self.folder / "merged", "-q", code=3,
                         says=["can't become part of weights", "--adapter"])

    def test_virtual_tokens_are_nowhere_to_be_seen(self):
        """Text, scores and context are those of the text; an artifact brings them along."""
        for case in VIRTUAL:
            model = OTHERS[case]
            adapter = ("--adapter", ADAPTERS / case, *EXACT)
            program = self.folder / ("program-" + case)
            self.good("compile", MODELS / model, *adapter, "-o", program, "--target-cpu", "native", "-q")
            wanted = [self.expected(case)[f"logits.{number}"][1] for number in range(2)]
            self.near(self.logits(program, model), wanted)
            ids = "5,9,7,3"
            texts = [self.json("run", *where, "--ids", ids, "-n", 6, "--json")["ids"]
                     for where in ([MODELS / model, *adapter], [program])]
            self.assertEqual(texts[0], texts[1])
            self.assertLess(max(texts[0]), 64)
            scores = [self.json("score", *where, "--ids", ids, "--json") for where in ([MODELS / model, *adapter], [program])]
            self.assertEqual(scores[0], scores[1])
            rows = self.expected(case)["logits.0"]
            golden = support.read_safetensors(MODELS / model / "expected.safetensors")["ids.0"][1]
            found = self.json("score", MODELS / model, *adapter, "--ids", ",".join(map(str, golden)), "--json")
            width = rows[0][1]
            total = 0
            for place, id in enumerate(golden[1:]):
                row = rows[1][place * width:(place + 1) * width]
                most = max(row)
                total += row[id] - most - math.log(math.fsum(math.exp(x - most) for x in row))
            self.assertAlmostEqual(found["sum"], total, delta=1e-4 * abs(total))

    def test_other_ways_to_run(self):
        golden = self.expected("llama-dora")
        wanted = [golden[f"logits.{number}"][1] for number in range(2)]
        self.near(self.logits(MODELS / "llama", "llama", "--adapter", ADAPTERS / "llama-dora", "--engine", "reference"), wanted)
        for case in ("llama-dora", "llama-prefix"):
            self.good("verify", MODELS / "llama", "--adapter", ADAPTERS / case, "-q")
        program = self.folder / "program"
        self.good("compile", MODELS / "llama", "--adapter", ADAPTERS / "llama-dora", "-o", program, "--target-cpu", "native", "-q")
        self.near(self.logits(program, "llama"), wanted)
        self.refused("run", program, "--adapter", ADAPTERS / "llama-dora", "-p", "x", says=["compiled already", "--adapter"])

    def test_a_new_one_changes_nothing(self):
        for case, model in (("llama-lora", "llama"), ("gpt2-lora", "gpt2")):
            folder = self.copy(case)

            def zero(tensors):
                for name, (dtype, shape, values) in tensors.items():
                    if ".lora_B." in name:
                        tensors[name] = (dtype, shape, [0.0] * len(values))

            self.rewrite(folder, zero)
            plain = self.logits(MODELS / model, model)
            self.assertEqual(self.logits(MODELS / model, model, "--adapter", folder), plain)
            self.assertNotEqual(self.logits(MODELS / model, model, "--adapter", ADAPTERS / case), plain)

    def test_several(self):
        plain = self.logits(MODELS / "llama", "llama")
        scales = f"{ADAPTERS / 'llama-ia3'}:0.5"
        beside = self.logits(MODELS / "llama", "llama", "--adapter", ADAPTERS / "llama-lora", "--adapter", scales)
        self.assertGreater(difference(beside[0], plain[0]), 1e-2)
        self.near(self.logits(MODELS / "llama", "llama", "--adapter", f"{ADAPTERS / 'llama-ia3'}:0"), plain)
        part = self.folder / "part"
        self.good("merge", MODELS / "llama", "--adapter", scales, "-o", part, "-q")
        self.near(self.logits(part, "llama"), self.logits(MODELS / "llama", "llama", "--adapter", scales))
        whole = self.logits(MODELS / "llama", "llama", "--adapter", ADAPTERS / "llama-lora")
        half = f"{ADAPTERS / 'llama-lora'}:0.5"
        self.near(self.logits(MODELS / "llama", "llama", "--adapter", half, "--lora", half), whole)
        self.near(self.logits(MODELS / "llama", "llama", "--adapter", f"{ADAPTERS / 'llama-dora'}:0"), plain)
        both = self.logits(MODELS / "llama", "llama", "--adapter", half, "--adapter", f"{ADAPTERS / 'llama-dora'}:0.25")
        merged = self.folder / "merged"
        self.good("merge", MODELS / "llama", "--adapter", half, "--adapter", f"{ADAPTERS / 'llama-lora'}:-0.5", "-o", merged, "-q")
        self.near(self.logits(merged, "llama"), plain)
        self.assertGreater(difference(both[0], plain[0]), 1e-2)
        self.assertGreater(difference(both[0], whole[0]), 1e-2)

    def test_merging_into_another_type(self):
        half, back, again = (self.folder / name for name in ("half", "back", "again"))
        self.good("merge", MODELS / "llama", "--dtype", "bf16", "-o", half, "-q")
        header = support.read_safetensors_header(half / "model.safetensors")
        self.assertEqual({entry["dtype"] for entry in header.values()}, {"BF16"})
        config = json.loads((half / "config.json").read_text())
        self.assertEqual(config.get("dtype", config.get("torch_dtype")), "bfloat16")
        self.good("merge", half, "--dtype", "f32", "-o", back, "-q")
        for (name, (shape, values)), (_, (_, rounded)) in zip(
                support.read_safetensors(MODELS / "llama/model.safetensors").items(),
                support.read_safetensors(back / "model.safetensors").items()):
            for one, other in zip(values, rounded):
                self.assertLessEqual(abs(one - other), abs(one) / 256, name)
        self.good("merge", back, "--dtype", "bf16", "-o", again, "-q")
        self.assertEqual((again / "model.safetensors").read_bytes(), (half / "model.safetensors").read_bytes())
        # Added in f32, and not rounded to the base's type.
        adapter, merged = ("--adapter", ADAPTERS / "llama-lora"), self.folder / "merged"
        self.good("merge", half, *adapter, "--dtype", "f32", "-o", merged, "-q")
        self.near(self.logits(merged, "llama"), self.logits(half, "llama", *adapter, "--dtype", "f32"))

    def test_merging_shards_into_another_type(self):
        support.shard(MODELS / "llama", self.folder / "shards", 3)
        half = self.folder / "half"
        self.good("merge", self.folder / "shards", "--dtype", "f16", "-o", half, "-q")
        size = json.loads((half / "model.safetensors.index.json").read_text())["metadata"]["total_size"]
        before = support.read_safetensors_header(MODELS / "llama/model.safetensors")
        self.assertEqual(size, sum(end - begin for begin, end in (entry["data_offsets"] for entry in before.values())) // 2)
        self.assertEqual(len(list(half.glob("*.safetensors"))), 3)
        self.near(self.logits(half, "llama", "--dtype", "f32"), self.logits(MODELS / "llama", "llama"), 2e-3)

    def test_rounded_bases(self):
        """A frozen base may have 16 bits; the adapter's gradients stay near."""
        model, golden = self.folder / "half", self.expected("llama-lora")
        self.good("merge", MODELS / "llama", "--dtype", "f16", "-o", model, "-q")
        path = self.folder / "out.safetensors"
        self.good("grad", model, "--adapter", ADAPTERS / "llama-lora", "--input", self.batch("llama")[0], "--output", path, "-q")
        for name, (_, values) in support.read_safetensors(path).items():
            off = norm(a - b for a, b in zip(values, golden[name][1]))
            self.assertLess(off, 5e-3 * norm(golden[name][1]), name)


class Refusals(Case):
    def refuse(self, folder, says, **options):
        path, _ = self.batch("llama")
        self.refused("logits", MODELS / "llama", "--adapter", folder, "--input", path, "--output", self.folder / "o", "-q", says=says,
                     **options)

    def test_directories(self):
        self.refuse(self.folder / "nowhere", ["nowhere", "is not a directory"])
        self.refuse(MODELS / "llama", ["has no adapter_config.json"])
        self.refuse(f"{ADAPTERS / 'llama-lora'}:much", ["'much' is no number", "DIR:SHARE"])
        folder = self.copy("llama-lora")
        (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
        self.refuse(folder, ["adapter_model.bin", "safe_serialization"])

    def test_configurations(self):
        for keys, says, code in (({"peft_type": "OFT"}, ["'OFT'", "LORA", "IA3"], 3), ({"peft_type": "IA3"}, ["no part of an IA3"], 3),
                                 ({"r": 5}, ["3 rows", "rank 5"], 2),
                                 ({"use_dora": True}, ["lora_magnitude_vector", "is missing"], 2), ({"bias": "all"}, ["biases"], 2),
                                 ({"r": 0}, ["adapter_config.json: r"], 2),
                                 ({"init_lora_weights": "pissa_niter_4"}, ["pissa_niter_4"], 2), ({"rank_pattern": {"(": 3}}, ["("], 3),
                                 ({"lora_alpha": "much"}, ["lora_alpha"], 2), ({"lora_dropout": 1.0}, ["lora_dropout"], 2)):
            with self.subTest(keys):
                folder = self.copy("llama-lora")
                self.configure(folder, **keys)
                self.refuse(folder, says, code=code)
        (folder / "adapter_config.json").write_text("{")
        self.refuse(folder, ["adapter_config.json"])

    def test_tensors(self):
        first = PREFIX + "model.layers.0.self_attn.q_proj.lora_"

        def move(old, new):
            return lambda tensors: tensors.update({new: tensors.pop(old)})

        def reshape(name, shape):
            return lambda tensors: tensors.update({name: ("F32", shape, tensors[name][2])})

        for change, says, code in (
                (lambda t: t.pop(first + "B.weight"), ["q_proj.lora_B.weight", "is missing"], 2),
                (lambda t: t.pop(first + "A.weight"), ["q_proj.lora_A.weight", "is missing"], 2),
                (move(first + "A.weight", "lora_A.weight"), ["does not begin with", PREFIX], 2),
                (move(first + "A.weight", first + "A.bias"), ["is no part of a LoRA"], 3),
                (lambda t: t.update({first + "embedding_A": t[first + "A.weight"]}), ["is no part of a LoRA"], 3),
                (reshape(first + "A.weight", [48]), ["is no matrix"], 2),
                (reshape(first + "B.weight", [3, 16]), ["the file has shape [3, 16]", "needs [16, 3]"], 2)):
            folder = self.copy("llama-lora")
            self.rewrite(folder, change)
            self.refuse(folder, says, code=code)
            self.refused("merge", MODELS / "llama", "--adapter", folder, "-o", self.folder / "merged", "-q", says=says, code=code)
            self.assertFalse((self.folder / "merged").exists())
        folder = self.copy("llama-lora")
        self.rewrite(folder, lambda t: [t.update({name.replace("layers.0", "layers.7"): t.pop(name)}) for name in list(t)])
        self.refuse(folder, ["layers.7", "no such linear layer"])
        self.refuse(ADAPTERS / "gpt2-lora", ["no such linear layer"])
        data = (ADAPTERS / "llama-lora/adapter_model.safetensors").read_bytes()
        for length in (0, 7, 100, len(data) - 1):
            (folder / "adapter_model.safetensors").write_bytes(data[:length])
            self.refuse(folder, ["adapter_model.safetensors"])

    def test_scales(self):
        first = PREFIX + "model.layers.0.self_attn.k_proj.ia3_l"
        for change, says, code in (
                (lambda t: t.update({first: ("F32", [2, 4], t[first][2])}), ["k_proj.ia3_l", "neither a row"], 2),
                (lambda t: t.update({first: ("F32", [4, 1], t[first][2][:4])}), ["the file has shape [4, 1]", "needs [8, 1]"], 2),
                (lambda t: t.update({"base_model.model.other": t[first]}), ["other", "no part of an IA3"], 3)):
            folder = self.copy("llama-ia3")
            self.rewrite(folder, change)
            self.refuse(folder, says, code=code)

    def test_saved_modules(self):
        self.refuse(f"{ADAPTERS / 'llama-saved'}:0.5", ["modules_to_save", "in part"])
        folder = self.copy("llama-saved")
        self.configure(folder, modules_to_save=["norm"])
        self.refuse(folder, ["lm_head.weight", "is no part of a LoRA"], code=3)
        folder = self.copy("gpt2-lora")
        self.rewrite(folder, lambda t: t.update({PREFIX + "transformer.wte.weight": ("F32", [64, 16], [0.0] * 1024)}))
        self.configure(folder, modules_to_save=["wte"])
        self.refused("run", MODELS / "gpt2", "--adapter", folder, "--ids", "1", says=["shares the weights"])

    def test_virtual_tokens(self):
        for case, change, keys, says, code in (
                ("llama-prompt", None, {"num_virtual_tokens": 6}, ["prompt_embeddings", "[6, 16]"], 2),
                ("llama-prefix", None, {"num_virtual_tokens": 3}, ["prompt_embeddings", "[3, 32]"], 2),
                ("llama-prompt", None, {"num_virtual_tokens": 0}, ["num_virtual_tokens"], 2),
                ("llama-prompt", None, {"num_transformer_submodules": 2}, ["num_transformer_submodules"], 2),
                ("llama-prompt", lambda t: t.pop("prompt_embeddings"), {}, ["prompt_embeddings", "is missing"], 2),
                ("gpt2-prefix", lambda t: t.pop("transform.0.bias"), {}, ["transform.0", "does not fit"], 2),
                ("gpt2-ptuning", lambda t: t.update(other=t["mlp_head.0.bias"]), {}, ["other", "no part of virtual tokens"], 3)):
            folder = self.copy(case)
            if change:
                self.rewrite(folder, change)
            self.configure(folder, **keys)
            self.refused("run", MODELS / OTHERS[case], "--adapter", folder, "--ids", "1", says=says, code=code)
        self.refuse(f"{ADAPTERS / 'llama-prompt'}:0.5", ["in part"])
        self.refused("run", MODELS / "llama", "--adapter", ADAPTERS / "llama-prompt", "--adapter", ADAPTERS / "llama-prefix", "--ids", "1",
                     says=["two adapters have virtual tokens"])
        self.refused("run", MODELS / "llama", "--adapter", ADAPTERS / "llama-prompt", "--ids", "1", "--context", "5",
                     says=["--context", "5 virtual tokens"])

    def test_merging(self):
        (self.folder / "full").mkdir()
        (self.folder / "full/file").write_text("x")
        self.refused("merge", MODELS / "llama", "--adapter", ADAPTERS / "llama-lora", "-o", self.folder / "full", "-q", says=["exists"])
        new = self.folder / "new"
        self.refused("merge", MODELS / "llama", "-o", new, "-q", says=["nothing to do", "--dtype"])
        self.refused("merge", MODELS / "llama", "--dtype", "i8", "-o", new, "-q", says=["'i8'", "bf16"])
        large = self.folder / "large"
        shutil.copytree(MODELS / "llama", large)
        tensors = support.read_safetensors(large / "model.safetensors")
        tensors["model.norm.weight"][1][3] = 7e4
        support.write_safetensors(large / "model.safetensors", {name: ("F32", *rest) for name, rest in tensors.items()})
        self.refused("merge", large, "--dtype", "f16", "-o", new, "-q", code=3, says=["model.norm.weight", "70000", "65504", "bf16"])
        self.assertFalse(new.exists())


class Training(Case, tiny_training.Case):
    @classmethod
    def setUpClass(cls):
        cls.begin(tiny_training.lines_of_words(300))

    def command(self, out, *more, steps=12):
        return ("lora-finetune", "--model-path", "default", "--data-path", self.base / "text.txt", "--output-dir", out, "--block-size", 32,
                "--batch-size", 2, "--gradient-accumulation-steps", 2, "--lr", "1e-2", "--max-steps", steps, "--log-interval", 1,
                "--eval-interval", 6, "--save-interval", 3, "--lora-rank", 4, "--threads", 1, "-q", "--json", *more)

    def losses(self, run):
        records = [json.loads(line) for line in (pathlib.Path(run) / "metrics.jsonl").read_text().splitlines()]
        return [(record["step"], record["train/loss"]) for record in records if record["event"] == "train"]

    def test_an_adapter_learns_and_runs(self):
        made = self.json(*self.command(self.folder / "out", "--merge", "--use-dora", "--use-rslora", "--target-modules", "all-linear"))
        checkpoint = pathlib.Path(made["checkpoint"])
        losses = self.losses(made["run"])
        self.assertLess(losses[-1][1], 0.8 * losses[0][1])
        self.assertLess(made["eval_loss"], 0.8 * losses[0][1])
        names = support.read_safetensors_header(checkpoint / "adapter_model.safetensors")
        self.assertTrue(all(name.startswith(PREFIX) for name in names))
        self.assertEqual({name.split(".lora_")[1] for name in names}, {"A.weight", "B.weight", "magnitude_vector"})
        self.assertFalse((checkpoint / "model.safetensors").exists() or (checkpoint / "config.json").exists())
        config = json.loads((checkpoint / "adapter_config.json").read_text())
        self.assertEqual((config["peft_type"], config["r"], config["use_dora"], config["base_model_name_or_path"]),
                         ("LORA", 4, True, "default"))
        scores = [self.json("eval", *model, "--perplexity", self.base / "text.txt", "--json")["avg_loss"]
                  for model in (["default", "--adapter", checkpoint], [pathlib.Path(made["run"]) / "merged"], ["default"])]
        self.assertAlmostEqual(scores[0], scores[1], delta=5e-3)  # the weights are bf16, merged ones are rounded to it
        self.assertLess(scores[0], 0.8 * scores[2])
        self.assertEqual(len(self.json("run", "default", "--adapter", checkpoint, "-p", "the river", "-n", 8, "--json")["ids"]), 8)
        # It belongs to its base alone, and training goes on from it.
        self.refused("run", MODELS / "llama", "--adapter", checkpoint, "-p", "x", says=["trained on other weights"])
        more = self.json(*self.command(self.folder / "more", "--adapter", made["run"], "--run-name", "more", steps=1))
        self.assertLess(self.losses(more["run"])[0][1], 0.85 * losses[0][1])

    def test_killed_it_ends_the_same(self):
        more = ("--lora-dropout", "0.2", "--set", "dropout=0.1")
        whole = self.json(*self.command(self.folder / "whole", *more))
        arguments = [str(PROGRAM), *map(str, self.command(self.folder / "killed", *more))]
        metrics = self.folder / "killed/lora-finetune/metrics.jsonl"
        for lines in (4, 9):
            process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while process.poll() is None and not (metrics.exists() and len(metrics.read_text().splitlines()) >= lines):
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
            process.wait()
        killed = self.json(*self.command(self.folder / "killed", *more))
        self.assertEqual(self.losses(killed["run"]), self.losses(whole["run"]))
        for name in ("adapter_model.safetensors", "adapter_config.json"):
            one, other = ((pathlib.Path(made["checkpoint"]) / name).read_bytes() for made in (killed, whole))
            self.assertEqual(one, other, name)
        self.refused(*self.command(self.folder / "killed", *more, "--set", "lora.r=8"), says=["adapter_config.json", "r is 4, now 8"])

    def test_other_kinds_learn_and_run(self):
        plain = self.json("eval", "default", "--perplexity", self.base / "text.txt", "--json")["avg_loss"]
        for kind, names, more in (
                ("prompt_tuning", {"prompt_embeddings"}, ("--prompt-tuning-init-text", "once upon a time")),
                ("p_tuning", {"prompt_embeddings", "embedding.weight", "mlp_head.4.bias"}, ("--encoder-hidden-size", 24)),
                ("p_tuning", {"prompt_embeddings", "embedding.weight", "mlp_head.2.bias", "mlp_head.4.bias"}, ("--ema-decay", 0.5)),
                ("prefix_tuning", {"prompt_embeddings"}, ()),
                ("prefix_tuning", {"prompt_embeddings", "transform.2.weight"}, ("--prefix-projection",)),
                ("ia3", {PREFIX + "model.layers.0.self_attn.k_proj.ia3_l", PREFIX + "model.layers.0.mlp.down_proj.ia3_l"}, ()),
                ("bottleneck", {PREFIX + "model.layers.0.mlp.down_proj.adapter_up.weight"}, ("--bottleneck-size", 8)),
                ("lora", {PREFIX + "model.norm.weight"}, ("--modules-to-save", "norm"))):
            with self.subTest(kind=kind, more=more):
                few = ("--num-virtual-tokens", 6) if "tuning" in kind else ()
                out = self.folder / f"{kind}{len(names)}"
                arguments = [x for x in self.command(out, "--peft", kind, *few, *more, steps=30)]
                if kind != "lora":
                    place = arguments.index("--lora-rank")
                    del arguments[place:place + 2]
                if kind == "ia3":
                    arguments[arguments.index("--lr") + 1] = "0.1"
                made = self.json(*arguments)
                checkpoint = pathlib.Path(made["checkpoint"])
                losses = self.losses(made["run"])
                self.assertLess(made["eval_loss"], 0.9 * losses[0][1])
                tensors = support.read_safetensors(checkpoint / "adapter_model.safetensors")
                self.assertLessEqual(names, set(tensors))
                if few:
                    self.assertEqual(tensors["prompt_embeddings"][0][0], 6)
                scored = self.json("eval", "default", "--adapter", checkpoint, "--perplexity", self.base / "text.txt", "--json")["avg_loss"]
                self.assertNotEqual(scored, plain)
                if not few:  # what stands before short rows says little about the end of a long text
                    self.assertLess(scored, 0.95 * plain)
                # What is saved beside the network is what it gives: PEFT reads that alone.
                if len(names) > 1 and few:
                    bare = self.folder / f"bare-{kind}{len(names)}"
                    shutil.copytree(checkpoint, bare)
                    support.write_safetensors(bare / "adapter_model.safetensors",
                                              {"prompt_embeddings": ("F32", *tensors["prompt_embeddings"])})
                    again = self.json("eval", "default", "--adapter", bare, "--perplexity", self.base / "text.txt", "--json")["avg_loss"]
                    self.assertEqual(again, scored)
                    shutil.copytree(checkpoint, bare, dirs_exist_ok=True)
                    support.write_safetensors(bare / "adapter_model.safetensors",
                                              {name: ("F32", *rest) for name, rest in tensors.items() if name != "prompt_embeddings"})
                    encoded = self.json("eval", "default", "--adapter", bare, "--perplexity", self.base / "text.txt", "--json")["avg_loss"]
                    self.assertAlmostEqual(encoded, scored, delta=1e-4)
                # The same command goes on from the last checkpoint, bit for bit.
                longer = [40 if argument == 30 else argument for argument in arguments]
                self.assertGreater(self.json(*longer)["steps"], 30)

    def test_options(self):
        for more, says in ((("--peft", "lore"), ["peft.type", "lora"]),
                           (("--peft", "lora", "--num-virtual-tokens", 4), ["peft.num_virtual_tokens", "no setting of lora"]),
                           (("--modules-to-save", "nothing"), ["modules_to_save", "'nothing'"]),
                           (("--peft", "bottleneck"), ["lora.r", "no setting of bottleneck"])):
            self.refused(*self.command(self.folder / "out", *more), says=says)
        arguments = [x for x in self.command(self.folder / "out", "--peft", "p_tuning")]
        place = arguments.index("--lora-rank")
        del arguments[place:place + 2]
        self.refused(*arguments, "--encoder-reparameterization-type", "LSTM", code=3, says=["LSTM", "MLP"])
        self.refused(*arguments, "--num-virtual-tokens", 31, says=["--block-size", "31 of them virtual"])
        self.refused(*arguments, "--set", "data.packing=true", says=["data.packing"])
        out = self.folder / "out"
        self.refused(*self.command(out, "--target-modules", "qproj"), says=["fits 'qproj'", "q_proj", "all-linear"])
        self.refused(*self.command(out, "--target-modules", "re:.*nothing"), says=[".*nothing"])
        self.refused(*self.command(out, "--lora-dropout", "1"), says=["lora.dropout"])
        self.refused(*self.command(out, "--set", "lora.r=5000"), says=["a rank of 5000", "out of range"])
        self.refused(*self.command(out, "--adapter", ADAPTERS / "llama-lora"), says=["the file has shape [3, 16]", "needs [3, 128]"])


if __name__ == "__main__":
    support.main()

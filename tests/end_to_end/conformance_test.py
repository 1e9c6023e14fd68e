"""Logits, greedy continuations and padded batches of whole models against the reference implementation's values."""
import json
import os
import unittest

import support
from support import CONFORMANCE

FAMILIES = os.environ.get("LLC_FAMILIES", "llama,mistral,qwen2,qwen3,gemma2,gpt2,gpt_neox").split(",")
TOLERANCE = 1e-4  # of the largest logit


def cases():
    folder = CONFORMANCE / "cases"
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [case for case in found if case.name.rsplit("-s", 1)[0] in FAMILIES]


@unittest.skipUnless(cases(), "no conformance cases here (LLC_SHARED)")
class Conformance(support.Case):
    def logits(self, case, ids, mask=None, engine="jit"):
        shape, values = ids
        tensors = {"input_ids": ("I64", shape, values)}
        if mask:
            tensors["attention_mask"] = ("I64", shape, mask[1])
        support.write_safetensors(self.folder / "in.safetensors", tensors)
        self.good("logits", case, "--input", self.folder / "in.safetensors", "--output", self.folder / "out.safetensors",
                  "--dtype", "f32", "--engine", engine)
        return support.read_safetensors(self.folder / "out.safetensors")["logits"]

    def compare(self, case, found, expected, mask=None):
        self.assertEqual(found[0], expected[0])
        vocabulary = expected[0][2]
        largest = max(map(abs, expected[1]))
        real = [i for i in range(len(expected[1])) if not mask or mask[1][i // vocabulary]]
        worst = max(abs(found[1][i] - expected[1][i]) for i in real)
        self.assertLessEqual(worst, TOLERANCE * largest, f"{case.name}: {worst / largest:.2e} of the largest logit")

    def test_logits(self):
        for case in cases():
            with self.subTest(case.name):
                expected = support.read_safetensors(case / "expected.safetensors")
                self.compare(case, self.logits(case, expected["input_ids"]), expected["logits"])

    def test_padded(self):
        for case in cases():
            expected = support.read_safetensors(case / "expected.safetensors")
            if "padded_input_ids" not in expected:
                continue
            with self.subTest(case.name):
                mask = expected["padded_attention_mask"]
                self.compare(case, self.logits(case, expected["padded_input_ids"], mask), expected["padded_logits"], mask)

    def test_greedy(self):
        for case in cases():
            with self.subTest(case.name):
                expected = support.read_safetensors(case / "expected.safetensors")
                shape, ids = expected["input_ids"]
                prompt = ",".join(map(str, ids[:shape[1]]))
                count = len(expected["greedy_ids"][1])
                found = self.json("generate", case, "--ids", prompt, "--max-tokens", count, "--temperature", 0, "--ignore-eos",
                                  "--dtype", "f32", "--json")
                accepted = [list(expected[name][1]) for name in ("greedy_ids", "greedy_uncached_ids") if name in expected]
                self.assertIn(found["ids"], accepted)

    def test_reference_interpreter(self):
        """One case of each family: the interpreter is slow."""
        for case in cases():
            if not case.name.endswith("-s0"):
                continue
            with self.subTest(case.name):
                expected = support.read_safetensors(case / "expected.safetensors")
                found = self.logits(case, expected["input_ids"], engine="reference")
                self.compare(case, found, expected["logits"])


STORIES = CONFORMANCE / "stories260K"


@unittest.skipUnless(STORIES.is_dir(), "no stories260K here (LLC_SHARED)")
class Stories(support.Case):
    """A small trained model: the expected text exactly, just in time and by an executable."""

    def expect(self, **options):
        for story in json.loads((STORIES / "expected.json").read_text())["greedy"]:
            with self.subTest(story["prompt"]):
                ids = ",".join(map(str, story["prompt_ids"]))
                found = self.json(*self.command, "--ids", ids, "--max-tokens", len(story["ids"]), "--temperature", 0, "--ignore-eos",
                                  "--json", **options)
                self.assertEqual(found["ids"], story["ids"])

    def test_jit(self):
        self.command = ["generate", STORIES]
        self.expect()

    def test_executable(self):
        program = self.folder / "stories"
        self.good("compile", STORIES, "-o", program)
        self.command = ["run"]
        self.expect(program=program)

    def test_text(self):
        story = json.loads((STORIES / "expected.json").read_text())["greedy"][1]
        found = self.json("generate", STORIES, "--prompt", story["prompt"], "--max-tokens", len(story["ids"]), "--temperature", 0,
                          "--ignore-eos", "--json")
        self.assertEqual(found["ids"], story["ids"])
        self.assertIn(found["text"], story["text"])


if __name__ == "__main__":
    support.main()

"""Artifacts: each format gives the text of the JIT, repeated builds are equal byte for byte, phases can be stopped and resumed."""
import json
import os
import re
import shutil
import subprocess
import unittest

import support
from support import TINY

PROMPT = ["-p", "Once upon a time", "-n", 24, "--temp", 0, "--json"]


class Formats(support.Case):
    @classmethod
    def setUpClass(cls):
        cls.expected = json.loads(support.run("run", *PROMPT).out)["ids"]

    def test_executable(self):
        program = self.folder / "story"
        self.good("compile", "default", "-o", program)
        for command in (lambda: self.json("run", *PROMPT, program=program),  # by itself
                        lambda: self.json("run", program, *PROMPT),          # loaded by llc-model
                        lambda: self.json("generate", program, *PROMPT, "--preload")):
            self.assertEqual(command()["ids"], self.expected)
        self.refused("run", program, *PROMPT, "--deterministic", says=["compiled already", "--deterministic"])
        scored = self.json("score", "-p", "Once upon a time there was a dog", "--json", program=program)
        self.assertEqual(len(scored["log_probs"]), len(scored["ids"]) - 1)
        self.assertLess(scored["sum"], 0)
        self.assertEqual(self.json("score", program, "-p", "Once upon a time there was a dog", "--json"), scored)
        self.assertEqual(self.json("info", "--json", program=program)["name"], "default")
        self.assertGreater(self.json("bench", program, "--prompt-tokens", 8, "--gen-tokens", 4, "--json")["prefill_tok_s"], 0)

    def test_logits_of_every_format(self):
        support.write_safetensors(self.folder / "in", {"input_ids": ("I64", [1, 5], [5, 6, 7, 8, 9])})
        self.good("logits", TINY, "--input", self.folder / "in", "--output", self.folder / "expected")
        expected = (self.folder / "expected").read_bytes()
        for form in ("exe", "so", "bundle"):
            self.good("compile", TINY, "-o", self.folder / form, "--format", form, "--target-cpu", "native")
            self.good("logits", self.folder / form, "--input", self.folder / "in", "--output", self.folder / "out")
            self.assertEqual((self.folder / "out").read_bytes(), expected, form)

    def test_executable_needs_only_libc_and_libm(self):
        program = self.folder / "story"
        self.good("compile", "default", "-o", program, "--target-cpu", "native")
        needed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        names = [line.split()[0].rsplit("/", 1)[-1] for line in needed.splitlines()]
        self.assertEqual([name for name in names if not name.startswith(("libc.", "libm.", "ld-linux", "linux-vdso"))], [])

    def test_library_and_bundle(self):
        for form in ("so", "bundle"):
            output = self.folder / f"story.{form}"
            self.good("compile", "default", "-o", output, "--format", form)
            self.assertEqual(self.json("generate", output, *PROMPT)["ids"], self.expected, form)
            self.assertIn("default", self.good("inspect", output).out)
            self.assertEqual(self.json("tokenize", output, "-p", "time"), self.json("tokenize", "default", "-p", "time"))

    def test_levels_of_an_executable_agree(self):
        program = self.folder / "story"
        self.good("compile", "default", "-o", program, "--target-cpu", "generic,avx2")
        for level in ("generic", "avx2"):
            if level == "avx2" and "avx2" not in self.json("doctor", "--json")["cpu"]["features"]:
                continue
            self.assertEqual(self.json("run", *PROMPT, program=program, environment={"LLC_ISA": level})["ids"], self.expected)

    def test_repeated_builds_are_equal(self):
        for form in ("exe", "so"):
            outputs = [self.folder / f"{form}{i}" for i in range(2)]
            for output in outputs:
                self.good("compile", TINY, "-o", output, "--format", form)
            self.assertEqual(outputs[0].read_bytes(), outputs[1].read_bytes(), form)

    def test_code_is_small(self):
        program = self.folder / "tiny"
        report = self.json("compile", TINY, "-o", program, "--json")
        weights = (TINY / "model.safetensors").stat().st_size
        self.assertLess(report["bytes"] - weights, 4 << 20)


class Phases(support.Case):
    PHASES = ["traced", "differentiated", "sharded", "quantized", "fused", "scheduled", "vector", "llvm"]

    def code(self, *arguments):
        """The llvm phase without locations: those of loop variables are not printed in every phase."""
        text = self.good("compile", *arguments, "--stop-after", "llvm", "--target-cpu", "generic", "-q").out
        return [re.sub(r" loc\(.*?\)(?=[,):]|$)", "", line) for line in text.splitlines() if not line.startswith("#loc")]

    def test_stop_and_resume(self):
        expected = self.code(TINY)
        for phase in self.PHASES:
            text = self.folder / f"{phase}.mlir"
            self.good("compile", TINY, "--stop-after", phase, "-o", text, "--target-cpu", "generic", "-q")
            self.assertIn("module", text.read_text())
            self.assertEqual(self.code(text, "--start-at", phase), expected, phase)

    def test_artifact_from_text(self):
        text, program = self.folder / "scheduled.mlir", self.folder / "tiny"
        self.good("compile", TINY, "--stop-after", "scheduled", "-o", text)
        self.good("compile", text, "--start-at", "scheduled", "--weights", TINY, "-o", program, "--target-cpu", "generic")
        options = ["--ids", "1,2,3", "-n", 6, "--temp", 0, "--json"]
        self.assertEqual(self.json("run", *options, program=program)["ids"], self.json("run", TINY, *options)["ids"])

    def test_dump_writes_a_file_per_phase(self):
        self.good("compile", TINY, "-o", self.folder / "tiny", "--dump-ir", self.folder / "ir", "--target-cpu", "generic")
        names = sorted(path.name for path in (self.folder / "ir").iterdir())
        for phase in self.PHASES:
            self.assertTrue(any(phase in name for name in names), names)


class Disk(support.Case):
    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("mount"), "needs root, to mount a small file system")
    def test_a_full_disk_leaves_nothing_behind(self):
        place = self.folder / "small"
        place.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", place], capture_output=True, check=False).returncode:
            self.skipTest("mount is not allowed here")
        self.addCleanup(subprocess.run, ["umount", place], check=False)
        for form in ("exe", "so", "bundle"):
            self.refused("compile", "default", "-o", place / "story", "--format", form, code=4, says=["story"])
            self.assertEqual(list(place.iterdir()), [], form)


if __name__ == "__main__":
    support.main()

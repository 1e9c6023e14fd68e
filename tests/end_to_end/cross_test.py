"""Artifacts for other architectures: what they are made of, and that whole models compute in them what they should."""
import json
import math
import os
import pathlib
import shutil
import struct
import subprocess
import unittest

import support
from support import CONFORMANCE, PROGRAM, ROOT, TINY

GOLDENS = ROOT / "tests/golden/architectures"
TOLERANCE = 1e-4  # of the largest logit
LEVELS = ["neon", "neon-dotprod", "neon-i8mm", "neon-bf16"]
EMULATOR = shutil.which("qemu-aarch64")
AARCH64 = 183  # e_machine in ELF


def can_link():
    """Whether this build has the runtime for aarch64 executables."""
    return "aarch64" in json.loads(support.run("doctor", "--json").out)["executables_for"]


def emulated(cpu="max"):
    """The command that runs a program for aarch64 here."""
    library = [] if pathlib.Path("/lib/ld-linux-aarch64.so.1").exists() else ["-L", "/usr/aarch64-linux-gnu"]
    return [EMULATOR, *library, "-cpu", cpu]


def machine_of(path):
    return struct.unpack_from("<H", path.read_bytes(), 18)[0]


class Names(support.Case):
    def test_levels_and_processors_are_listed(self):
        text = self.good("compile", "--target-cpu", "help").out
        for name in [*LEVELS, "avx2", "cortex-a76", "znver4", "sapphirerapids"]:
            self.assertIn(f"| {name} ", text)

    def test_mistakes(self):
        for names, says in (("cortx-a76", ["cortex-a76"]), ("avx2,neon", ["architectures"]), ("haswell,znver1", ["avx2"]),
                            ("m68k", ["--target-cpu"])):
            self.refused("compile", TINY, "-o", self.folder / "tiny", "--target-cpu", names, says=says)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_processor_runs_as_its_level(self):
        program = self.folder / "tiny"
        self.good("compile", TINY, "-o", program, "--target-cpu", "generic,haswell")
        self.assertEqual(self.json("info", "--json", program=program)["levels"], ["avx2", "generic"])
        options = ["--ids", "1,2,3", "-n", 6, "--temp", 0, "--json"]
        self.assertEqual(self.json("run", *options, program=program)["ids"], self.json("run", TINY, *options)["ids"])


class Libraries(support.Case):
    def test_need_no_foreign_library(self):
        for form, code in (("so", "tiny"), ("bundle", "tiny/code.so")):
            place = self.folder / form
            place.mkdir()
            self.good("compile", TINY, "-o", place / "tiny", "--format", form, "--target-cpu", "neoverse-v1")
            self.assertEqual(machine_of(place / code), AARCH64)
            self.assertIn("neon-bf16", self.good("inspect", place / "tiny").out)
            self.refused("run", place / "tiny", "--ids", "1,2", code=3, says=["neon-bf16 alone", "x86-64", "--target-cpu"])

    def test_what_executables_need_is_said(self):
        program = self.folder / "llc-model"  # without the archives beside it
        shutil.copy(PROGRAM, program)
        self.refused("compile", TINY, "-o", self.folder / "tiny", "--target-cpu", "cortex-a76", program=program, code=3,
                     says=["libllc_artifact_aarch64.a", "cross-compile.md", "--format so"])


@unittest.skipUnless(can_link(), "this build has no runtime for aarch64 (tools/ci/packages-cross.txt)")
class Executables(support.Case):
    def test_elf(self):
        program = self.folder / "tiny"
        self.good("compile", TINY, "-o", program, "--target-cpu", "cortex-a76")
        self.assertEqual(machine_of(program), AARCH64)
        self.assertIn(b"/lib/ld-linux-aarch64.so.1\0", program.read_bytes()[:65536])
        needed = subprocess.run(["readelf", "-d", program], capture_output=True, text=True, check=True).stdout
        names = [line.split("[")[1].rstrip("]") for line in needed.splitlines() if "(NEEDED)" in line]
        self.assertLessEqual(set(names), {"libc.so.6", "libm.so.6", "ld-linux-aarch64.so.1"})

    def test_repeated_builds_are_equal(self):
        outputs = [self.folder / name for name in "ab"]
        for output in outputs:
            self.good("compile", TINY, "-o", output, "--target-cpu", "cortex-a76")
        self.assertEqual(outputs[0].read_bytes(), outputs[1].read_bytes())


@unittest.skipUnless(EMULATOR and can_link(), "needs qemu-aarch64 (qemu-user) and the runtime for aarch64")
class Emulated(support.Case):
    def program(self, model, *targets):
        path = self.folder / "program"
        self.good("compile", model, "-o", path, "--dtype", "f32", "--target-cpu", ",".join(targets))
        return path

    def run_json(self, program, *arguments, level=None, cpu="max"):
        environment = {**os.environ, **({"LLC_ISA": level} if level else {})}
        done = subprocess.run([*emulated(cpu), program, *map(str, arguments), "--json"], capture_output=True, text=True,
                              env=environment, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def compare(self, program, ids, logits, **options):
        """Log-probabilities of `ids` under the program and by the reference's logits [positions][vocabulary]."""
        width = len(logits) // len(ids)
        found = self.run_json(program, "score", "--ids", ",".join(map(str, ids)), **options)["log_probs"]
        self.assertEqual(len(found), len(ids) - 1)
        allowed = TOLERANCE * max(map(abs, logits))
        for i, value in enumerate(found):
            row = logits[i * width:(i + 1) * width]
            largest = max(row)
            expected = row[ids[i + 1]] - largest - math.log(sum(math.exp(x - largest) for x in row))
            self.assertLessEqual(abs(value - expected), allowed, f"position {i}")

    def greedy(self, program, prompt, count, **options):
        return self.run_json(program, "run", "--ids", ",".join(map(str, prompt)), "-n", count, "--temp", 0, "--ignore-eos",
                             **options)["ids"]

    def test_goldens(self):
        """Three families; the first in code for every level."""
        for name, levels in (("llama", LEVELS), ("gpt2", ["neon-dotprod"]), ("qwen3", ["neon"])):
            program = self.program(GOLDENS / name, *levels)
            expected = support.read_safetensors(GOLDENS / name / "expected.safetensors")
            ids = list(expected["ids.0"][1])
            same = self.json("generate", GOLDENS / name, "--ids", ",".join(map(str, ids)), "--max-tokens", 8, "--temperature", 0,
                             "--ignore-eos", "--dtype", "f32", "--json")["ids"]
            for level in levels:
                with self.subTest(name, level=level):
                    self.compare(program, ids, list(expected["logits.0"][1]), level=level)
                    self.assertEqual(self.greedy(program, ids, 8, level=level), same)

    def test_reference_cases(self):
        for name in ("llama-s0", "gpt2-s0", "qwen3-s0"):
            case = CONFORMANCE / "cases" / name
            if not case.is_dir():
                continue
            with self.subTest(name):
                program = self.program(case, "cortex-a76")
                expected = support.read_safetensors(case / "expected.safetensors")
                (_, length, vocabulary), logits = expected["logits"]
                ids = list(expected["input_ids"][1][:length])
                self.compare(program, ids, list(logits[:length * vocabulary]))
                accepted = [list(expected[key][1]) for key in ("greedy_ids", "greedy_uncached_ids") if key in expected]
                self.assertIn(self.greedy(program, ids, len(accepted[0])), accepted)

    def test_halves_and_threads(self):
        """Weights in bf16 and f16, several threads, and `info`. Not bench: its search for the peak takes minutes in emulation."""
        options = ["--ids", "1,2,3,4,5", "-n", 8, "--temp", 0, "--ignore-eos"]
        for dtype in ("bf16", "f16"):
            program = self.folder / dtype
            self.good("compile", TINY, "-o", program, "--dtype", dtype, "--target-cpu", "cortex-a76")
            expected = self.json("run", TINY, *options, "--dtype", dtype, "--json")["ids"]
            for threads in (1, 3):
                self.assertEqual(self.run_json(program, "run", *options, "--threads", threads)["ids"], expected, dtype)
        self.assertEqual(self.run_json(program, "info")["levels"], ["neon-dotprod"])

    def test_a_processor_that_lacks_something_is_refused(self):
        program = self.program(TINY, "cortex-a76")
        done = subprocess.run([*emulated("cortex-a53"), program, "run", "--ids", "1,2"], capture_output=True, text=True,
                              timeout=300, check=False)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("lacks lse, dotprod", done.stderr)
        self.assertIn("--target-cpu neon", done.stderr)


if __name__ == "__main__":
    support.main()

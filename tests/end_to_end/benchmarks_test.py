"""The benchmark runner and the comparison of builds, with programs whose speeds are known."""
import json
import os
import subprocess
import unittest

import support
from support import ROOT

FAKE = """#!/usr/bin/env python3
import json, sys
speed = float(open(__file__ + ".speed").read())
if sys.argv[1] == "--version":
    print("fake 1")
elif sys.argv[1] == "doctor":
    print(json.dumps({{"cpu": {{"level": "none"}}}}))
else:
    with open({log!r}, "a") as log:
        print({name!r}, *sys.argv[1:], file=log)
    sequences = int(sys.argv[sys.argv.index("--sequences") + 1]) if "--sequences" in sys.argv else 1
    print(json.dumps({{"prefill_tok_s": 2 * speed, "decode_tok_s": speed * sequences}}))
"""


class Benchmarks(support.Case):
    def setUp(self):
        super().setUp()
        self.log = self.folder / "log"
        self.data = self.folder / "tiny.json"
        self.data.write_text(json.dumps({"model": "default", "works": [{"prompt_tokens": 8, "gen_tokens": 4},
                                                                      {"prompt_tokens": 8, "gen_tokens": 4, "sequences": 3}]}))

    def fake(self, name, speed):
        path = self.folder / name
        path.write_text(FAKE.format(log=str(self.log), name=name))
        path.chmod(0o755)
        (self.folder / (name + ".speed")).write_text(str(speed))
        return path

    def script(self, name, *arguments):
        environment = {key: value for key, value in os.environ.items() if not key.startswith("LLC_LLAMA")}
        return subprocess.run([str(ROOT / "benchmarks" / name), *map(str, arguments)], capture_output=True, text=True, check=False,
                              env=environment)

    def test_run_measures_peers_in_turn_and_writes_history(self):
        ours, peer = self.fake("ours", 30), self.fake("peer", 10)
        done = self.script("run", self.data, "--llc-model", ours, "--peer", f"fast={peer} bench --n {{prompt_tokens}} {{threads}}",
                           "--threads", 2, "--rounds", 3, "--history", self.folder, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        single, several = report["results"]
        self.assertEqual(single["ratios"]["fast"], {"prefill_tok_s": 3, "decode_tok_s": 3})
        self.assertEqual(several["medians"]["llc-model"]["decode_tok_s"], 90)
        self.assertEqual([line.split()[0] for line in self.log.read_text().splitlines()], ["ours", "peer"] * 6)
        self.assertIn("--n 8 2", self.log.read_text())
        (written,) = self.folder.glob("2*.json")
        self.assertEqual(json.loads(written.read_text()), report)

    def test_run_leaves_out_what_is_not_there(self):
        far = {"model": "$NO_SUCH_VARIABLE/x", "works": [{"prompt_tokens": 1, "gen_tokens": 1}]}
        (self.folder / "far.json").write_text(json.dumps(far))
        done = self.script("run", self.data, self.folder / "far.json", "--llc-model", self.fake("ours", 30), "--llama2c", "/nowhere",
                           "--rounds", 1)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("left out: far", done.stderr)
        self.assertIn("llama2.c     left out: no checkpoint", done.stdout)

    def test_run_leaves_out_peers_that_fail(self):
        peers = {"gone": "/nowhere/peer", "unknown": "echo {no_such_value}", "silent": "echo hello", "failing": "false"}
        flags = [part for name, command in peers.items() for part in ("--peer", f"{name}={command}")]
        done = self.script("run", self.data, "--llc-model", self.fake("ours", 30), *flags, "--rounds", 2, "--history",
                           self.folder / "new" / "history")
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in peers:
            self.assertIn(f"  {name:12} left out: ", done.stdout)
            self.assertEqual(done.stderr.count(f"round 1, {name} "), 2)
            self.assertNotIn(f"round 2, {name} ", done.stderr)
        self.assertEqual(len(list((self.folder / "new/history").iterdir())), 1)

    def test_bad_data_files_are_named(self):
        works = [{"prompt_tokens": 8, "gen_tokens": 4}]
        contents = ["no json", [], {"model": "default"}, {"model": 3, "works": works}, {"model": "default", "works": 3},
                    {"model": "default", "works": [{"prompt_tokens": 8}]}, {"model": "default", "works": []},
                    {"model": "default", "works": [{"prompt_tokens": 0, "gen_tokens": 4}]},
                    {"model": "$NO_SUCH_VARIABLE/x", "works": works}]
        ours = self.fake("ours", 30)
        for content in contents:
            self.data.write_text(content if isinstance(content, str) else json.dumps(content))
            for done in (self.script("run", self.data, "--llc-model", ours), self.script("compare", ours, ours, self.data)):
                self.assertEqual(done.returncode, 1, content)
                self.assertRegex(done.stderr, r"^error: .*; to fix: ", content)
        done = self.script("run", "nowhere.json", "--llc-model", self.fake("ours", 30))
        self.assertIn("nowhere.json: is no data file", done.stderr)

    def test_data_files_of_this_folder_have_names(self):
        done = self.script("run", "default", "--llc-model", self.fake("ours", 30), "--rounds", 1, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(all(result["work"]["name"].startswith("default ") for result in json.loads(done.stdout)["results"]))

    def test_compare_refuses_what_is_no_llc_model(self):
        done = self.script("compare", "/bin/true", "/bin/true", self.data, "--rounds", 1)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "^error: /bin/true: is no llc-model.*; to fix: ")
        self.assertEqual(self.script("compare", "old", "new", "--limit", "nan").returncode, 2)

    def test_run_fails_without_a_program(self):
        done = self.script("run", self.data, "--llc-model", self.folder / "none")
        self.assertEqual(done.returncode, 1)
        self.assertIn("to fix", done.stderr)

    def test_compare_finds_what_is_slower(self):
        old, new = self.fake("old", 100), self.fake("new", 80)
        done = self.script("compare", old, new, self.data, "--rounds", 2, "--json")
        self.assertEqual(done.returncode, 1, done.stderr)
        rows = json.loads(done.stdout)
        self.assertEqual([row["slower"] for row in rows], [True] * 4)
        self.assertAlmostEqual(rows[0]["times_slower"], 1.25)
        names = [line.split()[0] for line in self.log.read_text().splitlines()]
        # Two rounds, each build first once; then twice as many for the suspects.
        self.assertEqual(names[:12], ["old", "new", "new", "old"] + ["old", "new", "new", "old"] * 2)

    def test_compare_accepts_noise_and_gains(self):
        for speed in (95, 150):
            done = self.script("compare", self.fake("old", 100), self.fake("new", speed), self.data, "--rounds", 1)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_runs_with_the_real_program(self):
        done = self.script("run", self.data, "--llc-model", support.PROGRAM, "--threads", 1, "--rounds", 1, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        for result in json.loads(done.stdout)["results"]:
            self.assertGreater(result["medians"]["llc-model"]["decode_tok_s"], 0)

    def test_committed_data_files_can_be_read(self):
        for path in (ROOT / "benchmarks/models").glob("*.json"):
            data = json.loads(path.read_text())
            self.assertTrue(data["what"] and data["works"], path)
            for work in data["works"]:
                self.assertGreater(min(work["prompt_tokens"], work["gen_tokens"]), 0)


if __name__ == "__main__":
    support.main()

"""The built-in model continues the prompts of its golden file exactly, compiled just in time and ahead of time."""
import json
import unittest

import support
from support import ROOT

GOLDEN = json.loads((ROOT / "tests/golden/default_model.json").read_text())
PLAIN = ["-n", GOLDEN["max_new_tokens"], "--temp", 0, "--ignore-eos", "--json"]


class DefaultModel(support.Case):
    def check(self, case, found):
        self.assertEqual(found["ids"], case["ids"], case["prompt"])
        self.assertEqual(found["text"], case["text"], case["prompt"])

    def test_prompts_become_the_same_ids(self):
        for case in GOLDEN["cases"]:
            found = self.json("tokenize", "default", "--add-special", "-p", case["prompt"])
            self.assertEqual(found["ids"], case["prompt_ids"])

    def test_just_in_time(self):
        for case in GOLDEN["cases"]:
            self.check(case, self.json("generate", "default", "-p", case["prompt"], *PLAIN))

    def test_ahead_of_time(self):
        program = self.folder / "story"
        self.good("compile", "default", "-o", program, "-q")
        for case in GOLDEN["cases"]:
            self.check(case, self.json("run", "-p", case["prompt"], *PLAIN, program=program))

    def test_a_story_ends_by_itself(self):
        found = self.json("generate", "default", "-p", "Once upon a time", "-n", 500, "--temp", 0, "--json")
        self.assertEqual(found["finish_reason"], "eos")


if __name__ == "__main__":
    unittest.main()

"""What is served is what was trained: logits of the training program, of the program that serves, and of an artifact."""
import random
import unittest

import support

WIDTH = 24


class ServedAsTrained(support.Case):
    def setUp(self):
        super().setUp()
        rng = random.Random(3)
        ids = [rng.randrange(2, 500) for _ in range(2 * WIDTH)]
        mask = [1] * WIDTH + [1] * (WIDTH - 7) + [0] * 7
        support.write_safetensors(self.folder / "in.safetensors",
                                  {"input_ids": ("I64", (2, WIDTH), ids), "attention_mask": ("I64", (2, WIDTH), mask)})

    def logits(self, *arguments):
        out = self.folder / "out.safetensors"
        self.good("logits", *arguments, "--input", self.folder / "in.safetensors", "--output", out, "-q")
        shape, values = support.read_safetensors(out)["logits"]
        self.assertEqual(shape[:2], [2, WIDTH])
        self.assertEqual(set(values[-shape[2]:]), {0}, "padding")
        return values

    def test_of_the_built_in_model(self):
        trained = self.logits("default", "--program", "training")
        largest = max(abs(value) for value in trained)
        self.assertGreater(largest, 1)
        self.good("compile", "default", "--dtype", "f32", "-o", self.folder / "served", "--target-cpu", "native", "-q")
        for name, served in (("compiled just in time", self.logits("default", "--dtype", "f32")),
                             ("artifact", self.logits(self.folder / "served"))):
            difference = max(abs(a - b) for a, b in zip(trained, served)) / largest
            print(f"{name}: {difference:.2g} of the largest logit {largest:.4g}")
            self.assertLess(difference, 1e-5, name)

    def test_what_serves_has_its_own_options(self):
        for option in (("--dtype", "bf16"), ("--engine", "reference"), ("--context", 64)):
            self.refused("logits", "default", "--program", "training", *option, "--input", self.folder / "in.safetensors", "--output",
                         self.folder / "o", says=[option[0], "--program training"])


if __name__ == "__main__":
    unittest.main()

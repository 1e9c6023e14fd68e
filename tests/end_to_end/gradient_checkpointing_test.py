"""What layers keep for their backward pass: named choices and a limit of memory, in a whole training step."""
import support

SHAPE = ("--shape", "tiny", "--batch", 8, "--sequence", 192, "--steps", 1, "--json")


class GradientCheckpointing(support.Case):
    def bench(self, choice):
        return self.json("bench", "train", *SHAPE, "--gradient-checkpointing", choice)

    def test_a_limit_of_memory_is_kept(self):
        most, least = self.bench("everything_saveable"), self.bench("nothing_saveable")
        self.assertLess(least["planned_gb"], 0.8 * most["planned_gb"])
        limit = (most["planned_gb"] + least["planned_gb"]) / 2
        chosen = self.bench(f"auto:{limit:.6f}GB")
        self.assertGreater(chosen["planned_gb"], least["planned_gb"])
        self.assertLess(chosen["planned_gb"], limit + 0.003)  # and the scratch of two threads
        for one in (least, chosen):
            self.assertEqual(one["loss"], most["loss"])

    def test_the_memory_of_a_step_is_known_before_it(self):
        def memory(*more, tokens=128):
            return self.json("inspect", "default", "--training", "--memory", "--json", "--block-size", tokens, *more)["memory"]

        plain, less = memory(), memory("--gradient-checkpointing", "nothing_saveable")
        for plan in (plain, less):
            plan.pop("functions")
            self.assertEqual(plan.pop("total"), sum(plan.values()))
        self.assertEqual(plain["optimizer_state"], 2 * plain["weights"])
        self.assertLess(less["arena"], plain["arena"])
        early = memory("--max-grad-norm", 0, tokens=64)
        self.assertLess(early["arena"], memory(tokens=64)["arena"])
        self.assertEqual(early["optimizer_state"], plain["optimizer_state"])
        says = "each weight moves as soon as its gradient is complete"
        arguments = ("inspect", "default", "--training", "--memory", "--block-size", 128, "--max-grad-norm", 0)
        self.assertIn(says, self.good(*arguments).out)
        self.assertNotIn(says, self.good(*arguments, "--early-updates", "never").out)
        eight = memory("--optimizer", "adamw_8bit", "--ema-decay", 0.99)
        self.assertLess(eight["optimizer_state"], 0.27 * plain["optimizer_state"])
        self.assertEqual(eight["averages"], eight["weights"])
        self.assertLessEqual(eight["arena"], plain["arena"])
        narrow = memory("--weight-dtype", "bf16", "--precision", "bf16")
        self.assertLess(narrow["weights"], 0.52 * plain["weights"])
        self.assertLess(narrow["arena"], plain["arena"])
        frozen = memory("--freeze", "model.layers.*", "--accumulate")
        self.assertGreaterEqual(frozen["frozen"] + frozen["weights"], plain["weights"])
        self.assertLess(frozen["weights"], plain["weights"])
        self.assertEqual(frozen["gradients"], frozen["weights"])
        self.assertEqual(frozen["optimizer_state"], 2 * frozen["weights"])
        self.refused("inspect", "default", "--batch-size", 2, says=["--training"])

    def test_limits_that_cannot_be_kept(self):
        self.refused("bench", "train", *SHAPE, "--gradient-checkpointing", "auto:1MB", code=4,
                     says=["gradient checkpointing", "even if layers keep nothing"])
        self.refused("bench", "train", *SHAPE, "--gradient-checkpointing", "auto:lots", says=["'lots'", "auto:8GB"])
        self.refused("bench", "train", *SHAPE, "--gradient-checkpointing", "nothing", says=["nothing_saveable"])


if __name__ == "__main__":
    support.main()

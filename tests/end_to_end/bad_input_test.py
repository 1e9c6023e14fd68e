"""Mistakes of users and hostile files: one clear message with the remedy, the right exit code, nothing half done."""
import json
import shutil
import struct

import support
from support import TINY


class Commands(support.Case):
    def test_unknown_names_get_the_nearest(self):
        self.refused("rnu", says=["rnu", "'run'"])
        self.refused("run", "-p", "x", "--tpo-k", 3, says=["--tpo-k", "'--top-k'"])
        self.refused("run", "defalt", "-p", "x", says=["defalt", "'default'"])
        self.refused("compile", "default", "--stop-after", "sheduled", says=["scheduled"])
        self.refused("compile", "default", "-o", self.folder / "x", "--format", "exee", says=["exe"])

    def test_values_out_of_range(self):
        self.refused("run", "-p", "x", "--top-p", 7, says=["top"])
        self.refused("logits", TINY, "--input", "none", "--output", "none", says=["none"])
        self.refused("generate", TINY, "--ids", "1,99999", "-n", 2, says=["99999", "vocabulary"])
        self.refused("generate", TINY, "--prompt", "text", "-n", 2, says=["--ids"])
        self.refused("run", "-p", "x", "--dtype", "f31", says=["f31", "bf16"])
        self.refused("run", "-p", "x", "--cache-dtype", "i8", says=["--cache-dtype", "i8", "bf16"])
        self.refused("run", "-p", "x", "--activations", "f16", says=["--activations", "f16", "bf16"])
        self.refused("run", "-p", "x", "--dtype", "f32", "--activations", "bf16", says=["--activations", "--dtype bf16"])
        self.refused("run", "-p", "x", "--seed", "-1", says=["--seed"])
        self.refused("run", "-p", "x", "--stop", "", says=["--stop"])

    def test_what_gradients_keep(self):
        grad = ("grad", TINY, "--input", "none", "--output", "none", "--gradient-checkpointing")
        for wrong, says in (("auto:8GB", "auto plans"), ("everything", "everything_saveable")):
            error = self.refused(*grad, wrong, says=["--gradient-checkpointing", says])
            self.assertEqual(error.count("to fix"), 1)

    def test_an_output_that_can_not_be_written_is_refused_before_compiling(self):
        self.refused("compile", TINY, "-o", self.folder / "none" / "x", says=["none", "mkdir"])

    def test_broken_lines(self):
        self.refused("tokenize", "--input", "-", stdin='{"text": "good"}\n{"text": 3}\n', says=[":2"])
        self.refused("tokenize", "--input", "-", stdin="{\n", says=[":1"])


class Directories(support.Case):
    def copy(self):
        model = self.folder / "model"
        shutil.copytree(TINY, model)
        return model

    def edit(self, **keys):
        model = self.copy()
        config = json.loads((model / "config.json").read_text())
        config.update(keys)
        (model / "config.json").write_text(json.dumps(config))
        return model

    def refuse(self, model, says, code=2):
        self.refused("generate", model, "--ids", "1,2", "-n", 2, says=says, code=code)

    def test_unknown_model_type(self):
        config = json.loads((TINY / "config.json").read_text())
        model = self.edit(model_type="lama", architectures=["LamaForCausalLM"])
        self.assertEqual(config["model_type"], "llama")
        outcome = support.run("generate", model, "--ids", "1,2", "-n", 2)
        self.assertIn(outcome.code, (2, 3))
        for text in ("lama", "'llama'", "models/architectures"):
            self.assertIn(text, outcome.err)

    def test_context_beyond_what_the_model_was_made_for(self):
        outcome = support.run("compile", TINY, "--max-context", 100000, "--stop-after", "traced")
        self.assertEqual(outcome.code, 0)
        self.assertIn("100000", outcome.err)

    def test_truncated_weights(self):
        model = self.copy()
        data = (model / "model.safetensors").read_bytes()
        for length in (0, 7, 100, len(data) - 1):
            (model / "model.safetensors").write_bytes(data[:length])
            self.refuse(model, says=["model.safetensors"])

    def test_lying_header(self):
        model = self.copy()
        data = (model / "model.safetensors").read_bytes()
        (model / "model.safetensors").write_bytes(struct.pack("<Q", 1 << 62) + data[8:])
        self.refuse(model, says=["model.safetensors"])

    def test_shape_against_config(self):
        self.refuse(self.edit(vocab_size=24), says=["embed_tokens"])

    def test_missing_layer(self):
        config = json.loads((TINY / "config.json").read_text())
        self.refuse(self.edit(num_hidden_layers=config["num_hidden_layers"] + 1), says=["layers."])

    def test_missing_config(self):
        model = self.copy()
        (model / "config.json").unlink()
        self.refuse(model, says=["config.json"])


class Artifacts(support.Case):
    def test_truncated_artifact(self):
        library = self.folder / "tiny.so"
        self.good("compile", TINY, "-o", library, "--format", "so", "--target-cpu", "generic")
        data = library.read_bytes()
        library.write_bytes(data[:-100])
        self.refused("generate", library, "--ids", "1,2", says=["tiny.so"])

    def test_context_longer_than_compiled_for(self):
        library = self.folder / "tiny.so"
        self.good("compile", TINY, "-o", library, "--format", "so", "--target-cpu", "generic", "--max-context", 8)
        self.refused("generate", library, "--ids", "1,2", "--context", 16, says=["--max-context"])
        self.refused("generate", library, "--ids", "1,2,3,4,5,6,7,8,9,10", says=["--max-context"])

    def test_options_for_directories_are_refused(self):
        library = self.folder / "tiny.so"
        self.good("compile", TINY, "-o", library, "--format", "so", "--target-cpu", "generic")
        self.refused("generate", library, "--ids", "1,2", "--dtype", "f32", says=["--dtype"])
        self.refused("generate", library, "--ids", "1,2", "--cache-dtype", "f32", says=["--cache-dtype"])
        self.refused("generate", library, "--ids", "1,2", "--activations", "bf16", says=["--activations", "compiled already"])


class Verify(support.Case):
    def test_a_difference_is_found_and_named(self):
        """No two ways to add are equal to the last bit, so a tolerance below that makes a difference to find."""
        outcome = support.run("verify", TINY, "--tolerance", "1e-12", "--json")
        self.assertEqual(outcome.code, 70)
        self.assertIn("llm.", json.loads(outcome.out)["first_op"]["op"])


if __name__ == "__main__":
    support.main()

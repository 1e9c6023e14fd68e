"""llc-model grad: losses and gradients of whole models against the reference implementation's, and its refusals."""
import array
import json
import math
import os
import unittest

import support
from support import CONFORMANCE, ROOT, TINY

GOLDENS = json.loads((ROOT / "tests/golden/gradients.json").read_text())
AUTOCAST = json.loads((ROOT / "tests/golden/autocast.json").read_text())
FAMILIES = os.environ.get("LLC_FAMILIES", "llama,mistral,qwen2,qwen3,gemma2,gpt2,gpt_neox").split(",")
TOLERANCE = 1e-4  # relative to the value, and to the norm of a tensor
ZERO = 1e-6  # of the norm of all gradients together: below that, tensors whose gradient is zero in exact arithmetic differ


def norm(values):
    return math.sqrt(math.fsum(value * value for value in values))


def projection(values):
    return math.fsum(value * math.cos(0.7 * i) for i, value in enumerate(values))


def cases():
    folder = CONFORMANCE / "cases"
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [case for case in found if case.name.rsplit("-s", 1)[0] in FAMILIES]


class Case(support.Case):
    def write(self, ids, mask=None, labels=None):
        """Rows of one length; returns the path of the input file."""
        tensors = {}
        for name, rows in (("input_ids", ids), ("attention_mask", mask), ("labels", labels)):
            if rows is not None:
                tensors[name] = ("I64", (len(rows), len(rows[0])), [value for row in rows for value in row])
        support.write_safetensors(self.folder / "in.safetensors", tensors)
        return self.folder / "in.safetensors"

    def grad(self, model, ids, mask=None, labels=None, *more, engine="reference"):
        """(loss, {checkpoint name: (shape, gradient)}, bytes of the file)"""
        path = self.folder / "out.safetensors"
        self.good("grad", model, "--input", self.write(ids, mask, labels), "--output", path, "--dtype", "f32", "--engine", engine,
                  *more)
        found = support.read_safetensors(path)
        self.assertEqual(found["loss"][0], [1])
        gradients = {name.removeprefix("grad/"): value for name, value in found.items() if name.startswith("grad/")}
        self.assertEqual(len(gradients) + 1, len(found))
        return found["loss"][1][0], gradients, path.read_bytes()

    def compare(self, model, found, loss, norms, projections=None):
        """`norms` (and `projections`): of the gradients by checkpoint name; all of them must be there, no others."""
        self.assertLess(abs(found[0] - loss), TOLERANCE * abs(loss))
        self.assertEqual(sorted(found[1]), sorted(norms))
        stored = support.read_safetensors_header(model / "model.safetensors")
        zero = ZERO * norm(norms.values())
        for name, (shape, values) in found[1].items():
            self.assertEqual(shape, stored[name]["shape"], name)
            allowed = TOLERANCE * norms[name] + zero
            self.assertLessEqual(abs(norm(values) - norms[name]), allowed, name)
            if projections:
                self.assertLessEqual(abs(projection(values) - projections[name]), math.sqrt(len(values)) * allowed, name)


def padded(rows, side):
    """(ids, mask): rows filled with zeros on that side to the length of the longest."""
    width = max(map(len, rows))
    fill = [[0] * (width - len(row)) for row in rows]
    join = (lambda pad, row: pad + row) if side == "left" else (lambda pad, row: row + pad)
    return [join(f, list(row)) for f, row in zip(fill, rows)], [join(f, [1] * len(row)) for f, row in zip(fill, rows)]


class Goldens(Case):
    def rows(self, model):
        expected = support.read_safetensors(model / "expected.safetensors")
        return [list(expected[f"ids.{number}"][1]) for number in range(2)]

    def check(self, name, side, *more, **options):
        model, golden = ROOT / "tests/golden/architectures" / name, GOLDENS[name]
        norms, projections = ({key: value[part] for key, value in golden["gradients"].items()} for part in range(2))
        ids, mask = padded(self.rows(model), side)
        self.compare(model, self.grad(model, ids, mask, None, *more, **options), golden["loss"], norms, projections)

    def test_interpreted(self):
        for i, name in enumerate(GOLDENS):
            with self.subTest(name):
                self.check(name, ("left", "right")[i % 2])

    def test_compiled(self):
        for i, name in enumerate(GOLDENS):
            if "-" not in name:  # one of each family: compiling takes a second
                with self.subTest(name):
                    self.check(name, ("right", "left")[i % 2], "--threads", 1 + i % 2, engine="jit")

    def test_compiled_checkpointing(self):
        self.check("llama", "left", "--gradient-checkpointing", "nothing_saveable", engine="jit")
        self.check("gpt2", "right", "--gradient-checkpointing", "attn_notsaveable", engine="jit")

    def deviation(self, found, name):
        """From f32's gradients: (root mean square, largest) over tensors, of norm and projection relative to the norm.
        `found`: {tensor: (norm, projection)}."""
        exact = GOLDENS[name]["gradients"]
        parts = [abs(found[key][part] - exact[key][part]) / exact[key][0] for key in exact for part in range(2)]
        return norm(parts) / math.sqrt(len(parts)), max(parts)

    def test_mixed_precision(self):
        """bf16 products: about as far from f32 as PyTorch's autocast (with 8 bits the distance is noise: 0.6 and 1.3 times), f16 eight
        times closer; compiled like interpreted."""
        for name, golden in AUTOCAST.items():
            with self.subTest(name):
                rows = padded(self.rows(ROOT / "tests/golden/architectures" / name), "right")
                found = {engine: self.grad(ROOT / "tests/golden/architectures" / name, *rows, None, "--precision", "bf16", engine=engine)
                         for engine in ("jit", "reference")}
                allowed, most = self.deviation(golden["gradients"], name)
                for loss, gradients, _ in found.values():
                    self.assertLess(abs(loss / GOLDENS[name]["loss"] - 1), 2 ** -8)
                    typical, largest = self.deviation({key: (norm(v), projection(v)) for key, (_, v) in gradients.items()}, name)
                    self.assertGreater(typical, 2 ** -12)
                    self.assertLess(typical, 1.5 * allowed)
                    self.assertLess(largest, 1.5 * most)
                halves = self.grad(ROOT / "tests/golden/architectures" / name, *rows, None, "--precision", "f16", engine="jit")[1]
                self.assertLess(self.deviation({key: (norm(v), projection(v)) for key, (_, v) in halves.items()}, name)[0], allowed / 8)
                total = norm(norm(values) for _, values in found["jit"][1].values())
                for key, (_, values) in found["jit"][1].items():
                    difference = norm(a - b for a, b in zip(values, found["reference"][1][key][1]))
                    self.assertLess(difference, 2 ** -7 * norm(values) + ZERO * total, key)

    def test_mixed_precision_and_checkpointing(self):
        rows = padded(self.rows(TINY), "left")
        one, other = (self.grad(TINY, *rows, None, "--precision", "bf16", "--gradient-checkpointing", saving)
                      for saving in ("everything_saveable", "nothing_saveable"))
        self.assertEqual(one[2], other[2])

    def test_padding_and_checkpointing_change_nothing(self):
        left, right = (padded(self.rows(TINY), side) for side in ("left", "right"))
        labels = [[i if m else -100 for i, m in zip(row, mask)] for row, mask in zip(*right)]
        one = self.grad(TINY, *left)
        two = self.grad(TINY, *right, labels)
        for choice in ("nothing_saveable", "dots_saveable", "mlp_notsaveable", "save_only_these_names:up_proj,o_proj"):
            again = self.grad(TINY, *right, labels, "--gradient-checkpointing", choice)
            self.assertEqual(two[2], again[2], choice)
        self.assertAlmostEqual(one[0], two[0], delta=1e-6 * one[0])
        for name, (_, values) in one[1].items():
            difference = norm(a - b for a, b in zip(values, two[1][name][1]))
            self.assertLessEqual(difference, 1e-5 * norm(values) + 1e-7, name)

    def test_ignored_labels(self):
        """Where only one token has a label, the loss is that token's."""
        row = self.rows(TINY)[0]
        parts = []
        for token in range(1, len(row)):
            labels = [id if place == token else -100 for place, id in enumerate(row)]
            parts.append(self.grad(TINY, [row], None, [labels])[0])
        whole = self.grad(TINY, [row])[0]
        self.assertAlmostEqual(sum(parts) / len(parts), whole, delta=1e-5)
        self.assertGreater(max(parts) - min(parts), 0.1)


@unittest.skipUnless(cases(), "no conformance cases here (LLC_SHARED)")
class Conformance(Case):
    def batch(self, expected, *names):
        def rows(name):
            shape, values = expected[name]
            return [list(values[r * shape[1]:(r + 1) * shape[1]]) for r in range(shape[0])]
        return [rows(name) for name in names]

    def test_gradients(self):
        for case in cases():
            with self.subTest(case.name):
                expected = support.read_safetensors(case / "expected.safetensors")
                norms = json.loads((case / "grads.json").read_text())["checkpoint"]
                for engine in ("jit", "reference"):
                    found = self.grad(case, *self.batch(expected, "input_ids"), engine=engine)
                    self.compare(case, found, expected["loss"][1][0], norms)

    def test_padded(self):
        """The reference's own loss; its gradients are those of the rows by themselves, weighted by their predictions."""
        for case in cases():
            expected = support.read_safetensors(case / "expected.safetensors")
            if "padded_input_ids" not in expected:
                continue
            with self.subTest(case.name):
                ids, mask, labels = self.batch(expected, "padded_input_ids", "padded_attention_mask", "padded_labels")
                loss, gradients, _ = self.grad(case, ids, mask, labels)
                if '"dynamic"' not in (case / "config.json").read_text():  # where the reference's rows depend on each other
                    self.assertLess(abs(loss - expected["padded_loss"][1][0]), TOLERANCE * loss)
                rows = [[id for id, real in zip(*row) if real] for row in zip(ids, mask)]
                alone = [self.grad(case, [row]) for row in rows]
                weights = [(len(row) - 1) / (sum(map(len, rows)) - 2) for row in rows]
                total = norm(norm(values) for _, values in gradients.values())
                for name, (_, values) in gradients.items():
                    summed = array.array("d", (sum(w * g[1][name][1][i] for w, g in zip(weights, alone)) for i in range(len(values))))
                    difference = norm(a - b for a, b in zip(values, summed))
                    self.assertLessEqual(difference, 1e-5 * norm(summed) + ZERO * total, name)


class Refusals(Case):
    def refuse(self, ids, mask=None, labels=None, more=(), **expectation):
        self.refused("grad", TINY, "--input", self.write(ids, mask, labels), "--output", self.folder / "out.safetensors", *more,
                     **expectation)
        self.assertFalse((self.folder / "out.safetensors").exists())

    def test_batches(self):
        self.refuse([[3, 64]], says=["row 0, column 1", "input_ids is 64", "0 to 63"])
        self.refuse([[3, 4], [5, -1]], says=["row 1, column 1", "input_ids is -1"])
        self.refuse([[3, 4]], labels=[[3, 64]], says=["row 0, column 1", "labels is 64", "-100 for none"])
        self.refuse([[3, 4]], labels=[[3, -1]], says=["labels is -1"])
        self.refuse([[3, 4]], labels=[[3, -100]], says=["no token has a label"])
        self.refuse([[3, 4]], mask=[[1, 0]], says=["no token has a label"])
        self.refuse([[3, 4]], mask=[[1, 2]], says=["row 0, column 1", "attention_mask is 2"])
        self.refuse([[3, 4]], mask=[[1, 1], [1, 1]], says=["attention_mask", "same shape"])
        self.refuse([[3]], says=["there is nothing to predict"])

    def test_positions_end(self):
        self.refused("grad", ROOT / "tests/golden/architectures/gpt2", "--input", self.write([[5] * 33]), "--output",
                     self.folder / "out.safetensors", says=["33 tokens", "32"])

    def test_options(self):
        self.refuse([[3, 4]], more=["--engine", "eager"], says=["eager", "reference"])
        self.refuse([[3, 4]], more=["--gradient-checkpointing", "dots"], says=["'dots'", "dots_saveable"])
        self.refuse([[3, 4]], more=["--gradient-checkpointing", "save_only_these_names"], says=["names nothing", "mlp"])
        self.refuse([[3, 4]], more=["--gradient-checkpointing", "dots_saveable:mlp"], says=["takes no names"])
        self.refuse([[3, 4]], more=["--gradient-checkpointing", "auto:1GB"], says=["auto", "name what is to be kept"])


if __name__ == "__main__":
    support.main()

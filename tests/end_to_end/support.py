"""What the end-to-end tests share: running llc-model, reading and writing safetensors without packages."""
import array
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("LLC_MODEL", str(ROOT / "build/release/bin/llc-model"))
TINY = ROOT / "tests/golden/architectures/llama"  # random weights, a few kilobytes
# Material beside the checkout; tests that need it are skipped when it is absent.
SHARED = pathlib.Path(os.environ.get("LLC_SHARED", ROOT.parent / "shared"))
CONFORMANCE = SHARED / "conformance"

FORMATS = {"F32": "f", "I64": "q", "I32": "i", "U8": "B", "BOOL": "B"}


class Outcome:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr


def run(*arguments, program=PROGRAM, environment=None, timeout=600, stdin="", folder=None):
    """Runs the program, in `folder` if there is one; output as text, whatever bytes it is made of."""
    done = subprocess.run([str(program), *map(str, arguments)], input=stdin, capture_output=True, text=True, errors="replace",
                          timeout=timeout, env={**os.environ, **(environment or {})}, cwd=folder, check=False)
    return Outcome(done)


class Case(unittest.TestCase):
    """A test with a folder of its own and the usual expectations."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def good(self, *arguments, **options):
        """Runs, and expects success."""
        outcome = run(*arguments, **options)
        self.assertEqual(outcome.code, 0, f"{arguments}: {outcome.err}")
        return outcome

    def json(self, *arguments, **options):
        return json.loads(self.good(*arguments, **options).out)

    def refused(self, *arguments, code=2, says, **options):
        """Runs, and expects the exit code and one error that holds each of `says` and names a remedy."""
        outcome = run(*arguments, **options)
        self.assertEqual(outcome.code, code, f"{arguments}: {outcome.err}")
        errors = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
        self.assertEqual(len(errors), 1, outcome.err)
        self.assertIn("; to fix: ", errors[0])
        for text in says:
            self.assertIn(text, errors[0])
        return errors[0]


def read_safetensors_header(path):
    """{name: {"dtype", "shape", "data_offsets"}}"""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return header


def read_safetensors(path):
    """{name: (shape, array of values)}"""
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    tensors = {}
    for name, entry in read_safetensors_header(path).items():
        begin, end = entry["data_offsets"]
        values = array.array(FORMATS[entry["dtype"]])
        values.frombytes(data[8 + length + begin:8 + length + end])
        tensors[name] = (entry["shape"], values)
    return tensors


def write_safetensors(path, tensors):
    """`tensors`: {name: (dtype, shape, list of values)}"""
    header, data = {}, b""
    for name, (dtype, shape, values) in tensors.items():
        part = array.array(FORMATS[dtype], values).tobytes()
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header).encode()
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + data)


def shard(model, folder, count):
    """Copies a model directory, its tensors dealt out to `count` files and an index."""
    folder.mkdir(parents=True)
    for path in model.iterdir():
        if path.suffix != ".safetensors":
            shutil.copy(path, folder)
    data = (model / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    names = [name for name in header if name != "__metadata__"]
    weight_map = {name: f"model-{i % count + 1:05}-of-{count:05}.safetensors" for i, name in enumerate(names)}
    for file in sorted(set(weight_map.values())):
        part, body = {}, b""
        for name in (name for name in names if weight_map[name] == file):
            begin, end = header[name]["data_offsets"]
            part[name] = {**header[name], "data_offsets": [len(body), len(body) + end - begin]}
            body += data[8 + length + begin:8 + length + end]
        text = json.dumps(part).encode()
        (folder / file).write_bytes(struct.pack("<Q", len(text)) + text + body)
    index = {"metadata": {"total_size": len(data) - 8 - length}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def main():
    sys.stdout.reconfigure(line_buffering=True)
    unittest.main(verbosity=1)

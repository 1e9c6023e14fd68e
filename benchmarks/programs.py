"""Programs that benchmarks measure, llc-model and its peers: each gives {"prefill_tok_s", "decode_tok_s"} for one work, once."""
import json
import os
import pathlib
import re
import shlex
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[1]
METRICS = ("prefill_tok_s", "decode_tok_s")


class Unable(Exception):
    """A program can't do a work: why, and what to do."""


def output_of(command, environment=None):
    command = list(map(str, command))
    try:
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(environment or {})}, check=False)
    except OSError as error:
        raise Unable(f"{command[0]}: {error.strerror}; to fix: give the path of a program") from error
    if done.returncode:
        raise Unable(f"{shlex.join(command)}: exit code {done.returncode}: {done.stderr.strip()[-300:]}")
    return done


def expanded(path):
    """`path` with its environment variables, or nothing if one of them is not set."""
    text = os.path.expandvars(path)
    return None if "$" in text else text


class LlcModel:
    name = "llc-model"

    def __init__(self, path, name="llc-model"):
        path = pathlib.Path(path)
        self.path, self.name = (path / "bin/llc-model" if path.is_dir() else path), name
        if not self.path.is_file():
            raise Unable(f"{self.path}: there is no such program; to fix: build it (tools/ci/build release), or give its path")

    def version(self):
        return output_of([self.path, "--version"]).stdout.strip()

    def machine(self):
        return json.loads(output_of([self.path, "doctor", "--json"]).stdout)

    def measure(self, work, threads):
        command = [self.path, "bench", work["model"], "--prompt-tokens", work["prompt_tokens"], "--gen-tokens", work["gen_tokens"],
                   "--threads", threads, "--repeats", work.get("repeats", 1), "--json", "-q"]
        if work.get("dtype"):
            command += ["--dtype", work["dtype"]]
        if work.get("sequences", 1) > 1:  # not asked for otherwise: older builds do not know it
            command += ["--sequences", work["sequences"]]
        try:
            found = json.loads(output_of(command).stdout)
            return {**found, **{metric: float(found[metric]) for metric in METRICS}}
        except (ValueError, KeyError, TypeError) as error:
            raise Unable(f"{self.path}: is no llc-model, its bench printed no speeds; to fix: give a build folder or the program"
                         ) from error


class LlamaCpp:
    """llama-bench for one sequence, llama-batched-bench for several; the data file names the GGUF file."""
    name = "llama.cpp"

    def __init__(self, bench, batched):
        self.bench, self.batched = bench, batched

    def version(self):
        return output_of([self.bench, "--version"]).stderr.strip().split("\n")[0] if self.bench else ""

    def measure(self, work, threads):
        gguf = expanded(work.get("gguf", "$NO_GGUF"))
        if not gguf or not os.path.exists(gguf):
            raise Unable("no GGUF file")
        return self.several(work, gguf, threads) if work.get("sequences", 1) > 1 else self.single(work, gguf, threads)

    def single(self, work, gguf, threads):
        if not self.bench:
            raise Unable("llama-bench is not given (--llama-bench)")
        rows = json.loads(output_of([self.bench, "-m", gguf, "-p", work["prompt_tokens"], "-n", work["gen_tokens"], "-t", threads,
                                     "-r", work.get("repeats", 1), "-o", "json"]).stdout)
        speed = lambda row: statistics.median(row.get("samples_ts") or [row["avg_ts"]])
        return {"prefill_tok_s": next(speed(row) for row in rows if row["n_prompt"] and not row["n_gen"]),
                "decode_tok_s": next(speed(row) for row in rows if row["n_gen"] and not row["n_prompt"])}

    def several(self, work, gguf, threads):
        if not self.batched:
            raise Unable("llama-batched-bench is not given (--llama-batched-bench)")
        count, prompt, gen = work["sequences"], work["prompt_tokens"], work["gen_tokens"]
        text = output_of([self.batched, "-m", gguf, "-c", count * (prompt + gen), "-npp", prompt, "-ntg", gen, "-npl", count, "-t", threads,
                          "--output-format", "jsonl"]).stdout
        row = json.loads([line for line in text.splitlines() if line.startswith("{")][-1])
        return {"prefill_tok_s": row["speed_pp"], "decode_tok_s": row["speed_tg"]}


class Llama2c:
    """karpathy/llama2.c: decode only, of checkpoints in its own format."""
    name = "llama2.c"

    def __init__(self, program):
        self.program = program

    def version(self):
        return ""

    def measure(self, work, threads):
        checkpoint = expanded(work.get("llama2c", "$NO_CHECKPOINT"))
        if not checkpoint or not os.path.exists(checkpoint) or work.get("sequences", 1) > 1:
            raise Unable("no checkpoint in its format, or several sequences")
        command = [self.program, checkpoint, "-t", "0", "-n", work["prompt_tokens"] + work["gen_tokens"]]
        if expanded(work.get("llama2c_tokenizer", "$NONE")):
            command += ["-z", expanded(work["llama2c_tokenizer"])]
        done = output_of(command, {"OMP_NUM_THREADS": str(threads)})
        found = re.search(r"achieved tok/s: ([\d.]+)", done.stderr)
        if not found:
            raise Unable("printed no speed: " + done.stderr.strip()[-200:])
        return {"decode_tok_s": float(found[1])}


class Command:
    """Any other peer (torch, ...): a command with {model}, {prompt_tokens}, {gen_tokens}, {sequences}, {threads} in it, whose last
    line on stdout is an object with the metrics."""

    def __init__(self, name, command):
        self.name, self.command = name, command

    def version(self):
        return self.command

    def measure(self, work, threads):
        values = {"sequences": 1, **work, "threads": threads}
        try:
            command = [part.format(**values) for part in shlex.split(self.command)]
        except (KeyError, IndexError, ValueError) as error:
            known = ", ".join("{%s}" % key for key in sorted(values))
            raise Unable(f"--peer {self.name}: {error} is no value of a work; to fix: use {known}") from error
        try:
            found = json.loads(output_of(command).stdout.strip().splitlines()[-1])
            return {metric: float(found[metric]) for metric in METRICS if metric in found}
        except (IndexError, ValueError, TypeError) as error:
            raise Unable(f"{shlex.join(command)}: the last line is no JSON object with numbers ({error})") from error


def data_of(path):
    """A data file: its path, or the name of one of benchmarks/models."""
    here = ROOT / "benchmarks/models" / pathlib.Path(path).with_suffix(".json").name
    path = here if not os.path.exists(path) and here.exists() else pathlib.Path(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data["model"], str):
            raise ValueError("model is no text")
        for work in data["works"]:
            if not all(isinstance(work[key], int) and work[key] > 0 for key in ("prompt_tokens", "gen_tokens")):
                raise ValueError("prompt_tokens and gen_tokens count from 1")
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise Unable(f"{path}: is no data file of a benchmark ({type(error).__name__}: {error}); to fix: write "
                     '{"model": "...", "works": [{"prompt_tokens": 128, "gen_tokens": 64}]}') from error
    return path, data


def works_of(paths):
    """The works of data files (none: all of models/*.json), each with its name, and why others are left out."""
    works, left_out = [], []
    for path, data in map(data_of, paths or sorted((ROOT / "benchmarks/models").glob("*.json"))):
        model = expanded(data["model"])
        if model is None or ("/" in model and not os.path.exists(model)):
            left_out.append(f"{path.stem}: {data['model']} is not there")
            continue
        common = {key: value for key, value in data.items() if key not in ("what", "works")}
        for work in data["works"]:
            merged = {**common, **work, "model": model}
            name = f"{path.stem} {merged['prompt_tokens']}+{merged['gen_tokens']}"
            works.append({**merged, "name": name + (f" x{merged['sequences']}" if merged.get("sequences", 1) > 1 else "")})
    if not works:
        raise Unable("\n".join(["no work to measure; to fix: name a data file whose model is there", *left_out]))
    return works, left_out


def median_of(samples):
    """{metric: median} of a list of measurements."""
    return {metric: statistics.median(s[metric] for s in samples) for metric in METRICS if samples and all(metric in s for s in samples)}

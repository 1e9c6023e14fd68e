#!/usr/bin/env python3
"""Trains the built-in default model with llc-model on generated stories, and writes it in the Hugging Face layout.

    train.py --out models/builtin/default

Three steps, each by files in --work: stories.jsonl; a checkpoint of `llc-model pretrain`, which goes on from there when
this is called again; `llc-model merge`, which rounds the weights to bf16. The tokenizer is the one of --tokenizer.
Everything random comes from --seed: the same processor features give the same bytes.
"""

import argparse
import json
import multiprocessing
import pathlib
import shutil
import subprocess
import sys

import generate

ROOT = pathlib.Path(__file__).resolve().parents[3]
BEGIN, END = "<|begin|>", "<|end|>"
TOKENS_OF_A_STORY = 177  # in the mean
ROWS, CONTEXT = 9, 512   # of a step
CHAINED = 4              # stories of a chain; of eight documents one is a chain
HELD_OUT = 0.02

MODEL = {"vocab_size": 2048, "d_model": 128, "n_layers": 5, "n_heads": 4, "n_kv_heads": 2, "d_ff": 384, "max_len": CONTEXT,
         "bos_token_id": 0, "eos_token_id": 1, "initializer_range": 0.04, "rms_norm_eps": 1e-5, "tie_word_embeddings": True}
GENERATION = {"bos_token_id": 0, "do_sample": True, "eos_token_id": 1, "max_new_tokens": 256, "temperature": 0.7, "top_p": 0.95}


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="directory to write")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build/default_model", help="stories and checkpoints")
    parser.add_argument("--llc-model", type=pathlib.Path, default=ROOT / "build/release/bin/llc-model")
    parser.add_argument("--tokenizer", type=pathlib.Path, default=ROOT / "models/builtin/default")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--cooldown", type=int, default=800, help="last steps, in which the learning rate falls")
    parser.add_argument("--rate", type=float, default=4e-3, help="learning rate at its peak")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0, help="default: what the machine allows")
    return parser.parse_args()


def document(place):
    """The record of eight documents whose first has the number `place`; a chain teaches the step from story to story."""
    seed, number = place
    told = [generate.tell(seed, number + offset) for offset in range(7 + CHAINED)]
    return "".join(json.dumps({"text": text}) + "\n" for text in told[:7] + [f"{END}{BEGIN}".join(told[7:])])


def write_stories(choice):
    """As many as the steps read once, and those that are held out."""
    path = choice.work / f"stories-{choice.seed}-{choice.steps}.jsonl"
    if path.exists():
        return path
    count = int(choice.steps * ROWS * CONTEXT / TOKENS_OF_A_STORY / (1 - HELD_OUT))
    unfinished = path.with_suffix(".unfinished")
    with multiprocessing.Pool() as pool, open(unfinished, "w", encoding="utf-8") as out:
        places = [(choice.seed, number) for number in range(0, count, 7 + CHAINED)]
        for text in pool.imap(document, places, chunksize=64):
            out.write(text)
    unfinished.rename(path)
    return path


def run(*command):
    """A command's last line on stdout; what else it says is shown."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, encoding="utf-8", check=False)
    if done.returncode:
        sys.exit(f"{command[0]} {command[1]} failed with exit code {done.returncode}: see above")
    return done.stdout.strip().splitlines()[-1]


def pretrain(choice, stories):
    config = choice.work / "config.json"
    config.write_text(json.dumps(MODEL | {"training": {"decay_share": choice.cooldown / choice.steps}}, indent=2) + "\n")
    return run(choice.llc_model, "pretrain", "--config", config, "--data-path", stories, "--tokenizer-path", choice.tokenizer,
               "--output-dir", choice.work, "--run-name", f"stories-{choice.seed}-{choice.steps}",
               "--batch-size", ROWS, "--gradient-accumulation-steps", 1, "--max-steps", choice.steps,
               "--lr", choice.rate, "--lr-schedule", "wsd", "--warmup-steps", 50, "--min-lr-ratio", 0.02,
               "--weight-decay", 0.1, "--max-grad-norm", 1, "--validation-split", HELD_OUT, "--eval-interval", 500,
               "--save-interval", 500, "--log-interval", 20, "--seed", choice.seed, "--threads", choice.threads)


def write_model(choice, checkpoint):
    shutil.rmtree(choice.work / "merged", ignore_errors=True)
    run(choice.llc_model, "merge", checkpoint, "--dtype", "bf16", "-o", choice.work / "merged")
    choice.out.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "model.safetensors"):
        shutil.copy(choice.work / "merged" / name, choice.out / name)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        if choice.tokenizer.resolve() != choice.out.resolve():
            shutil.copy(choice.tokenizer / name, choice.out / name)
    (choice.out / "generation_config.json").write_text(json.dumps(GENERATION, indent=2) + "\n")


def main():
    choice = options()
    choice.work.mkdir(parents=True, exist_ok=True)
    write_model(choice, pretrain(choice, write_stories(choice)))
    print(choice.out)


if __name__ == "__main__":
    main()

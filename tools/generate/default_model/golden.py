#!/usr/bin/env python3
"""Writes the expected greedy continuations of the built-in model: golden.py MODEL_DIRECTORY OUT.json

The reference is transformers, computing in f32 with the weights as stored (bf16). `margin` is the distance between the
best and the second logit of each step: a step with a small margin may differ in another order of summation.
"""

import json
import pathlib
import re
import sys

import torch
import transformers

PROMPTS = ["Once upon a time", "The little robot", "Anna and Tom went to the sea"]
TOKENS = 64


def continue_greedily(model, tokenizer, prompt):
    """64 tokens, also past the end of a story."""
    ids = tokenizer(prompt)["input_ids"]
    made, margins = [], []
    with torch.no_grad():
        for _ in range(TOKENS):
            best = model(input_ids=torch.tensor([ids + made])).logits[0, -1].topk(2)
            made.append(best.indices[0].item())
            margins.append(round((best.values[0] - best.values[1]).item(), 4))
    end = tokenizer.eos_token_id
    return {"prompt": prompt, "prompt_ids": ids, "ids": made, "text": tokenizer.decode(made, skip_special_tokens=True),
            "ends_at": made.index(end) if end in made else None, "smallest_margin": min(margins), "margins": margins}


def main():
    folder, out = sys.argv[1], pathlib.Path(sys.argv[2])
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    cases = [continue_greedily(model, tokenizer, prompt) for prompt in PROMPTS]
    result = {"model": "models/builtin/default", "compute": "float32", "max_new_tokens": TOKENS, "cases": cases}
    out.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1, ensure_ascii=False)
    numbers_on_one_line = re.sub(r"\[\s+([-\d.,\s]+?)\s+\]", lambda found: f"[{' '.join(found[1].split())}]", text)
    out.write_text(numbers_on_one_line + "\n")


if __name__ == "__main__":
    main()

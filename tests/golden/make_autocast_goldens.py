#!/usr/bin/env python3
"""Writes autocast.json: loss, gradients and a training curve of two models of tests/golden/architectures by PyTorch in mixed
precision, torch.autocast("cpu", bfloat16) around the forward, with weights, optimizer and clipping in f32.

  python make_autocast_goldens.py

Needs what make_gradient_goldens.py and make_training_goldens.py need; the numbers are described there. Here a linear layer gives
bf16, and so do activations behind it: rounded more often than in a program whose products give f32.
"""
import functools
import json

import make_gradient_goldens
import make_training_goldens
import torch
from make_training_goldens import HERE, STEPS, adamw, cosine

autocast = functools.partial(torch.autocast, "cpu", torch.bfloat16)


def main():
    torch.set_num_threads(1)
    goldens = {}
    for name in ("gpt2", "llama"):
        folder = HERE / "architectures" / name
        goldens[name] = make_gradient_goldens.gradients(folder, autocast)
        goldens[name]["curve"] = make_training_goldens.curve(folder, adamw, STEPS, cosine, 1.0, autocast)
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in goldens.items()]
    (HERE / "autocast.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes gradients.json: the loss and its gradients of every model of tests/golden/architectures, by the reference
implementation in f32.

  python make_gradient_goldens.py

Needs torch, transformers and safetensors from PyPI; neither the build nor the tests do. The loss is that of next-token
prediction over both sequences of the model's expected.safetensors: sum of cross-entropies over number of predictions. Each
sequence is run by itself through a freshly loaded model, so that no padding is involved: tests pad them as they like. Per
tensor of the checkpoint: the L2 norm of its gradient, and the sum of its elements times cos(0.7 i), i counting in the
checkpoint's layout, which a transposed or permuted gradient does not have.
"""
import contextlib
import json
import os
import pathlib
import warnings

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")
warnings.filterwarnings("ignore")
import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import load_file

RENAMED = {"lm_head.weight": "embed_out.weight"}  # GPT-NeoX: the module's name, the file's
HERE = pathlib.Path(__file__).parent


def gradients(folder, context=contextlib.nullcontext):
    """`context`: made around the forward."""
    ids, stored = load_file(folder / "expected.safetensors"), load_file(folder / "model.safetensors")
    rows = [ids[f"ids.{number}"] for number in range(2)]
    predictions = sum(len(row) - 1 for row in rows)
    loss, sums = 0.0, {}
    for row in rows:
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
        with context():
            logits = model(input_ids=row[None], use_cache=False).logits[0, :-1]
        part = F.cross_entropy(logits.float(), row[1:], reduction="sum") / predictions
        part.backward()
        loss += part.item()
        for name, weight in model.named_parameters():
            if weight.grad is not None:
                name = name if name in stored else RENAMED[name]
                sums[name] = sums.get(name, 0) + weight.grad.double()
    return {"loss": loss, "gradients": {name: [g.norm().item(), (g.flatten() * torch.cos(
        torch.arange(g.numel(), dtype=torch.float64) * 0.7)).sum().item()] for name, g in sorted(sums.items())}}


def main():
    torch.set_num_threads(1)
    models = sorted(folder for folder in (HERE / "architectures").iterdir() if folder.is_dir())
    lines = [f"{json.dumps(folder.name)}: {json.dumps(gradients(folder))}" for folder in models]
    (HERE / "gradients.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes training.json: curves of the loss of two models of tests/golden/architectures while PyTorch trains them, in f32.

  python make_training_goldens.py

Needs torch, transformers and safetensors from PyPI; neither the build nor the tests do. Batch number n holds pseudo-random tokens (see
`batch`), the rates are `rates`. "adamw": 200 steps with clipping, decay of matrices, warmup and cosine. The other optimizers: 20
steps at one rate; PyTorch's own where it has them, Adafactor of transformers, the rest as their papers write them.
"""
import contextlib
import json
import math
import os
import pathlib
import warnings

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")
warnings.filterwarnings("ignore")
import torch
import transformers

HERE = pathlib.Path(__file__).parent
ROWS, LENGTH, STEPS = 4, 16, 200
RATE = 1e-3


def batch(number, vocabulary):
    """An LCG: Knuth's constants, the upper bits. Only 8 batches, so that there is something to learn."""
    state, ids = number % 8 + 1, []
    for _ in range(ROWS * LENGTH):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        ids.append((state >> 33) % vocabulary)
    return torch.tensor(ids).reshape(ROWS, LENGTH)


def cosine(step, warmup=20):
    """Step numbers count from 1."""
    return RATE * step / warmup if step <= warmup else 0.5 * RATE * (1 + math.cos(math.pi * (step - warmup) / (STEPS - warmup)))


class Lion(torch.optim.Optimizer):
    def __init__(self, parameters, lr):
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for p in self.param_groups[0]["params"]:
            m = self.state[p].setdefault("m", torch.zeros_like(p))
            p -= self.param_groups[0]["lr"] * torch.sign(0.9 * m + 0.1 * p.grad)
            m.mul_(0.99).add_(p.grad, alpha=0.01)


class Mars(torch.optim.Optimizer):
    """MARS-AdamW, approximate: gamma 0.025, betas 0.95 and 0.99; vectors by AdamW."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for p in self.param_groups[0]["params"]:
            s = self.state[p]
            if not s:
                s.update(t=0, m=torch.zeros_like(p), v=torch.zeros_like(p), last=torch.zeros_like(p))
            s["t"] += 1
            c = p.grad.clone()
            if p.ndim > 1:
                c += 0.025 * 0.95 / 0.05 * (p.grad - s["last"])
                c /= max(1.0, c.norm().item())
            s["last"].copy_(p.grad)
            s["m"].lerp_(c, 0.05)
            s["v"].lerp_(c * c, 0.01)
            root = (s["v"] / (1 - 0.99 ** s["t"])).sqrt() + 1e-8
            p -= self.param_groups[0]["lr"] * s["m"] / (1 - 0.95 ** s["t"]) / root


class Muon:
    """torch.optim.Muon for matrices, AdamW for the rest."""

    def __init__(self, parameters, lr):
        parameters = list(parameters)
        matrices, others = [p for p in parameters if p.ndim == 2], [p for p in parameters if p.ndim != 2]
        self.parts = [torch.optim.Muon(matrices, lr=lr, weight_decay=0, momentum=0.95, nesterov=True)]
        if others:
            self.parts.append(torch.optim.AdamW(others, lr=lr, weight_decay=0))

    def step(self):
        for part in self.parts:
            part.step()

    def zero_grad(self):
        for part in self.parts:
            part.zero_grad()


def adamw(model):
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    return torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0}], lr=RATE)


OTHERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.001, alpha=0.9),
    "lion": lambda p: Lion(p, lr=0.001),
    "mars": lambda p: Mars(p, lr=0.001),
    "adafactor": lambda p: transformers.Adafactor(p, lr=0.01, scale_parameter=True, relative_step=False, warmup_init=False),
    "muon": lambda p: Muon(p, lr=0.01),
}


def curve(folder, make, steps, rate=None, clip=None, context=contextlib.nullcontext):
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    model.get_input_embeddings().padding_idx = None  # else the row of pad_token_id learns nothing, even where it is a token
    optimizer, losses = make(model), []
    for step in range(1, steps + 1):
        ids = batch(step, model.config.vocab_size)
        if rate:
            for group in optimizer.param_groups:
                group["lr"] = rate(step)
        optimizer.zero_grad()
        with context():
            loss = model(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        losses.append(loss.item())
    return losses


def main():
    torch.set_num_threads(1)
    curves = {}
    for name in ("gpt2", "llama"):
        folder = HERE / "architectures" / name
        curves[name] = {"adamw": curve(folder, adamw, STEPS, cosine, 1.0)}
        for optimizer, make in OTHERS.items():
            if optimizer == "muon" and not hasattr(torch.optim, "Muon"):
                raise SystemExit("torch.optim.Muon is missing: use torch 2.9 or later")
            curves[name][optimizer] = curve(folder, lambda model: make(model.parameters()), 20)
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in curves.items()]
    (HERE / "training.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()

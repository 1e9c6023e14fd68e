#!/usr/bin/env python3
"""Writes average.json: losses of the averages of the weights (torch.optim.swa_utils.AveragedModel, exponential, decay 0.9) while PyTorch
trains two models of tests/golden/architectures, each on the batch of its step, after the step.

  python make_average_goldens.py

Needs what make_training_goldens.py needs; model, batches, optimizer and rates are described there. The average begins with the
weights before the first step.
"""
import json

import make_training_goldens
import torch
from make_training_goldens import HERE, adamw, batch, cosine
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

STEPS, DECAY = 40, 0.9


class WithAverage:
    """An optimizer that averages what it made, and keeps the average's losses."""

    def __init__(self, model):
        self.optimizer, self.model, self.losses = adamw(model), model, []
        self.param_groups, self.zero_grad = self.optimizer.param_groups, self.optimizer.zero_grad
        self.average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(DECAY))
        self.average.update_parameters(model)  # the first call copies

    def step(self):
        self.optimizer.step()
        self.average.update_parameters(self.model)
        ids = batch(len(self.losses) + 1, self.model.config.vocab_size)
        with torch.no_grad():
            self.losses.append(self.average(input_ids=ids, labels=ids, use_cache=False).loss.item())


def losses(folder):
    made = []

    def make(model):
        made.append(WithAverage(model))
        return made[0]

    make_training_goldens.curve(folder, make, STEPS, cosine, 1.0)
    return made[0].losses


def main():
    torch.set_num_threads(1)
    lines = [f"{json.dumps(name)}: {json.dumps(losses(HERE / 'architectures' / name))}" for name in ("gpt2", "llama")]
    (HERE / "average.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()

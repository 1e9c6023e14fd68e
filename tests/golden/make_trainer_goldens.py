#!/usr/bin/env python3
"""Writes trainers.json: what the trainers' losses are on two models of tests/golden/architectures (mlm: one of encoders) while PyTorch
trains them, in f32; and classifiers.json: what the architectures score with a head for classification (`score_head`).

  python make_trainer_goldens.py

Needs torch, transformers and safetensors from PyPI; neither the build nor the tests do. The losses are written as their papers have
them (the names: TRL's). 12 steps of AdamW at one rate without decay; per step "loss", "norm" (of all gradients), and metrics.
Batches: `batch` of make_training_goldens.py, made pairs by `pairs`, packed by `packed`.
"""
import copy
import json
import math

import torch
import torch.nn.functional as F
import transformers

from make_training_goldens import HERE, LENGTH, ROWS, batch

STEPS, RATE, BETA, SMOOTHING = 12, 1e-3, 0.5, 0.1


def load(name):
    folder = HERE / "architectures" / name
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    model.get_input_embeddings().padding_idx = None
    return model


def load_encoder(name):
    folder = HERE / "encoders" / name
    model = transformers.AutoModelForMaskedLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    model.get_input_embeddings().padding_idx = None
    return model


def pairs(ids):
    """Rows 2i and 2i + 1: the first 5 + i tokens are one prompt; the rejected row is 3 tokens shorter. -> ids, mask, labels"""
    ids, mask, labels = ids.clone(), torch.ones_like(ids), ids.clone()
    for i in range(ROWS // 2):
        ids[2 * i + 1, : 5 + i] = ids[2 * i, : 5 + i]
        mask[2 * i + 1, LENGTH - 3:] = 0
    labels = torch.where(mask == 1, ids, -100)
    for i in range(ROWS // 2):
        labels[2 * i:2 * i + 2, : 5 + i] = -100
    return ids, mask, labels


def packed(ids):
    """Row i holds two sequences, of 6 + i and of the other tokens; of each the first 2 + i tokens are no labels."""
    pieces = []
    for i, row in enumerate(ids):
        for piece in (row[: 6 + i], row[6 + i:]):
            label = piece.clone()
            label[: 2 + i] = -100
            pieces.append((piece[None], label[None]))
    return pieces


def log_softmax_of_labels(logits, labels):
    """Of each position log p(next label), 0 where there is none, and where there is one."""
    target = labels[:, 1:]
    known = target != -100
    each = torch.gather(logits[:, :-1].log_softmax(-1), 2, target.clamp(min=0)[..., None])[..., 0]
    return torch.where(known, each, 0.0), known


def row_log_probabilities(model, ids, mask, labels):
    logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
    each, known = log_softmax_of_labels(logits, labels)
    return each.sum(1), known.sum(1)


def sigmoid(a, b, e):
    h = BETA * (a - b)
    return -(1 - e) * F.logsigmoid(h) - e * F.logsigmoid(-h)


def exo_pair(a, b, e):
    """EXO (Ji et al. 2024), equation 17 as TRL writes it."""
    h, e = BETA * (a - b), max(e, 1e-3)
    return h.sigmoid() * (F.logsigmoid(h) - math.log(1 - e)) + (-h).sigmoid() * (F.logsigmoid(-h) - math.log(e))


# a, b: log-ratios of model and reference of the chosen and the rejected completion; e: label smoothing.
PAIR_LOSSES = {
    "sigmoid": sigmoid,
    "hinge": lambda a, b, e: torch.relu(1 - BETA * (a - b)),
    "ipo": lambda a, b, e: (a - b - 1 / (2 * BETA)) ** 2,  # a and b are means over the tokens
    "robust": lambda a, b, e: (-(1 - e) * F.logsigmoid(BETA * (a - b)) + e * F.logsigmoid(-BETA * (a - b))) / (1 - 2 * e),
    "exo_pair": exo_pair,
    "nca_pair": lambda a, b, e: -F.logsigmoid(BETA * a) - 0.5 * F.logsigmoid(-BETA * a) - 0.5 * F.logsigmoid(-BETA * b),
    "sppo_hard": lambda a, b, e: (a - 0.5 / BETA) ** 2 + (b + 0.5 / BETA) ** 2,
    "apo_zero": lambda a, b, e: 1 - (BETA * a).sigmoid() + (BETA * b).sigmoid(),
    "apo_down": lambda a, b, e: (BETA * a).sigmoid() + 1 - (BETA * (a - b)).sigmoid(),
}
SMOOTHED = {"sigmoid", "robust", "exo_pair"}


def preference(kind):
    def loss(model, reference, ids):
        ids, mask, labels = pairs(ids)
        sums, counts = row_log_probabilities(model, ids, mask, labels)
        with torch.no_grad():
            before, _ = row_log_probabilities(reference, ids, mask, labels)
        ratio = (sums - before) / (counts if kind == "ipo" else 1)
        a, b = ratio[0::2], ratio[1::2]
        each = PAIR_LOSSES[kind](a, b, SMOOTHING if kind in SMOOTHED else 0)
        return each.mean(), {"rewards/chosen": BETA * a, "rewards/rejected": BETA * b, "rewards/margins": BETA * (a - b),
                             "rewards/accuracies": (a > b).float(), "logps/chosen": sums[0::2], "logps/rejected": sums[1::2]}
    return loss


def completions(model, reference, ids):
    """The mean over all labels of sequences that each stand alone."""
    total = count = 0
    for piece, labels in packed(ids):
        each, known = log_softmax_of_labels(model(input_ids=piece, use_cache=False).logits, labels)
        total, count = total - each.sum(), count + known.sum()
    return total / count, {}


def with_additions(smoothing=0.2, z=0.01):
    """`completions` with label smoothing that costs nothing where the model is certain and right, and with z * log(Z)^2."""
    def loss(model, reference, ids):
        total = plain = squares = count = 0
        for piece, labels in packed(ids):
            logits, target = model(input_ids=piece, use_cache=False).logits[0, :-1], labels[0, 1:]
            logits, target = logits[target != -100], target[target != -100]
            wanted = torch.full_like(logits, smoothing / (logits.shape[1] - 1)).scatter(1, target[:, None], 1 - smoothing)
            total = total + F.kl_div(logits.log_softmax(-1), wanted, reduction="sum")
            plain, count = plain + F.cross_entropy(logits, target, reduction="sum"), count + len(target)
            squares = squares + z * (logits.logsumexp(-1) ** 2).sum()
        return (total + squares) / count, {"ce_loss": plain / count, "z_loss": squares / count}
    return loss


def hidden_tokens(model, reference, ids):
    """Sequences as `packed` cuts them; in row i each fifth token from the i-th on is hidden, token 4 stands there."""
    total = count = right = 0
    for i, row in enumerate(ids):
        hidden = torch.arange(LENGTH) % 5 == i
        labels, seen = torch.where(hidden, row, -100), torch.where(hidden, 4, row)
        for piece in (slice(0, 6 + i), slice(6 + i, LENGTH)):
            logits, wanted = model(input_ids=seen[piece][None]).logits[0], labels[piece]
            total = total + F.cross_entropy(logits, wanted, reduction="sum")
            count, right = count + (wanted != -100).sum(), right + (logits.argmax(-1) == wanted).sum()
    return total / count, {"accuracy": right / count}


def distillation(teacher, temperature=3.0, alpha=0.7, hidden=0):
    def loss(model, reference, ids):
        soft = hard = count = apart = 0
        for piece, labels in packed(ids):
            with torch.no_grad():
                taught = teacher(input_ids=piece, use_cache=False, output_hidden_states=True)
                of = (taught.logits[:, :-1] / temperature).log_softmax(-1)
            made = model(input_ids=piece, use_cache=False, output_hidden_states=True)
            logits = made.logits
            each, known = log_softmax_of_labels(logits, labels)
            by = (logits[:, :-1] / temperature).log_softmax(-1)
            soft = soft + ((of.exp() * (of - by)).sum(-1) * known).sum()
            hard, count = hard - each.sum(), count + known.sum()
            distance = (made.hidden_states[-1] - taught.hidden_states[-1]) ** 2  # behind the last norm
            apart = apart + (distance[:, :-1].mean(-1) * known).sum()
        total = alpha * temperature**2 * soft + (1 - alpha) * hard + hidden * apart
        metrics = {"kl_loss": soft / count, "ce_loss": hard / count, "hidden_state_loss": apart / count}
        return total / count, metrics if hidden else {key: value for key, value in metrics.items() if key != "hidden_state_loss"}
    return loss


def score_head(labels, hidden):
    """Multiples of 1/16 from -1/2 to 1/2."""
    return torch.tensor([((7 * i + 3) % 17 - 8) / 16 for i in range(labels * hidden)]).reshape(labels, hidden)


def load_classifier(name, labels):
    folder = HERE / "architectures" / name
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        folder, attn_implementation="eager", dtype=torch.float32, num_labels=labels).eval()
    model.config.pad_token_id = None  # rows go in one by one, as long as they are; the id of padding is a token like others
    model.get_input_embeddings().padding_idx = None
    with torch.no_grad():
        model.score.weight.copy_(score_head(labels, model.config.hidden_size))
    return model


def score(model, ids):
    return model(input_ids=ids[None], use_cache=False).logits[0]


def classifiers():
    """Of each architecture the scores of three labels for the rows of batch 1, each as long as LENGTHS says."""
    scores = {}
    with torch.no_grad():
        for name in ("llama", "mistral", "qwen2", "qwen3", "gemma2", "gpt2", "gpt_neox"):
            model = load_classifier(name, 3)
            rows = batch(1, model.config.vocab_size)
            scores[name] = [score(model, row[:length]).tolist() for row, length in zip(rows, (LENGTH, 13, 1, 9))]
    return scores


def reward(center=0):
    def loss(model, reference, ids):
        ids, mask, labels = pairs(ids)
        rewards = torch.stack([score(model, row[: int(kept.sum())])[0] for row, kept in zip(ids, mask)])
        a, b = rewards[0::2], rewards[1::2]
        margins = torch.tensor([0.1 + 0.25 * i for i in range(ROWS // 2)])
        each = -F.logsigmoid(a - b - margins) + center * (a + b) ** 2
        return each.mean(), {"rewards/chosen": a, "rewards/rejected": b, "rewards/margins": a - b,
                             "rewards/accuracies": (a > b).float()}
    return loss


def curve(model, loss_of):
    reference = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0)
    records = []
    for step in range(1, STEPS + 1):
        optimizer.zero_grad()
        loss, metrics = loss_of(model, reference, batch(step, model.config.vocab_size))
        loss.backward()
        norm = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]).norm()
        records.append({"loss": loss.item(), "norm": norm.item(), **{key: value.mean().item() for key, value in metrics.items()}})
        optimizer.step()
    return records


def main():
    torch.set_num_threads(1)
    curves = {"bert mlm": curve(load_encoder("bert"), hidden_tokens)}
    for name in ("gpt2", "llama"):
        curves[f"{name} sft"] = curve(load(name), completions)
        curves[f"{name} sft additions"] = curve(load(name), with_additions())
        curves[f"{name} distillation"] = curve(load(name), distillation(load("qwen2")))
        curves[f"{name} distillation hidden"] = curve(load(name), distillation(load("qwen2"), hidden=0.5))
        curves[f"{name} reward"] = curve(load_classifier(name, 1), reward())
        curves[f"{name} reward centered"] = curve(load_classifier(name, 1), reward(center=0.05))
        for kind in PAIR_LOSSES:
            curves[f"{name} dpo {kind}"] = curve(load(name), preference(kind))
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in curves.items()]
    (HERE / "trainers.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    (HERE / "classifiers.json").write_text(json.dumps(classifiers(), indent=1) + "\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Tiny random bidirectional models with the reference implementation's results.

  python make_encoder_goldens.py [--only bert]

Needs torch, transformers and safetensors from PyPI; neither the build nor the tests do. Each case is a Hugging Face directory in
encoders/ (config.json, model.safetensors) and expected.safetensors: input_ids, attention_mask, token_type_ids and labels [2,12] as `grad`
and `logits` read them, and logits [2,12,vocabulary], in f32; the second row ends in padding. encoders.json holds the loss and, per
tensor of the checkpoint, the L2 norm of its gradient and the sum of its elements times cos(0.7 i), as gradients.json does. Run again,
the script writes the same bytes. Adding an architecture: add a line to CASES.
"""
import argparse
import json
import pathlib
import shutil

from make_architecture_goldens import TYPES, VOCABULARY, randomize  # sets the environment of transformers
import torch
import transformers
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).parent
LENGTHS = (12, 7)


def bert_like(**changes):
    return dict(dict(vocab_size=VOCABULARY, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
                     max_position_embeddings=32, pad_token_id=0), **changes)


# name: (class whose checkpoint it is, class that fills in, configuration, type of the stored weights, names of norms as TensorFlow's)
CASES = {
    "bert": ("BertForPreTraining", "BertForMaskedLM", bert_like(layer_norm_eps=1e-3), "f32", True),
    "roberta": ("RobertaForMaskedLM", "RobertaForMaskedLM", bert_like(pad_token_id=1, bos_token_id=0, eos_token_id=2, type_vocab_size=1,
                                                                     hidden_act="gelu_new"), "f16", False),
}


def older(name):
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


def inputs(generator, types):
    """Rows of LENGTHS tokens; the second half of each is of the last type, every third token has a label."""
    width = max(LENGTHS)
    ids = torch.randint(3, VOCABULARY, (2, width), generator=generator)
    mask = torch.tensor([[int(i < length) for i in range(width)] for length in LENGTHS])
    kinds = torch.tensor([[int(i >= length // 2) * (types - 1) for i in range(width)] for length in LENGTHS]) * mask
    targets = torch.randint(3, VOCABULARY, (2, width), generator=generator)
    labels = torch.where((torch.arange(width) % 3 == 0) & (mask == 1), targets, -100)
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": kinds, "labels": labels}


def make(name):
    stored_class, filling_class, settings, stored, old_names = CASES[name]
    folder = HERE / "encoders" / name
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    config = getattr(transformers, stored_class.split("For")[0] + "Config")(**settings)
    model = getattr(transformers, stored_class)._from_config(config, attn_implementation="eager").eval()
    randomize(model, generator)
    model.tie_weights()
    shutil.rmtree(folder, ignore_errors=True)
    model.to(TYPES[stored]).save_pretrained(folder)
    path = folder / "config.json"
    written = json.loads(path.read_text())
    written.pop("transformers_version", None)
    path.write_text(json.dumps(written, indent=1, sort_keys=True))
    model = getattr(transformers, filling_class).from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    for table in model.modules():
        if isinstance(table, torch.nn.Embedding):
            table.padding_idx = None  # a row like others: nothing reads it
    batch = inputs(generator, config.type_vocab_size)
    result = model(**batch)
    result.loss.backward()
    save_file(batch | {"logits": result.logits.detach().float().contiguous()}, folder / "expected.safetensors")
    if old_names:
        tensors = {older(tensor): value for tensor, value in load_file(folder / "model.safetensors").items()}
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    rename = older if old_names else str
    gradients = {rename(weight): value.grad.double() for weight, value in model.named_parameters() if value.grad is not None}
    print(f"{name}: {sum(file.stat().st_size for file in folder.iterdir()) / 1024:.0f} kB, loss {result.loss.item():.4f}")
    return {"loss": result.loss.item(), "gradients": {weight: [g.norm().item(), (g.flatten() * torch.cos(
        torch.arange(g.numel(), dtype=torch.float64) * 0.7)).sum().item()] for weight, g in sorted(gradients.items())}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    torch.set_num_threads(1)
    path = HERE / "encoders.json"
    all_cases = json.loads(path.read_text()) if path.exists() else {}
    for name in options.only.split(",") if options.only else CASES:
        all_cases[name] = make(name)
    path.write_text("{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(all_cases[name])}" for name in CASES) + "\n}\n")


if __name__ == "__main__":
    main()

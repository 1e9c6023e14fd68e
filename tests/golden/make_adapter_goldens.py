#!/usr/bin/env python3
"""Writes adapters/*: small adapters in PEFT's files for models of tests/golden/architectures, and what comes out with them, by PyTorch.

  python make_adapter_goldens.py

Needs torch, transformers and safetensors from PyPI; neither the build nor the tests do. PEFT itself is not needed: its formulas
(peft/tuners/lora/layer.py and dora.py) are written out in `adapted`, names and configurations are as its save_pretrained() writes
them. PEFT 0.21.2 reads these adapters and gives these logits within 1e-6. expected.safetensors: the logits of both sequences of the
model, the loss over both, and its gradient by each tensor of the adapter.
"""
import json
import os
import pathlib
import re
import shutil
import warnings

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")
warnings.filterwarnings("ignore")
import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import load_file, save_file
from transformers.pytorch_utils import Conv1D

HERE = pathlib.Path(__file__).parent
CASES = {
    "llama-lora": ("llama", dict(r=3, lora_alpha=6, target_modules=["q_proj", "v_proj"])),
    "llama-dora": ("llama", dict(r=4, lora_alpha=8, use_rslora=True, use_dora=True,
                                 target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
                                 rank_pattern={"layers.1.mlp.down_proj": 2}, alpha_pattern={r"layers\.0\..*\.q_proj": 5})),
    "gpt2-lora": ("gpt2", dict(r=2, lora_alpha=4, target_modules=r"transformer\.h\.\d+\.(attn\.c_attn|mlp\.c_proj)", fan_in_fan_out=True)),
    "gpt2-dora": ("gpt2", dict(r=2, lora_alpha=2, target_modules=["c_attn"], fan_in_fan_out=True, use_dora=True)),
    "gpt_neox-lora": ("gpt_neox", dict(r=2, lora_alpha=4, target_modules=["query_key_value", "dense"])),
}
DEFAULTS = dict(alpha_pattern={}, auto_mapping=None, base_model_name_or_path=None, bias="none", fan_in_fan_out=False, inference_mode=True,
                init_lora_weights=True, layer_replication=None, layers_pattern=None, layers_to_transform=None, loftq_config={},
                lora_alpha=8, lora_bias=False, lora_dropout=0.0, megatron_config=None, megatron_core="megatron.core",
                modules_to_save=None, peft_type="LORA", r=8, rank_pattern={}, revision=None, target_modules=None,
                task_type="CAUSAL_LM", trainable_token_indices=None, use_dora=False, use_rslora=False)


def targeted(name, targets):
    if isinstance(targets, str):
        return re.fullmatch(targets, name) is not None
    return any(name == target or name.endswith("." + target) for target in targets)


def patterned(pattern, name, otherwise):
    keys = [key for key in pattern if re.match(rf"(.*\.)?({key})$", name)]
    return pattern[keys[0]] if keys else otherwise


def weight_of(module):
    return module.weight.T if isinstance(module, Conv1D) else module.weight


def adapted(module, a, b, magnitude, scaling):
    """The forward of PEFT's Linear layer."""
    plain = module.forward

    def forward(x):
        y, delta = plain(x), F.linear(F.linear(x, a), b)
        if magnitude is None:
            return y + delta * scaling
        norm = torch.linalg.norm(weight_of(module) + scaling * (b @ a).detach(), dim=1).detach()
        scale = magnitude / norm
        bias = module.bias if module.bias is not None else 0
        return y + (scale - 1) * (y - bias) + scale * delta * scaling

    return forward


def attach(model, config, generator):
    """The adapter's tensors, by PEFT's names."""
    tensors = {}
    for name, module in model.named_modules():
        if not isinstance(module, (torch.nn.Linear, Conv1D)) or not targeted(name, config["target_modules"]):
            continue
        outputs, inputs = weight_of(module).shape
        r = patterned(config["rank_pattern"], name, config["r"])
        alpha = patterned(config["alpha_pattern"], name, config["lora_alpha"])
        draw = lambda *shape: torch.randn(shape, generator=generator)
        a, b, magnitude = draw(r, inputs) / inputs ** 0.5, draw(outputs, r) * 0.3, None
        prefix = "base_model.model." + name
        tensors[prefix + ".lora_A.weight"], tensors[prefix + ".lora_B.weight"] = a, b
        if config["use_dora"]:
            magnitude = torch.linalg.norm(weight_of(module).detach(), dim=1) * (1 + 0.2 * draw(outputs))
            tensors[prefix + ".lora_magnitude_vector"] = magnitude
        for tensor in (a, b, magnitude):
            if tensor is not None:
                tensor.requires_grad_(True)
        module.forward = adapted(module, a, b, magnitude, alpha / (r ** 0.5 if config["use_rslora"] else r))
    return tensors


def make(name, base, given):
    folder, config = HERE / "architectures" / base, {**DEFAULTS, **given, "base_model_name_or_path": base}
    out = HERE / "adapters" / name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    tensors = attach(model, config, torch.Generator().manual_seed(7))
    ids = load_file(folder / "expected.safetensors")
    rows = [ids[f"ids.{number}"] for number in range(2)]
    expected, predictions, loss = {}, sum(len(row) - 1 for row in rows), 0
    for number, row in enumerate(rows):
        logits = model(input_ids=row[None], use_cache=False).logits[0]
        expected[f"logits.{number}"] = logits.detach().contiguous()
        loss = loss + F.cross_entropy(logits[:-1], row[1:], reduction="sum") / predictions
    loss.backward()
    expected["loss"] = loss.detach().reshape(1)
    expected.update({"grad/" + key: tensor.grad.contiguous() for key, tensor in tensors.items()})
    save_file({key: tensor.detach().contiguous() for key, tensor in tensors.items()}, out / "adapter_model.safetensors",
              metadata={"format": "pt"})
    save_file(expected, out / "expected.safetensors")
    (out / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    print(name, float(loss), len(tensors))


if __name__ == "__main__":
    torch.set_num_threads(1)
    for case, (model, settings) in CASES.items():
        make(case, model, settings)

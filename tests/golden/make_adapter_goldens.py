#!/usr/bin/env python3
"""Writes adapters/*: small adapters in PEFT's files for models of tests/golden/architectures, and what comes out with them, by PyTorch.

  python make_adapter_goldens.py

Needs torch, transformers and safetensors from PyPI; neither the build nor the tests do. PEFT itself is not needed: its formulas
(peft/tuners/lora/layer.py and dora.py) are written out in `adapted`, names and configurations are as its save_pretrained() writes
them. PEFT 0.21.2 reads all but the bottlenecks and gives these logits within 1e-6. Virtual tokens are rows of inputs_embeds, or of the
cache, as peft/peft_model.py passes them on; those of P-tuning and of a prefix with projection come with the network that they are the
output of.
expected.safetensors: the logits of both sequences of the model, the loss over both, and its gradient by each tensor of the adapter.
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
    "llama-saved": ("llama", dict(r=2, lora_alpha=2, target_modules=["v_proj"], modules_to_save=["lm_head", "norm"])),
}
# Kinds without LoRA's keys.
OTHERS = {
    "llama-prompt": ("llama", dict(peft_type="PROMPT_TUNING", num_virtual_tokens=5, prompt_tuning_init="RANDOM")),
    "gemma2-prompt": ("gemma2", dict(peft_type="PROMPT_TUNING", num_virtual_tokens=3, prompt_tuning_init="RANDOM")),
    "gpt2-ptuning": ("gpt2", dict(peft_type="P_TUNING", num_virtual_tokens=4, encoder_reparameterization_type="MLP",
                                  encoder_hidden_size=6, encoder_num_layers=2, encoder_dropout=0.0)),
    "llama-prefix": ("llama", dict(peft_type="PREFIX_TUNING", num_virtual_tokens=4, prefix_projection=False, encoder_hidden_size=8)),
    "gpt2-prefix": ("gpt2", dict(peft_type="PREFIX_TUNING", num_virtual_tokens=3, prefix_projection=True, encoder_hidden_size=6)),
    "llama-ia3": ("llama", dict(peft_type="IA3", target_modules=["k_proj", "v_proj", "down_proj"], feedforward_modules=["down_proj"],
                                fan_in_fan_out=False, init_ia3_weights=True, exclude_modules=None, modules_to_save=None)),
    "gpt2-ia3": ("gpt2", dict(peft_type="IA3", target_modules=["c_attn", "mlp.c_proj"], feedforward_modules=["mlp.c_proj"],
                              fan_in_fan_out=True, init_ia3_weights=True, exclude_modules=None, modules_to_save=None)),
    "llama-bottleneck": ("llama", dict(peft_type="BOTTLENECK", bottleneck_size=5, non_linearity="tanh", scaling=0.5,
                                       target_modules=["o_proj", "down_proj"])),
    "gpt2-bottleneck": ("gpt2", dict(peft_type="BOTTLENECK", bottleneck_size=3, non_linearity="relu", scaling=1.0,
                                     target_modules=["c_proj"])),
}
COMMON = dict(auto_mapping=None, base_model_name_or_path=None, inference_mode=True, revision=None, task_type="CAUSAL_LM")
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


def saved(model, endings):
    """Modules that are trained in full: their weights as they will be saved."""
    generator, tensors = torch.Generator().manual_seed(8), {}
    for name, module in model.named_modules():
        if not any(name.endswith(ending) for ending in endings or []):
            continue
        for key, parameter in module.named_parameters(recurse=False):
            parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
            tensors[f"base_model.model.{name}.{key}"] = parameter.requires_grad_(True)
    return tensors


def add_bottlenecks(model, config, generator):
    """Behind the modules, as the fork of PEFT in LLM-Adapters has them."""
    tensors, activation = {}, {"tanh": torch.tanh, "relu": torch.relu}[config["non_linearity"]]
    for name, module in model.named_modules():
        if not isinstance(module, (torch.nn.Linear, Conv1D)) or not targeted(name, config["target_modules"]):
            continue
        width, size = weight_of(module).shape[0], config["bottleneck_size"]
        shapes = {"adapter_down.weight": (size, width), "adapter_down.bias": (size,), "adapter_up.weight": (width, size),
                  "adapter_up.bias": (width,)}
        own = {key: (torch.randn(shape, generator=generator) * 0.3).requires_grad_(True) for key, shape in shapes.items()}
        tensors.update({f"base_model.model.{name}.{key}": tensor for key, tensor in own.items()})

        def behind(x, plain=module.forward, own=own):
            y = plain(x)
            inner = activation(F.linear(y, own["adapter_down.weight"], own["adapter_down.bias"]))
            return y + config["scaling"] * F.linear(inner, own["adapter_up.weight"], own["adapter_up.bias"])

        module.forward = behind
    return tensors


def add_scales(model, config, generator):
    """(IA)^3 as PEFT's Linear layer has it: biases are scaled, too."""
    tensors = {}
    for name, module in model.named_modules():
        if not isinstance(module, (torch.nn.Linear, Conv1D)) or not targeted(name, config["target_modules"]):
            continue
        outputs, inputs = weight_of(module).shape
        ahead = targeted(name, config["feedforward_modules"])
        scale = (1 + 0.4 * torch.randn((1, inputs) if ahead else (outputs, 1), generator=generator)).requires_grad_(True)
        tensors[f"base_model.model.{name}.ia3_l"] = scale

        def scaled(x, plain=module.forward, ahead=ahead, scale=scale):
            return plain(x * scale.flatten()) if ahead else plain(x) * scale.flatten()

        module.forward = scaled
    return tensors


def add_prompt(model, config, generator):
    """What is trained; what is saved follows from it."""
    text, count = model.config.get_text_config(), config["num_virtual_tokens"]
    heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    size = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    prefix = config["peft_type"] == "PREFIX_TUNING"
    width = heads * size if prefix else text.hidden_size
    config.update(token_dim=width, num_attention_heads=heads if prefix else text.num_attention_heads,
                  num_layers=text.num_hidden_layers, num_transformer_submodules=1)
    all = text.num_hidden_layers * 2 * width if prefix else width
    draw = lambda *shape: (0.5 * torch.randn(shape, generator=generator)).requires_grad_(True)
    layers, activation = [], None
    if config["peft_type"] == "P_TUNING":
        inner, activation = config["encoder_hidden_size"], torch.relu
        layers = [("mlp_head.0", width, inner), ("mlp_head.2", inner, inner), ("mlp_head.4", inner, width)]
    elif config.get("prefix_projection"):
        inner, activation = config["encoder_hidden_size"], torch.tanh
        layers = [("transform.0", width, inner), ("transform.2", inner, all)]
    if not layers:
        prompt = draw(count, all)
        return {"prompt_embeddings": prompt}, prompt
    tensors = {"embedding.weight": draw(count, width)}
    x = tensors["embedding.weight"]
    for place, (name, inputs, outputs) in enumerate(layers):
        tensors[name + ".weight"], tensors[name + ".bias"] = draw(outputs, inputs), draw(outputs)
        x = F.linear(x, tensors[name + ".weight"], tensors[name + ".bias"])
        x = activation(x) if place + 1 < len(layers) else x
    return tensors, x


def forward(model, config, prompt, row):
    """Logits of the row's own tokens."""
    if prompt is None:
        return model(input_ids=row[None], use_cache=False).logits[0]
    count = config["num_virtual_tokens"]
    mask = torch.ones(1, count + len(row), dtype=torch.long)
    if config["peft_type"] != "PREFIX_TUNING":
        embedded = torch.cat([prompt, model.get_input_embeddings()(row)])[None]
        return model(inputs_embeds=embedded, attention_mask=mask, use_cache=False).logits[0, count:]
    heads = config["num_attention_heads"]
    parts = prompt.view(1, count, config["num_layers"] * 2, heads, config["token_dim"] // heads).permute(2, 0, 3, 1, 4)
    cache = transformers.DynamicCache()
    for layer in range(config["num_layers"]):
        cache.update(parts[2 * layer], parts[2 * layer + 1], layer)
    return model(input_ids=row[None], attention_mask=mask, past_key_values=cache, use_cache=True).logits[0]


def make(name, base, given, defaults):
    folder, config = HERE / "architectures" / base, {**defaults, **given, "base_model_name_or_path": base}
    out = HERE / "adapters" / name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    generator, prompt = torch.Generator().manual_seed(7), None
    if config["peft_type"] == "LORA":
        tensors = {**attach(model, config, generator), **saved(model, config["modules_to_save"])}
    elif config["peft_type"] == "IA3":
        tensors = add_scales(model, config, generator)
    elif config["peft_type"] == "BOTTLENECK":
        tensors = add_bottlenecks(model, config, generator)
    else:
        tensors, prompt = add_prompt(model, config, generator)
    ids = load_file(folder / "expected.safetensors")
    rows = [ids[f"ids.{number}"] for number in range(2)]
    expected, predictions, loss = {}, sum(len(row) - 1 for row in rows), 0
    for number, row in enumerate(rows):
        logits = forward(model, config, prompt, row)
        expected[f"logits.{number}"] = logits.detach().contiguous()
        loss = loss + F.cross_entropy(logits[:-1], row[1:], reduction="sum") / predictions
    loss.backward()
    expected["loss"] = loss.detach().reshape(1)
    expected.update({"grad/" + key: tensor.grad.contiguous() for key, tensor in tensors.items()})
    written = {key: tensor.detach().contiguous() for key, tensor in tensors.items()}
    if prompt is not None:
        written["prompt_embeddings"] = prompt.detach().contiguous()
    save_file(written, out / "adapter_model.safetensors", metadata={"format": "pt"})
    save_file(expected, out / "expected.safetensors")
    (out / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    print(name, float(loss), len(tensors))


if __name__ == "__main__":
    torch.set_num_threads(1)
    for case, (model, settings) in CASES.items():
        make(case, model, settings, DEFAULTS)
    for case, (model, settings) in OTHERS.items():
        make(case, model, settings, COMMON)

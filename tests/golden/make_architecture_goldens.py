#!/usr/bin/env python3
"""Tiny random models of every architecture with the reference implementation's results.

  python make_architecture_goldens.py [--out tests/golden/architectures] [--only llama-yarn,gpt2]

Needs torch, transformers and safetensors from PyPI; neither the build nor the tests do. Each case is a Hugging Face
directory (config.json, model.safetensors) and expected.safetensors: for two sequences ids.N [S], logits.N [S,vocabulary] and
hidden.N [S,hidden] (after the last norm). The sequences are run one by one by a freshly loaded model, in f32. Run again,
the script writes the same bytes. Adding an architecture: add a line to CASES.
"""
import argparse
import json
import os
import shutil
import warnings

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")
warnings.filterwarnings("ignore")
import torch
import transformers
from safetensors.torch import save_file

VOCABULARY, LENGTHS = 64, (12, 7)


def llama_like(**changes):
    return dict(dict(vocab_size=VOCABULARY, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
                     num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=True, bos_token_id=1,
                     eos_token_id=2, pad_token_id=0), **changes)


def rope(kind, **settings):
    return {"rope_type": kind, "rope_theta": settings.pop("theta", 10000.0), **settings}


def gpt2(**changes):
    return dict(dict(vocab_size=VOCABULARY, n_embd=16, n_layer=2, n_head=2, n_positions=32, n_inner=24, bos_token_id=1,
                     eos_token_id=2), **changes)


def neox(**changes):
    return dict(dict(vocab_size=VOCABULARY, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
                     max_position_embeddings=64, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2), **changes)


# name: (class, configuration, type of the stored weights, spelling of config.json)
CASES = {
    "llama": ("Llama", llama_like(tie_word_embeddings=False, attention_bias=True, mlp_bias=True), "f32", "new"),
    "llama-linear": ("Llama", llama_like(rope_parameters=rope("linear", factor=2.5), head_dim=8), "bf16", "old"),
    "llama-dynamic": ("Llama", llama_like(rope_parameters=rope("dynamic", factor=4.0), max_position_embeddings=8), "f16", "new"),
    "llama-yarn": ("Llama", llama_like(rope_parameters=rope("yarn", factor=4.0, original_max_position_embeddings=16)), "bf16", "new"),
    "llama-yarn-scales": ("Llama", llama_like(head_dim=16, rope_parameters=rope(
        "yarn", factor=4.0, original_max_position_embeddings=16, mscale=0.707, mscale_all_dim=0.5, beta_fast=8.0, beta_slow=0.5,
        truncate=False)), "f16", "old"),
    "llama-llama3": ("Llama", llama_like(head_dim=16, rope_parameters=rope(
        "llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16,
        theta=500000.0)), "bf16", "old"),
    "llama-longrope": ("Llama", llama_like(head_dim=8, max_position_embeddings=32, rope_parameters=rope(
        "longrope", factor=4.0, original_max_position_embeddings=8, short_factor=[1.0, 1.05, 1.1, 1.2],
        long_factor=[1.0, 1.7, 2.3, 3.1])), "f32", "new"),
    "mistral": ("Mistral", llama_like(sliding_window=4, head_dim=8), "bf16", "old"),
    "qwen2": ("Qwen2", llama_like(use_sliding_window=True, sliding_window=4, max_window_layers=1), "bf16", "new"),
    "qwen3": ("Qwen3", llama_like(head_dim=8, attention_bias=True), "f16", "new"),
    "gemma2": ("Gemma2", llama_like(head_dim=8, query_pre_attn_scalar=6, sliding_window=4, attn_logit_softcapping=3.0,
                                    final_logit_softcapping=5.0), "bf16", "old"),
    "gpt2": ("GPT2", gpt2(), "f32", "new"),
    "gpt2-scaled": ("GPT2", gpt2(scale_attn_by_inverse_layer_idx=True, scale_attn_weights=False, tie_word_embeddings=False,
                                 activation_function="relu"), "bf16", "new"),
    "gpt_neox": ("GPTNeoX", neox(rope_parameters=rope("default", partial_rotary_factor=0.25)), "f32", "old"),
    "gpt_neox-sequential": ("GPTNeoX", neox(use_parallel_residual=False, attention_bias=False, hidden_act="gelu_fast",
                                            tie_word_embeddings=False), "f16", "new"),
}
CLASSES = {"GPT2": "GPT2LMHeadModel"}
TYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


def randomize(model, generator):
    """Weights that make every norm, bias and soft-cap show, on a grid of 1/64 that all three types hold exactly."""
    for name, weight in model.named_parameters():
        spread = 0.4 if weight.dim() > 1 else 0.2
        values = torch.randn(weight.shape, generator=generator) * spread
        if weight.dim() == 1 and name.endswith("weight") and "Gemma" not in type(model).__name__:
            values += 1
        weight.data = (values.clamp(-1.9, 1.9) * 64).round() / 64


def old_spelling(config):
    """The keys of files from before transformers 5."""
    neox_names = config["model_type"] == "gpt_neox"
    if "dtype" in config:
        config["torch_dtype"] = config.pop("dtype")
    scaling = config.pop("rope_parameters", None)
    if scaling:
        config["rotary_emb_base" if neox_names else "rope_theta"] = scaling.pop("rope_theta")
        if "partial_rotary_factor" in scaling:
            config["rotary_pct" if neox_names else "partial_rotary_factor"] = scaling.pop("partial_rotary_factor")
        kind = scaling.pop("rope_type")
        if kind != "default":  # both spellings of the kind were in use
            config["rope_scaling"] = dict(scaling, **{"type" if kind == "linear" else "rope_type": kind})
    return config


def make(name, folder):
    kind, settings, stored, spelling = CASES[name]
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    config_class = getattr(transformers, kind + "Config")
    model_class = getattr(transformers, CLASSES.get(kind, kind + "ForCausalLM"))
    model = model_class._from_config(config_class(**settings), attn_implementation="eager").eval()
    randomize(model, generator)
    model.tie_weights()
    shutil.rmtree(folder, ignore_errors=True)
    model.to(TYPES[stored]).save_pretrained(folder)
    os.remove(os.path.join(folder, "generation_config.json"))
    path = os.path.join(folder, "config.json")
    config = json.load(open(path))
    config.pop("transformers_version", None)
    if spelling == "old":
        config = old_spelling(config)
    json.dump(config, open(path, "w"), indent=1, sort_keys=True)
    expected = {}
    for number, length in enumerate(LENGTHS):
        reloaded = model_class.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
        ids = torch.randint(3, VOCABULARY, (1, length), generator=generator)
        with torch.no_grad():
            result = reloaded(input_ids=ids, output_hidden_states=True, use_cache=False)
        expected |= {f"ids.{number}": ids[0], f"logits.{number}": result.logits[0].float().contiguous(),
                     f"hidden.{number}": result.hidden_states[-1][0].float().contiguous()}
    save_file(expected, os.path.join(folder, "expected.safetensors"))
    size = sum(os.path.getsize(os.path.join(folder, file)) for file in os.listdir(folder))
    print(f"{name}: {size / 1024:.0f} kB, largest logit {max(expected[f'logits.{n}'].abs().max() for n in range(len(LENGTHS))):.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "architectures"))
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.only.split(",") if options.only else CASES:
        make(name, os.path.join(options.out, name))


if __name__ == "__main__":
    main()

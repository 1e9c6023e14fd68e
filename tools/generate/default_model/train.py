#!/usr/bin/env python3
"""Trains the built-in default model on generated stories and writes it in the Hugging Face layout.

    train.py --out models/builtin/default --steps 1500

Needs the Python packages torch, transformers and tokenizers; everything random comes from --seed. A checkpoint is
written every 100 steps and used by --resume. The learning rate rises, stays, and falls as a cosine over the last
--cooldown steps.
"""

import argparse
import json
import math
import os
import pathlib
import random
import time

import tokenizers
import torch
import transformers

import generate

BEGIN, END = "<|begin|>", "<|end|>"
VALIDATION_SEED = 1000003  # stories that training never sees


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="directory to write")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("build/default_model"), help="checkpoints")
    parser.add_argument("--resume", action="store_true", help="continue from the checkpoint in --work")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vocabulary", type=int, default=2048)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int, default=5)
    parser.add_argument("--intermediate", type=int, default=384)
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--batch", type=int, default=24, help="stories per step")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--warmup", type=int, default=50)
    parser.add_argument("--cooldown", type=int, default=500)
    parser.add_argument("--rate", type=float, default=4e-3, help="peak learning rate")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def train_tokenizer(choice):
    """Byte-level BPE: all 256 bytes are tokens, so every text can be encoded; merges come from 8000 stories."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=choice.vocabulary, special_tokens=[BEGIN, END], show_progress=False,
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(generate.stories(choice.seed, 8000), trainer)
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single=f"{BEGIN} $A", pair=f"{BEGIN} $A {BEGIN} $B", special_tokens=[(BEGIN, tokenizer.token_to_id(BEGIN))])
    return tokenizer


class Batches:
    """An endless sequence of (input_ids, labels).

    Most batches hold one story per row, of similar lengths, so that a model sees from the first step where a name comes
    from. Each eighth batch is a stream of stories cut into rows of the full context, so that far positions and the step
    from one story to the next are learned as well.
    """

    IGNORED = -100  # the label of padding

    def __init__(self, tokenizer, seed, rows, context, first_story=0):
        self.tokenizer, self.seed, self.rows, self.context = tokenizer, seed, rows, context
        self.end = tokenizer.token_to_id(END)
        self.next_story, self.ready, self.count = first_story, [], 0

    def stories(self, count):
        texts = [generate.tell(self.seed, self.next_story + number) for number in range(count)]
        self.next_story += count
        return [(encoding.ids + [self.end])[:self.context] for encoding in self.tokenizer.encode_batch(texts)]

    def padded(self, rows):
        longest = max(map(len, rows))
        labels = torch.tensor([row + [self.IGNORED] * (longest - len(row)) for row in rows])
        return labels.masked_fill(labels == self.IGNORED, self.end), labels

    def packed(self):
        count, tokens = self.rows // 2, []
        while len(tokens) < count * self.context:
            tokens += [token for story in self.stories(self.rows) for token in story]
        rows = torch.tensor(tokens[:count * self.context]).reshape(count, self.context)
        return rows, rows

    def take(self):
        self.count += 1
        if self.count % 8 == 0:
            return self.packed()
        if not self.ready:
            pool = sorted(self.stories(14 * self.rows), key=len)
            self.ready = [self.padded(pool[start:start + self.rows]) for start in range(0, len(pool), self.rows)]
            random.Random(self.next_story).shuffle(self.ready)
        return self.ready.pop()


def new_model(choice):
    torch.manual_seed(choice.seed)
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=choice.vocabulary, hidden_size=choice.hidden, intermediate_size=choice.intermediate,
        num_hidden_layers=choice.layers, num_attention_heads=choice.hidden // 32, num_key_value_heads=2, head_dim=32,
        max_position_embeddings=choice.context, rms_norm_eps=1e-5, tie_word_embeddings=True, initializer_range=0.04,
        bos_token_id=0, eos_token_id=1, pad_token_id=None, attn_implementation="sdpa"))


def learning_rate(step, choice):
    falling = max(0.0, (step - (choice.steps - choice.cooldown)) / choice.cooldown)
    return choice.rate * min(1.0, (step + 1) / choice.warmup) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * falling)))


def validate(model, tokenizer, choice):
    """Mean cross-entropy (nats per token) on stories with a seed of their own."""
    batches, total, count = Batches(tokenizer, VALIDATION_SEED, 8, choice.context), 0.0, 0
    with torch.no_grad():
        for story in batches.stories(200):
            row = torch.tensor([story])
            total += model(input_ids=row, labels=row).loss.item() * (len(story) - 1)
            count += len(story) - 1
    return total / count


def optimizer_of(model, choice):
    matrices = [weight for weight in model.parameters() if weight.dim() == 2]
    vectors = [weight for weight in model.parameters() if weight.dim() != 2]
    return torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
                             lr=choice.rate, betas=(0.9, 0.95))


def train(model, tokenizer, choice):
    optimizer, start, first_story = optimizer_of(model, choice), 0, 0
    checkpoint = choice.work / "checkpoint.pt"
    if choice.resume:
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        start, first_story = state["step"], state["next_story"]
    batches, began = Batches(tokenizer, choice.seed, choice.batch, choice.context, first_story), time.time()
    for step in range(start, choice.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, choice)
        tokens, labels = batches.take()
        loss = model(input_ids=tokens, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 20 == 0:
            rate, seconds = learning_rate(step, choice), time.time() - began
            print(f"step {step} loss {loss.item():.4f} rate {rate:.5f} {seconds:.0f} s", flush=True)
        if step % 100 == 99:
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1,
                        "next_story": batches.next_story}, str(checkpoint) + ".new")
            os.replace(str(checkpoint) + ".new", checkpoint)


def write_model(model, tokenizer, choice):
    """Weights rounded to bf16, configuration, tokenizer and generation defaults."""
    choice.out.mkdir(parents=True, exist_ok=True)
    model.generation_config = transformers.GenerationConfig(
        bos_token_id=0, eos_token_id=1, do_sample=True, temperature=0.7, top_p=0.95, max_new_tokens=256)
    model.to(torch.bfloat16).save_pretrained(choice.out)
    tokenizer.save(str(choice.out / "tokenizer.json"))
    settings = {"add_bos_token": True, "add_eos_token": False, "bos_token": BEGIN, "eos_token": END,
                "clean_up_tokenization_spaces": False, "model_max_length": choice.context,
                "tokenizer_class": "PreTrainedTokenizerFast"}
    (choice.out / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


def main():
    choice = options()
    torch.set_num_threads(choice.threads)
    choice.work.mkdir(parents=True, exist_ok=True)
    saved = choice.work / "tokenizer.json"
    if not choice.resume:
        train_tokenizer(choice).save(str(saved))
    tokenizer = tokenizers.Tokenizer.from_file(str(saved))
    model = new_model(choice)
    print(f"{sum(weight.numel() for weight in model.parameters())} parameters")
    train(model, tokenizer, choice)
    model.eval()
    print(f"validation loss in f32: {validate(model, tokenizer, choice):.4f}")
    write_model(model, tokenizer, choice)
    print(f"validation loss with weights rounded to bf16: {validate(model.to(torch.float32), tokenizer, choice):.4f}")


if __name__ == "__main__":
    main()

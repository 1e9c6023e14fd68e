#!/usr/bin/env python3
"""Writes dynamic_map.json: the numbers of 8-bit dynamic quantization, and blocks of numbers in it.

  python make_dynamic_map_goldens.py

Needs the standard library alone. `dynamic_map` follows the text of Dettmers et al. 2022 (8-bit Optimizers via Block-wise Quantization,
section 2.1) as bitsandbytes' create_dynamic_map has it: an exponent of zeros, a flag bit, and a linear fraction in the bits that
are left, whose numbers are the middles between the ends of equal parts of 0.1 to 1.
"""
import json
import pathlib
import random

HERE = pathlib.Path(__file__).parent


def linspace(first, last, count):
    return [first + (last - first) * i / (count - 1) for i in range(count)]


def dynamic_map(signed, max_exponent_bits=7, total_bits=8):
    data = []
    non_sign_bits = total_bits - 1
    for i in range(max_exponent_bits):
        shift = i + non_sign_bits - max_exponent_bits
        ends = linspace(0.1, 1, 2**shift + 1 if signed else 2 ** (shift + 1) + 1)
        middles = [(one + other) / 2 for one, other in zip(ends, ends[1:])]
        data += [10 ** (-(max_exponent_bits - 1) + i) * middle for middle in middles]
        if signed:
            data += [-(10 ** (-(max_exponent_bits - 1) + i)) * middle for middle in middles]
    data += [0, 1.0]
    assert len(data) == 2**total_bits
    return sorted(data)


def quantize(block, numbers):
    scale = max(abs(x) for x in block)
    return scale, [min(range(256), key=lambda code: abs(numbers[code] - x / scale)) for x in block]


def main():
    rng, maps = random.Random(1), {"both": dynamic_map(True), "positive": dynamic_map(False)}
    goldens = {}
    for signs, numbers in maps.items():
        block = [rng.gauss(0, 1) * 10 ** rng.uniform(-7, 0) for _ in range(256)]
        block = [float(f"{abs(x) if signs == 'positive' else x:.6g}") for x in block]
        scale, codes = quantize(block, numbers)
        goldens[signs] = {"numbers": numbers, "block": block, "scale": scale, "codes": codes}
    lines = [f"{json.dumps(signs)}: {json.dumps(values)}" for signs, values in goldens.items()]
    (HERE / "dynamic_map.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()

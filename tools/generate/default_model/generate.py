#!/usr/bin/env python3
"""Prints stories of the training text: `generate.py --count 3 --seed 7`. Story n of a seed is always the same story."""

import argparse
import importlib
import pathlib
import random
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER))
for module in sorted((FOLDER / "plots").glob("[a-z]*.py")):
    importlib.import_module("plots." + module.stem)

from plots import PLOTS


def tell(seed, number, plots=PLOTS):
    """Story `number` of the endless sequence that `seed` begins."""
    source = random.Random(f"{seed}/{number}")
    return source.choice(plots)(source).text()


def stories(seed, count):
    return (tell(seed, number) for number in range(count))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=3, help="number of stories (default: 3)")
    parser.add_argument("--seed", type=int, default=1, help="which sequence of stories (default: 1)")
    parser.add_argument("--plot", choices=sorted(plot.__name__ for plot in PLOTS), help="only stories with this plot")
    options = parser.parse_args()
    chosen = [plot for plot in PLOTS if options.plot in (None, plot.__name__)]
    print("\n\n---\n\n".join(tell(options.seed, number, chosen) for number in range(options.count)))


if __name__ == "__main__":
    main()

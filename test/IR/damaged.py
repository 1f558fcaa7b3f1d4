#!/usr/bin/env python3
"""Gives dlc-opt damaged programs: it may refuse them or not, but it must come back from each.

    damaged.py COUNT FILE ...
"""
import random
import re
import subprocess
import sys

PASSES = ["-canonicalize", "-dl-differentiate", "-dl-simplify", "-dl-stream", "-dl-prepare-products", "-dl-drop-unit-dims",
          "-dl-group-kernels", "-dl-schedule-kernels", "-dl-plan-memory", "-convert-dl-kernels-to-loops"]


def damage(lines, others, choose):
    at = choose.randrange(len(lines))
    what = choose.randrange(4)
    if what == 0:
        del lines[at]
    elif what == 1:
        lines.insert(at, choose.choice(others))
    elif what == 2:
        lines[at] = re.sub(r"\d+", lambda n: choose.choice([n[0], n[0], "0", "1", "-1", "3", "99999999999"]), lines[at])
    else:
        lines[at] = re.sub(r"f32|i32|i8|\?", lambda n: choose.choice([n[0], "f64", "i1", "?", "5"]), lines[at])


def main():
    count, files = int(sys.argv[1]), sys.argv[2:]
    texts = [part for name in files for part in open(name).read().split("// -----")]
    lines_of_all = [line for text in texts for line in text.splitlines()]
    choose = random.Random(0)
    crashed = 0
    for _ in range(count):
        lines = choose.choice(texts).splitlines()
        for _ in range(choose.randrange(4)):
            if lines:
                damage(lines, lines_of_all, choose)
        passes = PASSES[choose.randrange(len(PASSES)):] if choose.random() < 0.5 else [choose.choice(PASSES)]
        text = "\n".join(lines)
        process = subprocess.run(["dlc-opt", *passes], input=text, capture_output=True, text=True)
        if process.returncode not in (0, 1):
            crashed += 1
            print(f"dlc-opt {' '.join(passes)} ended with {process.returncode}:\n{process.stderr[:2000]}\n{text}\n")
    print(f"{count - crashed} of {count} came back")
    return 1 if crashed else 0


if __name__ == "__main__":
    sys.exit(main())

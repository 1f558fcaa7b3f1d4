#!/usr/bin/env python3
"""Products on tensor cores against sums of exact products of rounded operands.

    half.py bf16|f16

The operands of one product are stored in 16 bits, those of the other converted where they are read. Numbers above f16's largest
become infinite in it, which is what the last product shows.
"""
import json
import struct
import subprocess
import sys
import tempfile
from math import inf
from pathlib import Path

precision = sys.argv[1]
ROWS, TERMS, COLUMNS = 3, 40, 5


def rounded(number):
    """To nearest, ties to even."""
    if precision == "f16":
        return inf if abs(number) >= 65520 else struct.unpack("e", struct.pack("e", number))[0]
    bits = struct.unpack("I", struct.pack("f", number))[0]
    bits = bits + 0x7FFF + (bits >> 16 & 1) & 0xFFFF0000
    return struct.unpack("f", struct.pack("I", bits))[0]


def numbers(count, seed):
    """Some that lie between two of 16 bits, in the middle too, and in f16 below its smallest normal number."""
    found = [(k * 37 + seed) % 101 / 37 - 1.3 for k in range(count)]
    found[1:4] = [1 + 2**-8, 1 + 3 * 2**-11, 3e-6]
    return found


def literal(values, *shape):
    return f"reshape([{', '.join(map(repr, values))}], {', '.join(map(str, shape))})"


a, b, c = numbers(ROWS * TERMS, 11), numbers(TERMS * COLUMNS, 5), numbers(TERMS * COLUMNS, 2)
large, ones = [7e4, 0.0, 1.0, 0.0], [1.0, 2.0, 0.0, 0.0]
program = f"""data {{
  x: f32[{TERMS}] = {literal(a, ROWS, TERMS)}
  turn: f32       = [1, 2, 4]
}}
model net(x: f32[{TERMS}]) {{
  param w: f32[{TERMS}, {COLUMNS}] = {literal(b, TERMS, COLUMNS)}
  x @ w
}}
train {{
  loss      = mean(net(x) ^ 2)
  optimizer = sgd(lr = 0)
  batch     = all
  steps     = 1
}}
report {{
  stored = flatten({literal(a, ROWS, TERMS)} @ {literal(c, TERMS, COLUMNS)})
  read   = sum(turn * net(x), over = batch)
  large  = flatten({literal(large, 2, 2)} @ {literal(ones, 2, 2)})
}}
"""


def product(left, right):
    return [[sum(rounded(left[i * TERMS + k]) * rounded(right[k * COLUMNS + j]) for k in range(TERMS)) for j in range(COLUMNS)]
            for i in range(ROWS)]


with tempfile.TemporaryDirectory() as folder:
    source = Path(folder) / "half.dl"
    source.write_text(program)
    process = subprocess.run(["dlc", "run", str(source), "--device", "gpu", "--precision", precision, "--json"],
                             capture_output=True, text=True)
assert process.returncode == 0, process.stderr
values = json.loads(process.stdout.splitlines()[-1])["values"]
print(values)


def compare(what, found, expected):
    worst = max(abs(f - e) for f, e in zip(found, expected, strict=True))
    print(f"{what}: off by at most {worst:.1e}")
    assert worst < 1e-4, f"{what}: {found} instead of {expected}"


compare("stored", values["stored"], sum(product(a, c), []))
compare("read", values["read"], [sum(turn * row[j] for turn, row in zip((1, 2, 4), product(a, b))) for j in range(COLUMNS)])
# JSON has no infinity.
assert values["large"] == ([None, None, 1, 2] if precision == "f16" else [rounded(7e4), 2 * rounded(7e4), 1, 2]), values["large"]

"""Writes small sets in MNIST's four files: image i is all i, its label i mod 3.

    idx.py DIR plain|gz
"""
import gzip
import struct
import sys
from pathlib import Path

folder, packed = Path(sys.argv[1]), sys.argv[2] == "gz"
folder.mkdir(parents=True, exist_ok=True)
for old in folder.iterdir():
    old.unlink()
for part, count in (("train", 20), ("t10k", 10)):
    images = struct.pack(">IIII", 0x803, count, 2, 3) + bytes(i for i in range(count) for _ in range(6))
    labels = struct.pack(">II", 0x801, count) + bytes(i % 3 for i in range(count))
    for name, data in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
        if packed:
            (folder / (name + ".gz")).write_bytes(gzip.compress(data))
        else:
            (folder / name).write_bytes(data)

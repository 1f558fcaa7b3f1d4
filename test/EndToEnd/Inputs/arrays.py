"""Writes DIR/x.npy, the numbers 0 to 19 as 10 rows of 2, and DIR/y.npy, as arrays of the given type.

    arrays.py DIR TYPE [ROWS OF Y] [fortran]
"""
import struct
import sys
from pathlib import Path

LETTERS = {"f4": "f", "f8": "d", "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "b1": "?"}


def write(path, kind, shape, numbers, fortran=False):
    header = f"{{'descr': '{kind}', 'fortran_order': {fortran}, 'shape': {shape}, }}"
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    order = ">" if kind[0] == ">" else "<"
    data = struct.pack(f"{order}{len(numbers)}{LETTERS.get(kind[1:], 'f')}", *numbers)
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)


folder, kind = Path(sys.argv[1]), sys.argv[2]
rows = int(sys.argv[3]) if len(sys.argv) > 3 else 10
fortran = "fortran" in sys.argv
folder.mkdir(parents=True, exist_ok=True)
numbers = [i % 2 if kind == "|b1" else i for i in range(20)]
if fortran:
    numbers = numbers[::2] + numbers[1::2]
write(folder / "x.npy", kind, (10, 2), numbers, fortran)
write(folder / "y.npy", "<f4", f"({rows},)", list(range(rows)))

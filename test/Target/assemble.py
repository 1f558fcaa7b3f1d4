#!/usr/bin/env python3
"""Assembles the PTX of programs and holds the kernels to what they may use of a multiprocessor.

    assemble.py PTXAS TARGET PROGRAM...      PROGRAM `primitives`: the cases of test/EndToEnd/Primitives
"""
import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PRIMITIVES = Path(__file__).resolve().parents[1] / "EndToEnd/Primitives"
sys.path.insert(0, str(PRIMITIVES))


def primitives(folder):
    """The programs that check.py runs, in both precisions."""
    import check
    figures = json.loads((PRIMITIVES / "figures.json").read_text())
    for family in check.FAMILIES:
        for precision in ("f32", "f64"):
            options = argparse.Namespace(family=family, precision=precision, only=None)
            path = folder / f"{family}-{precision}.dl"
            path.write_text(check.build(family, check.ROWS, figures[family], options).text())
            yield path, precision


def assemble(ptxas, target, program, precision, folder):
    ptx = folder / "code.ptx"
    subprocess.run(["dlc", "--emit=asm", "--gpu-loop", "persistent", "--precision", precision, "--target", target, str(program), "-o", str(ptx)],
                   check=True, stderr=subprocess.DEVNULL)
    process = subprocess.run([ptxas, f"-arch={target}", "-v", str(ptx), "-o", str(folder / "code.cubin")], capture_output=True, text=True)
    if process.returncode:
        sys.exit(f"{program}: {process.stderr[:2000]}")
    text = ptx.read_text()
    products = {name for name, body in re.findall(r"\.entry (kernel_\d+)\((.*?)\n}", text, re.S) if "ld.shared" in body and body.count("fma.") > 30}
    kernels = re.findall(r"Compiling entry function '(\w+)'.*?(\d+) bytes spill stores.*?Used (\d+) registers", process.stderr, re.S)
    assert kernels, process.stderr
    most = max((int(registers), name) for name, _, registers in kernels)
    spilling = [name for name, spilled, _ in kernels if name in products and int(spilled)]
    print(f"{program.name} for {target}: {len(kernels)} kernels, {len(products)} of them products, at most {most[0]} registers ({most[1]})")
    assert not spilling, f"{program}: {spilling} spill"


ptxas, target, *programs = sys.argv[1:]
with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    for program in programs:
        for path, precision in primitives(folder) if program == "primitives" else [(Path(program), "f32")]:
            assemble(ptxas, target, path, precision, folder)

#!/usr/bin/env python3
"""Assembles the PTX of programs and holds the kernels to what they may use of a multiprocessor.

    assemble.py PTXAS TARGET PROGRAM[:PRECISION]...      PROGRAM `primitives`: the cases of test/EndToEnd/Primitives

Of each product it prints the tile with the threads' part, their groups and the stages, registers of a thread, and the block's
shared memory. A product may not spill, and a block must fit every multiprocessor that its target may run on; two of one in 16 bits, where the grid has
more blocks than there are multiprocessors.
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


MOST_SHARED = 99 << 10  # of a block, on each device since 8.0
MOST_SHARED_SM_90A = 227 << 10


def products_of(kernels):
    """The launches of the products, from the printed plan."""
    for body in re.findall(r"launch = \{(.*?tile = array.*?\}.*?symbol = \"kernel_\d+)", kernels):
        shared, = re.findall(r"shared_bytes = (\d+)", body)
        tile, = re.findall(r"tile = array<i64: ([\d, ]+)>", body)
        blocks, = re.findall(r"blocks = (\d+)", body)
        is_crowded = int(blocks) > 128 and "warpgroups" not in body
        yield re.search(r"kernel_\d+", body)[0], [int(n) for n in tile.split(",")], int(shared), is_crowded


def assemble(ptxas, target, program, precision, folder):
    ptx = folder / "code.ptx"
    # Products of 16 bits may be warpgroups' where steps are graphs.
    loop = "persistent" if precision in ("f32", "f64", "tf32") else "graph"
    options = ["--gpu-loop", loop, "--precision", precision, "--target", target, str(program)]
    subprocess.run(["dlc", "--emit=asm", *options, "-o", str(ptx)], check=True, stderr=subprocess.DEVNULL)
    process = subprocess.run([ptxas, f"-arch={target}", "-v", str(ptx), "-o", str(folder / "code.cubin")], capture_output=True, text=True)
    if process.returncode:
        sys.exit(f"{program}: {process.stderr[:2000]}")
    kernels = {name: (int(registers), int(spilled)) for name, spilled, registers in re.findall(
        r"Compiling entry function '(\w+)'.*?(\d+) bytes spill stores.*?Used (\d+) registers", process.stderr, re.S)}
    assert kernels, process.stderr
    plan = subprocess.run(["dlc", "--emit=kernels", *options], check=True, capture_output=True, text=True).stdout
    products = {name: (tile, shared, is_crowded) for name, tile, shared, is_crowded in products_of(plan)}
    most = max((registers, name) for name, (registers, _) in kernels.items())
    print(f"{program.name} in {precision} for {target}: {len(kernels)} kernels, {len(products)} of them products, at most {most[0]} registers ({most[1]})")
    for name, (tile, shared, is_crowded) in products.items():
        registers, spilled = kernels[name]
        print("    {}  {}x{}x{} by {}x{}, {} groups, {} stages  ".format(name, *tile[:7]) + f"{registers} registers, {shared} bytes shared")
        assert not spilled, f"{program}: {name} spills {spilled} bytes"
        # 65536 registers, for blocks of 256 threads.
        assert registers <= 128 or not is_crowded or precision not in ("bf16", "f16"), f"{program}: {name} has {registers} registers"
        assert shared <= (MOST_SHARED_SM_90A if target == "sm_90a" else MOST_SHARED), f"{program}: {name} takes {shared} bytes"
    # Products of warpgroups one after the other, or register counts that do not hold: ptxas only warns.
    warnings = re.findall(r".*(?:Performance Loss|setmaxnreg).*", process.stderr)
    assert not warnings, f"{program}: {warnings}"


ptxas, target, *programs = sys.argv[1:]
with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    for program in programs:
        path, _, precision = program.partition(":")
        for path, precision in primitives(folder) if program == "primitives" else [(Path(path), precision or "f32")]:
            assemble(ptxas, target, path, precision, folder)

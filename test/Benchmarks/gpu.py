#!/usr/bin/env python3
"""The command behind test/gpu.sh, which says what it does."""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import traceback
from pathlib import Path

import gpu_figures
import gpu_suite
from gpu_support import ROOT, Clock, Failure, Machine, OutOfTime, Table

LIMIT = 460  # seconds: it has to end within 8 minutes
MOST = 60e6  # bytes of the tree and all that is carried beside it
CARRIED = ("test/gpu.sh", "test/Benchmarks", "test/EndToEnd/Gpu", "test/EndToEnd/Primitives", "examples/boston.dl", "examples/mnist.dl",
           "examples/mnist_deep.dl", "examples/embed_cuda.c", "examples/data/boston", "examples/data/mnist", "include")


def first_of(*paths):
    return next((Path(path).resolve() for path in paths if path and Path(path).is_file()), None)


def find_dlc():
    return first_of(os.environ.get("DLC"), ROOT / "bin/dlc", ROOT / "build/release/bin/dlc")


def find_emulator():
    """The folder of the driver that rehearsals run on."""
    name = "libcuda.so.1"
    folders = (os.environ.get("DLC_EMULATOR", ""), ROOT / "bin/emulator", *(ROOT / f"build/{kind}/test/Emulator" for kind in ("dev", "release")))
    found = first_of(*(Path(folder) / name for folder in folders if folder))
    return found and found.parent


def pack(file, dlc):
    with tarfile.open(file, "w:xz", preset=1) as archive:
        archive.add(dlc, "bin/dlc")
        if emulator := find_emulator():
            archive.add(emulator / "libcuda.so.1", "bin/emulator/libcuda.so.1")
        for path in CARRIED:
            archive.add(ROOT / path, path, filter=lambda entry: None if "__pycache__" in entry.name else entry)
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True).stdout.split("\0")
    tree = sum((ROOT / path).stat().st_size for path in files if path and (ROOT / path).exists())
    packed = Path(file).stat().st_size
    print(f"{file}: {packed / 1e6:.1f} MB, with the tree {(packed + tree) / 1e6:.1f} MB of {MOST / 1e6:.0f}")
    return packed + tree > MOST


def state_of_gpu():
    """Name, driver and clocks as nvidia-smi tells them."""
    if not shutil.which("nvidia-smi"):
        return "nvidia-smi is absent"
    fields = "name,driver_version,clocks.sm,clocks.max.sm,clocks.mem,power.draw,power.limit,temperature.gpu"
    try:
        return subprocess.run(["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"], capture_output=True, text=True,
                              timeout=10).stdout.strip()
    except subprocess.TimeoutExpired:
        return "nvidia-smi does not answer"


def measure(options, machine, table):
    devices = machine.dlc("devices").strip()
    if ("emulator" in devices) != options.rehearse:
        raise Failure(f"--rehearse is for the emulator, and for it alone; this is\n{devices}")
    if options.rehearse:
        table.text("REHEARSAL: every figure below is of tiny sizes on an emulated GPU, peers on the processor, and means nothing")
    table.text(devices)
    table.text(f"before: {state_of_gpu()}")
    parts = (("suite", 0.42, lambda: gpu_suite.run(machine, table, gpu_suite.checks(machine, options.rehearse))),
             ("compute-sanitizer", 0.54, lambda: gpu_suite.run(machine, table, gpu_suite.sanitizer_checks(machine, options.rehearse))),
             ("figures", 1, lambda: gpu_figures.run(machine, table, options.rehearse, options.rounds)))
    for name, share, work in parts:
        machine.clock.open(share)
        table.text(name)
        try:
            work()
        except Exception:  # a mistake in this script; the other parts go on
            traceback.print_exc(file=sys.stdout)
            table.check(f"the rest of {name}", "FAILED")
    table.text(f"after: {state_of_gpu()}")
    if options.rehearse:
        table.text("REHEARSAL: no figure above means anything")


def main():
    parser = argparse.ArgumentParser(prog="test/gpu.sh", description="The GPU suite and benchmarks; see test/gpu.sh.")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds that all of it may take")
    parser.add_argument("--rounds", type=int, default=5, help="of each figure, where there is time")
    parser.add_argument("--rehearse", action="store_true", help="try everything at tiny sizes on the emulator")
    parser.add_argument("--pack", metavar="FILE", help="pack what a machine with a driver and Python needs")
    options = parser.parse_args()
    dlc = find_dlc()
    if not dlc:
        sys.exit("gpu.sh: there is no binary: name one with DLC=PATH, or build the release")
    if options.pack:
        return pack(options.pack, dlc)
    environment = {}
    if options.rehearse:
        emulator = find_emulator()
        if not emulator:
            sys.exit("gpu.sh: there is no emulator: name its folder with DLC_EMULATOR=PATH, or build it")
        environment = {"LD_LIBRARY_PATH": str(emulator), "DLC_EMULATOR_MEMORY": os.environ.get("DLC_EMULATOR_MEMORY", str(32 << 20))}

    def interrupt(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, interrupt)
    table = Table()
    with tempfile.TemporaryDirectory() as work:
        try:
            measure(options, Machine(Clock(options.limit), dlc, Path(work), **environment), table)
        except KeyboardInterrupt:
            table.check("the rest, which was interrupted", "FAILED")
        except (Failure, OutOfTime) as error:
            sys.exit(f"gpu.sh: {error or 'no time for anything'}")
    print("\n" + "\n".join(table.lines), flush=True)
    return table.status()


if __name__ == "__main__":
    sys.exit(main())

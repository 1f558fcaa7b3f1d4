#!/usr/bin/env python3
"""Counts calls of the driver: an epoch after the first records nothing, though its last batch is smaller than the others.

    graphs.py EMULATOR PROGRAM
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

emulator, program = sys.argv[1:]


def calls(epochs):
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        environment = {**os.environ, "LD_LIBRARY_PATH": emulator, "DLC_EMULATOR_REPORT": str(report)}
        command = ["dlc", "run", program, "--device", "gpu", "--gpu-loop", "graph", "--set", f"epochs={epochs}", "--quiet"]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        return int(re.search(r"calls=(\d+)", report.read_text()).group(1))


counts = [calls(epochs) for epochs in (1, 2, 3, 4)]
more = [after - before for before, after in zip(counts, counts[1:])]
print(f"{counts[0]} calls in an epoch, then {more} more in each")
# Recording 16 steps of three kernels at least takes 48.
assert all(0 < each < 48 for each in more), "a later epoch records its steps again"

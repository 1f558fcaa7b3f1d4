#!/usr/bin/env python3
"""Lets every call of the driver fail in turn: the run ends with a message and a status, and gives everything back.

    failures.py EMULATOR PROGRAM [dlc's options]
"""
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

emulator, program, *options = sys.argv[1:]


def run(fail):
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        environment = {**os.environ, "LD_LIBRARY_PATH": emulator, "DLC_EMULATOR_REPORT": str(report)}
        if fail:
            environment["DLC_EMULATOR_FAIL"] = str(fail)
        process = subprocess.run(["dlc", "run", program, *options, "--device", "gpu", "--quiet"], capture_output=True, text=True,
                                 env=environment)
        return process, report.read_text()


def counts(report):
    return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", report)}


def check(number):
    """What is wrong after a failure of that call, and whether the run ended because of it."""
    process, report = run(number)
    # What a context still has is given back with it; a run without failures leaves it nothing.
    alive = {k: v for k, v in counts(report).items() if k not in ("calls", "kernels", "peak", "lost") and v}
    if process.returncode not in (0, 1):
        return f"status {process.returncode}\n{process.stderr}", True
    if alive:
        return f"{alive} are left", True
    if process.returncode == 0:  # a call that gives something back, at the end
        return "", False
    if not re.match(r"dlc: cannot .*CUDA_ERROR_", process.stderr):
        return f"the message is {process.stderr!r}", True
    return "a report in spite of it" if "rmse" in process.stdout else "", True


process, report = run(None)
assert process.returncode == 0, process.stderr
print(report)
assert not any(v for k, v in counts(report).items() if k not in ("calls", "kernels", "peak")), report
calls = counts(report)["calls"]
assert calls > 50, report
with ThreadPoolExecutor(os.cpu_count()) as pool:
    results = list(pool.map(check, range(1, calls + 1)))
wrong = [f"call {number}: {problem}" for number, (problem, _) in enumerate(results, 1) if problem]
print("\n".join(wrong))
failed = sum(ended for _, ended in results)
print(f"{failed} of {calls} calls end the run")
sys.exit(bool(wrong) or failed <= calls // 2)

#!/usr/bin/env python3
"""Lets every call of the driver fail in turn: the run ends with a message and a status, and gives everything back.

    failures.py EMULATOR CALLS PROGRAM [options of dlc compile]

CALLS is "all", or the name of the function whose calls fail. A state that is in the file afterwards can be gone on from, and the training comes to the same end.
"""
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

emulator, function, program, *options = sys.argv[1:]
DONE = ("calls", "kernels", "peak", function)  # in a report: what is not still there
library = tempfile.NamedTemporaryFile(suffix=".so")


def run(fail):
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        environment = {**os.environ, "LD_LIBRARY_PATH": emulator, "DLC_EMULATOR_REPORT": str(report),
                       "DLC_EMULATOR_FAIL": str(fail) if function == "all" else f"{function}:{fail}"}
        state = Path(folder) / "state"
        words = ["dlc", "run", library.name, "--quiet"]
        process = subprocess.run([*words, "--save", str(state)], capture_output=True, text=True, env=environment)
        resumed = None
        if process.returncode and state.exists():
            del environment["DLC_EMULATOR_FAIL"], environment["DLC_EMULATOR_REPORT"]
            resumed = subprocess.run([*words, "--resume", str(state)], capture_output=True, text=True, env=environment)
        return process, report.read_text(), resumed


def counts(report):
    return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", report)}


def check(number):
    """What is wrong after a failure of that call, and the message of a run that ended because of it."""
    process, report, resumed = run(number)
    functions.add(re.search(r"failed=(\w+)|$", report)[1])
    # What a context still has is given back with it; a run without failures leaves it nothing.
    alive = {k: v for k, v in counts(report).items() if k not in (*DONE, "lost") and v}
    if process.returncode not in (0, 1):
        return f"status {process.returncode}\n{process.stderr}", "died"
    if alive:
        return f"{alive} are left", process.stderr
    if process.returncode == 0:  # a call that gives something back, at the end
        return "" if process.stdout == expected.stdout else f"a report of {process.stdout}", ""
    if not re.match(r"dlc: cannot .*CUDA_ERROR_", process.stderr):
        return f"the message is {process.stderr!r}", process.stderr
    if "rmse" in process.stdout:
        return "a report in spite of it", process.stderr
    if "go on with --resume" in process.stderr and not resumed:
        return f"there is no state: {process.stderr}", process.stderr
    if resumed and (resumed.returncode or resumed.stdout != expected.stdout):
        return f"resumed after {process.stderr!r}: {resumed.stdout}{resumed.stderr}", process.stderr
    return "", process.stderr


subprocess.run(["dlc", "compile", program, *options, "--device", "gpu", "--target", "emulator", "-o", library.name, "--quiet"], check=True)
expected, report, _ = run(0)
assert expected.returncode == 0, expected.stderr
print(report)
assert not any(v for k, v in counts(report).items() if k not in DONE), report
functions = set()
calls = counts(report)["calls" if function == "all" else function]
with ThreadPoolExecutor(os.cpu_count()) as pool:
    results = list(pool.map(check, range(1, calls + 1)))
wrong = [f"call {number}: {problem}" for number, (problem, _) in enumerate(results, 1) if problem]
print("\n".join(wrong))
failed = sum(bool(message) for _, message in results)
print(f"{failed} of {calls} calls end the run, of the functions", *sorted(filter(None, functions)))
for what in ("nothing was saved", "the state after epoch 1", "the state after epoch 2"):
    count = sum(what in message for _, message in results)
    print(f"{count} times: {what}")
    failed *= bool(count)
sys.exit(bool(wrong) or failed <= calls // 2)

#!/usr/bin/env python3
"""Trains with less and less memory on the emulated GPU: data that does not fit streams, and nothing else changes.

    streaming.py EMULATOR PROGRAM [dlc's options]

Before each run the plan tells all memory of the device that the run takes: the emulator's peak is that to the byte. Where the data
streams, by either loop and at once or as late as can be, losses, report and state are the same bits as where it fits. Where not
even two windows fit, there is an error before the first step.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

emulator, program, *options = sys.argv[1:]


def run(memory, schedule="forward", *words):
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        environment = {**os.environ, "LD_LIBRARY_PATH": emulator, "DLC_EMULATOR_REPORT": str(report),
                       "DLC_EMULATOR_MEMORY": str(memory), "DLC_EMULATOR_SCHEDULE": schedule}
        process = subprocess.run(["dlc", "run", program, *options, "--device", "gpu", *words, "--json"], capture_output=True,
                                 text=True, env=environment)
        counts = {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", report.read_text())}
    assert counts["bytes"] == counts["pinned"] == counts["events"] == counts["streams"] == 0, counts
    return process, [json.loads(line) for line in process.stdout.splitlines()], counts["peak"]


def result(events):
    losses = [(e["loss"], e.get("validation")) for e in events if e["event"] == "epoch"]
    return losses, events[-1]["values"], events[-1]["state_hash"]


def memory_for(need):
    """The least memory of a GPU where a 32nd of it stays free."""
    memory = need
    while memory - memory // 32 < need:
        memory += 1
    return memory


def check(memory, *how):
    """The plan of a run with so much memory, and what came of it; none if that is too little."""
    process, events, peak = run(memory, *how)
    if process.returncode:
        assert process.returncode == 1 and not events, process.stdout
        assert re.match(r"dlc: '\w+' needs .* of memory on gpu:0 .* are free.* smaller batch .*--device cpu", process.stderr), process.stderr
        return None, None
    plan = events[0]
    assert plan["device_bytes"] == peak, (plan, peak)
    assert plan["device_bytes"] == sum(plan[p + "_bytes"] for p in ("arena", "data", "row_number", "frame")), plan
    print(f"{how}: {peak} bytes, windows of {plan['window_rows']} rows")
    return plan, result(events)


plan, expected = check(1 << 30)
assert plan["window_rows"] == 0
assert check(memory_for(plan["device_bytes"]))[0]["window_rows"] == 0
assert check(memory_for(plan["device_bytes"]) - 1)[1] == expected
windows, memory = [], 0
while True:
    less = memory_for(plan["device_bytes"] - max(1, plan["data_bytes"] // 4))
    smaller, found = check(less, "deferred")
    if not smaller:
        break
    assert found == expected
    assert smaller["window_rows"] > 0 and smaller["pinned_bytes"] > 0 and smaller["device_bytes"] < plan["device_bytes"]
    windows.append(smaller["window_rows"])
    plan, memory = smaller, less
assert windows == sorted(set(windows), reverse=True) and windows, windows
memory += 2048  # steps that overlap have some results twice
for loop in ("graph", "persistent"):
    for schedule in ("forward", "deferred"):
        plan, found = check(memory, schedule, "--gpu-loop", loop)
        assert found == expected and plan["window_rows"] > 0, (loop, schedule)

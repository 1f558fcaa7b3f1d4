#!/usr/bin/env python3
"""Runs a program on the processor and on the emulated GPU, with either loop and under several schedules, and compares.

    trajectory.py EMULATOR PROGRAM TOLERANCE SCHEDULES [dlc's options] [-- those of the GPU alone]

The loss of each epoch and the reported numbers agree with the processor's within the tolerance, which is relative to the
larger of the number and 1; all runs on the GPU end with the same bits. Where the GPU's options name a loop, that one alone is
tried. With the tolerance `exact`, only the processor's bits will do at the end. With an empty EMULATOR it is the machine's own GPU. SCHEDULES are the emulator's, between semicolons.
"""
import json
import os
import subprocess
import sys

emulator, program, tolerance, schedules, *options = sys.argv[1:]
exact, schedules = tolerance == "exact", schedules.split(";")
options, of_gpu = (options[:options.index("--")], options[options.index("--") + 1:]) if "--" in options else (options, [])


def run(*words, schedule="forward"):
    environment = {**os.environ, "DLC_EMULATOR_SCHEDULE": schedule}
    if emulator:
        environment["LD_LIBRARY_PATH"] = emulator
    process = subprocess.run(["dlc", "run", program, *options, *words, "--json"], capture_output=True, text=True, env=environment)
    if process.returncode:
        sys.exit(f"{words} {schedule}: status {process.returncode}\n{process.stderr}")
    events = [json.loads(line) for line in process.stdout.splitlines()]
    report = events[-1]
    return [e["loss"] for e in events if e["event"] == "epoch"], report["values"], report["state_hash"]


def numbers(value):
    if isinstance(value, dict):
        value = list(value.values())
    return [n for v in value for n in numbers(v)] if isinstance(value, list) else [value]


def compare(what, found, expected):
    found, expected = numbers(found), numbers(expected)
    assert len(found) == len(expected), what
    if not expected and "report" in what:
        return  # the program has none
    assert expected, what
    worst = max(abs(f - e) / max(1, abs(e)) for f, e in zip(found, expected))
    print(f"{what}: {len(found)} numbers, off by at most {worst:.1e}")
    assert worst <= float(tolerance), f"{what}: {found} instead of {expected}"


losses, values, bits = run("--device", "cpu")
first = bits if exact else None
for loop in ("graph", "persistent") if "--gpu-loop" not in of_gpu else ("named",):
    for schedule in schedules:
        gpu = run("--device", "gpu", *(() if loop == "named" else ("--gpu-loop", loop)), *of_gpu, schedule=schedule)
        if not exact:
            compare(f"{loop}, {schedule}, loss", gpu[0], losses)
            compare(f"{loop}, {schedule}, report", gpu[1], values)
        first = first or gpu[2]
        assert gpu[2] == first, f"{loop}, {schedule}: other bits than the first run's"

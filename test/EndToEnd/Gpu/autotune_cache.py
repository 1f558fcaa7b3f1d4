#!/usr/bin/env python3
"""Damages what --autotune remembers, in every way: it is measured anew, with a warning that names the file, and all goes on.

    autotune_cache.py EMULATOR PROGRAM [dlc's options]

Nor does a device that fails while it is measured leave anything behind, in the cache or on the device.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

emulator, program, *options = sys.argv[1:]
folder = Path(tempfile.mkdtemp())


def start(cache, **variables):
    environment = {**os.environ, "LD_LIBRARY_PATH": emulator, "DLC_EMULATOR_CLOCK": "few", "XDG_CACHE_HOME": str(cache), **variables}
    words = ["dlc", "run", program, *options, "--device", "gpu", "--gpu-loop", "graph", "--autotune"]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def run(cache, **variables):
    process = start(cache, **variables)
    out, err = process.communicate()
    return process.returncode, re.findall("state ([0-9a-f]+)", out), err


cache = folder / "cache"
code, state, notes = run(cache)
assert code == 0 and state and ": 2 measured" in notes and "warning" not in notes, notes
[file] = (cache / "dlc").iterdir()
whole = json.loads(file.read_text())
product = next(iter(whole["products"]))
tile = next(iter(whole["products"][product]))


def changed(key, value):
    return json.dumps({**whole, key: value})


damaged = {
    file.read_text()[:200]: "is no list of tiles: not valid JSON",
    "[" * 100000: "is no list of tiles: not valid JSON",
    changed("products", [1]): "is no list of tiles",
    changed("origin", "another"): "is of another compiler, device or driver",
    changed("products", {product: {tile: -1}}): "holds what are no times of tiles",
    changed("products", {product: 7}): "holds what are no times of tiles",
    changed("products", {product: {tile: 1}, "another": {"x": 1}}): "",  # most are missing
}
for text, warning in damaged.items():
    file.write_text(text)
    code, again, notes = run(cache)
    assert code == 0 and again == state and ": 2 measured" in notes, (text, notes)
    expected = f"dlc: warning: '{file}' {warning}"
    assert expected in notes and "measured anew" in notes if warning else "warning" not in notes, (text, notes)
    now = json.loads(file.read_text())
    assert {p: now["products"][p] for p in whole["products"]} == whole["products"], text

# What is no file cannot be replaced, and is no reason to end.
file.unlink()
file.mkdir()
for where, problem in (cache, f"'{file}' is no file"), ("/dev/null", "cannot be written: Not a directory"):
    code, again, notes = run(where)
    assert code == 0 and again == state and problem in notes and ": 2 measured" in notes, notes
code, again, notes = run("", HOME="")
assert code == 0 and again == state and "neither XDG_CACHE_HOME nor HOME is set" in notes, notes

# Two at once.
together = [start(folder / "two") for _ in range(2)]
assert all(process.communicate() and process.returncode == 0 for process in together)
[file] = (folder / "two" / "dlc").iterdir()
assert json.loads(file.read_text())["products"] == whole["products"]

# A device that fails.
report = folder / "report"
run(folder / "calls", DLC_EMULATOR_REPORT=str(report))
calls = int(re.search(r"calls=(\d+)", report.read_text())[1])


def fail(number):
    path, own = folder / f"fails {number}", folder / f"report {number}"
    code, _, notes = run(path, DLC_EMULATOR_FAIL=str(number), DLC_EMULATOR_REPORT=str(own))
    alive = {k: v for k, v in re.findall(r"(\w+)=(\d+)", own.read_text()) if k not in ("calls", "kernels", "peak", "lost") and v != "0"}
    assert code in (0, 1) and not alive, (number, notes, alive)
    assert code == 0 or re.search("^dlc: .*CUDA_ERROR_", notes, re.M), (number, notes)
    assert code == 0 or "autotune:" in notes or not path.exists(), (number, notes)
    return code


with ThreadPoolExecutor(os.cpu_count()) as pool:
    codes = list(pool.map(fail, range(7, calls, max(1, calls // 12))))
print(f"{sum(codes)} of {len(codes)} calls that fail end the run")
assert sum(codes) > len(codes) // 2

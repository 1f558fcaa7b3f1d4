#!/usr/bin/env python3
"""Measures the tiles of a program's products by a clock that makes up times, so that it is known what is found.

    autotune.py EMULATOR PROGRAM TOLERANCE [dlc's options]

By DLC_EMULATOR_CLOCK=few the tile with the fewest blocks is the fastest, by `many` that with the most. What is found is in the
cache and in the code, and is not measured again; the report agrees with the estimated tiles' within the tolerance.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

emulator, program, tolerance, *options = sys.argv[1:]
folder = Path(tempfile.mkdtemp())


def dlc(command, *words, clock="", cache=None):
    environment = {**os.environ, "LD_LIBRARY_PATH": emulator, "DLC_EMULATOR_CLOCK": clock, "DLC_EMULATOR_REPORT": str(folder / "report")}
    environment["XDG_CACHE_HOME"] = str(cache or folder / "none")
    (folder / "report").unlink(missing_ok=True)
    process = subprocess.run(["dlc", command, program, *options, "--device", "gpu", *words], capture_output=True, text=True, env=environment)
    assert process.returncode == 0, f"{command} {words}: {process.stderr}"
    kernels = int(re.search(r"kernels=(\d+)", (folder / "report").read_text())[1])
    return process, kernels


def train(*words, **how):
    process, kernels = dlc("run", *words, "--json", **how)
    events = [json.loads(line) for line in process.stdout.splitlines()]
    return {"plan": events[0], "report": events[-1], "notes": process.stderr, "kernels": kernels}


def blocks_in_code(*words, **how):
    """How many blocks the products of the training step have, and how many products are warpgroups'."""
    library = folder / "net.so"
    dlc("compile", *words, "--quiet", "-o", str(library), **how)
    manifest, _ = json.JSONDecoder().raw_decode(re.search(rb'\{"abi".*', library.read_bytes(), re.S)[0].decode(errors="replace"))
    launches = [launch for kernel in manifest["functions"]["train"]["kernels"] if kernel["name"].startswith("contract")
                for launch in manifest["routines"][kernel["symbol"]]]
    return Counter(launch["blocks"] for launch in launches), sum("tensor_maps" in launch for launch in launches)


def numbers(value):
    value = list(value.values()) if isinstance(value, dict) else value
    return [n for v in value for n in numbers(v)] if isinstance(value, list) else [value]


plain = train()
assert plain["plan"]["measured_tiles"] == 0 and not plain["notes"]
estimated, by_warpgroups = blocks_in_code()
assert by_warpgroups > 0
found = {}
for clock, blocks_of in (("few", lambda us: us / 1e4), ("many", lambda us: 1e7 / us)):
    cache = folder / clock
    first = train("--autotune", clock=clock, cache=cache)
    count = estimated.total()
    assert re.match(rf"dlc: autotune: {count} products: {count} measured in [0-9.]+ s, 0 from '", first["notes"]), first["notes"]
    assert first["plan"]["measured_tiles"] >= count
    # What is measured once is known: by another clock other tiles would be found.
    other = {"few": "many", "many": "few"}[clock]
    again = train("--autotune", clock=other, cache=cache)
    assert re.match(rf"dlc: autotune: {count} products: 0 measured in [0-9.]+ s, {count} from '", again["notes"]), again["notes"]
    assert again["report"]["state_hash"] == first["report"]["state_hash"]
    assert again["kernels"] == plain["kernels"] < first["kernels"]
    # Without being asked for, it is of no effect.
    assert train(cache=cache)["report"]["state_hash"] == plain["report"]["state_hash"]
    [file] = (cache / "dlc").iterdir()
    assert file.name == "tiles-dlc-emulator.json", file
    times = json.loads(file.read_text())["products"]
    expected = Counter(round(blocks_of(min(tiles.values()))) for tiles in times.values())
    found[clock], warpgroups = blocks_in_code("--autotune", clock=other, cache=cache)
    assert found[clock] == expected, (found[clock], expected)
    assert bool(warpgroups) == (clock == "few"), warpgroups
    for was, is_ in zip(numbers(plain["report"]["values"]), numbers(first["report"]["values"]), strict=True):
        assert abs(was - is_) <= float(tolerance) * max(1, abs(was)), (clock, plain["report"], first["report"])
    print(f"{clock}: blocks {dict(found[clock])} in place of {dict(estimated)}, {first['notes'].strip()}")
assert len({tuple(sorted(c.items())) for c in (estimated, *found.values())}) == 3

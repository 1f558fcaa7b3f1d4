#!/usr/bin/env python3
"""Data that streams through a GPU because something else has taken its memory.

    gpu_streaming.py FREE     takes all of the GPU's memory but so many bytes, and keeps it until standard input ends
"""
import ctypes
import json
import subprocess
import sys
from contextlib import contextmanager

from gpu_support import Failure, stop

PROGRAM = """data {{
  x: f32[64] = cos(reshape(iota({rows} * 64), {rows}, 64))
  y: f32     = sin(iota({rows}))
}}
model net(x: f32[64]) -> f32 {{
  x |> dense(8) |> tanh |> dense(1) |> scalar
}}
train {{
  loss      = mse(net(x), y)
  optimizer = adam(lr = 1e-3)
  batch     = {batch}
  epochs    = 2
}}
"""


@contextmanager
def taken(machine, free):
    """While so much is free. The emulator's memory is each process's own: there, that is all there is."""
    if "DLC_EMULATOR_MEMORY" in machine.environment:
        before = machine.environment["DLC_EMULATOR_MEMORY"]
        machine.environment["DLC_EMULATOR_MEMORY"] = str(free)
        try:
            yield
        finally:
            machine.environment["DLC_EMULATOR_MEMORY"] = before
        return
    process = subprocess.Popen([sys.executable, __file__, str(free)], env=machine.environment, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        if not (said := process.stdout.readline()).startswith("left:"):
            raise Failure(f"the memory could not be taken: {said}{process.stdout.read()}")
        yield
    finally:
        stop(process)


def check(machine, rows, batch, least, most):
    """Between a memory that is too small and one that holds the data is one where it streams: it is looked for, and there, by either
    loop, a training ends with the bits of one whose data lie on the device."""
    program = machine.work / "streams.dl"
    program.write_text(PROGRAM.format(rows=rows, batch=batch))

    def run(loop):
        plan, *_, report = (json.loads(line) for line in machine.dlc("run", program, "--device", "gpu", "--gpu-loop", loop, "--json")
                            .splitlines())
        return plan["window_rows"], report["state_hash"]
    window, expected = run("graph")
    if window:
        raise Failure("the data streams already where all memory is free")
    for _ in range(12):
        free = (least + most) // 2
        with taken(machine, free):
            try:
                window, bits = run("graph")
            except Failure as error:
                if "memory" not in str(error):
                    raise
                least = free
                continue
            if not window:
                most = free
                continue
            for found in (bits, run("persistent")[1]):
                if found != expected:
                    raise Failure(f"streamed through {window} rows: {found} instead of {expected}")
            return
    raise Failure(f"no memory between {least} and {most} bytes makes the data stream")


def take_all_but(free):
    cuda = ctypes.CDLL("libcuda.so.1")
    size = ctypes.c_size_t

    def call(name, *arguments):
        if status := getattr(cuda, name)(*arguments):
            sys.exit(f"{name}: status {status}")
    device, context, left, total = ctypes.c_int(), ctypes.c_void_p(), size(), size()
    call("cuInit", 0)
    call("cuDeviceGet", ctypes.byref(device), 0)
    call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
    call("cuCtxSetCurrent", context)
    call("cuMemGetInfo_v2", ctypes.byref(left), ctypes.byref(total))
    if left.value > free:
        call("cuMemAlloc_v2", ctypes.byref(ctypes.c_uint64()), size(left.value - free))
    call("cuMemGetInfo_v2", ctypes.byref(left), ctypes.byref(total))
    print(f"left: {left.value}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    take_all_but(int(sys.argv[1]))

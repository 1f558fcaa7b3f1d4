"""The GPU suite of test/gpu.sh: what can be checked on any machine with a driver, by the built binary alone."""
import json
import shutil
from pathlib import Path

import gpu_streaming
from gpu_support import NOT_FINISHED, NOT_RUN, Failure, OutOfTime

INPUTS = "test/EndToEnd/Gpu/Inputs"
BOSTON = ("examples/boston.dl", "--data", "boston", "--set", "epochs=20")
MNIST, DEEP = (("examples/" + name + ".dl", "--data", "mnist", "--set", "steps=20") for name in ("mnist", "mnist_deep"))


def state_hash(machine, *words):
    return json.loads(machine.dlc("run", *words, "--json").splitlines()[-1])["state_hash"]


def same(what, first, second):
    if first != second:
        raise Failure(f"{what}: {first} and {second}")


def same_bits(machine, *words):
    same("two runs", *(state_hash(machine, *words, "--device", "gpu") for _ in range(2)))


def there_and_back(machine):
    """A training that begins on the GPU, goes on on the processor and is used on the GPU."""
    half, whole = machine.work / "half", machine.work / "whole"
    boston = ("examples/boston.dl", "--data", "boston")
    machine.dlc("run", *boston, "--device", "gpu", "--set", "epochs=3", "--save", half)
    machine.dlc("run", *boston, "--device", "cpu", "--set", "epochs=6", "--resume", half, "--save", whole)
    rmse = [json.loads(machine.dlc("eval", *boston, "--device", device, "--weights", whole, "--json").splitlines()[-1])["values"]["rmse"]
            for device in ("cpu", "gpu")]
    if abs(rmse[0] - rmse[1]) > 1e-5 * rmse[0]:
        raise Failure(f"rmse {rmse[0]} on the processor, {rmse[1]} on the GPU")


def library(machine):
    """A library with code for both places takes the GPU, with the same bits as the program."""
    small, both = f"{INPUTS}/small.dl", machine.work / "both.so"
    machine.dlc("compile", small, "--device", "cpu,gpu", "--quiet", "-o", both)
    same("library and program", state_hash(machine, both), state_hash(machine, small, "--device", "gpu"))


def embedded(machine):
    """examples/embed_cuda.c: the C ABI with a caller's context, stream and memory."""
    boston, program = machine.work / "boston.so", machine.work / "embed_cuda"
    machine.dlc("compile", "examples/boston.dl", "--device", "cpu,gpu", "--quiet", "-o", boston)
    machine.run("cc", "-std=c99", "-Iinclude", "examples/embed_cuda.c", boston, "-ldl", "-o", program)
    machine.run(program, boston)


def checks(machine, rehearse):
    """Names, and functions that raise. A rehearsal takes one of each kind."""

    def trajectory(tolerance, program, *words):
        return lambda: machine.python("test/EndToEnd/Gpu/trajectory.py", "", program, tolerance, "forward", *words)

    def both_loops(*words):
        name = Path(words[0]).stem + (" in bf16" if "bf16" in words else "")
        for loop in ("graph", "persistent"):
            yield f"the same bits twice: {name}, {loop}", lambda loop=loop: same_bits(machine, *words, "--gpu-loop", loop)

    def large(program, tolerance, precision, *words):
        bits = "the processor's bits" if tolerance == "exact" else "near the processor's"
        name = f"large products: {program}.dl in {precision}, {bits}"
        return name, trajectory(tolerance, f"{INPUTS}/{program}.dl", *words, "--", "--precision", precision, "--gpu-loop", "graph")

    one_step = ("--set", "steps=1")
    yield "boston, 20 epochs, against the processor", trajectory("1e-5", *BOSTON)
    if rehearse:
        yield from both_loops(f"{INPUTS}/small.dl")
        yield large("rest", "exact", "bf16")
        yield "from the GPU to the processor and back", lambda: there_and_back(machine)
        yield "a library for both places", lambda: library(machine)
        yield "data that streams", lambda: gpu_streaming.check(machine, rows=1000, batch=10, least=0, most=1 << 20)
        return
    yield "mnist, 20 steps, against the processor", trajectory("1e-5", *MNIST)
    for program in ("small", "clipped"):
        yield f"{program}.dl, against the processor", trajectory("1e-5", f"{INPUTS}/{program}.dl")
    for precision, tolerance in (("f32", "1e-5"), ("f64", "1e-9")):
        yield f"vectors.dl in {precision}, against the processor", trajectory(tolerance, f"{INPUTS}/vectors.dl", "--precision", precision)
    yield from both_loops(*BOSTON)
    yield from both_loops("examples/mnist.dl", "--data", "mnist", "--set", "epochs=1")
    yield from both_loops("examples/mnist.dl", "--data", "mnist", "--set", "epochs=1", "--precision", "bf16")
    for precision, tolerance in (("tf32", "2e-4"), ("bf16", "1e-3"), ("f16", "2e-4")):
        yield f"boston in {precision}", trajectory(tolerance, *BOSTON, "--", "--precision", precision)
    for precision in ("bf16", "f16"):
        yield f"mnist_deep, 20 steps, in {precision}", trajectory("5e-3", *DEEP, "--", "--precision", precision)
        yield f"rounding to {precision}, against sums by hand", lambda p=precision: machine.python("test/EndToEnd/Gpu/half.py", p)
    for program, tolerance, precision, *words in (("products", "exact", "bf16", *one_step), ("products", "exact", "f16", *one_step),
                                                  ("tall", "exact", "bf16", *one_step), ("each", "exact", "bf16", *one_step),
                                                  ("rest", "exact", "bf16"), ("wide", "1e-2", "bf16")):
        yield large(program, tolerance, precision, *words)
    yield "from the GPU to the processor and back", lambda: there_and_back(machine)
    yield "a library for both places", lambda: library(machine)
    yield "examples/embed_cuda.c", (lambda: embedded(machine)) if shutil.which("cc") else "skipped: there is no C compiler"
    yield "data that streams", lambda: gpu_streaming.check(machine, rows=1_600_000, batch=1000, least=1 << 28, most=1 << 32)
    for precision in ("f32", "f64"):
        yield (f"every primitive in {precision}, against PyTorch's figures", lambda p=precision: machine.python(
            "test/EndToEnd/Primitives/check.py", "all", "--device", "gpu", "--precision", p))


def sanitizer_checks(machine, rehearse):
    """The same commands under compute-sanitizer's tools; a rehearsal runs the commands alone."""
    path = shutil.which("compute-sanitizer", path=f"{machine.environment['PATH']}:/usr/local/cuda/bin")
    boston = ("boston", "examples/boston.dl", "--data", "boston", "--set", "epochs=1", "--gpu-loop")
    large = ("large products", f"{INPUTS}/products.dl", "--set", "steps=1", "--precision", "bf16", "--gpu-loop")
    for tool, (what, *words), loop in (("memcheck", boston, "graph"), ("memcheck", boston, "persistent"), ("racecheck", boston, "graph"),
                                       ("synccheck", boston, "graph"), ("memcheck", large, "graph"), ("synccheck", large, "graph")):
        name = f"compute-sanitizer {tool}: {what}, {loop}"
        under = () if rehearse else (path, "--tool", tool, "--error-exitcode", "1")
        command = (*under, machine.dlc_path, "run", *words, loop, "--device", "gpu", "--quiet")
        if rehearse and tool != "memcheck":
            continue
        yield f"{name}, without it" if rehearse else name, (
            lambda c=command: machine.run(*c)) if path or rehearse else "skipped: compute-sanitizer is absent"


def run(machine, table, some):
    for name, action in some:
        if isinstance(action, str) or machine.clock.is_over():
            table.check(name, action if isinstance(action, str) else NOT_RUN)
            continue
        try:
            action()
            outcome = "ok"
        except OutOfTime:
            outcome = NOT_FINISHED
        except Exception as error:  # whatever it is, the others follow
            outcome = "FAILED"
            print(f"== {name}\n{error}", flush=True)
        table.check(name, outcome)
        print(f"{name}: {outcome}", flush=True)

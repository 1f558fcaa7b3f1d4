"""The figures of test/gpu.sh: dlc and its peers take turns, and every figure is a median with its spread."""
import json
import os
import select
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from gpu_support import NOT_FINISHED, NOT_RUN, Failure, OutOfTime, stop

HERE = Path(__file__).resolve().parent
FRAMEWORKS = ("PyTorch", "JAX")
# Those that are likely to be the fastest first: time may be short.
TRAINING = (("JAX", "scan"), ("PyTorch", "compile + CUDA graphs"), ("PyTorch", "CUDA graphs"), ("JAX", "jit"), ("PyTorch", "compile"),
            ("PyTorch", "eager"))


@dataclass
class Case:
    """One piece of work. Whoever does it returns figures by their units; ratios are of the first unit that both have."""
    title: str
    key: str  # its name for gpu_peers.py
    share: float  # of the time for figures
    own: dict  # what dlc does, by name
    peers: tuple  # frameworks and their ways
    target: dict = field(default_factory=dict)  # "<= 10" or ">= 600", by name and unit


class Peer:
    """A process of gpu_peers.py, which prepares a way of doing a case once and then repeats it when asked."""

    def __init__(self, framework, machine, python, options):
        self.framework, self.machine = framework, machine
        self.command = [python, str(HERE / "gpu_peers.py"), framework, *options]
        self.errors = machine.work / framework
        self.process, self.problem, self.version = None, None, ""

    def start(self):
        environment = {**self.machine.environment, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
        with open(self.errors, "w") as errors:
            self.process = subprocess.Popen(self.command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                            start_new_session=True)

    def greet(self):
        """Waits until it is there, or known not to be."""
        try:
            if not self.process:
                self.start()
            greeting = self.reply()
            self.problem, self.version = greeting.get("problem"), greeting.get("version", "")
        except (OSError, Failure, OutOfTime) as error:
            self.problem = f"did not start: {error or 'out of time'}"

    def reply(self):
        if not select.select([self.process.stdout], [], [], max(0, self.machine.clock.left()))[0]:
            self.end()
            raise OutOfTime
        line = self.process.stdout.readline()
        if not line:
            self.end()
            text = self.errors.read_text().strip()
            raise Failure(text.splitlines()[-1][:80] if text else "ended without a word")
        return json.loads(line)

    def measure(self, case, way):
        if not self.process:  # the one before hung, or died
            self.greet()
        if self.problem:
            raise Failure(self.problem)
        try:
            self.process.stdin.write(f"{case}: {way}\n".encode())
            self.process.stdin.flush()
        except OSError:
            pass  # it died, and its end is read below
        reply = self.reply()
        if "failed" in reply:
            raise Failure(reply["failed"])
        return reply

    def end(self):
        if self.process:
            stop(self.process)
            self.process = None


def made(machine, name, old, new, *rest):
    """A program of this folder with another size."""
    text = (HERE / name).read_text()
    for what, other in ((old, new), *rest):
        text = text.replace(str(what), str(other))
    path = machine.work / f"{new}-{name}"
    path.write_text(text)
    return path


def bench(machine, *words):
    return json.loads(machine.dlc("bench", *words, "--device", "gpu", "--json"))


def kernel(found, start):
    """The kernel of a step whose name starts like that; of several, the one that moves the most."""
    fitting = [k for k in found["kernels"] if k["name"].startswith(start)]
    if not fitting:
        raise Failure(f"no kernel '{start}' among {[k['name'] for k in found['kernels']]}")
    return max(fitting, key=lambda k: k["bytes"])


def product(machine, n, precision, *options):
    """A forward product whose operands and result are stored in the precision that it is made in, and nothing else; and a weight's
    gradient with its update."""
    program = made(machine, "product.dl", 4096, n, (4096 * 4096, n * n))
    found = bench(machine, program, "--precision", precision, "--gpu-loop", "graph", *options)
    rate = lambda start: 2e-6 * n**3 / kernel(found, start)["us"]
    return {"TFLOP/s": rate(f"contract batchx{n} k={n}: dot"), "TFLOP/s with update": rate(f"contract {n}x{n} k=batch: dot")}


def elementwise(machine, n):
    """Adam's update of n^2 numbers as one kernel, which reads three numbers and writes three."""
    found = bench(machine, made(machine, "elementwise.dl", 8192, n), "--gpu-loop", "graph")
    update = kernel(found, f"map {n}x{n}:")
    if update["bytes"] // (n * n) != 24:
        raise Failure(f"the update moves {update['bytes']} bytes: it is not one kernel")
    return {"% of a copy": 100 * update["copy_share"], "GB/s": 1e-3 * update["bytes"] / update["us"], "GB/s of a copy": found["copy_gbs"]}


def cases(machine, rehearse):
    mnist, deep = ("examples/mnist.dl", "--data", "mnist"), ("examples/mnist_deep.dl", "--data", "mnist")
    if rehearse:
        mnist, deep = ("test/EndToEnd/Gpu/Inputs/small.dl",), ("examples/boston.dl", "--data", "boston", "--set", "epochs=2")

    def step(loop):
        """In whole epochs, as a training makes them and as peers are timed; and steps alone."""
        epochs = [event for event in trained(loop, *mnist, "--set", "epochs=6") if event["event"] == "epoch"]
        warm = [1e6 * event["seconds"] / (event["step"] - before["step"]) for before, event in zip(epochs, epochs[1:])]
        return {"us": statistics.median(warm), "us, steps alone": bench(machine, *mnist, "--gpu-loop", loop)["step_us_median"]}

    def training(loop):
        return {"s": trained(loop, *deep)[-1]["train_seconds"]}

    def trained(loop, *words):
        return [json.loads(line) for line in machine.dlc("run", *words, "--device", "gpu", "--gpu-loop", loop, "--json").splitlines()]

    by_loop = lambda measure: {f"dlc, {loop}": lambda loop=loop: measure(loop) for loop in ("graph", "persistent")}
    yield Case("a step of 784-128-10, batch 64, Adam, f32" if not rehearse else "a step of small.dl", "step", 0.3, by_loop(step), TRAINING,
               {("dlc, graph", "us"): "<= 10", ("dlc, persistent", "us"): "<= 5"})
    for size, precision, least, share in ((4096, "bf16", 600, 0.12), (8192, "bf16", 700, 0.17), (4096, "f32", 45, 0.12)):
        n = size // 256 if rehearse else size
        yield Case(f"product of {n}^3, {precision}", f"product {size} {precision}", share,
                   {name: lambda n=n, words=(precision, *options): product(machine, n, *words)
                    for name, options in (("dlc", ()), ("dlc --autotune", ("--autotune",)))},
                   (("PyTorch", "matmul"),), {(name, "TFLOP/s"): f">= {least}" for name in ("dlc", "dlc --autotune")})
    n = 32 if rehearse else 8192
    yield Case(f"Adam's update of {n}^2 numbers as one map, f32", "elementwise", 0.08, {"dlc": lambda: elementwise(machine, n)},
               (("PyTorch", "compile"),), {("dlc", "% of a copy"): ">= 85"})
    yield Case("mnist_deep, 20 epochs of training, f32" if not rehearse else "boston, 2 epochs of training", "deep", 0.21, by_loop(training),
               TRAINING, {(name, "s"): "< 0.5" for name in ("dlc, graph", "dlc, persistent")})


def met(value, target):
    sign, number = target.split()
    holds = {"<": value < float(number), "<=": value <= float(number), ">=": value >= float(number)}[sign]
    return f"target {target}: {'MET' if holds else 'MISSED'}"


def show(table, case, found, ended, rounds, own):
    """The rows of a case, a unit after the other; what dlc is faster by stands beside a peer."""
    table.text(case.title)
    units = list(dict.fromkeys(unit for figures in found.values() for each in figures for unit in each))
    for unit in units:
        values = {name: [each[unit] for each in figures] for name, figures in found.items() if figures and unit in figures[0]}
        medians = {name: statistics.median(numbers) for name, numbers in values.items()}
        time_like = unit in ("us", "s")
        ours = [value for name, value in medians.items() if name in own]
        best = (min if time_like else max)(ours) if ours else None
        for name, numbers in values.items():
            target = case.target.get((name, unit))
            ratio = best and (medians[name] / best if time_like else best / medians[name])
            table.figure(name, unit, numbers, rounds, target and met(medians[name], target),
                         f"dlc: {ratio:.3g} x as fast" if ratio and name not in own and unit != "GB/s of a copy" else "")
    for name, how in ended.items():
        if name in own and (how == "FAILED" or not found[name]):
            table.check(name, how)
        elif not found[name]:
            table.text(f"  {name:30} {how}")


def compare(machine, table, case, peers, rounds):
    own = case.own
    contenders = dict(own)
    for framework, way in case.peers:
        if not peers[framework].problem:
            contenders[f"{framework} {way}"] = lambda peer=peers[framework], way=way: peer.measure(case.key, way)
    found, ended, longest = {name: [] for name in contenders}, {}, dict.fromkeys(contenders, 1)
    for _ in range(rounds):
        for name, measure in contenders.items():
            if name in ended:
                continue
            # A first turn that would not end is cut; of later ones, none begins that would not.
            if machine.clock.left() < longest[name]:
                ended[name] = NOT_RUN
                continue
            start = time.monotonic()
            try:
                found[name].append(measure())
            except OutOfTime:
                ended[name] = NOT_FINISHED
            except Exception as error:  # its own trouble, not the others'
                ended[name] = "FAILED" if name in own else f"failed: {str(error)[:80].strip()}"
                print(f"== {case.title}: {name}\n{error}", flush=True)
            if len(found[name]) > 1:  # the first turn prepared what is there from then on
                longest[name] = max(longest[name], 1.1 * (time.monotonic() - start))
    show(table, case, found, ended, rounds, own)
    print(f"{case.title}: done", flush=True)


def run(machine, table, rehearse, rounds):
    table.text(f"  medians, [least - most] of {rounds} rounds in which all take turns")
    options = ("--device", "cpu", "--small") if rehearse else ()
    python = os.environ.get("DLC_PYTHON", "python3")
    peers = {framework: Peer(framework, machine, python, options) for framework in FRAMEWORKS}
    try:
        for peer in peers.values():
            peer.greet()
            table.text(f"  {peer.framework}: {peer.problem or peer.version}")
        begin, end = time.monotonic(), machine.clock.end
        share = 0
        for case in cases(machine, rehearse):
            share += case.share
            machine.clock.end = begin + share * (end - begin)
            compare(machine, table, case, peers, rounds)
    finally:
        for peer in peers.values():
            peer.end()

#!/usr/bin/env python3
"""Measures dlc beside its peers: see README.md. JSON lines on standard output, a table on standard error."""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent.parent
EXAMPLES = ["sine", "boston", "mnist", "mnist_deep", "california", "vanishing"]
# The update of mnist.dl as a kernel of its own: a norm over all gradients keeps it out of the products.
UPDATE_ALONE = ["--set", "gradient=clip_norm(grad, 1e9)"]


class Bench:
    def __init__(self, args):
        self.args = args
        self.values = {}  # (case, contender, unit) -> list

    def add(self, case, contender, unit, value):
        self.values.setdefault((case, contender, unit), []).append(value)

    def pinned(self, threads):
        cores = sorted(os.sched_getaffinity(0))[-threads:]
        return ["taskset", "-c", ",".join(map(str, cores))]

    def dlc(self, *words, threads=1):
        """Runs dlc; returns its JSON lines, if any, and its seconds from start to exit."""
        command = [*self.pinned(threads), str(self.args.dlc), *map(str, words)]
        start = time.perf_counter()
        process = subprocess.run(command, capture_output=True, text=True, cwd=SOURCE)
        seconds = time.perf_counter() - start
        if process.returncode:
            sys.exit(f"{' '.join(command)}: {process.stderr}")
        return [json.loads(line) for line in process.stdout.splitlines() if line.startswith("{")], seconds

    def peer(self, case, framework, mode, threads):
        """The medians of one process of a peer, by metric; empty without peers."""
        if not self.args.peers:
            return {}
        command = [self.args.python, str(self.args.peers / "run.py"), case, "--data", str(self.args.data), "--frameworks", framework,
                   "--modes", mode, "--threads", str(threads), "--repeat", "1"]
        output = subprocess.run(command, capture_output=True, text=True, cwd=self.args.peers).stdout
        return {line["metric"]: line["value_median"] for line in map(json.loads, output.splitlines()) if "value_median" in line}


def bench_json(bench, threads, *words):
    lines, _ = bench.dlc("bench", "examples/mnist.dl", "--data", "mnist", "--threads", threads, "--json", *words, threads=threads)
    return lines[0]


def peak(bench):
    for threads in bench.args.threads:
        whole = bench_json(bench, threads)
        apart = bench_json(bench, threads, *UPDATE_ALONE)
        update = max((k for k in apart["kernels"] if k["name"].startswith("map") and "sqrt" in k["name"]), key=lambda k: k["bytes"])
        for kernel in whole["kernels"]:
            if not kernel["name"].startswith("contract") or "x10" in kernel["name"] or "k=10:" in kernel["name"]:
                continue  # the 10-wide layer
            best = kernel["us"] and 2e-3 * products(kernel["name"]) / whole["peak_gflops"]  # us at the peak
            if "sqrt" in kernel["name"]:
                bench.add(f"peak {threads}T: product 784x128 with update, of its roofline", "dlc", "%", 100 * (best + update["us"]) / kernel["us"])
            name = "product 784x128" if "sqrt" in kernel["name"] else "product 64x128"
            bench.add(f"peak {threads}T: {name}, of the peak", "dlc", "%", 100 * best / kernel["us"])


def products(name):
    """Multiply-adds of a product of mnist.dl, from its name: 'contract batchx128 k=784: ...'."""
    shape, terms = name.split(":")[0].split()[1:3]
    rows, columns = shape.split("x")
    size = lambda word: 64 if word == "batch" else int(word)
    return size(rows) * size(columns) * size(terms.removeprefix("k="))


def step(bench):
    for threads in bench.args.threads:
        case = f"step {threads}T"
        bench.add(case, "dlc", "us", bench_json(bench, threads)["step_us_median"])
        for framework, mode in (("jax", "scan"), ("torch", "eager_fused")):
            for value in filter(None, [bench.peer("mlp_step", framework, mode, threads).get("step")]):
                bench.add(case, f"{framework} {mode}", "us", value)


def deep(bench):
    threads = max(bench.args.threads)
    with tempfile.TemporaryDirectory() as folder:
        lines, seconds = bench.dlc("run", "examples/mnist_deep.dl", "--data", "mnist", "--save", f"{folder}/deep", "--json", threads=threads)
    bench.add("deep, 20 epochs", "dlc", "s", seconds)
    bench.add("deep, accuracy", "dlc", "", lines[-1]["values"]["accuracy"])
    for framework, mode in (("jax", "scan"), ("torch", "eager_fused"), ("torch", "eager")):
        for count in (1, threads):
            found = bench.peer("mnist_seed", framework, mode, count)
            if found:
                bench.add("deep, 20 epochs", f"{framework} {mode} {count}T", "s", found["process_s"] + 15 * found["epoch_s"])


def process(bench):
    threads = max(bench.args.threads)
    for name, peers in (("sine", (("torch", "eager"), ("jax", "scan"), ("numpy", "by_hand"))),
                        ("boston", (("torch", "eager"), ("torch", "eager_fused"), ("jax", "scan")))):
        words = [] if name == "sine" else ["--data", name]
        bench.add(f"process {name}", "dlc", "s", bench.dlc("run", f"examples/{name}.dl", *words, threads=threads)[1])
        for framework, mode in peers:
            for value in filter(None, [bench.peer(name, framework, mode, threads).get("process_s")]):
                bench.add(f"process {name}", f"{framework} {mode}", "s", value)


def start(bench):
    threads = max(bench.args.threads)
    for name in EXAMPLES:
        bench.add(f"check {name}", "dlc", "ms", 1e3 * bench.dlc("check", f"examples/{name}.dl", threads=threads)[1])
    command = [*bench.pinned(threads), str(bench.args.dlc), "run", "examples/mnist.dl", "--data", "mnist", "--set", "steps=1", "--json"]
    begin = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=SOURCE) as running:
        for line in running.stdout:
            if '"event":"epoch"' in line:  # said after the last step
                bench.add("first step", "dlc", "ms", 1e3 * (time.perf_counter() - begin))
    for framework, mode in (("torch", "eager"), ("jax", "step+fresh")):
        for value in filter(None, [bench.peer("compile_mlp", framework, mode, threads).get("to_first_step_s")]):
            bench.add("first step", f"{framework} {mode}", "ms", 1e3 * value)


CASES = {"peak": peak, "step": step, "deep": deep, "process": process, "start": start}


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", default=list(CASES), help=", ".join(CASES))
    parser.add_argument("--dlc", type=Path, default=SOURCE / "build/release/bin/dlc")
    parser.add_argument("--peers", type=Path, help="folder of the peers' run.py; without it dlc is measured alone")
    parser.add_argument("--python", default=sys.executable, help="that has the peers' frameworks")
    parser.add_argument("--data", type=Path, default=SOURCE / "examples/data")
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    bench = Bench(args := parser.parse_args())
    if unknown := set(args.cases) - set(CASES):
        sys.exit(f"unknown cases: {', '.join(unknown)}; known are {', '.join(CASES)}")
    if args.peers:
        args.peers = args.peers.resolve()
    for case in args.cases:
        for _ in range(args.rounds):
            CASES[case](bench)

    machine = f"{processor()}, {os.cpu_count()} CPUs"
    print(f"{machine}; medians of {args.rounds} rounds", file=sys.stderr)
    medians = {key: statistics.median(values) for key, values in bench.values.items()}
    for (case, contender, unit), value in medians.items():
        values = bench.values[case, contender, unit]
        own = medians.get((case, "dlc", unit))
        ratio = f"{value / own:7.2f} x" if contender != "dlc" and own else ""
        print(f"{case:55} {contender:20} {value:10.4g} {unit:3} {ratio}", file=sys.stderr)
        print(json.dumps({"case": case, "contender": contender, "unit": unit, "median": value, "min": min(values), "max": max(values),
                          "rounds": len(values), "machine": machine}))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What PyTorch and JAX take on this GPU for the work that test/gpu.sh measures of dlc, a line each: name, value, unit, separated by
tabs. A peer that is not installed, cannot use the GPU or fails is named as that. Ways of one case take turns; values are medians.

  gpu_peers.py [--quick] [--device cpu]    the latter to try the script itself
"""
import statistics
import sys
import time

QUICK = "--quick" in sys.argv
DEVICE = "cpu" if "cpu" in sys.argv else "cuda"
ROUNDS = 1 if QUICK else 5
STEPS = 4 if QUICK else 400
ROWS = 640 if QUICK else 60000


def line(name, value, unit=""):
    print(f"{name}\t{value if isinstance(value, str) else format(value, '.4g')}\t{unit}", flush=True)


def compare(case, ways, unit, convert):
    """Times ways of doing the same in turn. Each is a maker of a function that does it once and waits for it."""
    ready, times = {}, {}
    for name, make in ways.items():
        try:
            ready[name] = make()
            ready[name]()  # compiles
            ready[name]()
            times[name] = []
        except Exception as error:  # a peer's own trouble is a result
            ready.pop(name, None)
            line(f"{case}: {name}", f"failed: {str(error).splitlines()[0][:60] if str(error) else type(error).__name__}")
    for _ in range(ROUNDS):
        for name, run in ready.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    for name, taken in times.items():
        line(f"{case}: {name}", convert(statistics.median(taken)), unit)


def torch_peer():
    import torch
    if DEVICE == "cuda" and not torch.cuda.is_available():
        return line("PyTorch", "cannot use the GPU")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    wait = torch.cuda.synchronize if DEVICE == "cuda" else lambda: None
    x = torch.randint(0, 256, (ROWS, 784), dtype=torch.uint8, device=DEVICE)
    y = torch.randint(0, 10, (ROWS,), device=DEVICE)

    def training(sizes, batch, steps, way):
        def make():
            layers = []
            for a, b in zip(sizes, sizes[1:]):
                layers += [torch.nn.Linear(a, b), torch.nn.ReLU()]
            net = torch.nn.Sequential(*layers[:-1]).to(DEVICE)
            graphs = way == "CUDA graphs"
            update = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True, capturable=graphs)
            loss_of = lambda rows: torch.nn.functional.cross_entropy(net(x[rows].float() / 255), y[rows])
            if way == "compile":
                loss_of = torch.compile(loss_of)
            rows = torch.arange(batch, device=DEVICE)

            def step():
                update.zero_grad(set_to_none=not graphs)
                loss_of(rows).backward()
                update.step()
            if graphs:
                side = torch.cuda.Stream()
                side.wait_stream(torch.cuda.current_stream())
                with torch.cuda.stream(side):
                    for _ in range(3):
                        step()
                torch.cuda.current_stream().wait_stream(side)
                graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(graph):
                    step()

            def run():
                done = 0
                while done < steps:
                    order = torch.randperm(ROWS, device=DEVICE)
                    for first in range(0, ROWS - batch + 1, batch):
                        rows.copy_(order[first:first + batch])
                        graph.replay() if graphs else step()
                        done += 1
                        if done == steps:
                            break
                wait()
            return run
        return make

    ways = ("eager", "compile", "CUDA graphs")
    compare("784-128-10, batch 64, Adam", {f"PyTorch {way}": training((784, 128, 10), 64, STEPS, way) for way in ways},
            "us a step", lambda seconds: seconds / STEPS * 1e6)
    deep = ROWS // 32 * (1 if QUICK else 20)
    compare("mnist_deep, 20 epochs", {f"PyTorch {way}": training((784, 64, 64, 10), 32, deep, way) for way in ways[2:]},
            "s", lambda seconds: seconds)
    for size, kind in ((4096, "bfloat16"), (8192, "bfloat16"), (4096, "float32")):
        n = 64 if QUICK else size

        def product(n=n, kind=kind):
            a, b = (torch.randn(n, n, device=DEVICE).to(getattr(torch, kind)) for _ in range(2))
            out = torch.empty_like(a)

            def run():
                for _ in range(20):
                    torch.matmul(a, b, out=out)
                wait()
            return run
        compare(f"product {n}^3 {kind}", {"PyTorch matmul": product}, "TFLOP/s", lambda s, n=n: 40 * n**3 / s / 1e12)

    def copy():
        a = torch.zeros(4096 if QUICK else 2**28, device=DEVICE)
        b = torch.empty_like(a)

        def run():
            for _ in range(20):
                b.copy_(a)
            wait()
        run.bytes = 20 * 8 * a.numel()
        return run
    count = 4096 if QUICK else 2**28
    compare("copy on the device", {"PyTorch copy_": copy}, "GB/s", lambda s: 160 * count / s / 1e9)


def jax_peer():
    import jax
    import jax.numpy as jnp
    if DEVICE == "cuda" and jax.default_backend() != "gpu":
        return line("JAX", "cannot use the GPU")
    jax.config.update("jax_default_matmul_precision", "highest")
    key = jax.random.PRNGKey(0)
    x = jax.random.randint(key, (ROWS, 784), 0, 256).astype(jnp.uint8)
    y = jax.random.randint(key, (ROWS,), 0, 10)

    def training(sizes, batch, steps, scan):
        def loss_of(weights, rows):
            value = x[rows].astype(jnp.float32) / 255
            for i, (w, b) in enumerate(weights):
                value = value @ w + b
                value = jax.nn.relu(value) if i + 1 < len(weights) else value
            return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(value), y[rows][:, None], 1))

        def step(state, rows):
            weights, m, v, t = state
            grads = jax.grad(loss_of)(weights, rows)
            t, tree = t + 1, jax.tree_util.tree_map
            m = tree(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
            v = tree(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
            weights = tree(lambda w, m, v: w - 1e-3 * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), weights, m, v)
            return (weights, m, v, t), None

        def make():
            weights = [(jax.random.normal(key, (a, b)) / a**0.5, jnp.zeros(b)) for a, b in zip(sizes, sizes[1:])]
            zeros = jax.tree_util.tree_map(jnp.zeros_like, weights)
            state = (weights, zeros, zeros, jnp.float32(0))
            order = jax.random.randint(key, (steps, batch), 0, ROWS)
            if scan:
                whole = jax.jit(lambda state: jax.lax.scan(step, state, order)[0])
                return lambda: jax.block_until_ready(whole(state))
            one = jax.jit(step)

            def run():
                now = state
                for rows in order:
                    now = one(now, rows)[0]
                jax.block_until_ready(now)
            return run
        return make
    compare("784-128-10, batch 64, Adam", {f"JAX {name}": training((784, 128, 10), 64, STEPS, name == "scan")
                                           for name in ("jit", "scan")}, "us a step", lambda s: s / STEPS * 1e6)
    deep = ROWS // 32 * (1 if QUICK else 20)
    compare("mnist_deep, 20 epochs", {"JAX scan": training((784, 64, 64, 10), 32, deep, True)}, "s", lambda s: s)


for name, peer in (("PyTorch", torch_peer), ("JAX", jax_peer)):
    try:
        peer()
    except ImportError:
        line(name, "absent")

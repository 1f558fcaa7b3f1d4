#!/usr/bin/env python3
"""A peer of dlc in test/gpu.sh: does what dlc is measured by, in turn with it.

    gpu_peers.py PyTorch|JAX [--device cpu] [--small]

The first line of standard output is {"version": ...}, or {"problem": ...} where the peer is absent or cannot use the GPU. Then each
line of standard input, CASE: WAY, is answered by the figures of one round, by their units, or {"failed": ...}. What compiles and warms
up comes before the first round of a case; data are on the device. With --device cpu and --small it is a trial.
"""
import argparse
import json
import os
import sys
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("framework", choices=["PyTorch", "JAX"])
parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
parser.add_argument("--small", action="store_true")
OPTIONS = parser.parse_args()
ON_GPU = OPTIONS.device == "cuda"
ROWS = 640 if OPTIONS.small else 60000
# Layers, batch, epochs of a round.
TRAININGS = {"step": ((784, 128, 10), 64, 1), "deep": ((784, 64, 64, 10), 32, 1 if OPTIONS.small else 20)}
RATE, MOMENTUM, DECAY, EPSILON = 1e-3, 0.9, 0.999, 1e-8  # of Adam


def size(number):
    return number // 256 if OPTIONS.small else number


def training(case, epoch, wait):
    """What measures a round of a training, once two epochs have compiled and warmed up all there is."""
    _, batch, epochs = TRAININGS[case]
    for _ in range(2):
        epoch()
    wait()

    def measure():
        start = time.perf_counter()
        for _ in range(epochs):
            epoch()
        wait()
        seconds = time.perf_counter() - start
        return {"us": seconds * 1e6 / (ROWS // batch)} if case == "step" else {"s": seconds}
    return measure


class PyTorch:
    def __init__(self):
        import torch
        self.torch, self.version = torch, torch.__version__
        if ON_GPU and not torch.cuda.is_available():
            raise RuntimeError("cannot use the GPU")
        torch.set_float32_matmul_precision("highest")
        if not ON_GPU:
            torch.set_num_threads(1)
        self.pixels = torch.randint(0, 256, (ROWS, 784), dtype=torch.uint8, device=OPTIONS.device)
        self.digits = torch.randint(0, 10, (ROWS,), device=OPTIONS.device)

    def wait(self):
        if ON_GPU:
            self.torch.cuda.synchronize()

    def seconds(self, work):
        """Of one call among as many as take about 20 ms, by the device's events: what `dlc bench` does with kernels."""
        def of(calls):
            if not ON_GPU:
                start = time.perf_counter()
                for _ in range(calls):
                    work()
                return (time.perf_counter() - start) / calls
            start, end = (self.torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            for _ in range(calls):
                work()
            end.record()
            end.synchronize()
            return start.elapsed_time(end) * 1e-3 / calls
        return of(max(3, int(0.02 / max(of(3), 1e-6))))

    def prepare(self, case, way):
        if case in TRAININGS:
            return training(case, self.epoch(case, way), self.wait)
        if case == "elementwise":
            return self.elementwise()
        _, n, precision = case.split()
        return self.product(size(int(n)), {"bf16": self.torch.bfloat16, "f32": self.torch.float32}[precision])

    def epoch(self, case, way):
        torch, (layers, batch, _) = self.torch, TRAININGS[case]
        graphs = "CUDA graphs" in way
        if graphs and not ON_GPU:
            raise RuntimeError("needs a GPU")
        modules = [module for sizes in zip(layers, layers[1:]) for module in (torch.nn.Linear(*sizes), torch.nn.ReLU())]
        net = torch.nn.Sequential(*modules[:-1]).to(OPTIONS.device)
        update = torch.optim.Adam(net.parameters(), lr=RATE, betas=(MOMENTUM, DECAY), eps=EPSILON, fused=True, capturable=graphs)

        def loss_of(rows):
            return torch.nn.functional.cross_entropy(net(self.pixels[rows].float() / 255), self.digits[rows])
        if "compile" in way:
            loss_of = torch.compile(loss_of, dynamic=False)  # each case has its own batch

        def step(rows):
            update.zero_grad(set_to_none=True)
            loss_of(rows).backward()
            update.step()
        if graphs:
            step = self.recorded(step, torch.arange(batch, device=OPTIONS.device))

        def epoch():
            order = torch.randperm(ROWS, device=OPTIONS.device)
            for rows in order[:ROWS // batch * batch].split(batch):
                step(rows)
        return epoch

    def recorded(self, step, rows):
        """The step as a CUDA graph that reads its rows from `rows`."""
        torch = self.torch
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                step(rows)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step(rows)

        def replay(others):
            rows.copy_(others)
            graph.replay()
        return replay

    def product(self, n, kind):
        a, b = self.torch.rand(n, n, device=OPTIONS.device).to(kind), (0.01 * self.torch.randn(n, n, device=OPTIONS.device)).to(kind)
        out = self.torch.empty_like(a)
        return lambda: {"TFLOP/s": 2e-12 * n**3 / self.seconds(lambda: self.torch.matmul(a, b, out=out))}

    def elementwise(self):
        """Adam's update with the gradient 1, as in elementwise.dl, beside a copy."""
        torch, n = self.torch, size(8192)
        w, m, v = (torch.rand(n, n, device=OPTIONS.device) for _ in range(3))
        other = torch.empty_like(w)

        @torch.compile
        def update(w, m, v):
            m.add_((1 - m) * (1 - MOMENTUM))
            v.add_((1 - v) * (1 - DECAY))
            w.sub_(m * 1e-6 / (torch.sqrt(v) + EPSILON))

        def measure():
            rate = 24e-9 * n * n / self.seconds(lambda: update(w, m, v))
            copy = 8e-9 * n * n / self.seconds(lambda: other.copy_(w))
            return {"% of a copy": 100 * rate / copy, "GB/s": rate, "GB/s of a copy": copy}
        update(w, m, v)
        return measure


class JAX:
    def __init__(self):
        import jax
        self.jax, self.version = jax, jax.__version__
        if not ON_GPU:
            jax.config.update("jax_platforms", "cpu")
        elif jax.default_backend() != "gpu":
            raise RuntimeError("cannot use the GPU")
        jax.config.update("jax_default_matmul_precision", "highest")
        self.key = jax.random.PRNGKey(0)
        # An argument of each program: what a program only refers to becomes a constant in it.
        self.data = (jax.random.randint(self.key, (ROWS, 784), 0, 256).astype(jax.numpy.uint8),
                     jax.random.randint(self.key, (ROWS,), 0, 10))

    def prepare(self, case, way):
        epoch = self.scanned(case) if way == "scan" else self.jitted(case)
        return training(case, epoch, lambda: self.jax.block_until_ready(self.state))

    def first_state(self, layers):
        jax, jnp = self.jax, self.jax.numpy
        keys = jax.random.split(self.key, len(layers))
        weights = [(jax.random.normal(key, (a, b)) / a**0.5, jnp.zeros(b)) for key, a, b in zip(keys, layers, layers[1:])]
        zeros = lambda: jax.tree_util.tree_map(jnp.zeros_like, weights)
        return weights, zeros(), zeros(), jnp.int32(0)

    def step(self, state, rows, pixels, digits):
        jax, jnp, tree = self.jax, self.jax.numpy, self.jax.tree_util.tree_map

        def loss_of(weights):
            value = pixels[rows].astype(jnp.float32) / 255
            for i, (w, b) in enumerate(weights):
                value = value @ w + b
                value = jax.nn.relu(value) if i + 1 < len(weights) else value
            return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(value), digits[rows][:, None], 1))
        weights, m, v, t = state
        gradient = jax.grad(loss_of)(weights)
        t = t + 1
        m = tree(lambda m, g: MOMENTUM * m + (1 - MOMENTUM) * g, m, gradient)
        v = tree(lambda v, g: DECAY * v + (1 - DECAY) * g * g, v, gradient)
        rate = RATE * jnp.sqrt(1 - DECAY**t) / (1 - MOMENTUM**t)
        weights = tree(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + EPSILON), weights, m, v)
        return weights, m, v, t

    def shuffled(self, key, batch):
        order = self.jax.random.permutation(key, ROWS)
        return order[:ROWS // batch * batch].reshape(-1, batch)

    def scanned(self, case):
        """An epoch is one program: its order, and a scan over its steps."""
        jax, (layers, batch, _) = self.jax, TRAININGS[case]
        self.state = self.first_state(layers)

        def whole(state, *data):
            order = self.shuffled(jax.random.fold_in(self.key, state[-1]), batch)
            return jax.lax.scan(lambda state, rows: (self.step(state, rows, *data), None), state, order)[0]
        whole = jax.jit(whole, donate_argnums=0)

        def epoch():
            self.state = whole(self.state, *self.data)
        return epoch

    def jitted(self, case):
        """A program for each step, which finds its rows in the epoch's order by its number."""
        jax, (layers, batch, _) = self.jax, TRAININGS[case]
        self.state, count = self.first_state(layers), ROWS // batch
        one = jax.jit(lambda state, order, *data: self.step(state, order[state[-1] % count], *data), donate_argnums=0)
        shuffle = jax.jit(lambda t: self.shuffled(jax.random.fold_in(self.key, t), batch))

        def epoch():
            order = shuffle(self.state[-1])
            for _ in range(count):
                self.state = one(self.state, order, *self.data)
        return epoch


def main():
    # Whatever a framework prints goes where errors go.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(**what):
        print(json.dumps(what), file=answers, flush=True)

    def failed(error):
        return (str(error).strip() or type(error).__name__).splitlines()[0][:80]
    try:
        peer = {"PyTorch": PyTorch, "JAX": JAX}[OPTIONS.framework]()
    except ImportError:
        return answer(problem="absent")
    except Exception as error:
        return answer(problem=failed(error))
    answer(version=peer.version)
    prepared = {}
    for line in sys.stdin:
        try:
            if line not in prepared:
                prepared[line] = peer.prepare(*line.strip().split(": "))
            answer(**prepared[line]())
        except Exception as error:  # a peer's own trouble is a result
            answer(failed=failed(error))


main()

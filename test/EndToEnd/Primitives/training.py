#!/usr/bin/env python3
"""Optimizers, schedules, initialisers, layers and whole trainings against figures of PyTorch and against formulas.

    training.py [PART ...]
"""
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

from cases import fold

HERE = Path(__file__).parent


def spread(count, salt, low=-1.0, high=1.0):
    """Numbers of three decimals, in no order, that differ with the salt."""
    return [round(low + (high - low) * (((i + 1) * 0.6180339887 + salt * 0.7548776662) % 1), 3) for i in range(count)]


def tensor(numbers, *shape):
    return f"reshape([{', '.join(map(repr, numbers))}], {', '.join(map(str, shape))})"


# ---------------------------------------------------------------------------------------------- optimizers
EXAMPLES = 8
INPUTS, TARGETS = spread(EXAMPLES * 3, 1), spread(EXAMPLES * 2, 2)
WEIGHTS, BIAS = spread(6, 3), spread(2, 4)
OPTIMIZERS = {  # name: (in the language, gradient)
    "sgd": ("sgd(lr = 0.3)", ""),
    "sgd_decay": ("sgd(lr = 0.3, weight_decay = 0.1)", ""),
    "momentum": ("sgd(lr = 0.3, momentum = 0.9)", ""),
    "momentum_decay": ("sgd(lr = 0.3, momentum = 0.8, weight_decay = 0.1)", ""),
    "nesterov": ("sgd(lr = 0.3, momentum = 0.9, nesterov = true)", ""),
    "nesterov_decay": ("sgd(lr = 0.3, momentum = 0.9, nesterov = true, weight_decay = 0.1)", ""),
    "adam": ("adam(lr = 0.05)", ""),
    "adam_all": ("adam(lr = 0.05, beta1 = 0.7, beta2 = 0.9, eps = 1e-3)", ""),
    "adam_decay": ("adam(lr = 0.05, weight_decay = 0.1)", ""),
    "adamw": ("adamw(lr = 0.05)", ""),
    "adamw_all": ("adamw(lr = 0.05, beta1 = 0.7, beta2 = 0.9, eps = 1e-3, weight_decay = 0.2)", ""),
    "rmsprop": ("rmsprop(lr = 0.02)", ""),
    "rmsprop_all": ("rmsprop(lr = 0.02, decay = 0.8, eps = 1e-3)", ""),
    "rmsprop_decay": ("rmsprop(lr = 0.02, weight_decay = 0.1)", ""),
    "clip_norm": ("sgd(lr = 0.3)", "clip_norm(grad, 0.2)"),
    "clip_norm_far": ("sgd(lr = 0.3)", "clip_norm(grad, 100)"),
    "clip_value": ("adam(lr = 0.05)", "clip_value(grad, 0.05)"),
}


def optimizer_program(name):
    optimizer, gradient = OPTIMIZERS[name]
    return f"""data {{
  x: f32[3] = {tensor(INPUTS, EXAMPLES, 3)}
  y: f32[2] = {tensor(TARGETS, EXAMPLES, 2)}
}}
model net(x: f32[3]) -> f32[2] {{
  param w: f32[3, 2] = {tensor(WEIGHTS, 3, 2)}
  param b: f32[2] = {BIAS}
  tanh(x @ w + b)
}}
train {{
  loss      = mse(net(x), y)
  optimizer = {optimizer}
  {"gradient  = " + gradient if gradient else ""}
  batch     = all
  epochs    = 5
}}
report {{
  w = flatten(net.w)
  b = net.b
}}
"""


def check_optimizers(figures):
    for name in OPTIMIZERS:
        compare(f"optimizer {name}", run(optimizer_program(name)), figures["optimizers"][name])


# ---------------------------------------------------------------------------------------------- whole trainings
ROWS, FEATURES, HIDDEN, CLASSES = 12, 5, 8, 3
TRAINING_STEPS = 20
TRAININGS = {"tanh_cross_entropy": ("tanh", "cross_entropy"), "relu_mse": ("relu", "mse"), "gelu_huber": ("gelu", "huber")}
LABELS = [(i * 7 + i // 3) % CLASSES for i in range(ROWS)]
FEATURE_NUMBERS, TARGET_NUMBERS = spread(ROWS * FEATURES, 5), spread(ROWS * CLASSES, 6)
FIRST, SECOND = spread(FEATURES * HIDDEN, 7), spread(HIDDEN * CLASSES, 8)


def training_program(name):
    activation, loss = TRAININGS[name]
    target = "label" if loss == "cross_entropy" else "target"
    return f"""data {{
  x: f32[{FEATURES}] = {tensor(FEATURE_NUMBERS, ROWS, FEATURES)}
  target: f32[{CLASSES}] = {tensor(TARGET_NUMBERS, ROWS, CLASSES)}
  label: i32 = {LABELS}
}}
model net(x: f32[{FEATURES}]) -> f32[{CLASSES}] {{
  x |> dense({HIDDEN}, init = fn() {{ {tensor(FIRST, FEATURES, HIDDEN)} }}) |> {activation}
    |> dense({CLASSES}, init = fn() {{ {tensor(SECOND, HIDDEN, CLASSES)} }})
}}
train {{
  loss      = {loss}(net(x), {target})
  optimizer = adam(lr = 0.02)
  batch     = all
  epochs    = {TRAINING_STEPS}
}}
report {{
  w1 = flatten(net.dense_1.w)
  b1 = net.dense_1.b
  w2 = flatten(net.dense_2.w)
  b2 = net.dense_2.b
}}
"""


def check_trainings(figures):
    for name in TRAININGS:
        compare(f"training {name}", run(training_program(name)), figures["trainings"][name], tolerance=1e-11)


# ---------------------------------------------------------------------------------------------- schedules
LAST_STEP = 7
SCHEDULES = {
    "0.1": lambda s: 0.1,
    "constant(0.1)": lambda s: 0.1,
    "warmup(constant(0.1), 4)": lambda s: 0.1 * min(s / 4, 1),
    "step_decay(0.1, 2)": lambda s: 0.1 * 0.1 ** ((s - 1) // 2),
    "step_decay(0.1, 3, factor = 0.5)": lambda s: 0.1 * 0.5 ** ((s - 1) // 3),
    "exponential(0.1, 0.9)": lambda s: 0.1 * 0.9 ** (s - 1),
    "cosine(0.1)": lambda s: 0.05 * (1 + math.cos(math.pi * (s - 1) / LAST_STEP)),
    "cosine(0.1, steps = 4, last = 0.02)": lambda s: 0.02 + 0.04 * (1 + math.cos(math.pi * min((s - 1) / 4, 1))),
    "warmup(0.1, 4)": lambda s: 0.1 * min(s / 4, 1),
    "warmup(cosine(0.1), 3)": lambda s: 0.05 * (1 + math.cos(math.pi * (s - 1) / LAST_STEP)) * min(s / 3, 1),
}


def check_schedules(_):
    # The loss is the parameter, its derivative is 1: a step subtracts the learning rate.
    for schedule, rate in SCHEDULES.items():
        program = f"""data {{
  x: f32 = zeros(4)
}}
model net(x) {{
  param w: f32 = 0
  w + x
}}
train {{
  loss      = net(x)
  optimizer = sgd(lr = {schedule})
  batch     = all
  epochs    = {LAST_STEP}
}}
report {{
  w = net.w
}}
"""
        losses = [-sum(rate(s) for s in range(1, step)) for step in range(1, LAST_STEP + 2)]
        compare(f"schedule {schedule}", run(program), {"losses": losses[:-1], "w": losses[-1:]})


# ---------------------------------------------------------------------------------------------- random numbers, initialisers
def philox(counter, key):
    """Philox4x32-10, from the definition in the paper."""
    c, (k0, k1), word = list(counter), key, 0xFFFFFFFF
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k0, p1 & word, (p0 >> 32) ^ c[3] ^ k1, p0 & word]
        k0, k1 = (k0 + 0x9E3779B9) & word, (k1 + 0xBB67AE85) & word
    return c


def uniform(count, stream, seed, step=0):
    words = [philox((i, 0, step, stream), (seed, 0)) for i in range(count)]
    return [((w[0] << 32 | w[1]) >> 11) * 2.0**-53 for w in words]


def normal(count, stream, seed, step=0):
    words = [philox((i, 0, step, stream), (seed, 0)) for i in range(count)]
    radius = [(((w[0] << 32 | w[1]) >> 11) + 1) * 2.0**-53 for w in words]
    angle = [((w[2] << 32 | w[3]) >> 11) * 2.0**-53 for w in words]
    return [math.sqrt(-2 * math.log(r)) * math.cos(2 * math.pi * a) for r, a in zip(radius, angle)]


SEED, IN, OUT = 11, 6, 4
INITIALISERS = {
    "constant(0.3)": (None, lambda z: 0.3),
    "uniform()": (uniform, lambda z: z),
    "uniform(-1, 3)": (uniform, lambda z: -1 + 4 * z),
    "normal()": (normal, lambda z: z),
    "normal(std = 0.1, mean = 2)": (normal, lambda z: 2 + 0.1 * z),
    "he_uniform": (uniform, lambda z: math.sqrt(6 / IN) * (2 * z - 1)),
    "he_normal": (normal, lambda z: math.sqrt(2 / IN) * z),
    "glorot_uniform": (uniform, lambda z: math.sqrt(6 / (IN + OUT)) * (2 * z - 1)),
    "glorot_normal": (normal, lambda z: math.sqrt(2 / (IN + OUT)) * z),
    "lecun_uniform": (uniform, lambda z: math.sqrt(1 / IN) * (2 * z - 1)),
    "fn() { random_uniform(4) }": (lambda count, stream, seed: uniform(OUT, stream, seed) * IN, lambda z: z),
    "random_normal(6, 4)": (normal, lambda z: z),
}


def check_initialisers(_):
    assert philox((0, 0, 0, 0), (0, 0)) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]  # Random123's known answers
    assert philox([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]
    names = [f"w{n}" for n in range(len(INITIALISERS))]
    declared = "\n".join(f"  param {name}: f32[{IN}, {OUT}] = {text}" for name, text in zip(names, INITIALISERS))
    report = "\n".join(f"  {name} = flatten(net.{name})" for name in names)
    program = f"""data {{
  x: f32 = zeros(4)
}}
model net(x) {{
{declared}
  param large: f32[200, 300] = normal()
  param flat: f32[200, 300] = uniform()
  x * ({' + '.join(f'sum({name})' for name in names)} + sum(large) + sum(flat)) + sum(random_normal(5) * random_uniform(5))
}}
train {{
  loss      = net(x)
  optimizer = sgd(lr = 0)
  batch     = all
  epochs    = 3
  seed      = {SEED}
}}
report {{
{report}
  large = concat(expand(mean(net.large)), expand(mean(net.large^2)), expand(mean(net.large^4)), expand(max(abs(net.large))))
  flat = concat(expand(mean(net.flat)), expand(mean(net.flat^2)), expand(min(net.flat)), expand(max(net.flat)))
}}
"""
    found = run(program)
    streams, expected = 0, {}
    for name, (source, shape) in zip(names, INITIALISERS.values()):
        numbers = source(IN * OUT, streams, SEED) if source else [0] * IN * OUT
        streams += bool(source)
        expected[name] = [shape(z) for z in numbers]
    # The step's own numbers differ from step to step.
    first = streams + 2
    expected["losses"] = [sum(a * b for a, b in zip(normal(5, first, SEED, step), uniform(5, first + 1, SEED, step))) for step in (1, 2, 3)]
    large, flat = found.pop("large"), found.pop("flat")
    compare("initialisers", found, expected)
    close("normal: moments", large[:3], [0, 1, 3], 0.03)
    close("uniform: moments", flat, [0.5, 1 / 3, 0, 1], 0.01)
    check("normal: largest of 60000", 3.8 < large[3] < 6)


# ---------------------------------------------------------------------------------------------- what is fitted
def check_preprocessing(_):
    count = 150
    columns = [spread(count, 9, -3, 5), spread(count, 10, 0, 1e-3), [2.5] * count]
    weights = spread(count, 11)
    rows = [n for row in zip(*columns) for n in row]
    program = f"""data {{
  x: f32[3] = {tensor(rows, count, 3)}
  turn: f32 = {tensor(weights, count)}
}}
model net(x: f32[3]) -> f32[3] {{
  param w: f32 = 1
  standardize(x) * w
}}
train {{
  loss      = sum(net(x)) * turn
  optimizer = sgd(lr = 0)
  batch     = 40
  epochs    = 1
}}
report {{
  y = sum(net(x) * turn, over = batch)
  centre = net.standardize_1.centre
  deviation = net.standardize_1.deviation
}}
"""
    centre = [math.fsum(c) / count for c in columns]
    deviation = [math.sqrt(math.fsum((v - m) ** 2 for v in c) / count) for c, m in zip(columns, centre)]
    y = [math.fsum(w * (v - m) / (d or 1) for v, w in zip(c, weights)) for c, m, d in zip(columns, centre, deviation)]
    found = run(program)
    del found["losses"]
    compare("standardize", found, {"y": y, "centre": centre, "deviation": deviation}, tolerance=1e-10)

    # What is below -2 becomes a gap, the root of a negative number, and then the mean of the rest.
    program = (program.replace("standardize(x)", "impute(x + 0 * sqrt(min(x + 2, 0)))")
               .replace("standardize", "impute").replace("  deviation = net.impute_1.deviation\n", ""))
    known = [[v for v in c if v >= -2] for c in columns]
    assert len(known[0]) < count == len(known[1])
    centre = [math.fsum(c) / len(c) for c in known]
    y = [math.fsum(w * (v if v >= -2 else m) for v, w in zip(c, weights)) for c, m in zip(columns, centre)]
    found = run(program)
    del found["losses"]
    compare("impute", found, {"y": y, "centre": centre}, tolerance=1e-10)


# ---------------------------------------------------------------------------------------------- comparison
COUNT, WRONG, TEXTS = 0, [], []


def check(what, holds, details=""):
    global COUNT
    COUNT += 1
    if not holds:
        WRONG.append(f"{what} {details}")


def close(what, found, expected, tolerance):
    scale = max(map(abs, expected), default=0)
    same = len(found) == len(expected) and all(abs(f - e) <= tolerance * (abs(e) + min(scale, 1)) + 1e-15 for f, e in zip(found, expected))
    check(what, same, f"is {found[:6]}... instead of {expected[:6]}...")


def compare(what, found, expected, tolerance=1e-12):
    check(f"{what}: names", set(found) == set(expected), f"{set(found) ^ set(expected)}")
    for name in sorted(set(found) & set(expected)):
        close(f"{what}: {name}", fold(found[name]), fold(expected[name]), tolerance)


def run(program):
    TEXTS.append(program)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "training.dl"
        source.write_text(program)
        process = subprocess.run(["dlc", "run", str(source), "--json", "--precision", "f64"], capture_output=True, text=True)
    if process.returncode:
        sys.exit(f"{program}\ndlc ended with status {process.returncode}\n{process.stderr[:4000]}")
    events = [json.loads(line) for line in process.stdout.splitlines()]
    values = {name: value if isinstance(value, list) else [value] for name, value in events[-1]["values"].items()}
    return {"losses": [e["loss"] for e in events if e["event"] == "epoch"], **values}


PARTS = {"optimizers": check_optimizers, "trainings": check_trainings, "schedules": check_schedules, "initialisers": check_initialisers,
         "preprocessing": check_preprocessing}


def main():
    figures = json.loads((HERE / "figures.json").read_text())["training"]
    for part in sys.argv[1:] or PARTS:
        PARTS[part](figures)
    print("\n".join(WRONG))
    print(f"training: {COUNT - len(WRONG)} of {COUNT} are right")
    return 1 if WRONG or not COUNT else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Writes figures.json: what PyTorch, in f64, gives for the cases. Needs torch; the tests do not.

    python3 generate.py
"""
import json
from pathlib import Path

import torch
import torch.nn.functional as F

import training
from cases import BATCHES, FAMILIES, REAL, ROWS, WIDE_SHIFT, direction, fold, row_shift, row_weight, weight

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
NAMES = {name: getattr(torch, name) for name in "exp expm1 log log1p sqrt rsqrt sin cos tanh sigmoid erf floor ceil round sign abs".split()}
NAMES |= {"neg": torch.neg, "copy": torch.clone, "stop_gradient": torch.Tensor.detach, "pow": torch.pow}
NAMES |= {"torch": torch, "F": F, "abs": torch.abs}


def tensor(spec):
    kind, shape, numbers = spec
    return torch.tensor(numbers, dtype=torch.float64 if kind == REAL else torch.int64).reshape(shape)


def listed(value):
    numbers = value.detach().double().flatten().tolist()
    return fold([n if abs(n) < float("inf") else None for n in numbers])


def slope(loss, at, **options):
    got = torch.autograd.grad(loss, at, allow_unused=True, **options) if loss.requires_grad else [None] * len(at)
    return [torch.zeros_like(a) if g is None or g._is_zerotensor() else g for g, a in zip(got, at)]


def weighted(value):
    return (value * torch.tensor([weight(k) for k in range(value.numel())]).reshape(value.shape)).sum()


def point(case):
    values = {name: tensor(spec) for name, spec in case.inputs.items()}
    for name in case.reals:
        values[name].requires_grad_()
    return values


def evaluate(case, values, **more):
    value = eval(case.reference, {**NAMES, **values, **more})
    return value.double()


def derivatives(case, values, figures, value):
    """Of the sum of the results with weights, first and second."""
    at = [values[name] for name in case.reals]
    first = slope(weighted(value), at, create_graph=True)
    figures["g"] = {name: listed(g) for name, g in zip(case.reals, first)}
    if not case.bends:
        return
    along = sum(weighted(g) for g in first)
    figures["h"] = {name: listed(g) for name, g in zip(case.reals, slope(along, at))}


def one_example(case):
    values = point(case)
    value = evaluate(case, values)
    figures = {"y": listed(value)}
    if case.slopes:
        derivatives(case, values, figures, value)
    return figures


def over_rows(case, rows, shared):
    """Sums over rows that differ a little; the inputs in `shared` are the same for all."""
    total, slopes = 0, {name: 0 for name in case.reals}
    for r in range(rows):
        values = point(case)
        moved = {name: values[name] + (0 if name in shared else row_shift(r)) * torch.tensor(direction(case, name)).reshape(values[name].shape)
                 for name in case.reals}
        value = evaluate(case, {**values, **moved})
        total = total + row_weight(r) * value.detach()
        if case.slopes:
            at = [values[name] for name in case.reals]
            for name, g in zip(case.reals, slope(row_weight(r) * weighted(value), at)):
                slopes[name] = slopes[name] + g
    figures = {"y": listed(total)}
    if case.slopes:
        figures["g"] = {name: listed(g) for name, g in slopes.items()}
    return figures


def over_batch(case, rows):
    """The family 'batch': x has the batch in front."""
    values = point(case)
    shift = torch.tensor([WIDE_SHIFT * row_shift(r) for r in range(rows)])[:, None]
    x = (values["x"].detach() + shift * torch.tensor([weight(k + 7) for k in range(3)])).requires_grad_()
    row = torch.arange(rows)
    value = evaluate(case, {"x": x, "y": values["y"], "row": row})
    figures = {"y": listed(value)}
    if case.slopes:
        first = slope(weighted(value), [x, values["y"]], create_graph=True)
        weights = torch.tensor([row_weight(r) for r in range(rows)])[:, None]
        figures["g"] = {"x": listed((weights * first[0]).sum(0)), "y": listed(first[1])}
        figures["h"] = {"y": listed(slope(weighted(first[1]), [values["y"]])[0])}
    return figures


def optimizer_of(name, parameters):
    first = name.split("_")[0]
    if first == "clip":
        first = "adam" if name == "clip_value" else "sgd"
    decay = 0.1 if name.endswith("decay") else 0
    rates = {"betas": (0.7, 0.9), "eps": 1e-3} if name.endswith("all") else {}
    if first in ("sgd", "momentum", "nesterov"):
        momentum = 0 if first == "sgd" else 0.8 if name == "momentum_decay" else 0.9
        return torch.optim.SGD(parameters, lr=0.3, momentum=momentum, nesterov=first == "nesterov", weight_decay=decay)
    if first == "adam":
        return torch.optim.Adam(parameters, lr=0.05, weight_decay=decay, **rates)
    if first == "adamw":
        return torch.optim.AdamW(parameters, lr=0.05, weight_decay=0.2 if rates else 0.01, **rates)
    return torch.optim.RMSprop(parameters, lr=0.02, weight_decay=decay, **({"alpha": 0.8, "eps": 1e-3} if rates else {}))


def clip(name, parameters):
    if name.startswith("clip_norm"):
        norm = torch.sqrt(sum((p.grad**2).sum() for p in parameters))
        for p in parameters:
            p.grad *= min(1.0, (100 if name.endswith("far") else 0.2) / (norm + 1e-12))
    if name == "clip_value":
        torch.nn.utils.clip_grad_value_(parameters, 0.05)


def trajectory(parameters, optimizer, loss_of, steps, clipped=""):
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        clip(clipped, parameters)
        losses.append(loss.item())
        optimizer.step()
    return losses


def trainings():
    figures = {"optimizers": {}, "trainings": {}}
    x, y = torch.tensor(training.INPUTS).reshape(-1, 3), torch.tensor(training.TARGETS).reshape(-1, 2)
    for name in training.OPTIMIZERS:
        w = torch.tensor(training.WEIGHTS).reshape(3, 2).requires_grad_()
        b = torch.tensor(training.BIAS).requires_grad_()
        losses = trajectory([w, b], optimizer_of(name, [w, b]), lambda: F.mse_loss(torch.tanh(x @ w + b), y), 5, name)
        figures["optimizers"][name] = {"losses": losses, "w": listed(w), "b": listed(b)}
    x = torch.tensor(training.FEATURE_NUMBERS).reshape(training.ROWS, -1)
    target, label = torch.tensor(training.TARGET_NUMBERS).reshape(training.ROWS, -1), torch.tensor(training.LABELS)
    losses_of = {"mse": F.mse_loss, "huber": F.huber_loss, "cross_entropy": F.cross_entropy}
    for name, (activation, loss) in training.TRAININGS.items():
        w1 = torch.tensor(training.FIRST).reshape(training.FEATURES, training.HIDDEN).requires_grad_()
        w2 = torch.tensor(training.SECOND).reshape(training.HIDDEN, training.CLASSES).requires_grad_()
        b1, b2 = torch.zeros(training.HIDDEN, requires_grad=True), torch.zeros(training.CLASSES, requires_grad=True)
        parameters = [w1, b1, w2, b2]
        between = torch.tanh if activation == "tanh" else getattr(F, activation)
        losses = trajectory(parameters, torch.optim.Adam(parameters, lr=0.02),
                            lambda: losses_of[loss](between(x @ w1 + b1) @ w2 + b2, label if loss == "cross_entropy" else target),
                            training.TRAINING_STEPS)
        figures["trainings"][name] = {"losses": losses, **{n: listed(p) for n, p in zip(("w1", "b1", "w2", "b2"), parameters)}}
    return figures


def main():
    figures = {}
    for family, cases in FAMILIES.items():
        figures[family] = {}
        for case in cases:
            if case.name in figures[family]:
                raise SystemExit(f"{family} has two cases '{case.name}'")
            if family == "batch":
                entry = {str(rows): over_batch(case, rows) for rows in (ROWS, *BATCHES)}
            else:
                entry = {"one": one_example(case)}
                if case.rows:
                    entry[str(ROWS)] = over_rows(case, ROWS, case.shared)
                if case.mixed:
                    entry["shared"] = over_rows(case, ROWS, case.reals[1:])
                if case.batches:
                    entry |= {str(rows): over_rows(case, rows, case.shared) for rows in BATCHES}
            figures[family][case.name] = entry
    figures["training"] = trainings()
    lines = [f"{json.dumps(family)}: {{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in cases.items()) + "\n}"
             for family, cases in figures.items()]
    (Path(__file__).parent / "figures.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()

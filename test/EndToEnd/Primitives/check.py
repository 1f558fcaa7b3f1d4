#!/usr/bin/env python3
"""Compares what `dlc` computes for the cases of a family with the figures of PyTorch and with central differences.

    check.py FAMILY|all [--precision f32] [--target NAME | --device gpu] [--batches] [--only CASE] [--print]

One program holds all cases of a family. Of each it reports
    one       value, derivatives and second derivatives (along a direction) for inputs that are constants
    33        sums over a batch whose rows differ a little, of the value and of the derivatives
    shared    the same where only the first input varies over the batch
    slopes    central differences, one input number for each row of the batch
--batches does the second for other sizes of the batch, and so does --precision f32, with a wide tolerance.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from cases import BATCHES, FAMILIES, REAL, ROWS, WIDE_SHIFT, direction, fold, row_shift, row_weight, weight

HERE = Path(__file__).parent
STEP = 1e-5  # of central differences


def literal(numbers, shape):
    if not shape:
        return repr(numbers[0]) if numbers[0] >= 0 else f"({numbers[0]!r})"
    text = f"reshape([{', '.join(map(repr, numbers))}], {', '.join(map(str, shape))})"
    return f'cast({text}, "i32")' if isinstance(numbers[0], int) else text


class Program:
    """The text of a program, and what its report should hold."""

    def __init__(self, rows):
        self.rows = rows
        self.functions, self.report, self.expected = [], [], []

    def add(self, expression, what, figures):
        name = f"v{len(self.report)}"
        self.report.append(f"  {name} = flatten({expression})")
        self.expected.append((name, what, figures))

    def text(self):
        fields = {"row": ("i32", f"iota({self.rows})"), "shift": ("f32", literal([row_shift(r) for r in range(self.rows)], [self.rows])),
                  "turn": ("f32", literal([row_weight(r) for r in range(self.rows)], [self.rows]))}
        lines = ["data {", *(f"  {name}: {kind} = {value}" for name, (kind, value) in fields.items()), "}", *self.functions,
                 "model unused(turn) {", "  param w: f32 = 1", "  w * turn", "}", "train {", "  loss = mse(unused(turn), turn)",
                 "  optimizer = sgd(lr = 0)", "  batch = all", "  steps = 1", "}", "report {", *self.report, "}"]
        return "\n".join(lines) + "\n"


def weights_like(numbers, shape):
    return literal([weight(k) for k in range(numbers)], shape)


def constants(case):
    return {name: literal(numbers, shape) for name, (_, shape, numbers) in case.inputs.items()}


def varied(case, shared):
    """The inputs of a row of the batch."""
    at = constants(case)
    for name, (kind, shape, _) in case.inputs.items():
        if kind != REAL:
            at[name] += ' + cast(0 * shift, "i32")'
        elif name not in shared:
            at[name] += f" + shift * {literal(direction(case, name), shape)}"
    return at


def call(function, at):
    return f"{function}({', '.join(at.values())})"


def part(case, name):
    """Which of the derivatives is that of an input."""
    return f"[{case.reals.index(name)}]" if len(case.reals) > 1 else ""


def define(program, case, f):
    """The functions of a case: its expression, a weighted sum of it, and a weighted sum of the derivatives of that."""
    names = ", ".join(case.inputs)
    reals = ", ".join(case.reals)
    # What is whole is captured: there is no derivative by it.
    program.functions.append(f"fn {f}({names}) {{ {case.text} }}")
    program.functions.append(f"fn {f}_sum({names}) {{")
    program.functions.append(f"  y = {f}({names})")
    program.functions.append("  sum(flatten(y) * weights(size(y)))")
    program.functions.append("}")
    program.functions.append(f"fn {f}_slope({names}) {{ grad(fn({reals}) {{ {f}_sum({names}) }})({reals}) }}")
    sums = " + ".join(f"sum(flatten(slopes{part(case, name)}) * weights(size({name})))" for name in case.reals)
    program.functions.append(f"fn {f}_bend({names}) {{")
    program.functions.append(f"  grad(fn({reals}) {{ slopes = {f}_slope({names}); {sums} }})({reals})")
    program.functions.append("}")


def add_one(program, case, f, figures):
    at = constants(case)
    program.add(call(f, at), (case.name, "value"), figures["y"])
    if not case.slopes:
        return
    for name in case.reals:
        program.add(call(f"{f}_slope", at) + part(case, name), (case.name, f"derivative by {name}"), figures["g"][name])
        if case.bends:
            program.add(call(f"{f}_bend", at) + part(case, name), (case.name, f"second derivative by {name}"), figures["h"][name])


def add_rows(program, case, f, figures, shared, label, slopes=True):
    at = varied(case, shared)
    program.add(f"sum(turn * {call(f, at)}, over = batch)", (case.name, f"value, {label}"), figures["y"])
    if not case.slopes or not slopes:
        return
    names, reals = ", ".join(case.inputs), ", ".join(case.reals)
    # A table has one derivative for all rows, everything else one for each.
    total = f"sum(turn * {f}_sum({names}), over = batch)" if case.shared else f"turn * {f}_sum({names})"
    body = f"grad(fn({reals}) {{ {total} }})({reals})"
    fn = f"{f}_{label.replace(' ', '_')}"
    program.functions.append(f"fn {fn}({names}) {{ {body} }}")
    for name in case.reals:
        slope = call(fn, at) + part(case, name)
        program.add(slope if name in case.shared else f"sum({slope}, over = batch)", (case.name, f"derivative by {name}, {label}"),
                    figures["g"][name])


def add_differences(program, case, f, figures, family):
    """Row r of the batch takes a step along the r-th number of an input."""
    for name in case.reals:
        _, shape, numbers = case.inputs[name]
        if case.shared or family == "nested":
            columns = []
            for k in range(len(numbers)):
                moved = [constants(case), constants(case)]
                for side, sign in zip(moved, (1, -1)):
                    side[name] = literal([n + sign * STEP * (i == k) for i, n in enumerate(numbers)], shape)
                columns.append(f"({call(f + '_sum', moved[0])} - {call(f + '_sum', moved[1])}) / {2 * STEP!r}")
            program.add("concat(" + ", ".join(f"expand({c})" for c in columns) + ")", (case.name, f"central difference by {name}"),
                        figures["g"][name])
            continue
        step = f"{STEP!r} * one_hot(row, {len(numbers)})"
        step = f"reshape({step}, {', '.join(map(str, shape))})" if shape else f"scalar({step})"
        moved = [{**constants(case), name: f"{constants(case)[name]} {sign} {step}"} for sign in "+-"]
        difference = f"({call(f + '_sum', moved[0])} - {call(f + '_sum', moved[1])}) / {2 * STEP!r}"
        program.add(f"sum(one_hot(row, {len(numbers)}) * expand({difference}), over = batch)", (case.name, f"central difference by {name}"),
                    figures["g"][name])


def add_batch_case(program, case, f, figures):
    shift = literal([round(WIDE_SHIFT * weight(k + 7), 6) for k in range(3)], [3])
    at = constants(case)
    at["x"] += f" + shift * {shift}"
    program.add(call(f, at), (case.name, "value"), figures["y"])
    if not case.slopes:
        return
    slope = call(f"{f}_slope", at)
    program.add(f"sum(turn * {slope}[0], over = batch)", (case.name, "derivative by x"), figures["g"]["x"])
    program.add(f"{slope}[1]", (case.name, "derivative by y"), figures["g"]["y"])
    program.functions.append(f"fn {f}_bend_y(x, y) {{")
    program.functions.append(f"  grad(fn(y) {{ sum({f}_slope(x, y)[1] * weights(3)) }})(y)")
    program.functions.append("}")
    program.add(call(f"{f}_bend_y", at), (case.name, "second derivative by y"), figures["h"]["y"])


def build(family, rows, figures, options):
    program = Program(rows)
    program.functions.append(f"fn weights(n) {{ take({literal([weight(k) for k in range(700)], [700])}, iota(n)) }}")
    for n, case in enumerate(FAMILIES[family]):
        entry = figures[case.name]
        if options.precision == "f32" and not case.f32:
            continue
        if options.only and options.only != case.name:
            continue
        f = f"f{n}"
        if family == "batch":
            define(program, case, f)
            add_batch_case(program, case, f, entry[str(rows)])
            continue
        if rows != ROWS and not case.batches:
            continue
        define(program, case, f)
        if rows != ROWS:
            add_rows(program, case, f, entry[str(rows)], case.shared, f"batch of {rows}")
            continue
        if options.precision == "f64":
            add_one(program, case, f, entry["one"])
            if case.differences:
                add_differences(program, case, f, entry["one"], family)
            if "shared" in entry:
                add_rows(program, case, f, entry["shared"], case.reals[1:], "first input varies")
        if case.rows:
            add_rows(program, case, f, entry[str(ROWS)], case.shared, "all vary", options.precision == "f64" or case.batches)
    return program


def flat(value):
    return [n for v in value for n in flat(v)] if isinstance(value, list) else [value]


def differ(found, expected, tolerance):
    """The worst place, or nothing."""
    found = fold(flat(found))
    if len(found) != len(expected):
        return f"{len(found)} numbers instead of {len(expected)}"
    scale = max((abs(e) for e in expected if e is not None), default=0)
    for k, (f, e) in enumerate(zip(found, expected)):
        if (f is None) != (e is None) or e is not None and not abs(f - e) <= tolerance * (abs(e) + min(1, scale)):
            return f"number {k} is {f} instead of {e}"
    return ""


def run(program, options):
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "cases.dl"
        source.write_text(program.text())
        if options.print:
            print(program.text())
        command = ["dlc", "run", str(source), "--json", "--precision", options.precision]
        command += ["--target", options.target] if options.device == "cpu" else ["--device", options.device]
        process = subprocess.run(command, capture_output=True, text=True)
    if process.returncode:
        sys.exit(f"dlc ended with status {process.returncode}\n{process.stderr[:4000]}")
    return json.loads(process.stdout.splitlines()[-1])["values"]


def can_run(target):
    needed = {"avx512": {"avx512f", "avx512vl", "avx512bw", "avx512dq"}, "avx2": {"avx2", "fma"}}.get(target, set())
    known = Path("/proc/cpuinfo")
    return not needed or known.exists() and needed <= set(known.read_text().split())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", choices=["all", *FAMILIES])
    parser.add_argument("--precision", default="f64", choices=["f64", "f32"])
    parser.add_argument("--target", default="native")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batches", action="store_true")
    parser.add_argument("--only", help="just the case of this name")
    parser.add_argument("--print", action="store_true", help="show the program")
    options = parser.parse_args()
    if not can_run(options.target):
        print(f"this processor has no {options.target}: nothing is checked")
        return 0
    figures = json.loads((HERE / "figures.json").read_text())
    wrong, count = [], 0
    for family in FAMILIES if options.family == "all" else [options.family]:
        for rows in BATCHES if options.batches else (ROWS,):
            program = build(family, rows, figures[family], options)
            values = run(program, options)
            for name, (case, what), expected in program.expected:
                tolerance = 1e-4 if options.precision == "f32" else 2e-7 if "difference" in what else 1e-12
                count += 1
                if problem := differ(values[name], expected, tolerance):
                    wrong.append(f"{family}/{case}, {what}, {rows} rows: {problem}")
    print("\n".join(wrong))
    print(f"{options.family}: {count - len(wrong)} of {count} values are right")
    return 1 if wrong or not count else 0


if __name__ == "__main__":
    sys.exit(main())

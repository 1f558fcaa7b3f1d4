#!/usr/bin/env python3
"""Replays the schedule and the memory plan of programs and looks for tensors that meet, and for threads that race.

    check-plan.py FILE ...                .dl, or .mlir as 'dlc --emit=kernels' prints it

It knows nothing of how the plan was made. Barriers cut a function into phases; within a phase, kernels may run at the same
time on different threads, but for those that share one partition of the batch's rows ("rows"). What is "replicated" lies behind
the arena: few threads have a copy each, and many share one, which "barrier_beyond" is for; both are looked at.
"""
import re
import subprocess
import sys
from itertools import combinations

WIDTHS = {"f32": 4, "f64": 8, "i32": 4, "i8": 1, "i1": 1, "bf16": 2, "f16": 2}
LINE = 128  # where tensors begin
ROW_TILE = 16  # batched tensors have room for whole tiles of rows
FOREVER = 1 << 30
BEHIND = 1 << 40  # where copies are taken to lie
TYPE = r"tensor<[^>]*>"


def size_of(tensor, batch):
    *sizes, element = tensor[len("tensor<"):-1].split("x")
    count = 1
    for size in sizes:
        count *= -(-batch // ROW_TILE) * ROW_TILE if size == "?" else int(size)
    return count * WIDTHS[element]


class Tensor:
    """Bytes [start, end) of the arena, in use from one phase to another."""

    def __init__(self, name, start, size, phase, rows, copied=False):
        self.name, self.start, self.end, self.rows, self.copied = name, start, start + size, rows, copied
        self.written = self.last = phase


def names_in(text):
    return re.findall(r"%\w+(?:#\d+)?", text)


class Checker:
    def __init__(self, text):
        self.mistakes, self.kernels, self.used, self.used_behind = [], 0, LINE, 0
        self.arena = int(re.search(r"dl.arena_bytes = (\d+)", text)[1])
        self.copy = int(re.search(r"dl.copy_bytes = (\d+)", text)[1])
        self.variables = {}
        for name, offset, tensor in re.findall(rf'dl.variable (@[\w.]+) "\w+" {{.*?offset = (\d+) : i64.*?}} : ({TYPE})', text):
            self.variables[name] = Tensor(name, int(offset), size_of(tensor, 1), 0, False)
        self.check_places(list(self.variables.values()), "variables")
        for name, attributes, body in re.findall(r"^  func.func (@[\w.]+)\(\)(.*?) {\n(.*?)^  }", text, re.M | re.S):
            batch = re.search(r"dl.batch = (\d+)", attributes)
            for many in False, True:
                self.check_function(name, int(batch[1]) if batch else 1, body, many)
        if -(-self.used_behind // LINE) * LINE != self.copy:
            self.mistakes.append(f"the plan says {self.copy} bytes for each copy, and {self.used_behind} are used")
        # Tensors begin at cache lines; the last line is whole.
        if -(-self.used // LINE) * LINE != self.arena:
            self.mistakes.append(f"the plan says {self.arena} bytes, and {self.used} are used")

    def check_places(self, tensors, where):
        for tensor in tensors:
            if tensor.start < BEHIND:
                self.used = max(self.used, tensor.end)
            else:
                self.used_behind = max(self.used_behind, tensor.end - BEHIND)
            if tensor.start % LINE:
                self.mistakes.append(f"{where}: {tensor.name} begins inside a cache line")
        for a, b in combinations(tensors, 2):
            if a.start < b.end and b.start < a.end and a.written <= b.last and b.written <= a.last:
                self.mistakes.append(f"{where}: {a.name} and {b.name} are in use at the same bytes at the same time")

    def check_function(self, name, batch, body, many):
        read_of = dict(re.findall(r"(%\w+) = dl.read (@[\w.]+)", body))
        view_of = dict(re.findall(r"(%\w+) = dl.reshape (%\w+(?:#\d+)?)", body))
        targets = {}  # a kernel's result: the variable it is written into
        for variable, value in re.findall(r"dl.assign (@[\w.]+), (%\w+(?:#\d+)?) {in_place}", body):
            targets[view_of.get(value, value)] = variable
        if len(re.findall("dl.assign", body)) != len(targets):
            self.mistakes.append(f"{name}: an assignment is not in place")
        made, read_since, phase = {}, {}, 0
        pattern = rf'^    (%\w+)(?::(\d+))? = dl.kernel "(\w+)" "[^"]*" ?\((.*?)\) {{\n(.*?)^    }}(.*?) : \((.*?)\) -> (.*?)$'
        for result, count, kind, inputs, _, attributes, input_types, types in re.findall(pattern, body, re.M | re.S):
            self.kernels += many
            where = f"{name}, {result}"
            rows = bool(re.search(r"[{ ]rows[,}]", attributes))
            replicated = bool(re.search(r"[{ ]replicated[,}]", attributes))
            if re.search(r"[{ ]barrier[,}]", attributes) or many and "barrier_beyond" in attributes:
                phase += 1
                read_since = {}
            results = [f"{result}#{n}" for n in range(int(count))] if count else [result]
            types, offsets = re.findall(TYPE, types), [int(n) for n in re.search(r"offsets = array<i64: ([\d, ]+)>", attributes)[1].split(",")]
            own_reads = []
            for value, tensor in zip(names_in(inputs), re.findall(TYPE, input_types)):
                if value in read_of:
                    variable = read_of[value]
                    own_reads.append(variable)
                    if any(targets.get(other) == variable for other in made):
                        self.mistakes.append(f"{where} reads {variable}, which has its new value already")
                elif value in made:
                    source = made[value]
                    source.last = max(source.last, phase)
                    own = source.copied and not many
                    if source.written == phase and not own and not (rows and source.rows and "?" in tensor):
                        self.mistakes.append(f"{where} reads {value}, which other threads may still write")
            for value, tensor, offset in zip(results, types, offsets):
                if value in targets:
                    variable = self.variables[targets[value]]
                    if offset != variable.start or size_of(tensor, batch) != variable.end - variable.start:
                        self.mistakes.append(f"{where} does not lie where {variable.name} does")
                    if read_since.get(variable.name):
                        self.mistakes.append(f"{where} overwrites {variable.name}, which other threads may still read")
                place = offset + BEHIND if replicated else offset
                made[value] = Tensor(value, place, size_of(tensor, batch), phase, rows, replicated)
            for variable in own_reads:
                read_since[variable] = True
        for value in re.findall(r'dl.output "[^"]*", (%\w+(?:#\d+)?)', body):
            made[view_of.get(value, value)].last = FOREVER
        if len(made) < body.count("= dl.kernel"):
            self.mistakes.append(f"{name}: not all kernels were understood")
        temporaries = [tensor for value, tensor in made.items() if value not in targets]
        for variable in self.variables.values():
            variable.last = FOREVER
        self.check_places([*self.variables.values(), *temporaries], name)


def main():
    bad = 0
    for path in sys.argv[1:]:
        command = ["dlc", "--emit=kernels", path] if path.endswith(".dl") else ["cat", path]
        kernels = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        checker = Checker(kernels)
        print(f"{path}: {checker.kernels} kernels, {len(checker.mistakes)} mistakes")
        print("\n".join(checker.mistakes))
        bad += bool(checker.mistakes) or not checker.kernels
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

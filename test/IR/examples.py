#!/usr/bin/env python3
"""Holds the records of the dialect to what they promise: a summary, and an example that dlc-opt reads, and reads again as it
printed it.

    examples.py SOURCE

What an example uses and does not make is made for it, of the types that it names.
"""
import json
import re
import subprocess
import sys

source = sys.argv[1]


def run(*command, text="", check=True):
    return subprocess.run(command, input=text, capture_output=True, text=True, check=check)


def records():
    """Each op of the dialect by its mnemonic."""
    include = run("llvm-config", "--includedir").stdout.strip()
    dumped = run("llvm-tblgen", "--dump-json", f"-I{source}/include/dlc/IR", f"-I{include}", f"{source}/include/dlc/IR/DLOps.td")
    table = json.loads(dumped.stdout)
    return {op["opName"]: op for op in (table[name] for name in table["!instanceof"]["DL_Op"])}


def example_of(op):
    block = re.search(r"```mlir\n(.*?)```", op["description"], re.S)
    inline = re.search(r"Example[^`]*`([^`]+)`", op["description"], re.S)
    return block.group(1) if block else inline.group(1) if inline else ""


def top_level(text):
    """The types of a list, split at its commas."""
    return [part.strip() for part in text.strip().removeprefix("(").removesuffix(")").split(",") if part.strip()]


def complete(example, mnemonic):
    """The example with what it uses but does not make."""
    made = re.findall(r"(%\w+)(?=[,\s%\w]*=)|(%\w+)(?=:)", example)
    made = {name for pair in made for name in pair if name}
    used = [name for name in dict.fromkeys(re.findall(r"%\w+", example)) if name not in made]
    types = top_level(example.rsplit(" : ", 1)[1].split("->")[0]) if " : " in example else []
    if mnemonic != "concat" and len(types) < len(used):  # the last type holds for the rest
        types += [types[-1]] * (len(used) - len(types))
    lines = [f'  {name} = "test.source"() : () -> {kind}' for name, kind in zip(used, types)]
    symbol = re.search(r"dl\.(read|assign|input) (@\w+).* : (tensor<.*>)", example)
    outside = []
    if symbol and symbol[1] == "input":
        outside.append(f"dl.field {symbol[2]} : {symbol[3].replace('?x', '')}")
    elif symbol:
        outside.append(f'dl.variable {symbol[2]} "param" : {symbol[3]}')
    if re.match(r"dl\.(variable|field) ", example):
        return example
    return "\n".join([*outside, "func.func @example() {", *lines, "  " + example, "  return", "}"])


def main():
    ops = records()
    assert len(ops) > 50, f"only {len(ops)} records were found"
    wrong = []
    for mnemonic, op in ops.items():
        example = example_of(op).strip()
        if not op["summary"]:
            wrong.append(f"dl.{mnemonic} has no summary")
        if f"dl.{mnemonic} " not in example:
            wrong.append(f"dl.{mnemonic} has no example of itself")
            continue
        text = complete(example, mnemonic)
        first = run("dlc-opt", "-allow-unregistered-dialect", text=text, check=False)
        again = run("dlc-opt", "-allow-unregistered-dialect", text=first.stdout, check=False)
        if first.returncode or again.stdout != first.stdout:
            wrong.append(f"dl.{mnemonic}: {first.stderr or again.stderr}\n{text}")
    print("\n".join(wrong))
    print(f"{len(ops) - len(wrong)} of {len(ops)} records are right")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

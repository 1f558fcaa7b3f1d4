#!/usr/bin/env python3
"""Fails if the language has a primitive, or the standard library a function, that no case uses."""
import io
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path

import training
from cases import FAMILIES

SOURCE = Path(__file__).resolve().parents[3]
SETTINGS = {"batch", "training", "step", "epoch", "total_steps"}  # names that are no functions; the trainings use them


def known_names():
    primitives = (SOURCE / "lib/Frontend/Primitives.cpp").read_text()
    names = set(re.findall(r'\{"(\w+)",\s*\{"[^}]*\},\s*&E::prim', primitives))
    assert len(names) > 20, "cannot read the table of primitives"
    records = (SOURCE / "include/dlc/IR/DLOps.td").read_text()
    elementwise = set(re.findall(r'^def DL_\w+ : DL_(?:Unary|Binary|Compare)<"(\w+)"', records, re.M))
    elementwise |= set(re.findall(r'^def DL_\w+ : DL_Op<"(\w+)", \[[^\]]*DL_Elementwise', records, re.M))
    assert len(elementwise) > 35, "cannot read the records of the elementwise ops"
    standard = set()
    for library in (SOURCE / "lib/Std").glob("*.dl"):
        standard |= set(re.findall(r"^(?:fn|optimizer|model) (\w+)", library.read_text(), re.M))
    built_in = (SOURCE / "docs/Language.md").read_text().split("## Built in")[1]
    documented = {word for text in re.findall(r"`([^`]*)`", built_in) for word in re.findall(r"\b[a-z]\w+|\be\b", text)} - {"lib", "Std", "keep", "true", "over"}
    return names | elementwise | standard | documented - SETTINGS - {"table", "indices", "f32"}


def used_names():
    texts = [case.text for cases in FAMILIES.values() for case in cases]
    texts += [name for cases in FAMILIES.values() for case in cases for name in case.covers]
    for name in training.OPTIMIZERS:
        texts.append(training.optimizer_program(name) + " ".join(training.OPTIMIZERS[name]))
    texts += [training.training_program(name) for name in training.TRAININGS]
    texts += [*training.SCHEDULES, *training.INITIALISERS, "random_uniform random_normal standardize impute dense"]
    return set(re.findall(r"\w+", " ".join(texts)))


def main():
    with redirect_stdout(io.StringIO()):
        missing = sorted(known_names() - used_names())
    print(f"without a case: {', '.join(missing) or 'nothing'}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())

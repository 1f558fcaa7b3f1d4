"""Holds the include table of docs/Architecture.md to the sources, and the runtime free of LLVM."""
import re
import subprocess
import sys
from pathlib import Path

source, build = Path(sys.argv[1]), Path(sys.argv[2])

# Folder -> what it may include of ours, and whether of LLVM.
ALLOWED = {
    "IR": ({"IR"}, True),
    "Frontend": ({"Frontend", "IR"}, True),
    "Transforms": ({"Transforms", "IR", "dlrt"}, True),
    "Conversion": ({"Conversion", "IR", "dlrt"}, True),
    "Target": ({"Target", "dlrt"}, True),
    "Driver": ({"Driver", "Frontend", "IR", "Transforms", "Conversion", "Target", "dlrt"}, True),
    "Runtime": ({"dlrt"}, False),
}
# Of dlrt, the compiler may know the contract with compiled code and nothing else.
CONTRACT = "dlrt/abi.h"

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)
mistakes = []
checked = 0
for folder, (ours, llvm) in ALLOWED.items():
    for path in [*(source / "lib" / folder).rglob("*"), *(source / "include/dlc" / folder).glob("*")]:
        if path.suffix not in (".h", ".cpp"):
            continue
        checked += 1
        for name in INCLUDE.findall(path.read_text()):
            part = name.split("/")
            if part[0] == "dlc" and part[1] not in ours:
                mistakes.append(f"{path}: includes {name}")
            elif part[0] == "dlrt" and ("dlrt" not in ours or (folder != "Runtime" and name != CONTRACT)):
                mistakes.append(f"{path}: includes {name}")
            elif part[0] in ("llvm", "mlir", "lld") and not llvm:
                mistakes.append(f"{path}: the runtime must not include {name}")
            elif part[0] == "..":
                mistakes.append(f"{path}: reaches into another folder with {name}")

symbols = subprocess.run(["nm", "-C", build / "lib/libdlrt.a"], capture_output=True, text=True, check=True).stdout
mistakes += [f"libdlrt.a: {line}" for line in symbols.splitlines() if re.search(r"\b(llvm|mlir)::", line)]

print("\n".join(mistakes))
assert checked > 60, f"only {checked} sources were found"
sys.exit(bool(mistakes))

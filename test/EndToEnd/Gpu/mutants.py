#!/usr/bin/env python3
"""Seeds bugs in the device code of a program, one at a time, and runs it on the emulated GPU: each must be caught.

    mutants.py EMULATOR PROGRAM [WORD]

The code is changed as dlc prints it for the emulator, after all of its passes, and goes in place of dlc's own image. A bug is
caught if a run fails or ends in other numbers than without it, under any schedule. Without a change, the numbers are those of
dlc's image. With WORD only bugs whose description has it are tried.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

emulator, program, *words = sys.argv[1:]
# Nearly all show at once; what nobody waits for, where copies are late; races with a single late warp need luck.
SCHEDULES = ("forward", "late", *(f"{kind}:{seed}" for seed in range(1, 13) for kind in ("random", "starve")))


class Mutant(NamedTuple):
    """The first function of a kind in which `pattern` matches often enough gets `becomes` for the `number`-th match.

    `says` is in the message that such a run ends with.
    """

    what: str
    kind: str  # of a kernel, or the function's name
    pattern: str
    becomes: str
    number: int = 1
    says: str = ""


BARRIER = r"  call void @emu_barrier\(i32 0\)\n"
SHUFFLE = r"(@emu_shfl_bfly_i32\(i32 -1, i32 %\d+, i32 )"
ROW_NUMBERS = r"(%\d+)( = load ptr, ptr %\d+)(, align 8)"
EARLY = r"  (?:tail )?call void @emu_grid_dependency_wait\(\)\n"
WHERE = r"(= select i1 )%\d+(, ptr %\d+, ptr %\d+$)"  # a resident variable is
GRID = r"label %grid_barrier\.exit"

# Harmless, and so not here: a kernel's first barrier where it is launched by itself (nothing is in shared memory yet) or stands
# behind a barrier of the grid; what ends a barrier of the grid where a product or `advance` follows, which begin with a barrier or
# are thread 0's alone, and what begins it behind `advance`; lanes' order of exchange where the other lanes have the identity; the
# mask of one operand's terms or lines where the other's is 0 or what is beyond is not stored.
MUTANTS = [
    Mutant("map: the last element is left out", "map", r"(icmp samesign ult i32 %[\w.]+, )385$", r"\g<1>384"),
    Mutant("map: the rows of the batch are one further", "map", ROW_NUMBERS,
           r"%late\2\3\n  \1 = getelementptr i32, ptr %late, i64 1"),
    Mutant("map: a block starts half a block early", "map", r"(shl i32 %\d+, )8$", r"\g<1>7"),
    Mutant("vectors: the last one is left out", "vectors", r"(icmp samesign ult i32 %\d+, )250000$", r"\g<1>249999"),
    Mutant("vectors: an element behind the last one is left out", "vectors", r"(icmp samesign ult i32 %\d+, )3$", r"\g<1>2"),
    Mutant("vectors: they lie an element further", "vectors",
           r"(%\d+)( = getelementptr float, ptr %\d+, i64 %\d+)(\n  call void @emu_check_aligned)",
           r"%late\2\n  \1 = getelementptr float, ptr %late, i64 1\3"),
    Mutant("rows: lanes exchange with the wrong ones", "rows", SHUFFLE + "2,", r"\g<1>4,"),
    Mutant("rows: half of the lanes are missing from a shuffle's mask", "rows", r"(@emu_shfl_bfly_i32\(i32 )-1", r"\g<1>65535"),
    Mutant("rows: a lane without an element adds another's", "rows", r"(icmp ne i32 %\d+, )3$", r"\g<1>4"),
    Mutant("rows: the lanes of a team take two rows", "rows", r"(lshr i32 %\d+, )2$", r"\g<1>1"),
    Mutant("reduce to one result: a lane's sum is taken twice", "reduce block", SHUFFLE + "4,", r"\g<1>2,"),
    Mutant("reduce to one result: no barrier before the warps' sums are added", "reduce block", BARRIER, "", 2),
    Mutant("reduce to one result: a warp's sum lies in another's place", "reduce block", r"(lshr exact i32 %\d+, )5", r"\g<1>6"),
    Mutant("reduce: no barrier before the warps' sums are added", "reduce", BARRIER, "", 2),
    Mutant("reduce: the warps' terms overlap", "reduce", r"(add i32 %\d+, )8$", r"\g<1>4"),
    Mutant("reduce: a warp's sums are read in another warp's place", "reduce",
           r"(getelementptr i8, ptr addrspace\(3\) %\d+, i64 )256", r"\g<1>128"),
    Mutant("contract: no barrier before a part is used", "contract", BARRIER, "", 2),
    Mutant("contract: no barrier between parts", "contract", r"(@emu_cp_async_wait\(i32 2\)\n)" + BARRIER, r"\1"),
    Mutant("contract: nobody waits for copies", "contract", r"  call void @emu_cp_async_wait\(i32 2\)\n", ""),
    Mutant("contract: one group of copies too many may be under way", "contract", r"(@emu_cp_async_wait\(i32 )2", r"\g<1>3"),
    Mutant("contract: the copies of a part are not committed", "contract", r"  call void @emu_cp_async_commit\(\)\n", "", 4),
    Mutant("contract: a part goes where the next one is read", "contract", r"(= add i32 %\d+, )-2048$", r"\g<1>2048"),
    Mutant("contract: a part is copied without the exchange of pieces that it is read with", "contract",
           r"(= )xor i32 (%\d+), %\d+$", r"\1add i32 \2, 0"),
    Mutant("contract: a multiply-add is dropped", "contract",
           r"tail call float @llvm\.fma\.f32\(float %\d+, float %\d+, float (%\d+)\)", r"fadd float \1, 0.000000e+00", 7),
    Mutant("contract: every block takes the second one's tile", "contract", r"(= )(zext nneg i32 %\d+ to i64)", r"\1add i64 1, 0", 1),
    Mutant("bf16 product: a part is stored without the exchange of pieces that it is read with", "bf16 product",
           r"(= )xor i32 (%\d+), %\d+$", r"\1add i32 \2, 0"),
    Mutant("bf16 product: no barrier before a part is used", "bf16 product", BARRIER, "", 2),
    Mutant("bf16 product: no barrier between parts", "bf16 product", BARRIER, "", 3),
    Mutant("bf16 product: two words of a fragment are exchanged", "bf16 product",
           r"(ptr %\d+, i32 0, i32 )1(\n  store i32 %.*\n.*i32 0, i32 )2$", r"\g<1>2\g<2>1"),
    Mutant("bf16 product: a fragment has the same rows twice", "bf16 product", r"(or disjoint i32 %\d+, )8$", r"\g<1>0"),
    Mutant("bf16 product: a fragment's products are not added", "bf16 product", r"  call void @emu_mma.*\n", "", 2),
    Mutant("bf16 product: operands are cut, not rounded", "bf16 product", r"(add i32 %\d+, )32767$", r"\g<1>0"),
    Mutant("tf32 product: no barrier before a part is used", "tf32 product", BARRIER, "", 2),
    Mutant("tf32 product: one group of copies too many may be under way", "tf32 product", r"(@emu_cp_async_wait\(i32 )2", r"\g<1>3"),
    Mutant("tf32 product: a part is copied without the exchange of pieces that it is read with", "tf32 product",
           r"(= )xor i32 (%\d+), %\d+$", r"\1add i32 \2, 0"),
    Mutant("tf32 product: two words of a fragment are exchanged", "tf32 product",
           r"(ptr %\d+, i32 0, i32 )1(\n  store i32 %.*\n.*i32 0, i32 )2$", r"\g<1>2\g<2>1"),
    Mutant("tf32 product: operands are cut, not rounded", "tf32 product", r"(add i32 %\d+, )4096$", r"\g<1>0"),
    Mutant("warpgroups: nobody waits for a part", "warpgroups",
           r"(%\d+ = )call i1 @emu_mbarrier_try_wait\((ptr addrspace\(3\) )(%\d+), i32 %\d+\)", r"\1icmp eq \2\3, \3"),
    Mutant("warpgroups: a part is waited for in the wrong phase", "warpgroups",
           r"(@emu_mbarrier_try_wait\(ptr addrspace\(3\) %\d+, i32 )%\d+", r"\g<1>0"),
    Mutant("warpgroups: a part is brought before the last one has been used", "warpgroups",
           r"(%\d+ = )call i1 @emu_mbarrier_try_wait\((ptr addrspace\(3\) )(%\d+), i32 0\)", r"\1icmp eq \2\3, \3"),
    Mutant("warpgroups: no bytes are expected", "warpgroups",
           r"@emu_mbarrier_arrive_expect\((ptr addrspace\(3\) %\d+), i32 \d+\)", r"@emu_mbarrier_arrive(\1)"),
    Mutant("warpgroups: too few bytes are expected", "warpgroups",
           r"(@emu_mbarrier_arrive_expect\(ptr addrspace\(3\) %\d+, i32 )24576", r"\g<1>24560"),
    Mutant("warpgroups: one warp need not be through with a part", "warpgroups", r"(@emu_mbarrier_init\(.*, i32 )4", r"\g<1>3"),
    Mutant("warpgroups: the barriers are used before they are initialised", "warpgroups", BARRIER, ""),
    Mutant("warpgroups: the copies do not see the barriers", "warpgroups", r"  call void @emu_fence_proxy_async\(\)\n", ""),
    Mutant("warpgroups: a copy brings the terms after the next", "warpgroups", r"(@emu_tma_load_3d\(.*, ptr %\d+, i32 )64,", r"\g<1>128,"),
    Mutant("warpgroups: another swizzle than the copies'", "warpgroups", r"(or disjoint i64 %\d+, )4611686293338849280",
           r"\g<1>-9223371761943314432"),
    Mutant("warpgroups: boxes of columns lie half as far apart", "warpgroups", r"(or disjoint i64 %\d+, )4611686293338849280",
           r"\g<1>4611686293322072064", 2),
    Mutant("warpgroups: an operand is taken as lines of terms", "warpgroups", r"(@emu_wgmma\(.*, i32 )1\)", r"\g<1>0)"),
    Mutant("warpgroups: another stage is multiplied", "warpgroups", r"(%\d+ = mul nuw nsw i64 )(%\d+)(, 24576)",
           r"%other = xor i64 \2, 1\n  \1%other\3"),
    Mutant("warpgroups: sixteen terms are left out", "warpgroups", r"  call void @emu_wgmma\(.*\n", "", 3),
    Mutant("warpgroups: products start before the sums are there", "warpgroups", r"  call void @emu_wgmma_fence\(\)\n", ""),
    Mutant("warpgroups: products are in no group", "warpgroups", r"  call void @emu_wgmma_commit\(\)\n", ""),
    Mutant("warpgroups: sums are stored while they are computed", "warpgroups", r"  call void @emu_wgmma_wait\(.*, i32 0\)\n", ""),
    Mutant("warpgroups: a part is given back while it is multiplied", "warpgroups", r"(@emu_wgmma_wait\(.*, i32 )1\)", r"\g<1>2)"),
    Mutant("resident: moments are read from memory in every step", "resident", WHERE, r"\1false\2"),
    Mutant("resident: moments are not stored after the last step", "resident", WHERE, r"\1true\2", 4),
    Mutant("resident: moments are stored to memory, where nobody reads them", "resident", WHERE, r"\1false\2", 5),
    Mutant("resident: weights in memory stay as they were", "resident", r"  store float (%\d+), ptr %\d+, align \d+\n(?=  br i1 .*\n\n.*\n  store float \1,)", ""),
    Mutant("resident: weights in shared memory stay as they were", "resident",
           r"(  store (float %\d+), ptr %\d+, align \d+\n  br i1 .*\n\n.*\n)  store \2,.*\n", r"\1"),
    Mutant("resident: two variables have one place", "resident", r"(= add nsw i64 %\d+, )549755813888$", r"\g<1>0"),
    Mutant("resident: a product's parts have the same place", "resident", r"(select i1 %\d+, i64 )16768, i64 16384$", r"\g<1>384, i64 0"),
    Mutant("resident: the first step takes what is there", "resident",
           r"(%\d+ = icmp ne i64 (%\d+), %\d+\n  %\d+ = icmp ne i64 \2, )0$", r"\g<1>-1"),
    Mutant("scatter: rows beyond the batch are added", "scatter", r"and i1 (%\d+), (%\d+)(?=\n.*emu_ballot)", r"and i1 true, \2"),
    Mutant("scatter: half of the lanes are missing from the vote's mask", "scatter", r"(@emu_ballot\(i32 )-1", r"\g<1>65535"),
    Mutant("scatter: the rows' numbers are one further", "scatter", ROW_NUMBERS,
           r"%late\2\3\n  \1 = getelementptr i32, ptr %late, i64 1"),
    Mutant("sort: keys are read before they are there", "sort", BARRIER, "", 2),
    Mutant("sort: keys are written while others are still read", "sort", BARRIER, "", 3),
    Mutant("sort: lanes exchange with the wrong ones", "sort", SHUFFLE + "16,", r"\g<1>8,"),
    Mutant("sort: keys come from the wrong warp", "sort", r"(xor i32 %\d+, )128$", r"\g<1>64"),
    Mutant("sort: runs do not fall", "sort", r"(= xor i1 %\d+, )%\d+$", r"\1false", 9),
    Mutant("sort: what is beyond the batch belongs to the first row", "sort", r"(select i1 %\d+, i32 %\d+, i32 )2147483647", r"\g<1>0"),
    Mutant("sort: the rows' numbers are one further", "sort", ROW_NUMBERS,
           r"%late\2\3\n  \1 = getelementptr i32, ptr %late, i64 1"),
    Mutant("segments: a step of a search goes too far", "segments", r"(icmp slt .*\n  %\d+ = add nuw nsw i32 %\d+, )2$", r"\g<1>3"),
    Mutant("segments: a segment takes the next row's first update in", "segments", r"(add nuw nsw i32 %\d+, )1024$", r"\g<1>1025"),
    Mutant("segments: a search starts in another chunk", "segments", r"(shl nuw nsw i32 %\d+, )10(\n  %\d+ = zext)", r"\g<1>9\2"),
    Mutant("segments: updates are those of another chunk", "segments", r"(shl nuw nsw i32 %\d+, )10(\n  %\d+ = icmp slt)", r"\g<1>9\2"),
    Mutant("segments: each lane goes on with what it found itself", "segments",
           r"(emu_shfl_bfly_i32\(i32 -1, i32 %\d+, i32 )%\d+", r"\g<1>0"),
    Mutant("segments: half of the lanes are missing from the vote's mask", "segments", r"(@emu_ballot\(i32 )-1", r"\g<1>65535"),
    Mutant("advance: the step is not counted", "advance", r"(add i64 %\d+, )1$", r"\g<1>0"),
    Mutant("advance: the next step has the same rows", "advance", r"  store ptr %\d+, ptr %\d+, align 8\n", ""),
    Mutant("advance: the loss is not added up", "advance", r"(= )fadd (double %\d+), %\d+", r"\1fadd \2, 0.000000e+00"),
    Mutant("advance: the next step gets this one's scalars", "advance",
           r"(%\d+)( = load i64(?:.*\n)*?.*sitofp i64 %\d+ to double\n(?:.*\n)*?.*sitofp i64 )%\d+( to )", r"\1\2\1\3"),
    Mutant("rows: a kernel that may start early does not wait for the one before", "rows", EARLY, ""),
    Mutant("contract: a kernel that may start early does not wait for the one before", "contract", EARLY, ""),
    Mutant("advance: it does not wait for the step's kernels", "advance", EARLY, ""),
    Mutant("train_loop: nobody waits at a barrier of the grid", "train_loop",
           r"(@emu_atomic_add_i32\((?:.*\n){1,9}?  br i1) %\d+", r"\1 false", 5),
    Mutant("train_loop: a barrier of the grid is left out", "train_loop", rf"(br i1) %\S+(, label %\d+, {GRID})", r"\1 false\2", 6),
    Mutant("train_loop: a block arrives at the grid's barrier before its threads have", "train_loop",
           BARRIER + rf"(  br i1 %\S+, label %\d+, {GRID})", r"\1", 6),
    Mutant("train_loop: a block's threads go on before the grid's barrier", "train_loop",
           r"(\ngrid_barrier\.exit.*\n)" + BARRIER, r"\1", 5),
    Mutant("train_loop: a step ends before all threads of a block have ended it", "train_loop",
           BARRIER + rf"(  br i1 %\S+, label %\d+, {GRID})", r"\1", 10),
    Mutant("train_loop: shared memory is written while the kernel before still reads it", "train_loop",
           BARRIER + r"(  store float %\S+, ptr addrspace\(3\) %\d+, align 4\n" + BARRIER + ")", r"\1", 2),
    Mutant("train_loop: a barrier waits for one round too many", "train_loop",
           r"(trunc i64 %\d+ to i32\n  %\d+ = add i32 %\d+, )3$", r"\g<1>4", says="gave up waiting at a barrier"),
    Mutant("train_loop: what a block keeps in its rounds of a kernel has one place", "train_loop",
           r"(= shl i64 )(%\d+)(, 10\n  %\d+ = icmp samesign ult i64 \2, )", r"\g<1>0\3"),
    Mutant("train_loop: what two kernels keep has one place", "train_loop",
           r"(= add nuw nsw i64 (%\d+), )%\d+(\n  %\d+ = shl i64 %\d+, 10\n)", r"\g<1>0\3"),
    Mutant("train_loop: no barrier stands between steps", "train_loop", r"(%\.not = icmp eq i64 (%\d+), )%\d+$", r"\1\2"),
]


# Kinds that need a program of their own.
PROGRAMS = {kind: str(Path(__file__).parent / "Inputs" / program)
            for kind, program in (("warpgroups", "products.dl"), ("vectors", "vectors.dl"), ("resident", "small.dl"),
                                  ("sort", "sorted.dl"), ("segments", "sorted.dl"))}
# Kinds of bugs that are not a kind of kernel, but in this function.
FUNCTIONS = {"resident": "train_loop"}
# How the program is compiled to have kernels of a kind; all others are there without options.
OPTIONS = {
    "train_loop": ("--gpu-loop", "persistent"),
    "resident": ("--gpu-loop", "persistent"),
    "bf16 product": ("--gpu-loop", "graph", "--precision", "bf16"),
    "tf32 product": ("--gpu-loop", "graph", "--precision", "tf32"),
    "warpgroups": ("--gpu-loop", "graph", "--precision", "bf16", "--set", "steps=1"),
    **dict.fromkeys(("sort", "segments"), ("--gpu-loop", "graph", "--set", "batch=70", "--set", "epochs=1")),
}


def kind_of(function):
    """The kind of a kernel, by what only that kind does."""
    name = re.search(r"@(\w+)\(", function).group(1)
    shares, shuffles = "@emu_shared(" in function, "@emu_shfl" in function
    if not name.startswith("kernel_"):
        return name
    if "@emu_wgmma(" in function:
        return "warpgroups"
    if "@emu_mma" in function:
        return "bf16 product" if "_bf16(" in function else "tf32 product"
    if "@emu_ballot(" in function:
        return "segments" if shuffles else "scatter"
    if function.count("@emu_shfl") > 50:
        return "sort"
    if shuffles:
        return "reduce block" if shares else "rows"
    if shares:
        return "contract" if "@emu_cp_async(" in function else "reduce"
    return "vectors" if "@emu_check_aligned(" in function else "map"


def mutate(text, mutant):
    for function in re.findall(r"^define .*?^}$", text, re.S | re.M):
        matches = list(re.finditer(mutant.pattern, function, re.M))
        if kind_of(function) == FUNCTIONS.get(mutant.kind, mutant.kind) and len(matches) >= mutant.number:
            match = matches[mutant.number - 1]
            changed = function[:match.start()] + match.expand(mutant.becomes) + function[match.end():]
            assert changed != function, mutant
            return text.replace(function, changed)
    sys.exit(f"nothing in the code is as this bug needs it: {mutant}")


def make_image(text, name):
    """Makes an image as dlc does: its passes have been, x86's code is left."""
    code, machine_code, image = (folder / (name + ending) for ending in (".ll", ".o", ".so"))
    code.write_text(text)
    # llc warns that fusing is not for it to decide; it does as it is told.
    llc = ["llc", "-O1", "-mcpu=native", "-fp-contract=fast", "-relocation-model=pic", "-filetype=obj", code, "-o", machine_code]
    for command in (llc, ["ld.lld", "-shared", machine_code, "-o", image]):
        process = subprocess.run(command, capture_output=True, text=True)
        assert process.returncode == 0, process.stderr
    return str(image)


def run(library, schedule, image=None):
    """What the run came to, and what went wrong."""
    environment = {**os.environ, "LD_LIBRARY_PATH": emulator, "DLC_EMULATOR_SCHEDULE": schedule}
    if image:
        environment["DLC_EMULATOR_IMAGE"] = image
    process = subprocess.run(["dlc", "run", library, "--device", "gpu", "--json"], capture_output=True, text=True, env=environment)
    assert not re.search("in place of the image|symbol not found", process.stderr), process.stderr
    if process.returncode:
        return "", f"status {process.returncode}, {process.stderr.strip() or 'a crash'}".split("\n")[0]
    events = [json.loads(line) for line in process.stdout.splitlines()]
    return str([[e["loss"] for e in events if e["event"] == "epoch"], events[-1]["values"], events[-1]["state_hash"]]), ""


class Variant:
    """A program with some options: as a library that dlc makes, its device code, and what it comes to."""

    def __init__(self, program, options):
        self.library = str(folder / ("_".join([Path(program).stem, *options]) + ".so"))
        target = ["--target", "emulator", *options]
        subprocess.run(["dlc", "compile", program, "--device", "gpu", *target, "-o", self.library, "--quiet"], check=True)
        emit = subprocess.run(["dlc", "--emit=llvm", *target, program], check=True, capture_output=True, text=True)
        # Barriers of the grid give up sooner: what hangs is to end.
        self.code = re.sub(r"\b20000000\b", "100000", emit.stdout)
        self.expected, problem = run(self.library, "forward")
        assert not problem, problem
        same = make_image(self.code, "same")
        for schedule in ("forward", "late", "random:1,deferred", "starve:1,late"):
            found, problem = run(self.library, schedule, same)
            assert found == self.expected, f"without a bug, {options}, {schedule}: {found}{problem}, not {self.expected}"


def catch(number, variant, code, mutant):
    """How that mutant was caught, or nothing."""
    image = make_image(code, str(number))
    for schedule in SCHEDULES:
        result, problem = run(variant.library, schedule, image)
        if result != variant.expected:
            return f"{schedule}: {problem or 'other numbers'}" if mutant.says in problem else ""
    return ""


with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(os.cpu_count()) as pool:
    folder = Path(name)
    chosen = [m for m in MUTANTS if all(word in m.what for word in words)]
    options = [(PROGRAMS.get(mutant.kind, program), OPTIONS.get(mutant.kind, ("--gpu-loop", "graph"))) for mutant in chosen]
    variants = {each: Variant(*each) for each in dict.fromkeys(options)}
    mutated = [mutate(variants[each].code, mutant) for each, mutant in zip(options, chosen)]
    caught = list(pool.map(catch, range(len(chosen)), [variants[each] for each in options], mutated, chosen))
for mutant, how in zip(chosen, caught):
    print(f"{mutant.what}\n    {how or 'NOT CAUGHT'}")
print(f"{sum(map(bool, caught))} of {len(chosen)} bugs caught")
sys.exit(not all(caught))

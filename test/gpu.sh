#!/usr/bin/env bash
# Everything that only a real GPU can show, in one command: agreement with the processor, the same bits from run to run, and how long
# everything takes, beside the targets (of an H200) and beside PyTorch and JAX where DLC_PYTHON, else python3, has them. Needs a driver,
# Python, and the binary that was built (DLC=path, else build/release/bin/dlc), packed or not. Ends in a table.
#
#   test/gpu.sh --pack FILE.xz   packs the binary, to be carried to where the GPU is: DLC=FILE.xz test/gpu.sh
#   test/gpu.sh            all of it, some minutes
#   test/gpu.sh --quick    few steps of each, as for the emulator
set -uo pipefail
cd "$(dirname "$0")/.."
dlc=$(realpath "${DLC:-build/release/bin/dlc}")
if [ "${1:-}" = --pack ]; then
  python3 -c 'import lzma,sys; packed = lzma.compress(open(sys.argv[1], "rb").read(), preset=1); open(sys.argv[2], "wb").write(packed)' "$dlc" "${2:?--pack FILE.xz}"
  exit
fi
quick=${1:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [[ $dlc == *.xz ]]; then
  python3 -c 'import lzma,sys; open(sys.argv[2], "wb").write(lzma.open(sys.argv[1]).read())' "$dlc" "$work/dlc" && chmod +x "$work/dlc" || exit 1
  dlc=$work/dlc
fi
export PATH="$(dirname "$dlc"):$PATH" DLC_DATA="$PWD/examples/data"
failed=0
table=()

check() { # NAME COMMAND...
  local name=$1; shift
  local out
  if out=$("$@" 2>&1); then
    table+=("$(printf '%-58s %s' "$name" "ok")")
  else
    table+=("$(printf '%-58s %s' "$name" "FAILED")")
    echo "== $name" && echo "$out" | tail -20
    failed=$((failed + 1))
  fi
}

value() { python3 -c 'import json,sys; print(eval(sys.argv[1], {"events": [json.loads(line) for line in sys.stdin if line.strip()]}))' "$1"; }

row() { # NAME VALUE UNIT [TARGET]: a target of "< 10" or "> 600"
  local verdict=""
  [ "${4:-}" ] && verdict="target $4: $(python3 -c 'import sys; print("met" if eval("".join(sys.argv[1:])) else "missed")' "$2" "$4")"
  table+=("$(printf '%-58s %10.4g %-10s %s' "$1" "$2" "$3" "$verdict")")
}

# What the whole training took, as `convert` makes it of `seconds`: the least of three runs, or of one.
measure() { # NAME UNIT CONVERT TARGET OPTIONS...
  local name=$1 unit=$2 convert=$3 target=$4; shift 4
  local least="" out
  for _ in $([ "$quick" ] && echo 1 || echo 1 2 3); do
    out=$(dlc run "$@" --device gpu --json | value "events[-1]['train_seconds']") || { table+=("$name FAILED"); failed=$((failed + 1)); return; }
    least=$(python3 -c 'import sys; print(min(float(n) for n in sys.argv[1:]))' "$out" ${least:+$least})
  done
  row "$name" "$(python3 -c 'import sys; print(eval(sys.argv[1], {"seconds": float(sys.argv[2])}))' "$convert" "$least")" "$unit" "$target"
}

same_bits() { # OPTIONS...
  local first second
  first=$(dlc run "$@" --device gpu --json | value "events[-1]['state_hash']") || return 1
  second=$(dlc run "$@" --device gpu --json | value "events[-1]['state_hash']") || return 1
  [ "$first" = "$second" ] || { echo "$first and $second"; return 1; }
}

dlc devices || exit 1
steps="--set steps=20"
for precision in f32 f64; do
  [ "$quick" ] || check "primitives, $precision, against PyTorch's figures" python3 test/EndToEnd/Primitives/check.py all --device gpu --precision $precision
done
check "boston, 20 epochs, against the processor" python3 test/EndToEnd/Gpu/trajectory.py "" examples/boston.dl 1e-5 forward --data boston --set epochs=20
[ "$quick" ] || check "mnist, 20 steps, against the processor" python3 test/EndToEnd/Gpu/trajectory.py "" examples/mnist.dl 1e-5 forward --data mnist $steps
check "boston, 20 epochs, in bf16" python3 test/EndToEnd/Gpu/trajectory.py "" examples/boston.dl 1e-3 forward --data boston --set epochs=20 -- --precision bf16
for program in products $([ "$quick" ] || echo tall each); do
  check "products of warpgroups, $program.dl: the processor's bits" python3 test/EndToEnd/Gpu/trajectory.py "" test/EndToEnd/Gpu/Inputs/$program.dl exact forward --set steps=1 -- --precision bf16 --gpu-loop graph
done
check "boston, 20 epochs, in f16" python3 test/EndToEnd/Gpu/trajectory.py "" examples/boston.dl 2e-4 forward --data boston --set epochs=20 -- --precision f16
for loop in graph persistent; do
  check "the same bits twice, $loop" same_bits examples/boston.dl --data boston --set epochs=20 --gpu-loop $loop
done
sanitizer=$(command -v compute-sanitizer || true)
if [ "$sanitizer" ] && [ ! "$quick" ]; then
  for tool in memcheck racecheck synccheck; do
    check "compute-sanitizer $tool" "$sanitizer" --tool $tool --error-exitcode 1 "$dlc" run examples/boston.dl --data boston --device gpu --set epochs=1 --quiet
  done
fi
for loop in graph persistent; do
  if [ "$quick" ]; then
    measure "boston, batch 100, $loop" "us a step" "seconds * 1e6 / 100" "" examples/boston.dl --data boston --set epochs=20 --gpu-loop $loop
  else
    measure "784-128-10, batch 64, Adam, f32, $loop" "us a step" "seconds * 1e6 / 4690" "$([ $loop = graph ] && echo '<= 10' || echo '<= 5')" examples/mnist.dl --data mnist --gpu-loop $loop
    measure "784-128-10, batch 64, Adam, bf16, $loop" "us a step" "seconds * 1e6 / 4690" "" examples/mnist.dl --data mnist --gpu-loop $loop --precision bf16
    measure "mnist_deep, 20 epochs, f32, $loop" "s" "seconds" "< 0.5" examples/mnist_deep.dl --data mnist --gpu-loop $loop
  fi
done

# A step of product.dl is two products of n^3 and little else; one of elementwise.dl moves 12 bytes for each number.
steps=$([ "$quick" ] && echo 4 || echo 100)
products() { # N PRECISION TARGET
  local n=$([ "$quick" ] && echo 64 || echo "$1")
  sed "s/4096/$n/g; s/16777216/$((n * n))/" test/Benchmarks/product.dl > "$work/product.dl"
  measure "products of $n^3, $2, forward and gradient" TFLOP/s "4 * $n**3 * $steps / seconds / 1e12" "$3" "$work/product.dl" --set steps=$steps --precision $2
}
products 4096 bf16 ">= 600"
products 8192 bf16 ">= 700"
products 4096 f32 ">= 45"
numbers=$([ "$quick" ] && echo 4096 || echo 67108864)
sed "s/67108864/$numbers/" test/Benchmarks/elementwise.dl > "$work/elementwise.dl"
measure "elementwise (target: 85 % of the copy below)" GB/s "12 * $numbers * $steps / seconds / 1e9" "" "$work/elementwise.dl" --set steps=$steps
while IFS=$'\t' read -r name figure unit; do
  table+=("$(printf '%-58s %10s %s' "$name" "$figure" "$unit")")
done < <(timeout 200 "${DLC_PYTHON:-python3}" test/Benchmarks/gpu_peers.py $quick 2> "$work/peers" || printf 'peers\tended early\n')
printf '%s\n' "${table[@]}"
exit $((failed > 0))

#!/usr/bin/env bash
# Everything that only a real GPU can show, in one command: agreement with the processor, the same bits from run to run, and how long
# steps take. Needs a driver, Python, and the binary that was built (DLC=path, else build/release/bin/dlc). Ends in a table.
#
#   test/gpu.sh            all of it, some minutes
#   test/gpu.sh --quick    few steps of each, as for the emulator
set -uo pipefail
cd "$(dirname "$0")/.."
dlc=$(realpath "${DLC:-build/release/bin/dlc}")
quick=${1:-}
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

# Microseconds a step, as the whole training took: the least of three runs, or of one.
measure() { # NAME STEPS OPTIONS...
  local name=$1 steps=$2; shift 2
  local least="" out
  for _ in $([ "$quick" ] && echo 1 || echo 1 2 3); do
    out=$(dlc run "$@" --device gpu --json | value "events[-1]['train_seconds'] * 1e6 / $steps") || { table+=("$name FAILED"); failed=$((failed + 1)); return; }
    least=$(python3 -c 'import sys; print(min(float(n) for n in sys.argv[1:]))' "$out" ${least:+$least})
  done
  table+=("$(printf '%-58s %8.2f us a step' "$name" "$least")")
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
    measure "boston, batch 100, $loop" 100 examples/boston.dl --data boston --set epochs=20 --gpu-loop $loop
  else
    measure "784-128-10, batch 64, Adam, f32, $loop" 4690 examples/mnist.dl --data mnist --gpu-loop $loop
    measure "784-128-10, batch 64, Adam, bf16, $loop" 4690 examples/mnist.dl --data mnist --gpu-loop $loop --precision bf16
    measure "784-64-64-10, batch 32, Adam, f32, $loop" 9375 examples/mnist_deep.dl --data mnist --gpu-loop $loop --set epochs=5
  fi
done
printf '%s\n' "${table[@]}"
exit $((failed > 0))

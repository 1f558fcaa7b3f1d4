#!/usr/bin/env bash
# Fuzzes the readers in a build with sanitizers: run.sh SECONDS [TARGET...]. Seeds are the examples, the tests and the kept cases; what
# breaks a target is left in build/asan/fuzz/TARGET and belongs into Corpus once it is mended.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:?usage: test/Fuzz/run.sh SECONDS [TARGET...]}
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(lexer parser check csv idx npy safetensors json)
[ -f build/asan/build.ninja ] || cmake --preset asan >/dev/null
cmake --build build/asan --target "${targets[@]/#/fuzz-}"

broken=()
for target in "${targets[@]}"; do
  work=build/asan/fuzz/$target
  mkdir -p "$work/found" "$work/seeds"
  python3 test/Fuzz/cases.py "$work/cases"
  folders=("$work/found" "$work/seeds" "$work/cases/$target")
  [ ! -d "test/Fuzz/Corpus/$target" ] || folders+=("test/Fuzz/Corpus/$target")
  options=()
  case "$target" in
    lexer | parser | check)
      cp examples/*.dl lib/Std/*.dl test/Frontend/*.dl test/EndToEnd/Inputs/*.dl "$work/seeds"
      options=(-dict=test/Fuzz/dl.dict -max_len=4096)
      ;;
    csv)
      for table in examples/data/*/*.csv; do head -n 20 "$table" >"$work/seeds/$(basename "$table")"; done
      options=(-max_len=1024)
      ;;
    npy | safetensors | json) options=(-dict=test/Fuzz/readers.dict) ;;
    idx) gzip -dc examples/data/mnist/t10k-labels-idx1-ubyte.gz | head -c 2000 >"$work/seeds/labels" ;;
  esac
  "build/asan/test/fuzz-$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="$work/" "${options[@]}" "${folders[@]}" || broken+=("$target")
done
[ ${#broken[@]} -eq 0 ] || { echo "broken: ${broken[*]}"; exit 1; }

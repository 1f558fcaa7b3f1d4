#!/usr/bin/env bash
# From a clean clone to a trained net: installs what is missing, builds, and trains on the real MNIST.
#   tools/quickstart.sh [--no-install]     with --no-install it only lists what is missing
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/packages.sh

case "${1:-}" in
  --no-install) install_packages --no-install; exit ;;
  "") ;;
  *) echo "usage: tools/quickstart.sh [--no-install]" >&2; exit 2 ;;
esac

install_packages
[ -f build/release/build.ninja ] || cmake --preset release >/dev/null
cmake --build --preset release
build/release/bin/dlc run examples/mnist.dl --data mnist

#!/usr/bin/env bash
# Builds and runs every test: lit with FileCheck, GoogleTest, the format check. Ends in one line of counts.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/packages.sh
install_packages

[ -f build/dev/build.ninja ] || cmake --preset dev >/dev/null
cmake --build --preset dev
python3 tools/run-tests.py build/dev

# Sourced by quickstart.sh and test.sh: what dlc needs of the system, and how it gets there.
# install_packages [--no-install]: says what is missing and installs it with apt.

needed_packages() {
  echo libmlir-22-dev mlir-22-tools llvm-22-dev llvm-22-tools clang-22 lld-22 liblld-22-dev libclang-rt-22-dev \
    clang-format-22 libfmt-dev libdeflate-dev libgtest-dev cmake ninja-build ccache git python3 zlib1g-dev libzstd-dev \
    libtinfo-dev libstdc++-12-dev
}

missing_packages() {
  local package
  for package in $(needed_packages); do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || echo "$package"
  done
}

install_packages() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "This script installs packages on Debian 12 and later. On another system, install by hand:" >&2
    echo "  LLVM and MLIR 22 with headers, clang 22, lld 22 and its library, clang-format 22, fmt, libdeflate, GoogleTest," >&2
    echo "  CMake 3.22 or later, Ninja, zlib, zstd, terminfo (all with headers), Python 3" >&2
    echo "then: cmake --preset release && cmake --build --preset release" >&2
    return 1
  fi
  local missing
  missing=$(missing_packages | tr '\n' ' ')
  if [ -z "$missing" ]; then
    [ "${1:-}" = --no-install ] && echo "nothing is missing"
    return 0
  fi
  if [ "${1:-}" = --no-install ]; then
    echo "missing: $missing"
    return 0
  fi
  echo "installing from Debian's packages: $missing"
  local root=""
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "run this as root, or install sudo" >&2; return 1; }
    root=sudo
  fi
  $root apt-get update -qq
  # shellcheck disable=SC2086
  $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

#!/usr/bin/env bash
# Everything that only a real GPU can show, in one command of at most 8 minutes: the GPU suite (agreement with the processor, the same
# bits from run to run, compute-sanitizer where it is installed), and how fast all is beside the targets (of an H200) and beside PyTorch
# and JAX where DLC_PYTHON, else python3, has them. It needs a driver, Python 3 and the binary (DLC, else bin/dlc, else
# build/release/bin/dlc), and ends in a table.
#
#   test/gpu.sh                    all of it. Status 1: something failed; 2: there was no time for something. A missed target is no failure
#   test/gpu.sh --limit SECONDS    in less time; what is left out is named
#   test/gpu.sh --rehearse         the same paths at tiny sizes on test/Emulator, peers on the processor: its figures mean nothing
#   test/gpu.sh --pack FILE        packs what a machine needs that has nothing else. There:
#                                  python3 -m tarfile -e FILE FOLDER && FOLDER/test/gpu.sh
exec python3 "$(dirname "$0")/Benchmarks/gpu.py" "$@"

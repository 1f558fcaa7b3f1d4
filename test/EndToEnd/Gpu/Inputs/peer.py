#!/usr/bin/env python3
"""Stands in for a Python that has PyTorch: a peer that answers, fails, and dies. Called like it: peer.py gpu_peers.py FRAMEWORK ..."""
import json
import sys

framework = sys.argv[2]
print(json.dumps({"version": "of a stand-in"} if framework == "PyTorch" else {"problem": "absent"}), flush=True)
for line in sys.stdin:
    case, way = line.strip().split(": ")
    if way == "CUDA graphs":
        print(json.dumps({"failed": "it cannot"}), flush=True)
    elif way == "compile + CUDA graphs":
        sys.exit("died of it")
    elif case == "elementwise":
        print(json.dumps({"% of a copy": 50, "GB/s": 1e6}), flush=True)
    else:
        print(json.dumps({{"step": "us", "deep": "s"}.get(case, "TFLOP/s"): 1000}), flush=True)

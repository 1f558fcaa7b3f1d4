#!/usr/bin/env python3
"""Test errors of boston.dl and of the same net in PyTorch on the same splits, one split and one start for each seed.

    boston_quality.py --python VENV/bin/python [--dlc DLC] [--seeds 5]
"""
import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent.parent
TABLE = SOURCE / "examples/data/boston/boston_housing.csv"

# 13-100-1 with relu, Adam 1e-3, batches of 100, 200 epochs, features standardised on the training part, targets as they are.
PYTORCH = """
import sys
import numpy as np, torch
table = np.loadtxt(sys.argv[1], delimiter=",", skiprows=1)
torch.manual_seed(int(sys.argv[2])); torch.set_num_threads(1)
cut = int(len(table) * 0.8)
mean, std = table[:cut, :-1].mean(0), table[:cut, :-1].std(0)
x = torch.tensor((table[:, :-1] - mean) / std, dtype=torch.float32)
y = torch.tensor(table[:, -1:], dtype=torch.float32)
net = torch.nn.Sequential(torch.nn.Linear(13, 100), torch.nn.ReLU(), torch.nn.Linear(100, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for _ in range(200):
    for rows in torch.randperm(cut).split(100):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(net(x[rows]), y[rows]).backward()
        optimizer.step()
with torch.no_grad():
    print(float(torch.nn.functional.mse_loss(net(x[cut:]), y[cut:]).sqrt()))
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="that has PyTorch and NumPy")
    parser.add_argument("--dlc", type=Path, default=SOURCE / "build/release/bin/dlc")
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    header, *rows = TABLE.read_text().splitlines()
    errors = {"dlc": [], "torch": []}
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "boston.csv"
        for seed in range(args.seeds):
            random.Random(seed).shuffle(rows)
            table.write_text("\n".join([header, *rows]) + "\n")
            command = [args.dlc, "run", "examples/boston.dl", "--data", table, "--set", "split.shuffle=false", "--seed", str(seed), "--json"]
            output = subprocess.run(command, capture_output=True, text=True, check=True, cwd=SOURCE).stdout
            errors["dlc"].append(json.loads(output.splitlines()[-1])["values"]["rmse"])
            output = subprocess.run([args.python, "-c", PYTORCH, table, str(seed)], capture_output=True, text=True, check=True).stdout
            errors["torch"].append(float(output))
            print(f"split {seed}: dlc {errors['dlc'][-1]:.3f}, torch {errors['torch'][-1]:.3f}", flush=True)
    print(f"mean of {args.seeds}: dlc {statistics.mean(errors['dlc']):.3f}, torch {statistics.mean(errors['torch']):.3f}")


if __name__ == "__main__":
    main()

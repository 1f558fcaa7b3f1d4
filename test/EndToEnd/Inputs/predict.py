"""Predictions for rows in every form that they may have, and that they agree with what the report was computed from.

predict.py PROGRAM WEIGHTS TABLE TRAINED EVALUATED
"""
import csv
import gzip
import io
import json
import math
import subprocess
import sys
import tempfile

program, weights, table, trained, evaluated = sys.argv[1:]
names, *rows = csv.reader(open(table))


def text(names, rows):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(([names] if names else []) + rows)
    return out.getvalue()


def predict(rows, *options):
    result = subprocess.run(["dlc", "predict", program, "--weights", weights, *options], input=rows, text=True,
                            check=True, stdout=subprocess.PIPE).stdout.splitlines()
    assert result[0] == "regress", result[0]
    return [float(line) for line in result[1:]]


whole = predict(text(names, rows))
assert len(whole) == len(rows)
reordered = [list(reversed(row)) + [f"word {i}"] for i, row in enumerate(rows)]
forms = {
    "no header": text(None, rows),
    "no target": text(names[:-1], [row[:-1] for row in rows]),
    "neither": text(None, [row[:-1] for row in rows]),
    "another order, another column": text(names[::-1] + ["note"], reordered),
    "an index without a name": text([""] + names, [[str(i), *row] for i, row in enumerate(rows)]),
    "other line ends": text(names, rows).replace("\n", "\r\n"),
}
for form, lines in forms.items():
    assert predict(lines) == whole, form
with tempfile.NamedTemporaryFile(suffix=".csv.gz") as packed:
    packed.write(gzip.compress(text(names, rows).encode()))
    packed.flush()
    assert predict("", "--data", packed.name) == whole

# Over all rows, the error of the predictions is the reported one.
first, second = (json.load(open(name)) for name in (trained, evaluated))
assert first["values"] == second["values"] and first["state_hash"] == second["state_hash"]
with tempfile.TemporaryDirectory() as folder:
    plain = folder + "/all.dl"
    source = open(program).read()
    open(plain, "w").write("\n".join(line for line in source.splitlines() if "split(" not in line))
    out = subprocess.run(["dlc", "eval", plain, "--weights", weights, "--data", table, "--json"], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    report = json.loads(out.splitlines()[-1])
    assert report["part"] == "all" and report["rows"] == len(rows)
    error = math.sqrt(sum((p - float(row[-1])) ** 2 for p, row in zip(whole, rows)) / len(rows))
    assert abs(error - report["values"]["rmse"]) < 1e-4 * error, (error, report)

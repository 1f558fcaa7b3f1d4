"""Writes a small table of flowers whose classes are words: flowers.py FILE [CLASS...], with only those classes."""
import random
import sys

centres = {"setosa": (5.0, 3.4, 1.4, 0.2), "versicolor": (5.9, 2.8, 4.3, 1.3), "virginica": (6.6, 3.0, 5.5, 2.0)}
random.seed(3)
rows = [(name, [v + random.gauss(0, 0.2) for v in centres[name]]) for name in sorted(centres) * 50]
random.shuffle(rows)
with open(sys.argv[1], "w") as out:
    out.write("sepal_length,sepal_width,petal_length,petal_width,species\n")
    for name, values in rows:
        if not sys.argv[2:] or name in sys.argv[2:]:
            out.write(",".join("%.1f" % v for v in values) + "," + name + "\n")

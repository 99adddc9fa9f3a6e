"""Compares exported tables with counts made anew, an event at a time.

usage: tables.py NPZ FOLDER_OF_CSV TRACE... > what differs, nothing if all is equal
"""
import sys

import numpy as np
from trace import Trace

archive, csv, *paths = sys.argv[1:]
first = Trace(paths[0])
shape = first.layers, first.experts
c = np.zeros(shape, int)
C, D = (np.zeros((*shape, first.experts), int) for _ in range(2))
for path in paths:
    trace = Trace(path)
    for token, previous in enumerate(trace.previous()):
        for layer, chosen in enumerate(trace.ids[token]):
            c[layer, chosen] += 1
            if layer > 0:
                C[layer][np.ix_(trace.ids[token, layer - 1], chosen)] += 1
            if previous >= 0:
                D[layer][np.ix_(trace.ids[previous, layer], chosen)] += 1

numbers = first.model_layers
tables = np.load(archive)
wanted = {"c": c, "C": C, "D": D, "model_layers": numbers}
if missing := set(wanted) - set(tables.files):
    print("npz lacks", missing)
for name in wanted.keys() - missing:
    if tables[name].dtype != "<u4" or not np.array_equal(tables[name], wanted[name]):
        print("npz:", name)

texts = {"frequency": ["layer,expert,count"]}
texts["frequency"] += [f"{numbers[l]},{j},{c[l, j]}" for l, j in zip(*np.nonzero(c))]
for name, table, back in (("layer-markov", C, 1), ("token-markov", D, 0)):
    texts[name] = ["layer,given_layer,given_expert,expert,count"]
    texts[name] += [
        f"{numbers[l]},{numbers[l - back]},{i},{j},{table[l, i, j]}"
        for l, i, j in zip(*np.nonzero(table))
    ]
for name, lines in texts.items():
    if open(f"{csv}/{name}.csv").read().splitlines() != lines:
        print("csv:", name)

"""Data of figures of `report MODEL TRACE`, made anew from the trace and from forecasts of all experts.

usage: report.py TRACE FORECASTS.npz LEARNT_TRACE > {figure: rows}

FORECASTS are those of `forecast --top E` by the model, LEARNT_TRACE what the model has learnt.
"""
import json
import sys

import numpy as np
from trace import Trace

trace, learnt = Trace(sys.argv[1]), Trace(sys.argv[3])
told = dict(np.load(sys.argv[2]))  # read once: an open archive reads an array anew each time
E, K, L = trace.experts, trace.k, trace.layers
numbers = trace.model_layers.tolist()
figures = {}


def ranks(values):
    """Ranks from 1, equal values sharing their mean."""
    order = np.argsort(values, kind="stable")
    places = np.empty(len(values))
    places[order] = np.arange(1, len(values) + 1)
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.bincount(inverse, places) / counts)[inverse]


def spearman(a, b):
    return np.corrcoef(ranks(a), ranks(b))[0, 1]


def frequency(tokens, layer):
    return np.bincount(trace.ids[tokens, layer].ravel(), minlength=E)


def following(tokens, layer):
    """Counts of (expert before, expert) from the layer before, or for tokens with a predecessor from token to token."""
    layers, table = np.zeros((E, E)), np.zeros((E, E))
    if layer > 0:
        np.add.at(layers, (trace.ids[tokens, layer - 1][:, :, None], trace.ids[tokens, layer][:, None, :]), 1)
    previous = trace.previous()[tokens]
    kept = previous >= 0
    np.add.at(table, (trace.ids[previous[kept], layer][:, :, None], trace.ids[tokens[kept], layer][:, None, :]), 1)
    return layers, table


prefill, decode = (np.nonzero(trace.stage == s)[0] for s in (0, 1))
everything = np.arange(len(trace.ids))


def cells(a, b):
    both = (a.sum(1) > 0) & (b.sum(1) > 0)
    if not both.any():
        return None
    return spearman(*((t[both] / t[both].sum(1, keepdims=True)).ravel() for t in (a, b)))


stages = [[], [], []]
for layer, number in enumerate(numbers):
    a, b = following(prefill, layer), following(decode, layer)
    stages[0].append(["frequencies", number, spearman(frequency(prefill, layer), frequency(decode, layer))])
    stages[1].append(["layer to layer", number, cells(a[0], b[0])])
    stages[2].append(["token to token", number, cells(a[1], b[1])])
figures["stages-rank"] = sum(stages, [])


def top(counts, n):
    return set(np.lexsort((np.arange(E), -counts))[:n].tolist())


for name, share in (
    ("covered", lambda p, d, n: d[list(top(p, n))].sum() / d.sum()),
    ("shared", lambda p, d, n: len(top(p, n) & top(d, n)) / n),
):
    figures["stages-" + name] = [
        [f"top {n}", number, share(frequency(prefill, layer), frequency(decode, layer), n)]
        for n in (5, 10, 20) for layer, number in enumerate(numbers)]


def gini(c):
    return np.abs(c[:, None] - c[None, :]).sum() / (2 * E * c.sum())


figures["gini"] = [
    [scope, number, gini(frequency(tokens, layer))]
    for scope, tokens in (("prefill", prefill), ("decode", decode), ("all", everything))
    for layer, number in enumerate(numbers)]
figures["popularity-map"] = [
    [number, expert, share]
    for layer, number in enumerate(numbers)
    for expert, share in enumerate(frequency(everything, layer) / frequency(everything, layer).mean())]

# Tasks, those with the most tokens first.
task = np.array([trace.tasks.get(int(r), "") for r in trace.request])
sizes = {name: int((task == name).sum()) for name in set(task.tolist()) - {""}}
names = sorted(sizes, key=lambda name: (-sizes[name], name))
tops = {name: [top(frequency(np.nonzero(task == name)[0], layer), 10) for layer in range(L)] for name in names}
figures["task-overlap"] = [
    [one, other, sum(len(a & b) for a, b in zip(tops[one], tops[other])) / (10 * L)] for one in names for other in names]

# Reuse distances, and what independent draws would give.
distances = [[] for _ in range(L)]
last = {}
for request, position, token in zip(trace.request.tolist(), trace.position.tolist(), trace.ids.tolist()):
    for layer, experts in enumerate(token):
        for expert in experts:
            key = (request, layer, expert)
            if key in last:
                distances[layer].append(position - last[key])
            last[key] = position
joined = np.concatenate(distances)
chances = np.array([frequency(everything, layer) for layer in range(L)]) / len(trace.ids)


def by_chance(q, n):
    return (q * (1 - (1 - q) ** n)).sum() / q.sum()


steps = [2**n for n in range(11)]
figures["reuse-by-token"] = [["this trace", n, (joined <= n).mean()] for n in steps] + [
    ["popularity alone", n, by_chance(chances, n)] for n in steps]
figures["reuse-by-layer"] = [
    ["this trace", number, int(np.sort(d)[(len(d) + 1) // 2 - 1])] for number, d in zip(numbers, distances)
] + [
    ["popularity alone", number, next(n for n in range(1, 1025) if by_chance(chances[layer], n) >= 0.5)]
    for layer, number in enumerate(numbers)]

# Forecasts: rows are events, columns experts by rank.
chance = np.minimum(1, K * told["chances"].astype(np.float64))
hit = (told["ids"][:, :, None] == told["chosen"][:, None, :]).any(2)


def bins(p, y):
    place = np.minimum(9, (p * 10).astype(int))
    count = np.bincount(place, minlength=10)
    return count, np.bincount(place, p, 10), np.bincount(place, y, 10)


def reliability(name, p, y):
    return [[name, s / n, t / n] for n, s, t in zip(*bins(p, y)) if n]


def error(p, y):
    n, s, t = bins(p, y)
    return np.abs(s - t).sum() / n.sum()


all_, best = (chance.ravel(), hit.ravel()), (chance[:, :K].ravel(), hit[:, :K].ravel())
figures["reliability"] = (
    reliability("all experts", *all_) + reliability(f"the {K} expected most", *best)
    + [["as forecast", 0, 0], ["as forecast", 1, 1]])
figures["calibration-error"] = [["all experts", error(*all_)], [f"{K} expected most", error(*best)]]
figures["chances"] = [
    ["all experts", (place + 0.5) / 10, int(n) if n else None] for place, n in enumerate(bins(*all_)[0])]
hits = hit[:, :K].sum(1)
place = np.array([int(p).bit_length() for p in told["token"]])
figures["recall-by-position"] = [
    ["mixture", 1 if p == 0 else 2 ** (p - 1) + 1, hits[place == p].mean() / K] for p in range(place.max() + 1)]
# A context is the set of the layer before, known from the trace that was learnt.
known = [{frozenset(ids.tolist()) for ids in learnt.ids[:, layer]} for layer in range(L)]
token = {(int(r), int(p)): t for t, (r, p) in enumerate(zip(trace.request, trace.position))}
ordinal = {number: layer for layer, number in enumerate(numbers)}
seen, new = [], []
for event in range(len(hits)):
    layer = ordinal[int(told["layer"][event])]
    if layer > 0:
        before = trace.ids[token[int(told["request"][event]), int(told["token"][event])], layer - 1]
        (seen if frozenset(before.tolist()) in known[layer - 1] else new).append(hits[event])
figures["recall-by-context"] = [["seen before", np.mean(seen) / K], ["new", np.mean(new) / K]]
json.dump(figures, sys.stdout, default=float)

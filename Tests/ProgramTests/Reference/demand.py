"""What forecasts expect of batches, held against what the batches ask for, by the definitions.

usage: demand.py TRACE BATCH STEPS WARM > [{forecast, load_error, ...}]

Slot v replays request v mod N of the decode tokens, slots of one request 45 tokens apart within 128.
After a layer of one step, the next step's requests of every expert are forecast: as the mean of all steps so
far (frequency), as this step's (persistence), or as they will be (oracle). Every distinct token of the batch
is taken to ask for expert j with the chance min(1, load / slots).
"""
import json
import math
import sys

import numpy as np
from trace import Trace

batch, steps, warm = map(int, sys.argv[2:5])
trace = Trace(sys.argv[1])
ids, lengths = trace.pool("decode")
starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
slot = np.arange(batch)
request, phase = slot % len(lengths), slot // len(lengths) * 45 % 128
tokens = [starts[request] + (phase + s) % np.array(lengths)[request] for s in range(steps)]
distinct = [np.unique(t, return_counts=True)[1] for t in tokens]
counts = np.array([
    [np.bincount(ids[t, l].ravel(), minlength=trace.experts) for l in range(trace.layers)]
    for t in tokens
])


def deviation(mean, variance, need):
    """E|X - mean| of an expert's requests X of such a batch."""
    if mean <= 1:
        return 2 * mean * (1 - need)
    if variance >= mean:
        floor = math.floor(mean)
        poisson = 2 * math.exp((floor + 1) * math.log(mean) - mean - math.lgamma(floor + 1))
        return poisson * math.sqrt(variance / mean)
    q = variance / mean
    if q <= 1e-9:
        return 0.0
    n, above = mean / (1 - q), math.floor(mean) + 1
    if above > n:
        return 2 * (mean - above + 1) * (above - mean)
    ways = math.lgamma(n + 1) - math.lgamma(above + 1) - math.lgamma(n - above + 1)
    return 2 * math.exp(
        math.log(above) + ways + above * math.log(1 - q) + (n - above + 1) * math.log(q))


def study(name):
    needs, came, misplaced, if_right, requests = [], [], 0.0, 0.0, 0
    for step in range(warm, steps):
        for layer in range(trace.layers):
            actual = counts[step, layer]
            load = {
                "frequency": counts[:step, layer].mean(0), "persistence": counts[step - 1, layer],
                "oracle": actual,
            }[name].astype(float)
            if name == "oracle":
                need, variance = (load > 0).astype(float), np.zeros_like(load)
            else:
                chance = np.minimum(1, load / batch)
                need = 1 - (1 - chance) ** len(distinct[step])
                variance = (distinct[step] ** 2).sum() * chance * (1 - chance)
            scale = actual.sum() / load.sum()
            misplaced += np.abs(load * scale - actual).sum() / 2
            if_right += scale * sum(map(deviation, load, variance, need)) / 2
            requests += actual.sum()
            needs.append(need)
            came.append(actual > 0)
    need, came = np.concatenate(needs), np.concatenate(came)
    wanted = need >= 0.5
    bins = np.minimum(9, (need * 10).astype(int))
    error = sum(abs(need[bins == b].sum() - came[bins == b].sum()) for b in range(10)) / len(need)
    return {
        "forecast": name, "batch": batch, "layers_ahead": 0,
        "distinct_tokens": np.mean([len(d) for d in distinct[warm:]]),
        "load_error": misplaced / requests, "load_error_if_right": if_right / requests,
        "need_threshold": 0.5,
        "precision": (wanted & came).sum() / wanted.sum(), "recall": (wanted & came).sum() / came.sum(),
        "f1": 2 * (wanted & came).sum() / (wanted.sum() + came.sum()),
        "f1_if_right": 2 * need[wanted].sum() / (wanted.sum() + need.sum()),
        "brier": ((came - need) ** 2).mean(), "brier_if_right": (need * (1 - need)).mean(),
        "calibration_error": error,
    }


json.dump([study(name) for name in ("frequency", "persistence", "oracle")], sys.stdout, default=float)

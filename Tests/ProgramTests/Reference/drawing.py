"""Draws requests from the counts of a trace, and compares them with those that the program drew.

usage: drawing.py TRACE DRAWN TOKENS SEED TABLES > the first place where they differ, nothing if they are equal

The forecast of a layer is P0 times P / P0 of each of the tables named (layer-markov, token-markov), of
`accuracy.py`, normalised. It is multiplied by the share of
every expert in training over its share in the draws so far, which begin as 64 tokens of training's shares.
Of K independent choices with chances q = min(K p, .999), given that K are chosen, one is drawn: expert by
expert from the lowest, each with its share of the sets that are left.
"""
import sys

import numpy as np
from accuracy import MASK, Tables
from trace import Trace

trace, drawn = Trace(sys.argv[1]), Trace(sys.argv[2])
length, state = int(sys.argv[3]), int(sys.argv[4])
tables = Tables(trace)
for token, previous in enumerate(trace.previous()):
    tables.learn(trace.ids[token], trace.ids[previous] if previous >= 0 else None)
K, E, L = trace.k, trace.experts, trace.layers


def random():
    global state
    state = (state + 0x9E3779B97F4A7C15) & MASK
    z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


def draw(p):
    q = np.minimum(K * p, 0.999)
    odds = q / (1 - q)
    odds /= odds.max()
    sums = np.zeros((E + 1, K + 1))
    sums[:, 0] = 1
    for e in range(E - 1, -1, -1):
        sums[e, 1:] = sums[e + 1, 1:] + odds[e] * sums[e + 1, :-1]
    chosen, e = [], 0
    while len(chosen) < K:
        wanted = K - len(chosen)
        chance = odds[e] * sums[e + 1, wanted - 1] / sums[e, wanted]
        if wanted == E - e or (random() >> 11) * 2.0**-53 < chance:
            chosen.append(e)
        e += 1
    return sorted(chosen, key=lambda e: (-p[e], e))


p0 = (tables.c + 0.5) / (tables.c.sum(1, keepdims=True) + E / 2)
drawn_share, totals = p0 * 64 * K, np.full(L, 64.0 * K)
for token in range(len(drawn.ids)):
    if token % length == 0:
        random()  # chooses the path a mixture begins with
        before = None
    now = np.zeros((L, K), int)
    for layer in range(L):
        prior, by_layer, _, by_token = tables.forecast(now, before)[:, layer]
        p = prior.copy()
        for name, factor in (("layer-markov", by_layer), ("token-markov", by_token)):
            if name in sys.argv[5].split(","):
                p *= factor / prior
        p = p / p.sum() * p0[layer] * totals[layer] / drawn_share[layer]
        now[layer] = draw(p / p.sum())
    if not np.array_equal(now, drawn.ids[token]):
        print(f"token {token}: drawn {drawn.ids[token].tolist()}, here {now.tolist()}")
        break
    for layer in range(L):
        drawn_share[layer, now[layer]] += 1
        totals[layer] += K
    before = now

"""Hit rates of expert caches on one request after another, by plain simulation.

usage: caches.py TRACE STAGE PERCENT... > [{capacity_percent, places, policy, hit_rate, traffic}]

One cache for all layers, kept from request to request; every miss is brought in. LFU counts reads for ever
and evicts, among equals, the one not read longest. Belady evicts the one whose next read is farthest, or,
of those that are never read again, any.
"""
import json
import sys

from trace import Trace

path, stage, *percents = sys.argv[1:]
trace = Trace(path)
ids, _ = trace.pool(stage)
reads = [(l, e) for token in ids.tolist() for l, chosen in enumerate(token) for e in chosen]
following, last = [0] * len(reads), {}
for time in range(len(reads) - 1, -1, -1):
    following[time] = last.get(reads[time], len(reads))
    last[reads[time]] = time


def hit_rate(places, policy):
    worth, uses, hits = {}, {}, 0
    for time, read in enumerate(reads):
        uses[read] = uses.get(read, 0) + 1
        if read in worth:
            hits += 1
        elif len(worth) == places:
            del worth[min(worth, key=worth.get)]
        worth[read] = {"lru": time, "lfu": (uses[read], time), "belady": -following[time]}[policy]
    return hits / len(reads)


lines = []
for percent in map(float, percents):
    places = int(percent / 100 * trace.layers * trace.experts)
    for policy in ("lru", "lfu", "belady"):
        rate = hit_rate(places, policy)
        lines.append({
            "capacity_percent": percent, "places": places, "policy": policy, "hit_rate": rate,
            "traffic": 1 - rate,
        })
json.dump(lines, sys.stdout)

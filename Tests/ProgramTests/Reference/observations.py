"""Figures of `analyze` from counts made anew.

usage: observations.py TRACE > {requests, tokens, tasks, layers, figures}
"""
import json
import sys

import numpy as np
from trace import Trace

trace = Trace(sys.argv[1])
E, top = trace.experts, max(1, round(0.2 * trace.experts))
previous = trace.previous()


def share(counts, n):
    return np.sort(counts)[::-1][:n].sum() / counts.sum()


def relation(name, table, given, figures):
    if table.sum() == 0:
        return
    figures[name + "_top20"] = share(table[np.argmax(given)], top)
    rows = [row for row in table if row.sum() > 0]
    figures[name + "_top20_all"] = sum(share(row, top) * row.sum() for row in rows) / table.sum()


def layer_figures(layer, chosen):
    """Figures of the tokens `chosen`."""
    now, figures = trace.ids[chosen, layer], {}
    c = np.bincount(now.ravel(), minlength=E)
    C, D = np.zeros((E, E)), np.zeros((E, E))
    given = np.zeros(E)
    if layer > 0:
        before = trace.ids[chosen, layer - 1]
        np.add.at(C, (before[:, :, None], now[:, None, :]), 1)
        given = np.bincount(before.ravel(), minlength=E)
    follows = previous[chosen] >= 0
    np.add.at(D, (trace.ids[previous[chosen][follows], layer][:, :, None], now[follows][:, None, :]), 1)
    relation("next_layer", C, given, figures)
    relation("next_token", D, c, figures)
    figures["same_expert"] = np.trace(D) / now[follows].size
    figures["same_expert_by_popularity"] = ((c / c.sum()) * (c / len(now))).sum()
    p = c[c > 0] / c.sum()
    figures["most_used_over_mean"] = c.max() / c.mean()
    figures["popular_top20"] = share(c, top)
    figures["effective_experts"] = 2 ** -(p * np.log2(p)).sum()
    figures["unused_experts"] = float((c == 0).sum())
    figures["gini"] = np.abs(c[:, None] - c[None, :]).sum() / (2 * E * c.sum())
    return figures


scopes = {"prefill": trace.stage == 0, "decode": trace.stage == 1, "all": trace.stage >= 0}
layers, figures = [], {}
for layer, number in enumerate(trace.model_layers.tolist()):
    own = {"layer": number, "figures": {}}
    for scope, chosen in scopes.items():
        own["figures"][scope] = layer_figures(layer, np.nonzero(chosen)[0])
        for measure, value in own["figures"][scope].items():
            figures.setdefault(scope, {}).setdefault(measure, []).append((value, number))
    layers.append(own)
summary = {
    scope: {
        measure: {
            "mean": np.mean([v for v, _ in values]),
            "least": dict(zip(("value", "layer"), min(values, key=lambda v: v[0]))),
            "most": dict(zip(("value", "layer"), max(values, key=lambda v: v[0]))),
        }
        for measure, values in measures.items()
    }
    for scope, measures in figures.items()
}
tasks = {}
for request in set(trace.request):
    if task := trace.tasks.get(int(request)):
        tasks[task] = tasks.get(task, 0) + int((trace.request == request).sum())
json.dump({
    "requests": len(set(trace.request)), "tasks": tasks,
    "tokens": {scope: int(chosen.sum()) for scope, chosen in scopes.items()},
    "layers": layers, "figures": summary,
}, sys.stdout, default=float)

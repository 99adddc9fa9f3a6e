"""Recall and log loss of the four counting predictors by their formulas, an event at a time.

usage: accuracy.py TRAIN TEST > figures.json

  c[l, j]     times expert j was chosen at layer l
  C[l, i, j]  times j was chosen at l when the token chose i at l - 1
  D[l, i, j]  times j was chosen at l when the request's token before chose i at l
  frequency      P0(j) = (c[l, j] + 1/2) / (sum c[l] + E/2)
  layer-markov   mean over i of P(j|i) = (C[l, i, j] + 2 P0(j)) / (sum C[l, i] + 2); P0 at the first layer
  layer-product  P0(j) times the product over i of P(j|i) / P0(j), normalised
  token-markov   as layer-markov with D; P0 at a request's first token
"""
import json
import sys

import numpy as np
from trace import STAGES, Trace

NAMES = ("frequency", "layer-markov", "layer-product", "token-markov")
SCOPES = {"prefill": (0,), "decode": (1,), "all": (0, 1)}
MASK = 2**64 - 1


class Tables:
    def __init__(self, trace):
        shape = trace.layers, trace.experts
        self.c = np.zeros(shape)
        self.C, self.D = (np.zeros((*shape, trace.experts)) for _ in range(2))
        self.C_sums, self.D_sums = np.zeros(shape), np.zeros(shape)
        self.layer = np.arange(trace.layers)[:, None]

    def forecast(self, now, before):
        """Probabilities [predictor, layer, expert] of a token's choices; a layer sees those before it."""
        p0 = (self.c + 0.5) / (self.c.sum(1, keepdims=True) + self.c.shape[1] / 2)
        given = self.layer[1:], now[:-1]
        rows = (self.C[given] + 2 * p0[1:, None]) / (self.C_sums[given] + 2)[:, :, None]
        markov = np.concatenate([p0[:1], rows.mean(1)])
        logs = np.log(p0[1:]) + np.log(rows / p0[1:, None]).sum(1)
        product = np.exp(logs - logs.max(1, keepdims=True))
        product = np.concatenate([p0[:1], product / product.sum(1, keepdims=True)])
        token = p0
        if before is not None:
            given = self.layer, before
            rows = (self.D[given] + 2 * p0[:, None]) / (self.D_sums[given] + 2)[:, :, None]
            token = rows.mean(1)
        return np.stack([p0, markov, product, token])

    def learn(self, now, before):
        k = now.shape[1]
        self.c[self.layer, now] += 1
        self.C[self.layer[1:, None], now[:-1, :, None], now[1:, None, :]] += 1
        self.C_sums[self.layer[1:], now[:-1]] += k
        if before is not None:
            self.D[self.layer[:, None], before[:, :, None], now[:, None, :]] += 1
            self.D_sums[self.layer, before] += k


class Run:
    """Every token forecast and scored, then learnt if wanted: rank and bits [token, predictor, layer(, slot)]."""

    def __init__(self, trace, tables, learns=True):
        self.trace = trace
        ranks, bits = [], []
        experts = np.arange(trace.experts)
        for token, previous in enumerate(trace.previous()):
            now = trace.ids[token]
            before = trace.ids[previous] if previous >= 0 else None
            p = tables.forecast(now, before)
            own = np.take_along_axis(p, np.broadcast_to(now, (len(p), *now.shape)), 2)
            # Better ones come first, and of equal ones the lower id.
            better = p[:, :, None, :] > own[..., None]
            equal = (p[:, :, None, :] == own[..., None]) & (experts < now[None, :, :, None])
            ranks.append((better | equal).sum(3))
            bits.append(-np.log2(own).mean(2))
            if learns:
                tables.learn(now, before)
        self.ranks, self.bits = np.array(ranks), np.array(bits)
        k = trace.k
        self.ns = sorted({1, k, 2 * k, 4 * k})

    def tokens(self, scope):
        return np.isin(self.trace.stage, SCOPES[scope])

    def figures(self, tokens, layers=slice(None)):
        return {
            name: {
                "recall": {str(n): float((self.ranks[tokens, i, layers] < n).mean()) for n in self.ns},
                "log_loss_bits": float(self.bits[tokens, i, layers].mean()),
            }
            for i, name in enumerate(NAMES)
        }

    def report(self):
        return {
            "requests": len(set(self.trace.request)),
            "tokens": len(self.trace.ids),
            "events": {s: int(self.tokens(s).sum()) * self.trace.layers for s in SCOPES},
            "stages": {s: self.figures(self.tokens(s)) for s in SCOPES},
            "layers": [
                {"layer": int(number), "stages": {s: self.figures(self.tokens(s), l) for s in SCOPES}}
                for l, number in enumerate(self.trace.model_layers)
            ],
        }

    def progress(self):
        """After 1, 2, 4, ... chunks: events, and each predictor's recall@k so far and since the line before."""
        lines, last = [], 0
        chunks = self.trace.chunk.max() + 1
        for count in (2**i for i in range(int(chunks).bit_length())):
            end = int((self.trace.chunk < count).sum())
            hits = self.ranks < self.trace.k
            lines.append({
                "chunks": count,
                "events": end * self.trace.layers,
                "recall": [[hits[:end, i].mean(), hits[last:end, i].mean()] for i in range(len(NAMES))],
            })
            last = end
        return lines

    def intervals(self, resamples, seed):
        """95 % of the figures when requests are drawn anew (SplitMix64 draws row floor(x R / 2^64))."""
        stages = {}
        for scope in SCOPES:
            chosen = self.tokens(scope)
            order = list(dict.fromkeys(self.trace.request[chosen]))
            own = [chosen & (self.trace.request == request) for request in order]
            events = np.array([o.sum() * self.trace.layers for o in own])
            drawn = draws(len(order), resamples, seed)
            stages[scope] = {}
            for i, name in enumerate(NAMES):
                def ends(values, weights):
                    ratios = np.sort(values[drawn].sum(1) / weights[drawn].sum(1))
                    last = resamples - 1
                    return [ratios[int(np.floor(0.025 * last))], ratios[int(np.ceil(0.975 * last))]]
                recall = {
                    str(n): ends(
                        np.array([(self.ranks[o, i] < n).sum() for o in own]), events * self.trace.k)
                    for n in self.ns
                }
                bits = ends(np.array([self.bits[o, i].sum() for o in own]), events)
                stages[scope][name] = {"recall": recall, "log_loss_bits": bits}
        return stages


def draws(rows, resamples, seed):
    state, drawn = seed, np.zeros((resamples, rows), int)
    for at in np.ndindex(drawn.shape):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
        drawn[at] = ((z ^ (z >> 31)) * rows) >> 64
    return drawn


if __name__ == "__main__":
    train, test = Trace(sys.argv[1]), Trace(sys.argv[2])
    tables = Tables(train)
    trained = Run(train, tables)
    frozen = Run(test, tables, learns=False)
    # A request of the one trace is not continued in the other, whatever its number.
    learning = Run(test, tables)
    alone = Run(test, Tables(test))
    report = {
        "train": trained.report(), "progress": trained.progress(),
        "frozen": frozen.report(), "learning": learning.report(), "alone": alone.report(),
        "intervals": alone.intervals(1000, 1),
    }
    json.dump(report, sys.stdout, default=float)

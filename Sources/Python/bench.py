"""What a call costs from Python: one step, of one request and of 64, p50 and p99.

    python bench.py TRAIN.moe.lz4 [--tokens 2000]

For each predictor a model is trained on the first half of the trace's chunks and replayed, frozen
and learning, on the rest. Times are of `Batch.step` (observe and forecast, top 2K) in microseconds;
beside them what calls cost that do little.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import moecast
import numpy as np


def timed(act, calls: int) -> np.ndarray:
    """Seconds of each of so many calls of ``act(n)``."""
    times = np.empty(calls)
    for n in range(calls):
        before = time.perf_counter()
        act(n)
        times[n] = time.perf_counter() - before
    return times


def line(what: str, seconds: np.ndarray, per: int = 1) -> str:
    p50, p99 = np.percentile(seconds, [50, 99]) * 1e6
    each = f"   {p50 / per:6.2f} a request" if per > 1 else ""
    return f"{what:44s}{p50:9.2f}{p99:9.2f}{each}"


def steps(forecaster: moecast.Forecaster, ids: np.ndarray, width: int, tokens: int) -> np.ndarray:
    """Seconds of each step of ``width`` requests through ``ids [layers, tokens, top_k]``."""
    shape = forecaster.shape
    requests = list(range(width))
    forecaster.begin(requests)
    batch = forecaster.batch(requests, top=min(2 * shape.top_k, shape.experts))
    times = []
    for token in range(tokens // width):
        batch.open_tokens()
        at = (np.arange(width) * (ids.shape[1] // width) + token) % ids.shape[1]
        for layer in range(shape.layers):
            batch.ids[:] = ids[layer, at]
            before = time.perf_counter()
            batch.step(layer)
            times.append(time.perf_counter() - before)
    forecaster.end(requests)
    return np.array(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trace", help="a routing trace, *.moe.lz4")
    parser.add_argument("--tokens", type=int, default=2000, help="tokens replayed (2000)")
    options = parser.parse_args()
    with moecast.open(options.trace) as trace:
        shape, chunks = trace.shape, list(trace)
    ids = np.concatenate([chunk.ids for chunk in chunks[len(chunks) // 2 :]], axis=1)
    print(f"{shape.name}: {shape.layers} layers, top-{shape.top_k} of {shape.experts}")
    print(f"{'microseconds':44s}{'p50':>9s}{'p99':>9s}")
    with tempfile.TemporaryDirectory() as folder:
        half = Path(folder, "half.moe.lz4")
        with moecast.Writer(half, shape) as writer:
            for chunk in chunks[: len(chunks) // 2]:
                first = 0
                for run in chunk.runs:
                    of_it = chunk.ids[:, first : first + run["count"]].transpose(1, 0, 2)
                    first += int(run["count"])
                    writer.append(
                        int(run["request"]),
                        of_it,
                        stage=int(run["stage"]),
                        first_token=int(run["first_token"]),
                        ends=bool(run["ends_request"]),
                    )
        for predictor in ("layer-markov", "mixture-fast", "mixture"):
            model = Path(folder, predictor + ".h5")
            moecast.train(half, model, predictors=predictor)
            for learn in (False, True):
                for width in (1, 64):
                    with moecast.Forecaster(model, learn=learn) as forecaster:
                        times = steps(forecaster, ids, width, options.tokens)
                    how = "learning" if learn else "frozen"
                    print(line(f"{predictor}, {how}, {width} in a call", times, width))
        with moecast.Forecaster(model, learn=False) as forecaster:
            forecaster.begin([1])
            batch = forecaster.batch([1], top=1)
            batch.open_tokens()
            calls = timed(lambda n: batch.forecast(0), 20_000)
            print(line("a call of a batch (layer 0, top 1)", calls))
            out = moecast.Forecast(batch.ranked, batch.chances)
            numbers = batch.requests
            calls = timed(lambda n: forecaster.forecast(numbers, 0, 1, out=out), 20_000)
            print(line("the same of a forecaster", calls))
            counts = timed(lambda n: forecaster.horizon(), 20_000)
            print(line("a call that does nothing (horizon)", counts))


if __name__ == "__main__":
    main()

"""The layer-Markov forecast, online and test-then-train, with what people use for it in Python.

Every peer gets the ids decoded in memory and ranks only; moecast reads LZ4 and takes the log loss
too. Where a peer computes the same thing, its counts and its recall must be ours.
"""
import collections
import importlib.util
import json
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import lz4.frame
import numpy as np

program, shipped = sys.argv[1:]
ROUNDS = 5


def read(path):
    """Number of experts and the trace's ids, [layer, token, slot]."""
    chunks = []
    with lz4.frame.open(path) as trace:
        experts, k, layers, n = struct.unpack("<12xIHHI", trace.read(24))
        trace.read(2 * layers + n)
        while head := trace.read(40):
            at, tokens, _, width, weighted = struct.unpack("<4xI8xIIBB", head[:26])
            trace.read(at - 40)
            ids = np.frombuffer(trace.read(layers * tokens * k * width), f"<u{width}")
            chunks.append(ids.reshape(layers, tokens, k))
            trace.read(2 * ids.size * weighted)
    return experts, np.concatenate(chunks, 1).astype(np.int64)


# Each peer returns the counts C[layer, given, expert] or None, and the recall@K.


def dicts(ids, E):
    """Python dicts, an event at a time."""
    (L, T, K), ids = ids.shape, ids.tolist()
    pairs = [collections.defaultdict(lambda: collections.defaultdict(int)) for _ in range(L)]
    sums, use, hits = [collections.Counter() for _ in range(L)], [[0] * E for _ in range(L)], 0
    for t in range(T):
        for l in range(L):
            chosen, given = ids[l][t], ids[l - 1][t] if l else ()
            own, rows, total = use[l], pairs[l], sums[l]
            weights = [1 / (total[i] + 2) for i in given]
            prior = 2 * sum(weights) if l else 1
            prior /= t * K + E / 2
            score = [prior * (c + 0.5) for c in own]
            for i, w in zip(given, weights):
                for j, c in rows[i].items():
                    score[j] += w * c
            best = sorted(range(E), key=score.__getitem__, reverse=True)[:K]
            hits += len(set(best).intersection(chosen))
            for j in chosen:
                own[j] += 1
            for i in given:
                total[i] += K
                row = rows[i]
                for j in chosen:
                    row[j] += 1
    C = np.zeros((L, E, E), int)
    for l, rows in enumerate(pairs):
        for i, row in rows.items():
            C[l, i, list(row.keys())] = list(row.values())
    return C, hits / (L * T * K)


def numpy_events(ids, E):
    """numpy, an event at a time."""
    L, T, K = ids.shape
    C, use, sums, hits = np.zeros((L, E, E)), np.zeros((L, E)), np.zeros((L, E)), 0
    for t in range(T):
        for l in range(L):
            chosen = ids[l, t]
            prior = (use[l] + 0.5) / (t * K + E / 2)
            if l:
                given = ids[l - 1, t]
                weights = 1 / (sums[l, given] + 2)
                score = weights @ C[l, given] + 2 * weights.sum() * prior
                C[l, given[:, None], chosen] += 1
                sums[l, given] += K
            else:
                score = prior
            best = np.argsort(-score, kind="stable")[:K]
            hits += np.isin(chosen, best).sum()
            use[l, chosen] += 1
    return C, hits / (L * T * K)


def numpy_batches(ids, E, batch=64):
    """numpy, 64 tokens at a time: not strictly test-then-train, a batch is forecast by the counts
    before it."""
    L, T, K = ids.shape
    C, use, sums, hits = np.zeros((L, E, E)), np.zeros((L, E)), np.zeros((L, E)), 0
    for t in range(0, T, batch):
        for l in range(L):
            chosen = ids[l, t : t + batch]
            score = np.tile((use[l] + 0.5) / (t * K + E / 2), (len(chosen), 1))
            if l:
                given = ids[l - 1, t : t + batch]
                weights = np.zeros((len(chosen), E))
                np.put_along_axis(weights, given, 1 / (sums[l, given] + 2), 1)
                score = weights @ C[l] + 2 * weights.sum(1, keepdims=True) * score
                cells = (given[:, :, None] * E + chosen[:, None, :]).ravel()
                C[l] += np.bincount(cells, minlength=E * E).reshape(E, E)
                sums[l] += K * np.bincount(given.ravel(), minlength=E)
            own = np.take_along_axis(score, chosen, 1)
            before = np.arange(E) < chosen[:, :, None]
            above = score[:, None, :] > own[:, :, None]
            ties = score[:, None, :] == own[:, :, None]
            hits += ((above | ties & before).sum(2) < K).sum()
            use[l] += np.bincount(chosen.ravel(), minlength=E)
    return C, hits / (L * T * K)


def numba_ranks(ids, E):
    """numba in single precision, layer by layer."""
    C, hits, _ = numba_kernel(ids, E, False)
    return C, hits / ids.size


def numba_loss(ids, E):
    """The same with the log loss, which must be ours."""
    C, hits, loss = numba_kernel(ids, E, True)
    return C, hits / ids.size, loss / ids.size


def numba_kernel(ids, E, takes_loss):
    L, T, K = ids.shape
    C, hits, loss = np.zeros((L, E, E), np.int32), 0, 0.0
    for l in range(L):
        use, sums, score = np.zeros(E, np.int32), np.zeros(E, np.int32), np.zeros(E, np.float32)
        for t in range(T):
            chosen, prior = ids[l, t], np.float32(1)
            score[:] = 0
            if l:
                prior = np.float32(0)
                for i in ids[l - 1, t]:
                    weight = np.float32(1) / np.float32(sums[i] + 2)
                    prior += 2 * weight
                    row = C[l, i]
                    for j in range(E):
                        score[j] += weight * np.float32(row[j])
                prior /= np.float32(K)
            prior /= np.float32(t * K + E / 2)
            scale = np.float32(1 / K) if l else np.float32(1)
            for j in range(E):
                score[j] = score[j] * scale + prior * (np.float32(use[j]) + np.float32(0.5))
            for j in chosen:
                own, rank = score[j], np.int32(0)
                for other in range(E):
                    rank += np.int32((score[other] > own) | ((score[other] == own) & (other < j)))
                hits += rank < K
                if takes_loss:
                    loss -= np.log2(own)
            for j in chosen:
                use[j] += 1
            if l:
                for i in ids[l - 1, t]:
                    sums[i] += K
                    row = C[l, i]
                    for j in chosen:
                        row[j] += 1
    return C, hits, loss


def river_priors(ids, E):
    """River, a PriorClassifier an expert of the layer before: k = 1."""
    from river.dummy import PriorClassifier

    return None, river_hits(ids, lambda _: collections.defaultdict(PriorClassifier))


def river_bayes(ids, E):
    """River, a MultinomialNB a layer: k = 1."""
    from river.naive_bayes import MultinomialNB

    def one(_):
        model = MultinomialNB()
        return collections.defaultdict(lambda: model)

    return None, river_hits(ids, one)


def river_hits(ids, make):
    L, T, _ = ids.shape
    ids, models, hits = ids[:, :, 0].tolist(), [make(l) for l in range(L)], 0
    for t in range(T):
        for l in range(L):
            given, chosen = ids[l - 1][t] if l else -1, ids[l][t]
            model, x = models[l][given], {given: 1}
            hits += model.predict_one(x) == chosen
            model.learn_one(x, chosen)
    return hits / (L * T)


def vowpal_wabbit(path, E):
    """Vowpal Wabbit --oaa on text with its own parser: k = 1."""
    from vowpalwabbit import Workspace

    learner = Workspace(f"--oaa {E} -b 18 --quiet --no_stdin -d {path}")
    hits = 1 - learner.get_sum_loss() / learner.get_weighted_examples()
    learner.finish()
    return None, hits


def ours(trace, K):
    """Seconds as the program measures them, from the opened trace to the last event learnt."""
    told = subprocess.run(
        [program, "train", trace, "--predictors", "layer-markov", "--workers", "1", "--json"],
        check=True, capture_output=True).stdout
    told = json.loads(told)
    loss = told["log_loss_bits"]["all"]["layer-markov"]
    return told["seconds"], (told["recall"]["all"]["layer-markov"][str(K)], loss)


def measure(trace, E, K, events, peers):
    """Rounds of ours and every peer in turns; prints a row each."""
    seconds, results = collections.defaultdict(list), {}
    for _ in range(ROUNDS):
        for what, run, data in peers:
            spent, own = ours(trace, K)
            seconds[None].append(spent)
            start = time.perf_counter()
            results[what] = run(data, E)
            seconds[what].append(time.perf_counter() - start)
    unit = statistics.median(seconds[None])

    def row(what, spent, recall):
        print(f"| {what} | {events / spent:,.0f} | {unit / spent:.4f} | {recall:.4f} |", flush=True)

    row("moecast train, from LZ4, ranks and log loss", unit, own[0])
    for what, _, _ in peers:
        row(what, statistics.median(seconds[what]), results[what][1])
    return own, results


def main():
    global numba_kernel
    has = {name: importlib.util.find_spec(name) for name in ("numba", "river", "vowpalwabbit")}
    E, ids = read(shipped)
    L, T, K = ids.shape
    with tempfile.TemporaryDirectory() as folder:
        peers = [
            ("Python dicts", dicts, ids),
            ("numpy, an event at a time", numpy_events, ids),
            ("numpy, 64 tokens at a time (learns late)", numpy_batches, ids),
        ]
        if has["numba"]:
            import numba

            numba_kernel = numba.njit(numba_kernel)
            numba_kernel(np.ascontiguousarray(ids[:, :2]), E, True)
            peers.append(("numba, ranks", numba_ranks, ids))
            peers.append(("numba, ranks and log loss", numba_loss, ids))
        print(f"\n| top-{K} of {E}, {L} layers, {T * L:,} events | events/s | of ours | recall@{K} |")
        print("|---|---|---|---|")
        own, results = measure(shipped, E, K, L * T, peers)
        subprocess.run(
            [program, "train", shipped, "--predictors", "layer-markov", "--quiet", "--json",
             "--model", f"{folder}/model.h5"], check=True, capture_output=True)
        subprocess.run(
            [program, "export", "--model", f"{folder}/model.h5", "--to", "npz",
             "-o", f"{folder}/tables.npz"], check=True, capture_output=True)
        counts = np.load(f"{folder}/tables.npz")["C"]
        for what, (C, recall, *loss) in results.items():
            assert np.array_equal(C, counts), f"{what}: other counts than ours"
            # Rounding decides near ties otherwise; a batch learns late.
            assert abs(recall - own[0]) < (0.03 if "late" in what else 1e-4), f"{what}: other recall"
            assert all(abs(bits - own[1]) < 1e-4 for bits in loss), f"{what}: other log loss"

        first = ids[:, :, :1]
        array = np.ascontiguousarray(first.transpose(1, 0, 2), np.uint8)
        np.save(f"{folder}/first.npy", array)
        trace = f"{folder}/first.moe.lz4"
        subprocess.run(
            [program, "import", "--format", "vllm-npy", "--experts", str(E), "--prefill", "0",
             "-o", trace, f"{folder}/first.npy"], check=True, capture_output=True)
        peers = []
        if has["river"]:
            peers += [
                ("River, PriorClassifier an expert before", river_priors, first),
                ("River, MultinomialNB a layer", river_bayes, first),
            ]
        if has["vowpalwabbit"]:
            text = f"{folder}/first.vw"
            with open(text, "w") as file:
                for t in range(T):
                    for l in range(L):
                        given = first[l - 1, t, 0] if l else "none"
                        file.write(f"{first[l, t, 0] + 1} | {l}_{given}\n")
            peers.append((f"Vowpal Wabbit --oaa {E}, from text", vowpal_wabbit, text))
        if peers:
            print(f"\n| the same, an event's first expert: top-1 of {E} | events/s | of ours | hits |")
            print("|---|---|---|---|")
            own, results = measure(trace, E, 1, L * T, peers)
            for what, (_, hits) in results.items():
                # The same rows without the prior, and models that are near it.
                assert abs(hits - own[0]) < 0.05, f"{what}: other hits"


main()

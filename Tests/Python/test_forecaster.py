"""Forecasts while requests run, against the formula, the trace and the trainer."""

from __future__ import annotations

import threading
from pathlib import Path

import moecast
import numpy as np
import pytest
from conftest import TEST, TRAIN, needs_library

pytestmark = needs_library

NONE = int(moecast.NO_EXPERT)


@pytest.fixture(scope="module")
def chunk() -> moecast.Chunk:
    return next(moecast.open(TEST))


def requests_of(chunk: moecast.Chunk) -> dict[int, np.ndarray]:
    """Ids [tokens, layers, top_k] of each request of a chunk."""
    return {
        int(request): chunk.ids[:, chunk.requests == request].transpose(1, 0, 2)
        for request in np.unique(chunk.requests)
    }


def test_layer_markov_is_its_formula(layer_markov: Path, chunk: moecast.Chunk) -> None:
    """Mean over the experts i before of (C[i, j] + 2 P(j)) / (n[i] + 2), P from frequencies."""
    h5py = pytest.importorskip("h5py", reason="h5py is absent: tables of models are not read")
    with h5py.File(layer_markov) as model:
        counts = model["layer-markov/counts"][...].astype(float)
        frequency = model["frequency/counts"][...].astype(float)
    prior = (frequency + 0.5) / (frequency + 0.5).sum(-1, keepdims=True)
    with moecast.Forecaster(layer_markov, learn=False) as forecaster:
        assert forecaster.predictors == ("layer-markov", "mixture-fast")
        assert forecaster.horizon(0) == 1
        forecaster.begin([3])
        for token in range(20):
            forecaster.open_tokens([3])
            for layer in range(11):
                ids = chunk.ids[layer, token][None]
                told = forecaster.step([3], layer, ids, top=64)
                # An expert that came was followed by K others.
                rows = counts[layer + 1, ids[0]]
                came = rows.sum(-1, keepdims=True) / 8
                chances = ((rows + 2 * prior[layer + 1]) / (came + 2)).mean(0)
                chances /= chances.sum()
                np.testing.assert_allclose(told.chances[0], chances[told.ranked[0]], rtol=1e-3)
                assert (np.diff(told.chances[0]) <= 0).all()
                assert sorted(told.ranked[0].tolist()) == list(range(64))
            last = forecaster.step([3], 11, chunk.ids[11, token][None], top=64)
            assert (last.ranked == NONE).all() and (last.chances == 0).all()


@pytest.mark.parametrize("flight", [1, 64])
def test_what_is_learnt_is_what_train_learns_from_the_recording(
    tmp_path: Path, chunk: moecast.Chunk, flight: int
) -> None:
    record, live, trained = (tmp_path / name for name in ("r.moe.lz4", "live.h5", "trained.h5"))
    with moecast.open(TEST) as trace:
        shape = trace.shape
    predictors = "layer-markov,mixture-fast"
    with moecast.Forecaster(shape, predictors=predictors, record=record) as forecaster:
        # Requests of some tokens each, `flight` of them under way at a time.
        numbers = list(range(flight))
        forecaster.begin(numbers)
        batch = forecaster.batch(numbers, top=16)
        for step in range(320 // flight):
            batch.open_tokens()
            tokens = (np.arange(flight) * 7 + step) % chunk.tokens
            for layer in range(shape.layers):
                batch.ids[:] = chunk.ids[layer, tokens]
                batch.step(layer)
        forecaster.end(numbers)
        forecaster.save(live)
        assert forecaster.counts() == (320 // flight * flight, 0, 0)
        assert forecaster.score().events == 320 // flight * flight * shape.layers
    moecast.train(record, trained, predictors=predictors)
    assert live.read_bytes() == trained.read_bytes()


def test_a_batch_and_plain_calls_forecast_the_same(
    layer_markov: Path, chunk: moecast.Chunk
) -> None:
    with moecast.Forecaster(layer_markov, learn=False) as forecaster:
        forecaster.begin([1, 2, 3])
        forecaster.begin([11, 12, 13])
        batch = forecaster.batch([11, 12, 13], top=8, predictor=1)
        for token in range(0, 30, 3):
            forecaster.open_tokens([1, 2, 3])
            batch.open_tokens()
            for layer in range(12):
                batch.ids[:] = chunk.ids[layer, token : token + 3]
                batch.step(layer)
                plain = forecaster.step([1, 2, 3], layer, batch.ids, top=8, predictor=1)
                np.testing.assert_array_equal(plain.ranked, batch.ranked)
                np.testing.assert_array_equal(plain.chances, batch.chances)


def test_a_step_is_an_observation_and_a_forecast(layer_markov: Path, chunk: moecast.Chunk) -> None:
    with moecast.Forecaster(layer_markov, learn=False) as forecaster:
        forecaster.begin([1, 2])
        forecaster.open_tokens([1, 2], stages=[moecast.PREFILL, moecast.PREFILL])
        for layer in range(11):
            ids = chunk.ids[layer, :1]
            stepped = forecaster.step([1], layer, ids, top=5)
            forecaster.observe([2], layer, ids)
            room = moecast.Forecast(np.empty((1, 5), np.uint16), np.empty((1, 5), np.float32))
            asked = forecaster.forecast([2], layer + 1, 5, out=room)
            assert asked is room
            np.testing.assert_array_equal(asked.ranked, stepped.ranked)
            np.testing.assert_array_equal(asked.chances, stepped.chances)


def test_it_forecasts_requests_that_it_has_not_seen(
    layer_markov: Path, chunk: moecast.Chunk
) -> None:
    hits = events = 0
    with moecast.Forecaster(layer_markov, learn=False) as forecaster:
        for request, ids in requests_of(chunk).items():
            forecaster.begin([request])
            batch = forecaster.batch([request], top=8, predictor=1)
            for token in ids[:100]:
                batch.open_tokens()
                batch.forecast(0)
                for layer in range(12):
                    hits += len(np.intersect1d(batch.ranked[0], token[layer]))
                    events += 1
                    batch.ids[0] = token[layer]
                    batch.step(layer)
            forecaster.end([request])
    assert hits / events / 8 > 0.6  # Trained in full it reaches .70; a random ranking .125.


def test_learning_goes_on_beside_forecasts(layer_markov: Path, chunk: moecast.Chunk) -> None:
    with moecast.Forecaster(layer_markov) as forecaster:
        before = forecaster.counts()
        forecaster.begin([1])
        for token in range(50):
            forecaster.open_tokens([1])
            for layer in range(12):
                forecaster.observe([1], layer, chunk.ids[layer, token][None])
        forecaster.flush()
        after = forecaster.counts()
    assert (before.tokens_learnt, before.requests) == (6685, 0)
    assert after == (6685 + 50, 0, 1)


def test_a_frozen_forecaster_learns_nothing(
    layer_markov: Path, tmp_path: Path, chunk: moecast.Chunk
) -> None:
    with moecast.Forecaster(layer_markov, learn=False) as forecaster:
        forecaster.begin([1])
        forecaster.open_tokens([1])
        for layer in range(12):
            forecaster.observe([1], layer, chunk.ids[layer, 0][None])
        forecaster.flush()
        assert forecaster.counts().tokens_learnt == 6685


def test_requests_of_several_threads_do_not_meet(layer_markov: Path, chunk: moecast.Chunk) -> None:
    def played(forecaster: moecast.Forecaster, request: int) -> list[int]:
        forecaster.begin([request])
        batch = forecaster.batch([request], top=8)
        ranked: list[int] = []
        for token in range(request, request + 40):
            batch.open_tokens()
            for layer in range(12):
                batch.ids[0] = chunk.ids[layer, token]
                batch.step(layer)
                ranked += batch.ranked[0].tolist()
        return ranked

    with moecast.Forecaster(layer_markov, learn=False) as alone:
        expected = {request: played(alone, request) for request in range(4)}
    found: dict[int, list[int]] = {}
    with moecast.Forecaster(layer_markov, learn=False) as shared:
        threads = [
            threading.Thread(target=lambda n=n: found.update({n: played(shared, n)}))
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == expected


def test_the_oldest_request_is_forgotten(layer_markov: Path) -> None:
    with moecast.Forecaster(layer_markov, learn=False, max_requests=2) as forecaster:
        forecaster.begin([1, 2, 3])
        assert forecaster.counts().requests == 2
        with pytest.raises(moecast.UnknownRequestError):
            forecaster.open_tokens([1])
        forecaster.open_tokens([2, 3])


GOOD = np.arange(8, dtype=np.uint16)[None]
#: What is called on a forecaster that has opened a token of request 1, and what it says.
FAULTS = {
    "unknown request": (
        lambda f: f.observe([9], 0, GOOD),
        moecast.UnknownRequestError,
        "request 9 is not under way",
    ),
    "ended request": (
        lambda f: (f.begin([4]), f.end([4]), f.open_tokens([4])),
        moecast.UnknownRequestError,
        "request 4 is not",
    ),
    "end of an unknown request": (
        lambda f: f.end([9]),
        moecast.UnknownRequestError,
        "request 9 is not under way",
    ),
    "a second beginning": (lambda f: f.begin([1]), moecast.OutOfOrderError, "is under way"),
    "a layer too far": (
        lambda f: f.observe([1], 3, GOOD),
        moecast.OutOfOrderError,
        "layer 0 is next",
    ),
    "no such layer": (lambda f: f.observe([1], 12, GOOD), moecast.OutOfOrderError, "layer 12"),
    "a layer below 0": (lambda f: f.observe([1], -1, GOOD), moecast.BadArgumentError, "-1"),
    "a second token": (lambda f: f.open_tokens([1]), moecast.OutOfOrderError, "a token is open"),
    "a token that is not open": (
        lambda f: f.observe([2], 0, GOOD),
        moecast.OutOfOrderError,
        "no token is open",
    ),
    "the same twice": (
        lambda f: f.observe([1, 1], 0, np.concatenate([GOOD, GOOD])),
        moecast.OutOfOrderError,
        "named twice",
    ),
    "an expert too high": (
        lambda f: f.observe([1], 0, GOOD + 57),
        moecast.BadChoiceError,
        "expert 64",
    ),
    "an expert twice": (lambda f: f.observe([1], 0, GOOD // 2), moecast.BadChoiceError, "twice"),
    "an empty slot in front": (
        lambda f: f.observe([1], 0, np.where(GOOD == 0, 0xFFFF, GOOD)),
        moecast.BadChoiceError,
        "behind an empty slot",
    ),
    "too few ids": (
        lambda f: f.observe([1], 0, GOOD[:, :7]),
        moecast.BadArgumentError,
        r"\[1, 8\]",
    ),
    "too many rows": (
        lambda f: f.observe([1], 0, np.concatenate([GOOD, GOOD])),
        moecast.BadArgumentError,
        r"\[1, 8\]",
    ),
    "floats": (lambda f: f.observe([1], 0, GOOD * 1.0), moecast.BadArgumentError, "integers"),
    "request below 0": (lambda f: f.begin([-1]), moecast.BadArgumentError, "0 to 2"),
    "request too high": (lambda f: f.begin([1 << 64]), moecast.BadArgumentError, "0 to 2"),
    "request of text": (lambda f: f.begin(["a"]), moecast.BadArgumentError, "integers"),
    "top 0": (lambda f: f.forecast([1], 0, 0), moecast.BadArgumentError, "top 0"),
    "top 65": (lambda f: f.forecast([1], 0, 65), moecast.BadArgumentError, "top 65"),
    "top of a batch": (lambda f: f.batch([1], 65), moecast.BadArgumentError, "top 65"),
    "layer of a batch": (lambda f: f.batch([1], 5).step(12), moecast.BadArgumentError, "0 to 11"),
    "no such predictor": (
        lambda f: f.forecast([1], 0, 4, predictor=7),
        moecast.BadArgumentError,
        "predictor 7",
    ),
    "horizon of none": (lambda f: f.horizon(7), moecast.BadArgumentError, "predictor 7"),
    "score of none": (lambda f: f.score(7), moecast.BadArgumentError, "predictor 7"),
    "beyond the horizon": (lambda f: f.forecast([1], 5, 4), moecast.OutOfOrderError, "layer 5"),
    "room of another shape": (
        lambda f: f.forecast(
            [1], 0, 4, out=moecast.Forecast(np.empty((1, 5), np.uint16), np.empty((1, 5), "f4"))
        ),
        moecast.BadArgumentError,
        r"\[1, 4\]",
    ),
    "room of another kind": (
        lambda f: f.forecast(
            [1], 0, 4, out=moecast.Forecast(np.empty((1, 4), np.int64), np.empty((1, 4), "f4"))
        ),
        moecast.BadArgumentError,
        "uint16",
    ),
    "stages of another shape": (
        lambda f: f.open_tokens([2], stages=[0, 1]),
        moecast.BadArgumentError,
        r"\[1\]",
    ),
    "a stage of none": (
        lambda f: f.open_tokens([2], stages=[7]),
        moecast.BadArgumentError,
        "stage 7",
    ),
    "no folder to save in": (lambda f: f.save("/nowhere/at/all.h5"), moecast.FileError, "nowhere"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_misuse_is_said_and_changes_nothing(layer_markov: Path, fault: str) -> None:
    act, kind, words = FAULTS[fault]
    with moecast.Forecaster(layer_markov, learn=False) as forecaster:
        forecaster.begin([1, 2])
        forecaster.open_tokens([1])
        with pytest.raises(kind, match=words):
            act(forecaster)
        # Request 1 goes on where it was, and forecasts what one does that saw no fault.
        forecaster.begin([100])
        forecaster.open_tokens([100])
        for layer in range(12):
            told = forecaster.step([1, 100], layer, np.concatenate([GOOD, GOOD]), top=8)
            np.testing.assert_array_equal(told.ranked[0], told.ranked[1])
            np.testing.assert_array_equal(told.chances[0], told.chances[1])


def test_kinds_of_errors_are_pythons_too(layer_markov: Path) -> None:
    with moecast.Forecaster(layer_markov, learn=False) as forecaster:
        with pytest.raises(KeyError) as caught:
            forecaster.end([5])
        assert "'" not in str(caught.value)[:1]  # Not the quoted text that KeyError shows.
        with pytest.raises(ValueError):
            forecaster.forecast([5], 0, 0)


def test_a_closed_forecaster_says_so(layer_markov: Path) -> None:
    forecaster = moecast.Forecaster(layer_markov, learn=False)
    forecaster.begin([1])
    batch = forecaster.batch([1], top=4)
    forecaster.close()
    forecaster.close()
    for act in (
        lambda: forecaster.begin([1]),
        forecaster.counts,
        batch.open_tokens,
        lambda: batch.step(0),
    ):
        with pytest.raises(moecast.BadArgumentError):
            act()


def test_models_that_are_none_are_refused(tmp_path: Path) -> None:
    for model, kind in [
        ("/nowhere/model.h5", moecast.FileError),
        (TRAIN, moecast.DataError),
        (__file__, moecast.DataError),
    ]:
        with pytest.raises(kind):
            moecast.Forecaster(model)
    with pytest.raises(moecast.Error, match="oracle"):
        moecast.Forecaster(moecast.Shape(2, 8, 2), predictors="oracle")
    with pytest.raises(moecast.BadArgumentError, match="predictors"):
        moecast.Forecaster(TOP_MODEL, predictors="frequency")


TOP_MODEL = TRAIN.parent / "tiny-moe.h5"

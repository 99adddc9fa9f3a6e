"""Recorded traces are files that are read and learnt from."""

from __future__ import annotations

from pathlib import Path

import moecast
import numpy as np
import pytest
from conftest import needs_library
from moecast.record import MemorySink, Recorder, ResponseRecorder
from test_responses import ROWS, SHAPE, chosen, engines

pytestmark = needs_library


def tokens_by_name(path: Path) -> dict[str, np.ndarray]:
    """Ids [tokens, layers, top_k] of each named request of a trace of one chunk."""
    (chunk,) = moecast.open(path)
    return {
        label.name: chunk.ids[:, chunk.requests == label.request].transpose(1, 0, 2)
        for label in chunk.labels
    }


def test_answers_become_a_trace(tmp_path: Path) -> None:
    path = tmp_path / "answers.moe.lz4"
    with ResponseRecorder(path, SHAPE) as recorder:
        recorder.add(engines()["vllm npy uint8"], task="math")
        recorder.add(engines()["sglang generate"])
        recorder.add({"text": "no routing"})
    assert (recorder.tokens, recorder.errors) == (2 * ROWS, 1)
    found = tokens_by_name(path)
    assert list(found) == ["cmpl-1", "b1"]
    for ids in found.values():
        np.testing.assert_array_equal(ids, chosen())


def test_a_folder_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(moecast.FileError):
        ResponseRecorder(tmp_path / "no" / "answers.moe.lz4", SHAPE)


@pytest.mark.parametrize("weights", [False, True])
def test_a_models_run_is_recorded_and_learnt(tmp_path: Path, weights: bool) -> None:
    torch = pytest.importorskip("torch", reason="torch is absent: hooks on models are not tested")
    pytest.importorskip("transformers", reason="transformers is absent: no models to record")
    from moecast.record.routers import find_routers, shape_of
    from tiny_models import PAD, tiny

    model = tiny("deepseek_v3")
    sink = MemorySink(shape_of(find_routers(model), model, None))
    path = tmp_path / "run.moe.lz4"
    ids = torch.arange(2, 26).reshape(2, 12)
    mask = torch.ones_like(ids)
    mask[0, :5] = 0
    with Recorder(model, path, weights=weights) as recorder, Recorder(model, sink, weights=weights):
        recorder.task = "counting"
        model.generate(
            ids,
            attention_mask=mask,
            max_new_tokens=5,
            min_new_tokens=5,
            do_sample=False,
            pad_token_id=PAD,
        )
        assert not path.exists()
    assert recorder.errors == 0, recorder.last_error
    with moecast.open(path) as trace:
        assert trace.shape == recorder.shape
        (chunk,) = trace
    assert [label.task for label in chunk.labels] == ["counting", "counting"]
    for number, request in enumerate(dict.fromkeys(chunk.requests.tolist())):
        of_it = chunk.requests == request
        kept, stages, positions = sink.requests[number]
        np.testing.assert_array_equal(chunk.ids[:, of_it].transpose(1, 0, 2), kept)
        np.testing.assert_array_equal(chunk.stages[of_it], stages)
        np.testing.assert_array_equal(chunk.positions[of_it], positions)
        if weights:
            gate = chunk.weights[:, of_it].transpose(1, 0, 2)
            np.testing.assert_array_equal(gate, sink.weights[number].astype(np.float16))
    assert int(chunk.runs["ends_request"].sum()) == 2
    moecast.train(path, tmp_path / "m.h5", predictors="layer-markov")
    assert moecast.evaluate(tmp_path / "m.h5", path).events == chunk.tokens * 3

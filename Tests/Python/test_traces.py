"""Traces as arrays, and arrays as traces."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import moecast
import numpy as np
import pytest
from conftest import PROGRAM, TEST, TRAIN, needs_library, needs_program

pytestmark = needs_library

SHAPE = moecast.Shape(layers=3, experts=16, top_k=4, model_layers=(1, 3, 5), name="three")


def choices(tokens: int, seed: int = 0, shape: moecast.Shape = SHAPE) -> np.ndarray:
    """Ids [tokens, layers, top_k], in each event distinct."""
    random = np.random.default_rng(seed).random((tokens, shape.layers, shape.experts))
    return np.argsort(random, -1)[..., : shape.top_k].astype(np.uint16)


def test_the_shipped_trace_is_what_numpy_reads() -> None:
    """Against a reader of its own, of the container as it is documented."""
    lz4 = pytest.importorskip("lz4.frame", reason="lz4 is absent: no second reader of traces")
    with lz4.open(TEST) as trace:
        experts, k, layers, n = struct.unpack("<12xIHHI", trace.read(24))
        numbers = np.frombuffer(trace.read(2 * layers + n), "<u2", layers)
        expected = []
        while head := trace.read(40):
            at, tokens, runs, width, weighted = struct.unpack("<4xI8xIIBB", head[:26])
            assert not weighted
            trace.read(at - 40)
            ids = np.frombuffer(trace.read(layers * tokens * k * width), f"<u{width}")
            expected.append(ids.reshape(layers, tokens, k))
    with moecast.open(TEST) as reader:
        shape = reader.shape
        chunks = list(reader)
    assert (shape.experts, shape.top_k, shape.name) == (experts, k, "tiny-moe")
    assert shape.model_layers == tuple(numbers.tolist())
    assert len(chunks) == len(expected)
    for chunk, ids in zip(chunks, expected):
        np.testing.assert_array_equal(chunk.ids, ids)
        assert len(chunk.requests) == len(chunk.stages) == len(chunk.positions) == chunk.tokens
    assert sum(chunk.tokens for chunk in chunks) == 3339


def test_several_traces_are_one_stream() -> None:
    tokens = sum(chunk.tokens for chunk in moecast.open([TRAIN, TEST]))
    assert tokens == 6685 + 3339


@pytest.mark.parametrize("weights", [False, True])
def test_what_is_written_is_read(tmp_path: Path, weights: bool) -> None:
    ids, gate = choices(30), np.random.default_rng(1).random((30, 3, 4)).astype(np.float16)
    path = tmp_path / "written.moe.lz4"
    part = {"weights": gate[:20]} if weights else {}
    rest = {"weights": gate[20:]} if weights else {}
    with moecast.Writer(path, SHAPE, weights=weights) as writer:
        writer.append(5, ids[:20], name="five", task="math", **part)
        writer.append(9, ids[:20], first_token=100, **part)
        writer.append(5, ids[20:], stage=moecast.DECODE, ends=True, **rest)
        writer.append(9, ids[:0], stage=moecast.DECODE, ends=True)
        assert not path.exists()
    with moecast.open(path) as reader:
        assert reader.shape == SHAPE
        (chunk,) = reader
    np.testing.assert_array_equal(
        chunk.ids, np.concatenate([ids[:20], ids[:20], ids[20:]]).transpose(1, 0, 2)
    )
    assert (
        chunk.requests.tolist()
        == [chunk.requests[0]] * 20 + [chunk.requests[20]] * 20 + [chunk.requests[0]] * 10
    )
    assert chunk.positions.tolist() == [*range(20), *range(100, 120), *range(20, 30)]
    assert chunk.stages.tolist() == [0] * 40 + [1] * 10
    assert [(label.name, label.task) for label in chunk.labels] == [("five", "math")]
    ends = chunk.runs[chunk.runs["ends_request"] == 1]["request"].tolist()
    assert sorted(ends) == sorted(set(chunk.requests.tolist()))
    if weights:
        together = np.concatenate([gate[:20], gate[:20], gate[20:]])
        np.testing.assert_array_equal(chunk.weights, together.transpose(1, 0, 2))
    else:
        assert chunk.weights is None


def test_empty_slots_come_back(tmp_path: Path) -> None:
    ids = choices(5)
    ids[2, 1, 2:] = moecast.NO_EXPERT
    with moecast.Writer(tmp_path / "e.moe.lz4", SHAPE) as writer:
        writer.append(0, ids, ends=True)
    (chunk,) = moecast.open(tmp_path / "e.moe.lz4")
    np.testing.assert_array_equal(chunk.ids.transpose(1, 0, 2), ids)


def test_chunks_are_as_long_as_they_were_asked_to_be(tmp_path: Path) -> None:
    with moecast.Writer(tmp_path / "c.moe.lz4", SHAPE, chunk_tokens=8) as writer:
        for token in choices(20):
            writer.append(0, token[None])
    assert [chunk.tokens for chunk in moecast.open(tmp_path / "c.moe.lz4")] == [8, 8, 4]


def test_chunks_live_on_when_the_reader_goes_on() -> None:
    reader = moecast.open(TRAIN)
    first = next(reader)
    before = first.ids.copy()
    list(reader)
    np.testing.assert_array_equal(first.ids, before)
    assert first.ids.flags.owndata


def test_a_body_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        with moecast.Writer(tmp_path / "n.moe.lz4", SHAPE) as writer:
            writer.append(0, choices(3))
            raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_writer_that_is_forgotten_leaves_nothing(tmp_path: Path) -> None:
    writer = moecast.Writer(tmp_path / "n.moe.lz4", SHAPE)
    writer.append(0, choices(3))
    del writer
    assert list(tmp_path.iterdir()) == []


def altered(change: object, *place: int) -> np.ndarray:
    ids = choices(6).astype(np.int64)
    ids[place] = change
    return ids


BAD_RUNS = {
    "an expert too high": (altered(16, 2, 1, 0), {}, moecast.BadChoiceError, "no choice"),
    "an expert twice": (altered([3, 3, 1, 2], 2, 1), {}, moecast.BadChoiceError, "no choice"),
    "an empty slot in front": (
        altered([0xFFFF, 3, 1, 2], 2, 1),
        {},
        moecast.BadChoiceError,
        "no choice",
    ),
    "below 0": (altered(-1, 2, 1, 0), {}, moecast.BadArgumentError, "0 to 65,535"),
    "too large for 16 bits": (altered(1 << 40, 0, 0, 0), {}, moecast.BadArgumentError, "65,535"),
    "floats": (choices(6).astype(float), {}, moecast.BadArgumentError, "integers"),
    "another top-k": (choices(6)[..., :3], {}, moecast.BadArgumentError, r"\[6, 3, 4\]"),
    "two axes": (choices(6)[0], {}, moecast.BadArgumentError, r"\[3, 3, 4\]"),
    "weights": (choices(6), {"weights": np.ones((6, 3, 4))}, moecast.BadArgumentError, "weights"),
    "a stage": (choices(6), {"stage": 2}, moecast.BadArgumentError, "neither PREFILL"),
    "before what is there": (choices(6), {"first_token": 3}, moecast.Error, "request"),
    "a request below 0": (choices(6), {"request": -1}, moecast.BadArgumentError, "0 to 2"),
}


@pytest.mark.parametrize("fault", BAD_RUNS)
def test_a_bad_run_changes_nothing(tmp_path: Path, fault: str) -> None:
    ids, arguments, kind, words = BAD_RUNS[fault]
    path = tmp_path / "w.moe.lz4"
    with moecast.Writer(path, SHAPE) as writer:
        writer.append(0, choices(5))
        with pytest.raises(kind, match=words):
            writer.append(**{"request": 0, "ids": ids, **arguments})
        writer.append(0, choices(4, 1), ends=True)
    (chunk,) = moecast.open(path)
    assert chunk.positions.tolist() == list(range(9))


def test_a_closed_writer_says_so(tmp_path: Path) -> None:
    writer = moecast.Writer(tmp_path / "w.moe.lz4", SHAPE)
    writer.close()
    writer.close()
    with pytest.raises(moecast.BadArgumentError, match="closed"):
        writer.append(0, choices(1))


def test_a_file_that_is_no_trace_is_refused() -> None:
    with pytest.raises(moecast.DataError, match="moecast import"):
        moecast.open(__file__)
    with pytest.raises(moecast.FileError, match="nowhere"):
        moecast.open("/nowhere/at/all.moe.lz4")
    with pytest.raises(OSError):
        moecast.open("/nowhere/at/all.moe.lz4")
    with pytest.raises(moecast.BadArgumentError, match="zero byte"):
        moecast.open("a\0b")


def test_a_damaged_chunk_is_not_handed_on(tmp_path: Path) -> None:
    data = bytearray(TEST.read_bytes())
    data[len(data) // 2] ^= 1
    path = tmp_path / "damaged.moe.lz4"
    path.write_bytes(data)
    chunks = []
    with pytest.raises(moecast.DataError, match="chunk"):
        for chunk in moecast.open(path):
            chunks.append(chunk)
    assert 0 < len(chunks) < 7


def test_traces_of_two_shapes_are_no_stream(tmp_path: Path) -> None:
    with moecast.Writer(tmp_path / "o.moe.lz4", SHAPE) as writer:
        writer.append(0, choices(3))
    with pytest.raises(moecast.MismatchError):
        list(moecast.open([TEST, tmp_path / "o.moe.lz4"]))


def test_another_file_is_not_replaced_by_a_trace(tmp_path: Path) -> None:
    other = tmp_path / "thesis.txt"
    other.write_text("years")
    with pytest.raises(moecast.Error):
        with moecast.Writer(other, SHAPE) as writer:
            writer.append(0, choices(3))
    assert other.read_text() == "years"


def test_shapes_are_checked() -> None:
    for arguments in [
        {"layers": 0},
        {"experts": 0},
        {"experts": 1 << 16},
        {"top_k": 0},
        {"top_k": 17},
        {"model_layers": (3, 1, 5)},
        {"model_layers": (1, 2)},
    ]:
        with pytest.raises(ValueError):
            moecast.Shape(**{"layers": 3, "experts": 16, "top_k": 4, **arguments})


@needs_program
def test_the_program_finds_the_written_trace_intact(tmp_path: Path) -> None:
    path = tmp_path / "w.moe.lz4"
    with moecast.Writer(path, SHAPE) as writer:
        writer.append(0, choices(50), task="math", ends=True)
    printed = subprocess.run(
        [PROGRAM, "inspect", "--verify", str(path)], capture_output=True, text=True, check=True
    ).stdout
    assert "three: 3 MoE layers, top-4 of 16 experts" in printed and "math 1" in printed

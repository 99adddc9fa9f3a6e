"""Whole traces: the same bytes and figures as the program's."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path

import moecast
import pytest
from conftest import PROGRAM, TEST, TRAIN, needs_library, needs_program

pytestmark = needs_library


def program(*arguments: object) -> str:
    """What the program prints."""
    command = [PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@needs_program
def test_train_writes_the_programs_bytes(layer_markov: Path, tmp_path: Path) -> None:
    program(
        "train",
        TRAIN,
        "--model",
        tmp_path / "m.h5",
        "--predictors",
        "layer-markov,mixture-fast",
        "--quiet",
    )
    assert (tmp_path / "m.h5").read_bytes() == layer_markov.read_bytes()


def test_threads_do_not_matter_to_a_byte(layer_markov: Path, tmp_path: Path) -> None:
    moecast.train([TRAIN], tmp_path / "m.h5", predictors="layer-markov,mixture-fast", threads=1)
    assert (tmp_path / "m.h5").read_bytes() == layer_markov.read_bytes()


@needs_program
@pytest.mark.parametrize("learn", [True, False])
def test_evaluate_has_the_programs_figures(layer_markov: Path, learn: bool) -> None:
    frozen = [] if learn else ["--frozen"]
    told = json.loads(program("evaluate", "--model", layer_markov, TEST, "--json", *frozen))
    for position, name in enumerate(("layer-markov", "mixture-fast")):
        score = moecast.evaluate(layer_markov, TEST, learn=learn, predictor=position)
        recall = told["recall"]["all"][name]
        assert score.events == told["events"]["all"]
        assert score.recall_at_1 == pytest.approx(recall["1"], abs=1e-12)
        assert score.recall_at_k == pytest.approx(recall["8"], abs=1e-12)
        assert score.recall_at_2k == pytest.approx(recall["16"], abs=1e-12)
        assert score.recall_at_4k == pytest.approx(recall["32"], abs=1e-12)
        assert score.log_loss_bits == pytest.approx(told["log_loss_bits"]["all"][name], abs=1e-9)


def test_evaluating_changes_no_file(layer_markov: Path) -> None:
    before = layer_markov.read_bytes()
    moecast.evaluate(layer_markov, TEST, learn=True)
    assert layer_markov.read_bytes() == before


def test_the_interpreter_goes_on_meanwhile(tmp_path: Path) -> None:
    done = threading.Event()

    def learn() -> None:
        moecast.train(TRAIN, tmp_path / "m.h5", predictors="mixture", threads=1)
        done.set()

    thread = threading.Thread(target=learn)
    thread.start()
    turns = 0
    while not done.wait(0.001):
        turns += 1
    thread.join()
    assert turns > 20


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ((TEST, "/nowhere/m.h5"), moecast.FileError),
        (("/nowhere/t.moe.lz4", "m.h5"), moecast.FileError),
        ((__file__, "m.h5"), moecast.DataError),
        (([], "m.h5"), moecast.BadArgumentError),
    ],
)
def test_training_on_nothing_writes_nothing(
    arguments: tuple, kind: type, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind):
        moecast.train(*arguments, predictors="frequency")
    assert list(tmp_path.iterdir()) == []


def test_unknown_predictors_are_named(tmp_path: Path) -> None:
    with pytest.raises(moecast.Error, match="oracle"):
        moecast.train(TEST, tmp_path / "m.h5", predictors="oracle")


def test_a_trace_of_another_model_is_no_test(layer_markov: Path, tmp_path: Path) -> None:
    with moecast.Writer(tmp_path / "o.moe.lz4", moecast.Shape(2, 8, 1)) as writer:
        writer.append(0, [[[1], [2]]], ends=True)
    with pytest.raises(moecast.MismatchError):
        moecast.evaluate(layer_markov, tmp_path / "o.moe.lz4")
    with pytest.raises(moecast.Error):
        moecast.evaluate(layer_markov, TEST, predictor=5)

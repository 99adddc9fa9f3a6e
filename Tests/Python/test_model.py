"""What a model file holds, read without the library."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import moecast
import numpy as np
import pytest
from conftest import PROGRAM, TOP, TRAIN, needs_program

SHIPPED = TOP / "models" / "tiny-moe.h5"
needs_h5py = pytest.mark.skipif(
    importlib.util.find_spec("h5py") is None,
    reason="h5py is absent: model files are not read",
)


@needs_h5py
def test_a_model_file_tells_shape_and_metrics() -> None:
    """Figures as the card beside the model has them, which training printed."""
    model = moecast.Model(SHIPPED)
    assert model.shape == moecast.Shape(12, 64, 8, name="tiny-moe")
    assert model.predictors[-1] == "mixture"
    assert model.attributes["tokens"] == 6685
    assert list(model.metrics) == list(model.predictors)
    for name, recall, loss in [("frequency", 0.1546, 5.990), ("mixture", 0.7257, 4.136)]:
        assert model.metrics[name].recall(8) == pytest.approx(recall, abs=5e-5)
        assert model.metrics[name].log_loss_bits() == pytest.approx(loss, abs=5e-4)
        assert model.metrics[name].recall(64) == 1
    by_stage = [model.metrics["mixture"].events[:, stage].sum() for stage in (0, 1)]
    assert by_stage == [3360 * 12, 3325 * 12]
    prefill, decode = (model.metrics["mixture"].recall(8, stage) for stage in (0, 1))
    assert (prefill * 3360 + decode * 3325) / 6685 == pytest.approx(
        model.metrics["mixture"].recall(8)
    )


@needs_h5py
def test_tables_are_arrays_by_their_names() -> None:
    tables = moecast.Model(SHIPPED).tables
    counts = tables["layer-markov/counts"]
    assert counts.shape == (12, 64, 64) and counts.dtype == np.uint32
    assert tables["frequency/counts"].sum() == 6685 * 12 * 8
    assert not any(name.startswith("metrics/") for name in tables)
    with pytest.raises(KeyError):
        tables["metrics/mixture/ranks"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "tables.npz"
    command = [PROGRAM, "export", "--model", SHIPPED, "--to", "npz", "-o", path]
    subprocess.run(command, check=True, capture_output=True)
    return path


@needs_program
@needs_h5py
def test_an_exported_model_is_the_same(exported: Path) -> None:
    here, there = moecast.Model(exported), moecast.Model(SHIPPED)
    assert (here.shape, here.predictors) == (there.shape, there.predictors)
    for name in here.predictors:
        for column in ("events", "ranks", "log_loss"):
            of_both = (getattr(model.metrics[name], column) for model in (here, there))
            np.testing.assert_array_equal(*of_both)
    np.testing.assert_array_equal(here.tables["C"], there.tables["layer-markov/counts"])


@needs_program
def test_an_exported_model_needs_numpy_alone(exported: Path) -> None:
    code = (
        "import sys, json; sys.modules['h5py'] = None; import moecast; "
        "model = moecast.Model(sys.argv[1]); "
        "print(json.dumps([model.shape.name, int(model.tables['c'].sum())]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(TOP / "Sources" / "Python")}
    done = subprocess.run(
        [sys.executable, "-c", code, str(exported)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert json.loads(done.stdout) == ["tiny-moe", 6685 * 12 * 8]


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", x=np.arange(3))
    with pytest.raises(moecast.DataError, match="model_layers"):
        moecast.Model(tmp_path / "other.npz")


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(moecast.FileError, match="nowhere"):
        moecast.Model("/nowhere/model.h5")
    with pytest.raises(moecast.DataError, match="neither a model"):
        moecast.Model(TRAIN)
    cut = tmp_path / "cut.npz"
    cut.write_bytes(b"PK\x03\x04" + bytes(20))
    with pytest.raises(moecast.DataError, match="cannot be read"):
        moecast.Model(cut)


@needs_h5py
def test_a_damaged_or_foreign_hdf5_file_is_refused(tmp_path: Path) -> None:
    import h5py

    cut = tmp_path / "cut.h5"
    cut.write_bytes(SHIPPED.read_bytes()[:4000])
    with pytest.raises(moecast.DataError, match="cannot be read"):
        moecast.Model(cut)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(moecast.DataError, match="no model of moecast"):
        moecast.Model(tmp_path / "other.h5")


def test_without_h5py_the_way_out_is_said(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(moecast.LibraryError, match="export --to npz"):
        moecast.Model(SHIPPED)

"""The package is taken from its sources, the library and the program from what was built."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
TRAIN = TOP / "models" / "tiny-moe-train.moe.lz4"
TEST = TOP / "models" / "tiny-moe-test.moe.lz4"

sys.path.insert(0, str(TOP / "Sources" / "Python"))
LIBRARY = TOP / ".build" / "library" / "libmoecast.so"
LIBRARY = Path(os.environ.setdefault("MOECAST_LIBRARY", str(LIBRARY)))
PROGRAM = TOP / ".build" / "release" / "moecast"
PROGRAM = Path(os.environ.setdefault("MOECAST_PROGRAM", str(PROGRAM)))

# Models of a few thousand weights: threads would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

needs_library = pytest.mark.skipif(
    not LIBRARY.exists(),
    reason="libmoecast.so is not built (make library): what calls it is not tested",
)
needs_program = pytest.mark.skipif(
    not PROGRAM.exists(),
    reason="the program is not built (make build): what runs it is not tested",
)


@pytest.fixture(scope="session")
def layer_markov(tmp_path_factory) -> Path:
    """A model of layer-markov and mixture-fast, trained on the shipped trace."""
    import moecast

    path = tmp_path_factory.mktemp("models") / "model.h5"
    moecast.train(TRAIN, path, predictors="layer-markov,mixture-fast")
    return path

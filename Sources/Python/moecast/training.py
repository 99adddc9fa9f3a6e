"""Learning from whole traces, and measuring on them."""

from __future__ import annotations

import ctypes
import os

from . import _library as c
from .reader import Paths
from .scores import Score, score_from_c


def train(
    traces: Paths,
    model: str | os.PathLike[str],
    *,
    predictors: str | None = None,
    threads: int = 0,
) -> None:
    """Learns from traces and writes the model, as ``moecast train`` does: the same bytes.

    Parameters
    ----------
    traces
        A path, or several: files and folders, learnt as one stream.
    model
        The file to write, ``*.h5``.
    predictors
        Names with commas, such as ``"mixture-fast,layer-markov"``; ``"mixture"`` where None.
    threads
        0 for one a core; the bytes do not depend on it.

    Raises ``FileError`` or ``DataError`` where a trace cannot be read, ``MismatchError`` where
    their shapes differ, ``BadArgumentError`` for unknown predictors.
    """
    c.call("train", *c.paths(traces), c.text(predictors), c.encoded(model), threads)


def evaluate(
    model: str | os.PathLike[str],
    traces: Paths,
    *,
    learn: bool = False,
    predictor: int = 0,
    threads: int = 0,
) -> Score:
    """Scores a model on traces.

    Parameters
    ----------
    model
        A model file; it is not changed.
    traces
        A path, or several: files and folders, scored as one stream.
    learn
        Whether the model goes on learning, in memory, as it is scored.
    predictor
        Which of its predictors, by position.
    threads
        0 for one a core.

    Raises as :func:`train`, and ``MismatchError`` where a trace is of another shape than the model.
    """
    score = c.CScore(ctypes.sizeof(c.CScore))
    count, paths = c.paths(traces)
    c.call(
        "evaluate",
        c.encoded(model),
        count,
        paths,
        learn,
        predictor,
        threads,
        ctypes.byref(score),
    )
    return score_from_c(score)

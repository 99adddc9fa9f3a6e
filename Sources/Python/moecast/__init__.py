"""Forecasts which experts a mixture-of-experts model will choose next.

Models are learnt from routing traces, ``*.moe.lz4``::

    import moecast

    moecast.train("train.moe.lz4", "model.h5")
    print(moecast.evaluate("model.h5", "test.moe.lz4").recall_at_k)

    with moecast.open("test.moe.lz4") as trace:
        for chunk in trace:
            print(chunk.ids.shape)                     # [layers, tokens, top_k]

Beside a running engine, :class:`Forecaster` follows requests layer by layer, and
:class:`moecast.service.Client` asks ``moecast serve`` for the same; :mod:`moecast.record` writes
traces of transformers models, and of the answers of vLLM, SGLang and Dynamo; :class:`Writer` writes
them from arrays; :class:`Model` shows what a model holds. ``python -m moecast`` is the program.

Layers are ordinals of MoE layers; arrays are NumPy's; errors are :class:`Error` and its kinds.
"""

from .batch import Batch
from .errors import (
    BadArgumentError,
    BadChoiceError,
    DataError,
    Error,
    FileError,
    LibraryError,
    MismatchError,
    NoRoomError,
    OutOfOrderError,
    UnknownRequestError,
)
from .forecaster import Counts, Forecast, Forecaster
from .model import Model
from .reader import Chunk, Label, Reader, open  # noqa: A004 -- moecast.open, as io.open is
from .scores import Score
from .shape import DECODE, NO_EXPERT, PREFILL, Shape
from .training import evaluate, train
from .writer import Writer

__version__ = "1.0.0"

__all__ = [
    "DECODE",
    "NO_EXPERT",
    "PREFILL",
    "BadArgumentError",
    "BadChoiceError",
    "Batch",
    "Chunk",
    "Counts",
    "DataError",
    "Error",
    "FileError",
    "Forecast",
    "Forecaster",
    "Label",
    "LibraryError",
    "MismatchError",
    "Model",
    "NoRoomError",
    "OutOfOrderError",
    "Reader",
    "Score",
    "Shape",
    "UnknownRequestError",
    "Writer",
    "evaluate",
    "open",
    "train",
]

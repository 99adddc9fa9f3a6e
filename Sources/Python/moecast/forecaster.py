"""Forecasts of running requests, and learning from them."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from . import _library as c
from .batch import Batch
from .errors import BadArgumentError
from .scores import Score, score_from_c
from .shape import Shape


class Forecast(NamedTuple):
    """The experts expected of each request, the likeliest first."""

    #: uint16 [n, top]: expert ids; ``NO_EXPERT`` where there was no layer to forecast.
    ranked: np.ndarray
    #: float32 [n, top]: their probabilities; those of all experts add up to 1.
    chances: np.ndarray


class Counts(NamedTuple):
    """How a forecaster stands."""

    #: Tokens that the model has learnt, by earlier streams too.
    tokens_learnt: int
    #: Tokens closed, and not learnt yet.
    tokens_waiting: int
    #: Requests under way.
    requests: int


class Forecaster:
    """A model, and the requests that it follows.

    ::

        with moecast.Forecaster("model.h5") as forecaster:
            forecaster.begin([7])
            forecaster.open_tokens([7])
            forecast = forecaster.forecast([7], layer=0, top=16)
            for layer in range(forecaster.shape.layers):
                ids = ...                                   # what the router chose, [1, top_k]
                forecast = forecaster.step([7], layer, ids, top=16)

    A token is opened, its layers are observed in order, and the last one closes it; closed tokens
    are learnt by a thread beside the forecasts, where the forecaster learns. Layers are ordinals of
    MoE layers. Calls may come from any thread and are taken one at a time; the interpreter is let
    go meanwhile. A program that asks at every layer makes a :meth:`batch`, whose arrays stay where
    they are.

    Parameters
    ----------
    model
        A model file, or a :class:`Shape` for a model that has learnt nothing.
    predictors
        With a shape: what learns, such as ``"mixture-fast,layer-markov"``; ``"mixture"`` where
        None.
    learn
        Whether closed tokens are learnt.
    max_requests
        Requests followed at most, 0 for 4,096; the one used longest ago is forgotten.
    record
        A trace that what is observed is also written to, ``*.moe.lz4``.

    Raises ``FileError`` or ``DataError`` where the model or the recording cannot be opened. Methods
    raise ``UnknownRequestError`` for requests that are not under way, ``OutOfOrderError`` for
    layers and tokens out of turn, ``BadChoiceError`` for ids that no router chooses,
    ``BadArgumentError`` for arrays of another shape; then nothing has changed.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Shape,
        *,
        predictors: str | None = None,
        learn: bool = True,
        max_requests: int = 0,
        record: str | os.PathLike[str] | None = None,
    ) -> None:
        #: The library's own handle; NULL once the forecaster is closed.
        self.handle = ctypes.c_void_p()
        if not 0 <= max_requests < 1 << 32:
            raise BadArgumentError(f"{max_requests} requests: 0 to 2^32 - 1 may be followed")
        options = c.COptions(
            ctypes.sizeof(c.COptions),
            c.text(predictors),
            learn,
            max_requests,
            None if record is None else c.encoded(record),
        )
        rest = ctypes.byref(options), ctypes.byref(self.handle)
        if isinstance(model, Shape):
            c.call("forecaster_create", ctypes.byref(c.shape_to_c(model)), *rest)
        else:
            c.call("forecaster_open", c.encoded(model), *rest)
        shape = c.CShape()
        c.call("forecaster_shape", self.handle, ctypes.byref(shape))
        #: The shape of the model.
        self.shape: Shape = c.shape_from_c(shape)
        names = c.library().moecast_forecaster_predictors(self.handle).decode()
        #: Names of the predictors; ``predictor`` is a position among them.
        self.predictors: tuple[str, ...] = tuple(names.split(","))

    def horizon(self, predictor: int = 0) -> int:
        """How many layers ahead of the last observed one a predictor forecasts.

        1 for the next layer; 0 where it needs none of the token's layers.
        """
        horizon = c.u32()
        c.call("forecaster_horizon", self._live(), predictor, ctypes.byref(horizon))
        return horizon.value

    def begin(
        self, requests: Sequence[int] | np.ndarray, *, task: str | None = None, position: int = 0
    ) -> None:
        """Begins requests under numbers of the caller's, each below 2^64.

        ``position`` is that of their first token that will be seen, 0 for new requests. Where one
        is refused, those before it have begun.
        """
        numbers, label = _numbers(requests), c.text(task)
        if not 0 <= position < 1 << 64:
            raise BadArgumentError(f"position {position}: 0 to 2^64 - 1")
        for number in numbers.tolist():
            c.call("request_begin", self._live(), number, label, position)

    def end(self, requests: Sequence[int] | np.ndarray) -> None:
        """Ends requests: an open token of theirs is dropped, closed ones are learnt."""
        numbers = _numbers(requests)
        c.call("request_end", self._live(), len(numbers), c.at(numbers))

    def open_tokens(
        self,
        requests: Sequence[int] | np.ndarray,
        stages: Sequence[int] | np.ndarray | None = None,
    ) -> None:
        """Opens the next token of each of ``requests``, no two the same.

        ``stages`` are ``PREFILL`` or ``DECODE`` of each, all ``DECODE`` where None.
        """
        numbers = _numbers(requests)
        if stages is not None:
            stages = c.contiguous(stages, np.uint8, numbers.shape, "stages")
        at = None if stages is None else c.at(stages)
        c.call("open_tokens", self._live(), len(numbers), c.at(numbers), at)

    def observe(self, requests: Sequence[int] | np.ndarray, layer: int, ids: np.ndarray) -> None:
        """Tells what the routers chose at ``layer``, the next of each request's open token.

        ``ids`` are integers [n, top_k], empty slots (``NO_EXPERT``) last. The last layer closes the
        token. All is checked before any of it is noted.
        """
        numbers = _numbers(requests)
        ids = c.contiguous(ids, np.uint16, (len(numbers), self.shape.top_k), "ids")
        c.call("observe", self._live(), len(numbers), c.at(numbers), _layer(layer), c.at(ids))

    def forecast(
        self,
        requests: Sequence[int] | np.ndarray,
        layer: int,
        top: int,
        *,
        predictor: int = 0,
        out: Forecast | None = None,
    ) -> Forecast:
        """Forecasts ``layer`` of each request's open token, from what has been observed.

        Changes nothing. ``layer`` is not observed yet, and within the predictor's :meth:`horizon`;
        ``top`` is how many experts are told. The arrays of ``out`` are filled where it is given,
        new ones where not.
        """
        numbers = _numbers(requests)
        out = self._room(len(numbers), top, out)
        c.call(
            "forecast",
            self._live(),
            predictor,
            len(numbers),
            c.at(numbers),
            _layer(layer),
            top,
            c.at(out.ranked),
            c.at(out.chances),
        )
        return out

    def step(
        self,
        requests: Sequence[int] | np.ndarray,
        layer: int,
        ids: np.ndarray,
        top: int,
        *,
        predictor: int = 0,
        out: Forecast | None = None,
    ) -> Forecast:
        """:meth:`observe` at ``layer``, then :meth:`forecast` of the layer a horizon behind it.

        Where there is no such layer, ids are ``NO_EXPERT`` and chances 0.
        """
        numbers = _numbers(requests)
        ids = c.contiguous(ids, np.uint16, (len(numbers), self.shape.top_k), "ids")
        out = self._room(len(numbers), top, out)
        c.call(
            "step",
            self._live(),
            predictor,
            len(numbers),
            c.at(numbers),
            _layer(layer),
            c.at(ids),
            top,
            c.at(out.ranked),
            c.at(out.chances),
        )
        return out

    def batch(
        self,
        requests: Sequence[int] | np.ndarray,
        top: int,
        *,
        predictor: int = 0,
    ) -> Batch:
        """Requests that go through the layers together, with arrays that stay where they are."""
        return Batch(self, _numbers(requests), top, predictor)

    def counts(self) -> Counts:
        """How many tokens are learnt and wait, and how many requests are under way."""
        counts = c.CCounts(ctypes.sizeof(c.CCounts))
        c.call("forecaster_counts", self._live(), ctypes.byref(counts))
        return Counts(counts.tokens_learnt, counts.tokens_waiting, counts.requests)

    def flush(self) -> None:
        """Waits until every closed token is learnt."""
        c.call("forecaster_flush", self._live())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Learns what is closed, then writes the model; a file is replaced whole or not at all."""
        c.call("forecaster_save", self._live(), c.encoded(path))

    def score(self, predictor: int = 0) -> Score:
        """Recall and loss of a predictor over what it has scored."""
        score = c.CScore(ctypes.sizeof(c.CScore))
        c.call("forecaster_score", self._live(), predictor, ctypes.byref(score))
        return score_from_c(score)

    def close(self) -> None:
        """Waits for what is being learnt, and finishes the recording.

        Raises ``FileError`` where the recording cannot be finished; the forecaster is closed all
        the same.
        """
        handle = getattr(self, "handle", None)
        if handle:
            closing = ctypes.c_void_p(handle.value)
            handle.value = None  # Batches have it too.
            c.call("forecaster_close", closing)

    def __enter__(self) -> Forecaster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        try:
            self.close()
        except Exception:  # noqa: BLE001, S110 -- nobody is there to be told
            pass

    def _live(self) -> ctypes.c_void_p:
        if not self.handle:
            raise BadArgumentError("the forecaster is closed: open another one")
        return self.handle

    def _room(self, n: int, top: int, out: Forecast | None) -> Forecast:
        """Arrays [n, top] for a forecast."""
        if not 1 <= top <= self.shape.experts:
            raise BadArgumentError(f"top {top}: 1 to {self.shape.experts} experts may be told")
        if out is None:
            return Forecast(np.empty((n, top), np.uint16), np.empty((n, top), np.float32))
        c.out_address(out.ranked, np.uint16, (n, top), "ranked")
        c.out_address(out.chances, np.float32, (n, top), "chances")
        return out


def _numbers(requests: Sequence[int] | np.ndarray) -> np.ndarray:
    """Request numbers as uint64 [n]."""
    numbers = np.asarray(requests)
    if numbers.dtype == np.uint64 and numbers.ndim == 1 and numbers.flags.c_contiguous:
        return numbers
    # Integers that fit no type of NumPy's are objects.
    fits = numbers.ndim == 1 and (not numbers.size or numbers.dtype.kind in "iu")
    if not fits or (numbers.size and numbers.min() < 0):
        raise BadArgumentError("requests must be integers [n], from 0 to 2^64 - 1")
    return np.ascontiguousarray(numbers, np.uint64)


def _layer(layer: int) -> int:
    if not 0 <= layer < 1 << 32:
        raise BadArgumentError(f"layer {layer}: layers are ordinals of MoE layers, from 0")
    return layer

"""Requests that go through the layers together, at the least cost a call."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import numpy as np

from . import _library as c
from .errors import BadArgumentError
from .shape import DECODE, NO_EXPERT

if TYPE_CHECKING:
    from .forecaster import Forecaster


class Batch:
    """Requests of a forecaster that go through the layers together.

    Its arrays stay where they are, so that a call costs no more than the library's own time and a
    microsecond::

        batch = forecaster.batch([7, 8], top=16)
        batch.open_tokens()
        batch.forecast(0)
        for layer in range(forecaster.shape.layers):
            prefetch(batch.ranked, batch.chances)
            batch.ids[:] = ...            # what the routers chose, [n, top_k]
            batch.step(layer)             # ranked and chances are the next layer's

    Used from one thread at a time. Errors are those of :class:`Forecaster`.
    """

    def __init__(self, forecaster: Forecaster, requests: np.ndarray, top: int, predictor: int):
        n, shape = len(requests), forecaster.shape
        if not 1 <= top <= shape.experts:
            raise BadArgumentError(f"top {top}: 1 to {shape.experts} experts may be told")
        self._forecaster = forecaster  # Which lives as long as this.
        self._requests = np.array(requests, np.uint64)
        self._stages = np.full(n, DECODE, np.uint8)
        self._ids = np.full((n, shape.top_k), NO_EXPERT, np.uint16)
        self._ranked = np.full((n, top), NO_EXPERT, np.uint16)
        self._chances = np.zeros((n, top), np.float32)
        self._error = c.CError()
        error = ctypes.byref(self._error)
        # Arguments are made once. The handle is the forecaster's own, and NULL once that is closed.
        handle, of, count = forecaster.handle, c.u32(predictor), c.u32(top)
        requests_at, stages_at, ids_at, ranked_at, chances_at = (
            ctypes.c_void_p(c.at(array))
            for array in (self._requests, self._stages, self._ids, self._ranked, self._chances)
        )
        whom = ctypes.c_size_t(n), requests_at
        told = count, ranked_at, chances_at, error
        layers = {layer: c.u32(layer) for layer in range(shape.layers)}
        self._open = (handle, *whom, stages_at, error)
        self._observe = {layer: (handle, *whom, at, ids_at, error) for layer, at in layers.items()}
        self._forecast = {layer: (handle, of, *whom, at, *told) for layer, at in layers.items()}
        self._step = {layer: (handle, of, *whom, at, ids_at, *told) for layer, at in layers.items()}
        # Functions without types of their own: the arguments have theirs, and are not checked.
        functions = c.library()
        self._c_open, self._c_observe, self._c_forecast, self._c_step = (
            functions["moecast_" + name] for name in ("open_tokens", "observe", "forecast", "step")
        )

    @property
    def requests(self) -> np.ndarray:
        """uint64 [n]: the requests' numbers; they may be changed."""
        return self._requests

    @property
    def stages(self) -> np.ndarray:
        """uint8 [n]: stages of the tokens that are opened next; ``DECODE`` at first."""
        return self._stages

    @property
    def ids(self) -> np.ndarray:
        """uint16 [n, top_k]: what is observed next."""
        return self._ids

    @property
    def ranked(self) -> np.ndarray:
        """uint16 [n, top]: the experts forecast last, the likeliest first."""
        return self._ranked

    @property
    def chances(self) -> np.ndarray:
        """float32 [n, top]: their probabilities."""
        return self._chances

    def open_tokens(self) -> None:
        """Opens the next token of each request, of the stage in ``stages``."""
        if status := self._c_open(*self._open):
            raise c.exception(status, self._error)

    def observe(self, layer: int) -> None:
        """Tells that the routers chose ``ids`` at ``layer``; the last layer closes the tokens."""
        if status := self._c_observe(*self._of(self._observe, layer)):
            raise c.exception(status, self._error)

    def forecast(self, layer: int) -> None:
        """Puts the forecast of ``layer`` into ``ranked`` and ``chances``."""
        if status := self._c_forecast(*self._of(self._forecast, layer)):
            raise c.exception(status, self._error)

    def step(self, layer: int) -> None:
        """:meth:`observe` at ``layer``, then :meth:`forecast` of the layer a horizon behind it.

        Where there is no such layer, ``ranked`` is ``NO_EXPERT`` and ``chances`` 0.
        """
        if status := self._c_step(*self._of(self._step, layer)):
            raise c.exception(status, self._error)

    @staticmethod
    def _of(arguments: dict[int, tuple], layer: int) -> tuple:
        """The arguments of a call for a layer."""
        try:
            return arguments[layer]
        except KeyError:
            raise BadArgumentError(
                f"layer {layer}: the model has MoE layers 0 to {len(arguments) - 1}"
            ) from None

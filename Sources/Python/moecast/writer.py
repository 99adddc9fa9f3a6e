"""Writing routing traces from arrays."""

from __future__ import annotations

import ctypes
import os

import numpy as np

from . import _library as c
from .errors import BadArgumentError
from .shape import DECODE, PREFILL, Shape


class Writer:
    """Writes a routing trace, ``*.moe.lz4``, chunk by chunk.

    ::

        with moecast.Writer("routing.moe.lz4", shape) as trace:
            trace.append(0, prompt_ids)
            trace.append(0, answer_ids, stage=moecast.DECODE, ends=True)

    The file appears under its name when it is closed; where the body of ``with`` raises, nothing of
    it stays.

    Parameters
    ----------
    path
        The file; one that is there is replaced.
    shape
        Of the model that routed.
    weights
        Whether every ``append`` brings gate weights.
    chunk_tokens
        Tokens a chunk; 0 for 4,096.

    Raises ``FileError`` where it cannot be written, ``BadChoiceError`` where ids are no choice,
    ``BadArgumentError`` where arrays are of another shape, ``OutOfOrderError`` where a run does not
    follow what is there of its request.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        shape: Shape,
        *,
        weights: bool = False,
        chunk_tokens: int = 0,
    ) -> None:
        self._handle: ctypes.c_void_p | None = ctypes.c_void_p()
        self.shape = shape
        self._weights = weights
        #: The next position of each request that has not ended.
        self._next: dict[int, int] = {}
        c.call(
            "writer_create",
            c.encoded(path),
            ctypes.byref(c.shape_to_c(shape)),
            weights,
            chunk_tokens,
            ctypes.byref(self._handle),
        )

    def append(
        self,
        request: int,
        ids: np.ndarray,
        *,
        stage: int = PREFILL,
        first_token: int | None = None,
        ends: bool = False,
        weights: np.ndarray | None = None,
        name: str | None = None,
        task: str | None = None,
    ) -> None:
        """Appends consecutive tokens of a request.

        Parameters
        ----------
        request
            Its number in the trace, below 2^64 - 1.
        ids
            Integers [count, layers, top_k], the expert of the greatest weight first where that is
            known; empty slots, behind the others of their rows, are ``NO_EXPERT``. May be of no
            tokens where ``ends``.
        stage
            ``PREFILL`` or ``DECODE``.
        first_token
            Position of the first of them in the request, prompt included; None for the one behind
            those before.
        ends
            Whether nothing of the request comes after them.
        weights
            Floats [count, layers, top_k], where the writer has weights and there are tokens.
        name, task
            Of a request that begins here.
        """
        if not self._handle:
            raise BadArgumentError("the trace is closed: open another Writer")
        count = len(ids)
        events = (count, self.shape.layers, self.shape.top_k)
        ids = c.contiguous(ids, np.uint16, events, "ids")
        if (weights is not None) != self._weights and count:
            wanted = "brings" if self._weights else "cannot bring"
            raise BadArgumentError(f"this writer {wanted} weights with every append")
        if weights is not None:
            weights = c.contiguous(weights, np.float16, events, "weights")
        if stage not in (PREFILL, DECODE):
            raise BadArgumentError(f"stage {stage} is neither PREFILL (0) nor DECODE (1)")
        first = self._next.get(request, 0) if first_token is None else first_token
        if not (0 <= request < 1 << 64 and 0 <= first < 1 << 64):
            raise BadArgumentError(f"request {request} at token {first}: both are 0 to 2^64 - 1")
        run = c.CRun(request, first, count, stage, bool(ends), 0)
        if name or task:
            c.call("writer_label", self._handle, request, c.text(name), c.text(task))
        c.call(
            "writer_append",
            self._handle,
            ctypes.byref(run),
            c.at(ids),
            None if weights is None else c.at(weights),
        )
        if ends:
            self._next.pop(request, None)
        else:
            self._next[request] = first + count

    def close(self) -> None:
        """Writes what is left, and gives the file its name."""
        handle, self._handle = self._handle, None
        if handle:
            c.call("writer_finish", handle)

    def discard(self) -> None:
        """Throws away what was written."""
        handle, self._handle = getattr(self, "_handle", None), None
        if handle:
            c.library().moecast_writer_discard(handle)

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    __del__ = discard

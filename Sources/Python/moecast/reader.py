"""Reading routing traces as arrays."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Union

import numpy as np

from . import _library as c
from .shape import Shape

#: Consecutive tokens of one request, as a structured array has them.
RUN = np.dtype(
    [
        ("request", "<u8"),
        ("first_token", "<u8"),
        ("count", "<u4"),
        ("stage", "u1"),
        ("ends_request", "u1"),
        ("reserved", "<u2"),
    ]
)

Paths = Union[str, "os.PathLike[str]", Sequence[Union[str, "os.PathLike[str]"]]]


@dataclass(frozen=True)
class Label:
    """Name and task of a request that begins in a chunk; "" where there is none."""

    request: int
    name: str
    task: str


@dataclass(frozen=True)
class Chunk:
    """Some thousand consecutive tokens of a trace."""

    #: uint16 [layers, tokens, top_k]; empty slots, last in their rows, are ``NO_EXPERT``.
    ids: np.ndarray
    #: [runs] of ``RUN``: the tokens, in order, are those of these runs.
    runs: np.ndarray
    #: float16, as ``ids``; None where no gate weights were recorded.
    weights: np.ndarray | None
    #: Of the requests that begin in the chunk and have a name or a task.
    labels: tuple[Label, ...]

    @property
    def tokens(self) -> int:
        return self.ids.shape[1]

    @property
    def requests(self) -> np.ndarray:
        """The request of each token, uint64 [tokens]."""
        return np.repeat(self.runs["request"], self.runs["count"])

    @property
    def stages(self) -> np.ndarray:
        """``PREFILL`` or ``DECODE`` of each token, uint8 [tokens]."""
        return np.repeat(self.runs["stage"], self.runs["count"])

    @property
    def positions(self) -> np.ndarray:
        """The position of each token in its request, prompt included, uint64 [tokens]."""
        counts = self.runs["count"].astype(np.uint64)
        before = np.cumsum(counts) - counts
        return np.arange(self.tokens, dtype=np.uint64) + np.repeat(
            self.runs["first_token"] - before, self.runs["count"]
        )


class Reader:
    """The chunks of traces, one after another; each is verified before it is handed on.

    ``moecast.open(path)`` makes one. It may be iterated once, and holds one chunk at a time.

    Raises ``FileError`` where a file cannot be read, ``DataError`` where one is damaged or no
    trace, ``MismatchError`` where their shapes differ.
    """

    def __init__(self, traces: Paths) -> None:
        self._handle: ctypes.c_void_p | None = ctypes.c_void_p()
        c.call("reader_open", *c.paths(traces), ctypes.byref(self._handle))
        shape = c.CShape()
        c.call("reader_shape", self._handle, ctypes.byref(shape))
        #: The shape of all of them.
        self.shape: Shape = c.shape_from_c(shape)

    def __iter__(self) -> Iterator[Chunk]:
        return self

    def __next__(self) -> Chunk:
        if not self._handle:
            raise StopIteration
        chunk = c.CChunk()
        c.call("reader_next", self._handle, ctypes.byref(chunk))
        if not chunk.tokens and not chunk.runs:
            self.close()
            raise StopIteration
        events = (self.shape.layers, chunk.tokens, self.shape.top_k)
        labels = zip(
            chunk.label_request[: chunk.labels] if chunk.labels else (),
            chunk.label_name[: chunk.labels] if chunk.labels else (),
            chunk.label_task[: chunk.labels] if chunk.labels else (),
        )
        return Chunk(
            ids=c.copied(chunk.ids, np.uint16, events),
            runs=c.copied(chunk.run, RUN, (chunk.runs,)),
            weights=c.copied(chunk.weights, np.float16, events) if chunk.weights else None,
            labels=tuple(Label(number, _text(name), _text(task)) for number, name, task in labels),
        )

    def close(self) -> None:
        """Lets the files go."""
        handle, self._handle = getattr(self, "_handle", None), None
        if handle:
            c.library().moecast_reader_close(handle)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    __del__ = close


def open(traces: Paths) -> Reader:  # noqa: A001 -- moecast.open, as io.open is
    """Opens a trace, or several and folders of them as one stream.

    ::

        with moecast.open("routing.moe.lz4") as trace:
            for chunk in trace:
                print(chunk.ids.shape, chunk.requests)

    Returns a :class:`Reader`, whose errors it raises.
    """
    return Reader(traces)


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "replace")

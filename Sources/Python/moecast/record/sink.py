"""Where recorded tokens go."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ..shape import PREFILL, Shape


class Sink(Protocol):
    """What takes runs of consecutive tokens of one request; :class:`moecast.Writer` is one."""

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
        """Takes ``ids [count, layers, top_k]`` (and ``weights``, of the same shape).

        ``first_token`` is the position of the first of them in the request, None where it is the
        one behind the tokens before.
        """
        ...

    def close(self) -> None:
        """Ends the trace; nothing is appended after it."""
        ...


class MemorySink:
    """Keeps what is recorded as arrays, a request each: for a look, and for tests."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        #: request -> (ids [tokens, layers, top_k], stages [tokens], positions [tokens])
        self.requests: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        #: request -> weights [tokens, layers, top_k], where they are recorded.
        self.weights: dict[int, np.ndarray] = {}
        #: Requests that have ended, in the order of their ends.
        self.ended: list[int] = []
        #: request -> (name, task), where told.
        self.labels: dict[int, tuple[str | None, str | None]] = {}

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
        """Keeps tokens behind those that are there of their request."""
        nothing = np.zeros((0, self.shape.layers, self.shape.top_k), np.uint16)
        before = self.requests.get(request, (nothing, np.zeros(0, np.uint8), np.zeros(0, int)))
        next_token = int(before[2][-1]) + 1 if len(before[2]) else 0
        first = next_token if first_token is None else first_token
        count = len(ids)
        self.requests[request] = (
            np.concatenate([before[0], ids]),
            np.concatenate([before[1], np.full(count, stage, np.uint8)]),
            np.concatenate([before[2], np.arange(first, first + count)]),
        )
        if weights is not None:
            gate = self.weights.get(request, nothing.astype(np.float16))
            self.weights[request] = np.concatenate([gate, weights])
        if name is not None or task is not None:
            self.labels[request] = (name, task)
        if ends:
            self.ended.append(request)

    def close(self) -> None:
        """Nothing is to be finished."""

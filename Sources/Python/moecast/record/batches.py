"""Which request each row of a model's calls belongs to, and where in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..shape import DECODE, PREFILL
from .sink import Sink


@dataclass
class Step:
    """One call of a model: what its routers chose for ``rows`` sequences of ``width`` positions."""

    #: Calls of one batch have the same number, as they share a cache.
    batch: int
    #: Positions in the cache before the call, padding included.
    past: int
    #: Which positions are tokens, bool [rows, width]; the others are padding.
    real: np.ndarray
    #: uint16 [layers, rows * width, top_k].
    ids: np.ndarray
    #: float16, as ``ids``; None where they are not recorded.
    weights: np.ndarray | None = None
    #: Which rows have an end-of-text token as input, bool [rows, width]; None where not known.
    stops: np.ndarray | None = None
    #: Tokens of each row in the cache before the call, [rows]; None where all of it are tokens.
    earlier: np.ndarray | None = None
    #: Whether nothing is kept in a cache, so that the requests end with the call.
    ends: bool = False
    #: Task of requests that begin.
    task: str | None = None

    @property
    def width(self) -> int:
        return self.real.shape[1]

    @property
    def nbytes(self) -> int:
        return self.ids.nbytes + (0 if self.weights is None else self.weights.nbytes)


class _Batch:
    """The requests of a batch's rows."""

    def __init__(self, requests: np.ndarray, step: Step, earlier: np.ndarray) -> None:
        rows = len(requests)
        self.requests = requests
        #: Position of the next token of each row in its request.
        self.positions = earlier.astype(np.int64)
        #: Rows that have something in the sink.
        self.begun = np.zeros(rows, bool)
        #: Rows that have read an end-of-text token one by one: what follows only fills the batch.
        self.finished = np.zeros(rows, bool)
        #: Whether tokens are taken for answers.
        self.decoding = step.past > 0 and step.width == 1
        #: Positions in the cache, with the latest step's.
        self.length = step.past
        #: The latest step, held back until the next shows that its tokens were kept.
        self.held: Step | None = None
        self.task = step.task


class Batches:
    """Splits steps into runs of single requests and hands them to a sink.

    A batch begins with a step at ``past`` 0, each row a request of its own, and goes on with steps
    of the same number. Its latest step is held back: where the next one begins before its end, the
    tokens between were guesses that the model has taken back.

    A row that reads an end-of-text token in a step of one position, beside others, has finished: a
    batch goes on until its last row has, and fills the others.
    """

    def __init__(self, sink: Sink, most: int = 256) -> None:
        self._sink, self._most = sink, most
        self._batches: dict[int, _Batch] = {}
        self._requests = 0
        #: Tokens handed to the sink.
        self.tokens = 0

    @property
    def requests(self) -> int:
        """Requests begun."""
        return self._requests

    def take(self, step: Step) -> None:
        """Takes the next step of a batch. O(ids)."""
        batch = self._batches.get(step.batch)
        if batch is not None and not self._continues(batch, step):
            self.end(step.batch)
            batch = None
        if batch is None:
            batch = self._begin(step)
        else:
            self._settle(batch, step)
        batch.held, batch.length = step, step.past + step.width
        if step.ends:
            self.end(step.batch)

    def end(self, number: int) -> None:
        """Ends the requests of a batch; a number that is not there is ignored."""
        batch = self._batches.pop(number, None)
        if batch is None:
            return
        held, batch.held = batch.held, None
        if held is not None:
            self._write(batch, held, ends=True)
        for row in np.flatnonzero(batch.begun):
            nothing = np.zeros((0, *self._event), np.uint16)
            self._append(batch, row, nothing, stage=DECODE, ends=True)

    def close(self) -> None:
        """Ends all requests; the sink is not closed."""
        for number in list(self._batches):
            self.end(number)

    def _begin(self, step: Step) -> _Batch:
        while len(self._batches) >= self._most:
            self.end(next(iter(self._batches)))
        rows = len(step.real)
        earlier = np.full(rows, step.past) if step.earlier is None else step.earlier
        batch = _Batch(np.arange(self._requests, self._requests + rows), step, earlier)
        self._requests += rows
        self._event = (step.ids.shape[0], step.ids.shape[2])
        self._batches[step.batch] = batch
        return batch

    def _continues(self, batch: _Batch, step: Step) -> bool:
        """Whether ``step`` follows on what is written and held of ``batch``."""
        written = batch.length - (batch.held.width if batch.held else 0)
        return step.past > 0 and len(step.real) == len(batch.requests) and step.past >= written

    def _settle(self, batch: _Batch, step: Step) -> None:
        """Writes the held step as far as ``step`` shows that it was kept."""
        held = batch.held
        kept = step.past - held.past
        if kept < held.width:
            # Guesses that were checked at once: the answer has begun.
            batch.decoding = batch.decoding or held.past > 0
            self._write(batch, held, kept=kept)
        else:
            self._write(batch, held)
            # Steps that were dropped: their tokens are missing in the trace.
            batch.positions[~batch.finished] += kept - held.width
        batch.decoding = batch.decoding or step.width == 1

    def _write(
        self, batch: _Batch, step: Step, kept: int | None = None, ends: bool = False
    ) -> None:
        """Hands the first ``kept`` positions of a step to the sink, all of them where None."""
        rows, width = step.real.shape
        stage = DECODE if batch.decoding else PREFILL
        alone = rows == 1
        if step.stops is not None and width == 1 and batch.decoding and not alone:
            batch.finished |= step.stops[:, 0]
        elif width > 1:
            batch.finished[:] = False
        real = step.real & ~batch.finished[:, None]
        if kept is not None:
            real = real & (np.arange(width) < kept)
        for row in range(rows):
            tokens = row * width + np.flatnonzero(real[row])
            if len(tokens):
                ids = step.ids[:, tokens].transpose(1, 0, 2)
                weights = step.weights
                weights = None if weights is None else weights[:, tokens].transpose(1, 0, 2)
                self._append(batch, row, ids, weights=weights, stage=stage, ends=ends)

    def _append(
        self,
        batch: _Batch,
        row: int,
        ids: np.ndarray,
        *,
        stage: int,
        ends: bool,
        weights: np.ndarray | None = None,
    ) -> None:
        first, begins = int(batch.positions[row]), not batch.begun[row]
        batch.positions[row] += len(ids)
        batch.begun[row] = not ends
        self.tokens += len(ids)
        self._sink.append(
            int(batch.requests[row]),
            ids,
            stage=stage,
            first_token=first,
            ends=ends,
            weights=weights,
            task=batch.task if begins else None,
        )

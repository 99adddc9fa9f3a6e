"""Which request each row of a model's calls belongs to, and where in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..shape import DECODE, PREFILL
from .sink import Sink

#: Steps and tokens of a batch that are held before they are written together.
_HELD_STEPS, _HELD_TOKENS = 32, 4096


@dataclass
class Step:
    """One call of a model: what its routers chose for ``rows`` sequences of ``width`` positions."""

    #: Calls of one batch have the same number, as they share a cache.
    batch: int
    #: Positions in the cache before the call, padding included.
    past: int
    #: Which positions are tokens, bool [rows, width]; the others are padding.
    real: np.ndarray
    #: uint16 [layers, rows, width, top_k].
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
    #: Stage of its tokens, which the batch knows.
    stage: int = PREFILL
    #: Positions before it that were dropped.
    gap: int = 0

    @property
    def width(self) -> int:
        return self.real.shape[1]

    @property
    def nbytes(self) -> int:
        return self.ids.nbytes + (0 if self.weights is None else self.weights.nbytes)

    def cut(self, width: int) -> Step:
        """Its first positions."""
        weights = None if self.weights is None else self.weights[:, :, :width]
        return replace(self, real=self.real[:, :width], ids=self.ids[:, :, :width], weights=weights)


class _Batch:
    """The requests of a batch's rows."""

    def __init__(self, requests: np.ndarray, step: Step) -> None:
        rows = len(requests)
        self.requests = requests
        #: Position of the next token of each row that is written, in its request.
        self.positions = np.full(rows, step.past, np.int64)
        if step.earlier is not None:
            self.positions[:] = step.earlier
        #: Rows that have something in the sink.
        self.begun = np.zeros(rows, bool)
        #: Rows that have read an end-of-text token one by one: what follows only fills the batch.
        self.finished = np.zeros(rows, bool)
        #: Whether tokens are taken for answers.
        self.decoding = False
        #: Positions in the cache, with the steps that are held.
        self.length = step.past
        #: Steps that are not written yet.
        self.held: list[Step] = []
        self.task = step.task

    @property
    def written(self) -> int:
        """Positions in the cache whose tokens are written."""
        return self.held[0].past if self.held else self.length

    def goes_on(self, step: Step) -> bool:
        """Whether the step is of these requests, and takes nothing back that is written."""
        is_same = len(step.real) == len(self.requests)
        return step.past > 0 and is_same and step.past >= self.written

    @property
    def tokens(self) -> int:
        """Positions held, of all rows."""
        return sum(step.real.size for step in self.held)


class Batches:
    """Splits steps into runs of single requests and hands them to a sink.

    A batch begins with a step at ``past`` 0, each row a request of its own, and goes on with steps
    of the same number. Steps are held for a while and then written together, all but the latest:
    where a step begins before the end of what is held, the tokens between were guesses that the
    model has taken back.

    A row that reads an end-of-text token in a step of one position, beside others, has finished: a
    batch goes on until its last row has, and fills the others.

    What the sink raises goes to ``failed(exception)``; that run is missing in the trace.
    """

    def __init__(self, sink: Sink, failed: Callable[[Exception], None], most: int = 256) -> None:
        self._sink, self._failed, self._most = sink, failed, most
        self._batches: dict[int, _Batch] = {}
        #: Requests begun, and tokens handed to the sink.
        self.requests = self.tokens = 0

    def take(self, step: Step) -> None:
        """Takes the next step of a batch. O(ids)."""
        batch = self._batches.get(step.batch)
        if batch is None or not batch.goes_on(step):
            self.end(step.batch)
            batch = self._begin(step)
        self._take_back(batch, step.past)
        batch.decoding = batch.decoding or (step.past > 0 and step.width == 1)
        step.stage = DECODE if batch.decoding else PREFILL
        step.gap = step.past - batch.length
        self._finish_rows(batch, step)
        batch.held.append(step)
        batch.length = step.past + step.width
        if step.ends:
            self.end(step.batch)
        elif len(batch.held) > _HELD_STEPS or batch.tokens > _HELD_TOKENS:
            self._write(batch, len(batch.held) - 1)

    def flush(self) -> None:
        """Writes all steps but the latest of each batch."""
        for batch in self._batches.values():
            self._write(batch, len(batch.held) - 1)

    def end(self, number: int) -> None:
        """Ends the requests of a batch; a number that is not there is ignored."""
        batch = self._batches.pop(number, None)
        if batch is None:
            return
        self._write(batch, len(batch.held), ends=True)

    def close(self) -> None:
        """Ends all requests; the sink is not closed."""
        for number in list(self._batches):
            self.end(number)

    def _begin(self, step: Step) -> _Batch:
        while len(self._batches) >= self._most:
            self.end(next(iter(self._batches)))
        rows = len(step.real)
        batch = _Batch(np.arange(self.requests, self.requests + rows), step)
        self.requests += rows
        self._batches[step.batch] = batch
        return batch

    @staticmethod
    def _take_back(batch: _Batch, past: int) -> None:
        """Drops what is held from position ``past`` on."""
        while batch.length > past:
            last = batch.held.pop()
            batch.length = max(last.past, past)
            if last.past < past:
                kept = last.cut(past - last.past)
                if last.past > 0:
                    # Guesses that were checked at once: the answer has begun.
                    kept.stage, batch.decoding = DECODE, True
                batch.held.append(kept)

    @staticmethod
    def _finish_rows(batch: _Batch, step: Step) -> None:
        """Leaves rows that have finished out of the step."""
        if step.width > 1:
            batch.finished[:] = False
        elif step.stops is not None and batch.decoding and len(batch.requests) > 1:
            batch.finished |= step.stops[:, 0]
        if batch.finished.any():
            step.real = step.real & ~batch.finished[:, None]

    def _write(self, batch: _Batch, count: int, ends: bool = False) -> None:
        """Hands the first steps that are held to the sink, those that follow each other at once."""
        steps, batch.held = batch.held[:count], batch.held[count:]
        first = 0
        for last in range(1, count + 1):
            joined = (
                last < count and not steps[last].gap and steps[last].stage == steps[first].stage
            )
            if not joined:
                self._write_together(batch, steps[first:last], ends and last == count)
                first = last
        if ends:
            for row in np.flatnonzero(batch.begun).tolist():
                event = steps[0].ids.shape if steps else self._event
                nothing = np.zeros((0, event[0], event[-1]), np.uint16)
                self._append(batch, row, nothing, stage=DECODE, ends=True)

    def _write_together(self, batch: _Batch, steps: list[Step], ends: bool) -> None:
        batch.positions[~batch.finished] += steps[0].gap
        real, ids = (
            np.concatenate(parts, axis)
            for parts, axis in (
                ([step.real for step in steps], 1),
                ([step.ids for step in steps], 2),
            )
        )
        weights = None
        if steps[0].weights is not None:
            weights = np.concatenate([step.weights for step in steps], 2)
        self._event = ids.shape
        for row in range(len(real)):
            tokens = real[row]
            if tokens.any():
                gate = None if weights is None else weights[:, row, tokens].transpose(1, 0, 2)
                chosen = ids[:, row, tokens].transpose(1, 0, 2)
                self._append(batch, row, chosen, weights=gate, stage=steps[0].stage, ends=ends)

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
        try:
            self._sink.append(
                int(batch.requests[row]),
                ids,
                stage=stage,
                first_token=first,
                ends=ends,
                weights=weights,
                task=batch.task if begins else None,
            )
        except Exception as error:  # noqa: BLE001 -- other rows have nothing to do with it
            self._failed(error)
            return
        batch.begun[row] = not ends
        self.tokens += len(ids)

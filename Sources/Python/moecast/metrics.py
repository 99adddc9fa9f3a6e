"""What a model has measured of itself while it learnt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Metrics:
    """How well a predictor forecast every event of its stream, before it was learnt."""

    #: uint64 [layers, 2]: events scored, by stage (``PREFILL``, ``DECODE``).
    events: np.ndarray
    #: uint64 [layers, 2, experts]: chosen experts that stood at each rank, 0 for the best.
    ranks: np.ndarray
    #: float64 [layers, 2]: the sum of these events' log losses, in bits.
    log_loss: np.ndarray

    def recall(self, n: int, stage: int | None = None) -> float:
        """Share of the chosen experts that stood among the ``n`` ranked best; NaN without any."""
        ranks = self._of(self.ranks, stage).sum(axis=(0, 1))
        return float(ranks[:n].sum() / ranks.sum()) if ranks.sum() else float("nan")

    def log_loss_bits(self, stage: int | None = None) -> float:
        """Mean of -log2 of the probability given to the chosen experts; NaN without any."""
        events = int(self._of(self.events, stage).sum())
        return float(self._of(self.log_loss, stage).sum()) / events if events else float("nan")

    @staticmethod
    def _of(values: np.ndarray, stage: int | None) -> np.ndarray:
        """The values of one stage, or of both."""
        return values if stage is None else values[:, stage : stage + 1]

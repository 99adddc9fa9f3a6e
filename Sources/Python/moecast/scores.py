"""How well forecasts were."""

from __future__ import annotations

import math
from dataclasses import dataclass

from . import _library as c


@dataclass(frozen=True)
class Score:
    """Recall and loss of a predictor over what it has scored: test, then train."""

    #: Events scored: a token at a MoE layer each.
    events: int
    #: Shares of the experts truly chosen that stood among the 1, K, 2K and 4K ranked best; NaN
    #: where nothing was scored.
    recall_at_1: float
    recall_at_k: float
    recall_at_2k: float
    recall_at_4k: float
    #: Mean of -log2 of the probability given to the chosen experts; NaN where nothing was scored.
    log_loss_bits: float

    def __bool__(self) -> bool:
        """Whether anything was scored."""
        return not math.isnan(self.recall_at_k)


def score_from_c(score: c.CScore) -> Score:
    """A score that the library gave."""
    return Score(
        score.events,
        score.recall_at_1,
        score.recall_at_k,
        score.recall_at_2k,
        score.recall_at_4k,
        score.log_loss_bits,
    )

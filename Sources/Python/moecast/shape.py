"""The shape of a model's routing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: No expert, in ids: an empty slot, behind the others of its row.
NO_EXPERT = np.uint16(0xFFFF)

#: Stages of a token.
PREFILL, DECODE = 0, 1


@dataclass(frozen=True)
class Shape:
    """What a model's routers choose from.

    Layers are ordinals of MoE layers, 0 to ``layers - 1``; ``model_layers`` has the model's own
    numbers of them.

    Raises ``ValueError`` where the numbers are no shape.
    """

    #: MoE layers, from 1.
    layers: int
    #: Routed experts a layer, 1 to 65,535.
    experts: int
    #: Experts that a token chooses in a layer.
    top_k: int
    #: The model's own numbers of its MoE layers, ascending; empty for 0, 1, 2, ...
    model_layers: tuple[int, ...] = ()
    #: The model's name, or "".
    name: str = ""

    def __post_init__(self) -> None:
        numbers = tuple(int(n) for n in self.model_layers) or tuple(range(self.layers))
        object.__setattr__(self, "model_layers", numbers)
        if self.layers < 1 or len(numbers) != self.layers:
            raise ValueError(
                f"a shape of {self.layers} layers cannot have {len(numbers)} numbers of layers: "
                "give a number a MoE layer"
            )
        if any(a >= b for a, b in zip(numbers, numbers[1:])) or numbers[0] < 0:
            raise ValueError(f"the numbers of the layers must ascend from 0 on: {list(numbers)}")
        if not 1 <= self.experts <= 65_535:
            raise ValueError(f"{self.experts} experts: 1 to 65,535 are possible")
        if not 1 <= self.top_k <= self.experts:
            raise ValueError(f"top-{self.top_k} of {self.experts} experts: 1 to {self.experts}")

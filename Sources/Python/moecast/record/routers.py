"""Finds the routers of a transformers model, and reads what they chose."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ..shape import Shape

if TYPE_CHECKING:
    import torch

#: Classes of routers, by their names; `gate` of an older transformers is a plain Linear.
_ROUTER = re.compile(r"(router|gate|gating)$", re.IGNORECASE)

#: Classes whose choice is the top-k of their last dense output, which they do not return as ids.
_TOP_OF_SCORES = ("Llama4Router", "Linear")


class _Places(NamedTuple):
    """Where a choice stands among what a router returns."""

    #: Its ids, or the scores of all experts whose top-k it is.
    chosen: int
    #: Weights of its ids, or of all experts; None where there are none.
    weights: int | None
    #: Whether both are of all experts.
    of_all: bool


@dataclass(eq=False)
class Router:
    """A router of a model."""

    #: Its module, and the name of it in the model.
    module: Any
    name: str
    #: The model's own number of its layer.
    layer: int
    experts: int
    top_k: int
    #: Found at its first call.
    _places: _Places | None = None

    def choice(self, output: Any) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Ids ``[tokens, top_k]`` that the router returned, and their weights where it has them.

        Raises ``ValueError`` where what it returned is no choice.
        """
        parts = output if isinstance(output, (tuple, list)) else (output,)
        if self._places is None:
            self._places = self._find(parts)
        at, beside, of_all = self._places
        chosen = parts[at].detach()
        weights = None if beside is None else parts[beside].detach()
        if of_all:
            ids = chosen.reshape(-1, self.experts).topk(self.top_k, dim=-1).indices
            if weights is None:
                return ids, None
            return ids, weights.reshape(-1, self.experts).gather(-1, ids)
        if weights is not None:
            weights = weights.reshape(-1, self.top_k)
        return chosen.reshape(-1, self.top_k), weights

    def _find(self, parts: Sequence[Any]) -> _Places:
        tensors = {
            at: part
            for at, part in enumerate(parts)
            if hasattr(part, "is_floating_point") and part.ndim > 1
        }
        floats = {at: part for at, part in tensors.items() if part.is_floating_point()}
        whole = [at for at in tensors if at not in floats and parts[at].shape[-1] == self.top_k]
        of_all = [at for at, part in floats.items() if part.shape[-1] == self.experts]
        if len(whole) == 1:
            beside = [at for at, part in floats.items() if part.shape == parts[whole[0]].shape]
            return _Places(whole[0], beside[-1] if beside else None, False)
        if not whole and of_all and type(self.module).__name__ in _TOP_OF_SCORES:
            return _Places(of_all[-1], of_all[0] if len(of_all) > 1 else None, True)
        shapes = ", ".join(f"{part.dtype} {list(part.shape)}" for part in tensors.values())
        raise ValueError(
            f"{self.name} ({type(self.module).__name__}) returned {shapes or 'no tensors'}, among "
            f"them {len(whole)} choices of {self.top_k} experts"
        )

    @property
    def has_weights(self) -> bool:
        """Whether gate weights may be had: not from a gate that returns scores alone."""
        return type(self.module).__name__ != "Linear"


def find_routers(model: Any, wanted: Callable[[str, Any], bool] | None = None) -> list[Router]:
    """The routers of ``model``, by layer.

    ``wanted(name, module)`` says which of the modules that look like routers are meant.

    Raises ``ValueError`` where none is found, two have one layer, or their sizes differ.
    """
    config: Any = getattr(model, "config", None)
    config = config.get_text_config() if hasattr(config, "get_text_config") else config
    modules = dict(model.named_modules())
    found = []
    for name, module in modules.items():
        parent = modules.get(name.rpartition(".")[0])
        if not _is_router(name, module, parent) or (wanted and not wanted(name, module)):
            continue
        number = re.search(r"\.(\d+)\.", name)
        owners = (module, parent, config)
        experts = _size(("num_experts", "n_routed_experts", "num_local_experts"), *owners)
        top_k = _size(("top_k", "topk", "num_experts_per_tok"), *owners)
        if number is None or experts is None or top_k is None:
            raise ValueError(
                f"{name} ({type(module).__name__}) looks like a router, but its layer, experts or "
                "top-k are not told; name the routers that are meant with routers=lambda name, "
                "module: ..."
            )
        found.append(Router(module, name, int(number.group(1)), experts, top_k))
    return _checked(sorted(found, key=lambda router: router.layer), model)


def shape_of(routers: list[Router], model: Any, name: str | None) -> Shape:
    """The shape that routers of a model have."""
    config = getattr(model, "config", None)
    told = getattr(config, "name_or_path", "") or getattr(config, "model_type", "")
    return Shape(
        layers=len(routers),
        experts=routers[0].experts,
        top_k=routers[0].top_k,
        model_layers=tuple(router.layer for router in routers),
        name=told if name is None else name,
    )


def _is_router(name: str, module: Any, parent: Any) -> bool:
    if next(module.parameters(recurse=False), None) is None:
        return False
    if type(module).__name__ == "Linear":
        # The gate of a block of experts, not that of an MLP or of shared experts.
        attribute = name.rpartition(".")[2]
        return attribute in ("gate", "router") and hasattr(parent, "experts")
    return _ROUTER.search(type(module).__name__) is not None


def _size(names: tuple[str, ...], *owners: Any) -> int | None:
    """The first attribute of these names that is a number."""
    for owner in owners:
        for name in names:
            value = getattr(owner, name, None)
            if isinstance(value, int) and value > 0:
                return value
    return None


def _checked(routers: list[Router], model: Any) -> list[Router]:
    if not routers:
        raise ValueError(
            f"{type(model).__name__} has no module that looks like a router (of a class *Router or "
            "*Gate): it is no mixture of experts, or its routing is done by a fused kernel"
        )
    for a, b in zip(routers, routers[1:]):
        if a.layer == b.layer:
            raise ValueError(
                f"{a.name} and {b.name} are both of layer {a.layer}: name those that are meant "
                "with routers=lambda name, module: ..."
            )
        if (a.experts, a.top_k) != (b.experts, b.top_k):
            raise ValueError(
                f"{a.name} chooses {a.top_k} of {a.experts} and {b.name} {b.top_k} of {b.experts}; "
                "a trace has one shape: name routers of one kind with routers=lambda name, module"
            )
    return routers

"""One call of a model, from its arguments to its last router."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .batches import Step
from .routers import Router

if TYPE_CHECKING:
    import torch


#: What transformers calls the cache, the newer name first.
_CACHES = ("cache", "past_key_values")

#: Arguments that say where requests begin in a row that holds several.
_PACKED = ("cu_seq_lens_q", "cu_seqlens")


class Call:
    """What a call's arguments say, and what its routers chose, as tensors where they are."""

    def __init__(self, arguments: dict[str, Any], stops: tuple[int, ...], task: str | None) -> None:
        """Raises ``ValueError`` where the arguments do not tell the batch's size."""
        text = arguments.get("input_ids")
        inputs = arguments.get("inputs_embeds") if text is None else text
        if inputs is None or inputs.ndim < 2:
            raise ValueError("the model was called without input_ids or inputs_embeds [rows, ...]")
        if any(arguments.get(name) is not None for name in _PACKED):
            raise ValueError("a row holds several requests, which are not told apart")
        self.rows, self.width = int(inputs.shape[0]), int(inputs.shape[1])
        self.cache = first_of(arguments.get, _CACHES)
        self.task = task
        mask, places = arguments.get("attention_mask"), arguments.get("position_ids")
        self._mask = mask if getattr(mask, "ndim", 0) == 2 else None
        #: Whether the mask has more axes than two: numbers of positions tell padding then.
        self._is_masked = mask is not None and self._mask is None
        many = self.width > 1 and getattr(places, "ndim", 0) == 2
        self._places = places if many else None
        self.past = _length(self.cache, self._mask, self.width)
        # Only a row beside others goes on behind its end.
        decodes = self.width == 1 and self.rows > 1 and text is not None and bool(stops)
        self._stops = _is_any(text, stops) if decodes else None
        self._chosen: dict[Router, tuple[torch.Tensor, torch.Tensor | None]] = {}

    def take(self, router: Router, output: Any) -> None:
        """Takes what a router returned.

        Raises ``ValueError`` where it is no choice of this call.
        """
        if router in self._chosen:
            raise ValueError(f"{router.name} was called twice in one call of the model")
        ids, weights = router.choice(output)
        if len(ids) != self.rows * self.width:
            raise ValueError(
                f"{router.name} chose for {len(ids)} tokens, where the model was called with "
                f"{self.rows} rows of {self.width}"
            )
        self._chosen[router] = ids, weights

    def step(
        self, routers: list[Router], *, batch: int, is_new: bool, ends: bool, weights: bool
    ) -> Step:
        """All of it on the host, copied once a device, as a step of a batch that may be new.

        Raises ``ValueError`` where some is missing.
        """
        absent = [router.name for router in routers if router not in self._chosen]
        if absent:
            raise ValueError(
                f"{len(absent)} of {len(routers)} routers were not called, {absent[0]} among them: "
                "their work may be done by a fused kernel"
            )
        chosen = [self._chosen[router] for router in routers]
        ids, gates = _ranked(chosen)
        wanted: dict[Any, torch.Tensor] = dict(enumerate(ids))
        if weights:
            if gates is None:
                raise ValueError("a router returned no weights beside its choice")
            wanted |= {("weights", n): gate for n, gate in enumerate(gates)}
        for name, tensor in (("stops", self._stops), ("past", self.past)):
            if hasattr(tensor, "device"):
                wanted[name] = tensor
        host = fetch(wanted | self._padding() | (self._earlier() if is_new else {}))
        stops = host.get("stops")
        return Step(
            batch=batch,
            past=int(host.get("past", self.past)),
            real=self._real(host),
            ids=_checked(self._rows([host[n] for n in range(len(ids))]), routers[0].experts),
            weights=self._rows([host["weights", n] for n in range(len(ids))]).astype(np.float16)
            if weights
            else None,
            stops=None if stops is None else stops != 0,
            earlier=host.get("earlier"),
            ends=ends,
            task=self.task,
        )

    def _rows(self, parts: list[np.ndarray]) -> np.ndarray:
        """[layers, rows, width, top_k] of what each device had."""
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return whole.reshape(len(whole), self.rows, self.width, -1)

    def _real(self, host: dict[Any, np.ndarray]) -> np.ndarray:
        """Which positions are tokens, bool [rows, width]."""
        places = host.get("places")
        if "mask" in host:
            real = host["mask"] != 0
        elif self._is_masked and places is not None:
            real = tokens_by_position(places)
        else:
            real = np.ones((self.rows, self.width), bool)
        if places is not None and any(
            (np.diff(row[tokens]) != 1).any() for row, tokens in zip(places, real)
        ):
            raise ValueError("a row holds several requests, which are not told apart")
        return real

    def _padding(self) -> dict[str, torch.Tensor]:
        """What tells padding: the mask of the call's positions, and their numbers."""
        told = {}
        if self._mask is not None:
            # A mask over the whole of a static cache is longer than what was read.
            known = isinstance(self.past, int) and self._mask.shape[1] >= self.past + self.width
            first = self.past if known else self._mask.shape[1] - self.width
            told["mask"] = self._mask[:, first : first + self.width].expand(self.rows, -1)
        if self._places is not None:
            told["places"] = self._places.expand(self.rows, -1)
        return told

    def _earlier(self) -> dict[str, torch.Tensor]:
        """Tokens of each row before the call, where a mask tells them."""
        if self._mask is None or not isinstance(self.past, int) or not self.past:
            return {}
        return {"earlier": (self._mask[:, : self.past] != 0).sum(1).expand(self.rows)}


def first_of(look_up: Callable[[str], Any], names: tuple[str, ...]) -> Any:
    """The first of ``look_up(name)`` that is not None, or None."""
    return next((found for name in names if (found := look_up(name)) is not None), None)


def cache_of(output: Any) -> Any:
    """The cache that a model returned, or None."""
    if isinstance(output, tuple):
        return next((part for part in output if hasattr(part, "get_seq_length")), None)
    return first_of(lambda name: getattr(output, name, None), _CACHES)


def tokens_by_position(places: np.ndarray) -> np.ndarray:
    """Which positions are tokens, bool [rows, width], from their numbers in their requests.

    Padding before a prompt has number 0, as its first token has: that is the last of these.
    """
    only = places.max(1, keepdims=True) == 0
    return (places > 0) | np.concatenate([places[:, 1:] > 0, only], axis=1)


def _length(cache: Any, mask: Any, width: int) -> Any:
    """Positions in the cache before the call: a number, or a copy of a tensor of one."""
    if cache is None:
        return 0
    if hasattr(cache, "get_seq_length"):
        length = cache.get_seq_length()
        return length.clone() if hasattr(length, "clone") else int(length)
    if mask is not None:
        return int(mask.shape[1]) - width
    return int(cache[0][0].shape[-2])


def _is_any(text: torch.Tensor, ids: tuple[int, ...]) -> torch.Tensor:
    found = text == ids[0]
    for other in ids[1:]:
        found = found | (text == other)
    return found


def _ranked(chosen: list[tuple]) -> tuple[list[torch.Tensor], list[torch.Tensor] | None]:
    """Ids of the layers, stacked where they share a device, and their weights where all have them.

    Where there are weights, the greatest stands first.
    """
    import torch

    runs: list[list[tuple]] = []
    for ids, weights in chosen:
        if not runs or runs[-1][0][0].device != ids.device:
            runs.append([])
        runs[-1].append((ids, weights))
    ranked, gates = [], []
    for run in runs:
        ids = torch.stack([ids for ids, _ in run])
        if all(weights is not None for _, weights in run):
            weights = torch.stack([weights.float() for _, weights in run])
            weights, order = weights.sort(dim=-1, descending=True, stable=True)
            ids = ids.gather(-1, order)
            gates.append(weights)
        ranked.append(ids)
    return ranked, gates if len(gates) == len(runs) else None


def _checked(ids: np.ndarray, experts: int) -> np.ndarray:
    """Ids as uint16. Raises ``ValueError`` where one is no expert."""
    if ids.size and (ids.min() < 0 or ids.max() >= experts):
        raise ValueError(f"a router chose expert {ids.min()} or {ids.max()} of {experts}")
    return ids.astype(np.uint16)


def fetch(tensors: dict[Any, torch.Tensor]) -> dict[Any, np.ndarray]:
    """Integers and float32 of any devices as arrays: one copy, and one wait, a device."""
    import torch

    by_device: dict[Any, list[Any]] = {}
    for key, tensor in tensors.items():
        by_device.setdefault(tensor.device, []).append(key)
    arrays = {}
    for keys in by_device.values():
        flat = [
            t.reshape(-1).view(torch.int32) if t.is_floating_point() else t.reshape(-1).int()
            for t in (tensors[key] for key in keys)
        ]
        whole = torch.cat(flat).cpu().numpy()
        at = 0
        for key, part in zip(keys, flat):
            piece = whole[at : at + len(part)].reshape(tensors[key].shape)
            arrays[key] = piece.view(np.float32) if tensors[key].is_floating_point() else piece
            at += len(part)
    return arrays

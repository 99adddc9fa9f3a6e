"""What engines write where they recorded nothing, and what becomes of it."""

from __future__ import annotations

import numpy as np

from ..shape import NO_EXPERT, Shape

#: Ids that must count up in a token before it is taken for filled in.
_ENOUGH_COUNTING = 8


def settled(ids: np.ndarray, shape: Shape) -> np.ndarray:
    """Ids ``[tokens, layers, top_k]`` of an engine in the form of a trace, uint16.

    A slot is empty where it holds -1, the largest number of an unsigned type, or the number of
    experts; an event where all its slots are, or all hold expert 0, which no router chooses twice;
    a token where its events are, or count up from expert 0 as fillings do. Empty slots go behind
    the others of their row; tokens without a route at the end are left out. It is the rule by
    which ``moecast import`` reads.

    Raises ``ValueError`` where an id is no expert, or stands twice in an event.
    """
    empty = ids == shape.experts
    if ids.dtype.kind == "u":
        largest = np.iinfo(ids.dtype).max
        empty |= (ids == largest) & (largest >= shape.experts)
    else:
        empty |= ids == -1
    if shape.top_k > 1:
        empty |= (ids == 0).all(-1, keepdims=True)
    _check(ids, empty, shape)
    counts_up = (ids == np.arange(shape.top_k)).all(-1)
    absent = empty.all(-1)
    filled = (counts_up | absent).all(-1)
    counting = (counts_up & ~absent).sum(-1) * shape.top_k
    empty[filled & ((counting == 0) | (counting >= _ENOUGH_COUNTING))] = True

    out = np.where(empty, NO_EXPERT, ids).astype(np.uint16)
    if empty.any():
        order = np.argsort(empty, axis=-1, kind="stable")
        out = np.take_along_axis(out, order, -1)
    told = np.flatnonzero(~empty.all((1, 2)))
    return out[: told[-1] + 1 if len(told) else 0]


def moe_layers(ids: np.ndarray, shape: Shape) -> np.ndarray:
    """The MoE layers of ids whose second axis counts either these alone or all layers.

    Raises ``ValueError`` where it is neither.
    """
    if ids.ndim != 3 or ids.shape[2] != shape.top_k:
        raise ValueError(f"its routing is {list(ids.shape)}, not [tokens, layers, {shape.top_k}]")
    if ids.shape[1] == shape.layers:
        return ids
    if ids.shape[1] > shape.model_layers[-1]:
        return ids[:, list(shape.model_layers)]
    raise ValueError(
        f"its routing has {ids.shape[1]} layers; the shape has {shape.layers} MoE layers, the last "
        f"of them layer {shape.model_layers[-1]} of the model"
    )


def _check(ids: np.ndarray, empty: np.ndarray, shape: Shape) -> None:
    outside = ~empty & ((ids < 0) | (ids >= shape.experts))
    if outside.any():
        token, layer, _ = np.argwhere(outside)[0]
        raise ValueError(
            f"token {token}, MoE layer {layer}: {int(ids[outside][0])} is no expert of "
            f"{shape.experts}"
        )
    if shape.top_k > 1:
        # Every empty slot by a number of its own.
        distinct = np.where(empty, shape.experts + np.arange(shape.top_k), ids.astype(np.int64))
        distinct.sort(-1)
        twice = (distinct[..., 1:] == distinct[..., :-1]).any(-1)
        if twice.any():
            token, layer = np.argwhere(twice)[0]
            raise ValueError(f"token {token}, MoE layer {layer}: an expert is chosen twice")

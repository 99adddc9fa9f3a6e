"""How engines put an array of expert ids into JSON."""

from __future__ import annotations

import base64
import binascii
import io
import math
from typing import Any

import numpy as np

from ..shape import Shape


def array(routed: Any, shape: Shape, rows: int | None) -> tuple[np.ndarray, int | None]:
    """Expert ids ``[tokens, layers, top_k]`` of a ``routed_experts``, and the first row's position.

    It may be an array; lists in lists; base64 of a whole ``.npy`` file (vLLM), or of little-endian
    int32 without a header (SGLang); or an object of base64, shape, dtype and start (Dynamo,
    prime-rl). The position is None where it is not told.

    ``rows`` is how many rows are expected, where that is known: it tells the layers of ids that
    have no shape.

    Raises ``ValueError`` where it is none of these.
    """
    if isinstance(routed, np.ndarray):
        return _integers(routed), None
    if isinstance(routed, dict):
        return _described(routed), int(routed.get("start") or 0)
    if isinstance(routed, (list, tuple)):
        return _nested(routed, shape), None
    if not isinstance(routed, (str, bytes)):
        raise ValueError(f"its routed_experts are a {type(routed).__name__}")
    data = _bytes(routed)
    if data.startswith(b"\x93NUMPY"):
        return _integers(_npy(data)), None
    if len(data) % 4:
        raise ValueError(f"its routing of {len(data)} bytes is not made of 32-bit ids")
    return _split(np.frombuffer(data, "<i4"), shape, rows), None


def _bytes(text: str | bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"its routed_experts are no base64: {error}") from None


def _npy(data: bytes) -> np.ndarray:
    """The array of an ``.npy`` file; of what its header claims nothing is allocated."""
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        read = {1: "read_array_header_1_0", 2: "read_array_header_2_0"}[version[0]]
        axes, by_columns, kind = getattr(np.lib.format, read)(file)
    except (ValueError, KeyError) as error:
        raise ValueError(f"its routed_experts are no array of NumPy: {error}") from None
    if kind.hasobject or by_columns:
        raise ValueError("its routed_experts are an array of objects, or one by columns")
    return _shaped(data[file.tell() :], kind, axes)


def _described(routed: dict[str, Any]) -> np.ndarray:
    kind = routed.get("dtype") or "uint8"
    if kind not in ("uint8", "uint16", "int16", "int32"):
        raise ValueError(f"its routed_experts are of dtype {kind}")
    axes = routed.get("shape")
    if not isinstance(axes, (list, tuple)) or not all(type(n) is int for n in axes):
        raise ValueError(f"its routed_experts have the shape {axes}")
    return _shaped(_bytes(routed.get("data") or ""), np.dtype(kind).newbyteorder("<"), tuple(axes))


def _shaped(data: bytes, kind: np.dtype, axes: tuple[int, ...]) -> np.ndarray:
    if any(n < 0 for n in axes) or math.prod(axes) * kind.itemsize != len(data):
        raise ValueError(f"its routing of {len(data)} bytes is not {kind} {list(axes)}")
    return _integers(np.frombuffer(data, kind).reshape(axes))


def _nested(routed: Any, shape: Shape) -> np.ndarray:
    """Lists ``[tokens][layers][up to top_k]``: shorter ones, and null, are filled with -1."""
    if not routed:
        return np.zeros((0, shape.layers, shape.top_k), np.int64)
    try:
        layers = max(len(token or ()) for token in routed)
        ids = np.full((len(routed), layers, shape.top_k), -1, np.int64)
        for t, token in enumerate(routed):
            for layer, event in enumerate(token or ()):
                told = [-1 if id is None else id for id in event or ()]
                if not all(type(id) is int for id in told):
                    raise TypeError("an id is no integer")
                ids[t, layer, : len(told)] = told
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"its routed_experts are no lists [tokens][layers][{shape.top_k}]: {error}"
        ) from None
    return ids


def _split(ids: np.ndarray, shape: Shape, rows: int | None) -> np.ndarray:
    """Ids without a shape: of all layers, or of MoE layers alone, as ``rows`` tells."""
    if not len(ids):
        return ids.reshape(0, shape.layers, shape.top_k)
    candidates = [shape.model_layers[-1] + 1, shape.layers]
    if rows and len(ids) % (rows * shape.top_k) == 0:
        candidates.insert(0, len(ids) // (rows * shape.top_k))
    for layers in candidates:
        fits = layers == shape.layers or layers > shape.model_layers[-1]
        if fits and len(ids) % (layers * shape.top_k) == 0:
            tokens = len(ids) // (layers * shape.top_k)
            if rows is None or tokens <= rows + 1:
                return ids.reshape(tokens, layers, shape.top_k)
    of = "" if rows is None else f" of {rows} tokens"
    raise ValueError(
        f"its {len(ids)} ids{of} cannot be split into the {shape.layers} MoE layers, or all "
        f"layers, of the shape, top-{shape.top_k}: give the shape of the model that answered"
    )


def _integers(ids: np.ndarray) -> np.ndarray:
    if ids.dtype.kind not in "iu":
        raise ValueError(f"its routed_experts are of dtype {ids.dtype}")
    return ids

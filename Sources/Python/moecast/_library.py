"""The C library: its structs and functions, as ``moecast.h`` declares them."""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from ctypes import c_bool, c_char, c_char_p, c_double, c_size_t, c_void_p
from ctypes import c_uint8 as u8
from ctypes import c_uint16 as u16
from ctypes import c_uint32 as u32
from ctypes import c_uint64 as u64
from typing import Any, cast

import numpy as np

from .errors import BY_STATUS, BadArgumentError, Error, LibraryError
from .shape import Shape

#: The major version of the library that this package is written for.
_MAJOR = 1


class CError(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int), ("text", c_char * 1020)]


class CShape(ctypes.Structure):
    _fields_ = [
        ("layers", u32),
        ("experts", u32),
        ("top_k", u32),
        ("model_layers", ctypes.POINTER(u32)),
        ("name", c_char_p),
    ]


class COptions(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("predictors", c_char_p),
        ("learn", c_bool),
        ("max_requests", u32),
        ("record", c_char_p),
    ]


class CCounts(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("tokens_learnt", u64),
        ("tokens_waiting", u64),
        ("requests", u64),
    ]


class CScore(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("events", u64),
        ("recall_at_1", c_double),
        ("recall_at_k", c_double),
        ("recall_at_2k", c_double),
        ("recall_at_4k", c_double),
        ("log_loss_bits", c_double),
    ]


class CRun(ctypes.Structure):
    _fields_ = [
        ("request", u64),
        ("first_token", u64),
        ("count", u32),
        ("stage", u8),
        ("ends_request", u8),
        ("reserved", u16),
    ]


class CChunk(ctypes.Structure):
    _fields_ = [
        ("tokens", c_size_t),
        ("runs", c_size_t),
        ("run", c_void_p),
        ("ids", c_void_p),
        ("weights", c_void_p),
        ("labels", c_size_t),
        ("label_request", ctypes.POINTER(u64)),
        ("label_name", ctypes.POINTER(c_char_p)),
        ("label_task", ctypes.POINTER(c_char_p)),
    ]


_handle = ctypes.POINTER(c_void_p)
_paths = ctypes.POINTER(c_char_p)
_error = ctypes.POINTER(CError)

#: Arguments of the functions that return a status; the error comes behind them.
_FUNCTIONS: dict[str, list[Any]] = {
    "forecaster_open": [c_char_p, ctypes.POINTER(COptions), _handle],
    "forecaster_create": [ctypes.POINTER(CShape), ctypes.POINTER(COptions), _handle],
    "forecaster_close": [c_void_p],
    "forecaster_shape": [c_void_p, ctypes.POINTER(CShape)],
    "forecaster_horizon": [c_void_p, u32, ctypes.POINTER(u32)],
    "request_begin": [c_void_p, u64, c_char_p, u64],
    "request_end": [c_void_p, c_size_t, c_void_p],
    "open_tokens": [c_void_p, c_size_t, c_void_p, c_void_p],
    "observe": [c_void_p, c_size_t, c_void_p, u32, c_void_p],
    "forecast": [c_void_p, u32, c_size_t, c_void_p, u32, u32, c_void_p, c_void_p],
    "step": [c_void_p, u32, c_size_t, c_void_p, u32, c_void_p, u32, c_void_p, c_void_p],
    "forecaster_counts": [c_void_p, ctypes.POINTER(CCounts)],
    "forecaster_flush": [c_void_p],
    "forecaster_save": [c_void_p, c_char_p],
    "forecaster_score": [c_void_p, u32, ctypes.POINTER(CScore)],
    "train": [c_size_t, _paths, c_char_p, c_char_p, u32],
    "evaluate": [c_char_p, c_size_t, _paths, c_bool, u32, u32, ctypes.POINTER(CScore)],
    "reader_open": [c_size_t, _paths, _handle],
    "reader_shape": [c_void_p, ctypes.POINTER(CShape)],
    "reader_next": [c_void_p, ctypes.POINTER(CChunk)],
    "writer_create": [c_char_p, ctypes.POINTER(CShape), c_bool, u32, _handle],
    "writer_label": [c_void_p, u64, c_char_p, c_char_p],
    "writer_append": [c_void_p, ctypes.POINTER(CRun), c_void_p, c_void_p],
    "writer_finish": [c_void_p],
}


@functools.cache
def library() -> Any:
    """The library, loaded at the first call: ``MOECAST_LIBRARY``, or the one of the package.

    Raises :class:`LibraryError` where it cannot be loaded, or is of another major version.
    """
    packaged = os.path.join(os.path.dirname(__file__), "libmoecast.so")
    path = os.environ.get("MOECAST_LIBRARY") or packaged
    if path == packaged and not os.path.exists(packaged):
        path = "libmoecast.so"  # Where `make install` has put it, if it has.
    try:
        loaded = ctypes.CDLL(path)
        loaded.moecast_version.restype = c_char_p
        version = loaded.moecast_version().decode()
        for name, arguments in _FUNCTIONS.items():
            function = getattr(loaded, "moecast_" + name)
            function.argtypes, function.restype = [*arguments, _error], ctypes.c_int
        loaded.moecast_forecaster_predictors.argtypes = [c_void_p]
        loaded.moecast_forecaster_predictors.restype = c_char_p
        for name in ("reader_close", "writer_discard"):
            function = getattr(loaded, "moecast_" + name)
            function.argtypes, function.restype = [c_void_p], None
    except (OSError, AttributeError) as error:
        raise LibraryError(
            f"{path}: {error}; install the wheel (make wheel), or name a library of this version "
            "with MOECAST_LIBRARY"
        ) from None
    if version.partition(".")[0] != str(_MAJOR):
        raise LibraryError(f"{path} is of version {version}; this package needs {_MAJOR}.x")
    return loaded


def check(status: int, error: CError) -> None:
    """Raises what a call that returned ``status`` wrote into ``error``."""
    if status:
        raise exception(status, error)


def exception(status: int, error: CError) -> Error:
    """The exception for what a call wrote into ``error``."""
    text = error.text.decode("utf-8", "replace")
    return BY_STATUS.get(status, Error)(text or f"moecast failed with status {status}")


def call(name: str, *arguments: Any) -> None:
    """Calls a function that returns a status, and raises where it is not 0."""
    error = CError()
    check(getattr(library(), "moecast_" + name)(*arguments, ctypes.byref(error)), error)


def encoded(path: Any) -> bytes:
    """A path as the library takes it. Raises ``BadArgumentError`` where it holds a zero byte."""
    data = os.fsencode(path)
    if b"\0" in data:
        raise BadArgumentError(f"a path cannot hold a zero byte: {data!r}")
    return data


def text(value: str | None) -> bytes | None:
    """A text as the library takes it, None for none."""
    if value is None:
        return None
    data = value.encode()
    if b"\0" in data:
        raise BadArgumentError(f"a text cannot hold a zero byte: {value!r}")
    return data


def paths(traces: Any) -> tuple[int, Any]:
    """One path, or several, as the library takes them."""
    several = [traces] if isinstance(traces, (str, bytes, os.PathLike)) else list(traces)
    return len(several), (c_char_p * len(several))(*map(encoded, several))


def shape_to_c(shape: Shape) -> CShape:
    """A shape as the library takes it."""
    numbers = (u32 * shape.layers)(*shape.model_layers)
    return CShape(shape.layers, shape.experts, shape.top_k, numbers, text(shape.name))


def shape_from_c(shape: CShape) -> Shape:
    """A shape that the library gave; its arrays are copied."""
    numbers = tuple(shape.model_layers[: shape.layers]) if shape.model_layers else ()
    name = (shape.name or b"").decode("utf-8", "replace")
    return Shape(shape.layers, shape.experts, shape.top_k, numbers, name)


def at(array: np.ndarray) -> int:
    """The address of an array's values, which is the array's for as long as it lives."""
    try:
        # Three times as fast as the other way.
        return ctypes.addressof(c_char.from_buffer(cast(Any, array)))
    except (TypeError, ValueError):  # Read-only, or of no values.
        return array.__array_interface__["data"][0]


def out_address(array: np.ndarray, kind: type, shape: tuple[int, ...], what: str) -> int:
    """The address of an array that is written to.

    Raises ``BadArgumentError`` unless it is of ``kind`` and ``shape``, contiguous row by row.
    """
    if array.dtype != kind or array.shape != shape or not array.flags.c_contiguous:
        raise BadArgumentError(
            f"{what} must be {np.dtype(kind).name} {list(shape)}, row by row; they are "
            f"{array.dtype} {list(array.shape)}"
        )
    return at(array)


def contiguous(values: Any, kind: type, shape: tuple[int, ...], what: str) -> np.ndarray:
    """Values as an array of ``kind`` and ``shape``, row by row; copied only where they are not.

    Raises ``BadArgumentError`` where they are of another shape, or do not fit the kind.
    """
    array = np.asarray(values)
    if array.shape != shape:
        raise BadArgumentError(f"{what} must be {list(shape)}; they are {list(array.shape)}")
    if array.dtype != kind and array.size:
        whole = np.issubdtype(kind, np.integer)
        if whole and (array.dtype.kind not in "iu" or array.min() < 0 or array.max() > 0xFFFF):
            raise BadArgumentError(f"{what} must be integers from 0 to 65,535")
        if not whole and array.dtype.kind != "f":
            raise BadArgumentError(f"{what} must be floats; they are {array.dtype}")
    return np.ascontiguousarray(array, dtype=kind)


def copied(source: int, kind: Any, shape: tuple[int, ...]) -> np.ndarray:
    """An array of its own with the values at an address of the library's."""
    array = np.empty(shape, kind)
    if array.nbytes:
        ctypes.memmove(at(array), source, array.nbytes)
    return array


if sys.byteorder != "little":  # pragma: no cover -- no such machine runs the library
    raise ImportError("moecast runs on little-endian machines alone")

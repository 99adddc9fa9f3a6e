"""What a model file holds, as arrays."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, Callable

import numpy as np

from .errors import DataError, FileError, LibraryError
from .metrics import Metrics
from .shape import Shape

#: Log losses of model files are in steps of 2^-24 bits.
_STEPS_A_BIT = 1 << 24


class Model:
    """A trained model's tables and metrics.

    A model file, ``*.h5``, is read through h5py, which must be installed; what ``moecast export
    --to npz`` wrote is read with NumPy alone. Neither needs the library.

    ::

        model = moecast.Model("model.h5")
        model.metrics["mixture"].recall(8)
        model.tables["layer-markov/counts"]       # [layer, given expert, expert]

    Raises ``FileError`` where the file cannot be read, ``DataError`` where it is no model,
    ``LibraryError`` where h5py is needed and not there.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        try:
            with open(self._path, "rb") as file:
                beginning = file.read(8)
        except OSError as error:
            raise FileError(f"{self._path}: {error.strerror}") from None
        kind = next((kind for magic, kind in _KINDS if beginning.startswith(magic)), None)
        if kind is None:
            raise DataError(
                f"{self._path} is neither a model (*.h5) nor one exported with --to npz"
            )
        try:
            contents = kind(self._path)
            #: The shape of the model.
            self.shape: Shape = contents.shape()
            #: Names of the predictors that learnt.
            self.predictors: tuple[str, ...] = contents.predictors()
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{self._path} cannot be read as a model: {error}") from None
        #: What the file says of itself in single values, texts as ``str``.
        self.attributes: Mapping[str, Any] = contents.attributes
        #: Every array but the metrics, by its name in the file, read when it is looked up.
        self.tables: Mapping[str, np.ndarray] = _Lazily(
            [name for name in contents.names if not name.startswith("metrics/")], contents.read
        )
        #: Of each predictor, in the model's order.
        self.metrics: Mapping[str, Metrics] = _Lazily(list(self.predictors), contents.metrics)

    def __repr__(self) -> str:
        return f"Model({self._path!r})"


class _Lazily(Mapping):
    """A mapping whose values are read when they are looked up."""

    def __init__(self, names: list[str], read: Callable[[str], Any]) -> None:
        self._names, self._read = names, read

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return self._read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class _ModelFile:
    """A ``*.h5``."""

    def __init__(self, path: str) -> None:
        try:
            import h5py
        except ImportError:
            raise LibraryError(
                f"{path}: h5py is needed to read a model file; install it (pip install h5py), or "
                "read what moecast export --to npz writes"
            ) from None
        self._open = lambda: h5py.File(path, "r")
        #: Names of all datasets.
        self.names: list[str] = []
        with self._open() as file:
            if file.attrs.get("encoding-type") != b"moecast-model":
                raise DataError(f"{path} is an HDF5 file, and no model of moecast")
            self.attributes = {name: _plain(value) for name, value in file.attrs.items()}
            file.visititems(
                lambda name, item: (
                    self.names.append(name) if isinstance(item, h5py.Dataset) else None
                )
            )

    def read(self, name: str) -> np.ndarray:
        with self._open() as file:
            return file[name][...]

    def shape(self) -> Shape:
        layers = tuple(self.read("layer").tolist())
        facts = self.attributes
        return Shape(len(layers), facts["experts"], facts["top_k"], layers, facts["model"])

    def predictors(self) -> tuple[str, ...]:
        return tuple(self.attributes["predictors"].split(","))

    def metrics(self, predictor: str) -> Metrics:
        events, ranks, steps = (
            self.read(f"metrics/{predictor}/{column}") for column in ("events", "ranks", "log_loss")
        )
        return Metrics(events, ranks, steps / _STEPS_A_BIT)


class _Exported:
    """What ``moecast export --to npz`` wrote."""

    def __init__(self, path: str) -> None:
        self._path = path
        with np.load(path, allow_pickle=False) as archive:
            #: Names of all arrays.
            self.names = list(archive.files)
            single = [name for name in self.names if archive[name].ndim == 0]
            self.attributes = {name: _plain(archive[name][()]) for name in single}

    def read(self, name: str) -> np.ndarray:
        with np.load(self._path, allow_pickle=False) as archive:
            return archive[name]

    def shape(self) -> Shape:
        layers = tuple(self.read("model_layers").tolist())
        facts = self.attributes
        return Shape(len(layers), facts["experts"], facts["top_k"], layers, facts["model"])

    def predictors(self) -> tuple[str, ...]:
        return tuple(map(_plain, self.read("predictors")))

    def metrics(self, predictor: str) -> Metrics:
        columns = ("events", "ranks", "log_loss_bits")
        return Metrics(*(self.read(f"metrics/{predictor}/{column}") for column in columns))


_KINDS = ((b"\x89HDF\r\n\x1a\n", _ModelFile), (b"PK\x03\x04", _Exported))


def _plain(value: Any) -> Any:
    """A text as str, a number as Python's, an array as it is."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.item() if isinstance(value, np.generic) else value

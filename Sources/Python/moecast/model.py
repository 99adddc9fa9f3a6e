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
        try:
            if beginning.startswith(b"PK\x03\x04"):
                attributes, names, self._read = _archive(self._path)
            elif beginning == b"\x89HDF\r\n\x1a\n":
                attributes, names, self._read = _hdf5(self._path)
            else:
                raise DataError(
                    f"{self._path} is neither a model (*.h5) nor one exported with --to npz"
                )
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            if isinstance(error, (DataError, LibraryError)):
                raise
            raise DataError(f"{self._path} cannot be read as a model: {error}") from None
        #: What the file says of itself: the attributes of its root, texts as ``str``.
        self.attributes: Mapping[str, Any] = attributes
        #: Every dataset but the metrics, by its name in the file, read when it is looked up.
        self.tables: Mapping[str, np.ndarray] = _Lazily(
            [name for name in names if not name.startswith("metrics/")], self._read
        )
        #: Of each predictor, in the model's order.
        self.metrics: Mapping[str, Metrics] = _Lazily(
            [name for name in self.predictors if f"metrics/{name}/ranks" in names], self._metrics
        )

    @property
    def shape(self) -> Shape:
        """The shape of the model. Raises ``DataError`` where the file does not tell it."""
        try:
            layers = tuple(self._read("layer").tolist())
            experts, top_k = (int(self.attributes[name]) for name in ("experts", "top_k"))
            return Shape(len(layers), experts, top_k, layers, self.attributes["model"])
        except KeyError as error:
            raise DataError(f"{self._path} does not tell its shape: no {error}") from None

    @property
    def predictors(self) -> tuple[str, ...]:
        """Names of the predictors that learnt; empty where the file does not tell them."""
        names = self.attributes.get("predictors", "")
        return tuple(name for name in names.split(",") if name)

    def _metrics(self, predictor: str) -> Metrics:
        columns = ("events", "ranks", "log_loss")
        return Metrics(*(self._read(f"metrics/{predictor}/{column}") for column in columns))

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


_Contents = tuple[dict[str, Any], list[str], Callable[[str], np.ndarray]]


def _archive(path: str) -> _Contents:
    """Attributes (arrays of one value), names and arrays of an NPZ."""
    with np.load(path, allow_pickle=False) as archive:
        names = list(archive.files)
        attributes = {name: _plain(archive[name][()]) for name in names if not archive[name].shape}

    def read(name: str) -> np.ndarray:
        with np.load(path, allow_pickle=False) as archive:
            return archive[name]

    return attributes, names, read


def _hdf5(path: str) -> _Contents:
    """Attributes, names and datasets of a model file."""
    try:
        import h5py
    except ImportError:
        raise LibraryError(
            f"{path}: h5py is needed to read a model file; install it (pip install h5py), or read "
            "what moecast export --to npz writes"
        ) from None
    names: list[str] = []
    with h5py.File(path, "r") as file:
        if file.attrs.get("encoding-type") != b"moecast-model":
            raise DataError(f"{path} is an HDF5 file, and no model of moecast")
        attributes = {name: _plain(value) for name, value in file.attrs.items()}
        file.visititems(
            lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None
        )

    def read(name: str) -> np.ndarray:
        with h5py.File(path, "r") as file:
            return file[name][...]

    return attributes, names, read


def _plain(value: Any) -> Any:
    """A text as str, a number as Python's, an array as it is."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.item() if isinstance(value, np.generic) else value

"""A client of ``moecast serve``: the same calls as :class:`moecast.Forecaster`, over a Unix socket."""

from __future__ import annotations

import os
import socket
import struct
import threading
from typing import NamedTuple

import numpy as np

from .errors import BY_STATUS, BadArgumentError, Error
from .forecaster import Forecast
from .scores import Score
from .shape import Shape

#: The version of the protocol that is spoken, (major, minor).
VERSION = (1, 0)

_HEAD = struct.Struct("<IHHQ")
_ANSWER = 0x8000
_HELLO, _BEGIN, _END, _OPEN, _OBSERVE, _FORECAST, _STEP = range(1, 8)
_COUNTS, _SCORE, _FLUSH, _SAVE = range(8, 12)


class BusyError(Error):
    """More waits to be learnt than the service takes; the same call may come again in a moment."""


class ServiceError(Error, ConnectionError):
    """The service is not there, has ended, turns this client away, or answers what it may not."""


class Predictor(NamedTuple):
    """What forecasts."""

    name: str
    #: Layers that it forecasts ahead of the last observed one; 0 where it needs none of the token's.
    horizon: int


class Introduction(NamedTuple):
    """What a service says of itself and its model."""

    version: tuple[int, int]
    #: The shape of the model.
    shape: Shape
    #: Requests that one call may be about.
    max_requests: int
    #: Whether what is observed is learnt.
    learns: bool
    predictors: tuple[Predictor, ...]


class Counts(NamedTuple):
    """How a service stands."""

    #: Tokens that the model has learnt, by earlier streams too.
    tokens_learnt: int
    #: Tokens closed by any client, and not learnt yet.
    tokens_waiting: int
    #: Requests of this client that are under way.
    requests: int
    #: Tokens that the model on the disk has learnt.
    tokens_saved: int


class Client:
    """A connection to ``moecast serve``; its requests have numbers of its own.

    ::

        with moecast.service.Client("model.h5.sock") as client:
            client.begin([7])
            client.open_tokens([7])
            forecast = client.forecast([7], layer=0, top=16)
            for layer in range(client.shape.layers):
                ids = ...                                   # what the router chose, [1, top_k]
                forecast = client.step([7], layer, ids, top=16)

    Calls may come from any thread and are taken one at a time. Errors are those of
    :class:`moecast.Forecaster`; besides, :class:`BusyError` where learning does not keep up, and
    :class:`ServiceError` where the service cannot be reached. When the client is closed its requests
    end.

    Parameters
    ----------
    path
        The socket.
    token
        The service's token, where it wants one.
    timeout
        Seconds that an answer is waited for; saving a large model takes some.
    """

    #: What is served.
    service: Introduction

    def __init__(
        self, path: str | os.PathLike[str], *, token: str = "", timeout: float = 60.0
    ) -> None:
        self._lock = threading.Lock()
        self._tag = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        self._room = bytearray(1 << 16)
        try:
            self._socket.connect(os.fspath(path))
        except OSError as error:
            self._socket.close()
            raise ServiceError(f"{path}: nobody answers ({error}); start moecast serve") from error
        try:
            secret = token.encode()
            self.service = _introduction(
                self._ask(
                    _HELLO,
                    b"moecast\0" + struct.pack("<HHI", *VERSION, len(secret)) + secret,
                )
            )
        except BaseException:
            self._socket.close()
            raise

    @property
    def shape(self) -> Shape:
        """The shape of the model that is served."""
        return self.service.shape

    def close(self) -> None:
        """Ends the connection, and the client's requests with it."""
        self._socket.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, requests: object, *, task: str = "", position: int = 0) -> None:
        """Begins requests under numbers of the caller's, int [n].

        ``position`` is that of their first token that will be seen.
        """
        name = task.encode()
        for request in _numbers(requests).tolist():
            self._ask(_BEGIN, struct.pack("<QQI", request, position, len(name)) + name)

    def end(self, requests: object) -> None:
        """Ends requests, int [n]: open tokens are dropped, closed ones are learnt."""
        numbers = _numbers(requests)
        self._ask(_END, struct.pack("<II", len(numbers), 0) + numbers.tobytes())

    def open_tokens(self, requests: object, *, stages: object = 1) -> None:
        """Opens the next token of each request, int [n]; stages are 0 (prefill) or 1 (decode)."""
        numbers = _numbers(requests)
        stage = np.broadcast_to(np.asarray(stages, np.uint8), numbers.shape)
        self._ask(
            _OPEN, struct.pack("<II", len(numbers), 0) + numbers.tobytes() + stage.tobytes()
        )

    def observe(self, requests: object, layer: int, ids: object) -> None:
        """Tells what the routers chose: ids, int [n, top_k], 65,535 for empty slots, which are last.

        The last layer closes the token.
        """
        numbers = _numbers(requests)
        chosen = self._ids(ids, len(numbers))
        self._ask(
            _OBSERVE, struct.pack("<II", len(numbers), layer) + numbers.tobytes() + chosen
        )

    def forecast(
        self, requests: object, layer: int, *, top: int, predictor: int = 0
    ) -> Forecast:
        """Forecasts ``layer`` of each request's open token; changes nothing."""
        numbers = _numbers(requests)
        return _forecast(
            self._ask(
                _FORECAST,
                struct.pack("<IIII", len(numbers), layer, predictor, top) + numbers.tobytes(),
            )
        )

    def step(
        self, requests: object, layer: int, ids: object, *, top: int, predictor: int = 0
    ) -> Forecast:
        """:meth:`observe`, then :meth:`forecast` of the layer that is due next, in one message."""
        numbers = _numbers(requests)
        chosen = self._ids(ids, len(numbers))
        return _forecast(
            self._ask(
                _STEP,
                struct.pack("<IIII", len(numbers), layer, predictor, top)
                + numbers.tobytes()
                + chosen,
            )
        )

    def counts(self) -> Counts:
        """How the service stands."""
        return Counts(*struct.unpack("<4Q", self._ask(_COUNTS, b"")))

    def score(self, predictor: int = 0) -> Score:
        """How right a predictor was over all that it has scored, each token before it was learnt."""
        return Score(*struct.unpack("<Q5d", self._ask(_SCORE, struct.pack("<I", predictor))))

    def flush(self) -> None:
        """Waits until every closed token is learnt."""
        self._ask(_FLUSH, b"")

    def save(self) -> int:
        """Waits until the model is on the disk; the tokens that it has learnt."""
        return struct.unpack("<Q", self._ask(_SAVE, b""))[0]

    def _ids(self, ids: object, count: int) -> bytes:
        chosen = np.asarray(ids)
        if chosen.shape != (count, self.shape.top_k):
            raise BadArgumentError(
                f"ids have the shape {list(chosen.shape)}; they are [{count}, {self.shape.top_k}]"
            )
        if chosen.dtype != np.uint16:
            if chosen.size and not 0 <= int(chosen.min()) <= int(chosen.max()) <= 0xFFFF:
                raise BadArgumentError("ids are from 0 to 65535")
            chosen = chosen.astype("<u2")
        return chosen.tobytes()

    def _ask(self, kind: int, body: bytes) -> memoryview:
        with self._lock:
            self._tag += 1
            try:
                self._socket.sendall(_HEAD.pack(len(body), kind, 0, self._tag) + body)
                room = self._take(_HEAD.size)
                length, answer, status, tag = _HEAD.unpack(room)
                reply = self._take(length)
            except OSError as error:
                self._socket.close()
                raise ServiceError(f"the service does not answer ({error})") from error
            if status:
                text = bytes(reply[4:]).decode(errors="replace")
                raise _error(status)(text)
            if answer != kind | _ANSWER or tag != self._tag:
                self._socket.close()
                raise ServiceError(f"an answer of kind {answer:#x} came to a request of {kind}")
            # The room is used again by the next answer.
            return memoryview(bytes(reply))

    def _take(self, length: int) -> memoryview:
        if length > len(self._room):
            self._room = bytearray(length)
        room = memoryview(self._room)[:length]
        taken = 0
        while taken < length:
            count = self._socket.recv_into(room[taken:])
            if not count:
                raise ConnectionError("the service has closed the connection")
            taken += count
        return room


def _error(status: int) -> type[Error]:
    if status == 64:
        return BusyError
    return ServiceError if status > 64 else BY_STATUS.get(status, Error)


def _numbers(requests: object) -> np.ndarray:
    numbers = np.atleast_1d(np.asarray(requests))
    if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
        raise BadArgumentError("requests are whole numbers, [n]")
    if numbers.dtype.kind == "i" and numbers.size and int(numbers.min()) < 0:
        raise BadArgumentError("requests are numbers from 0")
    return numbers.astype("<u8", copy=False)


def _forecast(body: memoryview) -> Forecast:
    count, top = struct.unpack_from("<II", body)
    values = count * top
    chances = np.frombuffer(body, "<f4", values, 8).reshape(count, top)
    ranked = np.frombuffer(body, "<u2", values, 8 + 4 * values).reshape(count, top)
    return Forecast(ranked, chances)


def _introduction(body: memoryview) -> Introduction:
    major, minor, layers, experts, top_k, most, _, learns, count = struct.unpack_from(
        "<HH7I", body
    )
    at = 32
    model_layers = struct.unpack_from(f"<{layers}I", body, at)
    at += 4 * layers

    def text() -> str:
        nonlocal at
        (length,) = struct.unpack_from("<I", body, at)
        at += 4 + length
        return bytes(body[at - length : at]).decode()

    name = text()
    predictors = []
    for _ in range(count):
        (horizon,) = struct.unpack_from("<I", body, at)
        at += 4
        predictors.append(Predictor(text(), horizon))
    shape = Shape(layers, experts, top_k, model_layers, name)
    return Introduction((major, minor), shape, most, bool(learns), tuple(predictors))

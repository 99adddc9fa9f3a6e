"""Routing in the answers of vLLM, SGLang and Dynamo."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..shape import DECODE, PREFILL, Shape
from .absence import moe_layers, settled
from .complaints import Complaints, log
from .encodings import array
from .sink import Sink


@dataclass(frozen=True)
class Route:
    """What the routers chose for one answer."""

    #: uint16 [tokens, layers, top_k]; empty slots are ``NO_EXPERT``.
    ids: np.ndarray
    #: Tokens among them that are of the prompt, the first ones.
    prompt: int
    #: Position of the first of them in the request, prompt included.
    first_token: int
    #: The answer's name, or "".
    name: str


def routes(response: Any, shape: Shape, *, prompt_tokens: int | None = None) -> list[Route]:
    """The routes of a response, one for each of its answers.

    Parameters
    ----------
    response
        The parsed JSON of an answer of vLLM (``--enable-return-routed-experts``), SGLang
        (``return_routed_experts``, of ``/generate`` or the OpenAI endpoints) or Dynamo, or vLLM's
        ``RequestOutput``. Ids may be of all layers of the model or of its MoE layers alone.
    shape
        Of the model that answered.
    prompt_tokens
        Tokens of the prompt, where the response does not say it.

    Answers whose last tokens have no route, as the last sampled one has none, end before them.

    Raises ``ValueError`` where there is no routing in it, or it does not fit the shape.
    """
    found = []
    for answer in _answers(response):
        prompt = prompt_tokens if answer.prompt is None else answer.prompt
        expected = None
        if prompt is not None and answer.completion is not None:
            # The last token is sampled, and read by nobody.
            expected = prompt + max(0, answer.completion - 1)
        parts, start = [], answer.start
        for routed in answer.routed:
            ids, told = array(routed, shape, expected if len(answer.routed) == 1 else None)
            parts.append(moe_layers(ids, shape))
            start = told if start is None else start
        if len(answer.routed) == 2 and prompt is None:
            prompt = len(parts[0])
        ids = np.concatenate(parts) if parts[1:] else parts[0]
        if start is None:
            # Rows that a prefix cache or the caller left out are those at the beginning.
            start = max(0, (expected or 0) - len(ids))
        if prompt is None:
            raise ValueError(
                "it does not say how many tokens its prompt has (usage.prompt_tokens or "
                "prompt_token_ids): give prompt_tokens"
            )
        ids = settled(ids, shape)
        found.append(Route(ids, min(max(0, prompt - start), len(ids)), start, answer.name))
    if not found:
        raise ValueError(
            "it has no routed_experts: start the server with --enable-return-routed-experts; for "
            'SGLang and Dynamo the request asks for them too ("return_routed_experts": true)'
        )
    return found


class ResponseRecorder:
    """Writes the routing of engines' answers to a trace.

    Every answer is a request. What is wrong with one is counted (:attr:`errors`,
    :attr:`last_error`), told in the log ``moecast.record``, and not raised; nothing of it is
    written. May be used from several threads.

    Parameters
    ----------
    to
        The trace to write, ``*.moe.lz4``, or a :class:`Sink`, which is then closed by its owner.
    shape
        Of the model that answers.
    """

    def __init__(self, to: str | os.PathLike[str] | Sink, shape: Shape) -> None:
        self.shape = shape
        #: Answers and tokens written.
        self.requests = self.tokens = 0
        self._complaints = Complaints()
        self._lock = threading.Lock()
        self._owned: Sink | None = None
        if isinstance(to, (str, os.PathLike)):
            from ..writer import Writer

            to = self._owned = Writer(to, shape)
        self._sink = to

    @property
    def errors(self) -> int:
        """Responses of which nothing was written."""
        return self._complaints.count

    @property
    def last_error(self) -> str | None:
        """The latest error in words."""
        return self._complaints.last

    def add(
        self, response: Any, *, task: str | None = None, prompt_tokens: int | None = None
    ) -> int:
        """Writes what :func:`routes` finds in a response, and returns how many tokens that was."""
        try:
            found = routes(response, self.shape, prompt_tokens=prompt_tokens)
            with self._lock:
                return sum(self._write(route, task) for route in found)
        except Exception as error:  # noqa: BLE001 -- whoever serves must not fail by what is recorded
            self._complaints.add(
                "a response cannot be recorded", f"{type(error).__name__}: {error}"
            )
            return 0

    def close(self) -> None:
        """Finishes the trace. Never raises."""
        owned, self._owned = self._owned, None
        try:
            if owned is not None:
                owned.close()
        except Exception as error:  # noqa: BLE001
            self._complaints.add("the trace cannot be finished", f"{type(error).__name__}: {error}")
        if owned is not None and self.errors:
            log.warning("%d errors while recording: %s", self.errors, self._complaints.summary())

    def __enter__(self) -> ResponseRecorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, route: Route, task: str | None) -> int:
        if not len(route.ids):
            return 0
        request, self.requests = self.requests, self.requests + 1
        cut, total = route.prompt, len(route.ids)
        label: dict[str, Any] = {"name": route.name or None, "task": task}
        for stage, first, last in ((PREFILL, 0, cut), (DECODE, cut, total)):
            if first == last:
                continue
            self._sink.append(
                request,
                route.ids[first:last],
                stage=stage,
                first_token=route.first_token + first,
                ends=last == total,
                **label,
            )
            label = {}
        self.tokens += total
        return total


_COMPLETIONS = ("completion_tokens", "completion_token_ids", "token_ids", "output_ids")


@dataclass
class _Answer:
    """One answer of a response, as it came."""

    #: One array, or those of the prompt and of what was generated.
    routed: list[Any]
    #: Position of the first row, where told.
    start: int | None
    #: Tokens of the prompt, and of what was generated, where told.
    prompt: int | None
    completion: int | None
    name: str


def _answers(response: Any) -> Iterator[_Answer]:
    """The answers of a response that carry routing."""
    if isinstance(response, (list, tuple)):
        for one in response:
            yield from _answers(one)
        return
    choices = _get(response, "choices") or _get(response, "outputs") or [response]
    several = len(choices) > 1
    for choice in choices:
        own = _places(choice)
        shared = [] if choice is response else _places(response)
        places = own + shared
        before = _first(places, "prompt_routed_experts")
        generated = _first(places, "routed_experts")
        routed = [part for part in (before, generated) if part is not None]
        if not routed:
            continue
        start = _first(places, "routed_experts_prompt_start", "routed_experts_start_len")
        name = str(_first(places, "request_id", "id") or "")
        if several and name:
            name = f"{name}/{_first([choice], 'index') or 0}"
        yield _Answer(
            routed=routed,
            start=None if start is None else int(start),
            prompt=_count(places, "prompt_tokens", "prompt_token_ids"),
            # What the whole response says of its length is the sum of several answers'.
            completion=_count(own if several else places, *_COMPLETIONS),
            name=name,
        )


def _places(owner: Any) -> list[Any]:
    """Where engines put what they say of an answer, or of all answers of a response."""
    extension = _get(owner, "nvext")
    inner = [_get(owner, name) for name in ("meta_info", "sgl_ext", "sglext", "usage")]
    whole = [owner, *inner, _get(extension, "engine_data"), extension]
    return [place for place in whole if place is not None]


def _get(owner: Any, name: str) -> Any:
    """An entry of a dictionary, or an attribute of an object that engines return."""
    if isinstance(owner, dict):
        return owner.get(name)
    if owner is None or isinstance(owner, (str, bytes, int, float, list, tuple, np.ndarray)):
        return None
    return getattr(owner, name, None)


def _first(places: list[Any], *names: str) -> Any:
    return next(
        (found for name in names for place in places if (found := _get(place, name)) is not None),
        None,
    )


def _count(places: list[Any], *names: str) -> int | None:
    """How many: a number, or the length of a list."""
    found = _first(places, *names)
    if isinstance(found, (list, tuple, np.ndarray)):
        return len(found)
    return found if isinstance(found, int) else None

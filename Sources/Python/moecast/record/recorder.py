"""Hooks on a transformers model that write what its routers choose."""

from __future__ import annotations

import atexit
import inspect
import itertools
import os
import threading
import weakref
from collections import deque
from typing import Any, Callable

from .backlog import Backlog
from .batches import Batches, Step
from .calls import Call, cache_of
from .complaints import Complaints, log
from .routers import Router, find_routers, shape_of
from .sink import Sink

#: No call is under way.
_OUTSIDE = object()


class Recorder:
    """Writes which experts a transformers model chooses while it runs.

    Every row of a batch is a request of its own; padding is left out. The first call with an empty
    cache begins requests, calls with the same cache go on with them, and they end when the cache is
    let go, begins anew, or where none is used. Tokens that assisted decoding takes back are not
    recorded. Tokens of a step of one position are decoded ones, those before are the prompt.

    The ids are what the routers returned, the greatest weight first. They are copied off the device
    once a step and written by a thread of its own; a step for which ``max_backlog`` has no room is
    left out and counted.

    Not recorded: requests of beam search as such (a row is a place in the beam), rows that hold
    several requests (which is counted as an error), and models whose routing happens in a fused
    kernel.

    Parameters
    ----------
    model
        The model that is called, such as ``AutoModelForCausalLM`` makes.
    to
        The trace to write, ``*.moe.lz4``, or a :class:`Sink`, which is then closed by its owner.
    weights
        Whether to record gate weights too, as the router returned them.
    name
        The model's name in the trace; that of its configuration where None.
    routers
        ``(name, module) -> bool``: which modules that look like routers are meant; all where None.
    max_backlog
        Bytes of steps that may wait to be written.
    max_batches
        Caches that are followed at once; of more, the requests of the oldest end.

    Raises ``ValueError`` where the model has no routers that fit one shape. Once it records, errors
    are counted (:attr:`errors`, :attr:`last_error`), told in the log ``moecast.record``, and
    never raised.
    """

    def __init__(
        self,
        model: Any,
        to: str | os.PathLike[str] | Sink,
        *,
        weights: bool = False,
        name: str | None = None,
        routers: Callable[[str, Any], bool] | None = None,
        max_backlog: int = 256 << 20,
        max_batches: int = 256,
    ) -> None:
        model = _unwrapped(model)
        self._routers = find_routers(model, routers)
        bare = [router.name for router in self._routers if not router.has_weights]
        if weights and bare:
            raise ValueError(f"{bare[0]} returns scores alone: record without weights")
        #: The shape of what is recorded.
        self.shape = shape_of(self._routers, model, name)
        #: Task of requests that begin from now on, or None.
        self.task: str | None = None
        self._weights = weights
        self._complaints = Complaints()
        self._owned: Sink | None = None
        if isinstance(to, (str, os.PathLike)):
            from ..writer import Writer

            to = self._owned = Writer(to, self.shape, weights=weights)
        self._batches = Batches(to, self._failed, max_batches)
        self._backlog = Backlog(self._work, self._failed, max_backlog)
        self._now = _Now()
        self._numbers: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        #: Batches whose caches are gone; the garbage collector writes here, and takes no lock.
        self._gone: deque[int] = deque()
        self._free_numbers = itertools.count(1)
        self._parameters = list(inspect.signature(model.forward).parameters)
        self._handles = self._attach(model)
        self._closed = False
        atexit.register(self.close)

    @property
    def tokens(self) -> int:
        """Tokens written so far."""
        return self._batches.tokens

    @property
    def requests(self) -> int:
        """Requests begun so far."""
        return self._batches.requests

    @property
    def errors(self) -> int:
        """What went wrong so far: each is a step, or a run of a request, that is not recorded."""
        return self._complaints.count

    @property
    def last_error(self) -> str | None:
        """The latest error in words."""
        return self._complaints.last

    def flush(self) -> None:
        """Waits until all steps so far are written, but for the latest of each batch."""
        self._backlog.put(None, 0)
        self._backlog.drain()

    def close(self) -> None:
        """Takes the hooks off, ends all requests, and finishes the trace. Never raises."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        for handle in self._handles:
            handle.remove()
        self._backlog.close()
        self._batches.close()
        try:
            if self._owned is not None:
                self._owned.close()
        except Exception as error:  # noqa: BLE001
            self._complaints.add("the trace cannot be finished", _words(error))
        if self.errors:
            log.warning("%d errors while recording: %s", self.errors, self._complaints.summary())

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _attach(self, model: Any) -> list[Any]:
        # First in line, before others' hooks change what a router returned.
        handles = [
            router.module.register_forward_hook(_uncompiled(self._chose(router)), prepend=True)
            for router in self._routers
        ]
        begin, end = _uncompiled(self._begin), _uncompiled(self._end)
        handles.append(model.register_forward_pre_hook(begin, with_kwargs=True))
        handles.append(model.register_forward_hook(end, with_kwargs=True, always_call=True))
        return handles

    def _begin(self, model: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        """The model is called."""
        self._now.call = None
        try:
            stops = _stops(model)
            self._now.call = Call(dict(zip(self._parameters, args)) | kwargs, stops, self.task)
        except Exception as error:  # noqa: BLE001
            self._complaints.add("a call cannot be recorded", _words(error))

    def _chose(self, router: Router) -> Callable[..., None]:
        def chose(module: Any, args: tuple, output: Any) -> None:
            call = self._now.call
            try:
                if isinstance(call, Call):
                    call.take(router, output)
                elif call is _OUTSIDE and not _computes_gradients():
                    raise ValueError(f"{router.name} ran outside a call of the recorded model")
            except Exception as error:  # noqa: BLE001
                self._now.call = None
                self._complaints.add("a step cannot be recorded", _words(error))

        return chose

    def _end(self, model: Any, args: tuple, kwargs: dict[str, Any], output: Any) -> None:
        """The model has returned, or raised: then there is no output."""
        call, self._now.call = self._now.call, _OUTSIDE
        if not isinstance(call, Call) or output is None:
            return
        try:
            cache = call.cache if call.cache is not None else cache_of(output)
            batch, is_new = self._number(cache)
            step = call.step(
                self._routers,
                batch=batch,
                is_new=is_new,
                ends=cache is None,
                weights=self._weights,
            )
        except Exception as error:  # noqa: BLE001
            self._complaints.add("a step cannot be recorded", _words(error))
            return
        while self._gone:
            self._backlog.put(self._gone.popleft(), 0)
        if not self._backlog.put(step, step.nbytes):
            self._complaints.add("a step is left out", "the trace is written too slowly")

    def _number(self, cache: Any) -> tuple[int, bool]:
        """The number of the batch with this cache, and whether it is a new one."""
        number = next(self._free_numbers)
        if cache is None:
            return number, True
        try:
            known = self._numbers.get(cache)
        except TypeError:  # A tuple, made anew for each call: one batch at a time.
            return 0, False
        if known is not None:
            return known, False
        self._numbers[cache] = number
        weakref.finalize(cache, self._gone.append, number).atexit = False
        return number, True

    def _work(self, item: Step | int | None) -> None:
        """Takes a step, the end of a batch, or None for a flush, on the thread that writes."""
        if isinstance(item, Step):
            self._batches.take(item)
        elif item is None:
            self._batches.flush()
        else:
            self._batches.end(item)

    def _failed(self, error: Exception) -> None:
        self._complaints.add("a run cannot be written", _words(error))


class _Now(threading.local):
    """What the model does in this thread."""

    #: The call that is being recorded; None where it cannot be.
    call: Call | object | None = _OUTSIDE


def _unwrapped(model: Any) -> Any:
    """The model itself, of one that is compiled or has adapters: ``generate`` calls only that."""
    model = getattr(model, "_orig_mod", model)
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _stops(model: Any) -> tuple[int, ...]:
    """The model's end-of-text tokens."""
    told = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    return tuple(told) if isinstance(told, (list, tuple)) else () if told is None else (int(told),)


def _computes_gradients() -> bool:
    """Whether layers may run again, outside of a call, for their gradients."""
    import torch

    return torch.is_grad_enabled()


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _uncompiled(hook: Callable[..., None]) -> Callable[..., None]:
    """The hook, which a compiler of the model calls as it is."""
    import torch

    disable = getattr(getattr(torch, "compiler", None), "disable", None)
    return disable(hook) if disable else hook

"""Work that a thread of its own does, beside the model."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

#: Items that wake the thread; fewer wait until it looks by itself, after so many seconds. Each turn
#: of the thread takes the interpreter from the model.
_ENOUGH_ITEMS, _SECONDS = 16, 0.05


class Backlog:
    """Hands items to a thread, in order, and refuses what would take more than ``limit`` bytes.

    ``work(item)`` runs on that thread; an exception that it raises goes to ``failed(exception)``,
    and the next item is taken.
    """

    def __init__(
        self, work: Callable[[Any], None], failed: Callable[[Exception], None], limit: int
    ) -> None:
        self._work, self._failed, self._limit = work, failed, limit
        self._waiting: deque[tuple[Any, int]] = deque()
        self._bytes = 0
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="moecast.record", daemon=True)
        self._thread.start()

    def put(self, item: Any, size: int) -> bool:
        """Takes an item of ``size`` bytes; False where there is no room for it, or it is closed.

        An item larger than the limit is taken where nothing of a size waits.
        """
        with self._changed:
            if self._closed or (size and self._bytes and self._bytes + size > self._limit):
                return False
            self._waiting.append((item, size))
            self._bytes += size
            if len(self._waiting) >= _ENOUGH_ITEMS or 2 * self._bytes > self._limit:
                self._changed.notify_all()
            return True

    def drain(self) -> None:
        """Waits until all that was put is done."""
        with self._changed:
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._waiting)

    def close(self) -> None:
        """Does what waits, then ends the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._closed:
                    self._changed.wait(_SECONDS)
                if self._closed and not self._waiting:
                    return
                ready = len(self._waiting)
            for _ in range(ready):
                item, size = self._waiting[0]
                try:
                    self._work(item)
                except Exception as error:  # noqa: BLE001 -- whatever it is, the next item may do
                    self._failed(error)
                with self._changed:
                    self._waiting.popleft()
                    self._bytes -= size
                    self._changed.notify_all()

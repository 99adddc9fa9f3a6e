"""Errors that are counted and said, and never raised into what is recorded."""

from __future__ import annotations

import logging
import threading

log = logging.getLogger("moecast.record")


class Complaints:
    """Counts errors; the first of each kind is logged as a warning."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kinds: dict[str, int] = {}
        #: Errors so far.
        self.count = 0
        #: The latest one in words, or None.
        self.last: str | None = None

    def add(self, kind: str, text: str) -> None:
        """Counts an error of ``kind`` and logs it where it is the first of its kind."""
        with self._lock:
            self.count += 1
            self.last = f"{kind}: {text}"
            seen = self._kinds[kind] = self._kinds.get(kind, 0) + 1
        if seen == 1:
            log.warning("%s: %s; more of this kind are only counted", kind, text)

    def summary(self) -> str:
        """How many of each kind, in one line."""
        return ", ".join(f"{kind} ({count})" for kind, count in sorted(self._kinds.items()))

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reconcile by key, as controllers do: never two workers on one key, retries with a growing pause, few threads."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable, Mapping

from kubernetes.client import ApiException

log = logging.getLogger(__name__)

Key = tuple[str, str]
"""The kind of work and the object that it is about."""

Reconcile = Callable[[str], float | None]
"""Does what can be done now; the answer says after how many seconds to look again (``None``: not by itself)."""


@dataclasses.dataclass(frozen=True)
class Pauses:
    """How many seconds a key rests after failures in a row: twice as long each time."""

    first: float = 0.1
    longest: float = 5.0

    def after(self, failures: int) -> float:
        # 2^64 of the shortest pause is beyond every limit, and keeps the power a float
        return min(self.longest, self.first * 2.0 ** min(failures - 1, 64))


class TryAgain(Exception):
    """Raised by a reconciler that cannot go on now, for a reason that is no surprise."""


class WorkQueue:
    """Some worker threads that reconcile the keys that are due."""

    def __init__(
        self, name: str, reconcilers: Mapping[str, Reconcile], workers: int, pauses: Pauses | None = None
    ) -> None:
        self._reconcilers = reconcilers
        self._pauses = pauses or Pauses()
        self._heap: list[tuple[float, int, Key]] = []
        self._due: dict[Key, float] = {}
        self._running: set[Key] = set()
        self._again: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._order = itertools.count()
        self._condition = threading.Condition()
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._work, name=f"{name} {number}", daemon=True) for number in range(workers)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        for thread in self._threads:
            thread.join(timeout=10)

    def add(self, kind: str, name: str, delay: float = 0.0) -> None:
        """Have the key reconciled after ``delay`` seconds, or earlier if that was asked for already."""
        key = (kind, name)
        due = time.monotonic() + delay
        with self._condition:
            if self._due.get(key, float("inf")) <= due:
                return
            self._due[key] = due
            heapq.heappush(self._heap, (due, next(self._order), key))
            self._condition.notify()

    def _next(self) -> Key | None:
        """The next key that is due and not in work; ``None`` when the queue stops."""
        with self._condition:
            while not self._stopping:
                now = time.monotonic()
                while self._heap and self._heap[0][0] <= now:
                    due, _order, key = heapq.heappop(self._heap)
                    if self._due.get(key) != due:
                        continue
                    del self._due[key]
                    if key not in self._running:
                        self._running.add(key)
                        return key
                    self._again.add(key)
                self._condition.wait(self._heap[0][0] - now if self._heap else None)
            return None

    def _work(self) -> None:
        while key := self._next():
            kind, name = key
            again: float | None
            try:
                again = self._reconcilers[kind](name)
                self._failures.pop(key, None)
            except Exception as error:  # a worker outlives whatever one object makes it run into
                failures = self._failures[key] = self._failures.get(key, 0) + 1
                again = self._pauses.after(failures)
                if not self._stopping:
                    self._tell(key, error, failures, again)
            with self._condition:
                self._running.discard(key)
                if key in self._again:
                    self._again.discard(key)
                    again = 0.0
            if again is not None:
                self.add(kind, name, again)

    @staticmethod
    def _tell(key: Key, error: Exception, failures: int, again: float) -> None:
        if isinstance(error, TryAgain):
            log.info("%s %s: %s; again in %.1f s", *key, error, again)
        elif isinstance(error, ApiException) and error.status in (404, 409, 422) and failures == 1:
            # What the informer showed was no longer so: the next look is at what is.
            log.info("%s %s: %s %s; again in %.1f s", *key, error.status, error.reason, again)
        else:
            log.warning("%s %s: %s; again in %.1f s", *key, error, again, exc_info=failures == 1)

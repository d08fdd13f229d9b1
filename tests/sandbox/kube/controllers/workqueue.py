# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue between events and a controller's worker, with the rules of client-go's rate limiting work queue."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Hashable


@dataclasses.dataclass(frozen=True)
class Backoff:
    """Delay before the n-th retry of a key in a row: ``first * 2^n`` seconds, ``longest`` at most."""

    first: float = 0.005
    longest: float = 1000.0

    def delay(self, failures: int) -> float:
        # 2^64 of the shortest delay is beyond every limit, and keeps the power a float
        return min(self.first * 2.0 ** min(failures, 64), self.longest)


class WorkQueue:
    """A set in order of arrival. One worker at a time works on a key; when it is added meanwhile it comes again."""

    def __init__(self, backoff: Backoff | None = None) -> None:
        self._backoff = backoff or Backoff()
        self._changed = threading.Condition()
        self._ready: OrderedDict[Hashable, None] = OrderedDict()
        self._working: set[Hashable] = set()
        self._again: set[Hashable] = set()
        self._later: list[tuple[float, int, Hashable]] = []
        self._order = itertools.count()
        self._failures: dict[Hashable, int] = {}
        self._stopped = False

    def add(self, key: Hashable) -> None:
        with self._changed:
            self._add(key)

    def add_after(self, key: Hashable, seconds: float) -> None:
        with self._changed:
            heapq.heappush(self._later, (time.monotonic() + seconds, next(self._order), key))
            self._changed.notify_all()

    def retry(self, key: Hashable) -> None:
        """Adds the key after its back-off, which grows with every call until ``forget``."""
        with self._changed:
            failures = self._failures.get(key, 0)
            self._failures[key] = failures + 1
        self.add_after(key, self._backoff.delay(failures))

    def forget(self, key: Hashable) -> None:
        with self._changed:
            self._failures.pop(key, None)

    def get(self) -> Hashable | None:
        """The next key, to be followed by ``done``; waits for one. None when the queue was stopped."""
        with self._changed:
            while not self._stopped:
                self._move_due()
                if self._ready:
                    key, _value = self._ready.popitem(last=False)
                    self._working.add(key)
                    return key
                # not wait_for: a key that is added with a delay moves the moment to wake up
                self._changed.wait(self._seconds_to_wait())
            return None

    def done(self, key: Hashable) -> None:
        with self._changed:
            self._working.discard(key)
            if key in self._again:
                self._again.discard(key)
                self._add(key)
            self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    @property
    def idle(self) -> bool:
        """Nothing is being worked on and nothing is ready; keys that wait for their time do not count."""
        with self._changed:
            return not self._working and not self._ready and self._due() > 0

    def _add(self, key: Hashable) -> None:
        if self._stopped:
            return
        if key in self._working:
            self._again.add(key)
        else:
            self._ready[key] = None
            self._changed.notify_all()

    def _due(self) -> float:
        return self._later[0][0] - time.monotonic() if self._later else float("inf")

    def _seconds_to_wait(self) -> float | None:
        return max(self._due(), 0.0) if self._later else None

    def _move_due(self) -> None:
        while self._later and self._due() <= 0:
            self._add(heapq.heappop(self._later)[2])

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One thing at a time per slot: who has it, and who is told when it is free."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Slots:
    """Thread-safe and non-blocking, so that waiting costs no thread."""

    def __init__(self, wake: Callable[[str], None]) -> None:
        self._wake = wake
        self._holders: dict[str, str] = {}
        self._waiting: dict[str, list[str]] = {}
        self._lock = threading.Lock()

    def take(self, slot: str, name: str) -> bool:
        """Whether ``name`` has the slot now; if not, it is woken when the slot is free."""
        with self._lock:
            if self._holders.setdefault(slot, name) == name:
                return True
            queued = self._waiting.setdefault(slot, [])
            if name not in queued:
                queued.append(name)
            return False

    def release(self, name: str) -> None:
        """Free every slot that ``name`` has, and wake all that wait for one of them."""
        with self._lock:
            freed = [slot for slot, holder in self._holders.items() if holder == name]
            woken = [waiter for slot in freed for waiter in self._waiting.pop(slot, [])]
            for slot in freed:
                del self._holders[slot]
        for waiter in woken:
            self._wake(waiter)

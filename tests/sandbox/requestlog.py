# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every request that either server received, in order: what tests use to prove what a run did and did not do."""

from __future__ import annotations

import dataclasses
import itertools
import threading
import time
from typing import Any


@dataclasses.dataclass
class Call:
    """One request. ``side`` is ``ecs`` or ``kubernetes``; the rest is what a fault rule can match.

    For ECS ``verb`` is the action (``CreateDisk``) and ``resource`` is empty. For Kubernetes ``verb`` is the RBAC verb
    (``create``, ``patch``, ``watch``) and ``resource`` is ``plural[.group][/subresource]``.
    """

    side: str
    user: str
    verb: str
    resource: str = ""
    namespace: str = ""
    name: str = ""
    mutating: bool = False
    dry_run: bool = False
    params: dict[str, Any] = dataclasses.field(default_factory=dict)
    number: int = 0
    time: float = 0.0
    status: int = 0
    code: str = ""


class RequestLog:
    """Thread-safe, append-only. A call is logged when it arrives; status and code are filled in when it is answered."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def arrived(self, call: Call) -> Call:
        with self._lock:
            call.number = next(self._numbers)
            call.time = time.time()
            self._calls.append(call)
        return call

    def calls(self, since: int = 0) -> list[Call]:
        """Calls with a number above ``since``."""
        with self._lock:
            return [call for call in self._calls if call.number > since]

    @property
    def last_number(self) -> int:
        with self._lock:
            return self._calls[-1].number if self._calls else 0

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that both servers of the sandbox act out: which calls fail, at which moment, and how."""

from __future__ import annotations

import dataclasses
import re
import threading
from typing import Any, Literal

from .requestlog import Call

Effect = Literal["error", "drop", "hang", "delay"]
Moment = Literal["before", "after"]


@dataclasses.dataclass
class Fault:
    """A rule. Empty match fields match everything; ``resource`` and ``name`` are whole-string regular expressions.

    ``error`` answers with ``status``/``code``/``message`` (ECS) or a Status with ``reason`` = ``code`` (Kubernetes);
    ``drop`` closes the connection without an answer; ``hang`` sleeps ``seconds`` and then closes it; ``delay`` sleeps
    ``seconds`` and goes on. ``moment`` says whether that happens before or after the call took effect. The rule skips
    the first ``skip`` matching calls and then holds for ``times`` calls (0 = for good).
    """

    effect: Effect = "error"
    moment: Moment = "before"
    side: str = ""
    user: str = ""
    verb: str = ""
    resource: str = ""
    name: str = ""
    params: dict[str, str] = dataclasses.field(default_factory=dict)
    skip: int = 0
    times: int = 1
    seconds: float = 0.0
    status: int = 500
    code: str = "InternalError"
    message: str = "The request processing has failed due to some unknown error."
    id: int = 0
    seen: int = 0
    fired: int = 0

    def matches(self, call: Call) -> bool:
        exact = all(
            not wanted or wanted == got
            for wanted, got in ((self.side, call.side), (self.user, call.user), (self.verb, call.verb))
        )
        patterns = all(
            not pattern or re.fullmatch(pattern, got)
            for pattern, got in ((self.resource, call.resource), (self.name, call.name))
        )
        return exact and patterns and all(str(call.params.get(key)) == value for key, value in self.params.items())


class FaultBook:
    """The rules in force. Thread-safe: the n-th call is the n-th for everyone."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._next_id = 1
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> int:
        with self._lock:
            fault.id = self._next_id
            self._next_id += 1
            self._faults.append(fault)
            return fault.id

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def draw(self, call: Call) -> Fault | None:
        """The fault that this call runs into. Counts the call for every rule that it matches."""
        with self._lock:
            hit = None
            for fault in self._faults:
                if not fault.matches(call):
                    continue
                fault.seen += 1
                in_force = fault.seen > fault.skip and (fault.times == 0 or fault.fired < fault.times)
                if hit is None and in_force:
                    fault.fired += 1
                    hit = fault
            return hit

    def as_json(self) -> list[dict[str, Any]]:
        with self._lock:
            return [dataclasses.asdict(fault) for fault in self._faults]

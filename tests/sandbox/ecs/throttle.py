# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Throttling as ECS does it: counted per API and calendar minute for the whole account (alibaba-ecs.md 2.7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from .errors import EcsError

MESSAGE = "Request was denied due to user flow control."


class Throttle:
    """Off until a limit is set. An API that is cut off in a minute answers again in the next; the others all along."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._limits: dict[str, tuple[int, str, int]] = {}
        self._minute = -1
        self._calls: Counter[str] = Counter()

    def limit(self, action: str, per_minute: int | None, code: str = "Throttling.User", status: int = 400) -> None:
        """``action`` may be ``*``: each API that has no limit of its own. None lifts the limit.

        Pages disagree about the status (400, 403, 429, 503): clients must go by the code.
        """
        if per_minute is None:
            self._limits.pop(action, None)
        else:
            self._limits[action] = (per_minute, code, status)

    def check(self, action: str) -> None:
        minute = int(self._clock() // 60)
        if minute != self._minute:
            self._minute = minute
            self._calls.clear()
        self._calls[action] += 1
        rule = self._limits.get(action) or self._limits.get("*")
        if rule and self._calls[action] > rule[0]:
            raise EcsError(rule[1], MESSAGE, rule[2])

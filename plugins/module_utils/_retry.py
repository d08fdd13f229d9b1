# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Try again, at growing distances, for as long as it makes sense."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from ._errors import MigrationError

T = TypeVar("T")


class Clock(Protocol):
    """Time as waits see it, so that tests need none."""

    def now(self) -> float:
        """Seconds since some fixed moment; never goes back."""

    def sleep(self, seconds: float) -> None:
        """Let that much time pass."""


class SystemClock:
    """Real time."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclasses.dataclass(frozen=True)
class Policy:
    """How patient to be, in seconds. ``jitter`` is a share of each delay, either way; ``least`` counts attempts.

    The default reaches into the next minute, which is when a throttled ECS action works again (alibaba-ecs.md 2.7).
    A call that hangs may use up ``limit`` at once: ``least`` attempts are made however long each of them took.
    ``limit`` 0 means a single attempt.
    """

    limit: float = 60.0
    first: float = 1.0
    factor: float = 2.0
    cap: float = 10.0
    jitter: float = 0.2
    least: int = 2

    def delays(self, spread: Callable[[float, float], float] = random.uniform) -> Iterator[float]:
        """The pauses between attempts, without end."""
        delay = self.first
        while True:
            yield max(0.0, delay * (1 + spread(-self.jitter, self.jitter)))
            delay = min(delay * self.factor, self.cap)


def retry(
    call: Callable[[], T],
    policy: Policy,
    clock: Clock,
    classify: Callable[[Exception], float | None],
) -> T:
    """The result of the first attempt that succeeds.

    ``classify`` looks at an error: None means that trying again is pointless or dangerous, a number is the least pause
    (0 leaves it to the policy). The last attempt falls on the limit exactly. The error of the last attempt is raised;
    a MigrationError then knows ``attempts`` and ``waited_seconds``.
    """
    started = clock.now()
    delays = policy.delays()
    attempts = 0
    while True:
        attempts += 1
        try:
            return call()
        except Exception as error:
            pause = classify(error)
            elapsed = clock.now() - started
            left = policy.limit - elapsed
            exhausted = left <= 0 and (attempts >= policy.least or policy.limit <= 0)
            if pause is None or exhausted:
                if isinstance(error, MigrationError):
                    error.add_context(attempts=attempts, waited_seconds=round(elapsed, 1))
                raise
        delay = max(pause, next(delays))
        clock.sleep(min(delay, left) if left > 0 else delay)

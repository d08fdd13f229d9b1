# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait until something is so, and say what was last seen when it does not come about."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, Generic, NoReturn, TypeVar, Union

from ._errors import MigrationError, TimedOut
from ._retry import Clock

T = TypeVar("T")

_SHORTEST_PAUSE = 0.05


@dataclasses.dataclass(frozen=True)
class Done(Generic[T]):
    """It is so; ``value`` is the answer."""

    value: T


@dataclasses.dataclass(frozen=True)
class Pending:
    """Not yet. ``progress`` is for a person (``2 of 3 snapshots usable``), ``value`` what is there so far."""

    progress: str
    value: Any = None


@dataclasses.dataclass(frozen=True)
class Failed:
    """It will never be so."""

    error: MigrationError


Verdict = Union[Done[T], Pending, Failed]  # noqa: UP007 - evaluated at run time, on Python 3.9 too


@dataclasses.dataclass(frozen=True)
class Interval:
    """Seconds between two looks, growing by ``factor`` up to ``cap``: quick things are seen soon, slow ones cheaply."""

    first: float
    factor: float = 1.0
    cap: float = 60.0

    def __iter__(self) -> Iterator[float]:
        seconds = max(self.first, _SHORTEST_PAUSE)
        while True:
            yield seconds
            seconds = max(self.first, min(seconds * self.factor, self.cap))


def wait_until(
    poll: Callable[[], Verdict[T]],
    *,
    timeout: float,
    interval: float | Interval,
    clock: Clock,
    what: str,
    progress_deadline: float | None = None,
) -> T:
    """Look until ``poll`` says Done, and return its value.

    ``timeout`` 0 means one look. A last look happens at the deadline itself. With ``progress_deadline`` the wait also
    ends when the progress text has not changed for that many seconds: a slow but moving thing is given its time, a
    stuck one is not. ``what`` completes the sentence "waited for ...".
    """
    pauses = iter(interval if isinstance(interval, Interval) else Interval(interval))
    started = changed = clock.now()
    progress: str | None = None
    while True:
        verdict = poll()
        if isinstance(verdict, Done):
            return verdict.value
        if isinstance(verdict, Failed):
            raise verdict.error
        now = clock.now()
        if verdict.progress != progress:
            progress, changed = verdict.progress, now
        left = started + timeout - now
        if left <= 0:
            _give_up(f"Waited {now - started:.0f} s for {what}", verdict)
        if progress_deadline is not None:
            stuck_in = changed + progress_deadline - now
            if stuck_in <= 0:
                _give_up(f"Nothing has moved for {now - changed:.0f} s while waiting for {what}", verdict)
            left = min(left, stuck_in)
        clock.sleep(min(next(pauses), left))


def _give_up(msg: str, last: Pending) -> NoReturn:
    seen = f"; last seen: {last.progress}." if last.progress else "."
    raise TimedOut(msg + seen, partial=last.value, progress=last.progress)

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting ends with the value, the failure, or what was last seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from ansible_collections.zoneshift.ack.plugins.module_utils._errors import Conflict, TimedOut
from ansible_collections.zoneshift.ack.plugins.module_utils._wait import Done, Failed, Interval, Pending, wait_until

from tests.unit.plugins.module_utils.fakes import FakeClock


def script(verdicts: Iterable[Any]) -> Callable[[], Any]:
    """Gives the verdicts in turn, the last one for good."""
    remaining = list(verdicts)
    return lambda: remaining.pop(0) if len(remaining) > 1 else remaining[0]


def wait(verdicts: Iterable[Any], clock: FakeClock, **options: Any) -> Any:
    options = {"timeout": 60, "interval": 5, "what": "the disks", **options}
    return wait_until(script(verdicts), clock=clock, **options)


def test_what_is_already_so_costs_nothing() -> None:
    clock = FakeClock()
    assert wait([Done("value")], clock, timeout=0) == "value"
    assert clock.slept == []


def test_looks_at_the_interval() -> None:
    clock = FakeClock()
    assert wait([Pending("0 of 2"), Pending("1 of 2"), Done(2)], clock) == 2
    assert clock.slept == [5, 5]


def test_a_growing_interval() -> None:
    clock = FakeClock()
    wait([Pending("")] * 5 + [Done(None)], clock, interval=Interval(0.5, factor=2, cap=3))
    assert clock.slept == [0.5, 1, 2, 3, 3]


def test_an_interval_of_zero_does_not_spin() -> None:
    clock = FakeClock()
    with pytest.raises(TimedOut):
        wait([Pending("")], clock, timeout=1, interval=0)
    assert len(clock.slept) < 30


def test_a_failure_ends_it_with_its_own_error() -> None:
    error = Conflict("the snapshot failed")
    with pytest.raises(Conflict) as caught:
        wait([Pending(""), Failed(error)], FakeClock())
    assert caught.value is error


def test_the_last_look_is_at_the_deadline() -> None:
    clock = FakeClock()
    assert wait([Pending("")] * 3 + [Done("just in time")], clock, timeout=12) == "just in time"
    assert clock.slept == [5, 5, 2]


def test_timing_out_tells_what_was_seen_last() -> None:
    clock = FakeClock()
    with pytest.raises(TimedOut) as caught:
        wait([Pending("1 of 2 available", value=["d-1"])], clock)
    assert str(caught.value) == "Waited 60 s for the disks; last seen: 1 of 2 available."
    assert caught.value.partial == ["d-1"]
    assert caught.value.progress == "1 of 2 available"


class TestProgressDeadline:
    def test_ends_a_wait_that_is_stuck(self) -> None:
        clock = FakeClock()
        with pytest.raises(TimedOut) as caught:
            wait([Pending("0%"), Pending("10%")], clock, timeout=1000, interval=15, progress_deadline=20)
        assert clock.slept == [15, 15, 5]
        assert "Nothing has moved for 20 s while waiting for the disks; last seen: 10%." in str(caught.value)

    def test_gives_time_to_what_moves(self) -> None:
        clock = FakeClock()
        moving = [Pending(f"{percent}%") for percent in range(100)]
        assert wait([*moving, Done("all")], clock, timeout=1000, progress_deadline=6) == "all"

    def test_the_timeout_holds_all_the_same(self) -> None:
        moving = [Pending(f"{percent}%") for percent in range(100)]
        with pytest.raises(TimedOut, match="Waited 60 s"):
            wait(moving, FakeClock(), progress_deadline=20)

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Retries end when they should, at the moments that the policy says."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from ansible_collections.zoneshift.ack.plugins.module_utils._errors import Refused, Retryable
from ansible_collections.zoneshift.ack.plugins.module_utils._retry import Policy, SystemClock, retry

from tests.unit.plugins.module_utils.fakes import FakeClock

STEADY = Policy(limit=60, first=1, factor=2, cap=10, jitter=0)


def always(_error: Exception) -> float | None:
    return 0.0


def failing(times: int, error: Callable[[], Exception] = lambda: Retryable("busy")) -> Callable[[], int]:
    """Fails that often and then returns how often it was called."""
    calls = itertools.count(1)

    def call() -> int:
        number = next(calls)
        if number <= times:
            raise error()
        return number

    return call


def test_a_success_needs_no_time() -> None:
    clock = FakeClock()
    assert retry(failing(0), STEADY, clock, always) == 1
    assert clock.slept == []


def test_pauses_grow_up_to_the_cap() -> None:
    clock = FakeClock()
    assert retry(failing(6), STEADY, clock, always) == 7
    assert clock.slept == [1, 2, 4, 8, 10, 10]


def test_the_last_attempt_falls_on_the_limit() -> None:
    """A throttled action works again in the next minute: giving up at 55 s would be in vain (alibaba-ecs.md 2.7)."""
    clock = FakeClock()
    with pytest.raises(Retryable) as caught:
        retry(failing(1000), STEADY, clock, always)
    assert sum(clock.slept) == 60
    assert caught.value.context == {"attempts": len(clock.slept) + 1, "waited_seconds": 60.0}


def test_the_error_of_the_last_attempt_is_raised_and_has_no_context() -> None:
    """A chain of attempts would be a chain of places where secrets could hide."""
    numbers = itertools.count(1)
    clock = FakeClock()
    with pytest.raises(Retryable) as caught:
        retry(failing(1000, lambda: Retryable(f"attempt {next(numbers)}")), STEADY, clock, always)
    assert caught.value.msg == f"attempt {caught.value.context['attempts']}"
    assert caught.value.__context__ is None


def test_a_hopeless_error_is_raised_at_once() -> None:
    clock = FakeClock()
    with pytest.raises(Refused):
        retry(failing(1, lambda: Refused("never")), STEADY, clock, lambda _error: None)
    assert clock.slept == []


def test_the_server_may_ask_for_a_longer_pause() -> None:
    clock = FakeClock()
    retry(failing(2), STEADY, clock, lambda _error: 7.0)
    assert clock.slept == [7, 7]


def test_limit_zero_is_one_attempt() -> None:
    clock = FakeClock()
    with pytest.raises(Retryable):
        retry(failing(1), Policy(limit=0), clock, always)
    assert clock.slept == []


def test_an_attempt_that_hangs_past_the_limit_is_repeated_once() -> None:
    clock = FakeClock()
    attempts = []

    def hang() -> None:
        attempts.append(clock.now())
        clock.time += 86
        raise Retryable("no answer within 86 s")

    with pytest.raises(Retryable):
        retry(hang, STEADY, clock, always)
    assert len(attempts) == STEADY.least == 2


def test_jitter_spreads_either_way() -> None:
    policy = Policy(first=10, factor=1, cap=10, jitter=0.2)
    assert next(policy.delays(lambda low, high: low)) == pytest.approx(8)
    assert next(policy.delays(lambda low, high: high)) == pytest.approx(12)
    assert all(8 <= delay <= 12 for delay in itertools.islice(policy.delays(), 50))


def test_the_system_clock_moves_on() -> None:
    clock = SystemClock()
    before = clock.now()
    clock.sleep(0.001)
    assert clock.now() > before

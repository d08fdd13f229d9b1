# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work queue of the controllers: the rules of client-go's rate limiting queue."""

from __future__ import annotations

import threading

import pytest

from tests.sandbox.kube.controllers.workqueue import Backoff, WorkQueue


def test_a_key_that_is_added_twice_is_worked_on_once_in_order_of_arrival() -> None:
    queue = WorkQueue()
    for key in ("a", "b", "a"):
        queue.add(key)
    taken = [queue.get(), queue.get()]
    assert taken == ["a", "b"]
    for key in taken:
        queue.done(key)
    assert queue.idle


def test_a_key_that_is_added_while_it_is_worked_on_comes_again_afterwards() -> None:
    queue = WorkQueue()
    queue.add("a")
    assert queue.get() == "a"
    queue.add("a")
    queue.add("b")
    assert queue.get() == "b"
    queue.done("a")
    assert queue.get() == "a"


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0.005), (1, 0.01), (2, 0.02), (10, 5.12), (18, 1000), (9999, 1000)]
)
def test_the_backoff_doubles_up_to_its_limit(failures: int, seconds: float) -> None:
    assert Backoff().delay(failures) == pytest.approx(seconds)


def test_retries_grow_per_key_until_it_is_forgotten() -> None:
    delays: list[tuple[str, float]] = []

    class Recording(WorkQueue):
        def add_after(self, key: object, seconds: float) -> None:
            delays.append((str(key), seconds))

    queue = Recording(Backoff(first=1.0, longest=3.0))
    for key in ("a", "a", "b", "a"):
        queue.retry(key)
    queue.forget("a")
    queue.retry("a")
    assert delays == [("a", 1.0), ("a", 2.0), ("b", 1.0), ("a", 3.0), ("a", 1.0)]


def test_a_delayed_key_comes_when_it_is_due_and_not_before_others() -> None:
    queue = WorkQueue()
    queue.add_after("later", 0.02)
    queue.add("now")
    assert [queue.get(), queue.get()] == ["now", "later"]


def test_a_key_that_is_delayed_while_the_worker_waits_is_not_slept_through() -> None:
    queue = WorkQueue()
    got: list[object] = []
    worker = threading.Thread(target=lambda: got.append(queue.get()))
    worker.start()
    queue.add_after("soon", 0.05)
    worker.join(timeout=30)
    assert got == ["soon"]


def test_a_key_that_waits_does_not_keep_the_queue_from_being_idle() -> None:
    queue = WorkQueue()
    queue.add_after("tomorrow", 86400)
    assert queue.idle


def test_stopping_wakes_whoever_waits_for_a_key() -> None:
    queue = WorkQueue()
    got: list[object] = ["nothing yet"]
    waiting = threading.Thread(target=lambda: got.append(queue.get()))
    waiting.start()
    queue.stop()
    waiting.join(timeout=30)
    assert got == ["nothing yet", None]

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work queue and the slots of the nodes process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.sandbox.nodes.slots import Slots
from tests.sandbox.nodes.workqueue import WorkQueue
from tests.support import wait_for

Start = Callable[[Callable[[str], float | None]], WorkQueue]


@pytest.fixture
def start() -> Iterator[Start]:
    queues = []

    def run(reconcile: Callable[[str], float | None]) -> WorkQueue:
        queue = WorkQueue("test", {"thing": reconcile}, workers=4)
        queue.start()
        queues.append(queue)
        return queue

    yield run
    for queue in queues:
        queue.stop()


def test_same_key_is_never_worked_on_twice_at_once_and_never_forgotten(start: Start) -> None:
    inside, seen, gate = [], [], threading.Event()

    def reconcile(name: str) -> None:
        inside.append(name)
        seen.append(len(inside))
        gate.wait(10)
        inside.remove(name)

    queue = start(reconcile)
    queue.add("thing", "a")
    wait_for(lambda: seen, "the first worker")
    queue.add("thing", "a")
    gate.set()

    wait_for(lambda: len(seen) == 2, "the second turn, which came up during the first")
    assert seen == [1, 1]


def test_failed_work_is_done_again(start: Start) -> None:
    turns: list[str] = []

    def reconcile(name: str) -> None:
        turns.append(name)
        if len(turns) < 3:
            raise RuntimeError("not yet")

    start(reconcile).add("thing", "a")

    wait_for(lambda: len(turns) == 3, "the third turn")


def test_delayed_work_waits_and_earlier_wish_wins(start: Start) -> None:
    turns: list[float] = []
    queue = start(lambda _name: turns.append(time.monotonic()))
    begun = time.monotonic()

    queue.add("thing", "late", delay=3600)
    queue.add("thing", "late", delay=0.1)

    wait_for(lambda: turns, "the earlier of both")
    assert turns[0] - begun >= 0.1


def test_answer_says_when_to_look_again(start: Start) -> None:
    turns: list[str] = []

    def reconcile(name: str) -> float | None:
        turns.append(name)
        return 0.01 if len(turns) < 4 else None

    start(reconcile).add("thing", "a")

    wait_for(lambda: len(turns) == 4, "four looks")


def test_slot_goes_to_one_and_the_others_are_woken() -> None:
    woken: list[str] = []
    slots = Slots(woken.append)

    assert slots.take("node", "first")
    assert slots.take("node", "first")
    assert not slots.take("node", "second")
    assert slots.take("other node", "third")

    slots.release("first")

    assert woken == ["second"]
    assert slots.take("node", "second")

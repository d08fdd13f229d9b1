# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The claim swap under everything that can happen between two of its steps.

Two explorations of the same small cluster. The exhaustive one tries every order of moves with a few disturbances, and
proves that the end stays within reach from everywhere. The random one goes far deeper and counts the steps. Both check
after every single move what a user would lose: a disk, the data under a claim, or the way back.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

import pytest
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.binding import Action

from tests.unit.plugins.module_utils._domain.trial import BACK, FORWARD, STARTS, Trial

# A swap takes at most 9 steps: retain, reserve, release, delete, create, amend, drop, retain, policy. Each disturbance
# may cost a round.
_STEPS_PER_ROUND = 9


def explore(start: Trial) -> tuple[dict[str, list[str]], set[str]]:
    """Every state within reach with the states that follow it, and those in which the run says that it is done."""
    following: dict[str, list[str]] = {}
    done: set[str] = set()
    ahead = deque([start])
    following[start.key()] = []
    while ahead:
        trial = ahead.popleft()
        key = trial.key()
        if trial.next().action is Action.DONE:
            assert_holds(trial.assert_done, "done", trial)
            done.add(key)
        for name, move in trial.moves():
            after = trial.copy()
            move(after)
            next_key = after.key()
            following[key].append(next_key)
            if next_key not in following:
                assert_holds(after.assert_safe, name, after)
                following[next_key] = []
                ahead.append(after)
    return following, done


def assert_holds(claim: Callable[[], None], move: str, trial: Trial) -> None:
    try:
        claim()
    except AssertionError as error:
        raise AssertionError(f"after {move!r}: {error}\n{trial.key()}") from None


def cannot_reach(goal: set[str], following: dict[str, list[str]]) -> set[str]:
    before: dict[str, list[str]] = {key: [] for key in following}
    for key, nexts in following.items():
        for after in nexts:
            before[after].append(key)
    reached, ahead = set(goal), deque(goal)
    while ahead:
        for key in before[ahead.popleft()]:
            if key not in reached:
                reached.add(key)
                ahead.append(key)
    return set(following) - reached


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS.keys())
@pytest.mark.parametrize("direction", [FORWARD, BACK])
@pytest.mark.parametrize(
    ("recreations", "turns", "pods", "looks_twice"),
    [
        pytest.param(0, 0, 0, True, id="undisturbed"),
        pytest.param(1, 0, 0, True, id="controller re-creates between two looks"),
        pytest.param(2, 0, 0, False, id="controller re-creates twice"),
        pytest.param(1, 1, 0, False, id="user turns round"),
        pytest.param(1, 0, 1, False, id="a pod starts"),
    ],
)
def test_every_order_of_events_is_safe_and_ends(
    start: Callable[[], Trial], direction: str, recreations: int, turns: int, pods: int, looks_twice: bool
) -> None:
    trial = start()
    trial.looks_twice = looks_twice
    trial.direction, trial.recreations, trial.turns, trial.pods = direction, recreations, turns, pods
    following, done = explore(trial)
    assert done
    stuck = cannot_reach(done, following)
    assert not stuck, f"{len(stuck)} of {len(following)} states are dead ends, such as {min(stuck, key=len)}"


@pytest.mark.parametrize("seed", range(20))
def test_long_random_histories_are_safe_and_end_in_few_steps(seed: int) -> None:
    chance = random.Random(seed)
    for _history in range(20):
        trial = STARTS[chance.choice(list(STARTS))]()
        trial.direction = chance.choice([FORWARD, BACK])
        trial.looks_twice = chance.random() < 0.5
        trial.recreations, trial.turns, trial.pods = (chance.randint(0, 4) for _kind in range(3))
        disturbances = trial.recreations + trial.turns + trial.pods
        for _moment in range(chance.randint(0, 200)):
            moves = trial.moves()
            if not moves:
                break
            chance.choice(moves)[1](trial)
            trial.assert_safe()
        finish(trial, _STEPS_PER_ROUND * (1 + disturbances))


def finish(trial: Trial, bound: int) -> None:
    """Leave the run and the controllers alone with each other: they must come to the end, and soon."""
    trial.recreations = trial.turns = trial.pods = 0
    trial.cluster.pods.clear()
    trial.crash()
    for _step in range(bound):
        while trial.cluster.moves():
            trial.cluster.moves()[0][1]()
            trial.assert_safe()
        step = trial.next()
        if step.action is Action.DONE:
            trial.assert_done()
            return
        assert step.action not in (Action.WAIT, Action.REFUSE), f"stuck: {step.action} {step.reason}"
        trial.decide()
        trial.act()
        trial.assert_safe()
    raise AssertionError(f"not done after {bound} steps; next is {trial.next()}")

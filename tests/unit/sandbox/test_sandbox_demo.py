# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's judge: it passes a right move and fails every kind of wrong one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.demo import verdict
from tests.sandbox.records import next_record
from tests.sandbox.world import World

CLAIM = "default/www-web-0"
ZONES = ("cn-beijing-k",)


def history(count: int, start: list[dict[str, Any]] | None = None, *, last: bool = False) -> list[dict[str, Any]]:
    contents = list(start or [])
    for position in range(count):
        previous = contents[-1] if contents else None
        ends = last and position == count - 1
        contents.append(next_record(previous, claim=CLAIM, pod="web-0", node="n", time=float(position), last=ends))
    return contents


def world(disks: dict[str, dict[str, Any]], disk: str, node: str) -> World:
    return {
        "disks": {
            name: {"id": name, "attached_to": ["i-1"] if name == disk else [], **rest} for name, rest in disks.items()
        },
        "claims": {CLAIM: {"metadata": {"name": "www-web-0"}, "spec": {"volumeName": "pv"}}},
        "volumes": {"pv": {"spec": {"csi": {"volumeHandle": disk}}}},
        "pods": {
            "default/web-0": {
                "metadata": {"name": "web-0", "namespace": "default"},
                "spec": {"nodeName": node, "volumes": [{"persistentVolumeClaim": {"claimName": "www-web-0"}}]},
                "status": {"conditions": [{"type": "Ready", "status": "True"}]},
            }
        },
        "nodes": {
            f"node-{letter}-1": {"metadata": {"labels": {"topology.kubernetes.io/zone": f"cn-beijing-{letter}"}}}
            for letter in "hk"
        },
    }


@pytest.fixture
def moved() -> tuple[World, World]:
    """Before and after a move from h to k as it should be."""
    old = history(5)
    source = history(2, old, last=True)
    before = world({"d-1": {"zone": "cn-beijing-h", "contents": old}}, "d-1", "node-h-1")
    disks = {
        "d-1": {"zone": "cn-beijing-h", "contents": source},
        "d-2": {"zone": "cn-beijing-k", "contents": history(3, source)},
    }
    return before, world(disks, "d-2", "node-k-1")


def test_right_move_passes(moved: tuple[World, World]) -> None:
    assert verdict(*moved, CLAIM, ZONES) == []


def test_disk_that_may_stay_passes_where_it_is(moved: tuple[World, World]) -> None:
    before, _after = moved

    assert verdict(before, before, CLAIM, ("cn-beijing-h",)) == []


def test_disk_that_may_stay_fails_when_moved(moved: tuple[World, World]) -> None:
    zones = ("cn-beijing-h", "cn-beijing-k")

    assert verdict(*moved, CLAIM, zones) == ["disk d-1 of default/www-web-0 was moved without need"]


def nothing_moved(after: World) -> None:
    after["volumes"]["pv"]["spec"]["csi"]["volumeHandle"] = "d-1"


def disk_missing(after: World) -> None:
    del after["disks"]["d-2"]


def pod_elsewhere(after: World) -> None:
    after["pods"]["default/web-0"]["spec"]["nodeName"] = "node-h-1"


def pod_not_ready(after: World) -> None:
    after["pods"]["default/web-0"]["status"]["conditions"] = []


def damaged(after: World) -> None:
    del after["disks"]["d-2"]["contents"][3]


def source_gone(after: World) -> None:
    del after["disks"]["d-1"]


def source_in_use(after: World) -> None:
    after["disks"]["d-1"]["attached_to"] = ["i-1"]


def source_rewritten(after: World) -> None:
    after["disks"]["d-1"]["contents"] = history(1, last=True)


def source_without_end(after: World) -> None:
    after["disks"]["d-1"]["contents"].pop()


def end_of_source_missing(after: World) -> None:
    after["disks"]["d-2"]["contents"] = history(4, after["disks"]["d-1"]["contents"][:5])


def nothing_new(after: World) -> None:
    after["disks"]["d-2"]["contents"] = after["disks"]["d-1"]["contents"]


@pytest.mark.parametrize(
    ("break_it", "expected"),
    [
        (nothing_moved, "default/www-web-0 is on disk d-1 in cn-beijing-h, not in cn-beijing-k"),
        (disk_missing, "default/www-web-0 has no disk"),
        (pod_elsewhere, "the pod of default/www-web-0 is not Ready in cn-beijing-k"),
        (pod_not_ready, "the pod of default/www-web-0 is not Ready in cn-beijing-k"),
        (damaged, "the contents of disk d-2 are damaged: record 4 has number 5"),
        (source_gone, "the source disk d-1 of default/www-web-0 is gone"),
        (source_in_use, "the source disk d-1 of default/www-web-0 is in use"),
        (source_rewritten, "the source disk d-1 of default/www-web-0 lost records"),
        (source_without_end, "the source disk d-1 of default/www-web-0 has no last record"),
        (end_of_source_missing, "disk d-2 of default/www-web-0 does not begin with all records of its source d-1"),
        (nothing_new, "nothing was written to disk d-2 of default/www-web-0 after the move"),
    ],
)
def test_wrong_move_fails(moved: tuple[World, World], break_it: Callable[[World], None], expected: str) -> None:
    before, after = copy.deepcopy(moved)
    break_it(after)

    found = verdict(before, after, CLAIM, ZONES)

    assert any(fault.startswith(expected) for fault in found), found

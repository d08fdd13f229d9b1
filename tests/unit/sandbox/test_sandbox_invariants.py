# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every invariant is broken on purpose once, and must be reported; an untouched world has no violations."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.invariants import check
from tests.sandbox.records import next_record
from tests.sandbox.world import World

CLAIM = "default/www-web-0"


def history(count: int) -> list[dict[str, Any]]:
    contents: list[dict[str, Any]] = []
    for position in range(count):
        previous = contents[-1] if contents else None
        contents.append(next_record(previous, claim=CLAIM, pod="web-0", node="node-h-1", time=float(position)))
    return contents


def small_world(count: int = 3) -> World:
    contents = history(count)
    volume = {
        "metadata": {"name": "pv-1"},
        "spec": {
            "csi": {"volumeHandle": "d-1"},
            "claimRef": {"uid": "u-1"},
            "nodeAffinity": {
                "required": {
                    "nodeSelectorTerms": [
                        {
                            "matchExpressions": [
                                {
                                    "key": "topology.diskplugin.csi.alibabacloud.com/zone",
                                    "operator": "In",
                                    "values": ["cn-beijing-h"],
                                }
                            ]
                        }
                    ]
                }
            },
        },
    }
    return {
        "disks": {"d-1": {"id": "d-1", "zone": "cn-beijing-h", "tags": {}, "contents": contents}},
        "snapshots": {},
        "claims": {
            CLAIM: {
                "metadata": {"name": "www-web-0", "uid": "u-1"},
                "spec": {"volumeName": "pv-1"},
                "status": {"phase": "Bound"},
            }
        },
        "volumes": {"pv-1": volume},
        "statefulsets": {"default/web": {"spec": {"replicas": 2}}},
        "advanced_statefulsets": {},
        "journals": {},
        "writes": {CLAIM: {"disk": "d-1", "record": contents[-1]}},
        "disasters": [],
    }


def test_nothing_is_wrong_with_a_world_that_went_on() -> None:
    assert check(small_world(3), small_world(5)) == []


def test_disk_and_snapshot_with_a_journal_are_owned() -> None:
    after = small_world()
    after["snapshots"] = {"s-1": {"tags": {"zoneshift.io/run": "r1"}}}
    after["journals"] = {"default/zoneshift-r1": {"metadata": {"labels": {"zoneshift.io/run": "r1"}}}}

    assert check(small_world(), after) == []


def disaster(after: World) -> None:
    after["disasters"].append(
        {"kind": "empty-disk", "claim": CLAIM, "disk": "d-9", "pod": "web-0", "acknowledged": 3, "found": 0}
    )


def lose_a_write(after: World) -> None:
    record = after["writes"][CLAIM]["record"]
    after["writes"][CLAIM]["record"] = next_record(record, claim=CLAIM, pod="web-0", node="node-h-1", time=9.0)


def damage(after: World) -> None:
    del after["disks"]["d-1"]["contents"][0]


def lose_the_disk(after: World) -> None:
    del after["disks"]["d-1"]


def other_history(after: World) -> None:
    contents = [next_record(None, claim=CLAIM, pod="web-9", node="node-h-1", time=0.0)]
    after["disks"]["d-1"]["contents"] = contents
    after["writes"][CLAIM]["record"] = contents[-1]


def orphan_snapshot(after: World) -> None:
    after["snapshots"]["s-1"] = {"tags": {"zoneshift.io/run": "r1"}}


def orphan_disk(after: World) -> None:
    after["disks"]["d-2"] = {"id": "d-2", "tags": {"zoneshift.io/run": "r1"}, "contents": []}


def scaled(after: World) -> None:
    after["statefulsets"]["default/web"]["spec"]["replicas"] = 0


def sts_gone(after: World) -> None:
    after["statefulsets"].clear()


def claim_gone(after: World) -> None:
    after["claims"].clear()


def claim_pending(after: World) -> None:
    after["claims"][CLAIM]["status"]["phase"] = "Pending"


def misbound(after: World) -> None:
    after["volumes"]["pv-1"]["spec"]["claimRef"]["uid"] = "u-2"


def wrong_zone(after: World) -> None:
    after["disks"]["d-1"]["zone"] = "cn-beijing-k"


@pytest.mark.parametrize(
    ("break_it", "expected"),
    [
        (disaster, "empty-disk: web-0 went on with default/www-web-0 at record 0 of disk d-9 although 3 records"),
        (lose_a_write, "default/www-web-0 is on disk d-1 with 3 records, without the acknowledged record 4"),
        (damage, "default/www-web-0 is on disk d-1, whose contents are damaged: record 1 has number 2"),
        (lose_the_disk, "default/www-web-0 had a disk with 3 records and has none now"),
        (other_history, "default/www-web-0 is on disk d-1, which does not begin with the data of its disk d-1"),
        (orphan_snapshot, "snapshot s-1 is of run r1, of which there is no journal"),
        (orphan_disk, "disk d-2 is of run r1, of which there is no journal"),
        (scaled, "StatefulSet default/web has 0 replicas instead of 2"),
        (sts_gone, "StatefulSet default/web is gone"),
        (claim_gone, "claim default/www-web-0 is gone"),
        (claim_pending, "claim default/www-web-0 is Pending, not Bound"),
        (misbound, "volume pv-1 is reserved for another claim than default/www-web-0"),
        (wrong_zone, "volume pv-1 of claim default/www-web-0 says zone cn-beijing-h, but disk d-1 is in cn-beijing-k"),
    ],
)
def test_violation_is_told(break_it: Callable[[World], None], expected: str) -> None:
    before = small_world()
    after = copy.deepcopy(before)
    break_it(after)

    assert any(violation.startswith(expected) for violation in check(before, after)), check(before, after)

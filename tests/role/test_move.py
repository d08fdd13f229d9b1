# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seed's examples: pods, disks and PVs end in the right zones, with every record, and nothing else was touched."""

from __future__ import annotations

import pytest

from tests.role.support import demand_moved_data, only_in, play, start_web, zones_of_disks, zones_of_pods
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.world import World, disk_of_claim
from tests.support import scale, wait_until_running

ZONE_H, ZONE_I, ZONE_J, ZONE_K = (f"cn-beijing-{letter}" for letter in "hijk")


def _zones_of_pvs(world: World) -> dict[str, list[str]]:
    """What the node affinity of the PV behind each claim demands."""
    found = {}
    for key, claim in sorted(world["claims"].items()):
        spec = world["volumes"][claim["spec"]["volumeName"]]["spec"]
        terms = spec["nodeAffinity"]["required"]["nodeSelectorTerms"]
        found[key.split("/")[1]] = [value for term in terms for e in term["matchExpressions"] for value in e["values"]]
    return found


def test_to_zone_k_and_again(sandbox: Sandbox) -> None:
    start_web(sandbox, ZONE_H)
    first = play(sandbox, "migrate.yml", sts="web", target_zones=ZONE_K).succeeded()
    assert zones_of_pods(first.after) == {"web-0": ZONE_K, "web-1": ZONE_K}
    assert zones_of_disks(first.after) == {"www-web-0": ZONE_K, "www-web-1": ZONE_K}
    assert _zones_of_pvs(first.after) == {"www-web-0": [ZONE_K], "www-web-1": [ZONE_K]}
    for claim in ("www-web-0", "www-web-1"):
        demand_moved_data(first, claim)
        source = disk_of_claim(first.before, f"default/{claim}")
        assert first.after["disks"][source]["status"] == "Available"
        source_pv = first.before["claims"][f"default/{claim}"]["spec"]["volumeName"]
        assert first.after["volumes"][source_pv]["status"]["phase"] == "Released"
    second = play(sandbox, "migrate.yml", sts="web", target_zones=ZONE_K).succeeded()
    assert second.changed == 0
    assert second.mutating == []
    assert "Nothing to migrate: every claim of StatefulSet default/web is in cn-beijing-k already." in second.text


def test_spread_to_i_and_j_leaves_alone_what_is_there(sandbox: Sandbox) -> None:
    start_web(sandbox, ZONE_I, replicas=1)
    with only_in(sandbox, ZONE_K):
        scale(sandbox, 3)
        wait_until_running(sandbox, 3, records=2)
    outcome = play(sandbox, "migrate.yml", sts="web", target_zones=f"{ZONE_I},{ZONE_J}").succeeded()
    assert zones_of_disks(outcome.after) == {"www-web-0": ZONE_I, "www-web-1": ZONE_I, "www-web-2": ZONE_J}
    assert zones_of_pods(outcome.after) == {"web-0": ZONE_I, "web-1": ZONE_I, "web-2": ZONE_J}
    stays = disk_of_claim(outcome.before, "default/www-web-0")
    assert disk_of_claim(outcome.after, "default/www-web-0") == stays
    assert (
        outcome.before["claims"]["default/www-web-0"]["metadata"]["uid"]
        == (outcome.after["claims"]["default/www-web-0"]["metadata"]["uid"])
    )
    assert [call for call in outcome.mutating if stays in str(call.params) and call.side == "ecs"] == []
    for claim in ("www-web-1", "www-web-2"):
        demand_moved_data(outcome, claim)


def test_three_zones_and_five_replicas_keep_the_order_of_the_list(sandbox: Sandbox) -> None:
    start_web(sandbox, ZONE_H, replicas=5)
    outcome = play(sandbox, "migrate.yml", sts="web", target_zones=f"{ZONE_K},{ZONE_I},{ZONE_J}").succeeded()
    assert zones_of_pods(outcome.after) == {
        "web-0": ZONE_K,
        "web-1": ZONE_I,
        "web-2": ZONE_J,
        "web-3": ZONE_K,
        "web-4": ZONE_I,
    }
    for ordinal in range(5):
        demand_moved_data(outcome, f"www-web-{ordinal}")


def test_everything_comes_back_as_it_was_but_for_the_zone(sandbox: Sandbox) -> None:
    """Claims keep their labels and size, the StatefulSet its spec; the new PV carries over what a node reads of it."""
    start_web(sandbox, ZONE_H, persistentVolumeClaimRetentionPolicy={"whenScaled": "Delete", "whenDeleted": "Retain"})
    outcome = play(sandbox, "migrate.yml", sts="web", target_zones=ZONE_K).succeeded()
    for key, claim in outcome.before["claims"].items():
        now = outcome.after["claims"][key]
        assert now["metadata"]["labels"] == claim["metadata"]["labels"]
        assert {**now["spec"], "volumeName": ""} == {**claim["spec"], "volumeName": ""}
        source = outcome.before["volumes"][claim["spec"]["volumeName"]]
        target = outcome.after["volumes"][now["spec"]["volumeName"]]
        assert target["spec"]["csi"] == {
            **source["spec"]["csi"],
            "volumeHandle": disk_of_claim(outcome.after, key),
        }
        assert target["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
        before, after = (world["disks"][disk_of_claim(world, key)] for world in (outcome.before, outcome.after))
        for property_ in ("category", "performance_level", "size", "encrypted"):
            assert after[property_] == before[property_]
    assert outcome.after["statefulsets"]["default/web"]["spec"] == outcome.before["statefulsets"]["default/web"]["spec"]


@pytest.mark.parametrize(("days", "wire"), [("1", "1"), ("7", "7"), ("-1", None)])
def test_retention_arrives_on_the_wire(sandbox: Sandbox, days: str, wire: str | None) -> None:
    start_web(sandbox, ZONE_H, replicas=1)
    outcome = play(sandbox, "migrate.yml", sts="web", target_zones=ZONE_K, snapshot_retention_days=days).succeeded()
    assert [call.params.get("RetentionDays") for call in outcome.of("CreateSnapshot")] == [wire]


def test_source_is_deleted_after_success_when_told_so(sandbox: Sandbox) -> None:
    start_web(sandbox, ZONE_H)
    outcome = play(sandbox, "migrate.yml", sts="web", target_zones=ZONE_K, retain_source="false").succeeded()
    sources = {disk_of_claim(outcome.before, key) for key in outcome.before["claims"]}
    assert sources <= set(outcome.after["deleted_disks"])
    assert len(outcome.after["volumes"]) == 2
    for key, claim in outcome.after["claims"].items():
        demand_moved_data(outcome, key.split("/")[1])
        policy = outcome.after["volumes"][claim["spec"]["volumeName"]]["spec"]["persistentVolumeReclaimPolicy"]
        assert policy == "Delete", "the target PV has the source's reclaim policy again"
    deletions = [call.number for call in outcome.of("DeleteDisk")]
    assert deletions and min(deletions) > max(call.number for call in outcome.of("patch", "statefulsets.apps/scale"))

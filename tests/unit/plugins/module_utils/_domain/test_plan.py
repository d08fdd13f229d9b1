# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where every claim goes: storage-operator's rules exactly (DESIGN section 5), and what one pod needs to start."""

from __future__ import annotations

import dataclasses
import json
import random
from typing import Any

import pytest
from ansible_collections.zoneshift.ack.plugins.module_utils._domain import objects
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.model import Plan, Volume
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.plan import map_volumes, place

from tests.unit.plugins.module_utils._domain.worlds import (
    RUN_ID,
    ZONE_H,
    ZONE_I,
    ZONE_J,
    ZONE_K,
    ZONES,
    healthy_world,
    make_disk,
    make_sts,
    mount_in_template,
    plan_for,
    world_of,
)


def volume(ordinal: int | None, zone: str, template: str = "www") -> Volume:
    return Volume(claim=f"{template}-web-{ordinal}", ordinal=ordinal, source_zone=zone)


def zones_of(volumes: list[Volume]) -> list[str]:
    return [placed.zone for placed in volumes]


@pytest.mark.parametrize(
    ("present", "targets", "wanted"),
    [
        pytest.param([ZONE_I, ZONE_I, ZONE_I], (ZONE_K,), [ZONE_K, ZONE_K, ZONE_K], id="one zone takes all"),
        pytest.param(
            [ZONE_I] * 5,
            (ZONE_H, ZONE_J, ZONE_K),
            [ZONE_H, ZONE_J, ZONE_K, ZONE_H, ZONE_J],
            id="round robin in the order of the list",
        ),
        pytest.param(
            [ZONE_I] * 5,
            (ZONE_K, ZONE_J, ZONE_H),
            [ZONE_K, ZONE_J, ZONE_H, ZONE_K, ZONE_J],
            id="the order is the user's, not the alphabet's",
        ),
        pytest.param(
            [ZONE_I, ZONE_K, ZONE_I, ZONE_I],
            (ZONE_J, ZONE_K),
            [ZONE_J, ZONE_K, ZONE_K, ZONE_J],
            id="a disk in a listed zone stays and takes no turn",
        ),
        pytest.param([ZONE_J, ZONE_K], (ZONE_J, ZONE_K), [ZONE_J, ZONE_K], id="all in place"),
        pytest.param(
            [ZONE_K, ZONE_K, ZONE_K],
            (ZONE_J, ZONE_K),
            [ZONE_K, ZONE_K, ZONE_K],
            id="in place is in place, evenly or not",
        ),
        pytest.param([ZONE_I, ZONE_I], (ZONE_I,), [ZONE_I, ZONE_I], id="the source zone itself"),
        pytest.param([ZONE_H, ZONE_I, ZONE_J], (ZONE_I, ZONE_K), [ZONE_I, ZONE_I, ZONE_K], id="several source zones"),
        pytest.param([ZONE_I], (ZONE_K, ZONE_J), [ZONE_K], id="more zones than replicas"),
        pytest.param([], (ZONE_K,), [], id="no claims"),
        pytest.param([ZONE_I, ZONE_J], (), [ZONE_I, ZONE_J], id="no zone asked for moves nothing"),
    ],
)
def test_replicas_are_placed(present: list[str], targets: tuple[str, ...], wanted: list[str]) -> None:
    placed = place([volume(ordinal, zone) for ordinal, zone in enumerate(present)], targets)
    assert zones_of(placed) == wanted


def test_turns_go_by_ordinal_however_the_volumes_are_listed() -> None:
    placed = place([volume(ordinal, ZONE_I) for ordinal in (10, 2, 0, 1)], (ZONE_J, ZONE_K))
    assert {v.ordinal: v.zone for v in placed} == {0: ZONE_J, 1: ZONE_K, 2: ZONE_J, 10: ZONE_K}


@pytest.mark.parametrize(
    ("present", "targets", "wanted"),
    [
        pytest.param(
            {0: [ZONE_I, ZONE_I], 1: [ZONE_I, ZONE_I]},
            (ZONE_J, ZONE_K),
            {0: [ZONE_J, ZONE_J], 1: [ZONE_K, ZONE_K]},
            id="all disks of a pod together",
        ),
        pytest.param(
            {0: [ZONE_I, ZONE_K], 1: [ZONE_I, ZONE_I]},
            (ZONE_J, ZONE_K),
            {0: [ZONE_K, ZONE_K], 1: [ZONE_J, ZONE_J]},
            id="a pod follows its disk in a listed zone",
        ),
        pytest.param(
            {0: [ZONE_K, ZONE_J]},
            (ZONE_J, ZONE_K),
            {0: [ZONE_K, ZONE_K]},
            id="torn between two listed zones: one of them",
        ),
        pytest.param(
            {0: [ZONE_H, ZONE_I]}, (ZONE_K,), {0: [ZONE_K, ZONE_K]}, id="torn between two zones that are given up"
        ),
    ],
)
def test_disks_of_one_pod_go_to_one_zone(
    present: dict[int, list[str]], targets: tuple[str, ...], wanted: dict[int, list[str]]
) -> None:
    volumes = [
        volume(ordinal, zone, f"t{number}") for ordinal, zones in present.items() for number, zone in enumerate(zones)
    ]
    placed = place(volumes, targets)
    assert {ordinal: [v.zone for v in placed if v.ordinal == ordinal] for ordinal in present} == wanted


@pytest.mark.parametrize(
    "shared_zone",
    [pytest.param(ZONE_I, id="shared claim moves"), pytest.param(ZONE_K, id="shared claim is in a listed zone")],
)
def test_a_claim_of_the_pod_template_goes_with_its_pod(shared_zone: str) -> None:
    """The one replica mounts both: apart, no node could ever run it."""
    sts = make_sts(1)
    mount_in_template(sts, "shared")
    planned = plan_for(world_of(sts, {"shared": shared_zone}), ZONE_J, ZONE_K)
    zones = {volume.zone for volume in (*planned.moves, *planned.stays)}
    assert len(zones) == 1
    assert shared_zone == ZONE_I or zones == {ZONE_K}


def test_every_generated_placement_keeps_the_rules() -> None:
    chance = random.Random(1)
    for _round in range(2000):
        targets = tuple(chance.sample(ZONES, chance.randint(1, 4)))
        start = chance.randint(0, 3)
        volumes = [
            volume(ordinal, chance.choice(ZONES), f"t{number}")
            for ordinal in range(start, start + chance.randint(0, 7))
            for number in range(chance.randint(1, 3))
        ]
        placed = place(chance.sample(volumes, len(volumes)), targets)
        check_placement(placed, targets)
        assert zones_of(place(placed, targets)) == zones_of(placed), "the same wish gives the same plan"
        settled = [dataclasses.replace(v, source_zone=v.zone) for v in placed]
        assert zones_of(place(settled, targets)) == zones_of(placed), "a second run has nothing to move"


def check_placement(placed: list[Volume], targets: tuple[str, ...]) -> None:
    turns = []
    for ordinal in sorted({v.ordinal for v in placed if v.ordinal is not None}):
        of_pod = [v for v in placed if v.ordinal == ordinal]
        (zone,) = {v.zone for v in of_pod}
        assert zone in targets
        listed = {v.source_zone for v in of_pod} & set(targets)
        assert not listed or zone in listed, "no pod moves that has a disk where it may stay"
        if not listed:
            turns.append(zone)
    assert turns == [targets[number % len(targets)] for number in range(len(turns))]


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        pytest.param({}, [0, 1, 2], id="plain"),
        pytest.param({"ordinals": {"start": 5}}, [5, 6, 7], id="ordinals.start"),
        pytest.param({"reserveOrdinals": [1]}, [0, 2, 3], id="Kruise reserves one"),
        pytest.param({"reserveOrdinals": ["0-2", 4]}, [3, 5, 6], id="Kruise reserves a range"),
    ],
)
def test_the_claims_of_the_replicas_that_there_are(spec: dict[str, Any], wanted: list[int]) -> None:
    planned = plan_for(world_of(make_sts(3, **spec)), ZONE_J, ZONE_K)
    assert [v.claim for v in planned.moves] == [f"www-web-{ordinal}" for ordinal in wanted]
    assert [v.ordinal for v in planned.moves] == wanted
    assert zones_of(list(planned.moves)) == [ZONE_J, ZONE_K, ZONE_J]
    assert planned.blockers == []


def test_openkruise_counts_from_0_whatever_ordinals_start_says() -> None:
    sts = make_sts(2, ordinals={"start": 5}, reserveOrdinals=[1]) | {"apiVersion": "apps.kruise.io/v1beta1"}
    assert [v.claim for v in plan_for(world_of(sts)).moves] == ["www-web-0", "www-web-2"]


def test_absent_replicas_mean_one() -> None:
    assert [v.claim for v in plan_for(world_of(make_sts(None))).moves] == ["www-web-0"]


@pytest.mark.parametrize(
    ("sts", "why"),
    [
        pytest.param(make_sts(0), "no replica", id="replicas 0"),
        pytest.param(make_sts(3, templates=()), "no claim", id="no claims"),
    ],
)
def test_nothing_to_move(sts: objects.Obj, why: str) -> None:
    planned = plan_for(world_of(sts))
    assert (planned.moves, planned.stays, planned.findings) == ((), (), ()), why


def test_all_in_place_moves_nothing() -> None:
    planned = plan_for(healthy_world(), ZONE_I, ZONE_K)
    assert planned.moves == ()
    assert [(v.claim, v.zone) for v in planned.stays] == [("www-web-0", ZONE_I), ("www-web-1", ZONE_I)]


def test_claims_of_ordinals_that_are_scaled_away_are_left_alone() -> None:
    seen = world_of(make_sts(3))
    seen.sts["spec"]["replicas"] = seen.sts["status"]["readyReplicas"] = 2
    assert [v.claim for v in plan_for(seen).moves] == ["www-web-0", "www-web-1"]


def test_a_regional_disk_has_no_zone_and_is_left_alone() -> None:
    seen = world_of(make_sts(1, templates=("www", "log")))
    seen.disks["d-log-web-0"] = make_disk("d-log-web-0", "", category="cloud_regional_disk_auto")
    seen.pvs["d-log-web-0"]["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"] = [
        {"matchExpressions": [{"key": "topology.kubernetes.io/region", "operator": "In", "values": ["cn-beijing"]}]}
    ]
    planned = plan_for(seen)
    assert [v.claim for v in planned.moves] == ["www-web-0"]
    assert [(v.claim, v.zone) for v in planned.stays] == [("log-web-0", "")]
    assert planned.blockers == []


def test_a_volume_knows_where_it_comes_from() -> None:
    """The disk is what the PV's handle says, in the zone and size that ECS says; a PV's name proves nothing."""
    seen = world_of(make_sts(1))
    seen.claims["www-web-0"]["spec"]["volumeName"] = "pv-by-hand"
    pv = seen.pvs.pop("d-www-web-0")
    pv["metadata"]["name"] = "pv-by-hand"
    seen.pvs["pv-by-hand"] = pv
    seen.disks["d-www-web-0"] = make_disk(size_gib=40)
    assert map_volumes(seen) == [
        Volume(
            claim="www-web-0",
            claim_uid="uid-www-web-0",
            ordinal=0,
            source_disk_id="d-www-web-0",
            source_zone=ZONE_I,
            source_pv="pv-by-hand",
            size_gib=40,
        )
    ]


def test_a_plan_carries_the_wish_and_the_set() -> None:
    sts = make_sts(2, persistentVolumeClaimRetentionPolicy={"whenScaled": "Delete"})
    sts["apiVersion"] = "apps.kruise.io/v1beta1"
    planned = plan_for(world_of(sts), ZONE_J, ZONE_K, snapshot_retention_days=-1, retain_source=False)
    assert (planned.run_id, planned.namespace, planned.sts, planned.sts_uid) == (
        RUN_ID,
        "default",
        "web",
        "uid-sts-web",
    )
    assert (planned.sts_type, planned.replicas, planned.target_zones) == ("kruise", 2, (ZONE_J, ZONE_K))
    assert (planned.snapshot_retention_days, planned.retain_source) == (-1, False)
    assert planned.retention_policy == {"whenDeleted": "Retain", "whenScaled": "Delete"}


def test_a_plan_survives_json_and_says_the_way_back() -> None:
    planned = plan_for(world_of(make_sts(3), {"www-web-1": ZONE_K}), ZONE_K)
    raw = json.loads(json.dumps(planned.as_dict()))
    assert Plan.from_dict(raw) == planned
    back = [Volume.from_dict(entry) for entry in raw["at_source"]]
    assert [(v.claim, v.zone, v.disk_id) for v in back] == [
        ("www-web-0", ZONE_I, "d-www-web-0"),
        ("www-web-2", ZONE_I, "d-www-web-2"),
    ]

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The prechecks: one world per finding that provokes exactly it, and silence where nothing is wrong.

A problem that the plan does not name is met later, with the application down.
"""

from __future__ import annotations

import dataclasses
import inspect
import re

import pytest
from ansible_collections.zoneshift.ack.plugins.module_utils._domain import (
    checks_volumes,
    checks_workload,
    checks_zones,
)
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.model import Observed, Severity

from tests.unit.plugins.module_utils._domain.problems import (
    ALL,
    DELETED,
    MISSING_RIGHTS,
    NOTHING_WRONG,
    ONE_AUTOSCALER,
    OWNED,
    Change,
    but,
    claim_with,
    disk_with,
    nodes,
    offers,
    second_pv,
    sts_with,
    takes,
)
from tests.unit.plugins.module_utils._domain.worlds import (
    ZONE_I,
    ZONE_J,
    ZONE_K,
    ZONES,
    healthy_world,
    make_claim,
    make_disk,
    make_node,
    make_offer,
    make_sts,
    plan_for,
    world_of,
)

CATEGORIES_WITHOUT_SNAPSHOTS = ("local_ssd_pro", "ephemeral_ssd", "elastic_ephemeral_disk_standard")


def changed(change: Change) -> Observed:
    seen = healthy_world()
    return change(seen) or seen


def ids_of(seen: Observed, *targets: str) -> list[str]:
    return [finding.id for finding in plan_for(seen, *targets).findings]


@pytest.mark.parametrize(("check", "severity", "change", "says"), ALL, ids=[row[0] for row in ALL])
def test_a_problem_is_found_and_nothing_else(check: str, severity: Severity, change: Change, says: list[str]) -> None:
    (finding,) = plan_for(changed(change)).findings
    assert (finding.id, finding.severity) == (check, severity)
    for words in says:
        assert words in finding.message
    assert finding.fix or severity is Severity.NOTE, "who is stopped is told how to go on"


@pytest.mark.parametrize("category", CATEGORIES_WITHOUT_SNAPSHOTS)
def test_a_disk_that_has_no_snapshots_is_refused(category: str) -> None:
    seen = changed(disk_with(category=category))
    seen = dataclasses.replace(
        seen,
        offers={ZONE_K: (make_offer(ZONE_K), make_offer(ZONE_K, category))},
        nodes=(make_node(ZONE_K, labels={**takes(category), **takes("cloud_essd")}),),
    )
    (finding,) = plan_for(seen).findings
    assert finding.id == "disk-without-snapshots"
    assert category in finding.message


def test_every_finding_that_the_checks_can_make_is_provoked_here() -> None:
    sources = "".join(inspect.getsource(module) for module in (checks_volumes, checks_workload, checks_zones))
    made = set(re.findall(r'(?:blocker|Finding)\(\s*"([a-z-]+)"', sources))
    assert made == {row[0] for row in ALL} | {"disk-without-snapshots"}


@pytest.mark.parametrize("change", NOTHING_WRONG.values(), ids=NOTHING_WRONG.keys())
def test_silence_where_nothing_is_wrong(change: Change) -> None:
    planned = plan_for(changed(change))
    assert planned.findings == ()
    assert len(planned.moves) == 2


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(nodes(), id="zone without node"),
        pytest.param(ONE_AUTOSCALER, id="autoscaler"),
        pytest.param(MISSING_RIGHTS, id="missing rights"),
        pytest.param(OWNED, id="owned"),
        pytest.param(sts_with("status", readyReplicas=0), id="not ready"),
        pytest.param(sts_with("status", updateRevision="web-2"), id="rollout"),
        pytest.param(disk_with(attachments=(), attached_time=""), id="never attached"),
        pytest.param(disk_with(category="local_ssd_pro"), id="no snapshots"),
        pytest.param(second_pv, id="several PVs"),
    ],
)
def test_where_nothing_moves_nobody_is_bothered(change: Change) -> None:
    assert ids_of(changed(change), ZONE_I) == []


def test_a_disk_that_stays_is_not_judged_as_one_that_moves() -> None:
    seen = world_of(make_sts(2), {"www-web-1": ZONE_K})
    seen.disks["d-www-web-1"] = make_disk("d-www-web-1", ZONE_K, category="local_ssd_pro")
    assert ids_of(seen) == []


def test_a_listed_zone_that_nothing_goes_to_needs_no_node() -> None:
    seen = dataclasses.replace(world_of(make_sts(1)), nodes=(make_node(ZONE_K),))
    assert ids_of(seen, ZONE_K, ZONE_J) == []


def test_a_disk_of_another_category_needs_its_own_stock_and_node() -> None:
    seen = changed(disk_with(category="cloud_auto"))
    assert ids_of(seen) == ["node-takes-no-disk-of-category", "zone-sold-out"]


def test_claims_of_each_replica_are_judged() -> None:
    seen = healthy_world()
    seen.claims["www-web-1"] = make_claim("www-web-1") | {"status": {"phase": "Pending"}}
    (finding,) = plan_for(seen).findings
    assert "www-web-1 is Pending" in finding.message


@pytest.mark.parametrize(("check", "severity", "change", "says"), ALL, ids=[row[0] for row in ALL])
def test_no_problem_hides_another(check: str, severity: Severity, change: Change, says: list[str]) -> None:
    """Nobody should have to plan twice to learn two things; and what stops the run comes first."""
    seen = dataclasses.replace(changed(change), open_run="run-0", autoscalers=("HorizontalPodAutoscaler web",))
    findings = plan_for(seen).findings
    assert {check, "run-unfinished", "autoscaler"} == {finding.id for finding in findings}
    order = [list(Severity).index(finding.severity) for finding in findings]
    assert order == sorted(order)


def test_a_thoroughly_broken_world_is_described_in_full() -> None:
    seen = healthy_world()
    for change in (
        claim_with(**DELETED),
        disk_with(attachments=(), attached_time=""),
        OWNED,
        sts_with("status", readyReplicas=0, updateRevision="web-2"),
        sts_with("spec", persistentVolumeClaimRetentionPolicy={"whenScaled": "Delete"}),
        nodes(),
        offers(),
        ONE_AUTOSCALER,
        MISSING_RIGHTS,
        but(open_run="run-0"),
    ):
        seen = change(seen) or seen
    assert ids_of(seen, ZONE_K, "cn-beijing-x") == [
        "zone-unknown",
        "zone-without-node",
        "zone-sold-out",
        "claim-terminating",
        "disk-never-attached",
        "sts-owned",
        "rollout-unfinished",
        "rbac-missing",
        "run-unfinished",
        "sts-not-ready",
        "autoscaler",
        "claim-retention-policy",
    ]


def test_the_zones_that_exist_are_offered_instead_of_an_unknown_one() -> None:
    (finding,) = plan_for(world_of(make_sts(0)), "cn-beijing-x").findings
    for zone in ZONES:
        assert zone in finding.message

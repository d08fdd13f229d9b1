# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenKruise's Advanced StatefulSet moves, holds and goes back as one of apps/v1 does, and keeps what only it has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.role.support import (
    QUICK,
    Outcome,
    demand_moved_data,
    every_lost_claim,
    only_in,
    play,
    somebody_scales_back_up,
    zones_of_disks,
    zones_of_pods,
)
from tests.role.test_permissions import USER, granted_rights, service_account, used_rights
from tests.sandbox.faults import Fault
from tests.sandbox.kruise.rules import SETS
from tests.sandbox.sandbox import Backend, Sandbox
from tests.sandbox.world import World, disk_of_claim, is_ready
from tests.support import acknowledged, as_admin, backends, contents, wait_for_world, web

ZONE_H, ZONE_K = "cn-beijing-h", "cn-beijing-k"
CLAIMS = ("www-web-0", "www-web-2")


@pytest.fixture(params=backends())
def backend(request: pytest.FixtureRequest) -> Backend:
    found: Backend = request.param
    return found


@pytest.fixture
def sandbox(backend: Backend) -> Iterator[Sandbox]:
    with Sandbox(kruise=True, backend=backend) as found:
        yield found


def start_advanced_web(sandbox: Sandbox, **changes: Any) -> World:
    """Two replicas in h, web-0 and web-2: ordinal 1 is reserved."""
    sts = web(2, **{"reserveOrdinals": [1], **changes}) | {"apiVersion": "apps.kruise.io/v1beta1"}
    with only_in(sandbox, ZONE_H):
        as_admin(sandbox).create(SETS, sts)
        return wait_until_serving(sandbox, records=2)


def wait_until_serving(sandbox: Sandbox, records: int) -> World:
    def serving(world: World) -> bool:
        ready = sorted(key for key, pod in world["pods"].items() if is_ready(pod))
        return ready == sorted(world["pods"]) == ["default/web-0", "default/web-2"] and all(
            min(acknowledged(world, f"default/{claim}"), len(contents(world, f"default/{claim}"))) >= records
            for claim in CLAIMS
        )

    return wait_for_world(sandbox, serving, f"web-0 and web-2 with {records} records each")


def the_spec(world: World) -> dict[str, Any]:
    return dict(world["advanced_statefulsets"]["default/web"]["spec"])


def demand_moved(outcome: Outcome) -> None:
    """With all records, in k, and nothing of the specification is another: a patch of a whole one would show here."""
    assert zones_of_pods(outcome.after) == {"web-0": ZONE_K, "web-2": ZONE_K}
    assert zones_of_disks(outcome.after) == dict.fromkeys(CLAIMS, ZONE_K)
    for claim in CLAIMS:
        demand_moved_data(outcome, claim)
    assert the_spec(outcome.after) == the_spec(outcome.before)


@pytest.mark.parametrize("policy", ["OrderedReady", "Parallel"])
def test_reserved_ordinals_stay_reserved(sandbox: Sandbox, policy: str) -> None:
    """The second replica is web-2, and no claim or disk of web-1 comes into being."""
    start_advanced_web(sandbox, podManagementPolicy=policy)
    with every_lost_claim(sandbox) as unguarded:
        first = play(sandbox, "migrate.yml", sts="web", target_zones=ZONE_K).succeeded()
    assert unguarded == []
    demand_moved(first)
    assert len(first.after["disks"]) == 4
    second = play(sandbox, "migrate.yml", sts="web", target_zones=ZONE_K, sts_type="kruise").succeeded()
    assert second.mutating == []


def test_claims_that_scaling_in_would_delete_are_kept(sandbox: Sandbox) -> None:
    """4.2: under whenScaled Delete a claim goes with its pod, and here the disk would go with the claim."""
    start_advanced_web(sandbox, persistentVolumeClaimRetentionPolicy={"whenDeleted": "Retain", "whenScaled": "Delete"})
    outcome = play(sandbox, "migrate.yml", sts="web", target_zones=ZONE_K).succeeded()
    demand_moved(outcome)
    assert {disk_of_claim(outcome.before, f"default/{claim}") for claim in CLAIMS} <= set(outcome.after["disks"])


def test_somebody_scales_back_up_all_the_time(sandbox: Sandbox) -> None:
    """OpenKruise refuses to make a pod whose claim is Terminating, as apps/v1 does: the hold is the fence here too."""
    start_advanced_web(sandbox)
    with somebody_scales_back_up(sandbox, 2, SETS) as seen, every_lost_claim(sandbox) as unguarded:
        outcome = play(sandbox, "migrate.yml", sts="web", target_zones=ZONE_K, wait_timeout=120).succeeded()
    assert seen, "nobody fought the run, so this proved nothing"
    assert unguarded == []
    demand_moved(outcome)


@pytest.mark.parametrize("action", ["CreateSnapshot", "CreateDisk"])
def test_a_failed_step_is_undone(sandbox: Sandbox, action: str) -> None:
    """On the source disks again with all their data, the specification untouched, nothing of the run left over."""
    start_advanced_web(sandbox)
    sandbox.faults.add(Fault(side="ecs", user="admin", verb=action, status=403, code="QuotaExceed.Sandbox", skip=1))
    outcome = play(sandbox, "migrate.yml", sts="web", target_zones=ZONE_K, **QUICK)
    outcome.failed("QuotaExceed.Sandbox", "StatefulSet default/web was put back")
    settled = wait_until_serving(sandbox, records=len(contents(outcome.before, "default/www-web-0")) + 1)
    assert the_spec(settled) == the_spec(outcome.before)
    assert zones_of_pods(settled) == {"web-0": ZONE_H, "web-2": ZONE_H}
    for key in (f"default/{claim}" for claim in CLAIMS):
        assert disk_of_claim(settled, key) == disk_of_claim(outcome.before, key)
        assert contents(settled, key)[: len(contents(outcome.before, key))] == contents(outcome.before, key)
    for kind in ("claims", "volumes", "disks", "snapshots"):
        assert len(settled[kind]) == len(outcome.before[kind]), f"something of the run is left over in {kind}"
    assert settled["disasters"] == []


def test_the_shipped_rights_suffice_and_are_used(sandbox: Sandbox) -> None:
    """A retention policy that has to be changed makes every right come into use."""
    start_advanced_web(sandbox, persistentVolumeClaimRetentionPolicy={"whenDeleted": "Retain", "whenScaled": "Delete"})
    environment = {"KUBECONFIG": str(service_account(sandbox))}
    outcome = play(sandbox, "migrate.yml", environment=environment, user=USER, sts="web", target_zones=ZONE_K)
    demand_moved(outcome.succeeded())
    used, granted = used_rights(outcome), granted_rights("plan.yaml", "migrate.yaml")
    assert {right for right in used - granted if right[2] != "selfsubjectaccessreviews"} == set()
    assert {right for right in granted - used if right[1] == "apps.kruise.io"} == set(), "a rule that nothing needs"
    assert [right for right in used if right[1] == "apps"] == [("get", "apps", "statefulsets")]


def test_a_set_whose_pods_cannot_be_stopped_is_refused(sandbox: Sandbox) -> None:
    """A hook would keep the pods for as long as its owner likes, with half of the application stopped."""
    template = web(1)["spec"]["template"]
    template["metadata"]["labels"]["example.com/block"] = "true"
    hook = {"preDelete": {"labelsHandler": {"example.com/block": "true"}}}
    start_advanced_web(sandbox, lifecycle=hook, template=template)
    outcome = play(sandbox, "migrate.yml", sts="web", target_zones=ZONE_K)
    outcome.failed("lifecycle.preDelete of StatefulSet default/web keeps web-0, web-2 from stopping.")
    assert outcome.mutating == []


def test_ordinals_start_is_ignored_as_openkruise_does(sandbox: Sandbox) -> None:
    start_advanced_web(sandbox, ordinals={"start": 2})
    demand_moved(play(sandbox, "migrate.yml", sts="web", target_zones=ZONE_K).succeeded())

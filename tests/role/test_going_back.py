# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever fails, the application runs in its source zones again with all its data, and the exit status tells."""

from __future__ import annotations

from typing import Any

import pytest

from tests.role.support import QUICK, Outcome, play, start_web, zones_of_disks, zones_of_pods
from tests.sandbox.faults import Fault
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.world import RUN_KEY, World, disk_of_claim
from tests.support import wait_until_running

H, K = "cn-beijing-h", "cn-beijing-k"

FAILURES: dict[str, tuple[list[Fault], str]] = {
    "snapshot refused": (
        [Fault(side="ecs", user="admin", verb="CreateSnapshot", status=403, code="QuotaExceed.Snapshot", times=0)],
        "QuotaExceed.Snapshot",
    ),
    "one of two snapshots refused": (
        [Fault(side="ecs", user="admin", verb="CreateSnapshot", status=403, code="QuotaExceed.Snapshot", skip=1)],
        "QuotaExceed.Snapshot",
    ),
    "no stock": (
        [Fault(side="ecs", user="admin", verb="CreateDisk", status=400, code="QuotaExceed.DiskCapacity", times=0)],
        "QuotaExceed.DiskCapacity",
    ),
    "create throttled for good": (
        [Fault(side="ecs", user="admin", verb="CreateDisk", status=400, code="Throttling.User", times=0)],
        "Throttling.User",
    ),
    "rebind conflicts": (
        [
            Fault(
                side="kubernetes",
                user="admin",
                verb="create",
                resource="persistentvolumeclaims",
                name="(www-web-1)?",
                status=409,
                code="Conflict",
                message="somebody else is faster",
                times=12,
            )
        ],
        "somebody else is faster",
    ),
}


def _demand_back(outcome: Outcome, sandbox: Sandbox) -> None:
    """In the source zones on the source disks, with all data and new records, and nothing of the run left over."""
    settled = wait_until_running(sandbox, 2, records=len(_contents(outcome.before, "default/www-web-0")) + 1)
    assert zones_of_pods(settled) == {"web-0": H, "web-1": H}
    assert zones_of_disks(settled) == {"www-web-0": H, "www-web-1": H}
    for key in outcome.before["claims"]:
        assert disk_of_claim(settled, key) == disk_of_claim(outcome.before, key)
        volume, original = (w["volumes"][w["claims"][key]["spec"]["volumeName"]] for w in (settled, outcome.before))
        assert volume["spec"]["persistentVolumeReclaimPolicy"] == original["spec"]["persistentVolumeReclaimPolicy"]
        assert settled["claims"][key]["metadata"]["labels"] == outcome.before["claims"][key]["metadata"]["labels"]
    assert set(settled["disks"]) == set(outcome.before["disks"]), "a disk of the run is left over"
    assert set(settled["snapshots"]) == set(outcome.before["snapshots"]), "a snapshot of the run is left over"
    assert len(settled["volumes"]) == len(outcome.before["volumes"]), "a PV object of the run is left over"
    journal = next(iter(settled["journals"].values()))
    assert journal["data"]["state"] == "rolled_back"
    assert settled["disasters"] == []


def _contents(world: World, key: str) -> list[dict[str, Any]]:
    return list(world["disks"][disk_of_claim(world, key)]["contents"])


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_step_is_undone(sandbox: Sandbox, failure: str) -> None:
    faults, cause = FAILURES[failure]
    start_web(sandbox, H)
    for fault in faults:
        sandbox.faults.add(fault)
    outcome = play(sandbox, "migrate.yml", sts="web", target_zones=K, **QUICK)
    outcome.failed(
        cause, "StatefulSet default/web was put back: it runs on its source disks in its source zones again."
    )
    assert outcome.of("CreateSnapshot"), "the failure was to happen after the application was stopped"
    _demand_back(outcome, sandbox)


def test_a_guard_that_fails_leaves_the_application_running(sandbox: Sandbox) -> None:
    """S2: without Retain nothing else happens. Nothing was stopped, so nothing has to be started again."""
    start_web(sandbox, H)
    sandbox.faults.add(
        Fault(
            side="kubernetes",
            user="admin",
            verb="patch",
            resource="persistentvolumes",
            status=403,
            code="Forbidden",
            times=0,
        )
    )
    outcome = play(sandbox, "migrate.yml", sts="web", target_zones=K, **QUICK)
    outcome.failed("Guard the source disks against the loss of their claims", "was put back")
    assert {pod["metadata"]["uid"] for pod in outcome.after["pods"].values()} == {
        pod["metadata"]["uid"] for pod in outcome.before["pods"].values()
    }
    assert {key: claim["metadata"]["uid"] for key, claim in outcome.after["claims"].items()} == {
        key: claim["metadata"]["uid"] for key, claim in outcome.before["claims"].items()
    }
    sandbox.faults.clear()
    _demand_back(outcome, sandbox)


def test_pods_that_are_never_ready_in_the_target_zone(sandbox: Sandbox) -> None:
    template = {
        "metadata": {"labels": {"app": "nginx"}, "annotations": {"sandbox.zoneshift.io/never-ready-in": K}},
        "spec": {"containers": [{"name": "nginx", "image": "nginx:1.14.2"}]},
    }
    template["spec"]["containers"][0]["volumeMounts"] = [{"name": "www", "mountPath": "/usr/share/nginx/html"}]
    start_web(sandbox, H, template=template)
    patience = {**QUICK, "progress_deadline": 5}
    outcome = play(sandbox, "migrate.yml", sts="web", target_zones=K, **patience)
    outcome.failed("0 of 2 replicas Ready; web-0 is Running", "was put back")
    _demand_back(outcome, sandbox)


def test_a_ready_replica_on_a_target_disk_forbids_going_back_silently(sandbox: Sandbox) -> None:
    """S11: what was written there would be lost, so the run stops and says how to go on."""
    start_web(sandbox, H)
    # The second replica cannot be scheduled: its claim's PV is gone from the scheduler's view once k is full.
    sandbox.faults.add(
        Fault(side="ecs", user="driver", verb="AttachDisk", status=403, skip=1, times=0, code="Forbidden")
    )
    patience = {**QUICK, "progress_deadline": 6}
    outcome = play(sandbox, "migrate.yml", sts="web", target_zones=K, **patience)
    outcome.failed(
        "A replica of StatefulSet default/web was Ready on a target disk",
        "Nothing was undone: source and target disks are kept.",
        "rollback.yml -e sts=web -e namespace=default -e on_unhealthy=rollback",
    )
    assert zones_of_pods(outcome.after)["web-0"] == K
    sandbox.faults.clear()

    refused = play(sandbox, "rollback", sts="web", **QUICK)
    refused.failed("gives up what was written since then")
    assert refused.mutating == []

    back = play(sandbox, "rollback", sts="web", on_unhealthy="rollback", **QUICK)
    assert back.returncode == 0, back.output
    settled = wait_until_running(sandbox, 2)
    assert zones_of_disks(settled) == {"www-web-0": H, "www-web-1": H}
    targets = [disk for disk in settled["disks"].values() if RUN_KEY in disk["tags"]]
    assert len(targets) == 2, "the target disks with the writes are kept"


@pytest.mark.parametrize("verb", ["create", "delete"])
def test_an_answer_that_is_lost_makes_nothing_twice(sandbox: Sandbox, verb: str) -> None:
    """The connection drops after the effect: the swap looks afresh, ECS knows the ClientToken."""
    start_web(sandbox, H)
    for resource in ("persistentvolumes", "persistentvolumeclaims"):
        sandbox.faults.add(
            Fault(effect="drop", moment="after", side="kubernetes", user="admin", verb=verb, resource=resource)
        )
    for action in ("CreateSnapshot", "CreateDisk"):
        sandbox.faults.add(Fault(effect="drop", moment="after", side="ecs", user="admin", verb=action))
    outcome = play(sandbox, "migrate.yml", sts="web", target_zones=K).succeeded()
    assert zones_of_pods(outcome.after) == {"web-0": K, "web-1": K}
    assert len(outcome.after["snapshots"]) == 2
    assert len(outcome.after["disks"]) == 4


def test_finalize_deletes_the_source_and_only_then(sandbox: Sandbox) -> None:
    start_web(sandbox, H)
    moved = play(sandbox, "migrate.yml", sts="web", target_zones=K).succeeded()
    sources = {disk_of_claim(moved.before, key) for key in moved.before["claims"]}
    finalized = play(sandbox, "finalize", sts="web").succeeded()
    assert set(finalized.after["disks"]) == set(moved.after["disks"]) - sources
    assert len(finalized.after["volumes"]) == 2
    again = play(sandbox, "finalize", sts="web").succeeded()
    assert again.mutating == []
    refused = play(sandbox, "rollback", sts="web", on_unhealthy="rollback")
    refused.failed("is finalized: its source disks are deleted, or may be.")
    assert refused.mutating == []

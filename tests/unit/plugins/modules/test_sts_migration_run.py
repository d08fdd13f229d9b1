# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sts_migration_run and the run as the other modules see it: lock (S10), journal (S9), fencing."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from ansible_collections.zoneshift.ack.plugins.module_utils._domain import journal

from tests.sandbox.sandbox import Sandbox
from tests.unit.plugins.modules.claims import CLAIMS, PVS, Obj, get, outsider
from tests.unit.plugins.modules.clouds import ZONE_K
from tests.unit.plugins.modules.clouds import new_run_id as new_id
from tests.unit.plugins.modules.workbench import Outcome, run
from tests.unit.plugins.modules.workloads import STS, claims_of, start

LEASES, CONFIG_MAPS = "leases.coordination.k8s.io", "configmaps"
LONG_AGO = "2026-01-01T00:00:00.000000Z"


@pytest.fixture(scope="module")
def name(shared_sandbox: Sandbox) -> str:
    """A StatefulSet that the tests of this file plan for; none of them stops it."""
    return start(shared_sandbox)


@pytest.fixture(autouse=True)
def unlocked(sandbox: Sandbox, name: str) -> None:
    if outsider(sandbox).get(LEASES, f"zoneshift-{name}", "default"):
        outsider(sandbox).delete(LEASES, f"zoneshift-{name}", "default")


def _plan(sandbox: Sandbox, name: str) -> dict[str, Any]:
    plan = run(sandbox, "sts_migration_info", name=name, target_zones=[ZONE_K]).result["plan"]
    findings = [finding for finding in plan["findings"] if finding["id"] != "run-unfinished"]
    return {**plan, "run_id": new_id(), "findings": findings}


def _open(sandbox: Sandbox, plan: dict[str, Any], **options: Any) -> Outcome:
    return run(sandbox, "sts_migration_run", run_id=plan["run_id"], plan=plan, **options)


def _close(sandbox: Sandbox, run_id: str, result: str = "succeeded", **options: Any) -> Outcome:
    return run(sandbox, "sts_migration_run", run_id=run_id, state="closed", result=result, **options)


def _holder(sandbox: Sandbox, name: str) -> str:
    lease = outsider(sandbox).get(LEASES, f"zoneshift-{name}", "default")
    return str((lease or {"spec": {}})["spec"].get("holderIdentity") or "")


def _journal(sandbox: Sandbox, run_id: str) -> dict[str, Any]:
    return journal.decode(get(sandbox, CONFIG_MAPS, f"zoneshift-{run_id}"))


def _hand_over(sandbox: Sandbox, name: str, holder: str = "the-next-run") -> None:
    outsider(sandbox).patch(LEASES, f"zoneshift-{name}", {"spec": {"holderIdentity": holder}}, "default")


def test_opens_with_lock_and_journal(sandbox: Sandbox, name: str) -> None:
    plan = _plan(sandbox, name)
    checked = _open(sandbox, plan, check=True).succeeded(changed=True)
    assert checked.mutating == []
    opened = _open(sandbox, plan).succeeded(changed=True)
    assert checked.result == opened.result
    assert name in opened.result["diff"]["after"]
    assert [call.resource for call in opened.mutating] == [LEASES, CONFIG_MAPS], "the lock comes first"
    assert _holder(sandbox, name) == plan["run_id"]
    again = _open(sandbox, plan).succeeded(changed=False)
    assert {call.resource for call in again.mutating} == {LEASES}, "it only renews its lock"


def test_the_journal_holds_all_that_going_back_needs(sandbox: Sandbox, name: str) -> None:
    plan = _plan(sandbox, name)
    _open(sandbox, plan)
    written = _journal(sandbox, plan["run_id"])
    assert written["plan"] == plan
    assert set(written["originals"]["claims"]) == set(claims_of(name))
    for claim, (original, pv) in journal.originals(written).items():
        live = get(sandbox, CLAIMS, claim)
        assert (original["spec"], original["metadata"]["uid"]) == (live["spec"], live["metadata"]["uid"])
        assert pv["spec"] == get(sandbox, PVS, live["spec"]["volumeName"])["spec"]
    assert [volume.as_dict() for volume in journal.volumes(written)] == plan["moves"]


def test_a_lock_that_another_run_holds(sandbox: Sandbox, name: str) -> None:
    first, second = _plan(sandbox, name), _plan(sandbox, name)
    _open(sandbox, first)
    outcome = _open(sandbox, second)
    outcome.failed("Locked", f"default/{name} is locked by run {first['run_id']}", "Nothing was changed.")
    assert outcome.mutating == []


@pytest.mark.parametrize("spec", [{"renewTime": LONG_AGO}, {"holderIdentity": None}, {"renewTime": None}])
def test_a_lock_that_is_left_over_is_taken_over(sandbox: Sandbox, name: str, spec: Obj) -> None:
    first, second = _plan(sandbox, name), _plan(sandbox, name)
    _open(sandbox, first)
    outsider(sandbox).patch(LEASES, f"zoneshift-{name}", {"spec": spec}, "default")
    _open(sandbox, second).succeeded(changed=True)
    assert _holder(sandbox, name) == second["run_id"]


def test_of_two_that_open_at_once_one_wins(sandbox: Sandbox, name: str) -> None:
    plans = [_plan(sandbox, name) for _number in range(4)]
    outcomes: list[Outcome] = []
    barrier = threading.Barrier(len(plans))

    def compete(plan: dict[str, Any]) -> None:
        barrier.wait()
        outcomes.append(_open(sandbox, plan))

    threads = [threading.Thread(target=compete, args=(plan,)) for plan in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [outcome.result["run"]["run_id"] for outcome in outcomes if outcome.error is None]
    assert winners == [_holder(sandbox, name)]
    for outcome in outcomes:
        if outcome.error:
            outcome.failed("Locked")
    journals = [
        plan["run_id"] for plan in plans if outsider(sandbox).get(CONFIG_MAPS, f"zoneshift-{plan['run_id']}", "default")
    ]
    assert journals == winners


def test_a_claim_that_is_no_longer_the_one_planned_for(sandbox: Sandbox, name: str) -> None:
    plan = _plan(sandbox, name)
    plan["moves"][1]["claim_uid"] = "another"
    outcome = _open(sandbox, plan)
    error = outcome.failed("Drifted", f"Claim {claims_of(name)[1]} or its PV", "Plan again. Nothing was changed.")
    assert error.context["claim"] == claims_of(name)[1]
    assert outcome.mutating == []


def test_a_plan_with_a_blocker_and_no_plan_at_all(sandbox: Sandbox, name: str) -> None:
    plan = _plan(sandbox, name)
    blocker = {"id": "zone-sold-out", "severity": "blocker", "message": "None left.", "fix": "wait."}
    blocked = _open(sandbox, {**plan, "findings": [blocker]})
    blocked.failed("Blocked", "None left.", "Nothing was changed.")
    nothing = run(sandbox, "sts_migration_run", run_id=plan["run_id"])
    nothing.failed("RunNotFound", f"There is no run {plan['run_id']}")
    assert blocked.mutating == nothing.mutating == []


def test_close_twice(sandbox: Sandbox, name: str) -> None:
    plan = _plan(sandbox, name)
    _open(sandbox, plan)
    checked = _close(sandbox, plan["run_id"], check=True, reason="all is well").succeeded(changed=True)
    assert checked.mutating == []
    closed = _close(sandbox, plan["run_id"], reason="all is well").succeeded(changed=True)
    assert checked.result == closed.result
    assert _holder(sandbox, name) == ""
    written = _journal(sandbox, plan["run_id"])
    assert (written["state"], written["message"], bool(written["closed"])) == ("succeeded", "all is well", True)
    again = _close(sandbox, plan["run_id"], reason="all is well").succeeded(changed=False)
    assert CONFIG_MAPS not in {call.resource for call in again.mutating}
    assert _holder(sandbox, name) == ""
    final = _close(sandbox, plan["run_id"], "finalized").succeeded(changed=True)
    assert final.result["diff"] == {"before": {"state": "succeeded"}, "after": {"state": "finalized"}}


def test_a_closed_run_does_not_disturb_the_next_one(sandbox: Sandbox, name: str) -> None:
    first, second = _plan(sandbox, name), _plan(sandbox, name)
    _open(sandbox, first)
    _close(sandbox, first["run_id"])
    _open(sandbox, second).succeeded(changed=True)
    _close(sandbox, first["run_id"], "finalized").failed("Locked")
    assert _holder(sandbox, name) == second["run_id"]


def test_closing_what_was_never_opened(sandbox: Sandbox) -> None:
    outcome = _close(sandbox, "never-opened").failed("RunNotFound")
    assert "needs a run that exists" in str(outcome)


CHANGES: dict[str, dict[str, Any]] = {
    "ecs_snapshot": {"require_detached": False},
    "ecs_snapshot absent": {"state": "absent"},
    "ecs_disk_from_snapshot": {},
    "ecs_disk_from_snapshot absent": {"state": "absent"},
    "ecs_disk_from_snapshot finalized": {"state": "finalized"},
    "k8s_pv_rebind": {},
    "k8s_pv_rebind absent": {"state": "absent"},
    "sts_scale stop": {"replicas": 0},
    "sts_scale policy": {"replicas": 2, "claim_retention_policy": {"whenDeleted": "Retain", "whenScaled": "Delete"}},
    "sts_migration_run": {"state": "closed", "result": "succeeded"},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_run_that_lost_its_lock_changes_nothing_more(sandbox: Sandbox, name: str, change: str) -> None:
    """S10. Everything is there that the module would need to make its change; only the lock is another's."""
    plan = _plan(sandbox, name)
    run_id = plan["run_id"]
    _open(sandbox, plan)
    made = {"run_id": run_id, "journal_namespace": "default", "volumes": plan["moves"], "wait_timeout": 10}
    snapped = run(sandbox, "ecs_snapshot", **made, require_detached=False).succeeded(changed=True)
    made["volumes"] = snapped.result["volumes"]
    if change not in ("ecs_snapshot", "ecs_disk_from_snapshot"):
        copied = run(sandbox, "ecs_disk_from_snapshot", **made).succeeded(changed=True)
        made["volumes"] = copied.result["volumes"]
    if change == "ecs_snapshot":
        run(sandbox, "ecs_snapshot", run_id=run_id, state="absent").succeeded(changed=True)
    _hand_over(sandbox, name)
    module, options = change.split(" ")[0], {**made, **CHANGES[change]}
    if module == "sts_scale":
        options = {"name": name, **{key: value for key, value in options.items() if key != "volumes"}}
    if module == "sts_migration_run":
        options = {"run_id": run_id, **CHANGES[change]}
    if change == "k8s_pv_rebind absent":
        _leave_a_pv(sandbox, run_id, made["volumes"][0])
    before = get(sandbox, STS, name)["spec"]
    outcome = run(sandbox, module, **options)
    if change == "ecs_disk_from_snapshot finalized":
        # The application still runs on its source: that is noticed first.
        assert outcome.error is not None
    else:
        outcome.failed("LockLost", f"Run {run_id} no longer holds the lock", "run the-next-run does")
    assert outcome.mutating == []
    assert get(sandbox, STS, name)["spec"] == before
    assert _holder(sandbox, name) == "the-next-run"


def _leave_a_pv(sandbox: Sandbox, run_id: str, volume: Obj) -> None:
    """A PV of the run that nothing is bound to."""
    pv = get(sandbox, PVS, volume["source_pv"])
    spec = {**pv["spec"], "persistentVolumeReclaimPolicy": "Retain", "claimRef": None}
    spec["csi"] = {**spec["csi"], "volumeHandle": volume["disk_id"]}
    metadata = {"name": volume["disk_id"], "labels": {"zoneshift.io/run": run_id}}
    outsider(sandbox).create(PVS, {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec})

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sts_scale: stopped means that nothing can write, held that nothing can start, started that everything serves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.faults import Fault
from tests.sandbox.sandbox import Sandbox
from tests.support import wait_for
from tests.unit.plugins.modules.claims import CLAIMS, HOLD, PVS, get, outsider
from tests.unit.plugins.modules.workbench import Outcome, run
from tests.unit.plugins.modules.workloads import (
    PODS,
    STS,
    attached,
    claims_of,
    pods_of,
    retain,
    scale,
    start,
    wait_until_ready,
)

RETAIN = {"whenDeleted": "Retain", "whenScaled": "Retain"}
WHEN_SCALED_DELETE = {"whenDeleted": "Retain", "whenScaled": "Delete"}


def _scale(sandbox: Sandbox, name: str, replicas: int, **options: Any) -> Outcome:
    return run(sandbox, "sts_scale", **{"name": name, "replicas": replicas, "wait_timeout": 60, **options})


def _replicas(sandbox: Sandbox, name: str) -> int:
    return int(get(sandbox, STS, name)["spec"]["replicas"])


def _while_waiting(sandbox: Sandbox, happening: Callable[[], None], *, after: str = PODS) -> threading.Thread:
    """Let something happen once the module has begun to look; join it afterwards."""
    since = sandbox.log.last_number

    def wait_and_act() -> None:
        calls = sandbox.log.calls
        wait_for(lambda: [c for c in calls(since) if c.user == "admin" and c.resource == after], "the module to wait")
        happening()

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    return thread


class TestStop:
    def test_returns_when_nothing_can_write(self, sandbox: Sandbox) -> None:
        name = start(sandbox)
        checked = _scale(sandbox, name, 0, check=True).succeeded(changed=True)
        assert checked.mutating == []
        assert checked.result["diff"]["before"]["replicas"] == 2
        assert checked.result["diff"]["after"]["replicas"] == 0
        stopped = _scale(sandbox, name, 0).succeeded(changed=True)
        assert pods_of(sandbox, name) == attached(sandbox, *claims_of(name)) == []
        assert checked.result == stopped.result
        assert stopped.result["previous_replicas"] == 2
        assert [call.resource for call in stopped.mutating] == ["statefulsets.apps/scale"]
        again = _scale(sandbox, name, 0).succeeded(changed=False)
        assert again.mutating == []
        assert again.result["diff"]["before"] == again.result["diff"]["after"]

    def test_waits_for_volume_attachments_longer_than_for_pods(self, sandbox: Sandbox) -> None:
        name = start(sandbox, 1)
        slow = Fault(side="ecs", user="driver", verb="DetachDisk", status=403, code="IncorrectInstanceStatus", times=0)
        sandbox.faults.add(slow)
        late = _scale(sandbox, name, 0, wait_timeout=2)
        late.failed(
            "TimedOut", f"StatefulSet default/{name} to stop", "still attached: csi-", "Never force-delete a pod"
        )
        assert pods_of(sandbox, name) == []
        repeated = _scale(sandbox, name, 0, wait_timeout=0)
        repeated.failed("TimedOut", "still attached: csi-")
        sandbox.faults.clear()
        _scale(sandbox, name, 0).succeeded(changed=False)
        assert attached(sandbox, *claims_of(name, 1)) == []

    def test_says_which_pod_stays(self, sandbox: Sandbox) -> None:
        name = start(sandbox, 1)
        client = outsider(sandbox)
        client.patch(PODS, f"{name}-0", {"metadata": {"finalizers": ["example.com/stays"]}}, "default")
        _scale(sandbox, name, 0, wait_timeout=1).failed("TimedOut", f"pods still there: {name}-0")
        client.patch(PODS, f"{name}-0", {"metadata": {"finalizers": None}}, "default")
        _scale(sandbox, name, 0).succeeded(changed=False)

    def test_claims_survive_a_policy_that_deletes_them(self, sandbox: Sandbox) -> None:
        """Trap 6: whenScaled Delete would delete every claim; it is neutralised before and given back after."""
        policy = WHEN_SCALED_DELETE
        name = start(sandbox, persistentVolumeClaimRetentionPolicy=policy)
        uids = [get(sandbox, CLAIMS, claim)["metadata"]["uid"] for claim in claims_of(name)]
        stopped = _scale(sandbox, name, 0, claim_retention_policy=RETAIN, claims=claims_of(name, 1))
        stopped.succeeded(changed=True)
        assert [call.resource for call in stopped.mutating] == [STS, "statefulsets.apps/scale"]
        assert stopped.result["sts"]["claim_retention_policy"] == RETAIN
        assert [get(sandbox, CLAIMS, claim)["metadata"]["uid"] for claim in claims_of(name)] == uids
        started = _scale(sandbox, name, 2, claim_retention_policy=policy).succeeded(changed=True)
        assert started.mutating[-1].resource == STS
        assert get(sandbox, STS, name)["spec"]["persistentVolumeClaimRetentionPolicy"] == policy

    def test_waits_until_no_claim_is_owned(self, sandbox: Sandbox) -> None:
        """The controller acts on ownerReferences: one that stays keeps the replicas up."""
        name = start(sandbox, persistentVolumeClaimRetentionPolicy=WHEN_SCALED_DELETE)
        claim = get(sandbox, CLAIMS, claims_of(name)[1])
        owner = {"apiVersion": "v1", "kind": "Pod", "name": "another", "uid": "0-0", "controller": True}
        outsider(sandbox).patch(
            CLAIMS, claim["metadata"]["name"], {"metadata": {"ownerReferences": [owner]}}, "default"
        )
        outcome = _scale(sandbox, name, 0, claim_retention_policy=RETAIN, claims=claims_of(name, 1), wait_timeout=0)
        outcome.failed("TimedOut", "lose the ownerReferences", f"{claims_of(name)[1]} still owned")
        assert _replicas(sandbox, name) == 2


class TestHold:
    def test_no_pod_starts_whoever_scales(self, sandbox: Sandbox) -> None:
        """S5, with the StatefulSet controller of the sandbox."""
        name = start(sandbox)
        retain(sandbox, *claims_of(name))
        held = _scale(sandbox, name, 0, hold=True).succeeded(changed=True)
        assert held.result["held"] == claims_of(name)
        for claim in claims_of(name):
            metadata = get(sandbox, CLAIMS, claim)["metadata"]
            assert metadata["deletionTimestamp"] and HOLD in metadata["finalizers"]
        scale(sandbox, name, 2)

        def refused() -> bool:
            events = outsider(sandbox).list("events", "default")
            return any(f"pvc www-{name}-0 is being deleted" in event["message"] for event in events)

        wait_for(refused, "the controller to be refused a pod")
        assert pods_of(sandbox, name) == []
        again = _scale(sandbox, name, 0, hold=True).succeeded(changed=True)
        assert [call.resource for call in again.mutating] == ["statefulsets.apps/scale"]
        assert _scale(sandbox, name, 0, hold=True).succeeded(changed=False).result["held"] == claims_of(name)

    def test_check_mode_tells_what_would_be_held(self, sandbox: Sandbox) -> None:
        name = start(sandbox)
        retain(sandbox, *claims_of(name))
        checked = _scale(sandbox, name, 0, hold=True, check=True).succeeded(changed=True)
        assert checked.mutating == []
        real = _scale(sandbox, name, 0, hold=True).succeeded(changed=True)
        assert checked.result == real.result
        assert real.result["diff"]["before"]["held"] == []
        assert real.result["diff"]["after"]["held"] == claims_of(name)

    def test_refuses_while_a_pv_says_delete_and_the_application_runs_on(self, sandbox: Sandbox) -> None:
        """S2: holding deletes the claim, which would then delete the disk."""
        name = start(sandbox)
        retain(sandbox, claims_of(name)[0])
        outcome = _scale(sandbox, name, 0, hold=True)
        error = outcome.failed("NotRetained", f"claim {claims_of(name)[1]} has reclaim policy Delete", "k8s_pv_rebind")
        assert error.context["pv"] == get(sandbox, CLAIMS, claims_of(name)[1])["spec"]["volumeName"]
        assert outcome.mutating == []

    def test_only_the_claims_that_are_named(self, sandbox: Sandbox) -> None:
        name = start(sandbox)
        first, second = claims_of(name)
        retain(sandbox, second)
        held = _scale(sandbox, name, 0, hold=True, claims=[second, "www-was-never-there"]).succeeded(changed=True)
        assert held.result["held"] == [second], "only what exists can be held"
        assert "deletionTimestamp" not in get(sandbox, CLAIMS, first)["metadata"]
        assert pods_of(sandbox, name) == []

    def test_goes_on_after_a_run_that_died_between_scaling_and_holding(self, sandbox: Sandbox) -> None:
        name = start(sandbox)
        retain(sandbox, *claims_of(name))
        scale(sandbox, name, 0)
        held = _scale(sandbox, name, 0, hold=True).succeeded(changed=True)
        assert held.result["held"] == claims_of(name)

    def test_a_claim_that_somebody_else_deletes(self, sandbox: Sandbox) -> None:
        """Its PV is Retain, so nothing is lost, but it cannot be held."""
        name = start(sandbox, 1)
        (claim,) = claims_of(name, 1)
        retain(sandbox, claim)
        outsider(sandbox).patch(CLAIMS, claim, {"metadata": {"finalizers": ["example.com/backup"]}}, "default")
        outsider(sandbox).delete(CLAIMS, claim, "default")
        _scale(sandbox, name, 0, hold=True).failed("ClaimTerminating", f"Claim default/{claim} is being deleted")

    @pytest.mark.parametrize("verb", ["patch", "delete"])
    @pytest.mark.parametrize("fault", [{"effect": "drop", "moment": "after"}, {"status": 503}])
    def test_an_answer_that_is_lost(self, sandbox: Sandbox, verb: str, fault: dict[str, Any]) -> None:
        name = start(sandbox, 1)
        retain(sandbox, *claims_of(name, 1))
        rule = Fault(side="kubernetes", user="admin", verb=verb, resource=CLAIMS, **fault)
        sandbox.faults.add(rule)
        _scale(sandbox, name, 0, hold=True).succeeded(changed=True)
        assert rule.fired == 1
        assert HOLD in get(sandbox, CLAIMS, claims_of(name, 1)[0])["metadata"]["finalizers"]


class TestStart:
    def test_returns_when_everything_serves(self, sandbox: Sandbox) -> None:
        name = start(sandbox)
        _scale(sandbox, name, 0)
        started = _scale(sandbox, name, 2).succeeded(changed=True)
        assert started.result["previous_replicas"] == 0
        wait_until_ready(sandbox, name, 2)
        assert _scale(sandbox, name, 2).succeeded(changed=False).mutating == []

    @pytest.mark.parametrize("policy", ["OrderedReady", "Parallel"])
    def test_up_from_some(self, sandbox: Sandbox, policy: str) -> None:
        name = start(sandbox, 1, podManagementPolicy=policy)
        _scale(sandbox, name, 3).succeeded(changed=True)
        assert len(pods_of(sandbox, name)) == 3

    def test_available_is_more_than_ready(self, sandbox: Sandbox) -> None:
        """minReadySeconds: Ready for so long is available, and only that counts."""
        name = start(sandbox, 1)
        _scale(sandbox, name, 0)
        outsider(sandbox).patch(STS, name, {"spec": {"minReadySeconds": 3600}}, "default")
        outcome = _scale(sandbox, name, 1, progress_deadline=1)
        outcome.failed("TimedOut", "1 of 1 replicas Ready")

    def test_a_stuck_replica_is_named_with_its_reason(self, sandbox: Sandbox) -> None:
        name = start(sandbox, 1)
        _scale(sandbox, name, 0)
        client = outsider(sandbox)
        nodes = [node["metadata"]["name"] for node in client.list("nodes")]
        for node in nodes:
            client.patch("nodes", node, {"spec": {"unschedulable": True}})
        try:
            outcome = _scale(sandbox, name, 1, progress_deadline=2)
        finally:
            for node in nodes:
                client.patch("nodes", node, {"spec": {"unschedulable": None}})
        outcome.failed(
            "TimedOut", "Nothing has moved", f"0 of 1 replicas Ready; {name}-0 is Pending: 0/4 nodes are available"
        )

    def test_rescaled_from_outside_while_waiting(self, sandbox: Sandbox) -> None:
        zones = ",".join(sandbox.cloud.zones)
        name = start(sandbox, 0, annotations={"sandbox.zoneshift.io/never-ready-in": zones})
        thread = _while_waiting(sandbox, lambda: scale(sandbox, name, 3))
        outcome = _scale(sandbox, name, 1)
        thread.join()
        outcome.failed("Rescaled", f"Somebody scaled StatefulSet default/{name} to 3 replicas while this run wants 1")
        assert _replicas(sandbox, name) == 3

    @pytest.mark.parametrize("lapse", ["restart", "unready", "replaced"])
    def test_a_lapse_of_health(self, sandbox: Sandbox, lapse: str) -> None:
        name = start(sandbox, 1)
        over = threading.Event()
        client, pod = outsider(sandbox), f"{name}-0"

        def happen() -> None:
            # Until the module has ended: one lapse could come before it looks, and the kubelet mends it at once.
            while not over.wait(0.02):
                if lapse == "replaced":
                    if client.get(PODS, pod, "default"):
                        client.delete(PODS, pod, "default", grace=0)
                    over.wait(2)
                    continue
                client.patch(PODS, pod, {"status": lapsed()}, "default", "status")

        def lapsed() -> dict[str, Any]:
            status = dict(get(sandbox, PODS, pod)["status"])
            if lapse == "restart":
                status["containerStatuses"] = [{**entry, "restartCount": 1} for entry in status["containerStatuses"]]
            else:
                status["conditions"] = [
                    {**entry, "status": "False"} if entry["type"] == "Ready" else entry
                    for entry in status["conditions"]
                ]
            return status

        thread = _while_waiting(sandbox, happen)
        outcome = _scale(sandbox, name, 1, health_duration=60, check_interval=1)
        over.set()
        thread.join()
        outcome.failed("Unhealthy", f"StatefulSet default/{name} did not stay healthy for 60 s")

    def test_stays_healthy(self, sandbox: Sandbox) -> None:
        name = start(sandbox, 1)
        looked = _scale(sandbox, name, 1, health_duration=2, check_interval=1).succeeded(changed=False)
        assert len(looked.of("list", PODS)) >= 3
        assert looked.mutating == []


class TestRefusals:
    @pytest.mark.parametrize(("replicas", "options"), [(-1, {}), (1, {"hold": True})])
    def test_before_any_request(self, sandbox: Sandbox, replicas: int, options: dict[str, Any]) -> None:
        outcome = _scale(sandbox, "any", replicas, **options)
        assert f"replicas {replicas} is not possible" in str(outcome.error)
        assert outcome.calls == []

    @pytest.mark.parametrize("kind", ["auto", "kube", "kruise"])
    def test_no_such_sts(self, sandbox: Sandbox, kind: str) -> None:
        outcome = _scale(sandbox, "never-was", 0, sts_type=kind)
        outcome.failed(
            "StsNotFound", "StatefulSet default/never-was does not exist", "Check sts, namespace and sts_type."
        )
        assert outcome.mutating == []

    def test_a_refused_scale_changes_nothing(self, sandbox: Sandbox) -> None:
        name = start(sandbox, 1)
        sandbox.faults.add(
            Fault(
                side="kubernetes",
                user="admin",
                verb="patch",
                resource="statefulsets.apps/scale",
                status=403,
                code="Forbidden",
                message="not you",
                times=0,
            )
        )
        _scale(sandbox, name, 0).failed("Forbidden", "not you", "docs/rbac/")
        assert _replicas(sandbox, name) == 1
        assert get(sandbox, PVS, get(sandbox, CLAIMS, claims_of(name)[0])["spec"]["volumeName"])

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sts_migration_info: all problems at once, the run and the way back, with a bounded number of calls."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.faults import Fault
from tests.sandbox.sandbox import Sandbox
from tests.unit.plugins.modules.claims import get, outsider
from tests.unit.plugins.modules.clouds import ZONE_H, ZONE_I, ZONE_K
from tests.unit.plugins.modules.workbench import Outcome, run
from tests.unit.plugins.modules.workloads import STS, claims_of, start

HPA = "horizontalpodautoscalers.autoscaling"
ZONES = [ZONE_K]


@pytest.fixture(scope="module")
def name(shared_sandbox: Sandbox) -> str:
    client = outsider(shared_sandbox)
    others = [f"node-{zone}-1" for zone in "ijk"]
    for node in others:
        client.patch("nodes", node, {"spec": {"unschedulable": True}})
    found = start(shared_sandbox)
    for node in others:
        client.patch("nodes", node, {"spec": {"unschedulable": None}})
    return found


def _info(sandbox: Sandbox, name: str, **options: Any) -> Outcome:
    return run(sandbox, "sts_migration_info", name=name, **options)


def _ids(outcome: Outcome) -> set[str]:
    return {finding["id"] for finding in outcome.result["plan"]["findings"]}


def test_a_plan_reads_only(sandbox: Sandbox, name: str) -> None:
    outcome = _info(sandbox, name, target_zones=ZONES).succeeded(changed=False)
    assert outcome.mutating == []
    assert outcome.result["blocked"] is False and outcome.result["run"] is None
    plan = outcome.result["plan"]
    assert [(move["claim"], move["source_zone"], move["zone"]) for move in plan["moves"]] == [
        (claim, ZONE_H, ZONE_K) for claim in claims_of(name)
    ]
    assert [(there["disk_id"], there["zone"]) for there in plan["at_source"]] == [
        (move["source_disk_id"], ZONE_H) for move in plan["moves"]
    ]
    checked = _info(sandbox, name, target_zones=ZONES, check=True).succeeded(changed=False)
    assert set(checked.result) == set(outcome.result)


def test_every_problem_is_named_at_once(sandbox: Sandbox, name: str) -> None:
    client, cloud = outsider(sandbox), sandbox.cloud
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "backup", "namespace": "default"}}
    mount = {"name": "v", "persistentVolumeClaim": {"claimName": claims_of(name)[0]}}
    client.create("pods", {**pod, "spec": {"containers": [{"name": "a", "image": "a"}], "volumes": [mount]}})
    client.patch("nodes", "node-k-1", {"spec": {"unschedulable": True}})
    cloud.set_stock(ZONE_K, "cloud_essd", False)
    client.patch(STS, name, {"spec": {"persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete"}}}, "default")
    try:
        outcome = _info(sandbox, name, target_zones=[ZONE_K, "cn-beijing-z"])
    finally:
        client.delete("pods", "backup", "default", grace=0)
        client.patch("nodes", "node-k-1", {"spec": {"unschedulable": None}})
        cloud.set_stock(ZONE_K, "cloud_essd", True)
        client.patch(STS, name, {"spec": {"persistentVolumeClaimRetentionPolicy": {"whenScaled": "Retain"}}}, "default")
    assert outcome.result["blocked"] is True
    assert _ids(outcome) >= {
        "zone-unknown",
        "zone-without-node",
        "zone-sold-out",
        "claim-used-by-other-pod",
        "claim-retention-policy",
    }
    severities = [finding["severity"] for finding in outcome.result["plan"]["findings"]]
    assert severities == sorted(severities, key=["blocker", "warning", "note"].index)
    for finding in outcome.result["plan"]["findings"]:
        assert finding["message"] in outcome.result["text"]


def test_the_number_of_calls_does_not_grow_with_the_claims(sandbox: Sandbox, name: str) -> None:
    small = _info(sandbox, name, target_zones=ZONES)
    many = start(sandbox, 20, podManagementPolicy="Parallel")
    large = _info(sandbox, many, target_zones=ZONES)
    moved = large.result["plan"]["moves"] + large.result["plan"]["stays"]
    assert len(moved) == 20
    assert len(large.calls) == len(small.calls) < 40


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"target_zones": [ZONE_K, ZONE_K]}, "names no zone, or one twice"),
        ({"target_zones": [" "]}, "names no zone, or one twice"),
        ({"target_zones": ZONES, "snapshot_retention_days": 0}, "is not -1 or 1 to 65536"),
    ],
)
def test_bad_input_is_refused_before_any_request(sandbox: Sandbox, options: dict[str, Any], sentence: str) -> None:
    outcome = _info(sandbox, "any", **options)
    assert sentence in str(outcome.error)
    assert outcome.calls == []


def test_no_run_is_on_record(sandbox: Sandbox, name: str) -> None:
    outcome = _info(sandbox, name).succeeded(changed=False)
    assert (outcome.result["plan"], outcome.result["run"]) == (None, None)
    assert outcome.result["text"] == f"No run of StatefulSet default/{name} is on record.\n"
    _info(sandbox, name, run_id="never-was").failed("RunNotFound", "There is no journal of run never-was")


def test_not_being_allowed_to_see_autoscalers_is_no_obstacle(sandbox: Sandbox, name: str) -> None:
    sandbox.faults.add(Fault(side="kubernetes", user="admin", resource=HPA, status=403, code="Forbidden", times=0))
    assert _info(sandbox, name, target_zones=ZONES).result["blocked"] is False


def test_runs_and_the_way_back(sandbox: Sandbox) -> None:
    """The latest run by default, any by its id; what going back needs follows where the claims are."""
    name = start(sandbox, 1)
    zone = _info(sandbox, name, target_zones=[ZONE_K]).result["plan"]
    target = ZONE_K if zone["moves"] else ZONE_I
    made = []
    for number in range(2):
        plan = _info(sandbox, name, target_zones=[target]).result["plan"]
        plan["run_id"] = f"{name}-{number}"
        run(sandbox, "sts_migration_run", run_id=plan["run_id"], plan=plan).succeeded(changed=True)
        made.append(plan)
        if number == 0:
            run(sandbox, "sts_migration_run", run_id=plan["run_id"], state="closed", result="rolled_back")
    latest = _info(sandbox, name).succeeded(changed=False).result
    assert (latest["run"]["run_id"], latest["run"]["state"]) == (f"{name}-1", "open")
    assert latest["run"]["plan"] == made[1]
    assert _info(sandbox, name, run_id=f"{name}-0").result["run"]["state"] == "rolled_back"
    open_run = _info(sandbox, name, target_zones=[target])
    assert "run-unfinished" in _ids(open_run)
    assert all(
        f"Run {name}-1" in f["message"] for f in open_run.result["plan"]["findings"] if f["id"] == "run-unfinished"
    )
    back = latest["run"]["go_back"]
    assert (back["stop"], back["loses_writes"]) == (False, False)
    assert [(v["disk_id"], v["reclaim_policy"]) for v in back["guarded"]] == [
        (made[1]["moves"][0]["source_disk_id"], "Retain")
    ]
    assert [v["reclaim_policy"] for v in back["restored"] + back["finalized"]] == ["Delete", "Delete"]

    run_options = {"run_id": f"{name}-1", "journal_namespace": "default"}
    run(sandbox, "k8s_pv_rebind", volumes=back["guarded"], **run_options).succeeded(changed=True)
    run(sandbox, "sts_scale", name=name, replicas=0, hold=True, **run_options).succeeded(changed=True)
    held = _info(sandbox, name).result["run"]
    assert held["phase"] == "quiesce" and held["go_back"]["stop"] is True
    snapped = run(sandbox, "ecs_snapshot", volumes=made[1]["moves"], **run_options).succeeded(changed=True)
    copied = run(sandbox, "ecs_disk_from_snapshot", volumes=snapped.result["volumes"], **run_options)
    volumes = copied.succeeded(changed=True).result["volumes"]
    bound = run(sandbox, "k8s_pv_rebind", volumes=volumes, **run_options).succeeded(changed=True)
    there = _info(sandbox, name).result["run"]
    assert there["go_back"]["stop"] is True
    assert there["go_back"]["targets"] == bound.result["volumes"]
    assert there["go_back"]["loses_writes"] is False
    run(sandbox, "sts_scale", name=name, replicas=1, **run_options).succeeded(changed=True)
    served = _info(sandbox, name).result["run"]
    assert served["go_back"]["loses_writes"] is True
    assert get(sandbox, STS, name)["spec"]["replicas"] == 1

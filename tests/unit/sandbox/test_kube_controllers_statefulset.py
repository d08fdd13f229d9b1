# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The StatefulSet controller: kubernetes-behaviour.md B5 and csi-and-statefulsets.md 5, line by line."""

from __future__ import annotations

import copy

import pytest

from tests.sandbox.kube.controllers.manager import Timing
from tests.sandbox.kube.controllers.objects import labels_of, name, owners, phase, terminating, uid
from tests.sandbox.kube.controllers.workqueue import Backoff
from tests.unit.sandbox.controller_helpers import (
    CLAIMS,
    PODS,
    SETS,
    VOLUMES,
    World,
    is_ready,
    new_set,
    new_volume,
    start_world,
    stop_world,
)

HOLD = "zoneshift.example/hold"


def run(world: World, **spec: object) -> None:
    """The set ``web``, all of its pods Ready."""
    created = world.admin.create(SETS, new_set(**spec))
    ordinals = created["spec"].get("ordinals", {}).get("start", 0)
    wanted = [f"web-{ordinal}" for ordinal in range(ordinals, ordinals + created["spec"]["replicas"])]
    world.wait(lambda: world.ready(*wanted) and world.stateful_set()["status"].get("readyReplicas") == len(wanted))


def pod_history(world: World, since: int) -> list[tuple[str, str]]:
    """What was created and what is gone, in order."""
    return [
        (event["type"], name(event["object"]))
        for event in world.changes(PODS, since)
        if event["type"] in ("ADDED", "DELETED")
    ]


def test_pods_start_one_after_the_other_and_only_when_the_one_before_is_ready(world: World) -> None:
    world.kubelet.never_ready.add("web-0")
    world.admin.create(SETS, new_set())
    world.wait(lambda: phase(world.pod("web-0") or {}) == "Running")
    world.settle()
    assert world.pod("web-1") is None
    status = world.stateful_set()["status"]
    assert "readyReplicas" not in status
    assert (status["replicas"], status["availableReplicas"]) == (1, 0)


def test_scaling_to_zero_removes_the_highest_pod_and_only_then_the_next(world: World) -> None:
    run(world, replicas=3)
    since = world.api.store.revision
    world.scale(0)
    world.wait(lambda: not world.admin.list(PODS))
    assert pod_history(world, since) == [("DELETED", f"web-{ordinal}") for ordinal in (2, 1, 0)]


def test_a_pod_that_is_stuck_terminating_stops_the_scale_down_for_good(world: World) -> None:
    run(world)
    world.kubelet.stuck.add("web-1")
    world.scale(0)
    world.wait(lambda: terminating(world.pod("web-1") or {"metadata": {}}))
    world.settle()
    assert is_ready(world.pod("web-0"))
    status = world.stateful_set()["status"]
    assert (status["replicas"], status["currentReplicas"]) == (2, 1)

    world.admin.delete(PODS, "web-1", "default", grace=0)
    world.wait(lambda: not world.admin.list(PODS))


def test_scaling_to_zero_works_when_a_pod_never_got_ready(world: World) -> None:
    world.kubelet.never_ready.add("web-0")
    world.admin.create(SETS, new_set())
    world.wait(lambda: phase(world.pod("web-0") or {}) == "Running")
    world.scale(0)
    world.wait(lambda: not world.admin.list(PODS))


def test_parallel_sets_start_and_stop_all_pods_at_once(world: World) -> None:
    world.kubelet.never_ready.update({"web-0", "web-1", "web-2"})
    world.admin.create(SETS, new_set(replicas=3, podManagementPolicy="Parallel"))
    world.wait(lambda: [phase(pod) for pod in world.admin.list(PODS)] == ["Running"] * 3)
    world.kubelet.stuck.add("web-2")
    world.scale(0)
    world.wait(lambda: [name(pod) for pod in world.admin.list(PODS)] == ["web-2"])


def test_observed_generation_follows_every_change_of_the_spec(world: World) -> None:
    run(world)
    world.scale(1)
    world.wait(lambda: world.stateful_set()["status"]["observedGeneration"] == 2)
    assert world.stateful_set()["metadata"]["generation"] == 2


def test_ordinals_start_where_the_set_says(world: World) -> None:
    run(world, ordinals={"start": 5})
    assert [name(pod) for pod in world.admin.list(PODS)] == ["web-5", "web-6"]
    assert [name(claim) for claim in world.admin.list(CLAIMS)] == ["www-web-5", "www-web-6"]


def test_the_next_pod_waits_until_the_one_before_is_available(world: World) -> None:
    """minReadySeconds: Ready is not available."""
    world.admin.create(SETS, new_set(minReadySeconds=3600))
    world.wait(lambda: world.ready("web-0"))
    world.settle()
    assert world.pod("web-1") is None
    status = world.stateful_set()["status"]
    assert (status["readyReplicas"], status["availableReplicas"]) == (1, 0)


def test_a_pod_becomes_available_without_any_event(world: World) -> None:
    run(world, minReadySeconds=1)
    world.wait(lambda: world.stateful_set()["status"]["availableReplicas"] == 2)


def test_a_missing_claim_is_made_again_from_the_template_and_nobody_warns(world: World) -> None:
    run(world)
    world.scale(0)
    world.wait(lambda: not world.admin.list(PODS))
    before = world.claim("www-web-0")
    world.admin.delete(CLAIMS, "www-web-0", "default")
    world.wait(lambda: world.claim("www-web-0") is None)
    world.scale(1)
    world.wait(lambda: world.ready("web-0"))
    after = world.claim("www-web-0")
    assert before and after and uid(before) != uid(after)
    assert before["spec"]["volumeName"] != after["spec"]["volumeName"]
    warnings = [event for event in world.admin.list("events") if event["type"] == "Warning"]
    assert {event["reason"] for event in warnings} <= {"FailedScheduling"}


def test_claims_are_left_alone_while_there_are_no_replicas(world: World) -> None:
    run(world)
    world.scale(0)
    world.wait(lambda: not world.admin.list(PODS))
    world.admin.delete(CLAIMS, "www-web-0", "default")
    world.admin.patch(SETS, "web", {"metadata": {"annotations": {"touched": "yes"}}}, "default")
    world.wait(lambda: world.claim("www-web-0") is None)
    world.settle()
    assert world.claim("www-web-0") is None


def test_a_claim_that_goes_from_under_an_unscheduled_pod_is_made_again_empty(world: World) -> None:
    """Only a pod with a node protects its claim (B4): the pod then starts on a new disk."""
    run(world, replicas=1)
    world.scale(0)
    world.wait(lambda: not world.admin.list(PODS))
    before = world.volume_of("www-web-0")
    world.admin.patch("nodes", "node-zone-i", {"spec": {"unschedulable": True}})
    world.scale(1)
    world.wait(lambda: world.events("FailedScheduling", "web-0"))
    world.admin.delete(CLAIMS, "www-web-0", "default")
    world.wait(lambda: world.ready("web-0"))
    assert name(world.volume_of("www-web-0")) != name(before)
    world.wait(lambda: world.driver.deleted_disks == [before["spec"]["csi"]["volumeHandle"]])


def held(world: World) -> None:
    """DESIGN, "the hold": the claim of ordinal 1 is Terminating and kept by a finalizer, its pod deleted."""
    run(world, replicas=3)
    claim = world.claim("www-web-1")
    assert claim
    finalizers = [*claim["metadata"]["finalizers"], HOLD]
    world.admin.patch(CLAIMS, "www-web-1", {"metadata": {"finalizers": finalizers}}, "default")
    world.admin.delete(CLAIMS, "www-web-1", "default")
    world.admin.delete(PODS, "web-1", "default")
    world.wait(lambda: world.events("FailedCreate", "web"))


def test_the_hold_keeps_one_pod_away_at_any_replica_count_while_the_others_run(world: World) -> None:
    held(world)
    assert world.events("FailedCreate") == [
        "Create Pod web-1 in StatefulSet web failed error: pvc www-web-1 is being deleted"
    ]
    assert world.ready("web-0", "web-2") and world.pod("web-1") is None
    for replicas in (2, 4):
        world.scale(replicas)
        world.wait(lambda: world.stateful_set()["status"]["observedGeneration"]
                   == world.stateful_set()["metadata"]["generation"])
        world.settle()
        assert world.pod("web-1") is None and world.ready("web-0", "web-2")


@pytest.mark.parametrize("who", ["controller", "migrator"])
def test_the_released_claim_binds_to_the_reserved_volume_whoever_makes_it(world: World, who: str) -> None:
    held(world)
    other_pods = {uid(pod) for pod in world.admin.list(PODS)}
    world.admin.create(VOLUMES, new_volume("target", reserved_for="www-web-1"))
    claim = world.claim("www-web-1")
    assert claim
    world.admin.patch(CLAIMS, "www-web-1", {"metadata": {"finalizers": None}}, "default")
    if who == "controller":
        world.admin.patch(SETS, "web", {"metadata": {"annotations": {"touched": "yes"}}}, "default")
    else:
        metadata = {"name": "www-web-1", "namespace": "default", "labels": {"app": "nginx"}}
        again = {**claim, "metadata": metadata, "spec": {**claim["spec"], "volumeName": "target"}}
        try:
            world.admin.create(CLAIMS, again)
        except Exception as error:  # the controller may have been first, which must be just as well
            assert "already exists" in str(error)
    world.wait(lambda: world.ready("web-1"))
    assert name(world.volume_of("www-web-1")) == "target"
    pod = world.pod("web-1")
    assert pod and pod["spec"]["nodeName"] == "node-zone-k"
    assert other_pods <= {uid(pod) for pod in world.admin.list(PODS)}


def test_the_backoff_of_a_held_pod_grows_and_touching_the_set_cuts_it_short() -> None:
    """With a first delay of an hour nothing but a change of the set can bring it back."""
    world = start_world(Timing(binder_resync=3600, backoff=Backoff(3600, 7200), pod_backoff=Backoff(0.01, 0.05)))
    try:
        held(world)
        world.settle()
        world.admin.create(VOLUMES, new_volume("target", reserved_for="www-web-1"))
        world.admin.patch(CLAIMS, "www-web-1", {"metadata": {"finalizers": None}}, "default")
        world.wait(lambda: world.claim("www-web-1") is None)
        world.settle()
        assert world.pod("web-1") is None and world.claim("www-web-1") is None
        world.admin.patch(SETS, "web", {"metadata": {"annotations": {"touched": "yes"}}}, "default")
        world.wait(lambda: world.ready("web-1"))
    finally:
        stop_world(world)


def test_a_reserved_volume_that_is_too_small_is_passed_over_for_an_empty_disk(world: World) -> None:
    world.admin.create(VOLUMES, new_volume("small", reserved_for="www-web-0", size="10Gi"))
    run(world, replicas=1)
    assert name(world.volume_of("www-web-0")) != "small"


def test_a_claim_made_from_the_template_binds_to_the_reserved_volume_before_any_disk_is_made(world: World) -> None:
    """Sample b0: bound by the controller, maybe with a selected node, never with a provisioner."""
    world.admin.create(VOLUMES, new_volume("reserved", reserved_for="www-web-0"))
    run(world, replicas=1)
    claim = world.claim("www-web-0")
    assert claim and claim["spec"]["volumeName"] == "reserved"
    annotations = dict(claim["metadata"]["annotations"])
    annotations.pop("volume.kubernetes.io/selected-node", None)
    assert annotations == {"pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes"}
    assert world.driver.made == 0
    pod = world.pod("web-0")
    assert pod and pod["spec"]["nodeName"] == "node-zone-k"


def test_a_failed_pod_is_replaced(world: World) -> None:
    run(world, replicas=1)
    before = world.pod("web-0")
    assert before
    status = {**before["status"], "phase": "Failed"}
    world.admin.update(PODS, {**before, "status": status}, subresource="status")
    world.wait(lambda: world.ready("web-0") and uid(world.pod("web-0") or before) != uid(before))


def change_template(world: World) -> None:
    annotation = {"kubectl.kubernetes.io/restartedAt": "2026-11-22T20:00:00Z"}
    patch = {"spec": {"template": {"metadata": {"annotations": annotation}}}}
    world.admin.patch(SETS, "web", patch, "default")


def rolled_out(world: World) -> bool:
    """What kubectl rollout status waits for."""
    current = world.stateful_set()
    status = current["status"]
    return (
        status["observedGeneration"] == current["metadata"]["generation"]
        and status.get("readyReplicas") == status.get("updatedReplicas") == current["spec"]["replicas"]
        and status["currentRevision"] == status["updateRevision"]
    )


def test_a_restart_replaces_the_pods_from_the_top_and_ends_with_one_revision(world: World) -> None:
    run(world, replicas=3)
    before = world.stateful_set()["status"]["currentRevision"]
    since = world.api.store.revision
    change_template(world)
    world.wait(lambda: rolled_out(world))
    history = pod_history(world, since)
    assert [entry for entry in history if entry[0] == "DELETED"] == [("DELETED", f"web-{each}") for each in (2, 1, 0)]
    after = world.stateful_set()["status"]["currentRevision"]
    assert after != before
    assert {labels_of(pod)["controller-revision-hash"] for pod in world.admin.list(PODS)} == {after}
    revisions = {name(each): each["revision"] for each in world.admin.list("controllerrevisions.apps")}
    assert revisions == {before: 1, after: 2}


def test_going_back_to_an_old_template_brings_its_revision_back(world: World) -> None:
    run(world, replicas=1)
    before = world.stateful_set()["status"]["currentRevision"]
    change_template(world)
    world.wait(lambda: rolled_out(world) and world.stateful_set()["status"]["currentRevision"] != before)
    world.admin.patch(SETS, "web", {"spec": {"template": {"metadata": {"annotations": None}}}}, "default")
    world.wait(lambda: rolled_out(world) and world.stateful_set()["status"]["currentRevision"] == before)
    revisions = {name(each): each["revision"] for each in world.admin.list("controllerrevisions.apps")}
    assert revisions[before] == 3


def test_below_the_partition_pods_keep_the_current_revision(world: World) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    run(world, replicas=2, updateStrategy=strategy)
    change_template(world)
    world.wait(lambda: world.stateful_set()["status"].get("updatedReplicas") == 1 and world.ready("web-1"))
    world.admin.delete(PODS, "web-0", "default")
    world.wait(lambda: world.stateful_set()["status"].get("readyReplicas") == 2 and world.ready("web-0"))
    status = world.stateful_set()["status"]
    hashes = {name(pod): labels_of(pod)["controller-revision-hash"] for pod in world.admin.list(PODS)}
    assert hashes == {"web-0": status["currentRevision"], "web-1": status["updateRevision"]}
    assert status["currentRevision"] != status["updateRevision"]


def test_on_delete_replaces_a_pod_only_when_somebody_deletes_it(world: World) -> None:
    run(world, replicas=2, updateStrategy={"type": "OnDelete"})
    before = {uid(pod) for pod in world.admin.list(PODS)}
    change_template(world)
    world.wait(lambda: world.stateful_set()["status"]["observedGeneration"] == 2)
    world.settle()
    assert {uid(pod) for pod in world.admin.list(PODS)} == before
    world.admin.delete(PODS, "web-0", "default")
    world.wait(lambda: world.stateful_set()["status"].get("updatedReplicas") == 1 and world.ready("web-0"))


def test_old_revisions_are_dropped_beyond_the_limit(world: World) -> None:
    run(world, replicas=1, revisionHistoryLimit=1)
    for number in range(4):
        patch = {"spec": {"template": {"metadata": {"annotations": {"number": str(number)}}}}}
        world.admin.patch(SETS, "web", patch, "default")
        world.wait(lambda: rolled_out(world))
    world.wait(lambda: len(world.admin.list("controllerrevisions.apps")) == 2)
    assert sorted(each["revision"] for each in world.admin.list("controllerrevisions.apps")) == [4, 5]


RETAIN, DELETE = "Retain", "Delete"


def policy(scaled: str, deleted: str) -> dict[str, str]:
    return {"whenScaled": scaled, "whenDeleted": deleted}


def test_when_scaled_delete_takes_claims_volumes_and_disks_along(world: World) -> None:
    run(world, replicas=1, persistentVolumeClaimRetentionPolicy=policy(DELETE, RETAIN))
    since = world.api.store.revision
    pod = world.pod("web-0")
    assert pod
    world.scale(0)
    world.wait(lambda: not world.admin.list(CLAIMS) and not world.admin.list(VOLUMES))
    references = [owners(event["object"]) for event in world.changes(CLAIMS, since) if owners(event["object"])]
    assert references[0] == [{
        "apiVersion": "v1", "kind": "Pod", "name": "web-0", "uid": uid(pod), "controller": True,
        "blockOwnerDeletion": True,
    }]
    assert world.driver.deleted_disks == ["d-1"]


def test_when_deleted_delete_takes_the_claims_along_with_the_set(world: World) -> None:
    run(world, replicas=1, persistentVolumeClaimRetentionPolicy=policy(RETAIN, DELETE))
    world.wait(lambda: owners(world.claim("www-web-0") or {"metadata": {}}))
    reference = owners(world.claim("www-web-0") or {})[0]
    assert (reference["kind"], reference["uid"]) == ("StatefulSet", uid(world.stateful_set()))
    world.admin.delete(SETS, "web", "default")
    world.wait(lambda: not world.admin.list(CLAIMS) and not world.admin.list(PODS))


def test_going_back_to_retain_takes_the_owner_references_off_again(world: World) -> None:
    run(world, replicas=2, persistentVolumeClaimRetentionPolicy=policy(DELETE, DELETE))
    world.wait(lambda: all(owners(claim) for claim in world.admin.list(CLAIMS)))
    patch = {"spec": {"persistentVolumeClaimRetentionPolicy": policy(RETAIN, RETAIN)}}
    world.admin.patch(SETS, "web", patch, "default")
    world.wait(lambda: not any(owners(claim) for claim in world.admin.list(CLAIMS)))
    world.scale(0)
    world.wait(lambda: not world.admin.list(PODS))
    world.settle()
    assert len(world.admin.list(CLAIMS)) == 2


def test_a_claim_of_somebody_else_is_left_to_him(world: World) -> None:
    run(world, replicas=1)
    holder = world.admin.create("configmaps", {"metadata": {"name": "operator", "namespace": "default"}})
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "operator", "uid": uid(holder), "controller": True}
    world.admin.patch(CLAIMS, "www-web-0", {"metadata": {"ownerReferences": [reference]}}, "default")
    patch = {"spec": {"persistentVolumeClaimRetentionPolicy": policy(DELETE, DELETE)}}
    world.admin.patch(SETS, "web", patch, "default")
    world.wait(lambda: world.stateful_set()["status"]["observedGeneration"] == 2)
    world.settle()
    assert owners(world.claim("www-web-0") or {}) == [reference]


def test_orphans_run_on_and_a_set_of_the_same_template_adopts_them(world: World) -> None:
    run(world)
    original = world.stateful_set()
    revision = original["status"]["currentRevision"]
    before = {name(pod): uid(pod) for pod in world.admin.list(PODS)}
    world.admin.delete(SETS, "web", "default", propagation="Orphan")
    world.wait(lambda: world.admin.get(SETS, "web", "default") is None)
    assert {name(pod): uid(pod) for pod in world.admin.list(PODS)} == before
    assert not any(owners(pod) for pod in world.admin.list(PODS))
    assert [owners(each) for each in world.admin.list("controllerrevisions.apps")] == [[]]
    world.admin.delete(PODS, "web-1", "default")
    world.wait(lambda: world.pod("web-1") is None)
    world.settle()
    assert world.pod("web-1") is None

    again = new_set()
    again["spec"]["volumeClaimTemplates"] = copy.deepcopy(again["spec"]["volumeClaimTemplates"])
    again["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] = "40Gi"
    world.admin.create(SETS, again)
    world.wait(lambda: world.ready("web-0", "web-1"))
    pod = world.pod("web-0")
    assert pod and uid(pod) == before["web-0"]
    assert [owner["uid"] for owner in owners(pod)] == [uid(world.stateful_set())]
    world.wait(lambda: world.stateful_set()["status"].get("readyReplicas") == 2)
    assert world.stateful_set()["status"]["currentRevision"] == revision


def test_deleting_a_set_in_the_background_takes_its_pods_and_leaves_its_claims(world: World) -> None:
    run(world)
    world.admin.delete(SETS, "web", "default")
    world.wait(lambda: not world.admin.list(PODS) and not world.admin.list("controllerrevisions.apps"))
    world.settle()
    assert len(world.admin.list(CLAIMS)) == 2


def test_a_pod_whose_labels_no_longer_match_is_let_go_and_replaced_is_impossible(world: World) -> None:
    """Its name is taken: the set waits until somebody removes it."""
    run(world, replicas=1)
    before = world.pod("web-0")
    assert before
    world.admin.patch(PODS, "web-0", {"metadata": {"labels": {"app": "other"}}}, "default")
    world.wait(lambda: not owners(world.pod("web-0") or {"metadata": {}}))
    world.admin.delete(PODS, "web-0", "default")
    world.wait(lambda: world.ready("web-0") and uid(world.pod("web-0") or before) != uid(before))

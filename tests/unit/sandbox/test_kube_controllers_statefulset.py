# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The StatefulSet controller: kubernetes-behaviour.md B5 and csi-and-statefulsets.md 5, line by line."""

from __future__ import annotations

import copy

from tests.sandbox.kube.controllers.objects import name, owners, phase, terminating, uid
from tests.unit.sandbox.controller_helpers import World, is_ready
from tests.unit.sandbox.controller_objects import (
    CLAIMS,
    PODS,
    SETS,
    new_set,
)


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
    world.run(replicas=3)
    since = world.api.store.revision
    world.scale(0)
    world.wait(lambda: not world.admin.list(PODS))
    assert world.came_and_went(PODS, since) == [("DELETED", f"web-{ordinal}") for ordinal in (2, 1, 0)]


def test_a_pod_that_is_stuck_terminating_stops_the_scale_down_for_good(world: World) -> None:
    world.run()
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
    world.run()
    world.scale(1)
    world.wait(lambda: world.stateful_set()["status"]["observedGeneration"] == 2)
    assert world.stateful_set()["metadata"]["generation"] == 2


def test_ordinals_start_where_the_set_says(world: World) -> None:
    world.run(ordinals={"start": 5})
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
    world.run(minReadySeconds=1)
    world.wait(lambda: world.stateful_set()["status"]["availableReplicas"] == 2)


def test_a_missing_claim_is_made_again_from_the_template_and_nobody_warns(world: World) -> None:
    world.run()
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
    world.run()
    world.scale(0)
    world.wait(lambda: not world.admin.list(PODS))
    world.admin.delete(CLAIMS, "www-web-0", "default")
    world.admin.patch(SETS, "web", {"metadata": {"annotations": {"touched": "yes"}}}, "default")
    world.wait(lambda: world.claim("www-web-0") is None)
    world.settle()
    assert world.claim("www-web-0") is None


def test_a_claim_that_goes_from_under_an_unscheduled_pod_is_made_again_empty(world: World) -> None:
    """Only a pod with a node protects its claim (B4): the pod then starts on a new disk."""
    world.run(replicas=1)
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


def test_a_failed_pod_is_replaced(world: World) -> None:
    world.run(replicas=1)
    before = world.pod("web-0")
    assert before
    status = {**before["status"], "phase": "Failed"}
    world.admin.update(PODS, {**before, "status": status}, subresource="status")
    world.wait(lambda: world.ready("web-0") and uid(world.pod("web-0") or before) != uid(before))


def test_orphans_run_on_and_a_set_of_the_same_template_adopts_them(world: World) -> None:
    world.run()
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
    world.run()
    world.admin.delete(SETS, "web", "default")
    world.wait(lambda: not world.admin.list(PODS) and not world.admin.list("controllerrevisions.apps"))
    world.settle()
    assert len(world.admin.list(CLAIMS)) == 2


def test_a_pod_whose_labels_no_longer_match_is_let_go_and_replaced_is_impossible(world: World) -> None:
    """Its name is taken: the set waits until somebody removes it."""
    world.run(replicas=1)
    before = world.pod("web-0")
    assert before
    world.admin.patch(PODS, "web-0", {"metadata": {"labels": {"app": "other"}}}, "default")
    world.wait(lambda: not owners(world.pod("web-0") or {"metadata": {}}))
    world.admin.delete(PODS, "web-0", "default")
    world.wait(lambda: world.ready("web-0") and uid(world.pod("web-0") or before) != uid(before))

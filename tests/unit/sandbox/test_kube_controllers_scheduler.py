# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scheduler: which node a pod gets, and what is said when there is none (kubernetes-behaviour.md B4, B5)."""

from __future__ import annotations

import pytest

from tests.sandbox.kube.controllers.matching import SELECTED_NODE
from tests.sandbox.kube.controllers.objects import Object, annotations_of, condition, labels_of, name, node_of
from tests.unit.sandbox.controller_helpers import World
from tests.unit.sandbox.controller_objects import (
    CLAIMS,
    DISK_ZONE,
    DRIVER,
    NODES,
    PODS,
    SETS,
    VOLUMES,
    new_claim,
    new_class,
    new_set,
    new_volume,
)

NO_NODE = "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."


def new_pod(pod: str, claim: str = "", **spec: object) -> Object:
    obj: Object = {
        "metadata": {"name": pod, "namespace": "default", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "nginx:1.14.2"}], **spec},
    }
    if claim:
        obj["spec"]["volumes"] = [{"name": "www", "persistentVolumeClaim": {"claimName": claim}}]
    return obj


def refusal(world: World, pod: Object) -> str:
    """What the scheduler says about a pod that it finds no node for."""
    world.admin.create(PODS, pod)
    world.wait(lambda: world.events("FailedScheduling", name(pod)))
    world.settle()
    live = world.pod(name(pod))
    assert live and not node_of(live)
    scheduled = condition(live, "PodScheduled")
    assert scheduled and (scheduled["status"], scheduled["reason"]) == ("False", "Unschedulable")
    assert scheduled["message"] == world.events("FailedScheduling", name(pod))[-1]
    return str(scheduled["message"])


def placed(world: World, pod: str) -> str:
    return str(world.wait(lambda: node_of(world.pod(pod) or {})))


def nodes(world: World, patch: Object, *zones: str) -> None:
    for zone in zones:
        world.admin.patch(NODES, f"node-zone-{zone}", patch)


def bound_in(world: World, zone: str) -> None:
    world.admin.create(VOLUMES, new_volume("v1", f"cn-beijing-{zone}", reserved_for="c1"))
    world.admin.create(CLAIMS, new_claim("c1", "v1"))
    world.wait(lambda: world.bound("c1"))


def test_a_pod_goes_where_its_volume_is_and_gets_the_labels_of_its_node(world: World) -> None:
    bound_in(world, "k")
    world.admin.create(PODS, new_pod("p", "c1"))
    assert placed(world, "p") == "node-zone-k"
    pod = world.pod("p")
    assert pod and labels_of(pod)["topology.kubernetes.io/zone"] == "cn-beijing-k"
    assert labels_of(pod)["topology.kubernetes.io/region"] == "cn-beijing"
    scheduled = condition(pod, "PodScheduled")
    assert scheduled and scheduled["status"] == "True" and "reason" not in scheduled
    world.wait(lambda: world.events("Scheduled", "p"))
    assert world.events("Scheduled") == ["Successfully assigned default/p to node-zone-k"]


def test_no_node_in_the_zone_of_the_volume(world: World) -> None:
    bound_in(world, "h")
    assert refusal(world, new_pod("p", "c1")) == (
        "0/3 nodes are available: 3 node(s) didn't match PersistentVolume's node affinity. "
        f"no new claims to deallocate, {NO_NODE}"
    )


def test_the_only_node_of_the_zone_is_cordoned(world: World) -> None:
    bound_in(world, "k")
    nodes(world, {"spec": {"unschedulable": True}}, "k")
    assert refusal(world, new_pod("p", "c1")).startswith(
        "0/3 nodes are available: 1 node(s) were unschedulable, "
        "2 node(s) didn't match PersistentVolume's node affinity. "
    )
    nodes(world, {"spec": {"unschedulable": None}}, "k")
    assert placed(world, "p") == "node-zone-k"


def test_too_little_cpu(world: World) -> None:
    container = {"name": "c", "image": "nginx:1.14.2", "resources": {"requests": {"cpu": "5"}}}
    assert refusal(world, new_pod("p", containers=[container])) == (
        "0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, "
        "preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod."
    )


def test_room_that_becomes_free_is_given_to_the_pod_that_waits(world: World) -> None:
    container = {"name": "c", "image": "nginx:1.14.2", "resources": {"requests": {"cpu": "3"}}}
    for pod in ("p1", "p2", "p3"):
        world.admin.create(PODS, new_pod(pod, containers=[container]))
    assert {placed(world, pod) for pod in ("p1", "p2", "p3")} == {f"node-zone-{zone}" for zone in "ijk"}
    assert "3 Insufficient cpu" in refusal(world, new_pod("p4", containers=[container]))
    world.admin.delete(PODS, "p2", "default")
    placed(world, "p4")


def test_a_claim_that_is_not_there(world: World) -> None:
    assert refusal(world, new_pod("p", "nope")) == (
        '0/3 nodes are available: persistentvolumeclaim "nope" not found. not found'
    )


def test_a_claim_that_is_lost(world: World) -> None:
    lost = new_claim("c1", "v9", annotations={"pv.kubernetes.io/bind-completed": "yes"})
    world.admin.create(CLAIMS, lost)
    world.wait(lambda: world.events("ClaimLost"))
    assert refusal(world, new_pod("p", "c1")) == (
        '0/3 nodes are available: persistentvolumeclaim "c1" bound to non-existent persistentvolume "v9". not found'
    )


def test_a_claim_that_names_a_missing_volume_is_never_delayed(world: World) -> None:
    world.admin.create(CLAIMS, new_claim("c1", "v9"))
    assert refusal(world, new_pod("p", "c1")) == (
        "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"
    )


def test_a_claim_that_is_being_deleted_keeps_its_pod_waiting(world: World) -> None:
    """DESIGN, "the hold": what happens where the pod could be made."""
    bound_in(world, "k")
    world.admin.patch(CLAIMS, "c1", {"metadata": {"finalizers": ["zoneshift.example/hold"]}}, "default")
    world.admin.delete(CLAIMS, "c1", "default")
    assert refusal(world, new_pod("p", "c1")) == (
        '0/3 nodes are available: persistentvolumeclaim "c1" is being deleted. not found'
    )


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"nodeSelector": {"disk": "fast"}}, "3 node(s) didn't match Pod's node affinity/selector"),
        ({"nodeSelector": {DISK_ZONE: "cn-beijing-h"}}, "3 node(s) didn't match Pod's node affinity/selector"),
    ],
)
def test_a_pod_that_wants_nodes_that_are_not_there(world: World, spec: Object, reason: str) -> None:
    assert refusal(world, new_pod("p", **spec)).startswith(f"0/3 nodes are available: {reason}. ")


def test_taints_keep_pods_away_that_do_not_tolerate_them(world: World) -> None:
    taint = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}
    nodes(world, {"spec": {"taints": [taint]}}, *"ijk")
    assert "3 node(s) had untolerated taint(s)" in refusal(world, new_pod("p1"))
    tolerations = [{"key": "dedicated", "operator": "Equal", "value": "db", "effect": "NoSchedule"}]
    world.admin.create(PODS, new_pod("p2", tolerations=tolerations))
    placed(world, "p2")


def test_a_node_takes_no_more_volumes_than_its_driver_says(world: World) -> None:
    for zone in "ijk":
        driver = {"name": DRIVER, "nodeID": zone, "topologyKeys": [DISK_ZONE], "allocatable": {"count": 1}}
        csi_node = {"metadata": {"name": f"node-zone-{zone}"}, "spec": {"drivers": [driver]}}
        world.admin.create("csinodes.storage.k8s.io", csi_node)
    for pod in ("p1", "p2", "p3"):
        world.admin.create(CLAIMS, new_claim(f"c-{pod}"))
        world.admin.create(PODS, new_pod(pod, f"c-{pod}"))
    assert {placed(world, pod) for pod in ("p1", "p2", "p3")} == {f"node-zone-{zone}" for zone in "ijk"}
    world.admin.create(CLAIMS, new_claim("c-p4"))
    assert "3 node(s) exceed max volume count" in refusal(world, new_pod("p4", "c-p4"))


def test_replicas_are_spread_over_zones(world: World) -> None:
    world.admin.create(SETS, new_set(replicas=3))
    world.wait(lambda: world.ready("web-0", "web-1", "web-2"))
    assert sorted(node_of(pod) for pod in world.admin.list(PODS)) == [f"node-zone-{zone}" for zone in "ijk"]


def test_required_anti_affinity_keeps_pods_off_the_same_node(world: World) -> None:
    term = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    for pod in ("p1", "p2", "p3"):
        world.admin.create(PODS, new_pod(pod, affinity=affinity))
    assert {placed(world, pod) for pod in ("p1", "p2", "p3")} == {f"node-zone-{zone}" for zone in "ijk"}
    assert "3 node(s) didn't match pod anti-affinity rules" in refusal(world, new_pod("p4", affinity=affinity))


def test_required_affinity_follows_the_first_pod_of_its_kind(world: World) -> None:
    term = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "topology.kubernetes.io/zone"}
    affinity = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    world.admin.create(PODS, new_pod("p1", affinity=affinity))
    first = placed(world, "p1")
    world.admin.create(PODS, new_pod("p2", affinity=affinity))
    assert placed(world, "p2") == first


def test_hard_topology_spread_keeps_the_skew(world: World) -> None:
    constraint = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    nodes(world, {"spec": {"unschedulable": True}}, "j", "k")
    world.admin.create(PODS, new_pod("p1", topologySpreadConstraints=[constraint]))
    assert placed(world, "p1") == "node-zone-i"
    message = refusal(world, new_pod("p2", topologySpreadConstraints=[constraint]))
    assert "1 node(s) didn't match pod topology spread constraints" in message


def test_a_delayed_claim_gets_its_node_first_and_the_pod_after_it_is_bound(world: World) -> None:
    nodes(world, {"spec": {"unschedulable": True}}, "i", "j")
    world.admin.create(CLAIMS, new_claim("c1"))
    since = world.api.store.revision
    world.admin.create(PODS, new_pod("p", "c1"))
    placed(world, "p")
    claim = world.claim("c1")
    assert claim and annotations_of(claim)[SELECTED_NODE] == "node-zone-k"
    steps = [
        int(event["object"]["metadata"]["resourceVersion"])
        for resource, done in (
            (CLAIMS, lambda obj: SELECTED_NODE in annotations_of(obj)),
            (CLAIMS, lambda obj: "volume.kubernetes.io/storage-provisioner" in annotations_of(obj)),
            (VOLUMES, lambda obj: obj["status"]["phase"] == "Bound"),
            (CLAIMS, lambda obj: obj["status"]["phase"] == "Bound"),
            (PODS, lambda obj: bool(node_of(obj))),
        )
        for event in [next(each for each in world.changes(resource, since) if done(each["object"]))]
    ]
    assert steps == sorted(steps)


def test_the_scheduler_binds_an_unreserved_volume_of_the_chosen_zone(world: World) -> None:
    world.admin.create("storageclasses.storage.k8s.io", new_class("local", provisioner="kubernetes.io/no-provisioner"))
    volume = new_volume("v1")
    volume["spec"]["storageClassName"] = "local"
    world.admin.create(VOLUMES, volume)
    world.wait(lambda: (world.admin.get(VOLUMES, "v1") or {})["status"]["phase"] == "Available")
    world.admin.create(CLAIMS, new_claim("c1", class_name="local"))
    world.admin.create(PODS, new_pod("p", "c1"))
    assert placed(world, "p") == "node-zone-k"
    assert annotations_of(world.volume_of("c1"))["pv.kubernetes.io/bound-by-controller"] == "yes"


def test_a_delayed_claim_whose_class_makes_no_volumes_finds_none(world: World) -> None:
    world.admin.create("storageclasses.storage.k8s.io", new_class("local", provisioner="kubernetes.io/no-provisioner"))
    world.admin.create(CLAIMS, new_claim("c1", class_name="local"))
    assert "3 node(s) didn't find available persistent volumes to bind" in refusal(world, new_pod("p", "c1"))


def test_a_wrongly_selected_node_is_given_up_when_the_reserved_volume_is_elsewhere(world: World) -> None:
    """B4: the scheduler may first choose a wrong node, and tries again."""
    world.driver.queue.stop()
    nodes(world, {"spec": {"unschedulable": True}}, "j", "k")
    world.admin.create(CLAIMS, new_claim("c1"))
    world.admin.create(PODS, new_pod("p", "c1"))
    world.wait(lambda: SELECTED_NODE in annotations_of(world.claim("c1") or {"metadata": {}}))
    nodes(world, {"spec": {"unschedulable": None}}, "j", "k")
    world.admin.create(VOLUMES, new_volume("v1", reserved_for="c1"))
    world.settle()
    world.admin.patch(CLAIMS, "c1", {"metadata": {"annotations": {"touched": "yes"}}}, "default")
    assert placed(world, "p") == "node-zone-k"
    assert world.events("FailedScheduling", "p") == [
        'running PreBind plugin "VolumeBinding": binding volumes: '
        'pv "v1" node affinity doesn\'t match node "node-zone-i"'
    ]


def test_a_driver_that_cannot_make_the_volume_there_gives_the_choice_back(world: World) -> None:
    """As external-provisioner does when a zone has no stock: it takes the selected node off the claim."""
    world.driver.queue.stop()
    nodes(world, {"spec": {"unschedulable": True}}, "j", "k")
    world.admin.create(CLAIMS, new_claim("c1"))
    world.admin.create(PODS, new_pod("p", "c1"))
    world.wait(lambda: SELECTED_NODE in annotations_of(world.claim("c1") or {"metadata": {}}))
    nodes(world, {"spec": {"unschedulable": True}}, "i")
    nodes(world, {"spec": {"unschedulable": None}}, "j")
    world.settle()
    world.admin.patch(CLAIMS, "c1", {"metadata": {"annotations": {SELECTED_NODE: None}}}, "default")
    world.wait(lambda: annotations_of(world.claim("c1") or {"metadata": {}}).get(SELECTED_NODE) == "node-zone-j")
    assert world.events("FailedScheduling", "p")[0].endswith('selectedNode annotation reset for PVC "c1"')


def test_a_pod_of_another_scheduler_and_a_gated_pod_are_left_alone(world: World) -> None:
    world.admin.create(PODS, new_pod("p1", schedulerName="mine"))
    world.admin.create(PODS, new_pod("p2", schedulingGates=[{"name": "wait"}]))
    world.settle()
    assert not any(node_of(pod) for pod in world.admin.list(PODS))

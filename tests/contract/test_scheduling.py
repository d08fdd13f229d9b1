# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""B5: why a pod stays Pending, and how a disk is made for one that does not. Texts are those of this release (B1)."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.sandbox.nodes.client import Object
from tests.sandbox.nodes.names import ATTACHMENTS, CLAIMS, PODS, REGION, SELECTED_NODE, VOLUMES, ZONE

from .cases import case, rules
from .objects import BOUND, BOUND_BY_CONTROLLER, SETS, new_claim, new_pod, new_set, new_volume, phase, revision
from .samples import load
from .scene import Scene

_PREEMPTION = re.compile(r" (no new claims to deallocate, )?preemption: .*", re.DOTALL)


def bound_in(scene: Scene, zone: str, **volume: str) -> None:
    """A claim ``data`` that is Bound to a volume in that zone."""
    name = f"data-{scene.suffix}"
    scene.create(VOLUMES, new_volume(name, zone=zone, reserved_for=(scene.namespace, "data"), **volume))
    scene.wait_phase(VOLUMES, name, "Available")
    scene.create(CLAIMS, new_claim("data", name))
    scene.wait_phase(CLAIMS, "data", "Bound")


def refusal(scene: Scene, pod: str, *parts: str) -> str:
    """What the scheduler says about the pod, in the Event and in the pod's condition, without the number of nodes."""

    def found() -> str | None:
        conditions = scene.there(PODS, pod)["status"].get("conditions") or []
        for each in conditions:
            if each["type"] == "PodScheduled" and all(part in each["message"] for part in parts):
                assert (each["status"], each["reason"]) == ("False", "Unschedulable")
                return str(each["message"])
        return None

    message = str(scene.wait(found, f"{pod} refused: {parts}"))
    assert scene.wait_event("FailedScheduling", pod, message)
    return message


def without_numbers(message: str) -> str:
    return re.sub(r"\d+", "N", _PREEMPTION.sub("", message))


@case("B5-pending-no-node-in-the-zone")
def test_no_node_in_the_zone_of_the_volume(scene: Scene) -> None:
    bound_in(scene, "cn-beijing-nowhere")
    scene.create(PODS, new_pod("p", "data"))
    message = refusal(scene, "p", "didn't match PersistentVolume's node affinity")
    expected = "N/N nodes are available: N node(s) didn't match PersistentVolume's node affinity."
    assert without_numbers(message) == expected
    assert "Preemption is not helpful for scheduling." in message


@case("B5-pending-cordoned")
def test_the_only_node_of_the_zone_is_cordoned(scene: Scene) -> None:
    bound_in(scene, "cn-beijing-h", handle=scene.new_disk("cn-beijing-h"))
    scene.caller.patch("nodes", "node-h-1", {"spec": {"unschedulable": True}})
    try:
        scene.create(PODS, new_pod("p", "data"))
        message = refusal(scene, "p", "unschedulable")
    finally:
        scene.caller.patch("nodes", "node-h-1", {"spec": {"unschedulable": None}})
    expected = (
        "N/N nodes are available: N node(s) were unschedulable, "
        "N node(s) didn't match PersistentVolume's node affinity."
    )
    assert without_numbers(message) == expected
    scene.wait_phase(PODS, "p", "Pending")
    scene.wait(lambda: "nodeName" in scene.there(PODS, "p")["spec"], "scheduled after the uncordon")


@case("B5-pending-cpu")
def test_no_node_has_the_cpu(scene: Scene) -> None:
    pod = new_pod("p")
    pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "64"}}
    scene.create(PODS, pod)
    assert without_numbers(refusal(scene, "p", "cpu")) == "N/N nodes are available: N Insufficient cpu."


@case("B5-pending-claim-absent")
def test_the_claim_is_not_there(scene: Scene) -> None:
    scene.create(PODS, new_pod("p", "nope"))
    message = refusal(scene, "p", "nope")
    assert without_numbers(message).startswith('N/N nodes are available: persistentvolumeclaim "nope" not found.')


@case("B5-pending-claim-lost")
def test_the_claim_is_lost(scene: Scene) -> None:
    scene.create(CLAIMS, new_claim("lost", f"gone-{scene.suffix}", annotations={BOUND: "yes"}))
    scene.wait_phase(CLAIMS, "lost", "Lost")
    scene.create(PODS, new_pod("p", "lost"))
    message = refusal(scene, "p", "lost")
    expected = f'persistentvolumeclaim "lost" bound to non-existent persistentvolume "gone-{scene.suffix}".'
    assert expected in message


@case("B5-pending-goes-at-once")
def test_a_pending_pod_goes_at_once_when_the_set_is_scaled_to_zero(scene: Scene) -> None:
    """Nobody has to stop it: one DELETED, with no grace before it."""
    scene.create(SETS, new_set(replicas=1, zone="cn-beijing-nowhere"))
    refusal(scene, "web-0", "node")
    since = scene.now()
    scene.scale(0)
    events = scene.changes(PODS, since, "web-0", until=lambda event: event["type"] == "DELETED")
    assert [event["object"]["metadata"].get("deletionGracePeriodSeconds", 0) for event in events][-1] == 0
    assert {event["type"] for event in events[:-1]} <= {"MODIFIED"}


@case("B4-claim-under-a-pending-pod")
def test_a_claim_under_a_pending_pod_goes_at_once_and_comes_back_empty(scene: Scene) -> None:
    """Only pods with a node count as users of a claim."""
    reserved = f"nowhere-{scene.suffix}"
    volume = new_volume(reserved, zone="cn-beijing-nowhere", reserved_for=(scene.namespace, "www-web-0"))
    scene.create(VOLUMES, volume)
    scene.create(SETS, new_set(replicas=1))
    before = scene.wait_phase(CLAIMS, "www-web-0", "Bound")
    refusal(scene, "web-0", "didn't match PersistentVolume's node affinity")
    scene.delete(CLAIMS, "www-web-0")
    scene.wait_ready("web-0")
    after = scene.there(CLAIMS, "www-web-0")
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert scene.volume_of("www-web-0")["metadata"]["name"] != reserved


@case("B5-volume-lies-about-its-zone")
def test_a_disk_in_another_zone_is_never_attached(scene: Scene) -> None:
    """Scheduled, ContainerCreating for ever; the attachment and an Event say why."""
    bound_in(scene, "cn-beijing-k", handle=scene.new_disk("cn-beijing-h"))
    scene.create(PODS, new_pod("p", "data"))
    beginning = f'AttachVolume.Attach failed for volume "data-{scene.suffix}" : rpc error: '
    assert scene.wait_event("FailedAttachVolume", "p", "rpc error").startswith(beginning)
    (attachment,) = (
        each
        for each in scene.caller.list(ATTACHMENTS)
        if each["spec"]["source"]["persistentVolumeName"] == f"data-{scene.suffix}"
    )
    assert attachment["status"]["attached"] is False and attachment["status"]["attachError"]["message"]
    pod = scene.there(PODS, "p")
    assert phase(pod) == "Pending" and pod["spec"]["nodeName"] == "node-k-1"


@case("B5-zone-labels")
def test_a_pod_gets_the_zone_and_region_of_its_node_as_labels(scene: Scene) -> None:
    scene.create(PODS, new_pod("p", nodeSelector={ZONE: "cn-beijing-j"}))
    scene.wait_ready("p")
    labels = scene.there(PODS, "p")["metadata"]["labels"]
    assert (labels[ZONE], labels[REGION]) == ("cn-beijing-j", "cn-beijing")


def _annotated(name: str) -> Callable[[Object], bool]:
    return lambda event: name in (event["object"]["metadata"].get("annotations") or {})


def _bound(event: Object) -> bool:
    return phase(event["object"]) == "Bound"


@case("B5-provisioning-steps")
def test_a_disk_is_made_in_the_recorded_steps(scene: Scene) -> None:
    """Pending, selected-node, both storage-provisioner annotations, the volume, bind-completed and
    bound-by-controller, Bound, and only then the pod has its node."""
    since = scene.now()
    scene.run(new_set(replicas=1))
    claim = scene.changes(CLAIMS, since, "www-web-0", until=_bound)
    provisioners = ("volume.beta.kubernetes.io/storage-provisioner", "volume.kubernetes.io/storage-provisioner")

    def step(name: str) -> int:
        return next(index for index, event in enumerate(claim) if _annotated(name)(event))

    assert claim[0]["type"] == "ADDED" and phase(claim[0]["object"]) == "Pending"
    assert 0 < step(SELECTED_NODE) < step(provisioners[0]) == step(provisioners[1])
    assert step(provisioners[0]) < step(BOUND) == step(BOUND_BY_CONTROLLER)
    volume = scene.changes(
        VOLUMES, since, scene.volume_of("www-web-0")["metadata"]["name"], until=lambda event: event["type"] == "ADDED"
    )[-1]["object"]
    assert volume["spec"]["claimRef"]["uid"] == claim[-1]["object"]["metadata"]["uid"]
    assert revision(claim[step(provisioners[0])]["object"]) < revision(volume) < revision(claim[step(BOUND)]["object"])
    scheduled = scene.changes(PODS, since, "web-0", until=lambda event: "nodeName" in event["object"]["spec"])
    assert revision(claim[-1]["object"]) < revision(scheduled[-1]["object"])


@rules("B5", "kind", provisioned_claim="annotations", provisioned_status="status")
def test_a_provisioned_claim_is_as_recorded(scene: Scene, kind: str) -> None:
    """Sample 00, the node aside."""
    scene.run(new_set(replicas=1))
    claim, sample = scene.there(CLAIMS, "www-web-0"), load("00-object-pvc")
    if kind == "status":
        assert claim["status"] == sample["status"]
    else:
        found = claim["metadata"]["annotations"] | {SELECTED_NODE: "node-zone-i"}
        assert found == sample["metadata"]["annotations"]
    assert claim["metadata"]["finalizers"] == sample["metadata"]["finalizers"]

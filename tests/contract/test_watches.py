# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorded watches w1 to w8: the same steps give the same events, in order, that change the same fields."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.sandbox.nodes.client import Object
from tests.sandbox.nodes.names import ATTACHMENTS, CLAIMS, NODES, PODS, VOLUMES, volume_in_use
from tests.support import wait_for

from .cases import case
from .objects import HOLD, SETS, is_ready, is_terminating, new_claim, new_set, new_volume, revision
from .samples import load
from .scene import Scene
from .shapes import Shape, shapes

# In these two recordings the driver has nothing to say. Finalizers of strangers stand for its own.
_OF_THE_DRIVER = ["test.example/provisioner", "test.example/attacher"]
_PROTECTION = "kubernetes.io/pv-protection"


def recorded(sample: str) -> list[Shape]:
    return shapes(load(sample))


def is_bound(event: Object) -> bool:
    return bool(event["object"].get("status", {}).get("phase") == "Bound")


def is_gone(event: Object) -> bool:
    return bool(event["type"] == "DELETED")


def foreign_volume(name: str, scene: Scene, claim: str) -> Object:
    """A volume that this cluster's disk driver does not know."""
    volume = new_volume(name, reserved_for=(scene.namespace, claim))
    volume["spec"]["csi"]["driver"] = "other.csi.test.example"
    volume["metadata"]["annotations"] = {"pv.kubernetes.io/provisioned-by": "other.csi.test.example"}
    return volume


def bound_like_provisioned(scene: Scene, claim: str) -> str:
    """A volume as a driver made and attached it, under Retain, and its claim."""
    name = f"pv-{scene.suffix}"
    volume = foreign_volume(name, scene, claim)
    volume["metadata"]["finalizers"] = [_OF_THE_DRIVER[0], _PROTECTION, _OF_THE_DRIVER[1]]
    scene.create(VOLUMES, volume)
    scene.wait_phase(VOLUMES, name, "Available")
    scene.create(CLAIMS, new_claim(claim, name))
    scene.wait_phase(CLAIMS, claim, "Bound")
    return name


class Swap:
    """The steps of w1 and w2: claim and volume are deleted and made again."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.volume = bound_like_provisioned(scene, "www-web-0")
        self.since = scene.now()
        scene.patch(VOLUMES, self.volume, {"metadata": {"labels": {"x": "y"}}})
        scene.hold(VOLUMES, self.volume)
        scene.delete(CLAIMS, "www-web-0")
        scene.wait_phase(VOLUMES, self.volume, "Released")
        scene.wait_gone(CLAIMS, "www-web-0")
        scene.delete(VOLUMES, self.volume)
        scene.wait(self._unprotected, "pv-protection taken off")
        scene.patch(VOLUMES, self.volume, {"metadata": {"finalizers": None}})
        scene.create(VOLUMES, foreign_volume(self.volume, scene, "www-web-0"))
        scene.wait_phase(VOLUMES, self.volume, "Available")
        scene.create(CLAIMS, new_claim("www-web-0", self.volume))
        self.claim = scene.wait_phase(CLAIMS, "www-web-0", "Bound")

    def _unprotected(self) -> bool:
        finalizers = self.scene.there(VOLUMES, self.volume)["metadata"]["finalizers"]
        return _PROTECTION not in finalizers and HOLD in finalizers


@pytest.fixture(scope="module")
def swap(shared_scene: Scene) -> Swap:
    return Swap(shared_scene)


@case("B2-w1")
def test_w1_a_volume_is_deleted_and_made_again(swap: Swap) -> None:
    wanted = swap.scene.there(VOLUMES, swap.volume)["metadata"]["resourceVersion"]
    events = swap.scene.changes(
        VOLUMES, swap.since, swap.volume, until=lambda event: event["object"]["metadata"]["resourceVersion"] == wanted
    )
    assert shapes(events) == recorded("w1-")
    last = next(event["object"] for event in events if event["type"] == "DELETED")
    assert HOLD in last["metadata"]["finalizers"], "DELETED carries the object as it was before (B2)"


@case("B2-w2")
def test_w2_a_claim_is_deleted_and_made_again(swap: Swap) -> None:
    wanted = swap.claim["metadata"]["resourceVersion"]
    events = swap.scene.changes(
        CLAIMS, swap.since, "www-web-0", until=lambda event: event["object"]["metadata"]["resourceVersion"] == wanted
    )
    assert shapes(events) == recorded("w2-")


@case("B3-prebound-annotations")
def test_a_prebound_claim_gets_one_annotation_only(swap: Swap) -> None:
    """Sample 61: no bound-by-controller, no storage-provisioner, no selected-node."""
    assert swap.claim["metadata"]["annotations"] == load("61-object-pvc")["metadata"]["annotations"]
    volume = swap.scene.there(VOLUMES, swap.volume)
    assert volume["spec"]["claimRef"]["uid"] == swap.claim["metadata"]["uid"]
    assert "resourceVersion" in volume["spec"]["claimRef"]


@case("B2-w7")
def test_w7_a_claim_waits_for_its_volume(late: tuple[Scene, str, str]) -> None:
    scene, since, _volume = late
    events = scene.changes(CLAIMS, since, "www-web-1", until=is_bound_again(since))
    assert shapes(events) == recorded("w7-")


@case("B2-w8")
def test_w8_a_volume_comes_after_its_claim(late: tuple[Scene, str, str]) -> None:
    """The last event of the recording is the driver's, when the pod comes: a stranger's finalizer stands for it."""
    scene, since, volume = late
    events = scene.changes(
        VOLUMES, since, volume, until=lambda event: "test.example/attacher" in event["object"]["metadata"]["finalizers"]
    )
    assert shapes(events) == recorded("w8-")


def is_bound_again(since: str) -> Callable[[Object], bool]:
    """Of a claim that was Bound before: Bound and not on its way out."""
    return lambda event: (
        is_bound(event) and not is_terminating(event["object"]) and revision(event["object"]) > int(since)
    )


@pytest.fixture(scope="module")
def late(shared_scene: Scene, swap: Swap) -> tuple[Scene, str, str]:
    """The claim is there before its volume, which only the resync of the binder brings together (0 to 15 s)."""
    scene = shared_scene
    old, new = f"old-{scene.suffix}", f"new-{scene.suffix}"
    scene.create(VOLUMES, foreign_volume(old, scene, "www-web-1"))
    scene.wait_phase(VOLUMES, old, "Available")
    scene.create(CLAIMS, new_claim("www-web-1", old))
    scene.wait_phase(CLAIMS, "www-web-1", "Bound")
    since = scene.now()
    scene.delete(CLAIMS, "www-web-1")
    scene.wait_gone(CLAIMS, "www-web-1")
    scene.create(CLAIMS, new_claim("www-web-1", new))
    scene.create(VOLUMES, foreign_volume(new, scene, "www-web-1"))
    scene.wait_phase(CLAIMS, "www-web-1", "Bound")
    finalizers = scene.there(VOLUMES, new)["metadata"]["finalizers"]
    scene.patch(VOLUMES, new, {"metadata": {"finalizers": [*finalizers, "test.example/attacher"]}})
    return scene, since, new


class Stopped:
    """Two replicas ran and were scaled to 0."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        scene.run(new_set("app"))
        self.volume = scene.volume_of("www-app-1")
        name = self.volume["metadata"]["name"]
        (self.attachment,) = (
            each for each in scene.caller.list(ATTACHMENTS) if each["spec"]["source"]["persistentVolumeName"] == name
        )
        self.since = scene.now()
        scene.scale(0, "app")
        scene.wait_stopped()

    def pod_events(self, name: str) -> list[Object]:
        return self.scene.changes(PODS, self.since, name, until=is_gone)

    def attachment_events(self) -> list[Object]:
        name = self.attachment["metadata"]["name"]
        return self.scene.changes(ATTACHMENTS, self.since, name, until=is_gone)


@pytest.fixture(scope="module")
def stopped(shared_scene: Scene) -> Stopped:
    return Stopped(shared_scene)


@case("B2-w3")
def test_w3_a_pod_is_stopped(stopped: Stopped) -> None:
    events = stopped.pod_events("app-1")
    assert shapes(events) == recorded("w3-")
    graces = [event["object"]["metadata"].get("deletionGracePeriodSeconds") for event in events]
    assert graces == [event["object"]["metadata"].get("deletionGracePeriodSeconds") for event in load("w3-")]


@case("B2-w4")
def test_w4_a_disk_is_detached(stopped: Stopped) -> None:
    assert shapes(stopped.attachment_events()) == recorded("w4-")


@case("B3-scale-down-order")
def test_the_last_pod_is_fully_gone_before_the_one_before_it_is_deleted(stopped: Stopped) -> None:
    gone = revision(stopped.pod_events("app-1")[-1]["object"])
    deleted = next(event for event in stopped.pod_events("app-0") if is_terminating(event["object"]))
    assert gone < revision(deleted["object"])


@case("B3-attachment-goes-after-volumes-in-use")
def test_a_disk_is_detached_when_its_node_has_dropped_it(stopped: Stopped) -> None:
    """Pod gone, then volumesInUse without the disk, then the attachment Terminating, then gone."""
    disk = volume_in_use(stopped.volume["spec"]["csi"]["volumeHandle"])
    node = stopped.attachment["spec"]["nodeName"]
    dropped = stopped.scene.changes(
        NODES, stopped.since, node, until=lambda event: disk not in event["object"]["status"].get("volumesInUse", [])
    )
    attachment = [revision(event["object"]) for event in stopped.attachment_events()]
    steps = [revision(stopped.pod_events("app-1")[-1]["object"]), revision(dropped[-1]["object"]), *attachment]
    assert steps == sorted(steps)


@case("B2-w5")
def test_w5_the_status_of_a_set_that_is_scaled_to_zero(scene: Scene) -> None:
    """As recorded a pod ends first, and is gone when the control plane has seen that it ended."""
    scene.run(new_set())
    for name in ("web-0", "web-1"):
        scene.hold(PODS, name)
    since = scene.now()
    scene.scale(0)
    for left, name in ((1, "web-1"), (0, "web-0")):
        scene.wait(lambda seen=left: scene.there(SETS, "web")["status"].get("readyReplicas", 0) <= seen, "it ended")
        scene.wait(lambda ended=name: not is_ready(scene.there(PODS, ended)), "it ended")
        scene.release(PODS, name)
        scene.wait(lambda seen=left: scene.there(SETS, "web")["status"]["replicas"] <= seen, "it is gone")
    last = load("w5-")[-1]["object"]["status"]
    events = scene.changes(SETS, since, "web", until=lambda event: event["object"]["status"] == last)
    counts = [_counts(event["object"]["status"]) for event in events]
    recorded_counts = [_counts(event["object"]["status"]) for event in load("w5-")]
    assert _distinct(counts) == _distinct(recorded_counts)


def _counts(status: Object) -> dict[str, int]:
    """The numbers that count replicas in a given state, as they are: an absent one stays absent."""
    return {key: value for key, value in status.items() if key.endswith("eplicas")}


def _distinct(states: list[dict[str, int]]) -> list[dict[str, int]]:
    return [state for index, state in enumerate(states) if index == 0 or state != states[index - 1]]


@case("B2-w6")
def test_w6_a_pod_is_made_and_gets_its_node_in_one_write(stopped: Stopped) -> None:
    """What follows in the recording was written by its stand-in for a kubelet (B6). Its server gave pods no account."""
    scene = stopped.scene
    since = scene.now()
    scene.scale(1, "app")
    events = scene.changes(PODS, since, "app-0", until=lambda event: "nodeName" in event["object"]["spec"])
    account = {"spec.serviceAccount", "spec.serviceAccountName"}
    (first, made), *rest = recorded("w6-")[:2]
    assert shapes(events) == [(first, made | account), *rest]
    wait_for(lambda: is_ready(scene.there(PODS, "app-0")), "app-0 Ready")

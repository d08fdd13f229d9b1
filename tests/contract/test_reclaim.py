# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""B3 and B4: what goes with what, what stays, and what keeps it. Order is proved by revisions, not by clocks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.nodes.client import Object
from tests.sandbox.nodes.names import ATTACHMENTS, CLAIMS, PODS, VOLUMES

from .cases import case, rules
from .objects import (
    CONFIG_MAPS,
    SETS,
    is_ready,
    is_terminating,
    new_set,
    new_volume,
    phase,
    revision,
    uid,
    without_disks,
)
from .scene import Scene

RETAIN = {"spec": {"persistentVolumeReclaimPolicy": "Retain"}}


def is_gone(event: Object) -> bool:
    return bool(event["type"] == "DELETED")


def gone_at(scene: Scene, resource: str, since: str, name: str) -> int:
    return revision(scene.changes(resource, since, name, until=is_gone)[-1]["object"])


@case("B3-retained-volume")
def test_a_retained_volume_is_released_and_keeps_name_claim_and_disk(scene: Scene) -> None:
    """Released with the uid of the claim that is gone; its name stays taken; the disk stays."""
    scene.run(new_set(replicas=1))
    claim, volume = scene.there(CLAIMS, "www-web-0"), scene.volume_of("www-web-0")
    name = volume["metadata"]["name"]
    scene.patch(VOLUMES, name, RETAIN)
    scene.scale(0)
    scene.wait_stopped()
    scene.delete(CLAIMS, "www-web-0")
    released = scene.wait_phase(VOLUMES, name, "Released")
    assert released["spec"]["claimRef"]["uid"] == uid(claim)
    answer = scene.caller.send("POST", scene.path(VOLUMES), new_volume(name))
    assert (answer.status, answer.body["reason"]) == (409, "AlreadyExists")
    assert answer.body["message"] == f'persistentvolumes "{name}" already exists'
    assert volume["spec"]["csi"]["volumeHandle"] in scene.sandbox.cloud.world()["disks"]


@case("B3-deleted-volume")
def test_without_retain_volume_and_disk_go_with_the_claim(scene: Scene) -> None:
    scene.run(new_set(replicas=1))
    volume = scene.volume_of("www-web-0")
    disk = volume["spec"]["csi"]["volumeHandle"]
    scene.scale(0)
    scene.wait_stopped()
    scene.delete(CLAIMS, "www-web-0")
    scene.wait_gone(VOLUMES, volume["metadata"]["name"])
    scene.wait(lambda: disk in scene.sandbox.cloud.world()["deleted_disks"], "the disk deleted")


@pytest.fixture
def slow_detach(scene: Scene) -> Iterator[Scene]:
    """Disks take a while to leave a node, so that there is a time in which they are still attached."""
    latency = scene.sandbox.node_latency
    before, latency.volumes_in_use = latency.volumes_in_use, 1.0
    yield scene
    latency.volumes_in_use = before


@case("B3-terminating-until-detached")
def test_a_deleted_volume_stays_until_its_disk_is_detached(slow_detach: Scene) -> None:
    """The claim goes at once though the disk is attached, the volume not; its name answers 409 meanwhile (a1)."""
    scene = slow_detach
    scene.run(new_set(replicas=1))
    name = scene.volume_of("www-web-0")["metadata"]["name"]
    (attachment,) = (
        each["metadata"]["name"]
        for each in scene.caller.list(ATTACHMENTS)
        if each["spec"]["source"]["persistentVolumeName"] == name
    )
    scene.patch(VOLUMES, name, RETAIN)
    since = scene.now()
    scene.scale(0)
    scene.wait_stopped()
    scene.delete(CLAIMS, "www-web-0")
    scene.wait_gone(CLAIMS, "www-web-0")
    scene.delete(VOLUMES, name)
    answer = scene.caller.send("POST", scene.path(VOLUMES), new_volume(name))
    assert (answer.status, answer.body["reason"]) == (409, "AlreadyExists")
    assert answer.body["message"] == f'object is being deleted: persistentvolumes "{name}" already exists'
    steps = [
        gone_at(scene, CLAIMS, since, "www-web-0"),
        gone_at(scene, ATTACHMENTS, since, attachment),
        gone_at(scene, VOLUMES, since, name),
    ]
    assert steps == sorted(steps)


@case("B4-volume-deleted-while-bound")
def test_a_bound_volume_that_is_deleted_serves_on_until_its_claim_goes(scene: Scene) -> None:
    """Sample 72."""
    scene.run(new_set(replicas=1))
    name = scene.volume_of("www-web-0")["metadata"]["name"]
    pod = scene.there(PODS, "web-0")
    scene.delete(VOLUMES, name)
    scene.touch(VOLUMES, name)
    volume = scene.there(VOLUMES, name)
    assert is_terminating(volume) and phase(volume) == "Bound"
    assert scene.there(PODS, "web-0") == pod and is_ready(pod)
    since = scene.now()
    scene.scale(0)
    scene.wait_stopped()
    scene.delete(CLAIMS, "www-web-0")
    assert gone_at(scene, CLAIMS, since, "www-web-0") < gone_at(scene, VOLUMES, since, name)


@case("B4-claim-deleted-in-use")
def test_a_claim_in_use_that_is_deleted_goes_with_its_pod(scene: Scene) -> None:
    """Sample 70: Terminating, Bound, its pod runs on; it goes after the last pod."""
    scene.run(new_set(replicas=1))
    since = scene.now()
    claim = scene.delete(CLAIMS, "www-web-0").body
    assert claim["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    scene.wait(lambda: is_terminating(scene.there(CLAIMS, "www-web-0")), "Terminating")
    assert phase(scene.there(CLAIMS, "www-web-0")) == "Bound" and is_ready(scene.there(PODS, "web-0"))
    scene.scale(0)
    scene.wait_gone(CLAIMS, "www-web-0")
    assert gone_at(scene, PODS, since, "web-0") < gone_at(scene, CLAIMS, since, "www-web-0")


@case("B5-foreground-delete")
def test_a_foreground_delete_waits_for_the_pods(scene: Scene) -> None:
    scene.run(without_disks())
    since = scene.now()
    answer = scene.delete(SETS, "web", {"propagationPolicy": "Foreground"}).body
    assert answer["kind"] == "StatefulSet" and answer["metadata"]["finalizers"] == ["foregroundDeletion"]
    scene.wait_gone(SETS, "web")
    last = gone_at(scene, SETS, since, "web")
    assert all(gone_at(scene, PODS, since, pod) < last for pod in ("web-0", "web-1"))


@case("B5-background-delete")
def test_a_background_delete_takes_the_pods_afterwards(scene: Scene) -> None:
    scene.run(without_disks())
    since = scene.now()
    scene.delete(SETS, "web")
    assert scene.get(SETS, "web") is None
    scene.wait_stopped()
    assert gone_at(scene, SETS, since, "web") < gone_at(scene, PODS, since, "web-0")
    scene.wait(lambda: not scene.list("controllerrevisions.apps"), "revisions gone")


@rules("B5", "missing", owner_that_is_gone=True, owner_of_another_uid=False)
def test_an_object_whose_owner_is_not_there_is_collected(scene: Scene, missing: bool) -> None:
    """An owner is who has the uid, not who has the name."""
    name = "nobody" if missing else "owner"
    scene.create(CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner"}})
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": "00000000-0000-4000-8000-000000000000"}
    owned = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owned", "ownerReferences": [owner]}}
    scene.create(CONFIG_MAPS, owned)
    scene.wait_gone(CONFIG_MAPS, "owned")
    assert scene.there(CONFIG_MAPS, "owner")

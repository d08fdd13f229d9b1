# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorded watches w1 to w8: the same steps give the same events, in order, that change the same fields."""

from __future__ import annotations

from tests.contract.samples import load
from tests.contract.shapes import Shape, shapes
from tests.sandbox.kube.controllers.objects import Object, finalizers, name, node_of, phase, terminating
from tests.unit.sandbox.controller_helpers import World
from tests.unit.sandbox.controller_objects import (
    ATTACHER,
    ATTACHMENTS,
    CLAIMS,
    PODS,
    PROVISIONER,
    SETS,
    VOLUMES,
    new_claim,
    new_set,
    new_volume,
)


def recorded(sample: str) -> list[Shape]:
    return shapes(load(sample))


def seen(world: World, resource: str, since: int, of: str) -> list[Shape]:
    return shapes([event for event in world.changes(resource, since) if name(event["object"]) == of])


def quiet_driver(world: World) -> None:
    """The driver has nothing to say in these recordings."""
    world.driver.queue.stop()


def bound_like_provisioned(world: World, volume: str, claim: str) -> None:
    """A volume as the driver made and attached it, under Retain, and its claim."""
    obj = new_volume(volume, "cn-beijing-i", reserved_for=claim)
    obj["metadata"]["finalizers"] = [PROVISIONER, "kubernetes.io/pv-protection", ATTACHER]
    world.admin.create(VOLUMES, obj)
    world.admin.create(CLAIMS, new_claim(claim))
    world.wait(lambda: world.bound(claim))
    world.settle()


def test_w1_and_w2_claim_and_volume_are_deleted_and_made_again(world: World) -> None:
    quiet_driver(world)
    bound_like_provisioned(world, "pv", "www-web-0")
    since = world.api.store.revision
    world.admin.patch(VOLUMES, "pv", {"metadata": {"labels": {"x": "y"}}})
    kept = finalizers(world.admin.get(VOLUMES, "pv") or {})
    world.admin.patch(VOLUMES, "pv", {"metadata": {"finalizers": [*kept, "test.example/hold"]}})
    world.admin.delete(CLAIMS, "www-web-0", "default")
    world.wait(lambda: phase(world.admin.get(VOLUMES, "pv") or {}) == "Released" and not world.claim("www-web-0"))
    world.admin.delete(VOLUMES, "pv")
    world.wait(lambda: "kubernetes.io/pv-protection" not in finalizers(world.admin.get(VOLUMES, "pv") or {}))
    world.admin.patch(VOLUMES, "pv", {"metadata": {"finalizers": None}})
    world.admin.create(VOLUMES, new_volume("pv", reserved_for="www-web-0"))
    world.wait(lambda: phase(world.admin.get(VOLUMES, "pv") or {}) == "Available")
    world.admin.create(CLAIMS, new_claim("www-web-0", "pv"))
    world.wait(lambda: world.bound("www-web-0"))
    world.settle()
    assert seen(world, VOLUMES, since, "pv") == recorded("w1-")
    assert seen(world, CLAIMS, since, "www-web-0") == recorded("w2-")


def test_w7_and_w8_the_claim_is_there_before_its_volume(world: World) -> None:
    quiet_driver(world)
    bound_like_provisioned(world, "old", "www-web-1")
    since = world.api.store.revision
    world.admin.delete(CLAIMS, "www-web-1", "default")
    world.wait(lambda: world.claim("www-web-1") is None)
    world.admin.create(CLAIMS, new_claim("www-web-1", "new"))
    world.settle()
    world.admin.create(VOLUMES, new_volume("new", reserved_for="www-web-1"))
    world.settle()
    binder = next(each for each in world.manager.controllers if each.name == "persistentvolume-binder")
    binder.resync()
    world.wait(lambda: world.bound("www-web-1"))
    world.settle()
    volume = world.admin.get(VOLUMES, "new")
    assert volume
    # the last event of w8 is the driver's, when the pod comes
    world.admin.patch(VOLUMES, "new", {"metadata": {"finalizers": [*finalizers(volume), ATTACHER]}})
    assert seen(world, CLAIMS, since, "www-web-1") == recorded("w7-")
    assert seen(world, VOLUMES, since, "new") == recorded("w8-")


def run(world: World) -> None:
    world.admin.create(SETS, new_set())
    world.wait(lambda: world.ready("web-0", "web-1") and world.stateful_set()["status"].get("readyReplicas") == 2)
    world.settle()


def test_w3_and_w4_a_pod_is_stopped_and_its_disk_detached(world: World) -> None:
    run(world)
    since = world.api.store.revision
    attachments = {each["spec"]["nodeName"]: name(each) for each in world.admin.list(ATTACHMENTS)}
    pod = world.pod("web-1")
    assert pod
    world.scale(0)
    world.wait(lambda: not world.admin.list(PODS) and not world.admin.list(ATTACHMENTS))
    assert seen(world, PODS, since, "web-1") == recorded("w3-")
    assert seen(world, ATTACHMENTS, since, attachments[node_of(pod)]) == recorded("w4-")


def test_w5_the_status_of_a_set_that_is_scaled_to_zero(world: World) -> None:
    """Each step of the recorded kubelet is taken when the control plane has answered the one before."""
    run(world)
    world.kubelet.stuck.update({"web-0", "web-1"})
    since = world.api.store.revision
    world.scale(0)
    for pod_name in ("web-1", "web-0"):
        pod = world.wait(lambda wanted=pod_name: _terminating_pod(world, wanted))
        world.settle()
        conditions = [
            {**each, "status": "False"} if each["type"] in ("Ready", "ContainersReady") else each
            for each in pod["status"]["conditions"]
        ]
        status = {**pod["status"], "phase": "Succeeded", "conditions": conditions}
        world.admin.update(PODS, {**pod, "status": status}, subresource="status")
        world.settle()
        world.admin.delete(PODS, pod_name, "default", grace=0)
    world.wait(lambda: not world.admin.list(PODS))
    world.settle()
    statuses = [event["object"]["status"] for event in world.changes(SETS, since)]
    assert statuses == [event["object"]["status"] for event in load("w5-")]


def _terminating_pod(world: World, pod_name: str) -> Object | None:
    pod = world.pod(pod_name)
    return pod if pod and terminating(pod) else None


def test_w6_a_pod_is_made_and_gets_its_node_in_one_write(world: World) -> None:
    """What follows in the recording was written by its stand-in for a kubelet (B6)."""
    run(world)
    world.scale(0)
    world.wait(lambda: not world.admin.list(PODS))
    since = world.api.store.revision
    world.scale(1)
    world.wait(lambda: world.ready("web-0"))
    assert seen(world, PODS, since, "web-0")[:2] == recorded("w6-")[:2]

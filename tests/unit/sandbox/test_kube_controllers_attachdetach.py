# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attach-detach controller: kubernetes-behaviour.md B3 and B5, traps 17 and 18."""

from __future__ import annotations

from tests.sandbox.kube.controllers.attachdetach import attachment_name, volume_name
from tests.sandbox.kube.controllers.manager import Timing
from tests.sandbox.kube.controllers.objects import Object, name, phase, terminating, timestamp
from tests.sandbox.kube.controllers.workqueue import Backoff
from tests.unit.sandbox.controller_helpers import World, start_world, stop_world
from tests.unit.sandbox.controller_objects import (
    ATTACHMENTS,
    CLAIMS,
    NODES,
    PODS,
    SETS,
    VOLUMES,
    new_claim,
    new_set,
    new_volume,
)


def run_one(world: World) -> Object:
    """web-0 on its disk; returns the attachment."""
    world.admin.create(SETS, new_set(replicas=1))
    world.wait(lambda: world.ready("web-0"))
    (attachment,) = world.admin.list(ATTACHMENTS)
    return attachment


def node(world: World, node_name: str) -> Object:
    found = world.admin.get(NODES, node_name)
    assert found
    return found


def test_the_name_of_an_attachment_is_the_recorded_one() -> None:
    """00-object-volumeattachment."""
    computed = attachment_name("diskplugin.csi.alibabacloud.com", "d-2zezlf9h1ooakvb96tu3", "node-zone-i")
    assert computed == "csi-170522c2244ad12daf380a2d58399cc873fe48a4bd40203e5631c474e5652ed1"


def test_a_scheduled_pod_has_its_volume_attached_and_hears_of_it(world: World) -> None:
    attachment = run_one(world)
    volume = world.volume_of("www-web-0")
    assert attachment["spec"] == {
        "attacher": "diskplugin.csi.alibabacloud.com",
        "source": {"persistentVolumeName": name(volume)},
        "nodeName": "node-zone-i",
    }
    attached = node(world, "node-zone-i")["status"]["volumesAttached"]
    assert attached == [{"name": volume_name(volume), "devicePath": ""}]
    assert world.events("SuccessfulAttachVolume") == [f'AttachVolume.Attach succeeded for volume "{name(volume)}" ']


def test_an_attachment_goes_only_when_the_node_has_unmounted_the_volume(world: World) -> None:
    run_one(world)
    in_use = node(world, "node-zone-i")["status"]["volumesInUse"]
    world.kubelet.silent_nodes.add("node-zone-i")
    world.admin.delete(PODS, "web-0", "default", grace=0)
    world.scale(0)
    world.wait(lambda: world.pod("web-0") is None)
    world.settle()
    (attachment,) = world.admin.list(ATTACHMENTS)
    assert not terminating(attachment) and in_use
    world.admin.patch(NODES, "node-zone-i", {"status": {"volumesInUse": []}}, subresource="status")
    world.wait(lambda: not world.admin.list(ATTACHMENTS))
    assert node(world, "node-zone-i")["status"]["volumesAttached"] == []


def test_the_driver_holds_the_attachment_and_the_volume_until_it_has_detached(world: World) -> None:
    """B3: the claim goes at once, a deleted volume only when its last attachment is gone."""
    run_one(world)
    volume = world.volume_of("www-web-0")
    world.driver.detaching = False
    world.scale(0)
    world.wait(lambda: all(terminating(each) for each in world.admin.list(ATTACHMENTS)) and not world.admin.list(PODS))
    world.admin.delete(CLAIMS, "www-web-0", "default")
    world.wait(lambda: world.claim("www-web-0") is None)
    world.admin.delete(VOLUMES, name(volume))
    world.settle()
    assert world.admin.get(VOLUMES, name(volume)) is not None
    world.driver.detaching = True
    world.driver.look_again()
    world.wait(lambda: world.admin.get(VOLUMES, name(volume)) is None and not world.admin.list(ATTACHMENTS))


def test_a_refused_attach_is_told_to_the_pod_which_keeps_waiting(world: World) -> None:
    world.driver.refuses_zone = True
    world.admin.create(VOLUMES, new_volume("liar", reserved_for="www-web-0"))
    world.admin.create(SETS, new_set(replicas=1))
    world.wait(lambda: world.events("FailedAttachVolume", "web-0"))
    assert world.events("FailedAttachVolume", "web-0")[0].startswith(
        'AttachVolume.Attach failed for volume "liar" : rpc error: '
    )
    world.settle()
    assert phase(world.pod("web-0") or {}) == "Pending"
    (attachment,) = world.admin.list(ATTACHMENTS)
    assert attachment["status"]["attached"] is False


def pod_on(node_name: str, pod: str) -> Object:
    return {
        "metadata": {"name": pod, "namespace": "default"},
        "spec": {
            "nodeName": node_name,
            "containers": [{"name": "c", "image": "nginx:1.14.2"}],
            "volumes": [{"name": "www", "persistentVolumeClaim": {"claimName": "c1"}}],
        },
    }


def test_a_volume_is_attached_to_one_node_at_a_time(world: World) -> None:
    world.admin.create(VOLUMES, new_volume("v1", reserved_for="c1"))
    world.admin.create(CLAIMS, new_claim("c1", "v1"))
    world.wait(lambda: world.bound("c1"))
    world.admin.create(PODS, pod_on("node-zone-k", "p1"))
    world.wait(lambda: world.admin.list(ATTACHMENTS))
    world.admin.create(PODS, pod_on("node-zone-i", "p2"))
    world.wait(lambda: world.events("FailedAttachVolume", "p2"))
    assert world.events("FailedAttachVolume", "p2") == [
        'Multi-Attach error for volume "v1" Volume is already used by pod(s) p1'
    ]
    world.admin.delete(PODS, "p1", "default", grace=0)
    volumes = {"status": {"volumesInUse": []}}
    world.admin.patch(NODES, "node-zone-k", volumes, subresource="status")
    world.wait(lambda: [each["spec"]["nodeName"] for each in world.admin.list(ATTACHMENTS)] == ["node-zone-i"])


def forced(world: World, *, healthy: bool) -> None:
    """The pod is removed by force from a node that never reports its volume unmounted."""
    run_one(world)
    world.kubelet.silent_nodes.add("node-zone-i")
    if not healthy:
        unknown = {"type": "Ready", "status": "Unknown", "lastTransitionTime": timestamp()}
        world.admin.patch(NODES, "node-zone-i", {"status": {"conditions": [unknown]}}, subresource="status")
    world.admin.patch(SETS, "web", {"spec": {"replicas": 0}}, "default")
    world.admin.delete(PODS, "web-0", "default", grace=0)
    world.wait(lambda: world.pod("web-0") is None)


SOON = Timing(binder_resync=3600, pod_backoff=Backoff(0.01, 0.05), force_detach=0.2)


def test_a_dead_node_loses_its_volume_after_the_force_detach_time() -> None:
    world = start_world(SOON)
    try:
        forced(world, healthy=False)
        world.wait(lambda: not world.admin.list(ATTACHMENTS))
    finally:
        stop_world(world)


def test_a_healthy_node_keeps_its_volume_for_as_long_as_it_is_mounted() -> None:
    world = start_world(SOON)
    try:
        forced(world, healthy=True)
        world.settle()
        assert len(world.admin.list(ATTACHMENTS)) == 1
    finally:
        stop_world(world)


def test_the_out_of_service_taint_takes_the_volume_at_once(world: World) -> None:
    forced(world, healthy=False)
    assert len(world.admin.list(ATTACHMENTS)) == 1
    taint = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}
    world.admin.patch(NODES, "node-zone-i", {"spec": {"taints": [taint]}})
    world.wait(lambda: not world.admin.list(ATTACHMENTS))


def test_the_real_force_detach_time_is_six_minutes() -> None:
    assert Timing().force_detach == 360.0


def test_a_driver_that_needs_no_attaching_gets_no_attachments(world: World) -> None:
    driver = {"metadata": {"name": "diskplugin.csi.alibabacloud.com"}, "spec": {"attachRequired": False}}
    world.admin.create("csidrivers.storage.k8s.io", driver)
    world.admin.create(SETS, new_set(replicas=1))
    world.wait(lambda: world.bound("www-web-0") and (world.pod("web-0") or {"spec": {}})["spec"].get("nodeName"))
    world.settle()
    assert not world.admin.list(ATTACHMENTS)

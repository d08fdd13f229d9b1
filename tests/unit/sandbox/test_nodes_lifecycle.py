# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes and driver end to end, over HTTP: from a claim to a disk, from a pod to its last record, and back."""

from __future__ import annotations

from typing import Any

from tests.sandbox.nodes.names import ATTACHER_FINALIZER, NEVER_READY_IN, PROVISIONER_FINALIZER
from tests.sandbox.records import flaw, starts_with
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.world import World, disk_of_claim, is_ready, zone_of_pod
from tests.support import (
    as_admin,
    contents,
    run_web,
    scale,
    scale_to_zero,
    wait_for,
    wait_for_world,
    wait_until_running,
    web,
)

CLAIM = "default/www-web-0"


def test_nodes_are_registered_as_the_driver_does(sandbox: Sandbox) -> None:
    kubernetes = as_admin(sandbox)
    node = kubernetes.get("nodes", "node-k-1")
    csi_node = kubernetes.get("csinodes.storage.k8s.io", "node-k-1")
    lease = kubernetes.get("leases.coordination.k8s.io", "node-k-1", "kube-node-lease")
    assert node and csi_node and lease

    instance = node["spec"]["providerID"].removeprefix("cn-beijing.")
    assert sandbox.world()["instances"][instance]["zone"] == "cn-beijing-k"
    labels = node["metadata"]["labels"]
    assert labels["topology.kubernetes.io/zone"] == "cn-beijing-k"
    assert labels["topology.kubernetes.io/region"] == "cn-beijing"
    assert labels["topology.diskplugin.csi.alibabacloud.com/zone"] == "cn-beijing-k"
    assert labels["node.csi.alibabacloud.com/disktype.cloud_essd"] == "available"
    assert labels["kubernetes.io/hostname"] == "node-k-1"
    annotations = node["metadata"]["annotations"]
    assert annotations["volumes.kubernetes.io/controller-managed-attach-detach"] == "true"
    (driver,) = csi_node["spec"]["drivers"]
    assert driver["name"] == "diskplugin.csi.alibabacloud.com"
    assert driver["nodeID"] == instance
    assert driver["topologyKeys"] == [
        "alibabacloud.com/ecs-instance-id",
        "topology.diskplugin.csi.alibabacloud.com/zone",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
    ]
    assert driver["allocatable"]["count"] == 16
    assert lease["spec"]["holderIdentity"] == "node-k-1"


def test_claim_becomes_a_disk_and_a_volume_in_the_zone_of_its_pod(sandbox: Sandbox) -> None:
    world = run_web(sandbox, replicas=1)

    claim = world["claims"][CLAIM]
    volume = world["volumes"][claim["spec"]["volumeName"]]
    disk = world["disks"][disk_of_claim(world, CLAIM)]
    zone = zone_of_pod(world, world["pods"]["default/web-0"])
    assert volume["metadata"]["name"] == f"disk-{claim['metadata']['uid']}"
    assert volume["spec"]["csi"]["volumeHandle"] == disk["id"]
    assert volume["spec"]["claimRef"]["uid"] == claim["metadata"]["uid"]
    assert set(volume["metadata"]["finalizers"]) == {
        PROVISIONER_FINALIZER,
        ATTACHER_FINALIZER,
        "kubernetes.io/pv-protection",
    }
    assert disk["zone"] == zone
    assert (disk["category"], disk["performance_level"], disk["size"]) == ("cloud_essd", "PL1", 20)
    assert disk["name"] == volume["metadata"]["name"]
    assert disk["tags"]["createdby"] == "alibabacloud-csi-plugin"
    assert disk["tags"]["kubernetes.io/created-for/pvc/name"] == "www-web-0"
    assert disk["tags"]["csi.alibabacloud.com/volume-name"] == volume["metadata"]["name"]


def test_attachment_and_running_pod_look_as_recorded(sandbox: Sandbox) -> None:
    world = run_web(sandbox, replicas=1)

    (attachment,) = world["attachments"].values()
    disk = world["disks"][disk_of_claim(world, CLAIM)]
    assert attachment["status"]["attached"] is True
    assert attachment["status"]["attachmentMetadata"] == {"serialNumber": disk["id"].removeprefix("d-")}
    assert attachment["metadata"]["finalizers"] == [ATTACHER_FINALIZER]
    assert attachment["metadata"]["annotations"]["csi.alpha.kubernetes.io/node-id"] in disk["attached_to"]
    status = world["pods"]["default/web-0"]["status"]
    assert status["phase"] == "Running"
    assert {condition["type"]: condition["status"] for condition in status["conditions"]} == {
        "PodReadyToStartContainers": "True",
        "Initialized": "True",
        "Ready": "True",
        "ContainersReady": "True",
        "PodScheduled": "True",
    }
    (container,) = status["containerStatuses"]
    assert (container["ready"], container["started"], container["restartCount"]) == (True, True, 0)
    assert status["startTime"]
    assert status["podIP"]
    node = world["nodes"][attachment["spec"]["nodeName"]]
    assert node["status"]["volumesInUse"] == [f"kubernetes.io/csi/diskplugin.csi.alibabacloud.com^{disk['id']}"]


def test_records_go_on_after_a_restart_with_a_last_record_between(sandbox: Sandbox) -> None:
    first = run_web(sandbox, replicas=1, records=3)
    pod = first["pods"]["default/web-0"]["metadata"]
    as_admin(sandbox).delete("pods", "web-0", "default")
    wait_for_world(
        sandbox,
        lambda world: world["pods"].get("default/web-0", {}).get("metadata", {}).get("uid", pod["uid"]) != pod["uid"],
        "the next web-0",
    )
    written = len(contents(sandbox.world(), CLAIM))
    second = wait_until_running(sandbox, 1, records=written + 2)

    records = contents(second, CLAIM)
    assert flaw(records) == ""
    assert starts_with(records, contents(first, CLAIM))
    assert sum(1 for record in records if record.get("last")) == 1
    assert second["disasters"] == []


def test_scale_to_zero_leaves_last_records_and_free_disks_and_back_goes_on(sandbox: Sandbox) -> None:
    run_web(sandbox, replicas=2, records=3)

    stopped = scale_to_zero(sandbox)

    for claim in ("default/www-web-0", "default/www-web-1"):
        assert contents(stopped, claim)[-1]["last"] is True
        assert stopped["disks"][disk_of_claim(stopped, claim)]["status"] == "Available"
    in_use = [node["status"].get("volumesInUse") or [] for node in stopped["nodes"].values()]
    assert in_use == [[], [], [], []]
    scale(sandbox, 2)
    again = wait_until_running(sandbox, 2, records=len(contents(stopped, CLAIM)) + 2)
    assert starts_with(contents(again, CLAIM), contents(stopped, CLAIM))
    assert flaw(contents(again, CLAIM)) == ""
    assert again["disasters"] == []


def test_stop_that_outlasts_the_grace_period_leaves_no_last_record(sandbox: Sandbox) -> None:
    sandbox.node_latency.pod_stop = 60.0
    template = web()["spec"]["template"]
    template["spec"]["terminationGracePeriodSeconds"] = 1
    run_web(sandbox, replicas=1, records=3, template=template)

    stopped = scale_to_zero(sandbox)

    records = contents(stopped, CLAIM)
    assert flaw(records) == ""
    assert not any(record.get("last") for record in records)


def test_forced_deletion_kills_without_a_last_record(sandbox: Sandbox) -> None:
    world = run_web(sandbox, replicas=1, records=3)
    uid = world["pods"]["default/web-0"]["metadata"]["uid"]

    as_admin(sandbox).delete("pods", "web-0", "default", grace=0)

    wait_for_world(
        sandbox,
        lambda now: now["pods"].get("default/web-0", {"metadata": {"uid": uid}})["metadata"]["uid"] != uid,
        "the next web-0",
    )
    again = wait_until_running(sandbox, 1, records=len(contents(sandbox.world(), CLAIM)) + 1)
    assert not any(record.get("last") for record in contents(again, CLAIM))
    assert flaw(contents(again, CLAIM)) == ""
    assert again["disasters"] == []


def test_reclaim_delete_really_deletes_the_disk(sandbox: Sandbox) -> None:
    world = run_web(sandbox, replicas=1)
    disk = disk_of_claim(world, CLAIM)
    scale_to_zero(sandbox)

    as_admin(sandbox).delete("persistentvolumeclaims", "www-web-0", "default")

    gone = wait_for_world(sandbox, lambda now: not now["disks"] and not now["volumes"], "disk and volume gone")
    assert list(gone["deleted_disks"]) == [disk]


def test_reclaim_delete_is_a_race_for_hand_made_volumes(sandbox: Sandbox) -> None:
    """1.7: the provisioner takes any CSI PV of the driver, annotation or not, unless the control plane is first and,
    finding no plugin for it, marks it Failed: the disk is lost or left over.
    """
    world = run_web(sandbox, replicas=1)
    scale_to_zero(sandbox)
    kubernetes = as_admin(sandbox)
    volume = world["volumes"][world["claims"][CLAIM]["spec"]["volumeName"]]
    annotations: dict[str, Any] = dict.fromkeys(volume["metadata"]["annotations"])
    kubernetes.patch("persistentvolumes", volume["metadata"]["name"], {"metadata": {"annotations": annotations}})

    kubernetes.delete("persistentvolumeclaims", "www-web-0", "default")

    def is_settled(now: World) -> bool:
        left = now["volumes"].get(volume["metadata"]["name"])
        return left["status"]["phase"] == "Failed" if left else not now["disks"]

    wait_for_world(sandbox, is_settled, "the disk gone or the volume Failed")


def test_reclaim_retain_keeps_the_disk_and_drops_the_finalizer(sandbox: Sandbox) -> None:
    world = run_web(sandbox, replicas=1)
    name = world["claims"][CLAIM]["spec"]["volumeName"]
    scale_to_zero(sandbox)
    kubernetes = as_admin(sandbox)
    kubernetes.patch("persistentvolumes", name, {"spec": {"persistentVolumeReclaimPolicy": "Retain"}})
    wait_for_world(
        sandbox,
        lambda now: PROVISIONER_FINALIZER not in now["volumes"][name]["metadata"]["finalizers"],
        "the finalizer dropped",
    )

    kubernetes.delete("persistentvolumeclaims", "www-web-0", "default")

    released = wait_for_world(
        sandbox, lambda now: now["volumes"][name]["status"]["phase"] == "Released", "the volume released"
    )
    kubernetes.delete("persistentvolumes", name)
    left = wait_for_world(sandbox, lambda now: not now["volumes"], "the volume gone")
    assert list(left["disks"]) == list(released["disks"]) == list(world["disks"])


def test_claim_deleted_and_made_anew_is_a_disaster(sandbox: Sandbox) -> None:
    run_web(sandbox, replicas=1, records=3)
    stopped = scale_to_zero(sandbox)
    written = len(contents(stopped, CLAIM))
    as_admin(sandbox).delete("persistentvolumeclaims", "www-web-0", "default")
    wait_for_world(sandbox, lambda now: not now["claims"], "the claim gone")

    scale(sandbox, 1)

    world = wait_until_running(sandbox, 1)
    (disaster,) = world["disasters"]
    assert (disaster["kind"], disaster["claim"], disaster["pod"]) == ("empty-disk", CLAIM, "web-0")
    assert (disaster["acknowledged"], disaster["found"]) == (written, 0)


def test_pod_is_never_ready_in_a_zone_that_the_test_names(sandbox: Sandbox) -> None:
    template = web()["spec"]["template"]
    template["metadata"]["annotations"] = {NEVER_READY_IN: ",".join(sandbox.cloud.zones)}
    as_admin(sandbox).create("statefulsets.apps", web(2, template=template))

    world = wait_for_world(sandbox, lambda now: len(contents(now, CLAIM)) > 2, "an application that runs")

    assert world["pods"]["default/web-0"]["status"]["phase"] == "Running"
    assert not is_ready(world["pods"]["default/web-0"])
    assert "default/web-1" not in world["pods"]
    assert world["writes"] == {}


def test_grown_claim_grows_volume_and_disk(sandbox: Sandbox) -> None:
    world = run_web(sandbox, replicas=1)

    patch = {"spec": {"resources": {"requests": {"storage": "40Gi"}}}}
    as_admin(sandbox).patch("persistentvolumeclaims", "www-web-0", patch, "default")

    grown = wait_for_world(
        sandbox, lambda now: now["claims"][CLAIM]["status"]["capacity"]["storage"] == "40Gi", "a grown claim"
    )
    assert grown["disks"][disk_of_claim(world, CLAIM)]["size"] == 40
    assert grown["volumes"][world["claims"][CLAIM]["spec"]["volumeName"]]["spec"]["capacity"]["storage"] == "40Gi"


def attach_calls(sandbox: Sandbox) -> list[tuple[float, str]]:
    calls = [call for call in sandbox.log.calls() if call.side == "ecs" and call.verb == "AttachDisk"]
    return [(call.time, call.params["InstanceId"]) for call in calls]


def test_node_attaches_one_disk_at_a_time(sandbox: Sandbox) -> None:
    seconds = sandbox.cloud.latency.attach = 0.3
    node = {"kubernetes.io/hostname": "node-i-1"}
    template = web()["spec"]["template"]
    template["spec"]["nodeSelector"] = node
    run_web(sandbox, replicas=3, podManagementPolicy="Parallel", template=template)

    calls = attach_calls(sandbox)

    assert len({instance for _time, instance in calls}) == 1
    times = [time for time, _instance in calls]
    assert len(times) == 3
    assert all(later - earlier >= seconds for earlier, later in zip(times, times[1:], strict=False))


def test_disk_in_another_zone_than_the_volume_says_is_an_attach_error(sandbox: Sandbox) -> None:
    """B5: a PV that lies about its zone; 1.6: the driver does not check, ECS does."""
    world = run_web(sandbox, replicas=1)
    scale_to_zero(sandbox)
    kubernetes = as_admin(sandbox)
    name = world["claims"][CLAIM]["spec"]["volumeName"]
    kubernetes.patch("persistentvolumes", name, {"spec": {"persistentVolumeReclaimPolicy": "Retain"}})
    kubernetes.delete("persistentvolumeclaims", "www-web-0", "default")
    wait_for_world(sandbox, lambda now: not now["claims"], "the claim gone")
    kubernetes.create("persistentvolumes", lying_volume(world, name))
    scale(sandbox, 1)

    def refused(now: World) -> Any:
        return [found for found in now["attachments"].values() if (found.get("status") or {}).get("attachError")]

    (attachment,) = refused(wait_for_world(sandbox, refused, "an attach error"))
    assert attachment["status"]["attached"] is False
    message = attachment["status"]["attachError"]["message"]
    assert message.startswith("rpc error: code = Aborted desc = error happens to attach disk d-")
    assert not is_ready(sandbox.world()["pods"]["default/web-0"])


def lying_volume(world: World, name: str) -> dict[str, Any]:
    """A reserved PV for the claim that says another zone than the disk is in."""
    spec = {**world["volumes"][name]["spec"], "persistentVolumeReclaimPolicy": "Retain"}
    spec["claimRef"] = {"kind": "PersistentVolumeClaim", "namespace": "default", "name": "www-web-0"}
    zone = world["disks"][disk_of_claim(world, CLAIM)]["zone"]
    other = "cn-beijing-k" if zone != "cn-beijing-k" else "cn-beijing-h"
    key = "topology.diskplugin.csi.alibabacloud.com/zone"
    terms = [{"matchExpressions": [{"key": key, "operator": "In", "values": [other]}]}]
    spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": terms}}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "lies"}, "spec": spec}


def test_no_stock_is_told_and_ends_when_there_is_stock_again(sandbox: Sandbox) -> None:
    for zone in sandbox.cloud.zones:
        sandbox.cloud.set_stock(zone, "cloud_essd", False)
    kubernetes = as_admin(sandbox)
    kubernetes.create("statefulsets.apps", web(1))

    def told() -> list[dict[str, Any]]:
        return [event for event in kubernetes.list("events", "default") if event["reason"] == "ProvisioningFailed"]

    event = wait_for(told, "an event about it")[0]
    assert 'failed to provision volume with StorageClass "alicloud-disk-essd"' in event["message"]
    for zone in sandbox.cloud.zones:
        sandbox.cloud.set_stock(zone, "cloud_essd", True)
    wait_until_running(sandbox, 1)

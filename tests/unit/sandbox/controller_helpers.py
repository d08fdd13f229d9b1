# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A control plane with stand-ins for kubelet and disk driver, as kubernetes-behaviour.md was recorded with."""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.sandbox.kube.api import Api
from tests.sandbox.kube.client import Client
from tests.sandbox.kube.controllers.attachdetach import volume_name
from tests.sandbox.kube.controllers.controller import Controller, KeysOf, RetryLater
from tests.sandbox.kube.controllers.manager import ControllerManager, Timing
from tests.sandbox.kube.controllers.objects import (
    Object,
    address,
    annotations_of,
    claim_names,
    finalizers,
    name,
    namespace,
    node_of,
    phase,
    terminating,
    timestamp,
    uid,
)
from tests.sandbox.kube.controllers.workqueue import Backoff
from tests.sandbox.kube.options import ListOptions

DRIVER = "diskplugin.csi.alibabacloud.com"
DISK_ZONE = f"topology.{DRIVER}/zone"
ATTACHER = "external-attacher/diskplugin-csi-alibabacloud-com"
PROVISIONER = "external-provisioner.volume.kubernetes.io/finalizer"
CLASS = "alicloud-disk-essd"

PODS, CLAIMS, VOLUMES, NODES = "pods", "persistentvolumeclaims", "persistentvolumes", "nodes"
SETS, ATTACHMENTS, EVENTS = "statefulsets.apps", "volumeattachments.storage.k8s.io", "events"

# What the tests wait for is short; what they prove to be a wait is long (an hour is "never" to a test).
QUICK = Timing(binder_resync=3600.0, pod_backoff=Backoff(0.01, 0.05))
DEADLINE = 30.0


class Kubelet(Controller):
    """Of all nodes. Keys are pods. A pod runs when its volumes are attached, and goes when it is asked to."""

    name = "fake-kubelet"

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.stuck: set[str] = set()
        self.never_ready: set[str] = set()
        self.silent_nodes: set[str] = set()

    def subscriptions(self) -> dict[str, KeysOf]:
        return {PODS: lambda type_, pod, previous: [address(pod)], NODES: self._pods_of}

    def _pods_of(self, type_: str, node: Object, previous: Object | None) -> list[tuple[str, str]]:
        return [address(pod) for pod in self.client.list(PODS, field_selector=f"spec.nodeName={name(node)}")]

    def sync(self, key: Any) -> float | None:
        pod = self.client.get(PODS, key[1], key[0])
        if pod is None or not node_of(pod) or node_of(pod) in self.silent_nodes:
            return None
        if terminating(pod):
            if name(pod) not in self.stuck:
                self._stop(pod)
        elif phase(pod) == "Pending" and self._mounted(pod):
            self._run(pod)
        return None

    def _mounted(self, pod: Object) -> bool:
        node = self.client.get(NODES, node_of(pod))
        if node is None:
            return False
        wanted = self._volumes(pod)
        in_use = node["status"].get("volumesInUse") or []
        missing = [each for each in wanted if each not in in_use]
        if missing:
            patch = {"status": {"volumesInUse": in_use + missing}}
            self.client.patch(NODES, name(node), patch, subresource="status")
        return set(wanted) <= {each["name"] for each in node["status"].get("volumesAttached") or []}

    def _volumes(self, pod: Object) -> list[str]:
        volumes = []
        for wanted in claim_names(pod):
            claim = self.client.get(CLAIMS, wanted, namespace(pod))
            volume = self.client.get(VOLUMES, claim["spec"]["volumeName"]) if claim else None
            if volume is None:
                raise RetryLater(f"{wanted} is not bound")
            volumes.append(volume_name(volume))
        return volumes

    def _run(self, pod: Object) -> None:
        ready = "False" if name(pod) in self.never_ready else "True"
        self._set_status(pod, "Running", ready, {"running": {"startedAt": timestamp()}})

    def _stop(self, pod: Object) -> None:
        if phase(pod) == "Running":
            pod = self._set_status(pod, "Succeeded", "False", {"terminated": {"exitCode": 0, "reason": "Completed"}})
        node = self.client.get(NODES, node_of(pod))
        if node:
            kept = [each for each in node["status"].get("volumesInUse") or [] if each not in self._volumes(pod)]
            self.client.patch(NODES, name(node), {"status": {"volumesInUse": kept}}, subresource="status")
        self.client.delete(PODS, name(pod), namespace(pod), uid=uid(pod), grace=0)

    def _set_status(self, pod: Object, wanted: str, ready: str, state: Object) -> Object:
        now = timestamp()
        others = [each for each in pod["status"]["conditions"] if each["type"] not in ("Ready", "ContainersReady")]
        conditions = others + [
            {"type": type_, "status": ready, "lastProbeTime": None, "lastTransitionTime": now}
            for type_ in ("Ready", "ContainersReady")
        ]
        containers = [
            {"name": each["name"], "state": state, "ready": ready == "True"} for each in pod["spec"]["containers"]
        ]
        status = {**pod["status"], "phase": wanted, "conditions": conditions, "containerStatuses": containers}
        return self.client.update(PODS, {**pod, "status": status}, subresource="status")


class Driver(Controller):
    """Provisions, attaches, detaches and deletes. Keys are ``(resource, namespace, name)``."""

    name = "fake-driver"

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.made = 0
        self.deleted_disks: list[str] = []
        self.attaching = True
        self.detaching = True
        self.refuses_zone = False

    def subscriptions(self) -> dict[str, KeysOf]:
        return {resource: _keys_of(resource) for resource in (CLAIMS, VOLUMES)} | {ATTACHMENTS: self._of_attachment}

    def _of_attachment(self, type_: str, attachment: Object, previous: Object | None) -> list[tuple[str, str, str]]:
        volume = attachment["spec"]["source"]["persistentVolumeName"]
        return [(ATTACHMENTS, "", name(attachment)), (VOLUMES, "", volume)]

    def sync(self, key: Any) -> float | None:
        obj = self.client.get(key[0], key[2], key[1])
        if obj:
            {CLAIMS: self._claim, VOLUMES: self._volume, ATTACHMENTS: self._attachment}[key[0]](obj)
        return None

    def look_again(self) -> None:
        for attachment in self.client.list(ATTACHMENTS):
            self.queue.add((ATTACHMENTS, "", name(attachment)))

    def _claim(self, claim: Object) -> None:
        wanted = annotations_of(claim).get("volume.kubernetes.io/storage-provisioner")
        if wanted != DRIVER or claim["spec"].get("volumeName") or terminating(claim):
            return
        if self.client.get(VOLUMES, f"disk-{uid(claim)}"):
            return
        node = self.client.get(NODES, annotations_of(claim).get("volume.kubernetes.io/selected-node", "node-zone-i"))
        self.made += 1
        assert node
        size = claim["spec"]["resources"]["requests"]["storage"]
        zone = node["metadata"]["labels"][DISK_ZONE]
        volume = new_volume(f"disk-{uid(claim)}", zone, policy="Delete", handle=f"d-{self.made}", size=size)
        volume["metadata"]["finalizers"] = [PROVISIONER]
        volume["spec"]["claimRef"] = {
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": namespace(claim), "name": name(claim),
            "uid": uid(claim), "resourceVersion": claim["metadata"]["resourceVersion"],
        }
        self.client.create(VOLUMES, volume)

    def _volume(self, volume: Object) -> None:
        kept = list(finalizers(volume))
        if volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain" and PROVISIONER in kept:
            kept.remove(PROVISIONER)
        attached = any(
            each["spec"]["source"]["persistentVolumeName"] == name(volume) for each in self.client.list(ATTACHMENTS)
        )
        if terminating(volume) and ATTACHER in kept and not attached:
            kept.remove(ATTACHER)
        if kept != finalizers(volume):
            self.client.update(VOLUMES, {**volume, "metadata": {**volume["metadata"], "finalizers": kept}})
        elif phase(volume) == "Released" and PROVISIONER in kept and not attached:
            self.deleted_disks.append(volume["spec"]["csi"]["volumeHandle"])
            kept.remove(PROVISIONER)
            self.client.update(VOLUMES, {**volume, "metadata": {**volume["metadata"], "finalizers": kept}})
            if not terminating(volume):
                self.client.delete(VOLUMES, name(volume))

    def _attachment(self, attachment: Object) -> None:
        if terminating(attachment):
            if self.detaching and finalizers(attachment):
                status = {"status": {"attached": False}}
                self.client.patch(ATTACHMENTS, name(attachment), status, subresource="status")
                self.client.patch(ATTACHMENTS, name(attachment), {"metadata": {"finalizers": None}})
            return
        if not self.attaching or attachment["status"]["attached"]:
            return
        volume = self.client.get(VOLUMES, attachment["spec"]["source"]["persistentVolumeName"])
        assert volume
        if self.refuses_zone:
            error = {"time": timestamp(), "message": "rpc error: code = Aborted desc = not in the same zone"}
            self.client.patch(ATTACHMENTS, name(attachment), {"status": {"attachError": error}}, subresource="status")
            return
        if ATTACHER not in finalizers(volume):
            metadata = {**volume["metadata"], "finalizers": [*finalizers(volume), ATTACHER]}
            self.client.update(VOLUMES, {**volume, "metadata": metadata})
        node_id = {"csi.alpha.kubernetes.io/node-id": f"i-{attachment['spec']['nodeName']}"}
        patch = {"metadata": {"annotations": node_id, "finalizers": [ATTACHER]}}
        self.client.patch(ATTACHMENTS, name(attachment), patch)
        self.client.patch(ATTACHMENTS, name(attachment), {"status": {"attached": True}}, subresource="status")


def _keys_of(resource: str) -> KeysOf:
    return lambda type_, obj, previous: [(resource, *address(obj))]


@dataclasses.dataclass
class World:
    """``admin`` is whoever types the commands."""

    api: Api
    admin: Client
    manager: ControllerManager
    kubelet: Kubelet
    driver: Driver

    def wait(self, test: Callable[[], Any]) -> Any:
        """The first true value of ``test``, looked at again and again."""
        deadline = time.monotonic() + DEADLINE
        while not (value := test()):
            assert time.monotonic() < deadline, "never came true"
            time.sleep(0.002)
        return value

    def settle(self) -> None:
        """Waits until nobody has anything left to do but to wait."""
        controllers = [*self.manager.controllers, self.kubelet, self.driver]
        deadline = time.monotonic() + DEADLINE
        calm_since, revision = time.monotonic(), self.api.store.revision
        while time.monotonic() - calm_since < 0.1:
            assert time.monotonic() < deadline, "it never gets quiet"
            time.sleep(0.005)
            if revision != self.api.store.revision or not all(each.queue.idle for each in controllers):
                calm_since, revision = time.monotonic(), self.api.store.revision

    def pod(self, pod_name: str) -> Object | None:
        return self.admin.get(PODS, pod_name, "default")

    def claim(self, claim_name: str) -> Object | None:
        return self.admin.get(CLAIMS, claim_name, "default")

    def volume_of(self, claim_name: str) -> Object:
        claim = self.claim(claim_name)
        assert claim
        volume = self.admin.get(VOLUMES, claim["spec"]["volumeName"])
        assert volume
        return volume

    def stateful_set(self, set_name: str = "web") -> Object:
        found = self.admin.get(SETS, set_name, "default")
        assert found
        return found

    def scale(self, replicas: int, set_name: str = "web") -> None:
        self.admin.patch(SETS, set_name, {"spec": {"replicas": replicas}}, "default", "scale")

    def ready(self, *pods: str) -> bool:
        return all(is_ready(self.pod(each)) for each in pods)

    def bound(self, *claims: str) -> bool:
        return all(phase(self.claim(each) or {}) == "Bound" for each in claims)

    def events(self, reason: str, about: str = "") -> list[str]:
        found = [each for each in self.admin.list(EVENTS) if each["reason"] == reason]
        return [each["message"] for each in found if not about or each["involvedObject"]["name"] == about]

    def changes(self, resource: str, since: int) -> Iterator[Object]:
        """What a watch from ``since`` has seen so far."""
        watch = self.api.watch(self.api.registry.by_key(resource), "", ListOptions(resource_version=str(since)))
        while (event := watch.next(0)) is not None:
            yield event
        watch.stop()


def is_ready(pod: Object | None) -> bool:
    conditions = pod["status"].get("conditions") or [] if pod else []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def new_node(zone: str, node_name: str = "") -> Object:
    labels = {
        "kubernetes.io/hostname": node_name or f"node-zone-{zone}",
        "topology.kubernetes.io/region": "cn-beijing",
        "topology.kubernetes.io/zone": f"cn-beijing-{zone}",
        DISK_ZONE: f"cn-beijing-{zone}",
    }
    return {"metadata": {"name": labels["kubernetes.io/hostname"], "labels": labels}, "spec": {}}


def new_class(class_name: str = CLASS, mode: str = "WaitForFirstConsumer", provisioner: str = DRIVER) -> Object:
    return {
        "metadata": {"name": class_name},
        "provisioner": provisioner,
        "parameters": {"type": "cloud_essd"},
        "reclaimPolicy": "Delete",
        "allowVolumeExpansion": True,
        "volumeBindingMode": mode,
    }


def new_volume(volume: str, zone: str = "cn-beijing-k", *, policy: str = "Retain", handle: str = "", size: str = "20Gi",
               reserved_for: str = "") -> Object:
    """As a migrator makes it: with ``reserved_for`` a claim of namespace default, without its uid."""
    obj: Object = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": volume, "annotations": {"pv.kubernetes.io/provisioned-by": DRIVER}},
        "spec": {
            "capacity": {"storage": size},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": policy,
            "storageClassName": CLASS,
            "volumeMode": "Filesystem",
            "csi": {
                "driver": DRIVER,
                "fsType": "ext4",
                "volumeHandle": handle or volume,
                "volumeAttributes": {"type": "cloud_essd"},
            },
            "nodeAffinity": {"required": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": DISK_ZONE, "operator": "In", "values": [zone]}]},
            ]}},
        },
    }
    if reserved_for:
        obj["spec"]["claimRef"] = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": "default",
                                   "name": reserved_for}
    return obj


def new_claim(claim: str, volume: str = "", *, size: str = "20Gi", class_name: str = CLASS, **metadata: Any) -> Object:
    obj: Object = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": claim, "namespace": "default", "labels": {"app": "nginx"}, **metadata},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": class_name,
            "resources": {"requests": {"storage": size}},
        },
    }
    if volume:
        obj["spec"]["volumeName"] = volume
    return obj


# The vendor's own example (shared/examples/web.yaml).
WEB: Object = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "selector": {"matchLabels": {"app": "nginx"}},
        "serviceName": "nginx",
        "replicas": 2,
        "template": {
            "metadata": {"labels": {"app": "nginx"}},
            "spec": {
                "containers": [{
                    "name": "nginx",
                    "image": "nginx:1.14.2",
                    "ports": [{"containerPort": 80, "name": "web"}],
                    "volumeMounts": [{"name": "www", "mountPath": "/usr/share/nginx/html"}],
                }],
            },
        },
        "volumeClaimTemplates": [{
            "metadata": {"name": "www", "labels": {"app": "nginx"}},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": CLASS,
                "resources": {"requests": {"storage": "20Gi"}},
            },
        }],
    },
}


def new_set(set_name: str = "web", **spec: Any) -> Object:
    obj = copy.deepcopy(WEB)
    obj["metadata"]["name"] = set_name
    obj["spec"].update(spec)
    return obj


def start_world(timing: Timing = QUICK) -> World:
    api = Api()
    admin = Client(api, "admin")
    for each in ("default", "kube-system", "kube-node-lease"):
        admin.create("namespaces", {"metadata": {"name": each}})
    for zone in "ijk":
        node = admin.create(NODES, new_node(zone))
        status = {
            "allocatable": {"cpu": "4", "memory": "16Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": timestamp()}],
        }
        admin.patch(NODES, name(node), {"status": status}, subresource="status")
    admin.create("storageclasses.storage.k8s.io", new_class())
    kubelet, driver = Kubelet(Client(api, "kubelet")), Driver(Client(api, "driver"))
    world = World(api, admin, ControllerManager(api, timing), kubelet, driver)
    world.manager.start()
    world.kubelet.start()
    world.driver.start()
    return world


def stop_world(world: World) -> None:
    for controller in (world.kubelet, world.driver):
        controller.stop()
        controller.client.stop()
    world.manager.stop()
    world.admin.stop()

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for kubelet and disk driver, as kubernetes-behaviour.md was recorded with (B6)."""

from __future__ import annotations

from typing import Any

from tests.sandbox.kube.client import Client
from tests.sandbox.kube.controllers.attachdetach import volume_name
from tests.sandbox.kube.controllers.controller import Controller, KeysOf, RetryLater
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
from tests.unit.sandbox.controller_objects import (
    ATTACHER,
    ATTACHMENTS,
    CLAIMS,
    DISK_ZONE,
    DRIVER,
    NODES,
    PODS,
    PROVISIONER,
    VOLUMES,
    new_volume,
)


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
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": namespace(claim),
            "name": name(claim),
            "uid": uid(claim),
            "resourceVersion": claim["metadata"]["resourceVersion"],
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

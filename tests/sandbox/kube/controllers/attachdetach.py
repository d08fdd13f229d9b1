# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attach-detach controller: which VolumeAttachments there are. Attaching itself is done by the driver, a client.

kubernetes-behaviour.md B3, B5; traps 17 and 18. Keys are names of nodes: a sync settles everything about one node.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterable
from typing import Any

from ..client import Client
from ..errors import ApiError
from .controller import Controller, KeysOf
from .nodeselectors import taints
from .objects import Object, claim_names, condition, has_ended, name, namespace, node_of, phase, terminating, uid
from .workqueue import Backoff

PODS, CLAIMS, VOLUMES, NODES = "pods", "persistentvolumeclaims", "persistentvolumes", "nodes"
ATTACHMENTS, DRIVERS = "volumeattachments.storage.k8s.io", "csidrivers.storage.k8s.io"
COMPONENT = "attachdetach-controller"
FORCE_DETACH_SECONDS = 360.0
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"


def attachment_name(driver: str, handle: str, node_name: str) -> str:
    """The name that the CSI plug-in of the controller manager computes (sample 00-object-volumeattachment)."""
    return "csi-" + hashlib.sha256(f"{handle}{driver}{node_name}".encode()).hexdigest()


def volume_name(volume: Object) -> str:
    """How ``volumesInUse`` and ``volumesAttached`` of a node call a CSI volume."""
    csi = volume["spec"]["csi"]
    return f"kubernetes.io/csi/{csi['driver']}^{csi['volumeHandle']}"


class AttachDetach(Controller):
    """``force_after``: an unhealthy node that never reports a volume unmounted loses it after this time."""

    name = "attach-detach"

    def __init__(
        self, client: Client, *, force_after: float = FORCE_DETACH_SECONDS, backoff: Backoff | None = None
    ) -> None:
        super().__init__(client, backoff)
        self._force_after = force_after
        self._lock = threading.Lock()
        # nodes that wait for a volume that another node still has
        self._blocked: set[str] = set()
        # since when nobody on the node needs the attachment any more, by its uid
        self._unneeded: dict[str, float] = {}
        # what was told already: (uid of the attachment, uid of the pod, what)
        self._told: set[tuple[str, str, str]] = set()

    def subscriptions(self) -> dict[str, KeysOf]:
        return {
            PODS: lambda type_, pod, previous: [node_of(pod)] if node_of(pod) else [],
            CLAIMS: self._nodes_of_claim,
            ATTACHMENTS: self._nodes_of_attachment,
            NODES: lambda type_, node, previous: [name(node)],
        }

    def _nodes_of_claim(self, type_: str, claim: Object, previous: Object | None) -> Iterable[str]:
        if type_ == "DELETED" or phase(claim) != "Bound":
            return []
        pods = self.client.list(PODS, namespace(claim))
        return {node_of(pod) for pod in pods if node_of(pod) and name(claim) in claim_names(pod)}

    def _nodes_of_attachment(self, type_: str, attachment: Object, previous: Object | None) -> Iterable[str]:
        nodes = {attachment["spec"]["nodeName"]}
        if type_ == "DELETED":
            with self._lock:
                nodes |= self._blocked
                self._blocked = set()
                self._unneeded.pop(uid(attachment), None)
                self._told = {mark for mark in self._told if not mark[0].startswith(uid(attachment))}
        return nodes

    def sync(self, key: Any) -> float | None:
        node = self.client.get(NODES, key)
        needed = self._needed(key) if node else {}
        there = {name(each): each for each in self.client.list(ATTACHMENTS) if each["spec"]["nodeName"] == key}
        for attachment, (volume, pods) in needed.items():
            if attachment not in there:
                self._attach(attachment, volume, key, pods)
            elif not terminating(there[attachment]):
                with self._lock:
                    self._unneeded.pop(uid(there[attachment]), None)
                self._report(there[attachment], volume, pods)
        waits = [
            self._detach(each, node) for each in there.values() if name(each) not in needed and not terminating(each)
        ]
        if node:
            self._write_attached(node, there, needed)
        return min((wait for wait in waits if wait is not None), default=None)

    def _needed(self, node_name: str) -> dict[str, tuple[Object, list[Object]]]:
        """Attachments that pods of the node need: by name, the volume and the pods."""
        needed: dict[str, tuple[Object, list[Object]]] = {}
        for pod in self.client.list(PODS, field_selector=f"spec.nodeName={node_name}"):
            if has_ended(pod):
                continue
            for volume in self._volumes_of(pod):
                csi = volume["spec"]["csi"]
                attachment = attachment_name(csi["driver"], csi["volumeHandle"], node_name)
                needed.setdefault(attachment, (volume, []))[1].append(pod)
        return needed

    def _volumes_of(self, pod: Object) -> Iterable[Object]:
        for wanted in claim_names(pod):
            claim = self.client.get(CLAIMS, wanted, namespace(pod))
            if claim is None or phase(claim) != "Bound":
                continue
            volume = self.client.get(VOLUMES, claim["spec"]["volumeName"])
            if volume and volume["spec"].get("csi") and self._needs_attaching(volume):
                yield volume

    def _needs_attaching(self, volume: Object) -> bool:
        driver = self.client.get(DRIVERS, volume["spec"]["csi"]["driver"])
        return driver is None or driver["spec"].get("attachRequired", True)

    def _attach(self, attachment: str, volume: Object, node_name: str, pods: list[Object]) -> None:
        holder = self._other_holder(volume, node_name)
        if holder:
            with self._lock:
                self._blocked.add(node_name)
            for pod in pods:
                self._tell_once(uid(holder), pod, "FailedAttachVolume", self._multi_attach(volume, holder))
            return
        self.client.create(
            ATTACHMENTS,
            {
                "metadata": {"name": attachment},
                "spec": {
                    "attacher": volume["spec"]["csi"]["driver"],
                    "source": {"persistentVolumeName": name(volume)},
                    "nodeName": node_name,
                },
            },
        )

    def _other_holder(self, volume: Object, node_name: str) -> Object | None:
        """Another node's attachment of a volume that only one node may have."""
        if {"ReadWriteMany", "ReadOnlyMany"} & set(volume["spec"].get("accessModes") or []):
            return None
        csi = volume["spec"]["csi"]
        for attachment in self.client.list(ATTACHMENTS):
            other = attachment["spec"]["nodeName"]
            if other != node_name and name(attachment) == attachment_name(csi["driver"], csi["volumeHandle"], other):
                return attachment
        return None

    def _multi_attach(self, volume: Object, holder: Object) -> str:
        _volume, pods = self._needed(holder["spec"]["nodeName"]).get(name(holder), (volume, []))
        why = "Volume is already exclusively attached to one node and can't be attached to another"
        if pods:
            why = f"Volume is already used by pod(s) {', '.join(name(pod) for pod in pods)}"
        return f'Multi-Attach error for volume "{name(volume)}" {why}'

    def _report(self, attachment: Object, volume: Object, pods: list[Object]) -> None:
        status = attachment.get("status") or {}
        error = status.get("attachError")
        for pod in pods:
            if status.get("attached"):
                message = f'AttachVolume.Attach succeeded for volume "{name(volume)}" '
                self._tell_once(uid(attachment), pod, "SuccessfulAttachVolume", message)
            elif error:
                message = f'AttachVolume.Attach failed for volume "{name(volume)}" : {error.get("message", "")}'
                self._tell_once(f"{uid(attachment)} {error.get('time')}", pod, "FailedAttachVolume", message)

    def _tell_once(self, about: str, pod: Object, reason: str, message: str) -> None:
        mark = (about, uid(pod), reason)
        with self._lock:
            if mark in self._told:
                return
            self._told.add(mark)
        type_ = "Normal" if reason.startswith("Successful") else "Warning"
        self.client.event(pod, type_, reason, message, COMPONENT)

    def _detach(self, attachment: Object, node: Object | None) -> float | None:
        """Deletes what nobody needs once the node has unmounted it; returns when to look again at what has to wait."""
        with self._lock:
            since = self._unneeded.setdefault(uid(attachment), time.monotonic())
        left = self._force_after - (time.monotonic() - since)
        may_force = node is None or _out_of_service(node) or (left <= 0 and not _is_healthy(node))
        if node and self._is_mounted(attachment, node) and not may_force:
            return left if left > 0 else None
        volume = self.client.get(VOLUMES, attachment["spec"]["source"].get("persistentVolumeName") or "")
        if node and volume and volume["spec"].get("csi"):
            # the node is told first, so that its kubelet does not mount what is about to go
            self._patch_attached(node, [each for each in _attached(node) if each["name"] != volume_name(volume)])
        try:
            self.client.delete(ATTACHMENTS, name(attachment), uid=uid(attachment))
        except ApiError as error:
            if error.reason != "NotFound":
                raise
        return None

    def _is_mounted(self, attachment: Object, node: Object) -> bool:
        volume = self.client.get(VOLUMES, attachment["spec"]["source"].get("persistentVolumeName") or "")
        in_use = (node.get("status") or {}).get("volumesInUse") or []
        return bool(volume and volume["spec"].get("csi")) and volume_name(volume or {}) in in_use

    def _write_attached(
        self, node: Object, there: dict[str, Object], needed: dict[str, tuple[Object, list[Object]]]
    ) -> None:
        """Adds what the driver has attached to ``status.volumesAttached``, which the kubelet waits for."""
        listed = _attached(node)
        names = {each["name"] for each in listed}
        new = [
            {"name": volume_name(volume), "devicePath": ""}
            for attachment, (volume, _pods) in needed.items()
            if ((there.get(attachment) or {}).get("status") or {}).get("attached")
            and not terminating(there[attachment])
            and volume_name(volume) not in names
        ]
        if new:
            self._patch_attached(node, [*listed, *new])

    def _patch_attached(self, node: Object, listed: list[Object]) -> None:
        if listed != _attached(node):
            node["status"] = {**(node.get("status") or {}), "volumesAttached": listed}
            self.client.patch(NODES, name(node), {"status": {"volumesAttached": listed}}, subresource="status")


def _attached(node: Object) -> list[Object]:
    return (node.get("status") or {}).get("volumesAttached") or []


def _is_healthy(node: Object) -> bool:
    ready = condition(node, "Ready")
    return ready is not None and ready["status"] == "True"


def _out_of_service(node: Object) -> bool:
    return any(taint["key"] == OUT_OF_SERVICE for taint in taints(node))

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attaching and detaching: csi-attacher's loop and the driver's ControllerPublish/Unpublish (1.4, samples w4, 00)."""

from __future__ import annotations

from .client import Object, key_of, timestamp
from .ecs import Disk, EcsCallError
from .finalizers import add_finalizer, remove_finalizer
from .names import ATTACHER_FINALIZER, ATTACHMENTS, CSI_NODES, DRIVER, NODE_ID_ANNOTATION, VOLUMES
from .shared import Shared
from .slots import Slots
from .workqueue import WorkQueue

_INTERNAL = ("InstanceDiskLimitExceeded", "DiskNotPortable", "NotSupportDiskCategory")
_FIRST_LOOK = 0.02
_LONGEST_LOOK = 1.0


class AttachRefused(Exception):
    """A gRPC error of the driver, as it appears in ``status.attachError``."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"rpc error: code = {code} desc = {description}")


class Attacher:
    """One disk at a time per node (the gate DiskParallelAttach is off), separately for attaching and detaching."""

    KIND = "attachment"
    VOLUME_KIND = "deleted-volume"

    def __init__(self, shared: Shared, queue: WorkQueue) -> None:
        self._shared = shared
        self._queue = queue
        self._slots = Slots(lambda name: queue.add(self.KIND, name))
        self._looks: dict[str, int] = {}
        self._disks: dict[str, str] = {}
        shared.on(ATTACHMENTS, self._attachment_changed)
        shared.on(VOLUMES, self._volume_changed)

    def _attachment_changed(self, event_type: str, attachment: Object, _previous: Object | None) -> None:
        if attachment["spec"]["attacher"] != DRIVER:
            return
        self._queue.add(self.KIND, key_of(attachment))
        if event_type == "DELETED":
            self._queue.add(self.VOLUME_KIND, attachment["spec"]["source"]["persistentVolumeName"])

    def _volume_changed(self, event_type: str, volume: Object, _previous: Object | None) -> None:
        if event_type != "DELETED" and volume["metadata"].get("deletionTimestamp"):
            self._queue.add(self.VOLUME_KIND, key_of(volume))

    def reconcile_volume(self, name: str) -> float | None:
        """A deleted PV keeps our finalizer until its last attachment is gone (B3)."""
        volume = self._shared.get(VOLUMES, name)
        attached = any(
            attachment["spec"]["source"].get("persistentVolumeName") == name
            for attachment in self._shared.all(ATTACHMENTS)
        )
        if volume and volume["metadata"].get("deletionTimestamp") and not attached:
            remove_finalizer(self._shared.kubernetes, VOLUMES, volume, ATTACHER_FINALIZER)
        return None

    def reconcile(self, name: str) -> float | None:
        attachment = self._shared.get(ATTACHMENTS, name)
        deleted = bool(attachment and attachment["metadata"].get("deletionTimestamp"))
        if not attachment or not self._has_work(attachment, deleted):
            self._finished(name)
            return None
        if not self._slots.take(f"{'detach' if deleted else 'attach'} {attachment['spec']['nodeName']}", name):
            return None
        try:
            done = self._detach(attachment) if deleted else self._attach(attachment)
        except (AttachRefused, EcsCallError) as error:
            failure = {"time": timestamp(), "message": str(error)}
            status = {"detachError": failure} if deleted else {"attached": False, "attachError": failure}
            self._patch_status(name, status)
            self._finished(name)
            raise
        except Exception:
            self._finished(name)
            raise
        if done:
            self._finished(name)
            return None
        looks = self._looks[name] = self._looks.get(name, 0) + 1
        return float(min(_LONGEST_LOOK, _FIRST_LOOK * 2**looks))

    @staticmethod
    def _has_work(attachment: Object, deleted: bool) -> bool:
        if deleted:
            return ATTACHER_FINALIZER in (attachment["metadata"].get("finalizers") or [])
        return not (attachment.get("status") or {}).get("attached")

    def _finished(self, name: str) -> None:
        self._looks.pop(name, None)
        self._slots.release(name)

    def _attach(self, attachment: Object) -> bool:
        """One step of ControllerPublish; whether the disk is attached now."""
        instance = self._instance(attachment["spec"]["nodeName"])
        disk_id = self._prepare(attachment, instance)
        disk = self._shared.ecs.disk(disk_id)
        if disk is None:
            raise AttachRefused("NotFound", f"can't find disk {disk_id} in region {self._shared.ecs.region}")
        holders = _holders(disk)
        # The success test is Attachments, not Status (1.4).
        if instance in holders:
            metadata = {"serialNumber": disk["SerialNumber"]} if disk.get("SerialNumber") else None
            status = {"attached": True, "attachError": None, "attachmentMetadata": metadata}
            self._patch_status(attachment["metadata"]["name"], status)
            return True
        if disk["Status"] == "In_use" and holders:
            # DISK_FORCE_DETACHED defaults to true: the disk is taken from whoever holds it (1.4).
            self._shared.ecs.detach_disk(disk_id, holders[0])
        elif disk["Status"] == "Available":
            self._attach_disk(disk_id, instance)
        return False

    def _prepare(self, attachment: Object, instance: str) -> str:
        """Finalizers on PV and attachment come before anything happens in the cloud; answers the disk's id."""
        name, volume_name = attachment["metadata"]["name"], attachment["spec"]["source"]["persistentVolumeName"]
        volume = self._shared.get(VOLUMES, volume_name)
        if not volume or ATTACHER_FINALIZER not in (volume["metadata"].get("finalizers") or []):
            volume = self._shared.kubernetes.get(VOLUMES, volume_name)
        if not volume:
            raise AttachRefused("NotFound", f'persistentvolume "{volume_name}" not found')
        if ATTACHER_FINALIZER not in (volume["metadata"].get("finalizers") or []):
            if volume["metadata"].get("deletionTimestamp"):
                raise AttachRefused("FailedPrecondition", f'PersistentVolume "{volume_name}" is marked for deletion')
            add_finalizer(self._shared.kubernetes, VOLUMES, volume, ATTACHER_FINALIZER)
        if ATTACHER_FINALIZER not in (attachment["metadata"].get("finalizers") or []):
            metadata = {"finalizers": [ATTACHER_FINALIZER], "annotations": {NODE_ID_ANNOTATION: instance}}
            self._shared.kubernetes.patch(ATTACHMENTS, name, {"metadata": metadata})
        self._disks[name] = volume["spec"]["csi"]["volumeHandle"]
        return self._disks[name]

    def _attach_disk(self, disk_id: str, instance: str) -> None:
        try:
            self._shared.ecs.attach_disk(disk_id, instance)
        except EcsCallError as error:
            if error.code == "InvalidInstanceId.NotFound":
                raise AttachRefused("NotFound", str(error)) from None
            if error.code.endswith(_INTERNAL):
                raise AttachRefused("Internal", str(error)) from None
            raise AttachRefused("Aborted", f"error happens to attach disk {disk_id} to {instance}: {error}") from None

    def _detach(self, attachment: Object) -> bool:
        """One step of ControllerUnpublish; whether it is done (w4: the status first, then the finalizer)."""
        name = attachment["metadata"]["name"]
        instance = (attachment["metadata"].get("annotations") or {}).get(NODE_ID_ANNOTATION, "")
        volume = self._shared.get(VOLUMES, attachment["spec"]["source"]["persistentVolumeName"])
        disk_id = volume["spec"]["csi"]["volumeHandle"] if volume else self._disks.get(name)
        if not disk_id:
            raise AttachRefused("NotFound", f"the PersistentVolume of {name} is gone, and with it the disk's id")
        disk = self._shared.ecs.disk(disk_id)
        if disk and instance in _holders(disk):
            if disk["Status"] == "In_use":
                self._shared.ecs.detach_disk(disk_id, instance)
            return False
        self._patch_status(name, {"attached": False, "detachError": None})
        remove_finalizer(self._shared.kubernetes, ATTACHMENTS, attachment, ATTACHER_FINALIZER)
        self._disks.pop(name, None)
        return True

    def _instance(self, node: str) -> str:
        csi_node = self._shared.get(CSI_NODES, node) or {"spec": {}}
        for driver in csi_node["spec"].get("drivers") or []:
            if driver["name"] == DRIVER:
                return str(driver["nodeID"])
        raise AttachRefused("NotFound", f"CSINode {node} does not contain driver {DRIVER}")

    def _patch_status(self, name: str, status: Object) -> None:
        self._shared.kubernetes.patch(ATTACHMENTS, name, {"status": status}, subresource="status")


def _holders(disk: Disk) -> list[str]:
    return [holder["InstanceId"] for holder in disk["Attachments"]["Attachment"]]

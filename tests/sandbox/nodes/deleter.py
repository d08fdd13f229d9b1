# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reclaim policy Delete, as csi-provisioner and the driver's DeleteVolume carry it out (1.4 and 1.7)."""

from __future__ import annotations

from .client import Object, key_of
from .ecs import EcsCallError
from .finalizers import add_finalizer, remove_finalizer
from .names import ATTACHMENTS, DRIVER, PROVISIONER_FINALIZER, VOLUMES
from .shared import Shared
from .workqueue import WorkQueue

_WHILE_DETACHING = 0.2
_INITIALIZING_AGAIN_AFTER = 5.0


class Deleter:
    """For every CSI PV of this driver, hand-made ones included: provisioned-by is not looked at (1.7)."""

    KIND = "reclaim"

    def __init__(self, shared: Shared, queue: WorkQueue) -> None:
        self._shared = shared
        self._queue = queue
        shared.on(VOLUMES, self._volume_changed)
        shared.on(ATTACHMENTS, self._attachment_changed)

    def _volume_changed(self, event_type: str, volume: Object, _previous: Object | None) -> None:
        if event_type != "DELETED" and volume["spec"].get("csi", {}).get("driver") == DRIVER:
            self._queue.add(self.KIND, key_of(volume))

    def _attachment_changed(self, event_type: str, attachment: Object, _previous: Object | None) -> None:
        if event_type == "DELETED" and attachment["spec"]["source"].get("persistentVolumeName"):
            self._queue.add(self.KIND, attachment["spec"]["source"]["persistentVolumeName"])

    def reconcile(self, name: str) -> float | None:
        volume = self._shared.get(VOLUMES, name)
        if not volume:
            return None
        finalizers = volume["metadata"].get("finalizers") or []
        deleted = bool(volume["metadata"].get("deletionTimestamp"))
        delete = volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
        if not delete and PROVISIONER_FINALIZER in finalizers:
            # handleProtectionFinalizer: a retained volume is none of the provisioner's business any more.
            remove_finalizer(self._shared.kubernetes, VOLUMES, volume, PROVISIONER_FINALIZER)
            return None
        if delete and not deleted and PROVISIONER_FINALIZER not in finalizers and _phase(volume) == "Bound":
            add_finalizer(self._shared.kubernetes, VOLUMES, volume, PROVISIONER_FINALIZER)
            return None
        if delete and _phase(volume) == "Released" and (PROVISIONER_FINALIZER in finalizers or not deleted):
            return self._delete(volume)
        return None

    def _delete(self, stale: Object) -> float | None:
        """On a live look: the policy may have become Retain since, or the claim may be back."""
        name = stale["metadata"]["name"]
        volume = self._shared.kubernetes.get(VOLUMES, name)
        if (
            not volume
            or volume["metadata"]["uid"] != stale["metadata"]["uid"]
            or volume["spec"].get("persistentVolumeReclaimPolicy") != "Delete"
            or _phase(volume) != "Released"
        ):
            return None
        if any(
            attachment["spec"]["source"].get("persistentVolumeName") == name
            for attachment in self._shared.all(ATTACHMENTS)
        ):
            # Woken again when that attachment is gone.
            return None
        try:
            pause = self._delete_disk(volume["spec"]["csi"]["volumeHandle"])
        except EcsCallError as error:
            message = f"rpc error: code = Internal desc = {error}"
            self._shared.kubernetes.event(volume, "PersistentVolume", "Warning", "VolumeFailedDelete", message, DRIVER)
            raise
        if pause is not None:
            return pause
        self._shared.kubernetes.delete(VOLUMES, name, uid=volume["metadata"]["uid"])
        if left := self._shared.kubernetes.get(VOLUMES, name):
            remove_finalizer(self._shared.kubernetes, VOLUMES, left, PROVISIONER_FINALIZER)
        return None

    def _delete_disk(self, disk_id: str) -> float | None:
        """DeleteVolume. ``None`` once the disk is gone, else when to look again."""
        disk = self._shared.ecs.disk(disk_id)
        if disk is None:
            return None
        holders = [holder["InstanceId"] for holder in disk["Attachments"]["Attachment"]]
        if disk["Status"] == "In_use" and holders:
            # DISK_DETACH_BEFORE_DELETE defaults to true: from whatever instance holds it.
            self._shared.ecs.detach_disk(disk_id, holders[0])
            return _WHILE_DETACHING
        if disk["Status"] != "Available":
            return _WHILE_DETACHING
        try:
            self._shared.ecs.delete_disk(disk_id)
        except EcsCallError as error:
            if error.code == "IncorrectDiskStatus.Initializing":
                return _INITIALIZING_AGAIN_AFTER
            if not error.code.startswith("InvalidDiskId.NotFound"):
                raise
        return None


def _phase(volume: Object) -> str:
    return str((volume.get("status") or {}).get("phase", ""))

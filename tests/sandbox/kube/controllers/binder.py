# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The volume binder of kube-controller-manager: claims and volumes find each other, lose each other, are released.

kubernetes-behaviour.md B3 and B4. One worker, as in the original: two claims must not be bound to one volume.
Keys are ``("claim", namespace, name)`` and ``("volume", name)``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from ..client import Client
from . import matching, provisioning
from .controller import Controller, KeysOf
from .objects import Object, address, annotations_of, name, namespace, phase, uid
from .workqueue import Backoff

CLAIMS, VOLUMES, CLASSES = "persistentvolumeclaims", "persistentvolumes", "storageclasses.storage.k8s.io"
COMPONENT = "persistentvolume-controller"
RESYNC_SECONDS = 15.0


class Binder(Controller):
    """``resync``: the period after which a volume that came after its claim, or was freed, is noticed (B3)."""

    name = "persistentvolume-binder"

    def __init__(self, client: Client, *, resync: float = RESYNC_SECONDS, backoff: Backoff | None = None) -> None:
        super().__init__(client, backoff)
        self._resync_seconds = resync
        self._resync = threading.Thread(target=self._resync_for_ever, name="binder-resync", daemon=True)

    def subscriptions(self) -> dict[str, KeysOf]:
        return {CLAIMS: claim_keys, VOLUMES: volume_keys}

    def start(self) -> None:
        super().start()
        self._resync.start()

    def stop(self) -> None:
        super().stop()
        if self._resync.is_alive():
            self._resync.join()

    def resync(self) -> None:
        """Looks at everything again."""
        for claim in self.client.list(CLAIMS):
            self.queue.add(("claim", *address(claim)))
        for volume in self.client.list(VOLUMES):
            self.queue.add(("volume", name(volume)))

    def _resync_for_ever(self) -> None:
        while not self._stopping.wait(self._resync_seconds):
            self.resync()

    def sync(self, key: Any) -> float | None:
        if key[0] == "claim":
            claim = self.client.get(CLAIMS, key[2], key[1])
            if claim:
                self._sync_claim(claim)
        else:
            volume = self.client.get(VOLUMES, key[1])
            if volume:
                self._sync_volume(volume)
        return None

    def _sync_claim(self, claim: Object) -> None:
        if matching.BIND_COMPLETED in annotations_of(claim):
            self._sync_bound_claim(claim)
        elif claim["spec"].get("volumeName"):
            self._sync_prebound_claim(claim)
        else:
            self._sync_open_claim(claim)

    def _sync_bound_claim(self, claim: Object) -> None:
        """Was bound once. Copying the annotation to a new claim ends here: Lost (trap 9)."""
        wanted = claim["spec"].get("volumeName")
        if not wanted:
            message = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
            self._lose(claim, "ClaimLost", message)
            return
        volume = self.client.get(VOLUMES, wanted)
        if volume is None:
            self._lose(claim, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!")
        elif not volume["spec"].get("claimRef") or volume["spec"]["claimRef"].get("uid") == uid(claim):
            self._bind(volume, claim)
        else:
            self._lose(claim, "ClaimMisbound", "Two claims are bound to the same volume, this one is bound incorrectly")

    def _sync_prebound_claim(self, claim: Object) -> None:
        """Asks for a volume by name. When both sides name each other nothing else is compared (B4, D6)."""
        volume = self.client.get(VOLUMES, claim["spec"]["volumeName"])
        if volume is None:
            self._set_claim_status(claim, "Pending", None)
        elif matching.reserved_for(volume, claim):
            self._bind(volume, claim)
        elif volume["spec"].get("claimRef"):
            message = f'volume "{name(volume)}" already bound to a different claim.'
            self.client.event(claim, "Warning", "FailedBinding", message, COMPONENT)
            self._set_claim_status(claim, "Pending", None)
        elif why := matching.mismatch(volume, claim):
            message = f'Cannot bind to requested volume "{name(volume)}": {why}'
            self.client.event(claim, "Warning", "VolumeMismatch", message, COMPONENT)
            self._set_claim_status(claim, "Pending", None)
        else:
            self._bind(volume, claim)

    def _sync_open_claim(self, claim: Object) -> None:
        """Takes any volume that fits, a reserved one first; else has one made, if and when its class says so."""
        storage_class = self._class_of(claim)
        delayed = provisioning.binds_on_first_consumer(storage_class)
        volume = matching.best_match(claim, self.client.list(VOLUMES), delayed=delayed)
        if volume:
            self._bind(volume, claim)
        elif delayed and matching.SELECTED_NODE not in annotations_of(claim):
            reason, message = provisioning.waiting(claim, self.client.list("pods", namespace(claim)))
            self.client.event(claim, "Normal", reason, message, COMPONENT)
            self._set_claim_status(claim, "Pending", None)
        elif matching.class_of(claim):
            self._provision(claim, storage_class)
        else:
            message = "no persistent volumes available for this claim and no storage class is set"
            self.client.event(claim, "Normal", "FailedBinding", message, COMPONENT)
            self._set_claim_status(claim, "Pending", None)

    def _class_of(self, claim: Object) -> Object | None:
        wanted = matching.class_of(claim)
        return self.client.get(CLASSES, wanted) if wanted else None

    def _provision(self, claim: Object, storage_class: Object | None) -> None:
        """Names the driver in both annotations; the driver, a client of its own, makes the volume (B5)."""
        problem = provisioning.problem(matching.class_of(claim), storage_class)
        if problem or storage_class is None:
            self.client.event(claim, "Warning", "ProvisioningFailed", problem, COMPONENT)
            return
        driver = str(storage_class["provisioner"])
        wanted = {matching.STORAGE_PROVISIONER: driver, matching.STORAGE_PROVISIONER_BETA: driver}
        if not wanted.items() <= annotations_of(claim).items():
            claim["metadata"]["annotations"] = {**annotations_of(claim), **wanted}
            claim = self.client.update(CLAIMS, claim)
        self.client.event(claim, "Normal", "ExternalProvisioning", provisioning.waiting_for_driver(driver), COMPONENT)

    def _sync_volume(self, volume: Object) -> None:
        reference = volume["spec"].get("claimRef")
        if not reference or not reference.get("uid"):
            self._set_volume_phase(volume, "Available")
            return
        claim = self.client.get(CLAIMS, reference["name"], reference["namespace"])
        if claim is None or uid(claim) != reference["uid"]:
            self._release(volume)
        elif not claim["spec"].get("volumeName"):
            self._mention_other_volume_mode(volume, claim)
            self.queue.add(("claim", *address(claim)))
        elif claim["spec"]["volumeName"] == name(volume):
            self._set_volume_phase(volume, "Bound")
        elif self._is_surplus(volume):
            self._release(volume)
        else:
            self._unbind(volume)

    def _is_surplus(self, volume: Object) -> bool:
        """Provisioned for a claim that got another volume: it goes, disk and all (trap 3)."""
        policy = volume["spec"].get("persistentVolumeReclaimPolicy")
        return matching.PROVISIONED_BY in annotations_of(volume) and policy == "Delete"

    def _release(self, volume: Object) -> None:
        """The claim that the volume was bound to is gone for good. Deleting the disk is its driver's business."""
        if phase(volume) not in ("Released", "Failed"):
            volume = self._set_volume_phase(volume, "Released")
        if volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
            self._fail_if_nobody_deletes(volume)

    def _fail_if_nobody_deletes(self, volume: Object) -> None:
        """Only ``provisioned-by`` tells the binder that a driver will do it (csi-and-statefulsets.md 1.7)."""
        if annotations_of(volume).get(matching.PROVISIONED_BY) or phase(volume) == "Failed":
            return
        message = f'error getting deleter volume plugin for volume "{name(volume)}": no deletable volume plugin matched'
        volume = self._set_volume_phase(volume, "Failed", message)
        self.client.event(volume, "Warning", "VolumeFailedDelete", message, COMPONENT)

    def _unbind(self, volume: Object) -> None:
        """Its claim is bound elsewhere. A reservation made by a user stays, one made by the binder goes."""
        if matching.BOUND_BY_CONTROLLER in annotations_of(volume):
            del volume["spec"]["claimRef"]
            del volume["metadata"]["annotations"][matching.BOUND_BY_CONTROLLER]
        else:
            for key in ("uid", "resourceVersion"):
                volume["spec"]["claimRef"].pop(key, None)
        self._set_volume_phase(self.client.update(VOLUMES, volume), "Available")

    def _mention_other_volume_mode(self, volume: Object, claim: Object) -> None:
        if not matching.same_volume_mode(volume, claim):
            message = (
                f'Cannot bind PersistentVolume "{name(volume)}" to requested PersistentVolumeClaim "{name(claim)}" '
                "due to incompatible volumeMode."
            )
            for obj in (volume, claim):
                self.client.event(obj, "Warning", "VolumeMismatch", message, COMPONENT)

    def _bind(self, volume: Object, claim: Object) -> None:
        """Four writes in this order, each left out when it is done already (B3, w1, w2)."""
        volume = self._claim_volume(volume, claim)
        volume = self._set_volume_phase(volume, "Bound")
        claim = self._point_claim_at(volume, claim)
        self._set_claim_status(claim, "Bound", volume)

    def _claim_volume(self, volume: Object, claim: Object) -> Object:
        reserved = matching.reserved_for(volume, claim)
        if reserved and volume["spec"]["claimRef"].get("uid"):
            return volume
        volume["spec"]["claimRef"] = matching.claim_reference(claim)
        if not reserved:
            volume["metadata"]["annotations"] = {**annotations_of(volume), matching.BOUND_BY_CONTROLLER: "yes"}
        return self.client.update(VOLUMES, volume)

    def _point_claim_at(self, volume: Object, claim: Object) -> Object:
        wanted = {matching.BIND_COMPLETED: "yes"}
        if claim["spec"].get("volumeName") != name(volume):
            claim["spec"]["volumeName"] = name(volume)
            wanted[matching.BOUND_BY_CONTROLLER] = "yes"
        if wanted.keys() <= annotations_of(claim).keys():
            return claim
        claim["metadata"]["annotations"] = {**wanted, **annotations_of(claim)}
        return self.client.update(CLAIMS, claim)

    def _lose(self, claim: Object, reason: str, message: str) -> None:
        if phase(claim) != "Lost":
            self.client.event(self._set_claim_status(claim, "Lost", None), "Warning", reason, message, COMPONENT)

    def _set_claim_status(self, claim: Object, wanted: str, volume: Object | None) -> Object:
        status = dict(claim.get("status") or {})
        if volume is None:
            for key in ("accessModes", "capacity"):
                status.pop(key, None)
        else:
            status["accessModes"] = volume["spec"]["accessModes"]
            if status.get("phase") != wanted:
                status["capacity"] = volume["spec"]["capacity"]
        status["phase"] = wanted
        if status == claim.get("status"):
            return claim
        return self.client.update(CLAIMS, {**claim, "status": status}, subresource="status")

    def _set_volume_phase(self, volume: Object, wanted: str, message: str = "") -> Object:
        if phase(volume) == wanted:
            return volume
        status = {key: value for key, value in (volume.get("status") or {}).items() if key != "message"}
        status["phase"] = wanted
        if message:
            status["message"] = message
        return self.client.update(VOLUMES, {**volume, "status": status}, subresource="status")


def claim_keys(type_: str, claim: Object, previous: Object | None) -> Iterable[tuple[str, ...]]:
    """A deleted claim releases its volume at once (B3)."""
    if type_ != "DELETED":
        return [("claim", *address(claim))]
    return [("volume", claim["spec"]["volumeName"])] if claim["spec"].get("volumeName") else []


def volume_keys(type_: str, volume: Object, previous: Object | None) -> Iterable[tuple[str, ...]]:
    """A deleted volume's claim is Lost at once. A volume that arrives wakes no claim: the resync does that (B3)."""
    if type_ != "DELETED":
        return [("volume", name(volume))]
    reference = volume["spec"].get("claimRef")
    return [("claim", reference["namespace"], reference["name"])] if reference else []

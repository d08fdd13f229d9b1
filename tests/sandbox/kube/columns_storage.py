# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The columns of volumes, claims and what belongs to them (Kubernetes' pkg/printers/internalversion; sample k1)."""

from __future__ import annotations

from typing import Any

from .columns_pods import NONE
from .tables import AGE, NAME, Column, Moment, Object

UNSET = "<unset>"
_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def _spec(field: str, absent: Any = "") -> Any:
    return lambda obj, moment: (obj.get("spec") or {}).get(field) or absent


def _field(field: str, absent: Any = "") -> Any:
    return lambda obj, moment: obj.get(field) or absent


def _modes(modes: list[str] | None) -> str:
    """In a fixed order, however they are listed."""
    return ",".join(short for mode, short in _MODES.items() if mode in (modes or ()))


def _phase(obj: Object, moment: Moment) -> str:
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return str((obj.get("status") or {}).get("phase", ""))


def _claim(volume: Object, moment: Moment) -> str:
    reference = volume["spec"].get("claimRef")
    return f"{reference.get('namespace', '')}/{reference['name']}" if reference else ""


def _claim_storage(claim: Object, moment: Moment) -> str:
    """Size and modes of the volume, so only once there is one."""
    if not claim["spec"].get("volumeName"):
        return ""
    return str(((claim.get("status") or {}).get("capacity") or {}).get("storage", "0"))


def _claim_modes(claim: Object, moment: Moment) -> str:
    return _modes((claim.get("status") or {}).get("accessModes")) if claim["spec"].get("volumeName") else ""


def _class_name(storage_class: Object, moment: Moment) -> str:
    metadata = storage_class["metadata"]
    default = (metadata.get("annotations") or {}).get(_DEFAULT_CLASS) == "true"
    return f"{metadata['name']} (default)" if default else metadata["name"]


def _attached_volume(attachment: Object, moment: Moment) -> str:
    return str(attachment["spec"]["source"].get("persistentVolumeName") or "")


def _token_requests(driver: Object, moment: Moment) -> str:
    requests = driver["spec"].get("tokenRequests")
    return ",".join(request.get("audience", "") for request in requests) if requests else UNSET


VOLUME_COLUMNS = [
    NAME,
    Column("Capacity", lambda volume, moment: str((volume["spec"].get("capacity") or {}).get("storage", "0"))),
    Column("Access Modes", lambda volume, moment: _modes(volume["spec"].get("accessModes"))),
    Column("Reclaim Policy", _spec("persistentVolumeReclaimPolicy")),
    Column("Status", _phase),
    Column("Claim", _claim),
    Column("StorageClass", _spec("storageClassName")),
    Column("VolumeAttributesClass", _spec("volumeAttributesClassName", UNSET)),
    Column("Reason", lambda volume, moment: (volume.get("status") or {}).get("reason", "")),
    AGE,
    Column("VolumeMode", _spec("volumeMode", UNSET), priority=1),
]
CLAIM_COLUMNS = [
    NAME,
    Column("Status", _phase),
    Column("Volume", _spec("volumeName")),
    Column("Capacity", _claim_storage),
    Column("Access Modes", _claim_modes),
    Column("StorageClass", _spec("storageClassName")),
    Column("VolumeAttributesClass", _spec("volumeAttributesClassName", UNSET)),
    AGE,
    Column("VolumeMode", _spec("volumeMode", UNSET), priority=1),
]
CLASS_COLUMNS = [
    Column("Name", _class_name, format="name"),
    Column("Provisioner", _field("provisioner")),
    Column("ReclaimPolicy", _field("reclaimPolicy", "Delete")),
    Column("VolumeBindingMode", _field("volumeBindingMode", "Immediate")),
    Column("AllowVolumeExpansion", lambda obj, moment: bool(obj.get("allowVolumeExpansion")), type="boolean"),
    AGE,
]
ATTACHMENT_COLUMNS = [
    NAME,
    Column("Attacher", _spec("attacher")),
    Column("PV", _attached_volume),
    Column("Node", _spec("nodeName")),
    Column("Attached", lambda obj, moment: bool((obj.get("status") or {}).get("attached")), type="boolean"),
    AGE,
]
CSI_NODE_COLUMNS = [
    NAME,
    Column("Drivers", lambda node, moment: len(node["spec"].get("drivers") or ()), type="integer"),
    AGE,
]
CSI_DRIVER_COLUMNS = [
    NAME,
    Column("AttachRequired", lambda driver, moment: driver["spec"].get("attachRequired", True), type="boolean"),
    Column("PodInfoOnMount", lambda driver, moment: bool(driver["spec"].get("podInfoOnMount")), type="boolean"),
    Column("StorageCapacity", lambda driver, moment: bool(driver["spec"].get("storageCapacity")), type="boolean"),
    Column("TokenRequests", _token_requests),
    Column("RequiresRepublish", lambda driver, moment: bool(driver["spec"].get("requiresRepublish")), type="boolean"),
    Column(
        "Modes", lambda driver, moment: ",".join(driver["spec"].get("volumeLifecycleModes") or ["Persistent"]) or NONE
    ),
    AGE,
]

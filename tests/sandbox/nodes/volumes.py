# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the driver asks ECS for and what PV comes of it. Pure: csi-and-statefulsets.md 1.1 to 1.3, field by field."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Iterator
from typing import Any

from .client import Object
from .names import (
    DISK_REGION,
    DISK_TYPE_AVAILABLE,
    DISK_TYPE_LABEL,
    DISK_ZONE,
    DRIVER,
    PROVISIONED_BY,
    PROVISIONER_FINALIZER,
    VOLUME_TOPOLOGY,
)

GIB = 1 << 30
_DECIMAL = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SUFFIXES = _DECIMAL | {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": GIB, "Ti": 1 << 40}
_DISK_NAME = re.compile(r"[^\W\d_][\w:.-]{1,127}")
_NOT_ATTRIBUTES = {
    "csi.alibabacloud.com/reclaimPolicy",
    "csi.alibabacloud.com/storageclassName",
    "allowVolumeExpansion",
    "kubectl.kubernetes.io/last-applied-configuration",
    "volume.kubernetes.io/selected-node",
    "volume.beta.kubernetes.io/storage-provisioner",
}


@dataclasses.dataclass(frozen=True)
class Attempt:
    """One (category, performance level) of those that a StorageClass lists; the level is empty unless it is an ESSD."""

    category: str
    performance_level: str

    @property
    def disk_type(self) -> str:
        """As the PV label has it: ``cloud_essd.PL1``, ``cloud_auto``."""
        return ".".join(filter(None, (self.category, self.performance_level)))


def attempts(parameters: dict[str, str]) -> Iterator[Attempt]:
    """In the order in which the driver tries them (1.2)."""
    wanted = parameters.get("type") or "available"
    categories = "cloud_ssd,cloud_efficiency" if wanted == "available" else wanted
    levels = parameters.get("performanceLevel", "").split(",")
    for category in categories.split(","):
        for level in levels if category == "cloud_essd" else [""]:
            yield Attempt(category.strip(), level.strip())


def gib(quantity: str) -> int:
    """A Kubernetes quantity, rounded up to GiB."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kMGT]i?|Ki)?", quantity)
    if not match or match[2] == "ki":
        raise ValueError(f"{quantity!r} is not a size")
    return math.ceil(float(match[1]) * _SUFFIXES[match[2] or ""] / GIB)


def volume_name(claim: Object) -> str:
    """The chart's ``--volume-name-prefix=disk``."""
    return f"disk-{claim['metadata']['uid']}"


def create_disk_parameters(claim: Object, parameters: dict[str, str], zone: str, attempt: Attempt) -> dict[str, Any]:
    """CreateDisk's parameters by wire name, tags and token aside (1.4)."""
    name = volume_name(claim)
    found: dict[str, Any] = {
        "ZoneId": zone,
        "DiskCategory": attempt.category,
        "Size": gib(claim["spec"]["resources"]["requests"]["storage"]),
        "DiskName": name if _DISK_NAME.fullmatch(name) else None,
        "PerformanceLevel": attempt.performance_level or None,
        "ResourceGroupId": parameters.get("resourceGroupId"),
    }
    if parameters.get("encrypted", "").lower() in ("yes", "true", "1"):
        found |= {"Encrypted": True, "KMSKeyId": parameters.get("kmsKeyId")}
    if attempt.category == "cloud_auto":
        found |= {
            "ProvisionedIops": parameters.get("provisionedIops"),
            "BurstingEnabled": parameters.get("burstingEnabled"),
        }
    if parameters.get("multiAttach", "").lower() in ("true", "enabled"):
        found["MultiAttach"] = "Enabled"
    return {key: value for key, value in found.items() if value is not None}


def disk_tags(claim: Object, parameters: dict[str, str], cluster_id: str) -> list[tuple[str, str]]:
    """Sorted within the users' part, because their order is part of what a ClientToken stands for (1.3, 2.6)."""
    name, metadata = volume_name(claim), claim["metadata"]
    wanted = {
        "kubernetes.io/created-for/pv/name": name,
        "kubernetes.io/created-for/pvc/name": metadata["name"],
        "kubernetes.io/created-for/pvc/namespace": metadata["namespace"],
    }
    for pair in filter(None, parameters.get("diskTags", "").split(",")):
        key, _colon, value = pair.partition(":")
        wanted[key] = value
    wanted |= {key.partition("/")[2]: value for key, value in parameters.items() if key.startswith("diskTags/")}
    own = [("k8s.aliyun.com", "true"), ("createdby", "alibabacloud-csi-plugin"), ("ack.aliyun.com", cluster_id)]
    return [*own, *sorted(wanted.items()), ("csi.alibabacloud.com/volume-name", name)]


def client_token(name: str) -> str:
    return f"n:{name}"


@dataclasses.dataclass(frozen=True)
class NewVolume:
    """A disk that was made for a claim."""

    claim: Object
    storage_class: Object
    disk_id: str
    region: str
    zone: str
    attempt: Attempt
    provisioner_identity: str


def persistent_volume(volume: NewVolume) -> Object:
    """The PV that ACK's provisioner makes of what the driver returned (1.1)."""
    claim, storage_class = volume.claim, volume.storage_class
    spec: Object = {
        "capacity": {"storage": f"{gib(claim['spec']['resources']['requests']['storage'])}Gi"},
        "accessModes": claim["spec"]["accessModes"],
        "csi": _csi_source(volume),
        "claimRef": {
            "kind": "PersistentVolumeClaim",
            "apiVersion": "v1",
            "namespace": claim["metadata"]["namespace"],
            "name": claim["metadata"]["name"],
            "uid": claim["metadata"]["uid"],
            "resourceVersion": claim["metadata"]["resourceVersion"],
        },
        "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
        "storageClassName": storage_class["metadata"]["name"],
        "volumeMode": claim["spec"].get("volumeMode", "Filesystem"),
        "nodeAffinity": {"required": {"nodeSelectorTerms": [_expression(DISK_ZONE, volume.zone)]}},
    }
    if storage_class.get("mountOptions"):
        spec["mountOptions"] = storage_class["mountOptions"]
    if claim["spec"].get("volumeAttributesClassName"):
        spec["volumeAttributesClassName"] = claim["spec"]["volumeAttributesClassName"]
    topology = {"nodeSelectorTerms": [_expression(DISK_TYPE_AVAILABLE + volume.attempt.category, "available")]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": volume_name(claim),
            "labels": {
                DISK_TYPE_LABEL: volume.attempt.disk_type,
                DISK_REGION: volume.region,
                DISK_ZONE: volume.zone,
            },
            "annotations": {
                PROVISIONED_BY: DRIVER,
                "volume.kubernetes.io/provisioner-deletion-secret-name": "",
                "volume.kubernetes.io/provisioner-deletion-secret-namespace": "",
                VOLUME_TOPOLOGY: json.dumps(topology, separators=(",", ":")),
            },
            "finalizers": [PROVISIONER_FINALIZER],
        },
        "spec": spec,
    }


def _csi_source(volume: NewVolume) -> Object:
    parameters: dict[str, str] = volume.storage_class.get("parameters") or {}
    attributes = {
        key: value
        for key, value in parameters.items()
        if key not in _NOT_ATTRIBUTES and not key.startswith("csi.storage.k8s.io/")
    }
    attributes["type"] = volume.attempt.category
    if volume.attempt.performance_level:
        attributes["performanceLevel"] = volume.attempt.performance_level
    attributes["storage.kubernetes.io/csiProvisionerIdentity"] = volume.provisioner_identity
    source: Object = {"driver": DRIVER, "volumeHandle": volume.disk_id, "volumeAttributes": attributes}
    if volume.claim["spec"].get("volumeMode", "Filesystem") != "Block":
        source["fsType"] = parameters.get("csi.storage.k8s.io/fstype") or parameters.get("fstype") or "ext4"
    return source


def _expression(key: str, value: str) -> Object:
    return {"matchExpressions": [{"key": key, "operator": "In", "values": [value]}]}

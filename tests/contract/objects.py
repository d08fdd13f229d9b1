# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests create: the recorded example and the recorder's own volumes and claims, in other names and sizes."""

from __future__ import annotations

import json
from typing import Any

from tests.sandbox.nodes.names import ZONE

from .samples import Object, load

SETS, SERVICES, CONFIG_MAPS = "statefulsets.apps", "services", "configmaps"
CLASS = "alicloud-disk-essd"
HOLD = "test.example/hold"
BOUND = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def new_set(name: str = "web", *, zone: str = "", annotations: dict[str, str] | None = None, **spec: Any) -> Object:
    """The example as it was applied for the records. ``zone``: where its pods have to run."""
    obj: Object = json.loads(load("00-object-sts")["metadata"]["annotations"][_APPLIED])
    obj["metadata"] = {"name": name}
    obj["spec"] |= spec
    template = obj["spec"]["template"]
    if zone:
        template["spec"]["nodeSelector"] = {ZONE: zone}
    if annotations:
        template["metadata"]["annotations"] = annotations
    return obj


def without_disks(name: str = "web", **spec: Any) -> Object:
    """The example without a volume, for what has to do with pods only."""
    obj = new_set(name, **spec)
    del obj["spec"]["volumeClaimTemplates"]
    obj["spec"]["template"]["spec"]["containers"][0].pop("volumeMounts", None)
    return obj


def new_volume(
    name: str,
    *,
    zone: str = "cn-beijing-k",
    handle: str = "",
    size: str = "20Gi",
    reserved_for: tuple[str, str] | None = None,
    uid: str = "",
) -> Object:
    """As a migrator makes it (sample 59). ``reserved_for``: namespace and name of a claim, ``uid``: whose.

    ``handle``: a disk; else the recorded one, which this cluster does not have.
    """
    obj: Object = load("59-")["request"]["body"]
    obj["metadata"] = {"name": name}
    spec = obj["spec"]
    spec["capacity"]["storage"] = size
    if handle:
        spec["csi"]["volumeHandle"] = handle
    spec["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0]["values"] = [zone]
    del spec["claimRef"]
    if reserved_for:
        namespace, claim = reserved_for
        reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": namespace, "name": claim}
        spec["claimRef"] = reference | ({"uid": uid} if uid else {})
    return obj


def new_claim(name: str, volume: str = "", *, size: str = "20Gi", class_name: str = CLASS, **metadata: Any) -> Object:
    """As a migrator makes it (sample 60)."""
    obj: Object = load("60-")["request"]["body"]
    obj["metadata"] |= {"name": name, **metadata}
    obj["spec"] |= {"storageClassName": class_name, "resources": {"requests": {"storage": size}}}
    del obj["spec"]["volumeName"]
    if volume:
        obj["spec"]["volumeName"] = volume
    return obj


def new_pod(name: str, claim: str = "", **spec: Any) -> Object:
    container = {"name": "c", "image": "nginx:1.14.2"}
    obj: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [container], **spec},
    }
    if claim:
        obj["spec"]["volumes"] = [{"name": "www", "persistentVolumeClaim": {"claimName": claim}}]
    return obj


def is_ready(obj: Object) -> bool:
    conditions = (obj.get("status") or {}).get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def is_terminating(obj: Object) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def phase(obj: Object | None) -> str:
    return str((obj or {}).get("status", {}).get("phase", ""))


def uid(obj: Object) -> str:
    return str(obj["metadata"]["uid"])


def revision(obj: Object) -> int:
    """Every write of the cluster has a greater one than those before it."""
    return int(obj["metadata"]["resourceVersion"])

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server itself writes into an object: metadata, first status, admission's finalizers, generation."""

from __future__ import annotations

import datetime
import random
import uuid
from typing import Any

from .resources import Resource

Obj = dict[str, Any]

# Kinds whose metadata.generation the server keeps (samples: StatefulSets and Pods have one, PVs and claims do not).
_GENERATION = {
    "pods",
    "statefulsets.apps",
    "deployments.apps",
    "poddisruptionbudgets.policy",
    "customresourcedefinitions.apiextensions.k8s.io",
}
_PROTECTION = {
    "persistentvolumes": "kubernetes.io/pv-protection",
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
}
# A kubelet registers its node together with its status.
_BORN_WITH_STATUS = {"nodes"}
# Counters of a status that Go leaves out when they are 0 (B2).
_REPLICAS = ("readyReplicas", "updatedReplicas")
_DROPPED_ZEROES = {
    "statefulsets.apps": (*_REPLICAS, "currentReplicas"),
    "deployments.apps": (*_REPLICAS, "replicas", "availableReplicas", "unavailableReplicas"),
}
_NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_MAX_GENERATED_BASE = 58


def timestamp(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def keeps_generation(resource: Resource) -> bool:
    return resource.custom or resource.key in _GENERATION


def generate_name(base: str) -> str:
    """``generateName`` plus five characters that cannot form words, as apimachinery's name generator does it."""
    return base[:_MAX_GENERATED_BASE] + "".join(random.choices(_NAME_ALPHABET, k=5))


def born(resource: Resource, namespace: str, obj: Obj, now: float) -> Obj:
    """``obj`` with the metadata of a new object, in the key order of the real server. Its status is the server's."""
    given = obj.get("metadata") or {}
    metadata: Obj = {key: given[key] for key in ("name", "generateName") if given.get(key)}
    if "name" not in metadata and "generateName" in metadata:
        metadata["name"] = generate_name(metadata["generateName"])
    if resource.namespaced:
        metadata["namespace"] = namespace
    metadata["uid"] = str(uuid.uuid4())
    if given.get("resourceVersion"):
        metadata["resourceVersion"] = given["resourceVersion"]
    if keeps_generation(resource):
        metadata["generation"] = 1
    metadata["creationTimestamp"] = timestamp(now)
    for key in ("labels", "annotations", "ownerReferences", "finalizers"):
        if given.get(key):
            metadata[key] = given[key]
    rest = {key: value for key, value in obj.items() if key not in ("kind", "apiVersion", "metadata")}
    born_obj: Obj = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata, **rest}
    _protect(resource, metadata)
    if "status" in resource.subresources and resource.key not in _BORN_WITH_STATUS:
        born_obj.pop("status", None)
        status = first_status(resource, born_obj, now)
        if status is not None:
            born_obj["status"] = status
    return born_obj


def first_status(resource: Resource, obj: Obj, now: float) -> Obj | None:
    """The status before any controller has seen the object."""
    match resource.key:
        case "persistentvolumes":
            return {"phase": "Pending", "lastPhaseTransitionTime": timestamp(now)}
        case "persistentvolumeclaims":
            return {"phase": "Pending"}
        case "pods":
            return {"phase": "Pending", "qosClass": quality_of_service(obj)}
        case "namespaces":
            return {"phase": "Active"}
        case "statefulsets.apps":
            return {"replicas": 0, "availableReplicas": 0}
        case "services":
            return {"loadBalancer": {}}
        case "volumeattachments.storage.k8s.io":
            return {"attached": False}
        case "deployments.apps" | "resourcequotas":
            return {}
        case "poddisruptionbudgets.policy":
            return {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}
        case "horizontalpodautoscalers.autoscaling":
            return {"desiredReplicas": 0, "currentMetrics": None}
    return None


def quality_of_service(pod: Obj) -> str:
    """Guaranteed: every container limits cpu and memory and asks for just that. BestEffort: none asks for anything."""
    spec = pod.get("spec") or {}
    containers = [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]
    resources = [container.get("resources") or {} for container in containers]
    if not any(part.get("requests") or part.get("limits") for part in resources):
        return "BestEffort"
    for part in resources:
        limits = part.get("limits") or {}
        requests = {**limits, **(part.get("requests") or {})}
        if any(name not in limits or requests[name] != limits[name] for name in ("cpu", "memory")):
            return "Burstable"
    return "Guaranteed"


def changed(resource: Resource, live: Obj, new: Obj, now: float) -> None:
    """Completes an update of the main resource or of its status: server-kept metadata, generation, times of phases."""
    kept, metadata = live["metadata"], new["metadata"]
    for key in (
        "name",
        "generateName",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ):
        if key in kept:
            metadata[key] = kept[key]
        else:
            metadata.pop(key, None)
    for key in ("labels", "annotations", "ownerReferences", "finalizers"):
        if key in metadata and not metadata[key]:
            del metadata[key]
    new["metadata"] = {key: metadata[key] for key in METADATA_ORDER if key in metadata}
    if keeps_generation(resource) and _intent(resource, live) != _intent(resource, new):
        new["metadata"]["generation"] = kept.get("generation", 0) + 1
    if resource.key == "persistentvolumes":
        _note_phase_change(live, new, now)
    for field in _DROPPED_ZEROES.get(resource.key, ()):
        if (new.get("status") or {}).get(field) == 0:
            new["status"] = {key: value for key, value in new["status"].items() if key != field}


METADATA_ORDER = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)


def _intent(resource: Resource, obj: Obj) -> Obj:
    """The part whose change is a new generation: the spec; of a custom resource all but metadata and status."""
    if not resource.custom:
        return {"spec": obj.get("spec")}
    left_out = {"metadata", "status"} if "status" in resource.subresources else {"metadata"}
    return {key: value for key, value in obj.items() if key not in left_out}


def _note_phase_change(live: Obj, new: Obj, now: float) -> None:
    status, before = new.get("status") or {}, live.get("status") or {}
    if status.get("phase") != before.get("phase"):
        status["lastPhaseTransitionTime"] = timestamp(now)
    elif "lastPhaseTransitionTime" in before:
        status.setdefault("lastPhaseTransitionTime", before["lastPhaseTransitionTime"])


def _protect(resource: Resource, metadata: Obj) -> None:
    """The admission plug-in StorageObjectInUseProtection (samples 46, 59)."""
    finalizer = _PROTECTION.get(resource.key)
    if finalizer and finalizer not in metadata.get("finalizers", []):
        metadata["finalizers"] = [*metadata.get("finalizers", []), finalizer]

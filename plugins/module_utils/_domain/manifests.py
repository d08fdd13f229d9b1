# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The PV and claim documents that a run creates. Pure.

Safety rules S3 and S4 live here. A new PV is born Retain, without provisioned-by and with a claimRef without a uid. A
claim carries no annotation of an earlier binding and no reference to a pod or set. And everything that Kubernetes skips
under mutual reservation is compared (kubernetes-behaviour.md B4).
"""

from __future__ import annotations

import copy
from typing import Any

from . import ids, objects
from .objects import Obj

GIB = 2**30

PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"

# Left by binding, provisioning, resizing and kubectl; a copy of them makes a claim Lost or pins it (traps 9, 10).
_CLAIM_ANNOTATIONS_OF_THE_CLUSTER = (
    "pv.kubernetes.io/",
    "volume.kubernetes.io/",
    "volume.beta.kubernetes.io/storage-provisioner",
    "kubectl.kubernetes.io/last-applied-configuration",
)
_PV_ANNOTATIONS_OF_THE_CLUSTER = ("pv.kubernetes.io/", "volume.kubernetes.io/", "kubectl.kubernetes.io/last-applied")
_CLAIM_SPEC_TO_KEEP = ("accessModes", "resources", "storageClassName", "volumeMode", "volumeAttributesClassName")
_PV_SPEC_TO_KEEP = (
    "accessModes",
    "csi",
    "mountOptions",
    "nodeAffinity",
    "storageClassName",
    "volumeMode",
    "volumeAttributesClassName",
)
_ZONE_OF_THE_SOURCE = "zoneId"


def reserved_pv(source: Obj, *, name: str, disk_id: str, zone: str, size_gib: int, claim: Obj, run_id: str) -> Obj:
    """A PV on ``disk_id`` that only the claim of this namespace and name can bind to.

    ``source`` is the PV that the claim had when the run began: everything that a node reads of it is carried over.
    """
    spec = {key: copy.deepcopy(source["spec"][key]) for key in _PV_SPEC_TO_KEEP if key in source["spec"]}
    spec["capacity"] = {"storage": f"{size_gib}Gi"}
    spec["persistentVolumeReclaimPolicy"] = "Retain"
    spec["claimRef"] = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": objects.namespace(claim),
        "name": objects.name(claim),
    }
    spec["csi"]["volumeHandle"] = disk_id
    attributes = spec["csi"].get("volumeAttributes")
    if attributes:
        attributes.pop(_ZONE_OF_THE_SOURCE, None)
    _move_affinity(spec, objects.zone_of(source), zone)
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": _without_empty(
            {
                "name": name,
                "labels": {**_labels_in_zone(source, zone), **({ids.RUN_LABEL: run_id} if run_id else {})},
                "annotations": {
                    **_without(objects.annotations_of(source), _PV_ANNOTATIONS_OF_THE_CLUSTER),
                    ids.POLICY_ANNOTATION: policy_to_give_back(source),
                },
            }
        ),
        "spec": spec,
    }


def policy_to_give_back(source: Obj) -> str:
    """The policy of the PV before any run: one that an unfinished chain of runs made says it in an annotation."""
    return objects.annotations_of(source).get(ids.POLICY_ANNOTATION) or objects.reclaim_policy(source)


def _move_affinity(spec: dict[str, Any], source_zone: str, zone: str) -> None:
    """Put the target zone where the source zone stood, under the key that the source PV used (trap 27)."""
    required = (spec.get("nodeAffinity") or {}).get("required") or {}
    for term in required.get("nodeSelectorTerms") or []:
        for expression in term.get("matchExpressions") or []:
            if expression.get("key") in objects.ZONE_KEYS and expression.get("values") == [source_zone]:
                expression["values"] = [zone]


def _labels_in_zone(source: Obj, zone: str) -> dict[str, str]:
    labels = {key: value for key, value in objects.labels_of(source).items() if key != ids.RUN_LABEL}
    return {key: zone if key in objects.ZONE_KEYS else value for key, value in labels.items()}


def bound_claim(original: Obj, pv: str) -> Obj:
    """The claim as its owner wrote it, prebound to ``pv``."""
    spec = {key: copy.deepcopy(original["spec"][key]) for key in _CLAIM_SPEC_TO_KEEP if key in original["spec"]}
    spec["volumeName"] = pv
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": _without_empty(
            {
                "name": objects.name(original),
                "namespace": objects.namespace(original),
                "labels": objects.labels_of(original),
                "annotations": user_annotations(original),
                "ownerReferences": _references_of_others(original),
            }
        ),
        "spec": spec,
    }


def user_annotations(claim: Obj) -> dict[str, str]:
    return _without(objects.annotations_of(claim), _CLAIM_ANNOTATIONS_OF_THE_CLUSTER)


def _references_of_others(claim: Obj) -> list[Obj]:
    """Owners other than pods and sets, whose references the StatefulSet controller puts back itself (traps 6, 7)."""
    return [ref for ref in objects.owner_references(claim) if ref.get("kind") not in ("Pod", "StatefulSet")]


def claim_amendment(claim: Obj, original: Obj) -> dict[str, Any]:
    """A merge patch that gives a claim which the controller made from its template the original's metadata and size.

    Empty when there is nothing to put back. Only what the original had is added; nothing is taken away.
    """
    patch: dict[str, Any] = {}
    wanted_labels = {k: v for k, v in objects.labels_of(original).items() if objects.labels_of(claim).get(k) != v}
    wanted_notes = {k: v for k, v in user_annotations(original).items() if objects.annotations_of(claim).get(k) != v}
    metadata = _without_empty({"labels": wanted_labels, "annotations": wanted_notes})
    if metadata:
        patch["metadata"] = metadata
    if objects.requested_bytes(original) > objects.requested_bytes(claim):
        patch["spec"] = {"resources": {"requests": dict(original["spec"]["resources"]["requests"])}}
    return patch


def mismatches(claim: Obj, pv: Obj, *, disk_id: str, zone: str, size_gib: int) -> list[str]:
    """What keeps a claim from living on a PV and disk (S4), in words; empty when they fit."""
    wanted, offered = claim["spec"], pv["spec"]
    found = []
    if objects.disk_of(pv) != disk_id:
        found.append(f"the PV is on disk {objects.disk_of(pv) or 'of another driver'}, not on {disk_id}")
    if objects.zone_of(pv) != zone:
        found.append(f"the PV demands zone {objects.zone_of(pv) or 'none'}, the disk is in {zone}")
    if size_gib * GIB < objects.requested_bytes(claim):
        found.append(f"the disk has {size_gib} GiB, the claim asks for {wanted['resources']['requests']['storage']}")
    if (wanted.get("storageClassName") or "") != (offered.get("storageClassName") or ""):
        found.append(f"storage class {offered.get('storageClassName')!r} is not {wanted.get('storageClassName')!r}")
    if not set(wanted.get("accessModes") or []) <= set(offered.get("accessModes") or []):
        found.append(f"access modes {offered.get('accessModes')} do not cover {wanted.get('accessModes')}")
    if (wanted.get("volumeMode") or "Filesystem") != (offered.get("volumeMode") or "Filesystem"):
        found.append(f"volume mode {offered.get('volumeMode')} is not {wanted.get('volumeMode')}")
    return found


def _without(annotations: dict[str, str], prefixes: tuple[str, ...]) -> dict[str, str]:
    return {key: value for key, value in annotations.items() if not key.startswith(prefixes)}


def _without_empty(mapping: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if value}

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes, claims, classes and attachments: required and immutable fields (samples 10-17, 32, 33)."""

from __future__ import annotations

from typing import Any

from . import errors
from .errors import Cause
from .findings import diff, forbidden, go_names, immutable, invalid, required, unsupported
from .quantities import parse_quantity
from .resources import Resource
from .schema import root
from .store import Store
from .validation_metadata import subdomain_faults

Obj = dict[str, Any]

_ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_VOLUME_MODES = ("Block", "Filesystem")
_RECLAIM_POLICIES = ("Delete", "Recycle", "Retain")
_BINDING_MODES = ("Immediate", "WaitForFirstConsumer")
# What a volume has beside its source (PersistentVolumeSpec's inlined PersistentVolumeSource is the rest).
_VOLUME_FIELDS = {
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeAttributesClassName",
    "volumeMode",
}
_GA_LABELS = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
}
_CLAIM_IMMUTABLE = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
)


_TERMS = "spec.nodeAffinity.required.nodeSelectorTerms"
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
_NO_OPERATOR = "not a valid selector operator"


def of_volume(resource: Resource, obj: Obj) -> list[Cause]:
    spec = obj["spec"]
    causes = [] if spec.get("accessModes") else [required("spec.accessModes")]
    causes += _access_mode_faults(spec)
    capacity = spec.get("capacity")
    if not capacity:
        causes.append(required("spec.capacity"))
    if set(capacity or {}) != {"storage"}:
        causes.append(unsupported("spec.capacity", capacity, ("storage",)))
    causes += _amount_faults("spec.capacity[storage]", (capacity or {}).get("storage"))
    policy = spec.get("persistentVolumeReclaimPolicy")
    if policy not in _RECLAIM_POLICIES:
        causes.append(unsupported("spec.persistentVolumeReclaimPolicy", policy, _RECLAIM_POLICIES))
    causes += _class_faults(spec) + _affinity_faults(spec.get("nodeAffinity"))
    sources = _sources(resource, spec)
    if not sources:
        causes.append(required("spec", "must specify a volume type"))
    for extra in list(sources)[1:]:
        causes.append(forbidden(f"spec.{extra}", "may not specify more than 1 volume type"))
    if "csi" in sources:
        causes += [required(f"spec.csi.{field}") for field in ("driver", "volumeHandle") if not spec["csi"].get(field)]
    return causes + _volume_mode_faults(spec)


def of_volume_change(resource: Resource, live: Obj, new: Obj) -> list[Cause]:
    """The paths are the real server's: two of them lack their ``spec.``."""
    before, after = live["spec"], new["spec"]
    causes = of_volume(resource, new)
    old_source, new_source = _sources(resource, before), _sources(resource, after)
    if old_source != new_source:
        detail = "spec.persistentvolumesource is immutable after creation" + diff(old_source, new_source)
        causes.append(forbidden("spec.persistentvolumesource", detail))
    if before.get("volumeMode") != after.get("volumeMode"):
        causes.append(immutable("volumeMode", after.get("volumeMode")))
    old_affinity, affinity = before.get("nodeAffinity"), after.get("nodeAffinity")
    if old_affinity is not None and _with_ga_labels(old_affinity) != _with_ga_labels(affinity):
        detail = "field is immutable, except for updating from beta label to GA"
        causes.append(invalid("nodeAffinity", go_names(_with_nulls(affinity)), detail))
    return causes


def of_claim(_resource: Resource, obj: Obj) -> list[Cause]:
    spec = obj["spec"]
    causes = []
    if not spec.get("accessModes"):
        causes.append(required("spec.accessModes", "at least 1 access mode is required"))
    causes += _access_mode_faults(spec)
    storage = _requested(spec)
    if storage is None:
        causes.append(required("spec.resources[storage]"))
    causes += _amount_faults("spec.resources[storage]", storage)
    return causes + _class_faults(spec) + _volume_mode_faults(spec)


def of_claim_change(resource: Resource, live: Obj, new: Obj) -> list[Cause]:
    before, after = live["spec"], new["spec"]
    causes = of_claim(resource, new)
    if causes:
        return causes
    allowed = dict(before)
    if not before.get("volumeName") and "volumeName" in after:
        allowed["volumeName"] = after["volumeName"]
    if before.get("storageClassName") is None and "storageClassName" in after:
        allowed["storageClassName"] = after["storageClassName"]
    if (live.get("status") or {}).get("phase") == "Bound":
        allowed["resources"] = after["resources"]
        if "volumeAttributesClassName" in after:
            allowed["volumeAttributesClassName"] = after["volumeAttributesClassName"]
    if allowed != after:
        causes.append(forbidden("spec", _CLAIM_IMMUTABLE + diff(before, after)))
    elif _shrinks(live, new):
        causes.append(forbidden("spec.resources.requests.storage", "field can not be less than status.capacity"))
    return causes


def check_growth(resource: Resource, live: Obj, new: Obj, store: Store) -> None:
    """The admission plug-in PersistentVolumeClaimResize: ApiError 403 when the class does not allow it."""
    old_size, new_size = _requested(live["spec"]), _requested(new["spec"])
    if parse_quantity(new_size or 0) <= parse_quantity(old_size or 0):
        return
    record = store.get("storageclasses.storage.k8s.io", "", live["spec"].get("storageClassName") or "")
    if record is None or not record.load().get("allowVolumeExpansion"):
        cause = (
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support "
            "resize"
        )
        raise errors.forbidden(resource, live["metadata"]["name"], cause)


def of_class(_resource: Resource, obj: Obj) -> list[Cause]:
    causes = [] if obj.get("provisioner") else [required("provisioner")]
    if obj.get("reclaimPolicy") not in _RECLAIM_POLICIES:
        causes.append(unsupported("reclaimPolicy", obj.get("reclaimPolicy"), _RECLAIM_POLICIES))
    if obj.get("volumeBindingMode") not in _BINDING_MODES:
        causes.append(unsupported("volumeBindingMode", obj.get("volumeBindingMode"), _BINDING_MODES))
    return causes


def of_class_change(resource: Resource, live: Obj, new: Obj) -> list[Cause]:
    causes = of_class(resource, new)
    for field in ("parameters", "provisioner", "reclaimPolicy"):
        if live.get(field) != new.get(field):
            causes.append(forbidden(field, f"updates to {field} are forbidden."))
    if live.get("volumeBindingMode") != new.get("volumeBindingMode"):
        causes.append(immutable("volumeBindingMode", new.get("volumeBindingMode")))
    return causes


def of_attachment(_resource: Resource, obj: Obj) -> list[Cause]:
    spec = obj["spec"]
    causes = [required(f"spec.{field}") for field in ("attacher", "nodeName") if not spec.get(field)]
    if not spec.get("source"):
        causes.append(required("spec.source", "must specify exactly one of inlineVolumeSpec and persistentVolumeName"))
    return causes


def of_attachment_change(_resource: Resource, live: Obj, new: Obj) -> list[Cause]:
    return [] if live["spec"] == new["spec"] else [immutable("spec", new["spec"])]


def _sources(resource: Resource, spec: Obj) -> Obj:
    """The volume's source fields; what is no known field at all is decoding's business."""
    known = root(resource).child("spec")
    return {
        name: value
        for name, value in spec.items()
        if name not in _VOLUME_FIELDS and known is not None and known.child(name)
    }


def _access_mode_faults(spec: Obj) -> list[Cause]:
    modes = spec.get("accessModes") or []
    causes = [unsupported("spec.accessModes", mode, _ACCESS_MODES) for mode in modes if mode not in _ACCESS_MODES]
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        detail = "may not use ReadWriteOncePod with other access modes"
        causes.append(forbidden("spec.accessModes", detail))
    return causes


def _volume_mode_faults(spec: Obj) -> list[Cause]:
    mode = spec.get("volumeMode")
    return [] if mode in _VOLUME_MODES else [unsupported("spec.volumeMode", mode, _VOLUME_MODES)]


def _amount_faults(field: str, amount: Any) -> list[Cause]:
    if amount is None or parse_quantity(amount) > 0:
        return []
    return [invalid(field, str(amount), "must be greater than zero")]


def _affinity_faults(affinity: Obj | None) -> list[Cause]:
    if affinity is None:
        return []
    if not affinity.get("required"):
        return [required("spec.nodeAffinity.required", "must specify required node constraints")]
    if not affinity["required"].get("nodeSelectorTerms"):
        return [required(_TERMS, "must have at least one node selector term")]
    return [
        invalid(f"{_TERMS}[{number}].matchExpressions[{index}].operator", each.get("operator"), _NO_OPERATOR)
        for number, term in enumerate(affinity["required"]["nodeSelectorTerms"])
        for index, each in enumerate(term.get("matchExpressions") or [])
        if each.get("operator") not in _OPERATORS
    ]


def _class_faults(spec: Obj) -> list[Cause]:
    name = spec.get("storageClassName") or ""
    return [invalid("spec.storageClassName", name, text) for text in subdomain_faults(name)] if name else []


def _requested(spec: Obj) -> Any:
    return ((spec.get("resources") or {}).get("requests") or {}).get("storage")


def _shrinks(live: Obj, new: Obj) -> bool:
    """Smaller than asked before is allowed only down to what the volume has (recovery of a failed expansion)."""
    wanted, before = parse_quantity(_requested(new["spec"])), parse_quantity(_requested(live["spec"]))
    has = parse_quantity(((live.get("status") or {}).get("capacity") or {}).get("storage", 0))
    return wanted < before and wanted <= has


def _with_ga_labels(affinity: Obj | None) -> Any:
    if isinstance(affinity, dict):
        return {
            name: _GA_LABELS.get(part, part) if name == "key" else _with_ga_labels(part)
            for name, part in affinity.items()
        }
    if isinstance(affinity, list):
        return [_with_ga_labels(part) for part in affinity]
    return affinity


def _with_nulls(affinity: Obj | None) -> Obj | None:
    """As Go writes it: both lists of a term, even when absent."""
    if affinity is None:
        return None
    terms = (affinity.get("required") or {}).get("nodeSelectorTerms") or []
    fields = ("matchExpressions", "matchFields")
    return {"required": {"nodeSelectorTerms": [{field: term.get(field) for field in fields} for term in terms]}}

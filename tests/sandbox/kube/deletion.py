# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deleting: preconditions, grace, finalizers, propagation, and what DELETE returns (B2)."""

from __future__ import annotations

from typing import Any

from .errors import precondition_failed
from .lifecycle import METADATA_ORDER, timestamp
from .options import DeleteOptions
from .resources import Resource

Obj = dict[str, Any]

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
DEFAULT_GRACE = 30

# Kinds whose DELETE answers with the object even when it is gone at once; the others answer with a Status.
_RETURNS_OBJECT = {
    "pods",
    "persistentvolumes",
    "persistentvolumeclaims",
    "resourcequotas",
    "serviceaccounts",
    "storageclasses.storage.k8s.io",
    "volumeattachments.storage.k8s.io",
    "csinodes.storage.k8s.io",
    "csidrivers.storage.k8s.io",
}


def check_preconditions(resource: Resource, live: Obj, options: DeleteOptions) -> None:
    metadata = live["metadata"]
    if options.uid and options.uid != metadata["uid"]:
        raise precondition_failed(
            resource,
            metadata["name"],
            f"the UID in the precondition ({options.uid}) does not match the UID in record ({metadata['uid']}). "
            "The object might have been deleted and then recreated",
        )
    if options.resource_version and options.resource_version != metadata["resourceVersion"]:
        raise precondition_failed(
            resource,
            metadata["name"],
            f"the ResourceVersion in the precondition ({options.resource_version}) does not match the ResourceVersion "
            f"in record ({metadata['resourceVersion']}). The object might have been modified",
        )


def marked(resource: Resource, live: Obj, options: DeleteOptions, now: float) -> tuple[Obj, bool]:
    """The object as the delete leaves it, and whether it may go at once. Equal to ``live``: nothing to write."""
    obj = {**live, "metadata": dict(live["metadata"])}
    metadata = obj["metadata"]
    _set_propagation(metadata, options.propagation)
    if resource.key == "pods":
        grace = _pod_grace(live, options)
        if grace is not None:
            _stamp(metadata, now, grace)
    elif resource.key == "namespaces" and (live.get("spec") or {}).get("finalizers"):
        obj["status"] = {**(live.get("status") or {}), "phase": "Terminating"}
        if "deletionTimestamp" not in metadata:
            _stamp(metadata, now, 0)
    elif metadata.get("finalizers") and "deletionTimestamp" not in metadata:
        _stamp(metadata, now, 0)
    obj["metadata"] = {key: metadata[key] for key in METADATA_ORDER if key in metadata}
    return obj, removable(resource, obj, deleting=True)


def removable(resource: Resource, obj: Obj, *, deleting: bool = False) -> bool:
    """Whether nothing keeps a (being) deleted object any more."""
    metadata = obj["metadata"]
    if metadata.get("finalizers") or not (deleting or "deletionTimestamp" in metadata):
        return False
    if resource.key == "namespaces" and (obj.get("spec") or {}).get("finalizers"):
        return False
    return not metadata.get("deletionGracePeriodSeconds")


def answer(resource: Resource, obj: Obj, *, gone: bool) -> Obj:
    """The body of a DELETE (samples 52, 81, 92, 97)."""
    if not gone or resource.key in _RETURNS_OBJECT:
        return obj
    details = {
        "name": obj["metadata"]["name"],
        "group": resource.group,
        "kind": resource.plural,
        "uid": obj["metadata"]["uid"],
    }
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {key: value for key, value in details.items() if value},
    }


def no_new_finalizers(live: Obj, new: Obj) -> list[dict[str, str]]:
    """Causes of sample 57: a Terminating object takes no new finalizer."""
    if "deletionTimestamp" not in live["metadata"]:
        return []
    before = live["metadata"].get("finalizers") or []
    added = [name for name in new["metadata"].get("finalizers") or [] if name not in before]
    if not added:
        return []
    listed = ", ".join(f'"{name}"' for name in added)
    message = (
        "Forbidden: no new finalizers can be added if the object is being deleted, "
        f"found new finalizers []string{{{listed}}}"
    )
    return [{"reason": "FieldValueForbidden", "message": message, "field": "metadata.finalizers"}]


def _set_propagation(metadata: Obj, propagation: str) -> None:
    """Leaves the garbage collector's finalizers as the caller asks; without a wish those already there stay."""
    if not propagation:
        return
    wanted = {"Orphan": [ORPHAN], "Foreground": [FOREGROUND]}.get(propagation, [])
    others = [name for name in metadata.get("finalizers") or [] if name not in (ORPHAN, FOREGROUND)]
    metadata["finalizers"] = others + wanted
    if not metadata["finalizers"]:
        del metadata["finalizers"]


def _pod_grace(pod: Obj, options: DeleteOptions) -> int | None:
    """The grace to write, or None. A pod without a node or one that has ended goes at once; a second delete can only
    shorten the grace."""
    if "deletionTimestamp" in pod["metadata"]:
        shorter = options.grace is not None and options.grace < pod["metadata"]["deletionGracePeriodSeconds"]
        return options.grace if shorter else None
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    if not spec.get("nodeName") or status.get("phase") in ("Succeeded", "Failed"):
        return 0
    grace = spec.get("terminationGracePeriodSeconds", DEFAULT_GRACE) if options.grace is None else options.grace
    return grace if grace >= 0 else 1


def _stamp(metadata: Obj, now: float, grace: int) -> None:
    """Marks as being deleted; the first mark is a new generation for kinds that have one (sample 81)."""
    if "deletionTimestamp" not in metadata and metadata.get("generation"):
        metadata["generation"] += 1
    metadata["deletionTimestamp"] = timestamp(now + grace)
    metadata["deletionGracePeriodSeconds"] = grace

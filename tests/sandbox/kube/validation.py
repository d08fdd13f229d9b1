# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server refuses to store, by kind, and what each path may change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import validation_storage as storage
from . import validation_workloads as workloads
from .errors import Cause, bad_request
from .findings import invalid
from .quantities import parse_quantity
from .resources import Resource
from .validation_metadata import of_metadata

Obj = dict[str, Any]

_NEW: dict[str, Callable[[Resource, Obj], list[Cause]]] = {
    "persistentvolumes": storage.of_volume,
    "persistentvolumeclaims": storage.of_claim,
    "storageclasses.storage.k8s.io": storage.of_class,
    "volumeattachments.storage.k8s.io": storage.of_attachment,
    "statefulsets.apps": workloads.of_new_set,
    "deployments.apps": workloads.of_workload,
    "pods": workloads.of_pod,
    "services": workloads.of_service,
    "configmaps": workloads.of_data,
    "secrets": workloads.of_data,
    "events": workloads.of_event,
    "leases.coordination.k8s.io": workloads.of_lease,
    "customresourcedefinitions.apiextensions.k8s.io": workloads.of_definition,
}
_CHANGED: dict[str, Callable[[Resource, Obj, Obj], list[Cause]]] = {
    "persistentvolumes": storage.of_volume_change,
    "persistentvolumeclaims": storage.of_claim_change,
    "storageclasses.storage.k8s.io": storage.of_class_change,
    "volumeattachments.storage.k8s.io": storage.of_attachment_change,
    "statefulsets.apps": workloads.of_set_change,
    "deployments.apps": workloads.of_deployment_change,
    "pods": workloads.of_pod_change,
    "services": workloads.of_service_change,
    "configmaps": workloads.of_data_change,
    "secrets": workloads.of_data_change,
    "leases.coordination.k8s.io": workloads.of_lease_change,
    "controllerrevisions.apps": workloads.of_revision_change,
    "customresourcedefinitions.apiextensions.k8s.io": workloads.of_definition_change,
}


def version_required() -> Cause:
    """A PUT that does not say which version it replaces, of a kind that insists on it."""
    return invalid("metadata.resourceVersion", 0, "must be specified for an update")


def of_new(resource: Resource, obj: Obj) -> list[Cause]:
    """Why ``obj`` cannot be created."""
    validate = _NEW.get(resource.key)
    return of_metadata(resource, obj) + (validate(resource, obj) if validate else [])


def of_change(resource: Resource, live: Obj, new: Obj, subresource: str) -> list[Cause]:
    """Why ``live`` cannot become ``new``."""
    causes = of_metadata(resource, new)
    validate = _CHANGED.get(resource.key)
    if validate and subresource != "status":
        causes += validate(resource, live, new)
    return causes


def writable_part(resource: Resource, live: Obj, new: Obj, subresource: str) -> Obj:
    """``new`` with everything that this path does not change taken from ``live`` (sample 45)."""
    if subresource == "status":
        kept = live["metadata"] if resource.custom else new["metadata"]
        return _with({**live, "metadata": dict(kept)}, "status", new)
    if subresource == "finalize":
        return _with({**live, "metadata": dict(new["metadata"])}, "spec", new)
    result = {**new, "metadata": dict(new["metadata"])}
    if "status" in resource.subresources:
        result = _with(result, "status", live)
    if resource.key == "services" and not result["spec"].get("clusterIP"):
        for field in ("clusterIP", "clusterIPs"):
            result["spec"] = _with(result["spec"], field, live["spec"])
    return result


def _with(obj: Obj, field: str, source: Obj) -> Obj:
    rest = {key: value for key, value in obj.items() if key != field}
    return {**rest, field: source[field]} if field in source else rest


def check_quantities(resource: Resource, obj: Obj) -> None:
    """Decoding fails on what is no quantity: ApiError 400."""
    spec = obj.get("spec") or {}
    amounts = {**(spec.get("capacity") or {}), **((spec.get("resources") or {}).get("requests") or {})}
    try:
        for amount in amounts.values():
            parse_quantity(amount)
    except ValueError:
        raise bad_request(
            f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: quantities must '
            "match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        ) from None

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""managedFields: who set what, kept on every write (see the objects in the samples)."""

from __future__ import annotations

import dataclasses
from typing import Any

from . import schema
from .fieldsets import Difference, Paths, as_tree, compared, from_tree
from .lifecycle import timestamp
from .options import WriteOptions
from .resources import Resource

Obj = dict[str, Any]

_SERVER_METADATA = (
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "generation",
    "managedFields",
    "resourceVersion",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
_TEMPLATE = ("spec.template.metadata", "spec.template.spec.containers[]")
# Structs and lists that Go writes even when they are empty, so that filling them does not add them.
_ALWAYS_WRITTEN: dict[str, tuple[str, ...]] = {
    "pods": ("spec.containers[]",),
    "statefulsets.apps": (*_TEMPLATE, "spec.updateStrategy"),
    "deployments.apps": (*_TEMPLATE, "spec.strategy"),
    "csinodes.storage.k8s.io": ("spec.drivers[]",),
    "persistentvolumeclaims": ("spec.resources",),
    "services": ("status.loadBalancer",),
    "nodes": ("status.daemonEndpoints.kubeletEndpoint", "status.nodeInfo"),
    "events": ("involvedObject", "source"),
    "volumeattachments.storage.k8s.io": ("spec.source",),
    "customresourcedefinitions.apiextensions.k8s.io": ("spec.names", "status.acceptedNames", "status.conditions[]"),
    "horizontalpodautoscalers.autoscaling": ("spec.scaleTargetRef",),
    "rolebindings.rbac.authorization.k8s.io": ("roleRef",),
    "clusterrolebindings.rbac.authorization.k8s.io": ("roleRef",),
}


@dataclasses.dataclass(frozen=True)
class Manager:
    """One entry of managedFields is kept per manager, operation, version and subresource."""

    name: str
    operation: str
    api_version: str
    subresource: str = ""


@dataclasses.dataclass
class Owned:
    paths: Paths
    time: str


Managers = dict[Manager, Owned]


def after_create(resource: Resource, obj: Obj, options: WriteOptions, now: float) -> list[Obj]:
    """Everything that the caller sent and defaulting added belongs to the caller."""
    return after_update(resource, {"metadata": {}}, obj, options, "", now)


def after_update(
    resource: Resource, live: Obj, new: Obj, options: WriteOptions, subresource: str, now: float
) -> list[Obj]:
    """The writer takes what it changed from everyone else; what is gone belongs to nobody."""
    if live.get("metadata", {}).get("managedFields") and new["metadata"].get("managedFields") in ([], [{}]):
        managers: Managers = {}  # how a client asks for a reset
    else:
        managers = decoded(new) or decoded(live)  # what a client writes there counts: kubectl migrates its entries
    changes = difference(resource, live, new, "" if subresource == "scale" else subresource)
    give_up(managers, changes.taken | changes.removed)
    if changes.taken:
        writer = Manager(options.field_manager or options.user, "Update", resource.api_version, subresource)
        before = managers[writer].paths if writer in managers else set()
        managers[writer] = Owned(before | changes.taken, timestamp(now))
    return encoded(managers)


def difference(resource: Resource, live: Obj, new: Obj, subresource: str) -> Difference:
    """How ``new`` differs from ``live`` in the fields that anybody can own on this path."""
    return compared(_ownable(resource, live, subresource), _ownable(resource, new, subresource), schema.root(resource))


def strip(paths: Paths) -> Paths:
    """Without the fields that the server keeps for itself."""
    own = {("f:metadata", f"f:{name}") for name in _SERVER_METADATA} | {("f:apiVersion",), ("f:kind",), ("f:metadata",)}
    return {path for path in paths if path not in own and path[:2] not in own}


def give_up(managers: Managers, paths: Paths) -> None:
    for manager in list(managers):
        managers[manager].paths -= paths
        if not managers[manager].paths:
            del managers[manager]


def decoded(obj: Obj) -> Managers:
    managers: Managers = {}
    for entry in obj["metadata"].get("managedFields") or []:
        manager = Manager(entry["manager"], entry["operation"], entry["apiVersion"], entry.get("subresource", ""))
        managers[manager] = Owned(set(from_tree(entry["fieldsV1"])), entry["time"])
    return managers


def same(live: Obj, new: Obj) -> bool:
    """Nothing but times of managedFields differs. Such a write is none: an apply that says an atomic list again without
    its defaults (volumeClaimTemplates) owns it anew, and still changes nothing."""

    def timeless(obj: Obj) -> Obj:
        entries = [{**entry, "time": None} for entry in obj["metadata"].get("managedFields") or []]
        return {**obj, "metadata": {**obj["metadata"], "managedFields": entries}}

    return live == new or timeless(live) == timeless(new)


def encoded(managers: Managers) -> list[Obj]:
    """Applies before updates, older before newer, as the real server sorts them."""

    def order(manager: Manager) -> tuple[str, ...]:
        return (manager.operation, managers[manager].time, manager.name, manager.api_version, manager.subresource)

    return [_entry(manager, managers[manager]) for manager in sorted(managers, key=order)]


def _entry(manager: Manager, owned: Owned) -> Obj:
    entry: Obj = {
        "manager": manager.name,
        "operation": manager.operation,
        "apiVersion": manager.api_version,
        "time": owned.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": as_tree(owned.paths),
    }
    if manager.subresource:
        entry["subresource"] = manager.subresource
    return entry


def _ownable(resource: Resource, obj: Obj, subresource: str) -> Obj:
    left_out = {"kind", "apiVersion"}
    if "status" in resource.subresources and subresource != "status":
        left_out.add("status")
    part = {key: value for key, value in obj.items() if key not in left_out}
    part["metadata"] = {key: value for key, value in obj["metadata"].items() if key not in _SERVER_METADATA}
    if not resource.custom:
        fields = schema.root(resource)
        present = ("spec", "status") if fields.child("spec") else ()
        for path in (*present, *_ALWAYS_WRITTEN.get(resource.key, ())):
            part = _with_empty(part, path)
    return part


def _with_empty(part: Obj, path: str) -> Obj:
    """``part`` with an empty struct or list at ``path`` unless something is there."""
    head, _dot, rest = path.partition(".")
    if rest:
        return {**part, head: _with_empty(part.get(head) or {}, rest)}
    name = head.removesuffix("[]")
    return part if name in part else {**part, name: [] if head != name else {}}

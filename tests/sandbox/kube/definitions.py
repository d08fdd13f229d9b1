# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CustomResourceDefinitions bring their resources into the registry, and take them out again with all objects."""

from __future__ import annotations

from typing import Any

from .resources import Registry, Resource, ScalePaths
from .store import Store

CRD_KEY = "customresourcedefinitions.apiextensions.k8s.io"

Obj = dict[str, Any]


def resources_of(definition: Obj) -> list[Resource]:
    """One resource per served version."""
    spec = definition["spec"]
    names = spec["names"]
    found = []
    for version in spec["versions"]:
        if not version.get("served"):
            continue
        parts = version.get("subresources") or {}
        scale = parts.get("scale")
        found.append(
            Resource(
                group=spec["group"],
                version=version["name"],
                plural=names["plural"],
                kind=names["kind"],
                singular=names.get("singular") or names["kind"].lower(),
                short_names=tuple(names.get("shortNames") or ()),
                namespaced=spec["scope"] == "Namespaced",
                subresources=tuple(part for part in ("status", "scale") if part in parts),
                categories=tuple(names.get("categories") or ()),
                custom=True,
                scale=_scale_paths(scale) if scale else None,
            )
        )
    return found


def stored(registry: Registry, resource: Resource, obj: Obj) -> None:
    """Called after each write: a definition's resources are served from that moment, as it then says."""
    if resource.key != CRD_KEY:
        return
    registry.unregister(obj["metadata"]["name"])
    for custom in resources_of(obj):
        registry.register(custom)


def removed(registry: Registry, store: Store, resource: Resource, obj: Obj) -> None:
    if resource.key != CRD_KEY:
        return
    key = obj["metadata"]["name"]
    for record in store.records(key):
        store.remove(key, record.namespace, record.name)
    registry.unregister(key)


def _scale_paths(scale: Obj) -> ScalePaths:
    return ScalePaths(
        spec_replicas=scale["specReplicasPath"],
        status_replicas=scale["statusReplicasPath"],
        selector=scale.get("labelSelectorPath", ""),
    )

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenAPI v3: as much of it as clients act on.

kubectl looks up which query parameters a PATCH takes (``fieldValidation``, ``dryRun``); ``explain`` shows the schemas.
Paths name no request bodies, so that kubectl computes strategic merges with its built-in types, which know merge keys.
"""

from __future__ import annotations

import hashlib
from typing import Any

from .crds import CustomResources
from .discovery import VERSION, Discovery, verbs_of
from .resources import Resource
from .schemas import builtin_schemas

Document = dict[str, Any]

_ROOT = "/openapi/v3"
_WRITE_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation")
_OPERATIONS = {
    "get": ("get", "get", ()),
    "update": ("put", "put", _WRITE_PARAMETERS),
    "patch": ("patch", "patch", (*_WRITE_PARAMETERS, "force")),
    "delete": ("delete", "delete", ("dryRun", "gracePeriodSeconds", "propagationPolicy")),
}
_COLLECTION_OPERATIONS = {
    "list": ("get", "list", ("continue", "fieldSelector", "labelSelector", "limit", "resourceVersion", "watch")),
    "create": ("post", "post", _WRITE_PARAMETERS),
}


class OpenApi:
    def __init__(self, discovery: Discovery, custom: CustomResources) -> None:
        self._discovery = discovery
        self._custom = custom

    def document(self, path: str) -> Document | None:
        """The index at ``/openapi/v3``, or the document of one group version below it."""
        if path == _ROOT:
            return {"paths": dict(self._index())}
        parts = path.removeprefix(f"{_ROOT}/").split("/")
        if parts == ["api", "v1"]:
            return self._group_version("", "v1")
        if len(parts) == 3 and parts[0] == "apis":
            return self._group_version(parts[1], parts[2])
        return None

    def _index(self) -> list[tuple[str, Document]]:
        entries = []
        for group, versions in self._discovery.group_versions().items():
            for version in versions:
                path = _prefix(group, version).strip("/")
                digest = hashlib.sha256(self._described(group, version).encode()).hexdigest()[:16]
                entries.append((path, {"serverRelativeURL": f"{_ROOT}/{path}?hash={digest}"}))
        return entries

    def _described(self, group: str, version: str) -> str:
        """Changes when the document of the group version changes."""
        resources = self._discovery.resources(group, version)
        return repr([(resource, self._custom.schema(resource) if resource.custom else None) for resource in resources])

    def _group_version(self, group: str, version: str) -> Document | None:
        resources = self._discovery.resources(group, version)
        if not resources:
            return None
        paths: Document = {}
        for resource in resources:
            paths.update(_paths(resource))
        schemas = builtin_schemas([resource for resource in resources if not resource.custom])
        for resource in resources:
            if resource.custom:
                schemas[f"{resource.version}.{resource.kind}"] = _marked(resource, self._custom.schema(resource))
        return {
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": VERSION["gitVersion"]},
            "paths": paths,
            "components": {"schemas": schemas},
        }


def _prefix(group: str, version: str) -> str:
    return f"/apis/{group}/{version}" if group else f"/api/{version}"


def _paths(resource: Resource) -> Document:
    verbs = verbs_of(resource)
    scope = "/namespaces/{namespace}" if resource.namespaced else ""
    collection = f"{_prefix(resource.group, resource.version)}{scope}/{resource.plural}"
    paths = {collection: _path_item(resource, verbs, _COLLECTION_OPERATIONS, named=False)}
    if "get" in verbs:
        paths[f"{collection}/{{name}}"] = _path_item(resource, verbs, _OPERATIONS, named=True)
    return paths


def _path_item(
    resource: Resource, verbs: list[str], operations: dict[str, tuple[str, str, tuple[str, ...]]], *, named: bool
) -> Document:
    item: Document = {}
    for verb, (method, action, parameters) in operations.items():
        if verb in verbs:
            item[method] = {
                "x-kubernetes-action": action,
                "x-kubernetes-group-version-kind": _kind(resource),
                "parameters": [{"name": name, "in": "query", "schema": _PARAMETER} for name in parameters],
                "responses": {"200": {"description": "OK"}},
            }
    in_path = [name for name, present in (("name", named), ("namespace", resource.namespaced)) if present]
    item["parameters"] = [{"name": name, "in": "path", "required": True, "schema": _PARAMETER} for name in in_path]
    return item


_PARAMETER = {"type": "string", "uniqueItems": True}


def _kind(resource: Resource) -> Document:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _marked(resource: Resource, schema: Document) -> Document:
    return {**schema, "x-kubernetes-group-version-kind": [_kind(resource)]}

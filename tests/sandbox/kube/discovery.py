# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Discovery: which groups, versions and resources there are, in the old form (a document per group version) and the
aggregated one (``apidiscovery.k8s.io/v2``) that newer clients ask for first."""

from __future__ import annotations

import re
from typing import Any

from .resources import Registry, Resource
from .reviews import REVIEW_KEYS

Document = dict[str, Any]

AGGREGATED_FORM = "APIGroupDiscoveryList"
VERSION: Document = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.2+zoneshift.sandbox",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "linux/amd64",
}

_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_CORE_GROUP_VERSION = ("", "v1")
_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")
_STAGES = ("alpha", "beta", None)


class Discovery:
    """Reads the registry anew for each answer, so a CustomResourceDefinition shows at once."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def document(self, path: str, address: str) -> Document | None:
        """The document at ``path``; None if there is none. ``address`` is where this server is reached."""
        parts = [part for part in path.split("/") if part]
        if parts == ["api"]:
            return _api_versions(address)
        if parts == ["apis"]:
            return self._group_list()
        if parts == ["api", "v1"]:
            return self._resource_list(*_CORE_GROUP_VERSION)
        if len(parts) == 2 and parts[0] == "apis":
            return self._group_document(parts[1])
        if len(parts) == 3 and parts[0] == "apis":
            return self._resource_list(parts[1], parts[2])
        return None

    def is_builtin(self, group: str) -> bool:
        return any(resource.group == group and not resource.custom for resource in self._registry)

    def group_versions(self) -> dict[str, list[str]]:
        """Versions of each group, the preferred one first."""
        groups: dict[str, list[str]] = {}
        for resource in self._registry:
            versions = groups.setdefault(resource.group, [])
            if resource.version not in versions:
                versions.append(resource.version)
        return {group: sorted(versions, key=_priority, reverse=True) for group, versions in groups.items()}

    def resources(self, group: str, version: str) -> list[Resource]:
        return [entry for entry in self._registry if (entry.group, entry.version) == (group, version)]

    def _group_list(self) -> Document:
        groups = [_group(group, versions) for group, versions in self.group_versions().items() if group]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def _group_document(self, group: str) -> Document | None:
        versions = self.group_versions().get(group)
        return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, versions)} if versions else None

    def _resource_list(self, group: str, version: str) -> Document | None:
        resources = self.resources(group, version)
        if not resources:
            return None
        entries = [entry for resource in resources for entry in _plain_entries(resource)]
        group_version = f"{group}/{version}" if group else version
        return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": entries}

    def aggregated(self, *, core: bool) -> Document:
        """Everything at once: the core group for ``/api``, all others for ``/apis``."""
        items = [
            {
                "metadata": {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None},
                "versions": [
                    {
                        "version": version,
                        "resources": [_aggregated_entry(resource) for resource in self.resources(group, version)],
                        "freshness": "Current",
                    }
                    for version in versions
                ],
            }
            for group, versions in self.group_versions().items()
            if (group == "") == core
        ]
        return {"kind": AGGREGATED_FORM, "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def verbs_of(resource: Resource) -> list[str]:
    if resource.key in REVIEW_KEYS:
        return ["create"]
    if resource.key == "namespaces":
        return [verb for verb in _VERBS if verb != "deletecollection"]
    return _VERBS


def subresources_of(resource: Resource) -> dict[str, Document]:
    """Of each subresource the group, version and kind of what it answers with, and its verbs."""
    own = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    scale = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    entries = {
        name: {**(scale if name == "scale" else own), "verbs": ["get", "patch", "update"]}
        for name in resource.subresources
    }
    if "finalize" in entries:
        entries["finalize"]["verbs"] = ["update"]
    if resource.key == "serviceaccounts":
        token = {"group": "authentication.k8s.io", "version": "v1", "kind": "TokenRequest"}
        entries["token"] = {**token, "verbs": ["create"]}
    return entries


def _priority(version: str) -> tuple[int, int, int]:
    """``v2`` before ``v1`` before ``v1beta1`` before ``v1alpha1`` before anything else."""
    parsed = _VERSION.fullmatch(version)
    if parsed is None:
        return (-1, 0, 0)
    major, stage, minor = parsed.groups()
    return (_STAGES.index(stage), int(major), int(minor or 0))


def _group(name: str, versions: list[str]) -> Document:
    entries = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def _api_versions(address: str) -> Document:
    servers = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": servers}


def _plain_entries(resource: Resource) -> list[Document]:
    entry: Document = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": verbs_of(resource),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    entries = [entry]
    for name, subresource in subresources_of(resource).items():
        foreign = (subresource["group"], subresource["version"]) != (resource.group, resource.version)
        entries.append(
            {
                "name": f"{resource.plural}/{name}",
                "singularName": "",
                "namespaced": resource.namespaced,
                **({"group": subresource["group"], "version": subresource["version"]} if foreign else {}),
                "kind": subresource["kind"],
                "verbs": subresource["verbs"],
            }
        )
    return entries


def _aggregated_entry(resource: Resource) -> Document:
    entry: Document = {
        "resource": resource.plural,
        "responseKind": {"group": resource.group, "version": resource.version, "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": verbs_of(resource),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    subresources = [
        {
            "subresource": name,
            "responseKind": {key: subresource[key] for key in ("group", "version", "kind")},
            "verbs": subresource["verbs"],
        }
        for name, subresource in subresources_of(resource).items()
    ]
    if subresources:
        entry["subresources"] = subresources
    return entry

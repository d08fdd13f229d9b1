# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request asks for, read off its method, path and query alone, before any resource is looked up.

This is the API server's RequestInfo: authorization and the request log work on it, so that a user without rights is
refused (403) before he learns whether a resource exists (404).
"""

from __future__ import annotations

import dataclasses
import urllib.parse

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}
_NAMESPACE_SUBRESOURCES = ("status", "finalize")
_TRUE = ("true", "True", "1")
MUTATING_VERBS = ("create", "update", "patch", "delete", "deletecollection")


@dataclasses.dataclass(frozen=True)
class RequestInfo:
    """A resource request has a ``plural``; any other (``/version``, ``/apis/apps/v1``) has only its path.

    ``collection``: the path names no object, though ``name`` may come from a field selector.
    """

    method: str
    path: str
    query: dict[str, str]
    verb: str
    group: str = ""
    version: str = ""
    namespace: str = ""
    plural: str = ""
    name: str = ""
    subresource: str = ""
    collection: bool = False

    @property
    def resource(self) -> str:
        """``plural[.group][/subresource]``: how the request log and fault rules name what is asked for."""
        plural = f"{self.plural}.{self.group}" if self.group else self.plural
        return f"{plural}/{self.subresource}" if self.subresource else plural

    @property
    def dry_run(self) -> bool:
        return self.query.get("dryRun") == "All"

    @property
    def mutating(self) -> bool:
        return bool(self.plural) and self.verb in MUTATING_VERBS and not self.dry_run

    def flag(self, name: str) -> bool:
        return self.query.get(name, "") in _TRUE


def parse_request(method: str, target: str) -> RequestInfo:
    """``target`` is the request line's path and query."""
    split = urllib.parse.urlsplit(target)
    query = {key: values[0] for key, values in urllib.parse.parse_qs(split.query, keep_blank_values=True).items()}
    parts = [urllib.parse.unquote(part) for part in split.path.split("/") if part]
    if len(parts) >= 3 and parts[0] == "api":
        return _resource_request(method, split.path, query, ("", parts[1]), parts[2:])
    if len(parts) >= 4 and parts[0] == "apis":
        return _resource_request(method, split.path, query, (parts[1], parts[2]), parts[3:])
    return RequestInfo(method, split.path, query, verb=method.lower())


def _resource_request(
    method: str, path: str, query: dict[str, str], group_version: tuple[str, str], parts: list[str]
) -> RequestInfo:
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 1:
        namespace = parts[1]
        if len(parts) > 2 and parts[2] not in _NAMESPACE_SUBRESOURCES:
            parts = parts[2:]
    plural, name, subresource = [*parts, "", ""][:3]
    collection = not name
    verb = _verb(method, query, collection)
    if verb in ("list", "watch"):
        name = _name_selected(query.get("fieldSelector", ""))
    return RequestInfo(
        method=method,
        path=path,
        query=query,
        verb=verb,
        group=group_version[0],
        version=group_version[1],
        namespace=namespace,
        plural=plural,
        name=name,
        subresource="/".join([subresource, *parts[3:]]) if subresource else "",
        collection=collection,
    )


def _verb(method: str, query: dict[str, str], collection: bool) -> str:
    if method == "GET":
        if not collection:
            return "get"
        return "watch" if query.get("watch", "") in _TRUE else "list"
    if method == "DELETE":
        return "deletecollection" if collection else "delete"
    return _VERBS.get(method, method.lower())


def _name_selected(field_selector: str) -> str:
    """``fieldSelector=metadata.name=web`` counts as the name: rules with ``resourceNames`` allow such a watch."""
    for requirement in field_selector.split(","):
        field, _equals, value = requirement.replace("==", "=").partition("=")
        if field == "metadata.name":
            return value
    return ""

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a body what its URL says: apiVersion, kind, name, namespace, known fields (samples 34-36, c3, c4)."""

from __future__ import annotations

from typing import Any

from . import errors
from .options import WriteOptions
from .resources import Resource
from .store import copied

Obj = dict[str, Any]


def checked_body(resource: Resource, namespace: str, body: Any, options: WriteOptions, *, name: str = "") -> Obj:
    """A copy of ``body`` with kind, apiVersion and metadata present. ``name`` is the one on the URL, if any."""
    if not isinstance(body, dict):
        raise errors.bad_request(f"json: cannot unmarshal into Go value of type {resource.version}.{resource.kind}")
    _check_kind(resource, body)
    metadata = body.get("metadata") or {}
    if name and metadata.get("name", name) != name:
        raise errors.bad_request(
            f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})"
        )
    if resource.namespaced and metadata.get("namespace", namespace) != namespace:
        raise errors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    checked: Obj = copied({**body, "kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata})
    if name:
        checked["metadata"]["name"] = name
        if resource.namespaced:
            checked["metadata"]["namespace"] = namespace
    return checked


def _check_kind(resource: Resource, body: Obj) -> None:
    api_version, kind = body.get("apiVersion", resource.api_version), body.get("kind", resource.kind)
    if api_version != resource.api_version:
        raise errors.bad_request(
            f"the API version in the data ({api_version}) does not match the expected API version "
            f"({resource.api_version})"
        )
    if kind != resource.kind:
        internal_group = resource.group.split(".")[0] or "core"
        raise errors.bad_request(
            f'{kind} in version "{resource.version}" cannot be handled as a {resource.kind}: converting '
            f"({resource.version}.{kind}) to ({internal_group}.{resource.kind}): unknown conversion"
        )

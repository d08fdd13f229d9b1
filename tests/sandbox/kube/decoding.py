# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a body what its URL says: apiVersion, kind, name, namespace, known fields (samples 34-36, c3, c4)."""

from __future__ import annotations

import json
from typing import Any

from . import errors, findings, schema, validation
from .options import WriteOptions
from .resources import Resource
from .store import copied

Obj = dict[str, Any]

_WRITTEN_NULLS = {
    "lastProbeTime",
    "lastTransitionTime",
    "eventTime",
    "firstTimestamp",
    "lastTimestamp",
    "currentMetrics",
}


def checked_body(
    resource: Resource, namespace: str, body: Any, options: WriteOptions, *, name: str = "", patched: bool = False
) -> Obj:
    """A copy of ``body`` with kind, apiVersion and metadata present. ``name`` is the one on the URL, if any;
    ``patched`` says that ``body`` is what a patch made."""
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
    mismatch = schema.mismatch(resource, checked)
    if mismatch and patched:
        raise errors.invalid("", "", "", [findings.invalid("patch", json.dumps(body), mismatch)])
    if mismatch:
        raise errors.bad_request(
            f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: {mismatch}'
        )
    if not resource.custom:
        checked = _without_nulls(checked)
        _check_fields(resource, checked, options, patched=patched)
    validation.check_quantities(resource, checked)
    return checked


def _check_fields(resource: Resource, body: Obj, options: WriteOptions, *, patched: bool) -> None:
    """Unknown fields are refused or warned about, and never kept. The server's default is to warn."""
    unknown = schema.unknown_fields(resource, body)
    for place in unknown:
        _drop(body, place)
    faults = [f'unknown field "{schema.text(place)}"' for place in unknown]
    if not faults or options.field_validation == "Ignore":
        return
    if options.field_validation != "Strict":
        options.warnings.extend(faults)
        return
    message = f"strict decoding error: {', '.join(faults)}"
    if patched:
        raise errors.invalid("", "", "", [findings.invalid("patch", json.dumps(body), message)])
    raise errors.bad_request(
        f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: {message}'
    )


def _drop(body: Any, place: schema.Place) -> None:
    for part in place[:-1]:
        body = body[part]
    del body[place[-1]]


def _without_nulls(value: Any) -> Any:
    """Typed decoding takes null as absent, but for the times that Go always writes."""
    if isinstance(value, dict):
        return {
            name: _without_nulls(part) for name, part in value.items() if part is not None or name in _WRITTEN_NULLS
        }
    if isinstance(value, list):
        return [_without_nulls(part) for part in value]
    return value


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

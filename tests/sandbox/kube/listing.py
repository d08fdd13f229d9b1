# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists: selectors, pages with continue tokens, older and future resourceVersions; and where a watch starts."""

from __future__ import annotations

import base64
import json
from typing import Any

from . import errors
from .options import ListOptions
from .resources import Resource
from .selectors import selector
from .store import Compacted, Record, Store
from .watch import Watch

Obj = dict[str, Any]

_TOKEN_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter."
)
_TOKEN_VERSION = "meta.k8s.io/v1"


def listed(store: Store, resource: Resource, namespace: str, options: ListOptions) -> Obj:
    """A ``<Kind>List``. Items carry neither kind nor apiVersion, as the real server's typed lists do (98, 99)."""
    wanted = selector(resource.key, options.label_selector, options.field_selector)
    with store.lock:
        version, start = _starting_point(store, options)
        try:
            records = store.records(resource.key, namespace, at=version)
        except Compacted as gone:
            error = errors.expired(_TOKEN_EXPIRED) if start else errors.version_compacted(gone.wanted, gone.oldest)
            raise error from None
    if start:
        records = [record for record in records if _position(record) >= start]
    items: list[Obj] = []
    metadata: Obj = {"resourceVersion": str(version)}
    for index, record in enumerate(records):
        if options.limit and len(items) == options.limit:
            metadata["continue"] = _token(version, _position(records[index - 1]) + "\0")
            if wanted is None:
                metadata["remainingItemCount"] = len(records) - index
            break
        obj = record.load()
        if wanted is None or wanted(obj):
            items.append(_as_item(resource, obj))
    return {"kind": resource.list_kind, "apiVersion": resource.api_version, "metadata": metadata, "items": items}


def watched(store: Store, resource: Resource, namespace: str, options: ListOptions) -> Watch:
    """Without a resourceVersion (or with 0) a watch begins with what is there; with one, right after it."""
    asked = _version(options.resource_version)
    with store.lock:
        if asked > store.revision:
            raise errors.version_in_future(asked, store.revision)
        initial: list[Obj] = []
        version = asked
        if not asked or options.send_initial_events:
            version = store.revision
            everything = ListOptions(label_selector=options.label_selector, field_selector=options.field_selector)
            initial = listed(store, resource, namespace, everything)["items"]
            for index, obj in enumerate(initial):
                initial[index] = {"kind": resource.kind, "apiVersion": resource.api_version, **obj}
        return Watch(store, resource, namespace, options, version, initial)


def _starting_point(store: Store, options: ListOptions) -> tuple[int, str]:
    """The revision to list at and the position to start from."""
    if options.continue_:
        return _parsed_token(options.continue_)
    asked = _version(options.resource_version)
    if asked > store.revision:
        raise errors.version_in_future(asked, store.revision)
    if options.resource_version_match == "Exact":
        return asked, ""
    return store.revision, ""


def _version(text: str) -> int:
    try:
        return int(text or 0)
    except ValueError:
        message = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: invalid syntax'
        raise errors.bad_request(message) from None


def _position(record: Record) -> str:
    return f"{record.namespace}/{record.name}"


def _token(version: int, start: str) -> str:
    text = json.dumps({"v": _TOKEN_VERSION, "rv": version, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _parsed_token(token: str) -> tuple[int, str]:
    try:
        padded = token + "=" * (-len(token) % 4)
        content = json.loads(base64.urlsafe_b64decode(padded))
        if content["v"] == _TOKEN_VERSION and content["rv"] > 0:
            return content["rv"], content["start"]
    except (ValueError, KeyError, TypeError):
        pass
    raise errors.bad_request("continue key is not valid")


def _as_item(resource: Resource, obj: Obj) -> Obj:
    if resource.custom:
        obj["apiVersion"] = resource.api_version
    else:
        obj.pop("kind", None)
        obj.pop("apiVersion", None)
    return obj

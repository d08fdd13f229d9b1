# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches by their content type."""

from __future__ import annotations

from typing import Any

import jsonpatch
import jsonpointer

from . import errors, schema
from .resources import Resource
from .strategic import strategic

JSON = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"

Obj = dict[str, Any]


def patched(resource: Resource, obj: Obj, body: Any, content_type: str) -> Obj:
    """``obj`` after the patch; ``obj`` itself stays as it is."""
    if content_type == JSON:
        return _json_patched(obj, body)
    if not isinstance(body, dict):
        raise errors.bad_request("error decoding patch: json: cannot unmarshal into a map[string]interface {}")
    if content_type == MERGE:
        result: Obj = merged(obj, body)
        return result
    if content_type == STRATEGIC and not resource.custom:
        return strategic(obj, body, schema.root(resource))
    accepted = [JSON, MERGE, APPLY] if resource.custom else [JSON, MERGE, STRATEGIC, APPLY]
    raise errors.unsupported_media_type(f"accepted media types include: {', '.join(accepted)}")


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386: null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def _json_patched(obj: Obj, operations: Any) -> Obj:
    """RFC 6902 by the jsonpatch library, as lenient as the real server's; all or nothing (sample 90)."""
    if not isinstance(operations, list):
        raise errors.bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
        )
    try:
        result = obj
        for operation in operations:
            result = jsonpatch.apply_patch(result, [_forgiven(result, operation)])
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError):
        raise errors.patch_failed() from None
    return result


def _forgiven(obj: Obj, operation: Any) -> Any:
    """The server's library takes a member that is not there for null, in ``replace`` and ``test``."""
    kind = operation.get("op")
    if kind not in ("replace", "test"):
        return operation
    parent, member = jsonpointer.JsonPointer(operation["path"]).to_last(obj)
    if not isinstance(parent, dict) or member is None or member in parent:
        return operation
    if kind == "replace":
        return {**operation, "op": "add"}
    return {"op": "test", "path": "", "value": obj} if operation.get("value") is None else operation

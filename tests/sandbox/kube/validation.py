# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server refuses: required and immutable fields, and what each subresource may change."""

from __future__ import annotations

from typing import Any

from .errors import Cause
from .resources import Resource

Obj = dict[str, Any]


def version_required() -> Cause:
    message = "Invalid value: 0: must be specified for an update"
    return {"reason": "FieldValueInvalid", "message": message, "field": "metadata.resourceVersion"}


def of_new(resource: Resource, obj: Obj) -> list[Cause]:
    """Why ``obj`` cannot be created."""
    return []


def of_change(resource: Resource, live: Obj, new: Obj, subresource: str) -> list[Cause]:
    """Why ``live`` cannot become ``new``."""
    return []


def writable_part(resource: Resource, live: Obj, new: Obj, subresource: str) -> Obj:
    """``new`` with everything that this path does not change taken from ``live`` (sample 45)."""
    if subresource == "status":
        kept = live["metadata"] if resource.custom else {**new["metadata"]}
        result = {**live, "metadata": dict(kept)}
        _copy(new, result, "status")
        return result
    result = dict(new)
    result["metadata"] = dict(new["metadata"])
    if subresource == "finalize":
        result = {**live, "metadata": dict(new["metadata"])}
        _copy(new, result, "spec")
        return result
    if "status" in resource.subresources:
        _copy(live, result, "status")
    return result


def _copy(source: Obj, target: Obj, key: str) -> None:
    if key in source:
        target[key] = source[key]
    else:
        target.pop(key, None)

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings of validation in the words of k8s.io/apimachinery's ``field`` package."""

from __future__ import annotations

import difflib
import json
from typing import Any

from .errors import Cause


def required(field: str, detail: str = "") -> Cause:
    return _cause("FieldValueRequired", f"Required value{f': {detail}' if detail else ''}", field)


def invalid(field: str, value: Any, detail: str) -> Cause:
    return _cause("FieldValueInvalid", f"Invalid value: {_shown(value)}: {detail}", field)


def unsupported(field: str, value: Any, supported: tuple[str, ...]) -> Cause:
    listed = ", ".join(f'"{name}"' for name in supported)
    return _cause("FieldValueNotSupported", f"Unsupported value: {_shown(value)}: supported values: {listed}", field)


def forbidden(field: str, detail: str) -> Cause:
    return _cause("FieldValueForbidden", f"Forbidden: {detail}", field)


def not_found(field: str, value: Any) -> Cause:
    return _cause("FieldValueNotFound", f"Not found: {_shown(value)}", field)


def duplicate(field: str, value: Any) -> Cause:
    return _cause("FieldValueDuplicate", f"Duplicate value: {_shown(value)}", field)


def too_long(field: str, detail: str) -> Cause:
    return _cause("FieldValueTooLong", f"Too long: {detail}", field)


def immutable(field: str, value: Any) -> Cause:
    return invalid(field, value, "field is immutable")


def go_names(value: Any) -> Any:
    """The value under the field names of Go's internal types, which some messages show (sample 10)."""
    if isinstance(value, dict):
        return {name[:1].upper() + name[1:]: go_names(part) for name, part in value.items()}
    if isinstance(value, list):
        return [go_names(part) for part in value]
    return value


def diff(before: Any, after: Any) -> str:
    """The tail of "immutable after creation" messages: a unified diff of both values (samples 11, 14). Its exact text
    depends on the Kubernetes version; nobody may rely on it."""
    old, new = (json.dumps(go_names(value), indent=1).splitlines() for value in (before, after))
    lines = list(difflib.unified_diff(old, new, lineterm=""))[2:]
    return "\n" + "\n".join(lines) + "\n" if lines else ""


def _cause(reason: str, message: str, field: str) -> Cause:
    return {"reason": reason, "message": message, "field": field}


def _shown(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

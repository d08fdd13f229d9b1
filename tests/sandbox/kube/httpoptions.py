# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Query parameters and bodies as the options of ``kube.options``."""

from __future__ import annotations

from typing import Any

from .errors import ApiError, bad_request, invalid
from .options import DeleteOptions, ListOptions, WriteOptions
from .requestinfo import RequestInfo

_VALIDATIONS = ("Ignore", "Strict", "Warn")
_PROPAGATIONS = ("Background", "Foreground", "Orphan")
_KINDS = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions"}


def list_options(info: RequestInfo) -> ListOptions:
    query = info.query
    timeout = _number(query, "timeoutSeconds")
    options = ListOptions(
        label_selector=query.get("labelSelector", ""),
        field_selector=query.get("fieldSelector", ""),
        limit=_number(query, "limit") or 0,
        continue_=query.get("continue", ""),
        resource_version=query.get("resourceVersion", ""),
        resource_version_match=query.get("resourceVersionMatch", ""),
        allow_bookmarks=info.flag("allowWatchBookmarks"),
        send_initial_events=info.flag("sendInitialEvents"),
        timeout=float(timeout) if timeout else None,
    )
    if info.verb == "list":
        _check_match(options.resource_version_match, options.resource_version)
    if options.send_initial_events and options.resource_version_match != "NotOlderThan":
        message = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        raise _bad_options("ListOptions", "resourceVersionMatch", "FieldValueForbidden", message)
    return options


def _check_match(match: str, version: str) -> None:
    """Which resourceVersionMatch a list may have."""
    field, kind = "resourceVersionMatch", "ListOptions"
    if match and not version:
        message = f"Forbidden: {field} is forbidden unless resourceVersion is provided"
        raise _bad_options(kind, field, "FieldValueForbidden", message)
    if match not in ("", "Exact", "NotOlderThan"):
        raise _unsupported(kind, field, f'"{match}"', ("Exact", "NotOlderThan", ""))
    if match == "Exact" and version == "0":
        message = f'Forbidden: {field} "exact" is forbidden for resourceVersion "0"'
        raise _bad_options(kind, field, "FieldValueForbidden", message)


def write_options(info: RequestInfo, user: str, user_agent: str, *, apply: bool) -> WriteOptions:
    """Without a fieldManager the manager is the user agent's first word, as in the samples (``python-requests``)."""
    query = info.query
    kind = _KINDS[info.verb]
    _check_dry_run(kind, [query["dryRun"]] if query.get("dryRun") else [])
    manager = query.get("fieldManager", "")
    if apply and not manager:
        raise _bad_options(kind, "fieldManager", "FieldValueRequired", "Required value: is required for apply patch")
    if info.flag("force") and not apply:
        raise _bad_options(kind, "force", "FieldValueForbidden", "Forbidden: may not be specified for non-apply patch")
    validation = query.get("fieldValidation") or "Warn"
    if validation not in _VALIDATIONS:
        raise _unsupported(kind, "fieldValidation", f'"{validation}"', _VALIDATIONS)
    return WriteOptions(
        user=user,
        dry_run=info.dry_run,
        field_manager=manager or user_agent.partition("/")[0],
        field_validation=validation,
        force=info.flag("force"),
    )


def delete_options(info: RequestInfo, body: dict[str, Any] | None, user: str) -> DeleteOptions:
    """A body wins over the query, as in the real server."""
    query = info.query
    given = body or {
        "gracePeriodSeconds": _number(query, "gracePeriodSeconds"),
        "propagationPolicy": query.get("propagationPolicy"),
        "orphanDependents": info.flag("orphanDependents") if "orphanDependents" in query else None,
        "dryRun": [query["dryRun"]] if query.get("dryRun") else None,
    }
    _check_dry_run("DeleteOptions", given.get("dryRun") or [])
    preconditions = given.get("preconditions") or {}
    propagation = given.get("propagationPolicy") or ""
    if not propagation and given.get("orphanDependents") is not None:
        propagation = "Orphan" if given["orphanDependents"] else "Background"
    if propagation and propagation not in _PROPAGATIONS:
        raise _unsupported("DeleteOptions", "propagationPolicy", f'"{propagation}"', (*_PROPAGATIONS, "nil"))
    return DeleteOptions(
        user=user,
        dry_run=bool(given.get("dryRun")),
        grace=given.get("gracePeriodSeconds"),
        uid=preconditions.get("uid") or "",
        resource_version=preconditions.get("resourceVersion") or "",
        propagation=propagation,
    )


def _number(query: dict[str, str], name: str) -> int | None:
    text = query.get(name)
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _check_dry_run(kind: str, values: list[str]) -> None:
    if values not in ([], ["All"]):
        raise _unsupported(kind, "dryRun", str(values).replace("'", '"'), ("All",))


def _unsupported(kind: str, field: str, value: str, supported: tuple[str, ...]) -> ApiError:
    names = ", ".join(f'"{name}"' for name in supported)
    message = f"Unsupported value: {value}: supported values: {names}"
    return _bad_options(kind, field, "FieldValueNotSupported", message)


def _bad_options(kind: str, field: str, reason: str, message: str) -> ApiError:
    cause = {"reason": reason, "message": message, "field": field}
    return invalid(kind, "meta.k8s.io", "", [cause])

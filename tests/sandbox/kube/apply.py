# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Server-side apply: merge, prune what the manager no longer states, conflicts, force (samples 83-85)."""

from __future__ import annotations

from typing import Any

from . import errors
from .fieldmanager import Manager, Managers, Owned, decoded, difference, encoded, give_up, strip
from .fieldsets import Path, Paths, applied_paths, below, children, text
from .lifecycle import timestamp
from .options import WriteOptions
from .resources import Resource
from .schema import Node, root, unknown_fields
from .schema import text as place_text

Obj = dict[str, Any]


def applied(
    resource: Resource, live: Obj | None, body: Obj, options: WriteOptions, subresource: str, now: float
) -> tuple[Obj, list[Obj]]:
    """The object after the apply, and its managedFields. ApiError 409 names the managers in the way."""
    _check(options, body)
    applier = Manager(options.field_manager, "Apply", resource.api_version, subresource)
    managers = decoded(live) if live else {}
    schema = root(resource)
    wanted = strip(set(applied_paths(body, schema)))
    last = managers.pop(applier, Owned(set(), ""))
    others: Paths = set().union(*(owned.paths for owned in managers.values()))
    new = merged(live or {"metadata": {}}, body, schema)
    for path in sorted(last.paths - wanted):
        root_of_gone = _highest_gone(path, wanted, others)
        if root_of_gone:
            new = _without(new, root_of_gone, schema)
    changes = difference(resource, live or {"metadata": {}}, new, subresource)
    if not options.force:
        _check_conflicts(managers, changes.taken)
    give_up(managers, changes.taken | changes.removed)
    changed = bool(changes.taken or changes.removed or wanted != last.paths)
    managers[applier] = Owned(wanted, timestamp(now) if changed else last.time)
    return new, encoded(managers)


def check_declared(resource: Resource, name: str, body: Any) -> None:
    """An apply that names an unknown field fails altogether, whatever fieldValidation says."""
    unknown = [] if resource.custom or not isinstance(body, dict) else unknown_fields(resource, body)
    if unknown:
        namespace = (body.get("metadata") or {}).get("namespace", "")
        what = f"{namespace}/{name}; {resource.api_version}, Kind={resource.kind}"
        places = min(place_text(place) for place in unknown)
        raise errors.internal(f"failed to create typed patch object ({what}): .{places}: field not declared in schema")


def merged(target: Any, config: Any, node: Node) -> Any:
    """``config`` over ``target`` by the schema: maps and map lists by key, sets as unions, all else replaced."""
    if isinstance(config, dict) and isinstance(target, dict) and node.is_map and not node.atomic:
        result = dict(target)
        for name, value in config.items():
            child = node.child(name)
            result[name] = merged(target[name], value, child) if child and name in target else value
        return result
    if isinstance(config, list) and isinstance(target, list):
        if node.list_type == "set":
            return target + [item for item in config if item not in target]
        if node.list_type == "map":
            return _merged_items(target, config, node)
    return config


def _merged_items(target: list[Any], config: list[Any], node: Node) -> list[Any]:
    result = list(target)
    places = {str(node.key_of(item)): index for index, item in enumerate(target)}
    for item in config:
        place = places.get(str(node.key_of(item)))
        if place is None:
            result.append(item)
        else:
            result[place] = merged(result[place], item, node.item)
    return result


def _highest_gone(path: Path, wanted: Paths, others: Paths) -> Path | None:
    """The largest part around ``path`` in which neither the applier nor anyone else states anything any more."""
    for depth in range(2, len(path) + 1):
        prefix = path[:depth]
        if not below(wanted, prefix) and not below(others, prefix):
            return prefix
    return None


def _without(value: Any, path: Path, node: Node) -> Any:
    parts = children(value, node)
    name, *rest = path
    if not parts or name not in parts:
        return value
    part, child = parts[name]
    replacement = [_without(part, tuple(rest), child)] if rest else []
    if isinstance(value, dict):
        remaining = {key: item for key, item in value.items() if f"f:{key}" != name}
        return {**value, name[2:]: replacement[0]} if replacement else remaining
    result: list[Any] = []
    for item in value:
        result.extend(replacement if item is part else [item])
    return result


def _check(options: WriteOptions, body: Obj) -> None:
    if not options.field_manager:
        cause = {
            "reason": "FieldValueRequired",
            "message": "Required value: is required for apply patch",
            "field": "fieldManager",
        }
        raise errors.invalid("PatchOptions", "meta.k8s.io", "", [cause])
    if body["metadata"].get("managedFields"):
        raise errors.bad_request("metadata.managedFields must be nil")


def _check_conflicts(managers: Managers, taken: Paths) -> None:
    """Sample 84. Fields that keep their value are no conflict: they get a second owner."""
    found = sorted(
        (_described(manager, owned), path) for manager, owned in managers.items() for path in owned.paths & taken
    )
    if not found:
        return
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {who}", "field": text(path)}
        for who, path in found
    ]
    if len(found) == 1:
        message = f"Apply failed with 1 conflict: conflict with {found[0][0]}: {text(found[0][1])}"
    else:
        lines = [f"Apply failed with {len(found)} conflicts: " + f"conflicts with {found[0][0]}:"]
        for index, (who, path) in enumerate(found):
            if index and who != found[index - 1][0]:
                lines.append(f"conflicts with {who}:")
            lines.append(f"- {text(path)}")
        message = "\n".join(lines)
    raise errors.failure(409, "Conflict", message, {"causes": causes})


def _described(manager: Manager, owned: Owned) -> str:
    described = f'"{manager.name}"'
    if manager.subresource:
        described += f' with subresource "{manager.subresource}"'
    return f"{described} using {manager.api_version}" if manager.operation == "Update" else described

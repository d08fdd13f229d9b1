# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strategic merge patches: lists merge by the keys of the schema, with the directives that kubectl writes."""

from __future__ import annotations

from typing import Any

from . import errors
from .schema import Node

Obj = dict[str, Any]

_DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"
_ORDER = "$setElementOrder/"
_REMOVE = "$deleteFromPrimitiveList/"


def strategic(target: Obj, patch: Obj, node: Node) -> Obj:
    """``target`` after ``patch``; neither is changed."""
    if patch.get(_DIRECTIVE) == "replace":
        return _plain(patch)
    if patch.get(_DIRECTIVE) == "delete":
        return {}
    result = dict(target)
    if _RETAIN in patch:
        result = {name: value for name, value in result.items() if name in patch[_RETAIN]}
    for name, value in patch.items():
        if name.startswith(_REMOVE):
            field = name.removeprefix(_REMOVE)
            result[field] = [item for item in result.get(field) or [] if item not in value]
    for name, value in _plain(patch).items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _value(result.get(name), value, node.child(name))
    for name, order in patch.items():
        field = name.removeprefix(_ORDER)
        child = node.child(field)
        if name.startswith(_ORDER) and child and isinstance(result.get(field), list):
            result[field] = _ordered(result[field], order, child.merge_key)
    return result


def _plain(patch: Obj) -> Obj:
    return {name: value for name, value in patch.items() if not name.startswith("$")}


def _value(target: Any, value: Any, node: Node | None) -> Any:
    if isinstance(value, dict):
        if node is None or "replace" in node.strategies:
            return _plain(value)
        return strategic(target if isinstance(target, dict) else {}, value, node)
    if isinstance(value, list) and node and "merge" in node.strategies:
        have = target if isinstance(target, list) else []
        if node.merge_key:
            return _items(have, value, node)
        return value + [item for item in have if item not in value]
    return value


def _items(target: list[Any], patch: list[Any], node: Node) -> list[Any]:
    key = node.merge_key
    if any(item.get(_DIRECTIVE) == "replace" for item in patch):
        return [_plain(item) for item in patch if item.get(_DIRECTIVE) != "replace"]
    result = list(target)
    for item in patch:
        if key not in item:
            raise errors.bad_request(f"map: {item} does not contain declared merge key: {key}")
        places = [index for index, existing in enumerate(result) if existing.get(key) == item[key]]
        if item.get(_DIRECTIVE) == "delete":
            result = [existing for existing in result if existing.get(key) != item[key]]
        elif places:
            result[places[0]] = strategic(result[places[0]], item, node.item)
        else:
            result.append(strategic({}, item, node.item))
    return result


def _ordered(items: list[Any], order: list[Any], key: str) -> list[Any]:
    """Items in the wanted order; one that the order does not name stays behind the item that it followed."""
    wanted = [entry.get(key) if isinstance(entry, dict) else entry for entry in order]
    ranks: list[tuple[int, int]] = []
    last = -1
    for index, item in enumerate(items):
        identity = item.get(key) if isinstance(item, dict) else item
        if identity in wanted:
            last = wanted.index(identity)
        ranks.append((last, index))
    return [items[index] for _rank, index in sorted(ranks)]

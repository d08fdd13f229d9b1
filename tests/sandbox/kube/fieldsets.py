# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of fields, as managedFields record them: which fields an object has and how two objects differ.

A path is a tuple of FieldsV1 names: ``f:<field>``, ``k:<keys as JSON>`` for an item of a map list, ``v:<value>`` for
one of a set. That is structured-merge-diff's model with plain Python sets for its algebra.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from typing import Any

from .schema import Node

Path = tuple[str, ...]
Paths = set[Path]

MISSING: Any = object()


@dataclasses.dataclass
class Difference:
    """What became of the paths between two objects."""

    added: Paths = dataclasses.field(default_factory=set)
    modified: Paths = dataclasses.field(default_factory=set)
    removed: Paths = dataclasses.field(default_factory=set)

    @property
    def taken(self) -> Paths:
        return self.added | self.modified


def compact_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def children(value: Any, node: Node) -> dict[str, tuple[Any, Node]] | None:
    """The parts of a value that are tracked one by one, or None for a leaf."""
    if node.atomic or node.opaque:
        return None
    if isinstance(value, dict) and node.is_map:
        parts = ((name, part, node.child(name)) for name, part in value.items())
        return {f"f:{name}": (part, child) for name, part, child in parts if child is not None}
    if isinstance(value, list) and node.list_type == "map" and all(isinstance(item, dict) for item in value):
        return {f"k:{compact_json(node.key_of(item))}": (item, node.item) for item in value}
    if isinstance(value, list) and node.list_type == "set":
        return {f"v:{compact_json(item)}": (item, node.item) for item in value}
    return None


def applied_paths(value: Any, node: Node, path: Path = ()) -> Iterator[Path]:
    """The set of an applied configuration: its leaves and the items of its map lists, not the maps between."""
    parts = children(value, node)
    if not parts:
        yield path
        return
    if path and path[-1].startswith("k:"):
        yield path
    for name, (part, child) in parts.items():
        yield from applied_paths(part, child, (*path, name))


def compared(old: Any, new: Any, node: Node) -> Difference:
    difference = Difference()
    _compare(old, new, node, (), difference)
    return difference


def _compare(old: Any, new: Any, node: Node, path: Path, difference: Difference) -> None:
    if old is not MISSING and new is not MISSING and old == new:
        return
    old_parts = {} if old is MISSING else children(old, node)
    new_parts = {} if new is MISSING else children(new, node)
    if old is MISSING:
        difference.added.add(path)
    elif new is MISSING:
        difference.removed.add(path)
    elif old_parts is None or new_parts is None:
        difference.modified.add(path)
        return
    for name in {**(old_parts or {}), **(new_parts or {})}:
        before, child = (old_parts or {}).get(name, (MISSING, None))
        after, new_child = (new_parts or {}).get(name, (MISSING, None))
        known = child or new_child
        if known is not None:
            _compare(before, after, known, (*path, name), difference)


def as_tree(paths: Iterable[Path]) -> dict[str, Any]:
    """FieldsV1: a member that has members below it says so with ``.``."""
    tree: dict[str, Any] = {}
    members = set(paths)
    for path in sorted(members):
        branch = tree
        for depth, name in enumerate(path, start=1):
            if name not in branch:
                branch[name] = {}
                if depth < len(path) and path[:depth] in members:
                    branch[name]["."] = {}
            elif depth < len(path) and path[:depth] in members:
                branch[name] = {".": {}, **branch[name]}
            branch = branch[name]
    return tree


def from_tree(tree: dict[str, Any], path: Path = ()) -> Iterator[Path]:
    if path and (not tree or "." in tree):
        yield path
    for name, branch in tree.items():
        if name != ".":
            yield from from_tree(branch, (*path, name))


def below(paths: Paths, prefix: Path) -> bool:
    """Whether ``paths`` has ``prefix`` or anything under it."""
    return any(path[: len(prefix)] == prefix for path in paths)


def text(path: Path) -> str:
    """``.spec.template.spec.containers[name="c"].image``: how a conflict names a field (sample 84)."""
    parts = []
    for name in path:
        mark, rest = name[0], name[2:]
        if mark == "f":
            parts.append(f".{rest}")
        elif mark == "v":
            parts.append(f"[={rest}]")
        else:
            keys = json.loads(rest)
            parts.append(f"[{','.join(f'{key}={compact_json(value)}' for key, value in keys.items())}]")
    return "".join(parts)

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields of each kind: which exist, how their lists merge and what is atomic. Read from schema.json when needed."""

from __future__ import annotations

import functools
import json
import pathlib
from collections.abc import Iterator
from typing import Any

from .resources import Resource

Place = tuple[str | int, ...]

_FILE = pathlib.Path(__file__).with_name("schema.json")
_OPAQUE = "opaque"
_SCALARS: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "bool": bool,
    "int32": int,
    "int64": int,
    "float64": (int, float),
}
_JSON_NAMES = {str: "string", bool: "bool", int: "number", float: "number", list: "array", dict: "object"}
# Server-side apply fills in these defaults of list keys before it compares items.
_KEY_DEFAULTS = {"protocol": "TCP"}


class Node:
    """What the schema says about one place in an object. A node without fields, values and items is a leaf."""

    def __init__(self, raw: Any, *, deduced: bool = False) -> None:
        self._raw: dict[str, Any] = _resolved(raw)
        self.type_name: str = self._raw.get("name", "")
        self.scalar: str = self._raw.get("scalar", "")
        self.deduced = deduced
        self.opaque = bool(self._raw.get(_OPAQUE))
        self.atomic = self._raw.get("map") == "atomic"
        self.list_type: str = self._raw.get("list", "atomic")
        self.keys: tuple[str, ...] = tuple(self._raw.get("keys", ()))
        self.merge_key: str = self._raw.get("merge", "")
        self.strategies: tuple[str, ...] = tuple(self._raw.get("strategy", "").split(","))
        self._children: dict[str, Node | None] = {}

    @property
    def is_map(self) -> bool:
        return self.deduced or "fields" in self._raw or "values" in self._raw

    @property
    def is_struct(self) -> bool:
        return "fields" in self._raw

    def child(self, name: str) -> Node | None:
        """The field ``name``, or None when there is no such field."""
        if name not in self._children:
            self._children[name] = self._make_child(name)
        return self._children[name]

    @functools.cached_property
    def item(self) -> Node:
        return Node(self._raw["items"]) if "items" in self._raw else DEDUCED

    def key_of(self, item: dict[str, Any]) -> dict[str, Any]:
        """What tells the items of a ``map`` list apart."""
        found = {key: item.get(key, _KEY_DEFAULTS.get(key)) for key in sorted(self.keys)}
        return {key: value for key, value in found.items() if value is not None}

    def _make_child(self, name: str) -> Node | None:
        fields = self._raw.get("fields", {})
        if name in fields:
            return Node(fields[name])
        if "values" in self._raw:
            return Node(self._raw["values"])
        return DEDUCED if self.deduced else None


def root(resource: Resource) -> Node:
    """The schema of a resource. A custom resource has none beyond metadata: its maps merge, its lists are atomic."""
    return _root(f"{resource.api_version} {resource.kind}", resource.custom)


def unknown_fields(resource: Resource, obj: dict[str, Any]) -> list[Place]:
    """Where ``obj`` has fields that the kind does not have (samples 34, 35); nowhere for custom resources."""
    return list(_unknown(obj, root(resource), ()))


def text(place: Place) -> str:
    """``spec.containers[0].image``"""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")


def mismatch(resource: Resource, obj: dict[str, Any]) -> str:
    """What Go's decoder says about the first value of a wrong type; empty when there is none."""
    return next(_mismatches(obj, root(resource), (), resource.kind), "")


def _mismatches(value: Any, node: Node, place: Place, owner: str) -> Iterator[str]:
    wanted = _wanted(node)
    if value is None or node.opaque:
        return
    if wanted and (not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool)):
        field = ".".join(part for part in place if isinstance(part, str))
        named = ".".join(node.type_name.split(".")[-2:])
        go_type = node.scalar or named or ("map[string]string" if node.is_map else "slice")
        found = _JSON_NAMES[type(value)]
        yield f"json: cannot unmarshal {found} into Go struct field {owner}.{field} of type {go_type}"
    elif isinstance(value, dict):
        owner = node.type_name.rpartition(".")[2] or owner
        for name, part in value.items():
            child = node.child(name)
            if child is not None:
                yield from _mismatches(part, child, (*place, name) if node.is_struct else place, owner)
    elif isinstance(value, list) and not node.deduced:
        for index, part in enumerate(value):
            yield from _mismatches(part, node.item, (*place, index), owner)


def _wanted(node: Node) -> type | tuple[type, ...] | None:
    if node.deduced:
        return None
    if node.scalar:
        return _SCALARS[node.scalar]
    return dict if node.is_map else list


def _unknown(value: Any, node: Node, place: Place) -> Iterator[Place]:
    if isinstance(value, dict) and node.is_map:
        for name, part in value.items():
            child = node.child(name)
            if child is None:
                yield (*place, name)
            else:
                yield from _unknown(part, child, (*place, name))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _unknown(part, node.item, (*place, index))


@functools.cache
def _schema() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return content


@functools.cache
def _root(kind: str, custom: bool) -> Node:
    if custom:
        fields = {"metadata": "meta.v1.ObjectMeta", "apiVersion": "string", "kind": "string"}
        return Node({"fields": fields}, deduced=True)
    return Node(_schema()["kinds"][kind])


def _resolved(raw: Any) -> dict[str, Any]:
    """The description with its reference followed; what stands beside the reference wins."""
    if raw == _OPAQUE:
        return {_OPAQUE: True}
    if isinstance(raw, str):
        return {"scalar": raw} if raw in _SCALARS else {**_schema()["types"][raw], "name": raw}
    if "ref" in raw:
        return {**_schema()["types"][raw["ref"]], **raw, "name": raw["ref"]}
    description: dict[str, Any] = raw
    return description


DEDUCED = Node({}, deduced=True)

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes schema.json: the fields of the built-in kinds with their list types and merge keys, and nothing else.

``python -m tests.sandbox.kube.make_schema api/openapi-spec/swagger.json`` from a Kubernetes source tree of the wanted
release (schema.json is that of v1.36, Apache-2.0). One type per line, so that a newer release gives a readable diff.
"""

from __future__ import annotations

import json
import pathlib
import re
import sys
from typing import Any

from .resources import BUILTIN

TARGET = pathlib.Path(__file__).with_name("schema.json")
_PREFIX = re.compile(r"^io\.k8s\.(?:api|apimachinery\.pkg\.apis|[\w-]+\.pkg\.apis)\.")
_EXTENSIONS = {
    "x-kubernetes-list-type": "list",
    "x-kubernetes-list-map-keys": "keys",
    "x-kubernetes-patch-merge-key": "merge",
    "x-kubernetes-patch-strategy": "strategy",
    "x-kubernetes-map-type": "map",
}


def compact(definitions: dict[str, Any]) -> dict[str, Any]:
    """``{"kinds": {"apps/v1 StatefulSet": type}, "types": {type: {"fields": ...}}}`` of all that BUILTIN reaches."""
    kinds = _kinds(definitions)
    types: dict[str, Any] = {}
    pending = list(kinds.values())
    while pending:
        full_name = pending.pop()
        if _short(full_name) in types:
            continue
        definition = definitions[full_name]
        references: list[str] = []
        fields = {name: _field(part, references) for name, part in definition.get("properties", {}).items()}
        types[_short(full_name)] = {"fields": fields} if fields else {"opaque": True}
        types[_short(full_name)].update(_extensions(definition))
        pending.extend(references)
    return {"kinds": {kind: _short(name) for kind, name in kinds.items()}, "types": dict(sorted(types.items()))}


def _kinds(definitions: dict[str, Any]) -> dict[str, str]:
    wanted = {f"{resource.api_version} {resource.kind}" for resource in BUILTIN}
    kinds = {}
    for name, definition in sorted(definitions.items()):
        for kind in definition.get("x-kubernetes-group-version-kind", []):
            group_version = f"{kind['group']}/{kind['version']}" if kind["group"] else kind["version"]
            identity = f"{group_version} {kind['kind']}"
            if identity in wanted:
                kinds[identity] = name
    return kinds


def _field(part: dict[str, Any], references: list[str]) -> Any:
    """Go's type for a scalar, a type's name for a reference, else an object with ``items`` or ``values``."""
    compacted: dict[str, Any] = _extensions(part)
    if "$ref" in part:
        full_name = part["$ref"].rpartition("/")[2]
        references.append(full_name)
        return {"ref": _short(full_name), **compacted} if compacted else _short(full_name)
    if "items" in part:
        return {"items": _field(part["items"], references), **compacted}
    if "additionalProperties" in part:
        return {"values": _field(part["additionalProperties"], references), **compacted}
    types = [part["type"]] if isinstance(part["type"], str) else part["type"]
    scalar = next(name for name in types if name != "null")
    if scalar in ("integer", "number"):
        return {"int32": "int32", "double": "float64"}.get(part.get("format", ""), "int64")
    return {"boolean": "bool", "object": "opaque"}.get(scalar, scalar)


def _extensions(part: dict[str, Any]) -> dict[str, Any]:
    return {short: part[name] for name, short in _EXTENSIONS.items() if name in part}


def _short(full_name: str) -> str:
    return _PREFIX.sub("", full_name)


def main(path: str) -> None:
    schema = compact(json.loads(pathlib.Path(path).read_text())["definitions"])
    lines = [f"{json.dumps(name)}: {json.dumps(type_)}" for name, type_ in schema["types"].items()]
    kinds = json.dumps(schema["kinds"])
    TARGET.write_text('{"kinds": ' + kinds + ',\n"types": {\n' + ",\n".join(lines) + "\n}}\n")


if __name__ == "__main__":
    main(sys.argv[1])

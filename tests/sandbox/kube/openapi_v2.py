# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenAPI v2: the schemas of all kinds, with which kubectl validates what it applies from a ``kind: List``.

kubectl reads it in protobuf only: as the ``Document`` of gnostic's openapiv2/OpenAPIv2.proto, with its field numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from .crds import CustomResources
from .discovery import VERSION, Discovery
from .schemas import builtin_schemas

PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
PROTOBUF_OF_OLD = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
"""Not a valid media type, so that servers answer with the other; clients still ask for this one."""

Document = dict[str, Any]
Schema = dict[str, Any]

_META = "V1ObjectMeta"
_V3, _V2 = "#/components/schemas/", "#/definitions/"


def document(discovery: Discovery, custom: CustomResources) -> Document:
    resources = [
        resource
        for group, versions in discovery.group_versions().items()
        for version in versions
        for resource in discovery.resources(group, version)
    ]
    schemas = builtin_schemas([resource for resource in resources if not resource.custom])
    definitions = {name: _converted(schema) for name, schema in schemas.items()}
    for resource in resources:
        if resource.custom:
            kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
            name = f"{resource.group}.{resource.version}.{resource.kind}"
            definitions[name] = _custom_kind(custom.schema(resource)) | {"x-kubernetes-group-version-kind": [kind]}
    info = {"title": "Kubernetes", "version": VERSION["gitVersion"]}
    return {"swagger": "2.0", "info": info, "paths": {}, "definitions": definitions}


def _custom_kind(schema: Schema) -> Schema:
    """What every object has need not be in the schema of a CustomResourceDefinition."""
    converted = _converted(schema)
    if "properties" in converted:
        every: Schema = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
        converted["properties"] |= {**every, "metadata": {"$ref": f"{_V2}{_META}"}}
    return converted


def _converted(schema: Schema) -> Schema:
    """The schema in v2's terms, without type and properties where v2 cannot say what is allowed: then anything is."""
    kept = {key: schema[key] for key in ("description", "x-kubernetes-group-version-kind") if key in schema}
    if "allOf" in schema and "$ref" in schema["allOf"][0]:
        return kept | {"$ref": schema["allOf"][0]["$ref"].replace(_V3, _V2)}
    if any(schema.get(key) for key in _BEYOND_V2):
        return kept
    kept |= {key: schema[key] for key in ("type", "format", "required") if key in schema}
    if "properties" in schema:
        kept["properties"] = {name: _converted(part) for name, part in schema["properties"].items()}
    if "items" in schema:
        kept["items"] = _converted(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        kept["additionalProperties"] = _converted(schema["additionalProperties"])
    return kept


_BEYOND_V2 = ("anyOf", "nullable", "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields")


def encode(document: Document) -> bytes:
    """The document in protobuf."""
    info = _text(1, document["info"]["title"]) + _text(2, document["info"]["version"])
    definitions = _named(document["definitions"])
    return _text(1, document["swagger"]) + _message(2, info) + _message(8, b"") + _message(9, definitions)


def _encoded(schema: Schema) -> bytes:
    parts = [_text(number, schema[key]) for number, key in _TEXTS.items() if key in schema]
    parts += [_text(19, name) for name in schema.get("required", ())]
    if "additionalProperties" in schema:
        parts.append(_message(21, _message(1, _encoded(schema["additionalProperties"]))))
    if "type" in schema:
        parts.append(_message(22, _text(1, schema["type"])))
    if "items" in schema:
        parts.append(_message(23, _message(1, _encoded(schema["items"]))))
    if "properties" in schema:
        parts.append(_message(25, _named(schema["properties"])))
    for name in schema:
        if name.startswith("x-"):
            # Values of extensions are YAML, of which JSON is a part.
            parts.append(_message(31, _text(1, name) + _message(2, _text(2, json.dumps(schema[name])))))
    return b"".join(parts)


_TEXTS = {1: "$ref", 2: "format", 4: "description"}


def _named(schemas: dict[str, Schema]) -> bytes:
    return b"".join(_message(1, _text(1, name) + _message(2, _encoded(schema))) for name, schema in schemas.items())


def _text(number: int, text: str) -> bytes:
    return _message(number, text.encode())


def _message(number: int, content: bytes) -> bytes:
    """A field of the wire type that carries its length."""
    return bytes([*_varint(number << 3 | 2), *_varint(len(content))]) + content


def _varint(value: int) -> Iterable[int]:
    while value >= 0x80:
        yield value & 0x7F | 0x80
        value >>= 7
    yield value

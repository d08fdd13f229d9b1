# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Schemas of the built-in kinds for ``kubectl explain``, taken from the models of the ``kubernetes`` client.

Imported only when somebody asks: it costs a third of a second.
"""

from __future__ import annotations

import functools
from typing import Any

from .resources import Resource

Schema = dict[str, Any]

_REFERENCE = "#/$defs/"
_BOILERPLATE = "\n\nAttributes:\n"


def builtin_schemas(resources: list[Resource]) -> dict[str, Schema]:
    """The schemas of these resources and of everything that they refer to, by name."""
    return _schemas(tuple(resources))


@functools.cache
def _schemas(resources: tuple[Resource, ...]) -> dict[str, Schema]:
    from kubernetes.client import models

    schemas: dict[str, Schema] = {}
    for resource in resources:
        name = _model_name(resource, models)
        if name is None:
            continue
        schema = getattr(models, name).model_json_schema(by_alias=True)
        for part, definition in schema.pop("$defs", {}).items():
            schemas.setdefault(part, _cleaned(definition))
        kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
        schemas[name] = {**_cleaned(schema), "x-kubernetes-group-version-kind": [kind]}
    return schemas


def _model_name(resource: Resource, models: Any) -> str | None:
    """``V1Pod``; kinds that several groups have are named after their group too: ``CoreV1Event``."""
    name = f"{resource.version.capitalize()}{resource.kind}"
    group = (resource.group or "core").split(".")[0].capitalize()
    return next((candidate for candidate in (f"{group}{name}", name) if hasattr(models, candidate)), None)


def _cleaned(schema: Any) -> Any:
    """A pydantic schema as OpenAPI 3.0 in Kubernetes' manner: no nulls, no titles, references to components."""
    if isinstance(schema, list):
        return [_cleaned(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    if "anyOf" in schema:
        options = [option for option in schema["anyOf"] if option != {"type": "null"}]
        if len(options) == 1:
            rest = {key: value for key, value in schema.items() if key != "anyOf"}
            return _cleaned({**options[0], **rest})
    if "$ref" in schema:
        reference = {"$ref": schema["$ref"].replace(_REFERENCE, "#/components/schemas/")}
        described = {"description": schema["description"]} if "description" in schema else {}
        return {"allOf": [reference], **described}
    return {key: _cleaned_value(key, value) for key, value in schema.items() if not _is_noise(key, value)}


def _cleaned_value(key: str, value: Any) -> Any:
    if key == "properties":
        return {name: _cleaned(schema) for name, schema in value.items()}
    if key == "description":
        return value.partition(_BOILERPLATE)[0]
    return _cleaned(value)


def _is_noise(key: str, value: Any) -> bool:
    if key == "title":
        return isinstance(value, str)
    return (key, value) in (("default", None), ("additionalProperties", False))

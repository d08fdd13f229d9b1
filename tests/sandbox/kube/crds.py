# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CustomResourceDefinitions as clients see them: their printer columns, their schemas and their own status.

That their resources are served is ``kube.definitions``' business.
"""

from __future__ import annotations

import json
from typing import Any

from . import jsonpath
from .client import Client
from .definitions import CRD_KEY
from .durations import age
from .errors import ApiError
from .lifecycle import timestamp
from .resources import Resource
from .tables import AGE, NAME, Column, Moment, Object

_NUMBERS = {"integer": int, "number": float}


class CustomResources:
    """Looks things up in the definition of a custom resource."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def columns(self, resource: Resource) -> list[Column]:
        """Name, then what ``additionalPrinterColumns`` says, or the age when it says nothing."""
        declared = self._version(resource).get("additionalPrinterColumns")
        return [NAME, *(_column(entry) for entry in declared)] if declared else [NAME, AGE]

    def schema(self, resource: Resource) -> Object:
        return (self._version(resource).get("schema") or {}).get("openAPIV3Schema") or {"type": "object"}

    def _version(self, resource: Resource) -> Object:
        definition = self._client.get(CRD_KEY, resource.key)
        versions = definition["spec"]["versions"] if definition else ()
        return next((version for version in versions if version["name"] == resource.version), {})


def _column(declared: Object) -> Column:
    def cell(obj: Object, moment: Moment) -> Any:
        values = [value for value in jsonpath.find(obj, declared["jsonPath"]) if value is not None]
        return _cell(values, declared["type"], moment) if values else None

    return Column(
        declared["name"],
        cell,
        type=declared["type"],
        priority=declared.get("priority", 0),
        description=declared.get("description", ""),
        format=declared.get("format", ""),
    )


def _cell(values: list[Any], type_: str, moment: Moment) -> Any:
    """As apiextensions-apiserver's table convertor has it: a value of another type than declared is not shown."""
    first = values[0]
    if type_ == "date":
        return age(first, moment.now) if isinstance(first, str) else None
    if type_ == "boolean":
        return first if isinstance(first, bool) else None
    if type_ in _NUMBERS:
        return _NUMBERS[type_](first) if isinstance(first, int | float) and not isinstance(first, bool) else None
    return ",".join(value if isinstance(value, str) else json.dumps(value) for value in values)


class DefinitionController:
    """Accepts the names of every new definition and reports it Established."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def start(self) -> None:
        self._client.subscribe(CRD_KEY, self._changed)

    def stop(self) -> None:
        self._client.stop()

    def _changed(self, type_: str, definition: Object, previous: Object | None) -> None:
        if type_ == "DELETED":
            return
        wanted = self._status(definition)
        if {key: (definition.get("status") or {}).get(key) for key in wanted} == wanted:
            return
        try:
            self._client.patch(CRD_KEY, definition["metadata"]["name"], {"status": wanted}, subresource="status")
        except ApiError as error:
            if error.code != 404:
                raise

    def _status(self, definition: Object) -> Object:
        spec, status = definition["spec"], definition.get("status") or {}
        names = {"singular": spec["names"]["kind"].lower(), "listKind": f"{spec['names']['kind']}List", **spec["names"]}
        stored = next(version["name"] for version in spec["versions"] if version.get("storage"))
        versions = status.get("storedVersions") or []
        return {
            "conditions": status.get("conditions") or self._conditions(),
            "acceptedNames": names,
            "storedVersions": versions if stored in versions else [*versions, stored],
        }

    def _conditions(self) -> list[Object]:
        reasons = {
            "NamesAccepted": ("NoConflicts", "no conflicts found"),
            "Established": ("InitialNamesAccepted", "the initial names have been accepted"),
        }
        now = timestamp(self._client.api.now())
        return [
            {"lastTransitionTime": now, "message": message, "reason": reason, "status": "True", "type": type_}
            for type_, (reason, message) in reasons.items()
        ]

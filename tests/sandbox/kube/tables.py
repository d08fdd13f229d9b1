# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Table form of objects and lists, which ``kubectl get`` asks for: columns and one row of cells per object."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable
from typing import Any

from .durations import age

Object = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Moment:
    """What a cell may depend on beside the object: now."""

    now: datetime.datetime

    def age(self, obj: Object) -> str:
        return age(obj["metadata"].get("creationTimestamp"), self.now)


@dataclasses.dataclass(frozen=True)
class Column:
    """``priority`` 1 columns are shown by ``-o wide`` only."""

    name: str
    cell: Callable[[Object, Moment], Any]
    type: str = "string"
    priority: int = 0
    description: str = ""
    format: str = ""

    def definition(self) -> Object:
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description,
            "priority": self.priority,
        }


NAME = Column("Name", lambda obj, moment: obj["metadata"]["name"], format="name", description="Name of the object.")
AGE = Column("Age", lambda obj, moment: moment.age(obj), description="Time since the object was created.")
CREATED_AT = Column(
    "Created At",
    lambda obj, moment: obj["metadata"].get("creationTimestamp"),
    description="When the object was created.",
)


def render_table(
    columns: list[Column], answer: Object, *, api_version: str, include_object: str, definitions: bool = True
) -> Object:
    """A Table of a list or of one object.

    ``include_object`` says what goes with each row: ``Metadata`` (the default), ``Object`` or ``None``. Only the first
    event of a watch has column ``definitions``.
    """
    is_list = "items" in answer
    objects = answer["items"] if is_list else [answer]
    metadata = answer["metadata"]
    table_metadata = metadata if is_list else {"resourceVersion": metadata.get("resourceVersion", "")}
    moment = Moment(datetime.datetime.now(datetime.UTC))
    return {
        "kind": "Table",
        "apiVersion": api_version,
        "metadata": table_metadata,
        "columnDefinitions": [column.definition() for column in columns] if definitions else None,
        "rows": [_row(columns, obj, moment, api_version, include_object) for obj in objects],
    }


def _row(columns: list[Column], obj: Object, moment: Moment, api_version: str, include_object: str) -> Object:
    row: Object = {"cells": [column.cell(obj, moment) for column in columns]}
    if include_object == "Object":
        row["object"] = obj
    elif include_object != "None":
        row["object"] = metadata_only(obj, api_version)
    return row


def metadata_only(obj: Object, api_version: str = "meta.k8s.io/v1") -> Object:
    return {"kind": "PartialObjectMetadata", "apiVersion": api_version, "metadata": obj["metadata"]}


def metadata_only_list(answer: Object, api_version: str) -> Object:
    """The PartialObjectMetadata form of a list, or of one object."""
    if "items" not in answer:
        return metadata_only(answer, api_version)
    return {
        "kind": "PartialObjectMetadataList",
        "apiVersion": api_version,
        "metadata": answer["metadata"],
        "items": [metadata_only(obj, api_version) for obj in answer["items"]],
    }

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers as bytes, in the form that the client accepts: as they are, as a Table, as metadata alone, as YAML."""

from __future__ import annotations

from typing import Any

from . import columns, media
from .crds import CustomResources
from .exchange import Response, WatchResponse
from .requestinfo import RequestInfo
from .resources import Resource
from .tables import Column, metadata_only_list, render_table
from .watch import Event, Watch

_TABLE = "Table"
_FORMS = (_TABLE, "PartialObjectMetadata", "PartialObjectMetadataList")


class Renderer:
    def __init__(self, custom: CustomResources) -> None:
        self._custom = custom

    def negotiate(self, accept: str | None) -> media.Accepted:
        return media.negotiate(accept, _FORMS)

    def response(
        self, answer: dict[str, Any], resource: Resource, info: RequestInfo, accepted: media.Accepted, status: int,
        warnings: list[str],
    ) -> Response:  # fmt: skip
        if accepted.form and answer["kind"] != "Status":
            answer = _converted(answer, self._columns(resource, info), accepted, info)
        headers = tuple(("Warning", f"299 - {_quoted(warning)}") for warning in warnings)
        return Response(status, media.encode(answer, accepted.format), accepted.format, headers)

    def watch(self, watch: Watch, resource: Resource, info: RequestInfo, accept: str | None) -> WatchResponse:
        accepted = self.negotiate(accept)
        shown = self._columns(resource, info) if accepted.form == _TABLE else []
        first = True

        def encode(event: Event) -> bytes:
            nonlocal first
            obj = event["object"]
            if accepted.form and event["type"] != "ERROR":
                obj = _converted(obj, shown, accepted, info, definitions=first, bookmark=event["type"] == "BOOKMARK")
                first = False
            return media.encode({"type": event["type"], "object": obj}, media.JSON)

        return WatchResponse(watch, encode)

    def _columns(self, resource: Resource, info: RequestInfo) -> list[Column]:
        if info.subresource == "scale":
            return columns.SCALE_COLUMNS
        if resource.custom:
            return self._custom.columns(resource)
        return columns.COLUMNS.get(resource.key, columns.DEFAULT_COLUMNS)


def _converted(
    answer: dict[str, Any], shown: list[Column], accepted: media.Accepted, info: RequestInfo, *,
    definitions: bool = True, bookmark: bool = False,
) -> dict[str, Any]:  # fmt: skip
    if accepted.form != _TABLE:
        return metadata_only_list(answer, accepted.api_version)
    if bookmark:
        answer = {"metadata": answer["metadata"], "items": []}
    include = info.query.get("includeObject") or "Metadata"
    return render_table(
        shown, answer, api_version=accepted.api_version, include_object=include, definitions=definitions
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The paths that are no resources: health, version, discovery and OpenAPI."""

from __future__ import annotations

from . import media, openapi_v2
from .crds import CustomResources
from .discovery import AGGREGATED_FORM, VERSION, Discovery
from .errors import failure
from .exchange import Request, Response
from .openapi import OpenApi
from .requestinfo import RequestInfo

_HEALTH = ("/healthz", "/livez", "/readyz")
_TEXT = "text/plain; charset=utf-8"


def page_not_found() -> Response:
    """A path that no handler serves: plain text, not a Status (sample 39)."""
    return Response(404, b"404 page not found\n", _TEXT)


class Documents:
    """``address`` is this server's host and port."""

    def __init__(self, discovery: Discovery, custom: CustomResources, address: str) -> None:
        self._discovery = discovery
        self._custom = custom
        self._openapi = OpenApi(discovery, custom)
        self._address = address

    def answer(self, info: RequestInfo, request: Request) -> Response:
        path = "/" + info.path.strip("/")
        if info.method != "GET":
            return page_not_found()
        if path in _HEALTH:
            return Response(200, b"ok", _TEXT)
        if path == "/openapi/v2":
            return self._openapi_v2(request.headers.get("Accept") or media.JSON)
        if path == "/version":
            document = VERSION
        elif path.startswith("/openapi/v3"):
            document = self._openapi.document(path)
        else:
            document = self._discovery.document(path, self._address)
        if document is None:
            return self.nothing_at(path)
        accepted = media.negotiate(request.headers.get("Accept"), (AGGREGATED_FORM,))
        if accepted.form and accepted.version == "v2" and path in ("/api", "/apis"):
            document = self._discovery.aggregated(core=path == "/api")
            content_type = f"{media.JSON};g={accepted.group};v={accepted.version};as={accepted.form}"
            return Response(200, media.encode(document, media.JSON), content_type)
        return Response(200, media.encode(document, accepted.format), accepted.format)

    def nothing_at(self, path: str) -> Response:
        """Within a group of the server's own it is the group that says so, with a Status; elsewhere nobody is there."""
        parts = path.strip("/").split("/")
        if parts[0] == "api" or (parts[0] == "apis" and len(parts) > 1 and self._discovery.is_builtin(parts[1])):
            raise failure(404, "NotFound", "the server could not find the requested resource", {})
        return page_not_found()

    def _openapi_v2(self, accept: str) -> Response:
        document = openapi_v2.document(self._discovery, self._custom)
        wanted = [clause.partition(";")[0].strip() for clause in accept.split(",")]
        if wanted[0] in (openapi_v2.PROTOBUF, openapi_v2.PROTOBUF_OF_OLD):
            return Response(200, openapi_v2.encode(document), openapi_v2.PROTOBUF)
        accepted = media.negotiate(accept, ())
        return Response(200, media.encode(document, accepted.format), accepted.format)

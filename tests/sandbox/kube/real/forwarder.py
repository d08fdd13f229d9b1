# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests on their way to a real kube-apiserver, and its answers on their way back."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
from email.message import Message

import urllib3

from .. import media
from ..exchange import Answer, Dropped, Request, Response, WatchResponse
from ..rbac import User
from ..requestinfo import RequestInfo
from .controlplane import ControlPlane
from .identities import Identities

_CONNECTIONS = 64
_CONNECT_SECONDS = 10.0
# Connection by connection, or written anew by whoever sends them on.
_NOT_PASSED_ON = {
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
_WRITTEN_BY_US = {"cache-control", "content-type", "date"}
_AUTHORIZATION = "authorization"
# Only we may say for whom we speak.
_FRONT_PROXY = "x-remote-"


class Forwarder:
    """Users of ours are forwarded by name, as an authenticating proxy does; everyone else with what he brought along,
    so that kube-apiserver itself judges service account tokens, bad ones and none."""

    def __init__(self, plane: ControlPlane, identities: Identities) -> None:
        self._identities = identities
        trusted = {"ca_certs": str(plane.certificate_authority), "maxsize": _CONNECTIONS, "retries": False}
        self._as_front_proxy = urllib3.connection_from_url(plane.url, cert_file=str(plane.front_proxy), **trusted)
        self._as_client = urllib3.connection_from_url(plane.url, **trusted)

    def stop(self) -> None:
        self._as_front_proxy.close()
        self._as_client.close()

    def answer(self, info: RequestInfo, _user: User, request: Request, _body: media.Body) -> Answer:
        response = self._send(request)
        content_type = response.headers.get("Content-Type", "")
        if info.verb == "watch" and response.status == 200:
            return WatchResponse(PassedOnWatch(response), bytes, content_type)
        try:
            body = response.read(decode_content=False)
        except urllib3.exceptions.HTTPError:
            raise Dropped from None
        headers = [
            (name, value)
            for name, value in response.headers.items()
            if name.lower() not in _NOT_PASSED_ON | _WRITTEN_BY_US
        ]
        reason = _reason(body) if response.status >= 400 else ""
        return Response(response.status, body, content_type, tuple(headers), reason)

    def _send(self, request: Request) -> urllib3.BaseHTTPResponse:
        user = self._identities.known(request.headers.get("Authorization"))
        try:
            return (self._as_front_proxy if user else self._as_client).urlopen(
                request.method,
                request.target,
                body=request.body or None,
                headers=_headers(request.headers, user),
                timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=None),
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except urllib3.exceptions.HTTPError:
            # As if the client had been connected to the one that is gone.
            raise Dropped from None


def _headers(sent: Message, user: User | None) -> urllib3.HTTPHeaderDict:
    headers = urllib3.HTTPHeaderDict()
    for name, value in sent.items():
        lower = name.lower()
        if lower in _NOT_PASSED_ON or lower.startswith(_FRONT_PROXY) or (user and lower == _AUTHORIZATION):
            continue
        headers.add(name, value)
    if user:
        headers.add("X-Remote-User", user.name)
        for group in user.groups:
            headers.add("X-Remote-Group", group)
    return headers


def _reason(body: bytes) -> str:
    """Of a Status; empty for anything else (some 404s are plain text, and kubectl may have asked for protobuf)."""
    try:
        status = json.loads(body)
    except ValueError:
        return ""
    return str(status.get("reason", "")) if isinstance(status, dict) else ""


class PassedOnWatch:
    """What arrives from kube-apiserver, in the pieces in which it arrives."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = response
        self._pieces: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._broken = False
        self.ended = False
        threading.Thread(target=self._read, name="passed-on watch", daemon=True).start()

    def next(self, timeout: float | None) -> bytes | None:
        try:
            piece = self._pieces.get(timeout=timeout)
        except queue.Empty:
            return None
        if piece is None:
            self.ended = True
            if self._broken:
                raise ConnectionResetError("the watch broke off")
        return piece

    def stop(self) -> None:
        if not self.ended:
            self.ended = True
            # A read in another thread ends only when the socket does. It may have ended just now, by itself.
            with contextlib.suppress(ValueError, RuntimeError, OSError):
                self._response.shutdown()

    def _read(self) -> None:
        try:
            for piece in self._response.stream(decode_content=False):
                self._pieces.put(piece)
        except (urllib3.exceptions.HTTPError, OSError, ValueError):
            self._broken = True
        finally:
            self._pieces.put(None)
            self._response.close()

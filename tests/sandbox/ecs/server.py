# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ECS endpoint: HTTP in front of ``Cloud``, for unmodified SDKs.

Answers are JSON whatever Format asks for (both SDKs ask for JSON). Everything is on one path; the action is in the
query, in the form, or in the header x-acs-action.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ..faults import Fault, FaultBook
from ..requestlog import Call, RequestLog
from .cloud import Cloud, is_mutating
from .contract import VERSION
from .errors import EcsError, missing_common_parameter, refusal
from .signing import Gatekeeper, Key, SignedRequest

SIGNATURE_PARAMETERS = frozenset(
    {"AccessKeyId", "Signature", "SignatureMethod", "SignatureVersion", "SignatureNonce", "SignatureType", "Timestamp"}
    | {"SecurityToken", "Format", "Version", "Action"}
)


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]


class ConnectionLost(Exception):
    """A fault: the client gets no answer."""


class EcsServer:
    """Serves one cloud on a loopback port. ``keys``: access key id to (secret, user), or to a Key with a token."""

    def __init__(
        self,
        cloud: Cloud,
        keys: Mapping[str, tuple[str, str] | Key],
        faults: FaultBook,
        log: RequestLog,
        *,
        port: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.cloud = cloud
        self._gatekeeper = Gatekeeper(keys, clock)
        self._faults = faults
        self._log = log
        self._port = port
        self._denied: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._http: _HttpServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> str:
        """Listen; returns HOST:PORT."""
        self._stopping.clear()
        self._http = _HttpServer(("127.0.0.1", self._port), self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), name="ecs-server", daemon=True)
        self._thread.start()
        host, port = self._http.server_address[:2]
        return f"{host!s}:{port}"

    def stop(self) -> None:
        """Close the port and every connection; hanging requests end at once."""
        if self._http is None or self._thread is None:
            return
        self._stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._http.close_connections()
        self._thread.join()
        self._http = self._thread = None

    def deny(self, user: str, action: str) -> None:
        """Take the permission for an action (``*``: all) away from a user."""
        with self._lock:
            self._denied.add((user, action))

    def allow(self, user: str, action: str) -> None:
        """Undo deny()."""
        with self._lock:
            self._denied.discard((user, action))

    def answer(self, request: SignedRequest) -> Answer:
        """The whole way of a request. Raises ConnectionLost when a fault says so."""
        request_id = str(uuid.uuid4()).upper()
        params = {**request.query, **request.form}
        action = params.get("Action") or request.headers.get("x-acs-action", "")
        call = Call(
            side="ecs",
            user="",
            verb=action,
            name=params.get("DiskId") or params.get("SnapshotId") or "",
            mutating=is_mutating(action),
            dry_run=params.get("DryRun", "").lower() == "true",
            params={name: value for name, value in params.items() if name not in SIGNATURE_PARAMETERS},
        )
        self._log.arrived(call)
        try:
            body = self._served(request, call, params, action)
            answer = Answer(200, {**body, "RequestId": request_id})
        except EcsError as error:
            call.code = error.code
            answer = Answer(error.status, self._error_body(error, request_id))
        call.status = answer.status
        return answer

    def _served(self, request: SignedRequest, call: Call, params: dict[str, str], action: str) -> dict[str, Any]:
        version = params.get("Version") or request.headers.get("x-acs-version", "")
        if not action or not version:
            raise missing_common_parameter("Version" if action else "Action")
        if version != VERSION:
            raise refusal("InvalidVersion")
        if not self.cloud.knows(action):
            raise refusal("InvalidAction.NotFound")
        with self._lock:
            call.user = self._gatekeeper.user(request)
            denied = {(call.user, action), (call.user, "*")} & self._denied
        fault = self._faults.draw(call)
        if fault and fault.moment == "before":
            self._act_out(fault)
        if denied:
            raise refusal("Forbidden.RAM")
        business = {name: value for name, value in params.items() if name not in SIGNATURE_PARAMETERS}
        body = self.cloud.call(action, business, call.user)
        if fault and fault.moment == "after":
            self._act_out(fault)
        return body

    def _act_out(self, fault: Fault) -> None:
        if fault.effect == "error":
            raise EcsError(fault.code, fault.message, fault.status)
        if fault.effect in ("hang", "delay"):
            self._stopping.wait(fault.seconds)
        if fault.effect in ("hang", "drop") or self._stopping.is_set():
            raise ConnectionLost

    def _error_body(self, error: EcsError, request_id: str) -> dict[str, Any]:
        troubleshoot = f"https://api.aliyun.com/troubleshoot?q={error.code}&product=Ecs&requestId={request_id}"
        return {
            "RequestId": request_id,
            "HostId": f"ecs.{self.cloud.region}.aliyuncs.com",
            "Code": error.code,
            "Message": error.message,
            "Recommend": troubleshoot,
            **error.extra,
        }


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], ecs: EcsServer) -> None:
        self.ecs = ecs
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._connections_lock:
            self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Wake the threads that wait for the next request of a connection that is kept alive."""
        with self._connections_lock:
            for connection in self._connections:
                _shut(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of ours. Anything else is, and must not pass unseen."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One write per answer and no Nagle, or every call takes 44 ms (toolchain.md section 5).
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _HttpServer

    def do_POST(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        try:
            answer = self.server.ecs.answer(self._request())
        except ConnectionLost:
            self.close_connection = True
            _shut(self.connection)
            return
        content = json.dumps(answer.body, ensure_ascii=False).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json;charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("x-acs-request-id", answer.body["RequestId"])
        self.end_headers()
        self.wfile.write(content)

    def _request(self) -> SignedRequest:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_form = self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        form = parse_qsl(body.decode(), keep_blank_values=True) if is_form else []
        return SignedRequest(
            method=self.command,
            path=url.path or "/",
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            form=dict(form),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )

    def log_message(self, format: str, *args: Any) -> None:
        """The request log is the log."""


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)

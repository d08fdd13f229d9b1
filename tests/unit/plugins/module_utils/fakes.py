# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A clock that needs no time, an HTTP(S) server that answers what a test tells it to, and a proxy in front of it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


class FakeClock:
    """Time passes only by sleeping. ``slept`` lists the pauses."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


@dataclasses.dataclass
class Reply:
    """One answer. ``announce`` claims another length than the body has, ``drop`` closes the connection instead."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    announce: int | None = None
    drop: bool = False
    hang: threading.Event | None = None


def ok(**fields: Any) -> Reply:
    return Reply(body=json.dumps({"RequestId": "req-ok", **fields}).encode())


def refuse(code: str, message: str = "No.", status: int = 403, **headers: str) -> Reply:
    body = {"RequestId": "req-no", "HostId": "ecs", "Code": code, "Message": message}
    return Reply(status, json.dumps(body).encode(), headers)


class StubServer:
    """Answers with the replies in turn, the last one for good. ``requests`` are the parsed queries in order."""

    def __init__(
        self, replies: Iterable[Reply | Callable[[dict[str, str]], Reply]], *, tls: ssl.SSLContext | None = None
    ):
        self._replies = list(replies)
        self._lock = threading.Lock()
        self.requests: list[dict[str, str]] = []
        self.targets: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.connections: set[tuple[str, int]] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.port: int = self._server.server_port
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> StubServer:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, target: str, headers: dict[str, str], peer: tuple[str, int]) -> Reply:
        query = dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))
        with self._lock:
            self.connections.add(peer)
            self.targets.append(target)
            self.requests.append(query)
            self.headers.append(headers)
            reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        return reply(query) if callable(reply) else reply


def _handler(stub: StubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            reply = stub.answer(self.path, dict(self.headers.items()), self.client_address)
            if reply.hang is not None:
                reply.hang.wait(30)
            if reply.drop or reply.hang is not None:
                self.close_connection = True
                return
            head = f"HTTP/1.1 {reply.status} X\r\n"
            length = len(reply.body) if reply.announce is None else reply.announce
            lines = {"Content-Length": str(length), **reply.headers}
            head += "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
            self.wfile.write(head.encode() + reply.body)
            self.close_connection = reply.announce is not None

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


class TunnelProxy(socketserver.ThreadingTCPServer):
    """A CONNECT proxy that leads every host name to one port of this machine. ``heads`` are the requests it got."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        self.target = port
        self.heads: list[str] = []
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> TunnelProxy:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Tunnel(socketserver.StreamRequestHandler):
    server: TunnelProxy

    def handle(self) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.rfile.readline()
        self.server.heads.append(head.decode())
        with socket.create_connection(("127.0.0.1", self.server.target)) as onward:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pump, args=(onward, self.connection), daemon=True)
            back.start()
            _pump(self.connection, onward)
            back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Everything from one to the other, the end included. Either may be cut off."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)

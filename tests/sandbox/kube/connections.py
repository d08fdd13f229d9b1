# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections of the API server: TLS, HTTP/1.1 with keep-alive, chunked watch streams, a thread for each."""

from __future__ import annotations

import http
import http.server
import logging
import select
import socket
import socketserver
import ssl
import sys
import threading
import time
from typing import Any

from .exchange import Dropped, EventStream, Request, Response, WatchResponse
from .gateway import Gateway
from .media import JSON, encode

logger = logging.getLogger(__name__)

_HANDSHAKE_SECONDS = 10.0
_STOP_SECONDS = 10.0
_WATCH_POLL_SECONDS = 0.5


class HttpServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    request_queue_size = 128
    daemon_threads = True

    gateway: Gateway

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext) -> None:
        self._context = context
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._watches: set[EventStream] = set()
        self._lock = threading.Lock()
        self.stopping = threading.Event()
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        # The handshake happens in the connection's own thread: a slow client must not keep others waiting.
        return self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                del self._connections[request]

    def handle_error(self, request: Any, client_address: Any) -> None:
        if isinstance(sys.exc_info()[1], OSError):
            logger.debug("connection from %s ended", client_address, exc_info=True)
        else:
            logger.exception("connection from %s failed", client_address)

    def opened(self, watch: EventStream) -> None:
        with self._lock:
            self._watches.add(watch)

    def closed(self, watch: EventStream) -> None:
        watch.stop()
        with self._lock:
            self._watches.discard(watch)

    def end_connections(self) -> None:
        """Shuts every socket down, so that no thread is left waiting for a client, and joins the threads."""
        self.stopping.set()
        with self._lock:
            connections, watches = dict(self._connections), set(self._watches)
        for connection in connections:
            shut_down(connection)
        for watch in watches:
            watch.stop()
        deadline = time.monotonic() + _STOP_SECONDS
        for thread in connections.values():
            thread.join(max(deadline - time.monotonic(), 0))


def shut_down(connection: socket.socket) -> None:
    try:
        # Not SSLSocket.shutdown, which takes the TLS state away from under the thread that reads.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        logger.debug("already closed", exc_info=True)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: HttpServer

    def setup(self) -> None:
        self.request.settimeout(_HANDSHAKE_SECONDS)
        self.request.do_handshake()
        self.request.settimeout(None)
        super().setup()

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the request log tells more."""

    def _serve(self) -> None:
        try:
            answer = self.server.gateway.handle(Request(self.command, self.path, self.headers, self._body()))
        except Dropped:
            self._drop()
            return
        if isinstance(answer, WatchResponse):
            self._stream(answer)
        else:
            self._send(answer)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue  # trailers are of no interest
        return b"".join(chunks)

    def _send(self, answer: Response) -> None:
        headers = [("Content-Length", str(len(answer.body))), *answer.headers]
        self.wfile.write(self._head(answer.status, answer.content_type, headers) + answer.body)

    def _head(self, status: int, content_type: str, headers: list[tuple[str, str]]) -> bytes:
        lines = [
            f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}",
            "Cache-Control: no-cache, private",
            f"Content-Type: {content_type}",
            f"Date: {self.date_time_string()}",
            *(f"{name}: {value}" for name, value in headers),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def _stream(self, answer: WatchResponse) -> None:
        cut_at = None if answer.cut_after is None else time.monotonic() + answer.cut_after
        self.server.opened(answer.watch)
        try:
            self.wfile.write(self._head(200, answer.content_type, [("Transfer-Encoding", "chunked")]))
            if answer.failure is not None:
                self._chunk(encode({"type": "ERROR", "object": answer.failure}, JSON))
            elif not self._events(answer, cut_at):
                self._drop()
                return
            self.wfile.write(b"0\r\n\r\n")
        finally:
            self.server.closed(answer.watch)

    def _events(self, answer: WatchResponse, cut_at: float | None) -> bool:
        """Sends events until the watch ends; False when the connection ends instead."""
        while not answer.watch.ended:
            if self.server.stopping.is_set() or self._client_is_gone():
                return False
            if cut_at is not None and time.monotonic() >= cut_at:
                return False
            event = answer.watch.next(_WATCH_POLL_SECONDS)
            if event is not None:
                self._chunk(answer.encode(event))
        return True

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _client_is_gone(self) -> bool:
        """On a watch the client has nothing more to say: what can be read is the end of the connection."""
        readable, _writable, _broken = select.select([self.connection], [], [], 0)
        return bool(readable)

    def _drop(self) -> None:
        self.close_connection = True
        shut_down(self.connection)

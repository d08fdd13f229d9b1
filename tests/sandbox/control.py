# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox's control interface: plain HTTP and JSON on loopback, for tests and for people who look behind it.

Users' clients (the collection, kubectl, the nodes' ECS and Kubernetes clients) never need it. ``ZONESHIFT_CONTROL`` is
its URL; ``python -m tests.sandbox`` has a command for most of it.

=================================  ====================================================================================
GET    /                           ``{"pid", "environment"}``: who answers, and what clients need
GET    /world                      everything as it is, see ``world.py``; ``?contents=false`` leaves the records out
GET    /requests                   all requests to ECS and Kubernetes; ``?since=NUMBER``, ``?mutating=true``
GET    /faults                     the fault rules with their counters; see ``faults.Fault`` for the fields
POST   /faults                     add a rule: ``{"side": "ecs", "verb": "CreateDisk", "times": 1, ...}`` -> ``{"id"}``
DELETE /faults                     clear all
GET    /latency                    all settings by name, in seconds (``ecs.latency``, ``nodes.latency``)
PUT    /latency                    ``{"attach": 2.0}`` and / or ``{"profile": "cloud"}``
PUT    /stock                      ``{"zone", "category", "available": bool}``
GET    /disks/ID/records           the contents of a disk
POST   /disks/ID/open              the data path: an application starts, ``{"instance", "claim", "pod", "node"}``
                                   -> ``{"last": record or null}``
PUT    /disks/records              the data path: ``[{"disk", "instance", "record", "ready": bool}]``
                                   -> ``{"errors": ["", ...]}``; only what a Ready pod wrote counts as acknowledged
=================================  ====================================================================================

Errors are ``{"error": text}`` with 400 (bad request), 404 (no such path or disk) or 409 (the disk refuses).
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import socket
import threading
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .ecs.cloud import Cloud
from .ecs.errors import EcsError
from .ecs.latency import Latency
from .faults import Fault, FaultBook
from .ledger import Ledger
from .nodes.latency import NodeLatency
from .requestlog import RequestLog

Query = dict[str, str]
Route = tuple[str, re.Pattern[str], Callable[..., Any]]


class ControlError(Exception):
    """Answered as ``{"error": text}``."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Control:
    """What the paths do; no HTTP in here."""

    def __init__(
        self,
        cloud: Cloud,
        faults: FaultBook,
        log: RequestLog,
        ledger: Ledger,
        node_latency: NodeLatency,
        world: Callable[[bool], dict[str, Any]],
        environment: Callable[[], dict[str, str]],
    ) -> None:
        self._cloud = cloud
        self._faults = faults
        self._log = log
        self._ledger = ledger
        self._node_latency = node_latency
        self._world = world
        self._environment = environment

    def about(self, _query: Query, _body: Any) -> Any:
        return {"pid": os.getpid(), "environment": self._environment()}

    def world(self, query: Query, _body: Any) -> Any:
        return self._world(query.get("contents", "true") == "true")

    def requests(self, query: Query, _body: Any) -> Any:
        calls = self._log.calls(since=int(query.get("since", "0")))
        only_mutating = query.get("mutating") == "true"
        return [dataclasses.asdict(call) for call in calls if call.mutating or not only_mutating]

    def faults(self, _query: Query, _body: Any) -> Any:
        return self._faults.as_json()

    def add_fault(self, _query: Query, body: Any) -> Any:
        try:
            fault = Fault(**body)
        except TypeError as error:
            raise ControlError(400, str(error)) from None
        return {"id": self._faults.add(fault)}

    def clear_faults(self, _query: Query, _body: Any) -> Any:
        self._faults.clear()
        return {}

    def latency(self, _query: Query, _body: Any) -> Any:
        return dataclasses.asdict(self._cloud.latency) | dataclasses.asdict(self._node_latency)

    def set_latency(self, query: Query, body: Any) -> Any:
        wanted = dict(body)
        profile = wanted.pop("profile", None)
        if profile is not None:
            try:
                wanted = (
                    dataclasses.asdict(Latency.profile(profile))
                    | dataclasses.asdict(NodeLatency.profile(profile))
                    | wanted
                )
            except KeyError:
                raise ControlError(400, f"there is no profile {profile!r}") from None
        known = self.latency(query, None)
        for name, seconds in wanted.items():
            if name not in known or not isinstance(seconds, int | float):
                raise ControlError(400, f"{name}={seconds!r}: not a latency; known: {', '.join(sorted(known))}")
        for name, seconds in wanted.items():
            settings = self._cloud.latency if hasattr(self._cloud.latency, name) else self._node_latency
            setattr(settings, name, float(seconds))
        return self.latency(query, None)

    def set_stock(self, _query: Query, body: Any) -> Any:
        self._cloud.set_stock(body["zone"], body["category"], bool(body["available"]))
        return {}

    def records(self, _query: Query, _body: Any, disk: str) -> Any:
        return self._cloud.read(disk)

    def open_disk(self, _query: Query, body: Any, disk: str) -> Any:
        if body["instance"] not in self._cloud.attached_to(disk):
            raise ControlError(409, f"disk {disk} is not attached to {body['instance']}")
        contents = self._cloud.read(disk)
        self._ledger.opened(body["claim"], disk, contents, pod=body["pod"], node=body["node"])
        return {"last": contents[-1] if contents else None}

    def append_records(self, _query: Query, body: Any) -> Any:
        return {"errors": [self._append(**write) for write in body]}

    def _append(self, disk: str, instance: str, record: dict[str, Any], ready: bool) -> str:
        try:
            self._cloud.write(disk, instance, record)
        except EcsError as error:
            return f"{error.code}: {error.message}"
        if ready:
            self._ledger.acknowledged(record["claim"], disk, record)
        return ""


class ControlServer:
    """Serves a ``Control`` on an ephemeral port of 127.0.0.1."""

    def __init__(self, control: Control) -> None:
        routes: list[Route] = [
            (method, re.compile(pattern), action)
            for method, pattern, action in (
                ("GET", "/", control.about),
                ("GET", "/world", control.world),
                ("GET", "/requests", control.requests),
                ("GET", "/faults", control.faults),
                ("POST", "/faults", control.add_fault),
                ("DELETE", "/faults", control.clear_faults),
                ("GET", "/latency", control.latency),
                ("PUT", "/latency", control.set_latency),
                ("PUT", "/stock", control.set_stock),
                ("GET", "/disks/(d-[^/]+)/records", control.records),
                ("POST", "/disks/(d-[^/]+)/open", control.open_disk),
                ("PUT", "/disks/records", control.append_records),
            )
        ]
        self._server = _HttpServer(routes)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="control", daemon=True
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> str:
        self._thread.start()
        return self.url

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(timeout=10)
        self._server.server_close()
        self._server.end_connections()


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, routes: list[Route]) -> None:
        self.routes = routes
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def end_connections(self) -> None:
        """Clients keep their connections open, and a thread waits on each."""
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: _HttpServer
    protocol_version = "HTTP/1.1"
    # One segment per answer, sent at once: else Nagle and delayed ACKs make every answer 40 ms late.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the request log has what matters."""

    def _answer(self) -> None:
        try:
            status, answer = 200, self._dispatch()
        except ControlError as error:
            status, answer = error.status, {"error": str(error)}
        except EcsError as error:
            status, answer = (404 if error.status == 404 else 409), {"error": f"{error.code}: {error.message}"}
        except (KeyError, TypeError, ValueError) as error:
            status, answer = 400, {"error": f"{type(error).__name__}: {error}"}
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _dispatch(self) -> Any:
        url = urllib.parse.urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        for method, pattern, action in self.server.routes:
            found = pattern.fullmatch(url.path)
            if found and method == self.command:
                return action(dict(urllib.parse.parse_qsl(url.query)), body, *found.groups())
        raise ControlError(404, f"no {self.command} {url.path}")

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the Kubernetes HTTP server share: a server over an empty API, and an HTTPS client for a user."""

from __future__ import annotations

import base64
import dataclasses
import json
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
import urllib3

from tests.sandbox.faults import FaultBook
from tests.sandbox.kube.access import Access
from tests.sandbox.kube.api import Api
from tests.sandbox.kube.client import Client
from tests.sandbox.kube.server import KubeServer
from tests.sandbox.requestlog import Call, RequestLog

SAMPLES = Path(__file__).parents[2] / "fixtures" / "kubernetes-samples"
ADMIN = "admin"
NOBODY = "nobody"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
DEADLINE_SECONDS = 30.0


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"did not happen in {DEADLINE_SECONDS} s: {what}")
        time.sleep(0.005)


@dataclasses.dataclass
class Answer:
    status: int
    headers: urllib3.HTTPHeaderDict
    data: bytes

    @property
    def body(self) -> Any:
        """Parsed, or the text when it is none of ours."""
        if "json" in self.headers["Content-Type"]:
            return json.loads(self.data)
        return self.data.decode()


class Http:
    """One user's HTTPS connections."""

    def __init__(self, server: KubeServer, token: str | None) -> None:
        authority = server.kubeconfig(ADMIN)["clusters"][0]["cluster"]["certificate-authority-data"]
        context = ssl.create_default_context(cadata=base64.b64decode(authority).decode())
        self.pool = urllib3.HTTPSConnectionPool(*_host_and_port(server), ssl_context=context, retries=False, timeout=30)
        self.headers = {"User-Agent": "zoneshift-tests/1"}
        if token:
            self.headers["Authorization"] = f"Bearer {token}"

    def send(self, method: str, path: str, body: Any = None, content_type: str | None = None, **headers: str) -> Answer:
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if raw is not None:
            sent["Content-Type"] = content_type or "application/json"
        response = self.pool.request(method, path, body=raw, headers=sent)
        return Answer(response.status, response.headers, response.data)

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, **headers)

    def stream(self, path: str, **headers: str) -> Stream:
        response = self.pool.request("GET", path, headers={**self.headers, **headers}, preload_content=False)
        return Stream(response)


class Stream:
    """A watch: an iterator of events."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self._response = response
        self._events = self._read()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self._events

    def __next__(self) -> dict[str, Any]:
        return next(self._events)

    def close(self) -> None:
        self._response.close()

    def _read(self) -> Iterator[dict[str, Any]]:
        rest = b""
        for chunk in self._response.stream():
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (json.loads(line) for line in lines)


class Cluster:
    """A KubeServer over an API that holds the namespace ``default`` and nothing else."""

    def __init__(self) -> None:
        self.api = Api()
        self.client = Client(self.api, "test")
        self.client.create("namespaces", {"metadata": {"name": "default"}})
        self.access = Access(self.api)
        self.faults = FaultBook()
        self.log = RequestLog()
        self.server = KubeServer(self.api, self.access, self.faults, self.log)
        self._tokens = {ADMIN: self.access.add_user(ADMIN, ("system:masters",)), NOBODY: self.access.add_user(NOBODY)}

    def __enter__(self) -> Cluster:
        self.server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.server.stop()

    def http(self, user: str = ADMIN) -> Http:
        return Http(self.server, self._tokens[user])

    def with_token(self, token: str | None) -> Http:
        return Http(self.server, token)

    def last_call(self) -> Call:
        return self.log.calls()[-1]


def config_map(name: str, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": {"key": "value"}}


def volume(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "20Gi"},
            "accessModes": ["ReadWriteOnce"],
            "csi": {"driver": "diskplugin.csi.alibabacloud.com", "volumeHandle": name},
        },
    }


def stateful_set(name: str, replicas: int = 2) -> dict[str, Any]:
    container = {"name": "nginx", "image": "nginx:1", "volumeMounts": [{"name": "www", "mountPath": "/data"}]}
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "alicloud-disk-essd",
        "resources": {"requests": {"storage": "20Gi"}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "serviceName": name,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}},
            "volumeClaimTemplates": [{"metadata": {"name": "www"}, "spec": claim}],
        },
    }


def custom_definition() -> dict[str, Any]:
    """A CustomResourceDefinition with two versions, printer columns and both subresources."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    subresources = {"status": {}, "scale": scale}
    replicas = {"type": "integer", "description": "How many there are."}
    described = {"type": "object", "properties": {"replicas": replicas}}
    detailed = {
        "openAPIV3Schema": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {"spec": {**described, "x-kubernetes-preserve-unknown-fields": True}},
        }
    }
    columns = [
        {"name": "Desired", "type": "integer", "jsonPath": ".spec.replicas"},
        {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
        {"name": "Images", "type": "string", "jsonPath": ".spec.containers[*].image", "priority": 1},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "statefulsets.apps.kruise.io"},
        "spec": {
            "group": "apps.kruise.io",
            "scope": "Namespaced",
            "names": {"kind": "StatefulSet", "plural": "statefulsets", "shortNames": ["asts"]},
            "versions": [
                {"name": "v1alpha1", "served": True, "storage": False, "schema": schema, "subresources": subresources},
                {
                    "name": "v1beta1",
                    "served": True,
                    "storage": True,
                    "schema": detailed,
                    "subresources": subresources,
                    "additionalPrinterColumns": columns,
                },
            ],
        },
    }


def _host_and_port(server: KubeServer) -> tuple[str, int]:
    host, _colon, port = server.url.removeprefix("https://").partition(":")
    return host, int(port)

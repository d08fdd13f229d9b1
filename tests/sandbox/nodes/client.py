# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ordinary Kubernetes client for the nodes and the driver: dicts in, dicts out.

The ``kubernetes`` package loads the kubeconfig, does TLS and authentication and keeps the connections; its typed
classes are left alone because they reject objects that real clusters have.
"""

from __future__ import annotations

import datetime
import itertools
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kubernetes import config
from kubernetes.client import ApiClient, ApiException

from .names import EVENTS

Object = dict[str, Any]
Objects = list[Object]
Query = list[tuple[str, str]]

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

_SERVED_AT = {
    "apps": "apis/apps/v1",
    "storage.k8s.io": "apis/storage.k8s.io/v1",
    "coordination.k8s.io": "apis/coordination.k8s.io/v1",
    "apiextensions.k8s.io": "apis/apiextensions.k8s.io/v1",
    "apps.kruise.io": "apis/apps.kruise.io/v1beta1",
}
_CLUSTER_SCOPED = {
    "nodes",
    "namespaces",
    "persistentvolumes",
    "csinodes.storage.k8s.io",
    "csidrivers.storage.k8s.io",
    "storageclasses.storage.k8s.io",
    "volumeattachments.storage.k8s.io",
    "customresourcedefinitions.apiextensions.k8s.io",
}


def key_of(obj: Object) -> str:
    """``namespace/name``, or the bare name of a cluster-scoped object."""
    metadata = obj["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])


def timestamp(seconds: float | None = None) -> str:
    """A metav1.Time; now by default."""
    moment = datetime.datetime.fromtimestamp(time.time() if seconds is None else seconds, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_timestamp() -> str:
    """A metav1.MicroTime, as Leases have it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Kubernetes:
    """Calls by resource key (``pods``, ``volumeattachments.storage.k8s.io``). Thread-safe."""

    def __init__(self, kubeconfig: Path | Object, *, connections: int = 16) -> None:
        if isinstance(kubeconfig, Path):
            self._client: ApiClient = config.new_client_from_config(str(kubeconfig))
        else:
            self._client = config.new_client_from_config_dict(kubeconfig)
        self._client.rest_client.pool_manager.connection_pool_kw["maxsize"] = connections
        self._event_numbers = itertools.count(time.time_ns())
        self._events: dict[tuple[str, str, str], tuple[str, int]] = {}
        self._events_lock = threading.Lock()

    def close(self) -> None:
        self._client.close()

    def get(self, resource: str, name: str, namespace: str = "") -> Object | None:
        """The object, or ``None`` when there is none of that name."""
        try:
            return self.request("GET", self.path(resource, namespace, name))
        except ApiException as error:
            if error.status == 404:
                return None
            raise

    def list(self, resource: str, namespace: str = "") -> Objects:
        return self.list_with_version(resource, namespace)[0]

    def list_with_version(self, resource: str, namespace: str = "") -> tuple[Objects, str]:
        answer = self.request("GET", self.path(resource, namespace))
        return answer.get("items") or [], answer["metadata"]["resourceVersion"]

    def create(self, resource: str, obj: Object) -> Object:
        return self.request("POST", self.path(resource, obj["metadata"].get("namespace", "")), obj)

    def update(self, resource: str, obj: Object) -> Object:
        metadata = obj["metadata"]
        return self.request("PUT", self.path(resource, metadata.get("namespace", ""), metadata["name"]), obj)

    def patch(
        self,
        resource: str,
        name: str,
        patch: Any,
        namespace: str = "",
        subresource: str = "",
        content_type: str = MERGE_PATCH,
    ) -> Object:
        path = self.path(resource, namespace, name, subresource)
        return self.request("PATCH", path, patch, content_type=content_type)

    def apply(self, resource_path: str, obj: Object, field_manager: str) -> Object:
        """Server-side apply that takes over every field it names."""
        query = [("fieldManager", field_manager), ("force", "true")]
        return self.request("PATCH", resource_path, obj, query=query, content_type=APPLY_PATCH)

    def delete(self, resource: str, name: str, namespace: str = "", *, uid: str = "", grace: int | None = None) -> None:
        """Delete the object; one that is gone already, or whose name another object has taken, is left as it is."""
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if uid:
            options["preconditions"] = {"uid": uid}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        try:
            self.request("DELETE", self.path(resource, namespace, name), options)
        except ApiException as error:
            if error.status not in (404, 409):
                raise

    def event(self, obj: Object, kind: str, event_type: str, reason: str, message: str, component: str) -> None:
        """Record a core/v1 Event about the object; the same one again raises its count, as client-go does."""
        metadata = obj["metadata"]
        namespace = metadata.get("namespace", "default")
        now = timestamp()
        same = (str(metadata.get("uid", "")), reason, message)
        with self._events_lock:
            name, count = self._events.get(same, (f"{metadata['name']}.{next(self._event_numbers):x}", 0))
            self._events[same] = (name, count + 1)
        if count:
            self.patch(EVENTS, name, {"count": count + 1, "lastTimestamp": now}, namespace)
            return
        about = {"kind": kind, "apiVersion": obj.get("apiVersion", "v1"), "name": metadata["name"]}
        about["uid"] = metadata.get("uid", "")
        if metadata.get("namespace"):
            about["namespace"] = namespace
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": about,
            "type": event_type,
            "reason": reason,
            "message": message[:1024],
            "source": {"component": component},
            "reportingComponent": component,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        self.create(EVENTS, event)

    def watch(self, resource: str, resource_version: str, seconds: int) -> WatchStream:
        query = [
            ("watch", "true"),
            ("resourceVersion", resource_version),
            ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", str(seconds)),
        ]
        response = self._send("GET", self.path(resource), None, query, "application/json", (10, seconds + 15))
        if response.status != 200:
            response.read()
            raise ApiException.from_response(http_resp=response, body=None, data=None)
        return WatchStream(response.response)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Query | None = None,
        content_type: str = "application/json",
    ) -> Object:
        response = self._send(method, path, body, query or [], content_type, 60)
        data = response.read()
        if not 200 <= response.status <= 299:
            raise ApiException(http_resp=response)
        return dict(json.loads(data))

    def path(self, resource: str, namespace: str = "", name: str = "", subresource: str = "") -> str:
        plural, _dot, group = resource.partition(".")
        parts = [_SERVED_AT[group] if group else "api/v1"]
        if namespace and resource not in _CLUSTER_SCOPED:
            parts += ["namespaces", namespace]
        return "/" + "/".join([*parts, plural, *filter(None, (name, subresource))])

    def _send(self, method: str, path: str, body: Any, query: Query, content_type: str, timeout: Any) -> Any:
        serialized = self._client.param_serialize(
            method,
            path,
            query_params=query,
            header_params={"Accept": "application/json", "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        return self._client.call_api(*serialized, _request_timeout=timeout)


class WatchStream:
    """The events of one watch request; ``close`` from another thread ends the iteration."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[Object]:
        rest = b""
        for chunk in self._response.stream(decode_content=False):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if line.strip():
                    yield json.loads(line)

    def close(self) -> None:
        if self._closed.is_set():
            return
        self._closed.set()
        try:
            self._response.shutdown()
        except (ValueError, RuntimeError, OSError):
            # The server ended the stream first: there is no connection left to shut down.
            return

    def release(self) -> None:
        """Give the connection up (a watch is never read to its end, so it cannot be used again)."""
        try:
            self._response.close()
        except (OSError, ValueError):
            return

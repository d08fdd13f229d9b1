# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface of ``kube.client.Client`` over a real API server."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Callable
from typing import Any

from kubernetes.client import ApiException

from ...nodes.client import MERGE_PATCH, Kubernetes
from ...nodes.informer import Handler, Informer
from ..errors import ApiError, failure

Obj = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class _Served:
    """Where a resource is served, and what its objects are called."""

    base: str
    kind: str
    api_version: str
    namespaced: bool


class _Discovering(Kubernetes):
    """Asks the server how each resource is served, so that custom resources are no exception."""

    def __init__(self, kubeconfig: Obj) -> None:
        super().__init__(kubeconfig)
        self._served: dict[str, _Served] = {}

    def path(self, resource: str, namespace: str = "", name: str = "", subresource: str = "") -> str:
        served = self.served(resource)
        plural = resource.partition(".")[0]
        place = ["namespaces", namespace] if served.namespaced and namespace else []
        return "/".join([served.base, *place, plural, *filter(None, (name, subresource))])

    def list_with_version(self, resource: str, namespace: str = "", query: Any = ()) -> tuple[list[Obj], str]:
        """The items of a list carry no kind of their own; here they do."""
        served = self.served(resource)
        answer = self.request("GET", self.path(resource, namespace), query=list(query))
        items = [{"kind": served.kind, "apiVersion": served.api_version, **item} for item in answer.get("items") or []]
        return items, answer["metadata"]["resourceVersion"]

    def served(self, resource: str) -> _Served:
        if resource not in self._served:
            plural, _dot, group = resource.partition(".")
            version = self.request("GET", f"/apis/{group}")["preferredVersion"]["groupVersion"] if group else "v1"
            base = f"/apis/{version}" if group else f"/api/{version}"
            for found in self.request("GET", base)["resources"]:
                if "/" not in found["name"]:
                    key = f"{found['name']}.{group}" if group else found["name"]
                    self._served[key] = _Served(base, found["kind"], version, found["namespaced"])
            if resource not in self._served:
                raise failure(404, "NotFound", f"the server serves no {plural} in {version}")
        return self._served[resource]


class RealClient:
    """One user's view, past the proxy: not logged, no faults, all rights. Connects when it is first used."""

    def __init__(self, user: str, kubeconfig: Callable[[], Obj]) -> None:
        self.user = user
        self._kubeconfig = kubeconfig
        self._connected: _Discovering | None = None
        self._informers: list[Informer] = []
        self._lock = threading.Lock()

    def get(self, key: str, name: str, namespace: str = "") -> Obj | None:
        try:
            return self._request("GET", self._path(key, namespace, name))
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def list(self, key: str, namespace: str = "", label_selector: str = "", field_selector: str = "") -> list[Obj]:
        selectors = {"labelSelector": label_selector, "fieldSelector": field_selector}
        query = [(name, value) for name, value in selectors.items() if value]
        return _translated(lambda: self._kubernetes.list_with_version(key, namespace, query)[0])

    def create(self, key: str, obj: Obj) -> Obj:
        return self._request("POST", self._path(key, _namespace(obj)), obj)

    def update(self, key: str, obj: Obj, subresource: str = "") -> Obj:
        return self._request("PUT", self._path(key, _namespace(obj), obj["metadata"]["name"], subresource), obj)

    def patch(self, key: str, name: str, patch: Obj, namespace: str = "", subresource: str = "") -> Obj:
        """A merge patch."""
        return self._request("PATCH", self._path(key, namespace, name, subresource), patch, MERGE_PATCH)

    def bind(self, pod: str, namespace: str, node: str) -> Obj:
        """Gives an unscheduled pod its node, as a scheduler does (the pods/binding subresource)."""
        target = {"apiVersion": "v1", "kind": "Node", "name": node}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod}, "target": target}
        return self._request("POST", self._path("pods", namespace, pod, "binding"), binding)

    def delete(
        self, key: str, name: str, namespace: str = "", uid: str = "", grace: int | None = None, propagation: str = ""
    ) -> None:
        options: Obj = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if uid:
            options["preconditions"] = {"uid": uid}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        if propagation:
            options["propagationPolicy"] = propagation
        self._request("DELETE", self._path(key, namespace, name), options)

    def event(self, obj: Obj, type_: str, reason: str, message: str, component: str) -> None:
        _translated(lambda: self._kubernetes.event(obj, obj["kind"], type_, reason, message, component))

    def subscribe(self, key: str, handler: Handler) -> None:
        """``handler(type, object, previous)`` for what is there (ADDED) and then for every change, in order."""
        informer = Informer(self._kubernetes, key, handler)
        with self._lock:
            self._informers.append(informer)
        informer.start()

    def stop(self) -> None:
        with self._lock:
            informers, self._informers = self._informers, []
        for informer in informers:
            informer.stop()
        if self._connected:
            self._connected.close()

    @property
    def _kubernetes(self) -> _Discovering:
        with self._lock:
            if self._connected is None:
                self._connected = _Discovering(self._kubeconfig())
            return self._connected

    def _path(self, key: str, namespace: str = "", name: str = "", subresource: str = "") -> str:
        return _translated(lambda: self._kubernetes.path(key, namespace, name, subresource))

    def _request(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Obj:
        return _translated(lambda: self._kubernetes.request(method, path, body, content_type=content_type))


def _translated(call: Callable[[], Any]) -> Any:
    """Refusals as ApiError with the server's whole Status."""
    try:
        return call()
    except ApiException as error:
        try:
            status = json.loads(error.body or "")
        except ValueError:
            raise failure(error.status or 500, "", f"{error.reason}: {error.body}") from None
        raise ApiError(status) from None


def _namespace(obj: Obj) -> str:
    return obj["metadata"].get("namespace") or ""

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API over HTTP with the calls and the errors that the StatefulSet logic knows (``kube.controllers.workload``)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from kubernetes.client import ApiException

from ..kube.controllers.objects import Object
from ..kube.errors import ApiError
from ..nodes.client import Kubernetes


class Cluster:
    """An ordinary client; objects come with their apiVersion and kind, lists leave them out."""

    def __init__(self, kubernetes: Kubernetes) -> None:
        self._kubernetes = kubernetes

    def get(self, key: str, name: str, namespace: str = "") -> Object | None:
        with _as_api_error():
            return self._kubernetes.get(key, name, namespace)

    def list(self, key: str, namespace: str = "") -> list[Object]:
        with _as_api_error():
            answer = self._kubernetes.request("GET", self._kubernetes.path(key, namespace))
        stamp = {"apiVersion": answer["apiVersion"], "kind": answer["kind"].removesuffix("List")}
        return [{**stamp, **item} for item in answer.get("items") or []]

    def create(self, key: str, obj: Object) -> Object:
        return self._write("POST", self._kubernetes.path(key, obj["metadata"].get("namespace", "")), obj)

    def update(self, key: str, obj: Object, subresource: str = "") -> Object:
        metadata = obj["metadata"]
        path = self._kubernetes.path(key, metadata.get("namespace", ""), metadata["name"], subresource)
        return self._write("PUT", path, obj)

    def patch(self, key: str, name: str, patch: Object, namespace: str = "") -> Object:
        """A merge patch."""
        with _as_api_error():
            return self._kubernetes.patch(key, name, patch, namespace)

    def delete(self, key: str, name: str, namespace: str = "", uid: str = "") -> None:
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if uid:
            options["preconditions"] = {"uid": uid}
        with _as_api_error():
            self._kubernetes.request("DELETE", self._kubernetes.path(key, namespace, name), options)

    def _write(self, method: str, path: str, obj: Object) -> Object:
        """In Go's JSON, sorted and without spaces: a ControllerRevision keeps its data as the bytes that were sent, and
        refuses every later change that writes them in another way, the garbage collector's too. JSON is YAML, and as
        such it is sent as it is."""
        text = json.dumps(obj, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        with _as_api_error():
            return self._kubernetes.request(method, path, text, content_type="application/yaml")

    def event(self, obj: Object, type_: str, reason: str, message: str, component: str) -> None:
        with _as_api_error():
            self._kubernetes.event(obj, obj["kind"], type_, reason, message, component)


@contextmanager
def _as_api_error() -> Iterator[None]:
    """What the server refused, as its Status says; trouble with the connection stays what it is."""
    try:
        yield
    except ApiException as error:
        try:
            status = dict(json.loads(error.body))
        except (TypeError, ValueError):
            raise error from None
        raise ApiError(status) from None

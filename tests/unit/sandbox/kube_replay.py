# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replays recorded requests against an Api in the state in which they were made."""

from __future__ import annotations

import calendar
import time
import urllib.parse
from typing import Any

from tests.contract.samples import RECORDER
from tests.sandbox.kube.api import Api
from tests.sandbox.kube.errors import ApiError
from tests.sandbox.kube.options import DeleteOptions, ListOptions, WriteOptions
from tests.sandbox.kube.resources import Resource

Obj = dict[str, Any]


class Replay:
    """An Api whose clock and revision are set to those of a recording."""

    def __init__(self) -> None:
        self.now = 0.0
        self.api = Api(clock=lambda: self.now)
        self.warnings: list[str] = []
        self.place({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "default", "uid": "default"}})

    def at(self, text: str) -> None:
        self.now = float(calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")))

    def advance(self, revision: int) -> None:
        """Other writes happen until the cluster is at ``revision``."""
        while self.api.store.revision < revision:
            self.api.store.put("filler", "", "filler", {"metadata": {"name": "filler"}})

    def place(self, *objects: Obj) -> None:
        """Stores recorded objects under their recorded resourceVersion."""
        for obj in sorted(objects, key=lambda obj: int(obj["metadata"].get("resourceVersion", 0))):
            metadata = obj["metadata"]
            self.advance(int(metadata.get("resourceVersion", 0)) - 1)
            key = next(
                resource.key
                for resource in self.api.registry
                if (resource.api_version, resource.kind) == (obj["apiVersion"], obj["kind"])
            )
            self.api.store.put(key, metadata.get("namespace", ""), metadata["name"], obj)

    def send(self, request: Obj) -> tuple[int, Any]:
        """The status code and body that the API answers."""
        try:
            body = self._call(request)
        except ApiError as error:
            return error.code, error.status
        created = request["method"] == "POST" or (
            request["method"] == "PATCH"
            and body["metadata"].get("creationTimestamp") == self._timestamp()
            and "apply" in request["contentType"]
            and body["metadata"].get("generation") == 1
        )
        return 201 if created else 200, body

    def _timestamp(self) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.now))

    def _call(self, request: Obj) -> Any:
        url = urllib.parse.urlsplit(request["path"])
        query = dict(urllib.parse.parse_qsl(url.query))
        resource, namespace, name, subresource = self._target(url.path)
        body = request["body"]
        options = WriteOptions(
            user="admin",
            dry_run="dryRun" in query,
            field_manager=query.get("fieldManager", RECORDER),
            field_validation=query.get("fieldValidation", "Warn"),
            force=query.get("force") == "true",
            warnings=self.warnings,
        )
        match request["method"]:
            case "GET" if name:
                return self.api.get(resource, namespace, name, subresource)
            case "GET":
                return self.api.list(
                    resource,
                    namespace,
                    ListOptions(
                        limit=int(query.get("limit", 0)),
                        continue_=query.get("continue", ""),
                        resource_version=query.get("resourceVersion", ""),
                        label_selector=query.get("labelSelector", ""),
                    ),
                )
            case "POST":
                return self.api.create(resource, namespace, body, options)
            case "PUT":
                return self.api.update(resource, namespace, name, body, options, subresource)
            case "PATCH":
                return self.api.patch(resource, namespace, name, body, request["contentType"], options, subresource)
            case "DELETE":
                wanted = body or {}
                return self.api.delete(
                    resource,
                    namespace,
                    name,
                    DeleteOptions(
                        grace=wanted.get("gracePeriodSeconds"),
                        propagation=wanted.get("propagationPolicy", ""),
                        uid=wanted.get("preconditions", {}).get("uid", ""),
                        resource_version=wanted.get("preconditions", {}).get("resourceVersion", ""),
                    ),
                )
        raise AssertionError(request["method"])

    def _target(self, path: str) -> tuple[Resource, str, str, str]:
        parts = path.strip("/").split("/")
        group, version, rest = ("", parts[1], parts[2:]) if parts[0] == "api" else (parts[1], parts[2], parts[3:])
        namespace = rest[1] if rest[0] == "namespaces" and len(rest) > 2 else ""
        plural, name, subresource = [*(rest[2:] if namespace else rest), "", ""][:3]
        resource = self.api.registry.lookup(group, version, plural)
        assert resource, path
        return resource, namespace, name, subresource


def latest_time(value: Any) -> str:
    """The latest time stamp in a recorded object: when it was written."""
    if isinstance(value, dict):
        return max((latest_time(part) for part in value.values()), default="")
    if isinstance(value, list):
        return max((latest_time(part) for part in value), default="")
    return value if isinstance(value, str) and len(value) == 20 and value.endswith("Z") and value[:2] == "20" else ""


def without_uid(body: Any) -> Any:
    """A new object's uid is as good as any other."""
    if not isinstance(body, dict) or "uid" not in body.get("metadata", {}):
        return body
    return {**body, "metadata": {**body["metadata"], "uid": "any"}}


def without_diff(body: Any) -> Any:
    """Cuts the diff behind "immutable after creation": its text depends on the Kubernetes version (B1)."""
    if isinstance(body, dict):
        return {key: without_diff(part) for key, part in body.items()}
    if isinstance(body, list):
        return [without_diff(part) for part in body]
    return body.partition("\n@@")[0] if isinstance(body, str) else body

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How controllers and in-process tests use the API: by resource key, with plain objects, without HTTP."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from .api import Api
from .errors import ApiError
from .lifecycle import timestamp
from .options import DeleteOptions, ListOptions, WriteOptions
from .patches import MERGE
from .resources import Resource
from .watch import Watch

Obj = dict[str, Any]
Handler = Callable[[str, Obj, Obj | None], None]

logger = logging.getLogger(__name__)


class Client:
    """One user's view. ``subscribe`` starts threads; ``stop`` ends and joins them."""

    def __init__(self, api: Api, user: str) -> None:
        self.api = api
        self.user = user
        self._subscriptions: list[_Subscription] = []
        self._events: dict[tuple[str, ...], str] = {}
        self._lock = threading.Lock()

    def get(self, key: str, name: str, namespace: str = "") -> Obj | None:
        try:
            return self.api.get(self._resource(key), namespace, name)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def list(self, key: str, namespace: str = "", label_selector: str = "", field_selector: str = "") -> list[Obj]:
        resource = self._resource(key)
        options = ListOptions(label_selector=label_selector, field_selector=field_selector)
        items = self.api.list(resource, namespace, options)["items"]
        return [{"kind": resource.kind, "apiVersion": resource.api_version, **item} for item in items]

    def create(self, key: str, obj: Obj) -> Obj:
        return self.api.create(self._resource(key), _namespace(obj), obj, self._options())

    def update(self, key: str, obj: Obj, subresource: str = "") -> Obj:
        name = obj["metadata"]["name"]
        return self.api.update(self._resource(key), _namespace(obj), name, obj, self._options(), subresource)

    def patch(self, key: str, name: str, patch: Obj, namespace: str = "", subresource: str = "") -> Obj:
        """A merge patch."""
        return self.api.patch(self._resource(key), namespace, name, patch, MERGE, self._options(), subresource)

    def bind(self, pod: str, namespace: str, node: str) -> Obj:
        """Gives an unscheduled pod its node, as a scheduler does (the pods/binding subresource)."""
        return self.api.bind(namespace, pod, node)

    def delete(
        self, key: str, name: str, namespace: str = "", uid: str = "", grace: int | None = None, propagation: str = ""
    ) -> None:
        options = DeleteOptions(user=self.user, uid=uid, grace=grace, propagation=propagation)
        self.api.delete(self._resource(key), namespace, name, options)

    def event(self, obj: Obj, type_: str, reason: str, message: str, component: str) -> None:
        """Records an Event about ``obj``; the same one again raises its count, as client-go's recorder does."""
        regarding = _reference(obj)
        namespace = regarding.get("namespace", "default")
        now = timestamp(self.api.now())
        identity = (regarding.get("uid", ""), type_, reason, message, component)
        with self.api.store.lock:
            known = self._events.get(identity)
            event = self.get("events", known, namespace) if known else None
            if event:
                bump = {"count": event["count"] + 1, "lastTimestamp": now}
                self.patch("events", event["metadata"]["name"], bump, namespace)
                return
            # time in nanoseconds, as client-go names events; the revision keeps a coarse clock from repeating itself
            suffix = int(self.api.now() * 1e9) + self.api.store.revision
            self._events[identity] = f"{regarding['name']}.{suffix:x}"
            self.create(
                "events",
                {
                    "metadata": {"name": self._events[identity], "namespace": namespace},
                    "involvedObject": regarding,
                    "reason": reason,
                    "message": message,
                    "source": {"component": component},
                    "firstTimestamp": now,
                    "lastTimestamp": now,
                    "count": 1,
                    "type": type_,
                    "eventTime": None,
                    "reportingComponent": component,
                    "reportingInstance": "",
                },
            )

    def subscribe(self, key: str, handler: Handler) -> None:
        """``handler(type, object, previous)`` for what is there (ADDED) and then for every change, in order."""
        subscription = _Subscription(self.api, self._resource(key), handler)
        with self._lock:
            self._subscriptions.append(subscription)
        subscription.start()

    def stop(self) -> None:
        with self._lock:
            subscriptions, self._subscriptions = self._subscriptions, []
        for subscription in subscriptions:
            subscription.stop()

    def _resource(self, key: str) -> Resource:
        return self.api.registry.by_key(key)

    def _options(self) -> WriteOptions:
        return WriteOptions(user=self.user, field_manager=self.user)


class _Subscription(threading.Thread):
    """List and watch in one thread. Lists anew when the history it needs is gone, and tells the difference."""

    def __init__(self, api: Api, resource: Resource, handler: Handler) -> None:
        super().__init__(name=f"subscription {resource.key}", daemon=True)
        self._api = api
        self._resource = resource
        self._handler = handler
        self._known: dict[tuple[str, str], Obj] = {}
        self._stopping = threading.Event()
        self._watch: Watch | None = None

    def run(self) -> None:
        while not self._stopping.is_set():
            version = self._relist()
            self._watch = self._api.watch(self._resource, "", ListOptions(resource_version=version))
            if self._stopping.is_set():
                return
            for event in self._watch:
                if event["type"] == "ERROR" or self._stopping.is_set():
                    break
                self._tell(event["type"], event["object"])

    def stop(self) -> None:
        self._stopping.set()
        if self._watch:
            self._watch.stop()
        if threading.current_thread() is not self:
            self.join()

    def _relist(self) -> str:
        found = self._api.list(self._resource, "", ListOptions())
        present = set()
        for item in found["items"]:
            obj = {"kind": self._resource.kind, "apiVersion": self._resource.api_version, **item}
            address = _address(obj)
            present.add(address)
            known = self._known.get(address)
            if known is None:
                self._tell("ADDED", obj)
            elif known["metadata"]["resourceVersion"] != obj["metadata"]["resourceVersion"]:
                self._tell("MODIFIED", obj)
        for address in set(self._known) - present:
            self._tell("DELETED", self._known[address])
        return str(found["metadata"]["resourceVersion"])

    def _tell(self, type_: str, obj: Obj) -> None:
        address = _address(obj)
        previous = self._known.pop(address, None)
        if type_ != "DELETED":
            self._known[address] = obj
        try:
            self._handler(type_, obj, previous)
        except Exception:  # one bad event must not end a controller
            logger.exception("%s of %s %s failed", type_, self._resource.key, "/".join(address))


def _namespace(obj: Obj) -> str:
    return obj["metadata"].get("namespace") or ""


def _address(obj: Obj) -> tuple[str, str]:
    return _namespace(obj), obj["metadata"]["name"]


def _reference(obj: Obj) -> Obj:
    metadata = obj["metadata"]
    reference = {"kind": obj.get("kind"), "apiVersion": obj.get("apiVersion")}
    for key in ("namespace", "name", "uid", "resourceVersion"):
        reference[key] = metadata.get(key)
    return {key: value for key, value in reference.items() if value}

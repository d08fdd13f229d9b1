# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The garbage collector: what happens to objects when their owners go. kubernetes-behaviour.md B5, traps 6 and 7.

Keys are ``(resource key, namespace, name)``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from ..client import Client
from ..deletion import FOREGROUND, ORPHAN
from ..resources import Resource
from .controller import Controller, KeysOf, RetryLater
from .objects import Object, address, finalizers, name, namespace, owners, terminating, uid
from .workqueue import Backoff

Key = tuple[str, str, str]

DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
# nobody owns these, and they are many or answer nothing
IGNORED = {
    "events",
    "events.events.k8s.io",
    "selfsubjectaccessreviews.authorization.k8s.io",
    "selfsubjectrulesreviews.authorization.k8s.io",
}


class GarbageCollector(Controller):
    """Watches everything, custom resources as well from when they are defined."""

    name = "garbage-collector"

    def __init__(self, client: Client, backoff: Backoff | None = None) -> None:
        super().__init__(client, backoff)
        self._lock = threading.Lock()
        self._watched: set[str] = set()
        # uid of an owner -> what names it as an owner
        self._dependents: dict[str, set[Key]] = {}

    def subscriptions(self) -> dict[str, KeysOf]:
        return {key: self._keys_for(key) for key in self._unwatched()}

    def _unwatched(self) -> list[str]:
        with self._lock:
            keys = {resource.key for resource in self.client.api.registry} - IGNORED - self._watched
            self._watched |= keys
            return sorted(keys)

    def _keys_for(self, resource_key: str) -> KeysOf:
        def keys_of(type_: str, obj: Object, previous: Object | None) -> Iterable[Key]:
            key = (resource_key, *address(obj))
            self._remember(key, type_, obj, previous)
            if resource_key == DEFINITIONS and not self.stopping:
                self._watch_new()
            if type_ == "DELETED":
                with self._lock:
                    orphans = self._dependents.pop(uid(obj), set())
                return [*orphans, *self._owner_keys(obj)]
            return [key] if owners(obj) or {ORPHAN, FOREGROUND} & set(finalizers(obj)) else []

        return keys_of

    def _watch_new(self) -> None:
        for key in self._unwatched():
            self.client.subscribe(key, self._handler(self._keys_for(key)))

    def _remember(self, key: Key, type_: str, obj: Object, previous: Object | None) -> None:
        with self._lock:
            for owner in owners(previous) if previous else []:
                self._dependents.get(owner["uid"], set()).discard(key)
            for owner in owners(obj) if type_ != "DELETED" else []:
                self._dependents.setdefault(owner["uid"], set()).add(key)

    def _owner_keys(self, obj: Object) -> list[Key]:
        """The owners of something that went: one of them may wait for it."""
        keys = []
        for owner in owners(obj):
            resource = self._resource_of(owner)
            if resource:
                keys.append((resource.key, namespace(obj) if resource.namespaced else "", owner["name"]))
        return keys

    def _resource_of(self, owner: Object) -> Resource | None:
        """By kind; a version that is not served is looked up as the one that is."""
        group = owner["apiVersion"].rpartition("/")[0]
        kinds = [each for each in self.client.api.registry if (each.group, each.kind) == (group, owner["kind"])]
        return kinds[0] if kinds else None

    def sync(self, key: Any) -> float | None:
        obj = self._get(key)
        if obj is None:
            return None
        if not terminating(obj):
            self._collect(key, obj)
        elif ORPHAN in finalizers(obj):
            self._orphan(key, obj)
        elif FOREGROUND in finalizers(obj):
            self._delete_dependents(key, obj)
        return None

    def _get(self, key: Key) -> Object | None:
        try:
            return self.client.get(key[0], key[2], key[1])
        except KeyError:  # the custom resource was undefined meanwhile
            return None

    def _collect(self, key: Key, obj: Object) -> None:
        """Deletes what has no living owner left; else drops references to dead ones. uids decide, not names."""
        alive, others = [], []
        waited_for = False
        for owner in owners(obj):
            found = self._find(obj, owner)
            if found is None or uid(found) != owner["uid"]:
                others.append(owner)
            elif terminating(found) and FOREGROUND in finalizers(found):
                others.append(owner)
                waited_for = True
            else:
                alive.append(owner)
        if not others:
            return
        if alive:
            self._set_owners(key, obj, alive)
            return
        # a dependent that an owner waits for goes the same way when it has dependents itself
        propagation = "Foreground" if waited_for and self._live_dependents(obj) else ""
        self.client.delete(key[0], key[2], key[1], uid=uid(obj), propagation=propagation)

    def _find(self, obj: Object, owner: Object) -> Object | None:
        resource = self._resource_of(owner)
        if resource is None:
            raise RetryLater(f"{owner['apiVersion']} {owner['kind']}, owner of {name(obj)}, is not served")
        return self.client.get(resource.key, owner["name"], namespace(obj) if resource.namespaced else "")

    def _orphan(self, key: Key, obj: Object) -> None:
        """Every dependent forgets its owner before that goes (B5: pods run on, without ownerReferences)."""
        for dependent_key, dependent in self._live_dependents(obj):
            kept = [owner for owner in owners(dependent) if owner["uid"] != uid(obj)]
            self._set_owners(dependent_key, dependent, kept)
        self._drop_finalizer(key, obj, ORPHAN)

    def _delete_dependents(self, key: Key, obj: Object) -> None:
        """The owner stays until every dependent that asks for it (blockOwnerDeletion) is gone."""
        blocking = False
        for dependent_key, dependent in self._live_dependents(obj):
            blocking |= any(owner["uid"] == uid(obj) and owner.get("blockOwnerDeletion") for owner in owners(dependent))
            self.queue.add(dependent_key)
        if not blocking:
            self._drop_finalizer(key, obj, FOREGROUND)

    def _live_dependents(self, obj: Object) -> list[tuple[Key, Object]]:
        """Read from the API, not from memory: an event that is still on its way must not be missed here."""
        found = []
        for resource in self.client.api.registry:
            if resource.key in IGNORED or (namespace(obj) and not resource.namespaced):
                continue
            for other in self.client.list(resource.key, namespace(obj)):
                if any(owner["uid"] == uid(obj) for owner in owners(other)):
                    found.append(((resource.key, *address(other)), other))
        return found

    def _set_owners(self, key: Key, obj: Object, wanted: list[Object]) -> None:
        self.client.update(key[0], {**obj, "metadata": {**obj["metadata"], "ownerReferences": wanted}})

    def _drop_finalizer(self, key: Key, obj: Object, finalizer: str) -> None:
        kept = [each for each in finalizers(obj) if each != finalizer]
        self.client.update(key[0], {**obj, "metadata": {**obj["metadata"], "finalizers": kept}})

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API server without HTTP: every rule of B1 and B2 about reading and writing objects."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from . import (
    binding,
    defaults,
    definitions,
    deletion,
    errors,
    fieldmanager,
    identity,
    lifecycle,
    listing,
    patches,
    scale,
    serviceaccounts,
    validation,
)
from .apply import applied, check_declared
from .decoding import checked_body
from .options import DeleteOptions, ListOptions, WriteOptions
from .resources import Registry, Resource
from .store import Store
from .validation_metadata import of_changed_metadata
from .validation_storage import check_growth
from .watch import Watch

Obj = dict[str, Any]
Objs = list[Obj]  # inside the class, list is the method

# PUT creates what is missing (AllowCreateOnUpdate of the real strategies).
_CREATED_BY_UPDATE = {
    "events",
    "endpoints",
    "services",
    "limitranges",
    "resourcequotas",
    "leases.coordination.k8s.io",
    "roles.rbac.authorization.k8s.io",
    "rolebindings.rbac.authorization.k8s.io",
    "clusterroles.rbac.authorization.k8s.io",
    "clusterrolebindings.rbac.authorization.k8s.io",
}
# PUT must name the resourceVersion it saw (AllowUnconditionalUpdate is false); custom resources as well.
_CONDITIONAL_UPDATE = {
    "leases.coordination.k8s.io",
    "volumeattachments.storage.k8s.io",
    "csinodes.storage.k8s.io",
    "csidrivers.storage.k8s.io",
    "poddisruptionbudgets.policy",
    "customresourcedefinitions.apiextensions.k8s.io",
}


class Api:
    """Thread-safe. Objects go in and come out as plain JSON data that belongs to the caller.

    ``service_accounts``: whether the admission plug-in ServiceAccount is on, as it is unless it was turned off. The
    recorded server had it off.
    """

    def __init__(self, clock: Callable[[], float] = time.time, *, service_accounts: bool = False) -> None:
        self.store = Store()
        self.registry = Registry()
        self._clock = clock
        self._service_accounts = service_accounts

    def now(self) -> float:
        return self._clock()

    def get(self, resource: Resource, namespace: str, name: str, subresource: str = "") -> Obj:
        obj = self._live(resource, namespace, name)
        return scale.of(resource, obj) if subresource == "scale" else obj

    def list(self, resource: Resource, namespace: str, options: ListOptions) -> Obj:
        return listing.listed(self.store, resource, namespace, options)

    def watch(self, resource: Resource, namespace: str, options: ListOptions) -> Watch:
        return listing.watched(self.store, resource, namespace, options)

    def create(self, resource: Resource, namespace: str, obj: Obj, options: WriteOptions) -> Obj:
        obj = checked_body(resource, namespace, obj, options)
        with self.store.lock:
            return self._create(resource, namespace, obj, options)

    def update(
        self, resource: Resource, namespace: str, name: str, obj: Obj, options: WriteOptions, subresource: str = ""
    ) -> Obj:
        if subresource == "scale":
            scale.check_decodes(obj)
            with self.store.lock:
                return self._rescale(resource, self._live(resource, namespace, name), obj, options)
        obj = checked_body(resource, namespace, obj, options, name=name)
        with self.store.lock:
            if not self._exists(resource, namespace, name) and resource.key in _CREATED_BY_UPDATE and not subresource:
                return self._create(resource, namespace, obj, options)
            live = self._live(resource, namespace, name)
            identity.check_uid(resource, live, obj)
            if not obj["metadata"].get("resourceVersion") and (resource.custom or resource.key in _CONDITIONAL_UPDATE):
                # The real server names the resource where it names the kind elsewhere.
                raise errors.invalid(resource.plural, resource.group, name, [validation.version_required()])
            return self._write(resource, live, obj, options, subresource)

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Any,
        content_type: str,
        options: WriteOptions,
        subresource: str = "",
    ) -> Obj:
        with self.store.lock:
            if content_type == patches.APPLY:
                return self._apply(resource, namespace, name, body, options, subresource)
            live = self._live(resource, namespace, name)
            if subresource == "scale":
                patched = patches.patched(resource, scale.of(resource, live), body, content_type)
                scale.check_decodes(patched, patched=True)
                return self._rescale(resource, live, patched, options)
            new = patches.patched(resource, live, body, content_type)
            new = checked_body(resource, namespace, new, options, name=name, patched=True)
            return self._write(resource, live, new, options, subresource)

    def bind(self, namespace: str, name: str, node: str) -> Obj:
        """The pods/binding subresource: the only way in which a pod gets its node."""
        pods = self.registry.by_key("pods")
        with self.store.lock:
            bound = binding.bound(self._live(pods, namespace, name), node, self.store, self.now())
            return self._put(pods, bound)

    def delete(self, resource: Resource, namespace: str, name: str, options: DeleteOptions) -> Obj:
        with self.store.lock:
            live = self._live(resource, namespace, name)
            deletion.check_preconditions(resource, live, options)
            obj, gone = deletion.marked(resource, live, options, self.now())
            if not options.dry_run:
                if obj != live:
                    self._put(resource, obj)
                if gone:
                    self._remove(resource, obj)
            return deletion.answer(resource, obj, gone=gone)

    def delete_collection(
        self, resource: Resource, namespace: str, options: DeleteOptions, selection: ListOptions
    ) -> Obj:
        """Deletes what the selectors select; answers with the list of what was there."""
        with self.store.lock:
            found = self.list(resource, namespace, selection)
            for obj in found["items"]:
                metadata = obj["metadata"]
                self.delete(resource, metadata.get("namespace", ""), metadata["name"], options)
            return found

    def _exists(self, resource: Resource, namespace: str, name: str) -> bool:
        return self.store.get(resource.key, namespace, name) is not None

    def _live(self, resource: Resource, namespace: str, name: str) -> Obj:
        record = self.store.get(resource.key, namespace, name)
        if record is None:
            raise errors.not_found(resource, name)
        obj = record.load()
        obj["apiVersion"] = resource.api_version
        return obj

    def _create(
        self, resource: Resource, namespace: str, obj: Obj, options: WriteOptions, managed: Objs | None = None
    ) -> Obj:
        now = self.now()
        self._check_namespace(resource, namespace, obj)
        defaults.complete(resource, obj)
        if managed is None:
            managed = fieldmanager.after_create(resource, obj, options, now)
        if self._service_accounts:
            serviceaccounts.admit(resource, namespace, obj, self.store)
        defaults.admit(resource, obj, self.store)
        new = lifecycle.born(resource, namespace, obj, now)
        causes = validation.of_new(resource, new)
        name = new["metadata"].get("name", "")
        if causes:
            raise errors.invalid(resource.kind, resource.group, name, causes)
        if new["metadata"].get("resourceVersion"):
            raise errors.internal("resourceVersion should not be set on objects to be created")
        existing = self.store.get(resource.key, namespace, name)
        if existing:
            terminating = "deletionTimestamp" in existing.load()["metadata"]
            raise errors.already_exists(resource, name, terminating=terminating)
        if managed:
            new["metadata"]["managedFields"] = managed
        return new if options.dry_run else self._put(resource, new)

    def _check_namespace(self, resource: Resource, namespace: str, obj: Obj) -> None:
        if not resource.namespaced:
            return
        namespaces = self.registry.by_key("namespaces")
        holder = self._live(namespaces, "", namespace)
        if "deletionTimestamp" in holder["metadata"]:
            cause = f"unable to create new content in namespace {namespace} because it is being terminated"
            causes = [
                {
                    "reason": "NamespaceTerminating",
                    "message": f"namespace {namespace} is being terminated",
                    "field": "metadata.namespace",
                }
            ]
            raise errors.forbidden(resource, (obj.get("metadata") or {}).get("name", ""), cause, causes)

    def _write(
        self,
        resource: Resource,
        live: Obj,
        new: Obj,
        options: WriteOptions,
        subresource: str = "",
        managed: Objs | None = None,
    ) -> Obj:
        """Replaces ``live`` by what of ``new`` this path may change; nothing is written when nothing changes."""
        now = self.now()
        name = live["metadata"]["name"]
        identity.check_version(resource, live, new)
        causes = of_changed_metadata(live, new) + deletion.no_new_finalizers(live, new)
        new = validation.writable_part(resource, live, new, subresource)
        if subresource != "status":
            defaults.complete(resource, new)
        if managed is None:
            managed = fieldmanager.after_update(resource, live, new, options, subresource, now)
        lifecycle.changed(resource, live, new, now)
        new["metadata"].pop("managedFields", None)
        if managed:
            new["metadata"]["managedFields"] = managed
        causes += validation.of_change(resource, live, new, subresource)
        if causes:
            raise errors.invalid(resource.kind, resource.group, name, causes)
        if resource.key == "persistentvolumeclaims":
            check_growth(resource, live, new, self.store)
        if deletion.removable(resource, new):
            if not options.dry_run:
                self._remove(resource, new)
            return new
        if fieldmanager.same(live, new):
            return live
        if options.dry_run:
            return new
        return self._put(resource, new)

    def _rescale(self, resource: Resource, live: Obj, wanted: Obj, options: WriteOptions) -> Obj:
        new = scale.rescaled(resource, live, wanted)
        return scale.of(resource, self._write(resource, live, new, options, "scale"))

    def _apply(
        self, resource: Resource, namespace: str, name: str, body: Obj, options: WriteOptions, subresource: str
    ) -> Obj:
        check_declared(resource, name, body)
        body = checked_body(resource, namespace, body, options, name=name)
        live = self._live(resource, namespace, name) if self._exists(resource, namespace, name) else None
        if live is None and body["metadata"].get("uid"):
            raise errors.uid_without_object(resource, name, body["metadata"]["uid"])
        new, managed = applied(resource, live, body, options, subresource, self.now())
        if live is None:
            if subresource:
                raise errors.not_found(resource, name)
            return self._create(resource, namespace, new, options, managed)
        return self._write(resource, live, new, options, subresource, managed)

    def _put(self, resource: Resource, obj: Obj) -> Obj:
        metadata = obj["metadata"]
        stored = self.store.put(resource.key, metadata.get("namespace", ""), metadata["name"], obj)
        definitions.stored(self.registry, resource, stored)
        return stored

    def _remove(self, resource: Resource, obj: Obj) -> None:
        metadata = obj["metadata"]
        self.store.remove(resource.key, metadata.get("namespace", ""), metadata["name"])
        definitions.removed(self.registry, self.store, resource, obj)

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A namespace of one's own on a cluster with nodes: what a test makes there, waits for, reads and leaves behind."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from tests.sandbox.nodes.client import Object, Objects
from tests.sandbox.nodes.names import CLAIMS, EVENTS, NAMESPACES, NODES, PODS, VOLUMES
from tests.support import wait_for

from .caller import Answer, Caller
from .objects import HOLD, SETS, is_ready, phase

if TYPE_CHECKING:
    from tests.sandbox.sandbox import Sandbox

DEADLINE = 90.0
LABEL = "contract.test.example/scene"


class Missing(AssertionError):
    """An object that the test counts on is not there."""


class Scene:
    """Calls by resource key, in this namespace. ``suffix`` is what makes the names of cluster-scoped objects unique."""

    def __init__(self, sandbox: Sandbox, caller: Caller) -> None:
        self.sandbox = sandbox
        self.caller = caller
        self.suffix = secrets.token_hex(4)
        self.namespace = f"contract-{self.suffix}"
        self._nodes: list[str] = []
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace, "labels": {LABEL: "yes"}}}
        caller.create(NAMESPACES, body)
        self.wait(lambda: self.get("serviceaccounts", "default"), "the account that pods run as")

    def close(self) -> None:
        """The namespace and all volumes of its claims go, in the background: ``conftest.running`` waits for it."""
        volumes = self.volumes()
        for resource, objects in ((CLAIMS, self.list(CLAIMS)), (PODS, self.list(PODS)), (VOLUMES, volumes)):
            for obj in objects:
                self._unhold(resource, obj)
        self.caller.delete(NAMESPACES, self.namespace)
        for volume in volumes:
            if volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain":
                self.caller.delete(VOLUMES, volume["metadata"]["name"])
        for node in self._nodes:
            self.caller.delete(NODES, node)

    def _unhold(self, resource: str, obj: Object) -> None:
        """Take the finalizers off that no controller takes off."""
        finalizers = obj["metadata"].get("finalizers") or []
        kept = [each for each in finalizers if not each.startswith("test.example/")]
        if kept != finalizers:
            self.patch(resource, obj["metadata"]["name"], {"metadata": {"finalizers": kept or None}})

    def path(self, resource: str, name: str = "", subresource: str = "") -> str:
        return self.caller.path(resource, self.namespace, name, subresource)

    def create(self, resource: str, obj: Object) -> Object:
        return self.caller.request("POST", self.path(resource), obj)

    def get(self, resource: str, name: str) -> Object | None:
        return self.caller.get(resource, name, self.namespace)

    def there(self, resource: str, name: str) -> Object:
        found = self.get(resource, name)
        if not found:
            raise Missing(f"{resource} {name} is not there")
        return found

    def list(self, resource: str) -> Objects:
        return self.caller.list(resource, self.namespace)

    def patch(self, resource: str, name: str, patch: Object, subresource: str = "") -> Object:
        return self.caller.patch(resource, name, patch, self.namespace, subresource)

    def delete(self, resource: str, name: str, options: Object | None = None) -> Answer:
        answer = self.caller.send("DELETE", self.path(resource, name), options)
        assert answer.status == 200, answer.body
        return answer

    def scale(self, replicas: int, name: str = "web") -> Object:
        return self.patch(SETS, name, {"spec": {"replicas": replicas}}, "scale")

    def touch(self, resource: str, name: str) -> Object:
        annotation = {"test.example/touched": secrets.token_hex(4)}
        return self.patch(resource, name, {"metadata": {"annotations": annotation}})

    def hold(self, resource: str, name: str) -> Object:
        """Add our finalizer to those that it has."""
        finalizers = self.there(resource, name)["metadata"].get("finalizers") or []
        return self.patch(resource, name, {"metadata": {"finalizers": [*finalizers, HOLD]}})

    def release(self, resource: str, name: str) -> None:
        """Take our finalizer off, and no other that came or went meanwhile."""
        self._unhold(resource, self.there(resource, name))

    def wait(self, probe: Callable[[], Any], what: str) -> Any:
        """The first truthy answer of the probe, for which an object that is not there (yet) is none."""

        def answer() -> Any:
            try:
                return probe()
            except Missing:
                return None

        try:
            return wait_for(answer, what, DEADLINE)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.describe()}") from None

    def wait_gone(self, resource: str, name: str) -> None:
        self.wait(lambda: self.get(resource, name) is None, f"{resource} {name} gone")

    def wait_phase(self, resource: str, name: str, wanted: str) -> Object:
        def found() -> Object | None:
            obj = self.get(resource, name)
            return obj if phase(obj) == wanted else None

        return dict(self.wait(found, f"{resource} {name} {wanted}"))

    def wait_ready(self, *pods: str) -> None:
        def ready() -> bool:
            found = {pod["metadata"]["name"] for pod in self.list(PODS) if is_ready(pod)}
            return set(pods) <= found

        self.wait(ready, f"{', '.join(pods)} Ready")

    def wait_stopped(self) -> None:
        self.wait(lambda: not self.list(PODS), "all pods gone")

    def run(self, obj: Object) -> Object:
        """Create the StatefulSet and wait until all of its pods are Ready and its status says so."""
        created = self.create(SETS, obj)
        name, replicas = created["metadata"]["name"], created["spec"]["replicas"]
        self.wait_ready(*(f"{name}-{ordinal}" for ordinal in range(replicas)))
        return self.wait_replicas(replicas, name)

    def wait_replicas(self, replicas: int, name: str = "web") -> Object:
        """Until the set's status shows so many replicas, all of them Ready."""

        def settled() -> Object | None:
            found = self.there(SETS, name)
            status = found["status"]
            seen = status.get("observedGeneration") == found["metadata"]["generation"]
            counts = {status.get("replicas", 0), status.get("readyReplicas", 0), status.get("currentReplicas", 0)}
            return found if seen and counts == {replicas} else None

        return dict(self.wait(settled, f"{name} with {replicas} replicas"))

    def volume_of(self, claim: str) -> Object:
        volume = self.caller.get(VOLUMES, self.there(CLAIMS, claim)["spec"].get("volumeName", ""))
        assert volume, f"no volume of {claim}"
        return volume

    def volumes(self) -> Objects:
        """Of this namespace's claims, and those that bear its suffix."""
        return [
            volume
            for volume in self.caller.list(VOLUMES)
            if (volume["spec"].get("claimRef") or {}).get("namespace") == self.namespace
            or volume["metadata"]["name"].endswith(self.suffix)
        ]

    def events(self, reason: str, about: str) -> list[str]:
        """The messages of the Events with this reason about the object of this name."""
        return [
            event["message"]
            for event in self.list(EVENTS)
            if event["reason"] == reason and event["involvedObject"]["name"] == about
        ]

    def wait_event(self, reason: str, about: str, part: str = "") -> str:
        def found() -> str | None:
            return next((text for text in self.events(reason, about) if part in text), None)

        return str(self.wait(found, f"event {reason} about {about}: {part}"))

    def now(self) -> str:
        """The cluster's revision, for ``changes``."""
        return self.caller.list_with_version(PODS, self.namespace)[1]

    def changes(self, resource: str, since: str, name: str = "", *, until: Callable[[Object], bool]) -> Objects:
        """The events of a watch that began at that revision, up to the one for which ``until`` is true of its event.

        ``name``: only those about the object of this name.
        """
        seen: Objects = []
        with self._watching(resource, since) as events:
            for event in events:
                metadata = event["object"]["metadata"]
                if metadata.get("namespace", self.namespace) != self.namespace or name not in ("", metadata["name"]):
                    continue
                seen.append(event)
                if until(event):
                    return seen
        raise AssertionError(f"the watch of {resource} ended: {[event['type'] for event in seen]}\n{self.describe()}")

    @contextlib.contextmanager
    def _watching(self, resource: str, since: str) -> Iterator[Iterator[Object]]:
        stream = self.caller.watch(resource, since, int(DEADLINE))
        try:
            yield (event for event in stream if event["type"] != "BOOKMARK")
        finally:
            stream.close()
            stream.release()

    def new_disk(self, zone: str) -> str:
        """An empty disk, for a volume that a pod has to mount."""
        request = {"RegionId": self.sandbox.cloud.region, "ZoneId": zone, "Size": "20", "DiskCategory": "cloud_essd"}
        return str(self.sandbox.cloud.call("CreateDisk", request, "admin")["DiskId"])

    def node_without_kubelet(self) -> str:
        """Pods are put there by ``nodeName`` and stay as they are: nobody starts or stops them."""
        name = f"silent-{self.suffix}"
        self.caller.create(NODES, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
        self._nodes.append(name)
        return name

    def describe(self) -> str:
        """What is there, for a test that waited in vain."""
        lines = []
        for resource in (SETS, PODS, CLAIMS):
            for obj in self.list(resource):
                lines.append(f"{resource} {obj['metadata']['name']}: {obj.get('status')}")
        for volume in self.volumes():
            lines.append(f"volume {volume['metadata']['name']}: {volume['status']} {volume['spec'].get('claimRef')}")
        for event in self.list(EVENTS):
            lines.append(f"{event['involvedObject']['name']} {event['reason']}: {event['message']}")
        return "\n".join(lines)

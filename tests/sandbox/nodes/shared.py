# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parts of the nodes process share: the clients, and one informer per resource."""

from __future__ import annotations

import dataclasses

from .client import Kubernetes, Object
from .devices import Devices
from .ecs import Ecs
from .informer import Handler, Informer
from .latency import NodeLatency
from .names import ATTACHMENTS, CLAIMS, CSI_NODES, NODES, PODS, STORAGE_CLASSES, VOLUMES

WATCHED = (PODS, CLAIMS, VOLUMES, ATTACHMENTS, NODES, CSI_NODES, STORAGE_CLASSES)


@dataclasses.dataclass(frozen=True)
class NodeSpec:
    """What a node knows of itself before it joins (the instance's metadata service tells a real one)."""

    name: str
    instance_id: str
    instance_type: str
    region: str
    zone: str
    address: str


class Shared:
    """Clients, settings and the local copies that informers keep."""

    def __init__(self, kubernetes: Kubernetes, ecs: Ecs, devices: Devices, latency: NodeLatency) -> None:
        self.kubernetes = kubernetes
        self.ecs = ecs
        self.devices = devices
        self.latency = latency
        self._handlers: dict[str, list[Handler]] = {resource: [] for resource in WATCHED}
        self._informers = {resource: Informer(kubernetes, resource, self._dispatcher(resource)) for resource in WATCHED}

    def on(self, resource: str, handler: Handler) -> None:
        """Call the handler for each change; before ``start`` only."""
        self._handlers[resource].append(handler)

    def start(self, timeout: float) -> None:
        for informer in self._informers.values():
            informer.start()
        for informer in self._informers.values():
            informer.wait_synced(timeout)

    def stop(self) -> None:
        for informer in self._informers.values():
            informer.stop()
        self.kubernetes.close()
        self.devices.close()

    def get(self, resource: str, key: str) -> Object | None:
        """The object as the informer last saw it."""
        return self._informers[resource].get(key)

    def all(self, resource: str) -> list[Object]:
        return self._informers[resource].values()

    def _dispatcher(self, resource: str) -> Handler:
        def dispatch(event_type: str, obj: Object, previous: Object | None) -> None:
            for handler in self._handlers[resource]:
                handler(event_type, obj, previous)

        return dispatch

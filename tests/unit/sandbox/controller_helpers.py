# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A control plane in this process, with stand-ins for what runs on nodes, and how tests look at it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.sandbox.kube.api import Api
from tests.sandbox.kube.client import Client
from tests.sandbox.kube.controllers.manager import ControllerManager, Timing
from tests.sandbox.kube.controllers.objects import (
    Object,
    name,
    phase,
    timestamp,
)
from tests.sandbox.kube.controllers.statefulset_pods import ordinals
from tests.sandbox.kube.controllers.workqueue import Backoff
from tests.sandbox.kube.options import ListOptions
from tests.unit.sandbox.controller_agents import Driver, Kubelet
from tests.unit.sandbox.controller_objects import (
    CLAIMS,
    EVENTS,
    NODES,
    PODS,
    SETS,
    VOLUMES,
    new_class,
    new_node,
    new_set,
)

# What the tests wait for is short; what they prove to be a wait is long (an hour is "never" to a test).
QUICK = Timing(binder_resync=3600.0, pod_backoff=Backoff(0.01, 0.05))
DEADLINE = 30.0


@dataclasses.dataclass
class World:
    """``admin`` is whoever types the commands."""

    api: Api
    admin: Client
    manager: ControllerManager
    kubelet: Kubelet
    driver: Driver

    def wait(self, test: Callable[[], Any]) -> Any:
        """The first true value of ``test``, looked at again and again."""
        deadline = time.monotonic() + DEADLINE
        while not (value := test()):
            assert time.monotonic() < deadline, "never came true"
            time.sleep(0.002)
        return value

    def settle(self) -> None:
        """Waits until nobody has anything left to do but to wait."""
        controllers = [*self.manager.controllers, self.kubelet, self.driver]
        deadline = time.monotonic() + DEADLINE
        calm_since, revision = time.monotonic(), self.api.store.revision
        while time.monotonic() - calm_since < 0.1:
            assert time.monotonic() < deadline, "it never gets quiet"
            time.sleep(0.005)
            if revision != self.api.store.revision or not all(each.queue.idle for each in controllers):
                calm_since, revision = time.monotonic(), self.api.store.revision

    def pod(self, pod_name: str) -> Object | None:
        return self.admin.get(PODS, pod_name, "default")

    def claim(self, claim_name: str) -> Object | None:
        return self.admin.get(CLAIMS, claim_name, "default")

    def volume_of(self, claim_name: str) -> Object:
        claim = self.claim(claim_name)
        assert claim
        volume = self.admin.get(VOLUMES, claim["spec"]["volumeName"])
        assert volume
        return volume

    def claim_phase(self, claim_name: str) -> str:
        return phase(self.claim(claim_name) or {})

    def volume_phase(self, volume: str) -> str:
        return phase(self.admin.get(VOLUMES, volume) or {})

    def stateful_set(self, set_name: str = "web") -> Object:
        found = self.admin.get(SETS, set_name, "default")
        assert found
        return found

    def scale(self, replicas: int, set_name: str = "web") -> None:
        self.admin.patch(SETS, set_name, {"spec": {"replicas": replicas}}, "default", "scale")

    def run(self, set_name: str = "web", **spec: Any) -> None:
        """Makes the set and waits until all of its pods are Ready."""
        created = self.admin.create(SETS, new_set(set_name, **spec))
        pods = [f"{set_name}-{ordinal}" for ordinal in ordinals(created)]
        self.wait(lambda: self.ready(*pods) and self.stateful_set(set_name)["status"].get("readyReplicas") == len(pods))

    def ready(self, *pods: str) -> bool:
        return all(is_ready(self.pod(each)) for each in pods)

    def bound(self, *claims: str) -> bool:
        return all(phase(self.claim(each) or {}) == "Bound" for each in claims)

    def events(self, reason: str, about: str = "") -> list[str]:
        found = [each for each in self.admin.list(EVENTS) if each["reason"] == reason]
        return [each["message"] for each in found if not about or each["involvedObject"]["name"] == about]

    def came_and_went(self, resource: str, since: int) -> list[tuple[str, str]]:
        """What was created and what is gone, in order."""
        return [
            (event["type"], name(event["object"]))
            for event in self.changes(resource, since)
            if event["type"] in ("ADDED", "DELETED")
        ]

    def changes(self, resource: str, since: int) -> Iterator[Object]:
        """What a watch from ``since`` has seen so far."""
        watch = self.api.watch(self.api.registry.by_key(resource), "", ListOptions(resource_version=str(since)))
        while (event := watch.next(0)) is not None:
            yield event
        watch.stop()


def is_ready(pod: Object | None) -> bool:
    conditions = pod["status"].get("conditions") or [] if pod else []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def start_world(timing: Timing = QUICK) -> World:
    api = Api()
    admin = Client(api, "admin")
    for each in ("default", "kube-system", "kube-node-lease"):
        admin.create("namespaces", {"metadata": {"name": each}})
    for zone in "ijk":
        node = admin.create(NODES, new_node(zone))
        status = {
            "allocatable": {"cpu": "4", "memory": "16Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": timestamp()}],
        }
        admin.patch(NODES, name(node), {"status": status}, subresource="status")
    admin.create("storageclasses.storage.k8s.io", new_class())
    kubelet, driver = Kubelet(Client(api, "kubelet")), Driver(Client(api, "driver"))
    world = World(api, admin, ControllerManager(api, timing), kubelet, driver)
    world.manager.start()
    world.kubelet.start()
    world.driver.start()
    return world


def stop_world(world: World) -> None:
    for controller in (world.kubelet, world.driver):
        controller.stop()
        controller.client.stop()
    world.manager.stop()
    world.admin.stop()

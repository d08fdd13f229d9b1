# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that fall silent, are tainted or go: kubernetes-behaviour.md B5 "Dead node", sample a2."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.kube.controllers.manager import Timing
from tests.sandbox.kube.controllers.objects import Object, condition, name, terminating, timestamp
from tests.sandbox.kube.controllers.workqueue import Backoff
from tests.unit.sandbox.controller_helpers import World, is_ready, start_world, stop_world
from tests.unit.sandbox.controller_objects import (
    NODES,
    PODS,
    SETS,
    new_set,
)

LEASES = "leases.coordination.k8s.io"
UNREACHABLE = "node.kubernetes.io/unreachable"


@pytest.fixture
def impatient() -> Iterator[World]:
    """Gives up on a node after 200 ms without a heartbeat, and on pods of a vanished node at once."""
    timing = Timing(binder_resync=3600, pod_backoff=Backoff(0.01, 0.05), node_grace=0.2, orphan_quarantine=0.0)
    running = start_world(timing)
    yield running
    stop_world(running)


def node(world: World, node_name: str) -> Object:
    found = world.admin.get(NODES, node_name)
    assert found
    return found


def ready(world: World, node_name: str) -> Object:
    found = condition(node(world, node_name), "Ready")
    assert found
    return found


def heartbeat(world: World, node_name: str, when: float | None = None) -> None:
    lease = world.admin.get(LEASES, node_name, "kube-node-lease")
    spec = {"holderIdentity": node_name, "leaseDurationSeconds": 40, "renewTime": timestamp(when)[:-1] + ".000000Z"}
    if lease is None:
        world.admin.create(LEASES, {"metadata": {"name": node_name, "namespace": "kube-node-lease"}, "spec": spec})
    else:
        world.admin.update(LEASES, {**lease, "spec": spec})


def run_one(world: World) -> None:
    world.admin.create(SETS, new_set(replicas=1))
    world.wait(lambda: world.ready("web-0"))


def test_every_node_is_announced_once(world: World) -> None:
    world.wait(lambda: len(world.events("RegisteredNode")) == 3)
    assert world.events("RegisteredNode", "node-zone-i") == [
        "Node node-zone-i event: Registered Node node-zone-i in Controller"
    ]


def test_a_silent_node_becomes_unknown_and_tainted_and_its_pods_stay(impatient: World) -> None:
    run_one(impatient)
    heartbeat(impatient, "node-zone-i", 1_700_000_000)
    impatient.wait(lambda: ready(impatient, "node-zone-i")["status"] == "Unknown")
    impatient.wait(lambda: node(impatient, "node-zone-i")["spec"].get("taints"))
    assert ready(impatient, "node-zone-i")["reason"] == "NodeStatusUnknown"
    taints = {(taint["key"], taint["effect"]) for taint in node(impatient, "node-zone-i")["spec"]["taints"]}
    assert taints == {(UNREACHABLE, "NoSchedule"), (UNREACHABLE, "NoExecute")}
    impatient.wait(lambda: not is_ready(impatient.pod("web-0")))
    impatient.settle()
    pod = impatient.pod("web-0")
    assert pod and not terminating(pod) and pod["status"]["phase"] == "Running"
    # a2: only Ready is taken away
    assert (condition(pod, "ContainersReady") or {})["status"] == "True"


def test_a_node_that_sends_heartbeats_again_is_welcome_when_its_kubelet_says_ready(impatient: World) -> None:
    heartbeat(impatient, "node-zone-i", 1_700_000_000)
    impatient.wait(lambda: node(impatient, "node-zone-i")["spec"].get("taints"))
    heartbeat(impatient, "node-zone-i", 4_000_000_000)
    again = {"type": "Ready", "status": "True", "lastTransitionTime": timestamp()}
    impatient.admin.patch(NODES, "node-zone-i", {"status": {"conditions": [again]}}, subresource="status")
    impatient.wait(lambda: not node(impatient, "node-zone-i")["spec"].get("taints"))


def test_a_node_without_a_lease_is_not_watched_over(impatient: World) -> None:
    impatient.settle()
    assert ready(impatient, "node-zone-i")["status"] == "True"


def test_the_real_times_are_those_of_the_controller_manager() -> None:
    assert (Timing().node_grace, Timing().orphan_quarantine) == (50.0, 40.0)


def test_a_taint_that_pods_do_not_tolerate_evicts_them(world: World) -> None:
    run_one(world)
    taint = {"key": "maintenance", "effect": "NoExecute"}
    world.admin.patch(NODES, "node-zone-i", {"spec": {"taints": [taint]}})
    world.wait(lambda: (world.pod("web-0") or {"spec": {}})["spec"].get("nodeName") is None)


def test_pods_tolerate_an_unreachable_node_for_a_while_and_are_evicted_after_it(world: World) -> None:
    """The tolerations that every pod gets by default last 300 s."""
    run_one(world)
    unknown = {"type": "Ready", "status": "Unknown", "lastTransitionTime": timestamp()}
    world.admin.patch(NODES, "node-zone-i", {"status": {"conditions": [unknown]}}, subresource="status")
    taints = world.wait(lambda: node(world, "node-zone-i")["spec"].get("taints"))
    world.settle()
    pod = world.pod("web-0")
    assert pod and not terminating(pod)
    long_ago = [{**taint, "timeAdded": "2020-01-01T00:00:00Z"} for taint in taints]
    world.admin.patch(NODES, "node-zone-i", {"spec": {"taints": long_ago}})
    world.wait(lambda: (world.pod("web-0") or pod)["metadata"]["uid"] != pod["metadata"]["uid"])


def test_pods_of_a_node_that_was_removed_are_removed_by_force(impatient: World) -> None:
    run_one(impatient)
    impatient.kubelet.silent_nodes.add("node-zone-i")
    before = impatient.pod("web-0")
    assert before
    impatient.admin.delete(NODES, "node-zone-i")
    impatient.wait(
        lambda: (
            name(impatient.pod("web-0") or before) == "web-0"
            and (impatient.pod("web-0") or before)["metadata"]["uid"] != before["metadata"]["uid"]
        )
    )


def test_terminating_pods_of_a_node_that_is_out_of_service_are_removed_by_force(world: World) -> None:
    run_one(world)
    world.kubelet.silent_nodes.add("node-zone-i")
    gone = {"type": "Ready", "status": "Unknown", "lastTransitionTime": timestamp()}
    world.admin.patch(NODES, "node-zone-i", {"status": {"conditions": [gone]}}, subresource="status")
    world.scale(0)
    world.wait(lambda: terminating(world.pod("web-0") or {"metadata": {}}))
    taint = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}
    world.admin.patch(NODES, "node-zone-i", {"spec": {"taints": [taint]}})
    world.wait(lambda: not world.admin.list(PODS))

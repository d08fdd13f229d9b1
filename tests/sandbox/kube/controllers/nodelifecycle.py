# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node lifecycle controller: a node that stops sending heartbeats is marked, so that it gets no more pods.

kubernetes-behaviour.md B5 "Dead node", sample a2. Heartbeats are the node's Lease; without one a node is not watched.
"""

from __future__ import annotations

from typing import Any

from ..client import Client
from .controller import Controller, KeysOf
from .nodeselectors import taints
from .objects import Object, condition, name, node_of, seconds_since, timestamp, with_condition
from .workqueue import Backoff

NODES, PODS, LEASES = "nodes", "pods", "leases.coordination.k8s.io"
LEASE_NAMESPACE = "kube-node-lease"
COMPONENT = "node-controller"
GRACE_SECONDS = 50.0
NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"

_TAINT_OF_STATUS = {"True": "", "False": NOT_READY, "Unknown": UNREACHABLE}


class NodeLifecycle(Controller):
    """``grace``: how old the last heartbeat may be. Evicting pods (300 s later by default) is left to ``eviction``."""

    name = "node-lifecycle"

    def __init__(self, client: Client, *, grace: float = GRACE_SECONDS, backoff: Backoff | None = None) -> None:
        super().__init__(client, backoff)
        self._grace = grace
        self._registered: set[str] = set()

    def subscriptions(self) -> dict[str, KeysOf]:
        return {
            NODES: lambda type_, node, previous: [name(node)],
            LEASES: lambda type_, lease, previous: [name(lease)] if type_ == "ADDED" else [],
        }

    def sync(self, key: Any) -> float | None:
        node = self.client.get(NODES, key)
        if node is None:
            self._registered.discard(key)
            return None
        if key not in self._registered:
            self._registered.add(key)
            message = f"Node {key} event: Registered Node {key} in Controller"
            self.client.event(node, "Normal", "RegisteredNode", message, COMPONENT)
        silence = self._silence(key)
        if silence is not None and silence >= self._grace:
            node = self._mark_unknown(node)
        ready = condition(node, "Ready")
        if ready:
            self._taint(node, _TAINT_OF_STATUS[ready["status"]])
            if ready["status"] != "True":
                self._mark_pods(key)
        return None if silence is None else max(self._grace - silence, self._grace / 10)

    def _silence(self, node_name: str) -> float | None:
        lease = self.client.get(LEASES, node_name, LEASE_NAMESPACE)
        renewed = (lease or {}).get("spec", {}).get("renewTime")
        return seconds_since(renewed) if renewed else None

    def _mark_unknown(self, node: Object) -> Object:
        ready = condition(node, "Ready")
        if ready and ready["status"] == "Unknown":
            return node
        entry = {
            **(ready or {"type": "Ready"}),
            "status": "Unknown",
            "reason": "NodeStatusUnknown",
            "message": "Kubelet stopped posting node status.",
        }
        conditions = with_condition(node, entry, timestamp(self.client.api.now()))
        message = f"Node {name(node)} status is now: NodeNotReady"
        self.client.event(node, "Normal", "NodeNotReady", message, COMPONENT)
        return self.client.patch(NODES, name(node), {"status": {"conditions": conditions}}, subresource="status")

    def _taint(self, node: Object, wanted: str) -> None:
        """Of the two taints exactly the wanted one, under both effects."""
        others = [taint for taint in taints(node) if taint["key"] not in (NOT_READY, UNREACHABLE)]
        have = {(taint["key"], taint["effect"]) for taint in taints(node)} - {
            (taint["key"], taint["effect"]) for taint in others
        }
        effects = ("NoSchedule", "NoExecute") if wanted else ()
        if have == {(wanted, effect) for effect in effects}:
            return
        now = timestamp(self.client.api.now())
        new = [{"key": wanted, "effect": effect, "timeAdded": now} for effect in effects]
        self.client.patch(NODES, name(node), {"spec": {"taints": [*others, *new] or None}})

    def _mark_pods(self, node_name: str) -> None:
        """The pods of a silent node are not Ready any more as far as anybody can tell (a2); they are not deleted."""
        now = timestamp(self.client.api.now())
        for pod in self.client.list(PODS, field_selector=f"spec.nodeName={node_name}"):
            ready = condition(pod, "Ready")
            if ready and ready["status"] == "True" and node_of(pod) == node_name:
                conditions = with_condition(pod, {**ready, "status": "False"}, now)
                status = {**pod["status"], "conditions": conditions}
                self.client.update(PODS, {**pod, "status": status}, subresource="status")
                self.client.event(pod, "Warning", "NodeNotReady", "Node is not ready", COMPONENT)

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taint eviction and pod garbage collection: pods that their node may not, or can not, run any more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..client import Client
from ..errors import ApiError
from .controller import Controller, KeysOf
from .nodeselectors import taints, tolerations_of
from .objects import Object, condition, name, namespace, node_of, seconds_since, terminating, uid
from .workqueue import Backoff

PODS, NODES = "pods", "nodes"
QUARANTINE_SECONDS = 40.0
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"


class Eviction(Controller):
    """Keys are names of nodes. ``quarantine``: how long a node must be gone before its pods are removed by force."""

    name = "eviction"

    def __init__(
        self, client: Client, *, quarantine: float = QUARANTINE_SECONDS, backoff: Backoff | None = None
    ) -> None:
        super().__init__(client, backoff)
        self._quarantine = quarantine

    def subscriptions(self) -> dict[str, KeysOf]:
        return {NODES: self._of_node, PODS: lambda type_, pod, previous: [node_of(pod)] if node_of(pod) else []}

    def _of_node(self, type_: str, node: Object, previous: Object | None) -> Iterable[str]:
        if type_ == "DELETED":
            self.queue.add_after(name(node), self._quarantine)
            return []
        return [name(node)] if taints(node) != (taints(previous) if previous else []) else []

    def sync(self, key: Any) -> float | None:
        node = self.client.get(NODES, key)
        pods = self.client.list(PODS, field_selector=f"spec.nodeName={key}")
        if node is None:
            return self._remove_orphans(pods)
        out_of_service = any(taint["key"] == OUT_OF_SERVICE for taint in taints(node))
        waits = []
        for pod in pods:
            if terminating(pod):
                if out_of_service and not _is_ready(node):
                    self._delete(pod, grace=0)
                continue
            wait = _seconds_left(pod, node)
            if wait is not None and wait <= 0:
                self._delete(pod)
            elif wait is not None:
                waits.append(wait)
        return min(waits, default=None)

    def _remove_orphans(self, pods: list[Object]) -> float | None:
        """Pods of a node that does not exist. One that was just created for it is given the same time."""
        waits = []
        for pod in pods:
            left = self._quarantine - seconds_since(pod["metadata"]["creationTimestamp"])
            if left > 0:
                waits.append(left)
            else:
                self._delete(pod, grace=0)
        return min(waits, default=None)

    def _delete(self, pod: Object, grace: int | None = None) -> None:
        try:
            self.client.delete(PODS, name(pod), namespace(pod), uid=uid(pod), grace=grace)
        except ApiError as error:
            if error.reason != "NotFound":
                raise


def _seconds_left(pod: Object, node: Object) -> float | None:
    """Until the NoExecute taints of the node evict the pod; None for never."""
    left: list[float] = []
    for taint in taints(node):
        if taint["effect"] != "NoExecute":
            continue
        tolerations = tolerations_of(pod, taint)
        if not tolerations:
            return 0.0
        limits = [each["tolerationSeconds"] for each in tolerations if each.get("tolerationSeconds") is not None]
        if limits:
            age = seconds_since(taint["timeAdded"]) if taint.get("timeAdded") else 0.0
            left.append(min(limits) - age)
    return min(left, default=None)


def _is_ready(node: Object) -> bool:
    ready = condition(node, "Ready")
    return ready is not None and ready["status"] == "True"

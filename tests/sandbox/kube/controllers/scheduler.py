# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kube-scheduler: gives every pending pod a node, or says why there is none. kubernetes-behaviour.md B4, B5.

A pod whose claims wait for a consumer gets its node in two steps: the node is chosen and written on the claims, and
once the binder and the driver have bound them the pod itself is bound.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from ..client import Client
from ..errors import ApiError
from . import filters, matching, volumebinding
from .controller import Controller, KeysOf
from .objects import (
    Object,
    address,
    annotations_of,
    condition,
    has_ended,
    name,
    namespace,
    node_of,
    terminating,
    timestamp,
    uid,
    with_condition,
)
from .snapshot import Snapshot
from .workqueue import Backoff

PODS, CLAIMS, VOLUMES = "pods", "persistentvolumeclaims", "persistentvolumes"
COMPONENT = "default-scheduler"
POD_BACKOFF = Backoff(first=1.0, longest=10.0)


class Scheduler(Controller):
    """``pod_backoff``: how long a pod that found no node, or whose binding failed, waits at least, even when something
    changed for it."""

    name = "scheduler"

    def __init__(self, client: Client, *, pod_backoff: Backoff = POD_BACKOFF) -> None:
        super().__init__(client, pod_backoff)
        self._pod_backoff = pod_backoff
        self._lock = threading.Lock()
        self._assumed: dict[str, _Assumed] = {}
        # pods that found no node: key -> when they may be tried again at the earliest
        self._waiting: dict[tuple[str, str], float] = {}
        self._failures: Counter[tuple[str, str]] = Counter()
        self._changes = 0

    def subscriptions(self) -> dict[str, KeysOf]:
        return {
            PODS: self._after_pod,
            CLAIMS: self._after_storage,
            VOLUMES: self._after_storage,
            "storageclasses.storage.k8s.io": self._after_storage,
            "csinodes.storage.k8s.io": self._after_storage,
            "nodes": self._after_node,
        }

    def _after_pod(self, type_: str, pod: Object, previous: Object | None) -> Iterable[tuple[str, str]]:
        had_node = previous is not None and bool(node_of(previous))
        if node_of(pod):
            if type_ == "DELETED" or not had_node or has_ended(pod):
                self._wake()
            return []
        if type_ == "MODIFIED" and previous is not None and _intent(pod) == _intent(previous):
            # most likely our own note of why it is pending
            return []
        return [address(pod)]

    def _after_storage(self, type_: str, obj: Object, previous: Object | None) -> Iterable[tuple[str, str]]:
        self._wake()
        with self._lock:
            return [address(each.pod) for each in self._assumed.values()]

    def _after_node(self, type_: str, node: Object, previous: Object | None) -> Iterable[tuple[str, str]]:
        if previous is None or type_ == "DELETED" or _offer(node) != _offer(previous):
            self._wake()
        return []

    def _wake(self) -> None:
        """Something changed that may let pending pods in: they are tried again when their back-off is over."""
        with self._lock:
            self._changes += 1
            waiting, self._waiting = self._waiting, {}
        for key, earliest in waiting.items():
            self.queue.add_after(key, max(earliest - time.monotonic(), 0.0))

    def sync(self, key: Any) -> float | None:
        pod = self.client.get(PODS, key[1], key[0])
        self._forget_others(key, pod)
        if pod is None or not _is_pending(pod):
            return None
        with self._lock:
            changes = self._changes
            assumed = self._assumed.get(uid(pod))
        snapshot = Snapshot(self.client, pod, self._others_assumed(pod))
        try:
            if assumed:
                self._finish(pod, assumed, snapshot)
            else:
                self._place(pod, snapshot)
        except volumebinding.NotReady as missing:
            message = filters.prefilter_message(len(snapshot.states), str(missing))
            self._refuse(pod, "Unschedulable", message, changes)
        except _NoNode as nowhere:
            self._refuse(pod, "Unschedulable", str(nowhere), changes)
        except volumebinding.Broken as broken:
            with self._lock:
                self._assumed.pop(uid(pod), None)
            message = f'running PreBind plugin "VolumeBinding": binding volumes: {broken}'
            self._refuse(pod, "SchedulerError", message, changes, wait_for_change=False)
        return None

    def _forget_others(self, key: tuple[str, str], pod: Object | None) -> None:
        """Drops what was assumed for earlier pods of this name, or for one that has its node."""
        with self._lock:
            for known, assumed in list(self._assumed.items()):
                if address(assumed.pod) == key and (pod is None or known != uid(pod) or not _is_pending(pod)):
                    del self._assumed[known]
            if pod is None or not _is_pending(pod):
                self._waiting.pop(key, None)
                self._failures.pop(key, None)

    def _others_assumed(self, pod: Object) -> list[tuple[Object, str]]:
        with self._lock:
            return [(each.pod, each.node) for known, each in self._assumed.items() if known != uid(pod)]

    def _place(self, pod: Object, snapshot: Snapshot) -> None:
        claims = volumebinding.claims_of(pod, snapshot.storage)
        reasons: Counter[str] = Counter()
        feasible = []
        for state in snapshot.states:
            refusals = filters.refusals(pod, state, snapshot.handles(pod))
            plan = volumebinding.Plan()
            if not refusals:
                refusals, plan = volumebinding.plan_for(claims, state.node, snapshot.storage)
            refusals = refusals or filters.later_refusals(pod, state, snapshot.states)
            reasons.update(refusals)
            if not refusals:
                feasible.append((snapshot.score(pod, state), name(state.node), plan))
        if not feasible:
            raise _NoNode(filters.message(len(snapshot.states), reasons))
        _rank, node_name, plan = min(feasible, key=lambda each: each[:2])
        if plan.empty:
            self._bind(pod, snapshot.node(node_name))
            return
        self._ask_for_volumes(plan, node_name)
        with self._lock:
            self._assumed[uid(pod)] = _Assumed(pod, node_name, {name(claim) for claim in plan.provision})
        # what was asked for may have been done before it was noted
        self.queue.add(address(pod))

    def _ask_for_volumes(self, plan: volumebinding.Plan, node_name: str) -> None:
        for volume, claim in plan.static:
            if not matching.reserved_for(volume, claim):
                volume["metadata"]["annotations"] = {**annotations_of(volume), matching.BOUND_BY_CONTROLLER: "yes"}
            volume["spec"]["claimRef"] = matching.claim_reference(claim)
            self.client.update(VOLUMES, volume)
        for claim in plan.provision:
            if annotations_of(claim).get(matching.SELECTED_NODE) != node_name:
                claim["metadata"]["annotations"] = {**annotations_of(claim), matching.SELECTED_NODE: node_name}
                self.client.update(CLAIMS, claim)

    def _finish(self, pod: Object, assumed: _Assumed, snapshot: Snapshot) -> None:
        node = snapshot.find_node(assumed.node)
        if node is None:
            raise volumebinding.Broken(f'error getting node "{assumed.node}": not found')
        if volumebinding.all_bound(pod, node, snapshot.storage, assumed.provisioned):
            self._bind(pod, node)

    def _bind(self, pod: Object, node: Object) -> None:
        with self.client.api.store.lock:
            live = self.client.get(PODS, name(pod), namespace(pod))
            if live is None or uid(live) != uid(pod):
                return
            bound = self.client.bind(name(pod), namespace(pod), name(node))
        with self._lock:
            self._assumed.pop(uid(pod), None)
            self._failures.pop(address(pod), None)
        message = f"Successfully assigned {namespace(pod)}/{name(pod)} to {name(node)}"
        self.client.event(bound, "Normal", "Scheduled", message, COMPONENT)

    def _refuse(self, pod: Object, reason: str, message: str, changes: int, *, wait_for_change: bool = True) -> None:
        """Says why, and tries again: after the back-off, and not before something has changed since ``changes``."""
        delay = self._pod_backoff.delay(self._failures[address(pod)])
        self._failures[address(pod)] += 1
        self.client.event(pod, "Warning", "FailedScheduling", message, COMPONENT)
        self._note(pod, reason, message)
        with self._lock:
            if wait_for_change and changes == self._changes:
                self._waiting[address(pod)] = time.monotonic() + delay
                return
        self.queue.add_after(address(pod), delay)

    def _note(self, pod: Object, reason: str, message: str) -> None:
        before = condition(pod, "PodScheduled")
        if before and (before["status"], before.get("message")) == ("False", message):
            return
        entry = {
            "type": "PodScheduled",
            "observedGeneration": pod["metadata"].get("generation", 1),
            "status": "False",
            "lastProbeTime": None,
            "reason": reason,
            "message": message,
        }
        status = {**pod["status"], "conditions": with_condition(pod, entry, timestamp(self.client.api.now()))}
        try:
            self.client.update(PODS, {**pod, "status": status}, subresource="status")
        except ApiError as error:
            if error.reason not in ("Conflict", "NotFound"):
                raise


@dataclasses.dataclass(frozen=True)
class _Assumed:
    """A pod with a node in mind, whose claims are being bound; ``provisioned`` names those that get a new volume."""

    pod: Object
    node: str
    provisioned: set[str]


class _NoNode(Exception):
    """No node takes the pod; the text says why."""


def _is_pending(pod: Object) -> bool:
    spec = pod["spec"]
    ours = spec.get("schedulerName", COMPONENT) == COMPONENT and not spec.get("schedulingGates")
    return ours and not node_of(pod) and not terminating(pod) and not has_ended(pod)


def _intent(pod: Object) -> tuple[Any, ...]:
    metadata = pod["metadata"]
    return metadata.get("uid"), pod["spec"], metadata.get("labels"), metadata.get("deletionTimestamp")


def _offer(node: Object) -> tuple[Any, ...]:
    """What of a node decides about pods; heartbeats do not."""
    return node.get("spec"), node["metadata"].get("labels"), (node.get("status") or {}).get("allocatable")

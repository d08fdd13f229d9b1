# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a node cannot take a pod: the filters of kube-scheduler in the order in which it runs them, and its messages.

kubernetes-behaviour.md B5 "Pending reasons". A node is counted under the first filter that refuses it.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from decimal import Decimal

from . import podaffinity
from .nodeselectors import pod_accepts, tolerates, tolerates_all
from .objects import Object, has_ended, quantity

UNSCHEDULABLE = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
NODE_AFFINITY_CONFLICT = "node(s) didn't match PersistentVolume's node affinity"
NOTHING_TO_BIND = "node(s) didn't find available persistent volumes to bind"
MAX_VOLUMES = "node(s) exceed max volume count"

# these may pass when other pods go, so preemption is at least considered
_CURABLE = ("Insufficient ", "Too many pods", MAX_VOLUMES, podaffinity.ANTI_AFFINITY, podaffinity.SPREAD)


@dataclasses.dataclass
class NodeState:
    """A node, the pods that it has (bound, or about to be) and the CSI volumes that hang on it or will, by driver."""

    node: Object
    pods: list[Object]
    volumes: dict[str, set[str]]
    limits: dict[str, int]


def refusals(pod: Object, state: NodeState, wanted: dict[str, set[str]]) -> list[str]:
    """Why the first filter that refuses does so, volumes aside; ``wanted``: the pod's CSI volume handles by driver."""
    node = state.node
    if (node.get("spec") or {}).get("unschedulable") and not tolerates(pod, UNSCHEDULABLE):
        return ["node(s) were unschedulable"]
    if not tolerates_all(pod, node):
        return ["node(s) had untolerated taint(s)"]
    if not pod_accepts(pod, node):
        return ["node(s) didn't match Pod's node affinity/selector"]
    if lacking := _lacking(pod, state):
        return lacking
    if _too_many_volumes(state, wanted):
        return [MAX_VOLUMES]
    return []


def later_refusals(pod: Object, state: NodeState, everywhere: list[NodeState]) -> list[str]:
    """The filters that run after the volume filters."""
    if not podaffinity.spreads(pod, state.node, [(each.node, each.pods) for each in everywhere]):
        return [podaffinity.SPREAD]
    refusal = podaffinity.refusal(pod, state.node, [(each.node, each.pods) for each in everywhere])
    return [refusal] if refusal else []


def requests(pod: Object) -> dict[str, Decimal]:
    """What a pod asks of a node: the sum of its containers, or its greediest init container."""
    spec = pod["spec"]
    total: dict[str, Decimal] = {}
    for container in spec.get("containers") or []:
        for resource, amount in ((container.get("resources") or {}).get("requests") or {}).items():
            total[resource] = total.get(resource, Decimal(0)) + quantity(amount)
    for container in spec.get("initContainers") or []:
        for resource, amount in ((container.get("resources") or {}).get("requests") or {}).items():
            total[resource] = max(total.get(resource, Decimal(0)), quantity(amount))
    return total


def _lacking(pod: Object, state: NodeState) -> list[str]:
    allocatable = (state.node.get("status") or {}).get("allocatable") or {}
    there = [other for other in state.pods if not has_ended(other)]
    reasons = []
    if "pods" in allocatable and len(there) + 1 > quantity(allocatable["pods"]):
        reasons.append("Too many pods")
    for resource, amount in requests(pod).items():
        used = sum((requests(other).get(resource, Decimal(0)) for other in there), Decimal(0))
        if amount > 0 and used + amount > quantity(allocatable.get(resource)):
            reasons.append(f"Insufficient {resource}")
    return reasons


def _too_many_volumes(state: NodeState, wanted: dict[str, set[str]]) -> bool:
    """A driver's limit is the ``allocatable.count`` of the CSINode; no limit when it does not say."""
    return any(
        driver in state.limits and len(state.volumes.get(driver, set()) | handles) > state.limits[driver]
        for driver, handles in wanted.items()
        if handles - state.volumes.get(driver, set())
    )


def message(total: int, reasons: Counter[str]) -> str:
    """What goes into the event and the PodScheduled condition (sample 80)."""
    if not total:
        return "no nodes available to schedule pods"
    texts = sorted(f"{count} {reason}" for reason, count in reasons.items())
    hopeless = sum(count for reason, count in reasons.items() if not reason.startswith(_CURABLE))
    curable = total - hopeless
    advice = [f"{curable} No preemption victims found for incoming pod"] if curable > 0 else []
    if hopeless:
        advice.append(f"{hopeless} Preemption is not helpful for scheduling")
    return (
        f"0/{total} nodes are available: {', '.join(texts)}. no new claims to deallocate, "
        f"preemption: 0/{total} nodes are available: {', '.join(sorted(advice))}."
    )


def prefilter_message(total: int, reason: str) -> str:
    """A pod that no node needs to be looked at for: something of it is missing (w9)."""
    return f"0/{total} nodes are available: {reason}. not found"

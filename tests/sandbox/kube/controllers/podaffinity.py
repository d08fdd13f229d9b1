# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Required inter-pod (anti-)affinity and hard topology spread: what pins replicas apart or together (trap 26)."""

from __future__ import annotations

from ..selectors import matches_labels
from .nodeselectors import pod_accepts
from .objects import Object, labels_of, namespace, terminating

ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules"
AFFINITY = "node(s) didn't match pod affinity rules"
EXISTING_ANTI_AFFINITY = "node(s) didn't satisfy existing pods anti-affinity rules"
SPREAD = "node(s) didn't match pod topology spread constraints"

Placed = list[tuple[Object, list[Object]]]
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def refusal(pod: Object, node: Object, placed: Placed) -> str:
    """The first rule between pods that keeps ``pod`` off ``node``; empty when none does."""
    for term in _terms(pod, "podAffinity"):
        if not _together(term, pod, node, placed):
            return AFFINITY
    for term in _terms(pod, "podAntiAffinity"):
        if _count(term, pod, node, placed):
            return ANTI_AFFINITY
    for other_node, pods in placed:
        for other in pods:
            for term in _terms(other, "podAntiAffinity"):
                if _selects(term, other, pod) and _same_domain(term["topologyKey"], node, other_node):
                    return EXISTING_ANTI_AFFINITY
    return ""


def spreads(pod: Object, node: Object, placed: Placed) -> bool:
    """Every ``DoNotSchedule`` topology spread constraint still holds with the pod on this node."""
    for constraint in pod["spec"].get("topologySpreadConstraints") or []:
        if constraint["whenUnsatisfiable"] != "DoNotSchedule":
            continue
        key = constraint["topologyKey"]
        if key not in labels_of(node):
            return False
        counts: dict[str, int] = {}
        for other_node, pods in placed:
            if key not in labels_of(other_node) or not pod_accepts(pod, other_node):
                continue
            domain = labels_of(other_node)[key]
            counts[domain] = counts.get(domain, 0) + sum(_spread_together(constraint, pod, each) for each in pods)
        itself = matches_labels(constraint.get("labelSelector"), labels_of(pod))
        fewest = min(counts.values(), default=0)
        if len(counts) < int(constraint.get("minDomains") or 1):
            fewest = 0
        if counts.get(labels_of(node)[key], 0) + itself - fewest > int(constraint["maxSkew"]):
            return False
    return True


def _spread_together(constraint: Object, pod: Object, other: Object) -> bool:
    return (
        namespace(other) == namespace(pod)
        and not terminating(other)
        and matches_labels(constraint.get("labelSelector"), labels_of(other))
    )


def _terms(pod: Object, kind: str) -> list[Object]:
    return ((pod["spec"].get("affinity") or {}).get(kind) or {}).get(_REQUIRED) or []


def _selects(term: Object, holder: Object, other: Object) -> bool:
    namespaces = term.get("namespaces") or [namespace(holder)]
    return (
        namespace(other) in namespaces
        and term.get("labelSelector") is not None
        and matches_labels(term["labelSelector"], labels_of(other))
    )


def _same_domain(key: str, node: Object, other: Object) -> bool:
    return key in labels_of(node) and labels_of(node)[key] == labels_of(other).get(key)


def _count(term: Object, pod: Object, node: Object, placed: Placed) -> int:
    return sum(
        _selects(term, pod, other)
        for other_node, pods in placed
        if _same_domain(term["topologyKey"], node, other_node)
        for other in pods
    )


def _together(term: Object, pod: Object, node: Object, placed: Placed) -> bool:
    """Where such a pod is already; the first of its kind may go anywhere if it would satisfy its own rule."""
    if term["topologyKey"] not in labels_of(node):
        return False
    if _count(term, pod, node, placed):
        return True
    exists = any(_selects(term, pod, other) for _node, pods in placed for other in pods)
    return not exists and _selects(term, pod, pod)

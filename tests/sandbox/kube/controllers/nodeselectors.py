# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Node selector terms, taints and tolerations: which nodes a volume or a pod accepts, and which accept the pod."""

from __future__ import annotations

from collections.abc import Iterable

from .objects import Object, labels_of, name


def matches_selector(selector: Object | None, node: Object) -> bool:
    """A NodeSelector: one of its terms matches. No selector at all accepts every node, one without terms none."""
    if selector is None:
        return True
    return any(_matches_term(term, node) for term in selector.get("nodeSelectorTerms") or [])


def _matches_term(term: Object, node: Object) -> bool:
    expressions, fields = term.get("matchExpressions") or [], term.get("matchFields") or []
    if not expressions and not fields:
        return False
    return all(_matches(each, labels_of(node).get(each["key"])) for each in expressions) and all(
        each["key"] == "metadata.name" and _matches(each, name(node)) for each in fields
    )


def _matches(requirement: Object, value: str | None) -> bool:
    values = requirement.get("values") or []
    match requirement["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            if value is None or not value.lstrip("-").isdigit():
                return False
            return int(value) > int(values[0]) if operator == "Gt" else int(value) < int(values[0])
    return False


def volume_accepts(volume: Object, node: Object) -> bool:
    """The node affinity of a persistent volume."""
    affinity = volume["spec"].get("nodeAffinity") or {}
    return matches_selector(affinity.get("required"), node)


def topology_allows(storage_class: Object, node: Object) -> bool:
    """``allowedTopologies`` of a StorageClass."""
    terms = storage_class.get("allowedTopologies") or []
    return not terms or any(
        all(labels_of(node).get(each["key"]) in each["values"] for each in term.get("matchLabelExpressions") or [])
        for term in terms
    )


def pod_accepts(pod: Object, node: Object) -> bool:
    """nodeSelector and required node affinity of a pod."""
    spec = pod["spec"]
    wanted = spec.get("nodeSelector") or {}
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return wanted.items() <= labels_of(node).items() and matches_selector(required, node)


def taints(node: Object) -> list[Object]:
    return (node.get("spec") or {}).get("taints") or []


def tolerations_of(pod: Object, taint: Object) -> list[Object]:
    return [each for each in pod["spec"].get("tolerations") or [] if _tolerates(each, taint)]


def tolerates(pod: Object, taint: Object) -> bool:
    return bool(tolerations_of(pod, taint))


def tolerates_all(pod: Object, node: Object, effects: Iterable[str] = ("NoSchedule", "NoExecute")) -> bool:
    return all(taint["effect"] not in effects or tolerates(pod, taint) for taint in taints(node))


def _tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return not toleration.get("key") or toleration["key"] == taint["key"]
    return (toleration.get("key"), toleration.get("value", "")) == (taint["key"], taint.get("value", ""))

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pods/binding subresource: how a scheduler gives a pod its node."""

from __future__ import annotations

from typing import Any

from . import errors
from .lifecycle import timestamp
from .store import Store

Obj = dict[str, Any]

_TOPOLOGY_LABELS = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")


def bound(pod: Obj, node: str, store: Store, now: float) -> Obj:
    """The pod with its node, the condition PodScheduled and, since 1.35, the node's topology labels (w6, B5). Nobody
    becomes the owner of these fields (00-object-pod)."""
    name = pod["metadata"]["name"]
    if "deletionTimestamp" in pod["metadata"]:
        raise _refused(name, f"pod {name} is being deleted, cannot be assigned to a host")
    assigned = pod["spec"].get("nodeName")
    if assigned:
        raise _refused(name, f'pod {name} is already assigned to node "{assigned}"')
    pod["spec"]["nodeName"] = node
    record = store.get("nodes", "", node)
    labels = (record.load()["metadata"].get("labels") or {}) if record else {}
    topology = {label: labels[label] for label in _TOPOLOGY_LABELS if label in labels}
    if topology:
        pod["metadata"]["labels"] = {**(pod["metadata"].get("labels") or {}), **topology}
    status = pod.setdefault("status", {})
    others = [condition for condition in status.get("conditions") or [] if condition["type"] != "PodScheduled"]
    scheduled = {
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": timestamp(now),
    }
    status["conditions"] = [*others, scheduled]
    return pod


def _refused(name: str, cause: str) -> errors.ApiError:
    return errors.conflict("pods/binding", name, cause, {"name": name, "kind": "pods/binding"})

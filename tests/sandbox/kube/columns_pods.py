# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The columns of pods and nodes (Kubernetes' pkg/printers/internalversion)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .durations import age
from .tables import AGE, NAME, Column, Moment, Object

NONE = "<none>"
_ROLE_LABEL = "node-role.kubernetes.io/"


def _pod_ready(pod: Object, moment: Moment) -> str:
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    ready = sum(1 for container in status.get("containerStatuses") or () if container.get("ready"))
    sidecars = [entry for entry in spec.get("initContainers") or () if entry.get("restartPolicy") == "Always"]
    names = {entry["name"] for entry in sidecars}
    ready += sum(
        1 for entry in status.get("initContainerStatuses") or () if entry["name"] in names and entry.get("started")
        and entry.get("ready")
    )  # fmt: skip
    return f"{ready}/{len(spec.get('containers') or ()) + len(sidecars)}"


def _pod_status(pod: Object, moment: Moment) -> str:
    """The STATUS column: the most telling of phase, init containers, containers and deletion."""
    status = pod.get("status") or {}
    ended = status.get("phase") in ("Succeeded", "Failed")
    if pod["metadata"].get("deletionTimestamp") and (not ended or status.get("reason") == "NodeLost"):
        return "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    reason = status.get("reason") or status.get("phase", "")
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            reason = "SchedulingGated"
    return _init_reason(pod) or _containers_reason(pod, reason)


def _init_reason(pod: Object) -> str:
    statuses = (pod.get("status") or {}).get("initContainerStatuses") or []
    specs = {entry["name"]: entry for entry in pod["spec"].get("initContainers") or ()}
    for index, container in enumerate(statuses):
        state = container.get("state") or {}
        terminated, waiting = state.get("terminated"), state.get("waiting") or {}
        if terminated is not None and terminated.get("exitCode") == 0:
            continue
        if specs.get(container["name"], {}).get("restartPolicy") == "Always" and container.get("started"):
            continue
        if terminated is not None:
            return f"Init:{_termination(terminated)}"
        if waiting.get("reason", "PodInitializing") != "PodInitializing":
            return f"Init:{waiting['reason']}"
        return f"Init:{index}/{len(specs)}"
    return ""


def _containers_reason(pod: Object, reason: str) -> str:
    """The first container that is waiting or terminated wins; a running one beside completed ones is Running."""
    running = False
    for container in reversed((pod.get("status") or {}).get("containerStatuses") or []):
        state = container.get("state") or {}
        waiting, terminated = state.get("waiting") or {}, state.get("terminated")
        if waiting.get("reason"):
            reason = waiting["reason"]
        elif terminated is not None:
            reason = _termination(terminated)
        elif container.get("ready") and state.get("running") is not None:
            running = True
    if reason == "Completed" and running:
        return "Running" if _condition(pod, "Ready") == "True" else "NotReady"
    return reason


def _termination(terminated: Object) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _pod_restarts(pod: Object, moment: Moment) -> str:
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    total = sum(container.get("restartCount", 0) for container in statuses)
    ends = [((container.get("lastState") or {}).get("terminated") or {}).get("finishedAt") for container in statuses]
    last = max(filter(None, ends), default=None)
    return f"{total} ({age(last, moment.now)} ago)" if total and last else str(total)


def _readiness_gates(pod: Object, moment: Moment) -> str:
    gates = pod["spec"].get("readinessGates") or []
    if not gates:
        return NONE
    return f"{sum(1 for gate in gates if _condition(pod, gate['conditionType']) == 'True')}/{len(gates)}"


def _condition(obj: Object, type_: str) -> str:
    for condition in (obj.get("status") or {}).get("conditions") or ():
        if condition["type"] == type_:
            return str(condition["status"])
    return ""


def _node_status(node: Object, moment: Moment) -> str:
    ready = _condition(node, "Ready")
    words = ["Ready" if ready == "True" else "NotReady" if ready else "Unknown"]
    if (node.get("spec") or {}).get("unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _node_roles(node: Object, moment: Moment) -> str:
    return ",".join(sorted(_roles(node["metadata"].get("labels") or {}))) or NONE


def _roles(labels: dict[str, str]) -> Iterator[str]:
    for label, value in labels.items():
        if label.startswith(_ROLE_LABEL):
            yield label.removeprefix(_ROLE_LABEL)
        elif label == "kubernetes.io/role" and value:
            yield value


def _node_address(kind: str) -> Any:
    def cell(node: Object, moment: Moment) -> str:
        addresses = (node.get("status") or {}).get("addresses") or ()
        return next((entry["address"] for entry in addresses if entry["type"] == kind), NONE)

    return cell


def _node_info(field: str, absent: str) -> Any:
    return lambda node, moment: ((node.get("status") or {}).get("nodeInfo") or {}).get(field) or absent


POD_COLUMNS = [
    NAME,
    Column("Ready", _pod_ready),
    Column("Status", _pod_status),
    Column("Restarts", _pod_restarts),
    AGE,
    Column("IP", lambda pod, moment: (pod.get("status") or {}).get("podIP") or NONE, priority=1),
    Column("Node", lambda pod, moment: pod["spec"].get("nodeName") or NONE, priority=1),
    Column(
        "Nominated Node", lambda pod, moment: (pod.get("status") or {}).get("nominatedNodeName") or NONE, priority=1
    ),
    Column("Readiness Gates", _readiness_gates, priority=1),
]
NODE_COLUMNS = [
    NAME,
    Column("Status", _node_status),
    Column("Roles", _node_roles),
    AGE,
    Column("Version", _node_info("kubeletVersion", "")),
    Column("Internal-IP", _node_address("InternalIP"), priority=1),
    Column("External-IP", _node_address("ExternalIP"), priority=1),
    Column("OS-Image", _node_info("osImage", "<unknown>"), priority=1),
    Column("Kernel-Version", _node_info("kernelVersion", "<unknown>"), priority=1),
    Column("Container-Runtime", _node_info("containerRuntimeVersion", "<unknown>"), priority=1),
]

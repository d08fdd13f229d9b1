# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statuses that a kubelet reports for a pod, as recorded in samples w6 (start) and w3 (stop). Pure."""

from __future__ import annotations

import dataclasses
import hashlib

from .client import Object


@dataclasses.dataclass(frozen=True)
class PodFacts:
    """What stays the same through the pod's life on its node."""

    host_ip: str
    pod_ip: str
    start_time: str


def creating(pod: Object, facts: PodFacts, now: str) -> Object:
    """Accepted by the node; its volumes are not mounted yet."""
    status = _status(pod, "Pending", facts, now, started=False, ready=False)
    status["containerStatuses"] = [
        _container(pod, container, {"waiting": {"reason": "ContainerCreating"}}, started=False, ready=False)
        for container in pod["spec"]["containers"]
    ]
    return status


def running(pod: Object, facts: PodFacts, now: str, *, started_at: str, ready: bool) -> Object:
    status = _status(pod, "Running", facts, now, started=True, ready=ready)
    status |= {"podIP": facts.pod_ip, "podIPs": [{"ip": facts.pod_ip}]}
    status["containerStatuses"] = [
        _container(pod, container, {"running": {"startedAt": started_at}}, started=True, ready=ready)
        for container in pod["spec"]["containers"]
    ]
    return status


def terminated(pod: Object, facts: PodFacts, now: str, *, started_at: str, killed: bool) -> Object:
    """After the stop: ``killed`` when it took longer than the grace period."""
    outcome = {"exitCode": 137, "reason": "Error"} if killed else {"exitCode": 0, "reason": "Completed"}
    status = _status(pod, "Failed" if killed else "Succeeded", facts, now, started=True, ready=False)
    status |= {"podIP": facts.pod_ip, "podIPs": [{"ip": facts.pod_ip}]}
    state = {"terminated": {**outcome, "startedAt": started_at, "finishedAt": now}}
    status["containerStatuses"] = [
        _container(pod, container, state, started=False, ready=False) for container in pod["spec"]["containers"]
    ]
    return status


def _status(pod: Object, phase: str, facts: PodFacts, now: str, *, started: bool, ready: bool) -> Object:
    wanted = {
        "PodReadyToStartContainers": started,
        "Initialized": True,
        "Ready": ready,
        "ContainersReady": ready,
        "PodScheduled": True,
    }
    previous = {condition["type"]: condition for condition in (pod.get("status") or {}).get("conditions") or []}
    conditions = [_condition(name, value, previous.get(name), now) for name, value in wanted.items()]
    # A condition of someone else (DisruptionTarget, a readiness gate) is not the kubelet's to drop.
    conditions += [condition for name, condition in previous.items() if name not in wanted]
    return {"phase": phase, "conditions": conditions, "hostIP": facts.host_ip, "startTime": facts.start_time}


def _condition(name: str, value: bool, previous: Object | None, now: str) -> Object:
    status = "True" if value else "False"
    unchanged = previous is not None and previous["status"] == status
    since = previous.get("lastTransitionTime") if previous and unchanged else None
    condition: Object = {"type": name, "status": status, "lastProbeTime": None, "lastTransitionTime": since or now}
    if not value:
        condition["reason"] = "ContainersNotReady"
    return condition


def _container(pod: Object, container: Object, state: Object, *, started: bool, ready: bool) -> Object:
    identity = hashlib.sha1(f"{pod['metadata']['uid']}/{container['name']}".encode(), usedforsecurity=False)
    return {
        "name": container["name"],
        "state": state,
        "lastState": {},
        "ready": ready,
        "restartCount": 0,
        "image": container["image"],
        "imageID": "",
        "containerID": f"sandbox://{identity.hexdigest()}",
        "started": started,
    }

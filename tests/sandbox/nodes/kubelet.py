# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kubelets of all nodes: each pod's way from scheduled to running to gone (B3, samples w3 and w6)."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import threading
import time
from collections.abc import Callable
from typing import Literal

from kubernetes.client import ApiException

from .application import Applications, Mount
from .client import Object, key_of, timestamp
from .devices import DeviceError
from .names import ATTACHMENTS, CLAIMS, DRIVER, NEVER_READY_IN, NODES, PODS, VOLUMES, volume_in_use
from .podstatus import PodFacts, creating, running, terminated
from .shared import NodeSpec, Shared
from .workqueue import WorkQueue

Phase = Literal["waiting", "mounting", "running", "stopping", "unmounting"]

_RESYNC = 10.0


@dataclasses.dataclass
class PodOnNode:
    """A pod as its node knows it. ``due`` is when the step that is under way ends."""

    uid: str
    key: str
    node: NodeSpec
    facts: PodFacts
    phase: Phase = "waiting"
    due: float = 0.0
    accepted: bool = False
    started_at: str = ""
    killed: bool = False
    mounts: list[Mount] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class NodeVolumes:
    """The volumes of a node: which pods use them, and what its Node object says about them."""

    users: dict[str, set[str]] = dataclasses.field(default_factory=dict)
    reported: set[str] = dataclasses.field(default_factory=set)


class Kubelets:
    """One process for all nodes. Pods move by steps that never block a worker."""

    KIND = "pod"
    NODE_KIND = "node-volumes"

    def __init__(self, shared: Shared, queue: WorkQueue, nodes: list[NodeSpec], applications: Applications) -> None:
        self._shared = shared
        self._queue = queue
        self._nodes = {node.name: node for node in nodes}
        self._applications = applications
        self._pods: dict[str, PodOnNode] = {}
        self._volumes = {node.name: NodeVolumes() for node in nodes}
        self._addresses = itertools.count(2)
        self._lock = threading.Lock()
        shared.on(PODS, self._pod_changed)
        shared.on(CLAIMS, self._claim_changed)
        shared.on(VOLUMES, self._volume_changed)
        shared.on(ATTACHMENTS, self._attachment_changed)

    def _pod_changed(self, _event_type: str, pod: Object, _previous: Object | None) -> None:
        if pod["spec"].get("nodeName") in self._nodes:
            self._queue.add(self.KIND, key_of(pod))

    def _claim_changed(self, _event_type: str, claim: Object, _previous: Object | None) -> None:
        self._wake(lambda pod: pod.key.startswith(claim["metadata"]["namespace"] + "/"))

    def _volume_changed(self, _event_type: str, volume: Object, _previous: Object | None) -> None:
        namespace = (volume["spec"].get("claimRef") or {}).get("namespace", "")
        self._wake(lambda pod: pod.key.startswith(namespace + "/"))

    def _attachment_changed(self, _event_type: str, attachment: Object, _previous: Object | None) -> None:
        self._wake(lambda pod: pod.node.name == attachment["spec"]["nodeName"])

    def _wake(self, concerned: Callable[[PodOnNode], bool]) -> None:
        with self._lock:
            waiting = [pod for pod in self._pods.values() if pod.phase == "waiting"]
        for pod in waiting:
            if concerned(pod):
                self._queue.add(self.KIND, pod.key)

    def reconcile(self, key: str) -> float | None:
        pod = self._shared.get(PODS, key)
        known = self._pods.get(key)
        if known and (not pod or pod["metadata"]["uid"] != known.uid):
            self._vanished(known)
            known = None
        if not pod or pod["spec"].get("nodeName") not in self._nodes:
            return None
        if not known:
            known = self._accept(pod)
        if pod["metadata"].get("deletionTimestamp"):
            self._begin_stop(known, pod)
        step = {
            "waiting": self._wait_for_volumes,
            "mounting": self._mount_and_start,
            "running": self._keep_status,
            "stopping": self._stop,
            "unmounting": self._unmount,
        }[known.phase]
        return step(known, pod)

    def reconcile_node(self, name: str) -> float | None:
        """Report ``volumesInUse``: pods wait for it before they mount, the control plane before it detaches."""
        volumes = self._volumes[name]
        with self._lock:
            wanted = set(volumes.users)
        if wanted != volumes.reported:
            status = {"status": {"volumesInUse": sorted(wanted)}}
            self._shared.kubernetes.patch(NODES, name, status, subresource="status")
            volumes.reported = wanted
            self._wake(lambda pod: pod.node.name == name)
        return None

    def _accept(self, pod: Object) -> PodOnNode:
        node = self._nodes[pod["spec"]["nodeName"]]
        start_time = (pod.get("status") or {}).get("startTime") or timestamp()
        number = next(self._addresses)
        facts = PodFacts(node.address, f"10.244.{number // 250}.{number % 250 + 1}", start_time)
        known = PodOnNode(pod["metadata"]["uid"], key_of(pod), node, facts)
        with self._lock:
            self._pods[known.key] = known
        return known

    def _vanished(self, known: PodOnNode) -> None:
        """The object is gone without us (a forced deletion): the containers are killed, nothing is written any more."""
        self._applications.stop(known.uid, graceful=False)
        self._forget(known)

    def _wait_for_volumes(self, known: PodOnNode, pod: Object) -> float | None:
        if not known.accepted:
            self._report(pod, creating(pod, known.facts, timestamp()))
            known.accepted = True
        handles = self._handles(pod)
        if handles is None:
            return _RESYNC
        volumes = self._volumes[known.node.name]
        in_use = {volume_in_use(handle) for _claim, _volume, handle in handles}
        with self._lock:
            for name in in_use:
                volumes.users.setdefault(name, set()).add(known.uid)
        if not in_use <= volumes.reported:
            self._queue.add(self.NODE_KIND, known.node.name)
            return _RESYNC
        if not all(self._is_attached(handle, volume, known.node) for _claim, volume, handle in handles):
            return _RESYNC
        pod_name = pod["metadata"]["name"]
        known.mounts = [
            Mount(handle, known.node.instance_id, claim, pod_name, known.node.name)
            for claim, _volume, handle in handles
        ]
        latency = self._shared.latency
        return self._enter(known, "mounting", (latency.mount if handles else 0.0) + latency.pod_start) or (
            self._mount_and_start(known, pod)
        )

    def _mount_and_start(self, known: PodOnNode, pod: Object) -> float | None:
        if (left := known.due - time.monotonic()) > 0:
            return left
        try:
            self._applications.start(known.uid, known.mounts)
        except DeviceError as error:
            message = f"MountVolume.MountDevice failed: rpc error: code = Internal desc = {error}"
            self._shared.kubernetes.event(pod, "Pod", "Warning", "FailedMount", message, "kubelet")
            raise
        known.started_at = timestamp()
        known.phase = "running"
        return self._keep_status(known, pod)

    def _keep_status(self, known: PodOnNode, pod: Object) -> float | None:
        """Running, and Ready unless the test says otherwise; repeated when someone wrote over it.

        The application counts as Ready no sooner and no longer than the pod's status says so.
        """
        never = (pod["metadata"].get("annotations") or {}).get(NEVER_READY_IN, "").split(",")
        ready = known.node.zone not in [zone.strip() for zone in never]
        seen = pod.get("status") or {}
        as_told = any(
            condition["type"] == "Ready" and condition["status"] == ("True" if ready else "False")
            for condition in seen.get("conditions") or []
        )
        if seen.get("phase") != "Running" or not as_told:
            self._applications.set_ready(known.uid, False)
            if not self._report(pod, running(pod, known.facts, timestamp(), started_at=known.started_at, ready=ready)):
                return None
        self._applications.set_ready(known.uid, ready)
        return None

    def _begin_stop(self, known: PodOnNode, pod: Object) -> None:
        if known.phase == "running":
            grace = float(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
            # No grace is a forced deletion, whose object may be gone before we get here.
            known.killed = grace == 0 or self._shared.latency.pod_stop > grace
            self._enter(known, "stopping", min(self._shared.latency.pod_stop, grace))
        elif known.phase in ("waiting", "mounting"):
            self._enter(known, "unmounting", 0.0)

    def _stop(self, known: PodOnNode, pod: Object) -> float | None:
        """The application writes until it ends; killed at the end of the grace period, it writes no last record."""
        if (left := known.due - time.monotonic()) > 0:
            return left
        self._applications.stop(known.uid, graceful=not known.killed)
        status = terminated(pod, known.facts, timestamp(), started_at=known.started_at, killed=known.killed)
        self._report(pod, status)
        return self._enter(known, "unmounting", self._shared.latency.unmount if known.mounts else 0.0) or (
            self._unmount(known, pod)
        )

    def _unmount(self, known: PodOnNode, pod: Object) -> float | None:
        if (left := known.due - time.monotonic()) > 0:
            return left
        self._shared.kubernetes.delete(
            PODS, pod["metadata"]["name"], pod["metadata"]["namespace"], uid=known.uid, grace=0
        )
        self._forget(known)
        return None

    def _forget(self, known: PodOnNode) -> None:
        volumes = self._volumes[known.node.name]
        with self._lock:
            self._pods.pop(known.key, None)
            for users in volumes.users.values():
                users.discard(known.uid)
            volumes.users = {name: users for name, users in volumes.users.items() if users}
        self._queue.add(self.NODE_KIND, known.node.name, self._shared.latency.volumes_in_use)

    @staticmethod
    def _enter(known: PodOnNode, phase: Phase, seconds: float) -> float:
        """Go on to the phase, whose step ends after so many seconds."""
        known.phase = phase
        known.due = time.monotonic() + seconds
        return seconds

    def _handles(self, pod: Object) -> list[tuple[str, str, str]] | None:
        """(claim, PV, disk) of each claim that the pod mounts; ``None`` until all are bound to our volumes."""
        namespace = pod["metadata"]["namespace"]
        found = []
        for source in pod["spec"].get("volumes") or []:
            if "persistentVolumeClaim" not in source:
                continue
            key = f"{namespace}/{source['persistentVolumeClaim']['claimName']}"
            claim = self._shared.get(CLAIMS, key)
            name = claim["spec"].get("volumeName", "") if claim else ""
            volume = self._shared.get(VOLUMES, name)
            if not claim or not volume or (claim.get("status") or {}).get("phase") != "Bound":
                return None
            if volume["spec"].get("csi", {}).get("driver") != DRIVER:
                return None
            found.append((key, name, volume["spec"]["csi"]["volumeHandle"]))
        return found

    def _is_attached(self, handle: str, volume: str, node: NodeSpec) -> bool:
        attachment = self._shared.get(ATTACHMENTS, attachment_name(handle, node.name))
        return bool(
            attachment
            and (attachment.get("status") or {}).get("attached")
            and not attachment["metadata"].get("deletionTimestamp")
            and attachment["spec"]["source"].get("persistentVolumeName") == volume
        )

    def _report(self, pod: Object, status: Object) -> bool:
        """Whether the status was taken. A pod that is gone needs none; the uid keeps it off its namesake's."""
        metadata = pod["metadata"]
        patch = {"metadata": {"uid": metadata["uid"]}, "status": status}
        try:
            self._shared.kubernetes.patch(PODS, metadata["name"], patch, metadata["namespace"], "status")
        except ApiException as error:
            if error.status not in (404, 409, 422):
                raise
            return False
        return True


def attachment_name(volume_handle: str, node: str) -> str:
    """The attach-detach controller's name for it: ``csi-`` and the SHA-256 of volume, driver and node."""
    return f"csi-{hashlib.sha256(f'{volume_handle}{DRIVER}{node}'.encode()).hexdigest()}"

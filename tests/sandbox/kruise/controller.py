# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenKruise in the sandbox: its CRD, and the controller of Advanced StatefulSets as an ordinary client over HTTP.

csi-and-statefulsets.md section 4. There are no webhooks: what they fill in counts as set where it is absent.
"""

from __future__ import annotations

import time
from pathlib import Path

from ..kube.controllers.controller import RetryLater
from ..kube.controllers.objects import Object, controller_of, name, namespace
from ..kube.controllers.revisions import History
from ..kube.controllers.statefulset_pods import revision_of
from ..kube.controllers.workload import claim_pods, selects, write_status
from ..kube.errors import ApiError
from ..kube.selectors import selector_text
from ..manifests import read
from ..nodes.client import Kubernetes, key_of
from ..nodes.informer import Informer
from ..nodes.workqueue import Pauses, TryAgain, WorkQueue
from . import rules
from .cluster import Cluster
from .replicas import PODS, Failed, Replicas

DEFINITION = Path(__file__).with_name("definition.yaml")
GROUP = "apps.kruise.io"

_KIND = "statefulset"
_PAUSES = Pauses(first=0.005, longest=1000.0)
_POLL_SECONDS = 0.02
# What OpenKruise looks at to see whether the status is to be written; the rest is written along.
_WRITTEN_FOR = (
    "replicas",
    "readyReplicas",
    "availableReplicas",
    "currentReplicas",
    "updatedReplicas",
    "currentRevision",
    "updateRevision",
    "labelSelector",
)


class Kruise:
    """Retries a failing set after 5 ms, 10 ms, 20 ms ... as controller-runtime does; any change of the set or of one of
    its pods brings it back at once, a change of a claim does not."""

    def __init__(self, kubeconfig: Path, pauses: Pauses = _PAUSES) -> None:
        self._kubernetes = Kubernetes(kubeconfig)
        self._cluster = Cluster(self._kubernetes)
        self._queue = WorkQueue("kruise", {_KIND: self.reconcile}, workers=2, pauses=pauses)
        self._sets = Informer(self._kubernetes, rules.SETS, self._set_changed)
        self._pods = Informer(self._kubernetes, PODS, self._pod_changed)

    def start(self, timeout: float = 60.0) -> None:
        """Returns when the resource is served and watched."""
        self._define(timeout)
        self._queue.start()
        for informer in (self._sets, self._pods):
            informer.start()
        for informer in (self._sets, self._pods):
            informer.wait_synced(timeout)

    def stop(self) -> None:
        self._sets.stop()
        self._pods.stop()
        self._queue.stop()
        self._kubernetes.close()

    def reconcile(self, key: str) -> float | None:
        """One sync of one set."""
        where, _slash, which = key.partition("/")
        stateful_set = self._cluster.get(rules.SETS, which, where)
        if stateful_set is None:
            return None
        history = History(self._cluster, stateful_set)
        pods = claim_pods(self._cluster, stateful_set)
        replicas = Replicas(self._cluster, stateful_set, history, pods)
        failure: Exception | None = None
        try:
            replicas.reconcile()
        except (Failed, ApiError) as error:
            failure = error
        try:
            self._write_status(stateful_set, history, replicas.counts)
            history.truncate({revision_of(pod) for pod in pods})
        except (RetryLater, ApiError) as error:
            failure = failure or error
        if failure is not None:
            raise TryAgain(str(failure)) from failure
        return replicas.look_again

    def _write_status(self, stateful_set: Object, history: History, counts: dict[str, int]) -> None:
        before = stateful_set.get("status") or {}
        status = status_of(stateful_set, history, counts)
        newer = status["observedGeneration"] > before.get("observedGeneration", 0)
        if newer or any(status[field] != before.get(field) for field in _WRITTEN_FOR):
            write_status(self._cluster, rules.SETS, stateful_set, status)

    def _set_changed(self, _type: str, stateful_set: Object, _previous: Object | None) -> None:
        self._queue.add(_KIND, key_of(stateful_set))

    def _pod_changed(self, type_: str, pod: Object, previous: Object | None) -> None:
        for each in (pod, previous):
            owner = controller_of(each) if each else None
            if owner is not None and owner["kind"] == "StatefulSet" and owner["apiVersion"].startswith(f"{GROUP}/"):
                self._queue.add(_KIND, f"{namespace(pod)}/{owner['name']}")
        if controller_of(pod) is None and type_ != "DELETED":
            for stateful_set in self._sets.values():
                if namespace(stateful_set) == namespace(pod) and selects(stateful_set, pod):
                    self._queue.add(_KIND, key_of(stateful_set))

    def _define(self, timeout: float) -> None:
        """Apply the definition; it is served some moments later."""
        (definition,) = read(DEFINITION)
        path = self._kubernetes.path("customresourcedefinitions.apiextensions.k8s.io", name=name(definition))
        self._kubernetes.apply(path, definition, "kruise")
        deadline = time.monotonic() + timeout
        while not _is_established(self._kubernetes.request("GET", path)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name(definition)} is not established after {timeout:g} s")
            time.sleep(_POLL_SECONDS)


def status_of(stateful_set: Object, history: History, counts: dict[str, int]) -> Object:
    """All counts are there, 0 or not: the schema requires them."""
    counts, revision = dict(counts), name(history.current)
    if rules.is_rolling(stateful_set) and counts["updatedReplicas"] == counts["readyReplicas"] == counts["replicas"]:
        # the roll-out is complete: what was the update revision is the current one
        revision = name(history.update)
        counts["currentReplicas"] = counts["updatedReplicas"]
    return {
        "observedGeneration": stateful_set["metadata"]["generation"],
        **counts,
        "currentRevision": revision,
        "updateRevision": name(history.update),
        "collisionCount": history.collisions,
        "labelSelector": selector_text(stateful_set["spec"]["selector"]),
    }


def _is_established(definition: Object) -> bool:
    conditions = (definition.get("status") or {}).get("conditions") or []
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)

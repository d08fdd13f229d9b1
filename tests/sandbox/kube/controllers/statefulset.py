# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The StatefulSet controller: one sync of one set. What happens to its pods is in statefulset_replicas.

kubernetes-behaviour.md B5; csi-and-statefulsets.md 5.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import ApiError
from .controller import Controller, KeysOf, RetryLater
from .objects import Object, address, controller_of, name, namespace
from .revisions import REVISIONS, History
from .statefulset_pods import revision_of
from .statefulset_replicas import Failed, Replicas
from .workload import PODS, claim_pods, selects, write_status

SETS = "statefulsets.apps"
API_VERSION, KIND = "apps/v1", "StatefulSet"

_ABSENT_WHEN_ZERO = ("readyReplicas", "currentReplicas", "updatedReplicas")


class StatefulSetController(Controller):
    """Keys are ``(namespace, name)``. A failing set is retried after 5 ms, 10 ms, 20 ms ...; any change of the set or
    of one of its pods brings it back at once, a change of a claim does not (DESIGN, "the hold")."""

    name = "statefulset"

    def subscriptions(self) -> dict[str, KeysOf]:
        return {
            SETS: lambda type_, obj, previous: [address(obj)],
            PODS: self._sets_of,
            REVISIONS: lambda type_, obj, previous: _controlling_set(obj),
        }

    def _sets_of(self, type_: str, pod: Object, previous: Object | None) -> Iterable[tuple[str, str]]:
        keys = {*_controlling_set(pod), *(_controlling_set(previous) if previous else ())}
        if controller_of(pod) is None and type_ != "DELETED":
            keys.update(address(each) for each in self.client.list(SETS, namespace(pod)) if selects(each, pod))
        return keys

    def sync(self, key: Any) -> float | None:
        stateful_set = self.client.get(SETS, key[1], key[0])
        if stateful_set is None:
            return None
        history = History(self.client, stateful_set)
        pods = claim_pods(self.client, stateful_set)
        replicas = Replicas(self.client, stateful_set, history, pods)
        failure = None
        try:
            replicas.reconcile()
        except (Failed, ApiError) as error:
            failure = error
        write_status(self.client, SETS, stateful_set, _status(stateful_set, history, replicas.counts))
        history.truncate({revision_of(pod) for pod in pods})
        if failure is not None:
            raise RetryLater(str(failure)) from failure
        return replicas.look_again


def _status(stateful_set: Object, history: History, counts: dict[str, int]) -> Object:
    """In the order of the original; three counts are left out when they are 0, the others are not (B2)."""
    revision = name(history.current)
    rolling = (stateful_set["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate") == "RollingUpdate"
    wanted = int(stateful_set["spec"].get("replicas", 1))
    counts = dict(counts)
    if rolling and counts["updatedReplicas"] == counts["readyReplicas"] == counts["replicas"] == wanted:
        # the roll-out is complete: what was the update revision is the current one
        revision = name(history.update)
        counts["currentReplicas"] = counts["updatedReplicas"]
    status = {
        "observedGeneration": stateful_set["metadata"]["generation"],
        "replicas": counts["replicas"],
        **{key: counts[key] for key in _ABSENT_WHEN_ZERO if counts[key]},
        "currentRevision": revision,
        "updateRevision": name(history.update),
        "collisionCount": history.collisions,
        "availableReplicas": counts["availableReplicas"],
    }
    return status


def _controlling_set(obj: Object) -> list[tuple[str, str]]:
    owner = controller_of(obj)
    if owner is None or (owner["apiVersion"], owner["kind"]) != (API_VERSION, KIND):
        return []
    return [(namespace(obj), owner["name"])]

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pods of one Advanced StatefulSet in one sync.

What is not modelled: updates in place (every update re-creates the pod), unorderedUpdate, scaleStrategy, the preNormal
and inPlaceUpdate hooks, markPodNotReady, specified deletion, and everything that OpenKruise's webhooks do.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..kube.controllers import statefulset_pods as pods_of_sets
from ..kube.controllers.objects import (
    Object,
    condition,
    labels_of,
    name,
    namespace,
    owners,
    phase,
    seconds_since,
    terminating,
    timestamp,
    uid,
)
from ..kube.controllers.retention import is_stale, wanted_references
from ..kube.controllers.revisions import History, with_template_of
from ..kube.errors import ApiError
from . import rules
from .cluster import Cluster

PODS, CLAIMS = "pods", "persistentvolumeclaims"
COMPONENT = "statefulset-controller"


class Failed(Exception):
    """A step did not work; the set is to be tried again after its back-off."""


class Stop(Exception):
    """Nothing more can be done in this sync: something must happen first, and an event will tell."""


class Replicas:
    """``counts`` holds the numbers for the status, as of before what this sync created or deleted."""

    def __init__(self, cluster: Cluster, stateful_set: Object, history: History, pods: list[Object]) -> None:
        self._cluster = cluster
        self._set = stateful_set
        self._history = history
        self._pods = pods
        self._ordinals = rules.wanted_ordinals(stateful_set)
        self._ordered = not rules.is_parallel(stateful_set)
        self._patience = rules.min_ready_seconds(stateful_set)
        self._update_set = with_template_of(stateful_set, history.update)
        self._current_set = with_template_of(stateful_set, history.current)
        self.counts = self._count()

    @property
    def look_again(self) -> float | None:
        """When the next Ready pod becomes available; no event tells."""
        waits = []
        for pod in self._pods:
            ready = condition(pod, "Ready")
            if ready and rules.is_healthy(pod) and not rules.is_available(pod, self._patience):
                waits.append(max(self._patience - seconds_since(ready["lastTransitionTime"]), 0.0))
        return min(waits, default=None)

    def reconcile(self) -> None:
        """Living replicas first, then those too many, then the roll-out. In Parallel, too, the first replica that
        cannot be made keeps the later ones and the rest of the sync waiting."""
        if terminating(self._set):
            return
        living = {rules.ordinal_of(pod): pod for pod in self._pods}
        replicas = [living.get(ordinal) or self._new_pod(ordinal) for ordinal in self._ordinals]
        condemned = sorted(
            (pod for pod in self._pods if rules.ordinal_of(pod) not in self._ordinals),
            key=rules.ordinal_of,
            reverse=True,
        )
        try:
            for pod in replicas:
                self._keep(pod)
            for pod in condemned:
                self._fix_claims(pod)
            self._scale_in(condemned, _lowest_unhealthy([*replicas, *condemned]))
            if rules.is_rolling(self._set) and not rules.rolling_update(self._set).get("paused"):
                self._replace_outdated(replicas)
        except Stop:
            return

    def _count(self) -> dict[str, int]:
        """All pods of the set, in range or not."""
        current, update = name(self._history.current), name(self._history.update)

        def count(pods: list[Object]) -> tuple[int, int, int]:
            ready = [pod for pod in pods if pods_of_sets.is_ready(pod)]
            return len(pods), len(ready), sum(rules.is_available(pod, self._patience) for pod in ready)

        staying = [pod for pod in self._pods if not terminating(pod)]
        updated = [pod for pod in self._pods if pods_of_sets.revision_of(pod) == update]
        replicas, ready, available = count(self._pods)
        _updated, updated_ready, updated_available = count(updated)
        return {
            "replicas": replicas,
            "readyReplicas": ready,
            "availableReplicas": available,
            "currentReplicas": sum(pods_of_sets.revision_of(pod) == current for pod in staying),
            "updatedReplicas": sum(pods_of_sets.revision_of(pod) == update for pod in staying),
            "updatedReadyReplicas": updated_ready,
            "updatedAvailableReplicas": updated_available,
        }

    def _new_pod(self, ordinal: int) -> Object:
        """The partition counts replicas, so reserved ordinals do not shift it (4.5)."""
        if rules.is_rolling(self._set) and ordinal in self._ordinals[: rules.partition(self._set)]:
            return rules.new_pod(self._current_set, ordinal, name(self._history.current))
        return rules.new_pod(self._update_set, ordinal, name(self._history.update))

    def _keep(self, pod: Object) -> None:
        """One replica that should be there."""
        if phase(pod) in ("Failed", "Succeeded"):
            if not terminating(pod):
                self._delete(pod)
            raise Stop
        if not pods_of_sets.is_created(pod):
            if any(is_stale(claim, self._set, pod) for claim in self._claims_of(pod)):
                raise Stop
            self._create(pod)
            if self._ordered:
                raise Stop
            return
        if phase(pod) == "Pending":
            self._create_claims(pod)
            self._fix_claims(pod)
        if self._ordered and (terminating(pod) or not rules.is_available(pod, self._patience)):
            raise Stop
        self._correct(pod)

    def _scale_in(self, condemned: list[Object], first_unhealthy: Object | None) -> None:
        """From the top. OrderedReady: one at a time, and an unhealthy pod stops it unless it is the lowest such."""
        for pod in condemned:
            if terminating(pod):
                if self._ordered:
                    raise Stop
                continue
            if self._ordered and not rules.is_available(pod, self._patience) and pod is not first_unhealthy:
                raise Stop
            if self._delete(pod) and self._ordered:
                raise Stop

    def _replace_outdated(self, replicas: list[Object]) -> None:
        """From the top down to the partition, never more than ``maxUnavailable`` at a time."""
        update = name(self._history.update)
        unavailable = {
            name(pod) for pod in replicas if not rules.is_healthy(pod) or not rules.is_available(pod, self._patience)
        }
        for pod in reversed(replicas[rules.partition(self._set) :]):
            if pods_of_sets.revision_of(pod) == update:
                continue
            if len(unavailable) >= rules.max_unavailable(self._set) and name(pod) not in unavailable:
                return
            if not terminating(pod) and self._delete(pod):
                self.counts["currentReplicas"] -= pods_of_sets.revision_of(pod) == name(self._history.current)
            unavailable.add(name(pod))

    def _claims_of(self, pod: Object) -> Iterator[Object]:
        for claim in pods_of_sets.claims_for(self._set, rules.ordinal_of(pod)):
            if live := self._cluster.get(CLAIMS, name(claim), namespace(claim)):
                yield live

    def _create(self, pod: Object) -> None:
        try:
            self._create_claims(pod)
            created = self._cluster.create(PODS, pod)
        except (Failed, ApiError) as error:
            if isinstance(error, Failed) or error.reason != "AlreadyExists":
                self._tell("create", pod, error)
            raise
        self._fix_claims(created)
        self._tell("create", pod)

    def _create_claims(self, pod: Object) -> None:
        """Missing claims are made from the templates, empty. One that is Terminating keeps the pod from being made."""
        problems = []
        for claim in pods_of_sets.claims_for(self._set, rules.ordinal_of(pod)):
            live = self._cluster.get(CLAIMS, name(claim), namespace(claim))
            if live and terminating(live):
                problems.append(f"pvc {name(claim)} is to be deleted")
            if live:
                continue
            try:
                self._cluster.create(CLAIMS, claim)
            except ApiError as error:
                problems.append(f"failed to create PVC {name(claim)}: {error}")
                if error.reason != "AlreadyExists":
                    where = f"for Pod {name(pod)} in StatefulSet {name(self._set)}"
                    self._record("Warning", "FailedCreate", f"create Claim {name(claim)} {where} failed error: {error}")
                continue
            done = f"create Claim {name(claim)} Pod {name(pod)} in StatefulSet {name(self._set)} success"
            self._record("Normal", "SuccessfulCreate", done)
        if problems:
            raise Failed(problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")

    def _fix_claims(self, pod: Object) -> None:
        """Brings the ownerReferences of the pod's claims in line with the retention policy. An ordinal that is reserved
        counts as scaled in (4.2)."""
        in_range = rules.ordinal_of(pod) in self._ordinals
        for claim in self._claims_of(pod):
            references = wanted_references(claim, self._set, pod, in_range=in_range)
            if references != owners(claim):
                metadata = {**claim["metadata"], "ownerReferences": references}
                self._cluster.update(CLAIMS, {**claim, "metadata": metadata})

    def _correct(self, pod: Object) -> None:
        """Identity and claims of a pod that was adopted or edited."""
        self._fix_claims(pod)
        if pods_of_sets.conforms(self._set, pod):
            return
        labels = {**labels_of(pod), pods_of_sets.POD_NAME_LABEL: name(pod)}
        volumes = pods_of_sets.volumes_for(self._set, rules.ordinal_of(pod), pod["spec"])
        corrected = {
            **pod,
            "metadata": {**pod["metadata"], "labels": labels},
            "spec": {**pod["spec"], "volumes": volumes},
        }
        try:
            self._create_claims(pod)
            self._cluster.update(PODS, corrected)
        except (Failed, ApiError) as error:
            self._tell("update", pod, error)
            raise
        self._tell("update", pod)

    def _delete(self, pod: Object) -> bool:
        """Whether anything was changed. A hooked pod is only marked, and goes when its hook is taken off."""
        if rules.is_hooked(self._set, pod):
            if labels_of(pod).get(rules.STATE_LABEL) == rules.PREPARING_DELETE:
                return False
            self._cluster.patch(PODS, name(pod), {"metadata": _preparing_delete(pod)}, namespace(pod))
            return True
        try:
            self._cluster.delete(PODS, name(pod), namespace(pod), uid=uid(pod))
        except ApiError as error:
            self._tell("delete", pod, error)
            raise
        self._tell("delete", pod)
        return True

    def _tell(self, verb: str, pod: Object, error: Exception | None = None) -> None:
        """OpenKruise's verbs are in small letters where those of newer apps/v1 controllers are not."""
        text = f"{verb} Pod {name(pod)} in StatefulSet {name(self._set)}"
        if error is None:
            self._record("Normal", f"Successful{verb.title()}", f"{text} successful")
        else:
            self._record("Warning", f"Failed{verb.title()}", f"{text} failed error: {error}")

    def _record(self, type_: str, reason: str, message: str) -> None:
        self._cluster.event(self._set, type_, reason, message, COMPONENT)


def _lowest_unhealthy(pods: list[Object]) -> Object | None:
    return min((pod for pod in pods if not rules.is_healthy(pod)), key=rules.ordinal_of, default=None)


def _preparing_delete(pod: Object) -> Object:
    """What to change of the metadata of this pod and no other."""
    return {
        "uid": uid(pod),
        "labels": {rules.STATE_LABEL: rules.PREPARING_DELETE},
        "annotations": {rules.STATE_TIME: timestamp()},
    }

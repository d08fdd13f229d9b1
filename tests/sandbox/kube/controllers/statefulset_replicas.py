# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pods of one StatefulSet in one sync: create, replace, delete, in the order that its policy asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..client import Client
from ..errors import ApiError
from . import statefulset_pods as rules
from .objects import Object, name, namespace, owners, phase, seconds_since, terminating, uid
from .objects import condition as condition_of
from .retention import is_stale, wanted_references
from .revisions import History, with_template_of

PODS, CLAIMS = "pods", "persistentvolumeclaims"
COMPONENT = "statefulset-controller"

_COUNTS = ("replicas", "readyReplicas", "availableReplicas", "currentReplicas", "updatedReplicas")


class Failed(Exception):
    """A step did not work; the set is to be tried again after its back-off."""


class Replicas:
    """``counts`` holds the numbers for the status, as of before what this sync created or deleted.

    Steps return whether the sync ends with them (in OrderedReady: something must happen first).
    """

    def __init__(self, client: Client, stateful_set: Object, history: History, pods: list[Object]) -> None:
        self._client = client
        self._set = stateful_set
        self._history = history
        self._pods = pods
        self._patience = float(stateful_set["spec"].get("minReadySeconds") or 0)
        self._ordered: bool = stateful_set["spec"].get("podManagementPolicy", "OrderedReady") != "Parallel"
        self._update_set = with_template_of(stateful_set, history.update)
        self._current_set = with_template_of(stateful_set, history.current)
        self.counts = self._count()

    @property
    def look_again(self) -> float | None:
        """When the next Ready pod becomes available; no event tells."""
        waits = []
        for pod in self._pods:
            ready = condition_of(pod, "Ready")
            if ready and rules.is_ready(pod) and not rules.is_available(pod, self._patience):
                waits.append(max(self._patience - seconds_since(ready["lastTransitionTime"]), 0.0))
        return min(waits, default=None)

    def reconcile(self) -> None:
        if terminating(self._set):
            return
        living = {rules.ordinal_of(name(pod))[1]: pod for pod in self._pods if rules.in_range(self._set, pod)}
        replicas = [living.get(ordinal) or self._new_pod(ordinal) for ordinal in rules.ordinals(self._set)]
        condemned = sorted(
            (pod for pod in self._pods if not rules.in_range(self._set, pod)),
            key=lambda pod: rules.ordinal_of(name(pod))[1],
            reverse=True,
        )
        unhealthy = [pod for pod in (*replicas, *reversed(condemned)) if rules.is_unavailable(pod, self._patience)]
        first_unhealthy = unhealthy[0] if unhealthy else None
        if (
            self._for_all(replicas, self._keep)
            or self._for_all(condemned, self._fix_claims)
            or self._for_all(condemned, lambda pod: self._condemn(pod, first_unhealthy))
        ):
            return
        if (self._set["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate") == "RollingUpdate":
            self._replace_outdated(replicas)

    def _count(self) -> dict[str, int]:
        counts = dict.fromkeys(_COUNTS, 0)
        for pod in self._pods:
            counts["replicas"] += 1
            counts["readyReplicas"] += rules.is_ready(pod)
            counts["availableReplicas"] += rules.is_available(pod, self._patience)
            if not terminating(pod):
                counts["currentReplicas"] += rules.revision_of(pod) == name(self._history.current)
                counts["updatedReplicas"] += rules.revision_of(pod) == name(self._history.update)
        return counts

    def _new_pod(self, ordinal: int) -> Object:
        """Below the partition of a rolling update a pod keeps the current revision."""
        strategy = self._set["spec"].get("updateStrategy") or {}
        partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
        rolling = strategy.get("type", "RollingUpdate") == "RollingUpdate"
        if rolling and ordinal < rules.ordinals(self._set).start + partition:
            return rules.new_pod(self._current_set, ordinal, name(self._history.current))
        return rules.new_pod(self._update_set, ordinal, name(self._history.update))

    def _for_all(self, pods: list[Object], step: Callable[[Object], bool]) -> bool:
        """OrderedReady stops at the first pod that ends the sync, Parallel after the first batch with a failure."""
        if self._ordered:
            return any(step(pod) for pod in pods)
        done, batch = 0, 1
        while done < len(pods):
            problems = [problem for pod in pods[done : done + batch] if (problem := _attempt(step, pod))]
            if problems:
                raise Failed(_joined([str(problem) for problem in problems]))
            done, batch = done + batch, batch * 2
        return False

    def _keep(self, pod: Object) -> bool:
        """One replica that should be there."""
        if phase(pod) in ("Failed", "Succeeded"):
            if not terminating(pod):
                self._delete(pod)
            return True
        if not rules.is_created(pod):
            if self._has_stale_claim(pod):
                raise Failed(f"a claim of {name(pod)} is about to be deleted with an earlier pod")
            self._create(pod)
            if self._ordered:
                return True
        if phase(pod) == "Pending":
            self._create_claims(pod)
            self._fix_claims(pod)
        if self._ordered and rules.is_unavailable(pod, self._patience):
            return True
        if rules.is_created(pod):
            self._correct(pod)
        return False

    def _has_stale_claim(self, pod: Object) -> bool:
        return any(is_stale(claim, self._set, pod) for claim in self._existing_claims(pod))

    def _existing_claims(self, pod: Object) -> list[Object]:
        wanted = rules.claims_for(self._update_set, rules.ordinal_of(name(pod))[1])
        found = (self._client.get(CLAIMS, name(claim), namespace(claim)) for claim in wanted)
        return [claim for claim in found if claim]

    def _create(self, pod: Object) -> None:
        try:
            self._create_claims(pod)
            created = self._client.create(PODS, pod)
        except (Failed, ApiError) as error:
            if isinstance(error, Failed) or error.reason != "AlreadyExists":
                self._tell("Create", pod, error)
            raise
        self._fix_claims(created)
        self._tell("Create", pod)

    def _create_claims(self, pod: Object) -> None:
        """Missing claims are made from the templates, empty: nobody but a migrator notices (B5). One that is
        Terminating keeps the pod from being made, which is what the hold stands on."""
        problems = []
        for claim in rules.claims_for(self._set, rules.ordinal_of(name(pod))[1]):
            live = self._client.get(CLAIMS, name(claim), namespace(claim))
            if live and terminating(live):
                problems.append(f"pvc {name(claim)} is being deleted")
            if live:
                continue
            try:
                self._client.create(CLAIMS, claim)
                self._record(
                    "Normal",
                    "SuccessfulCreate",
                    f"Create Claim {name(claim)} Pod {name(pod)} in StatefulSet {name(self._set)} success",
                )
            except ApiError as error:
                problems.append(f"failed to create PVC {name(claim)}: {error}")
                if error.reason != "AlreadyExists":
                    where = f"for Pod {name(pod)} in StatefulSet {name(self._set)}"
                    self._record("Warning", "FailedCreate", f"Create Claim {name(claim)} {where} failed error: {error}")
        if problems:
            raise Failed(_joined(problems))

    def _fix_claims(self, pod: Object) -> bool:
        """Brings the ownerReferences of the pod's claims in line with the retention policy."""
        in_range = rules.in_range(self._update_set, pod)
        for claim in self._existing_claims(pod):
            references = wanted_references(claim, self._update_set, pod, in_range=in_range)
            if references != owners(claim):
                self._client.update(CLAIMS, {**claim, "metadata": {**claim["metadata"], "ownerReferences": references}})
        return False

    def _correct(self, pod: Object) -> None:
        """Identity and claims of a healthy pod that was adopted or edited."""
        self._fix_claims(pod)
        if rules.conforms(self._set, pod):
            return
        ordinal = rules.ordinal_of(name(pod))[1]
        metadata: dict[str, Any] = {**pod["metadata"]}
        metadata["labels"] = {**(metadata.get("labels") or {}), rules.POD_NAME_LABEL: name(pod)}
        spec = {**pod["spec"], "volumes": rules.volumes_for(self._set, ordinal, pod["spec"])}
        try:
            self._create_claims(pod)
            self._client.update(PODS, {**pod, "metadata": metadata, "spec": spec})
        except (Failed, ApiError) as error:
            self._tell("Update", pod, error)
            raise
        self._tell("Update", pod)

    def _condemn(self, pod: Object, first_unhealthy: Object | None) -> bool:
        """One pod too many. OrderedReady: one at a time from the top, and an unhealthy pod stops it unless it is the
        first of all (B5: a pod that is stuck Terminating stops the scale-down for ever)."""
        if terminating(pod):
            return self._ordered
        if self._ordered and rules.is_unavailable(pod, self._patience) and pod is not first_unhealthy:
            return True
        self._delete(pod)
        return True

    def _replace_outdated(self, replicas: list[Object]) -> None:
        """Deletes the highest pod that is not at the update revision, once all above it are available."""
        strategy = self._set["spec"].get("updateStrategy") or {}
        partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
        for pod in reversed(replicas[partition:]):
            if rules.revision_of(pod) != name(self._history.update) and not terminating(pod):
                self._delete(pod)
                self.counts["currentReplicas"] -= rules.revision_of(pod) == name(self._history.current)
                return
            if rules.is_unavailable(pod, self._patience):
                return

    def _delete(self, pod: Object) -> None:
        try:
            self._client.delete(PODS, name(pod), namespace(pod), uid=uid(pod))
        except ApiError as error:
            self._tell("Delete", pod, error)
            raise
        self._tell("Delete", pod)

    def _tell(self, verb: str, pod: Object, error: Exception | None = None) -> None:
        text = f"{verb} Pod {name(pod)} in StatefulSet {name(self._set)}"
        if error is None:
            self._record("Normal", f"Successful{verb}", f"{text} successful")
        else:
            self._record("Warning", f"Failed{verb}", f"{text} failed error: {error}")

    def _record(self, type_: str, reason: str, message: str) -> None:
        self._client.event(self._set, type_, reason, message, COMPONENT)


def _attempt(step: Callable[[Object], bool], pod: Object) -> Exception | None:
    try:
        step(pod)
    except (Failed, ApiError) as error:
        return error
    return None


def _joined(problems: list[str]) -> str:
    """As Go's aggregate error reads."""
    return problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"

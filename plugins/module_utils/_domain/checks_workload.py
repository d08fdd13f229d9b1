# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prechecks of the StatefulSet and of those who act on it: pods, autoscalers, owners, rights, runs. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from . import objects
from .model import Finding, Observed, Plan, Severity, Wish, blocker
from .objects import Obj


def replicas_are_those_asked_for(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    """The claims of any other pod are not in the plan, so it would be stopped and its disk would stay behind."""
    wanted = {f"{plan.sts}-{ordinal}" for ordinal in objects.ordinals(seen.sts)}
    pods = (objects.name(pod) for pod in seen.pods if objects.is_pod_of(pod, seen.sts))
    others = sorted(name for name in pods if name not in wanted)
    if others and (plan.moves or len(seen.claims) < len(objects.expected_claims(seen.sts))):
        yield blocker(
            "pod-not-asked-for",
            f"StatefulSet {plan.namespace}/{plan.sts} asks for {', '.join(sorted(wanted)) or 'no replica'}, "
            f"but there is {', '.join(others)}.",
            "wait until the scaling has ended. An Advanced StatefulSet whose ordinals.start is in force (OpenKruise's "
            "alpha feature gate StatefulSetStartOrdinal) cannot be moved.",
        )


def pods_can_be_stopped(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    """OpenKruise only marks a hooked pod and waits; two of an ordered set block each other for ever (4.3)."""
    hook = (seen.sts["spec"].get("lifecycle") or {}).get("preDelete") or {}
    hooked = sorted(objects.name(pod) for pod in seen.pods if _is_hooked(pod, hook))
    if plan.moves and hooked:
        yield blocker(
            "pod-hooked",
            f"lifecycle.preDelete of StatefulSet {plan.namespace}/{plan.sts} keeps {', '.join(hooked)} from stopping.",
            "take lifecycle.preDelete out of its specification for the move.",
        )


def _is_hooked(pod: Obj, hook: Obj) -> bool:
    """Whether the pod has a label or finalizer that the hook names."""
    labels = (hook.get("labelsHandler") or {}).items()
    finalizers = pod["metadata"].get("finalizers") or []
    return any(objects.labels_of(pod).get(key) == value for key, value in labels) or any(
        each in finalizers for each in hook.get("finalizersHandler") or []
    )


def sts_is_settled(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    if not plan.moves:
        return
    what = f"StatefulSet {plan.namespace}/{plan.sts}"
    owner = next((ref for ref in objects.owner_references(seen.sts) if ref.get("controller")), None)
    if objects.is_terminating(seen.sts):
        yield blocker("sts-terminating", f"{what} is being deleted.", "there is nothing to migrate then.")
    if owner:
        yield blocker(
            "sts-owned",
            f"{what} belongs to {owner.get('kind')} {owner.get('name')}, which would undo the scaling.",
            "pause that operator and remove the reference, or migrate with the operator's own means (trap 37).",
        )
    if _is_rolling_out(seen.sts):
        yield blocker(
            "rollout-unfinished",
            f"{what} is in the middle of a rollout: a restart would bring part of it up on another revision.",
            "wait for kubectl rollout status, or undo the rollout.",
        )
    ready = int((seen.sts.get("status") or {}).get("readyReplicas") or 0)
    if ready < plan.replicas:
        yield Finding(
            "sts-not-ready",
            Severity.WARNING,
            f"Only {ready} of {plan.replicas} replicas of {what} are Ready before the move.",
            "mend the application first, or it may look as if the move had broken it.",
        )


def nobody_else_scales(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    for autoscaler in seen.autoscalers if plan.moves else ():
        yield Finding(
            "autoscaler",
            Severity.WARNING,
            f"{autoscaler} scales StatefulSet {plan.sts}. The held claims keep pods from starting during the run.",
            "pause it for a quiet run (trap 35).",
        )


def retention_is_retain(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    deleting = [key for key, value in plan.retention_policy.items() if value != "Retain"]
    if plan.moves and deleting:
        yield Finding(
            "claim-retention-policy",
            Severity.NOTE,
            f"persistentVolumeClaimRetentionPolicy {', '.join(deleting)} is Delete; a run sets Retain (trap 6).",
        )


def rights_suffice(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    if plan.moves and seen.missing_rights:
        yield blocker(
            "rbac-missing",
            f"The Kubernetes user may not {'; '.join(seen.missing_rights)}.",
            "grant the rules of docs/rbac/migrate.yaml.",
        )


def no_run_is_open(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    if seen.open_run:
        yield blocker(
            "run-unfinished",
            f"Run {seen.open_run} of StatefulSet {plan.namespace}/{plan.sts} is not finished.",
            f"see it with status.yml; go back with rollback.yml -e sts={plan.sts} -e namespace={plan.namespace}.",
        )


def _is_rolling_out(sts: Obj) -> bool:
    """A change is not yet seen, or revisions differ though neither OnDelete nor a partition holds them apart."""
    status = sts.get("status") or {}
    strategy = sts["spec"].get("updateStrategy") or {}
    deliberate = strategy.get("type") == "OnDelete" or (strategy.get("rollingUpdate") or {}).get("partition")
    unseen = int(status.get("observedGeneration") or 0) < int(sts["metadata"].get("generation") or 0)
    current, update = status.get("currentRevision"), status.get("updateRevision")
    return unseen or bool(current and update and current != update and not deliberate)

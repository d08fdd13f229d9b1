# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The prechecks: each a pure function from what was observed to findings. All run, so that a plan
names every problem at once.

A check's id is stable; people and pipelines match on it. Trap numbers are those of peers-and-traps.md section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from . import ids, manifests, objects
from .cloud import REGIONAL_CATEGORY
from .model import Finding, Observed, Plan, Severity, Wish
from .objects import Obj

Check = Callable[[Wish, Observed, Plan], Iterator[Finding]]

# Neither has snapshots (alibaba-ecs.md 2.8).
_CATEGORIES_WITHOUT_SNAPSHOT = ("local_", "ephemeral_", "elastic_ephemeral_disk_")
_DISK_LABEL = "node.csi.alibabacloud.com/disktype."


def run_all(wish: Wish, seen: Observed, plan: Plan) -> list[Finding]:
    """Findings of every check, blockers first."""
    found = [finding for check in _CHECKS for finding in check(wish, seen, plan)]
    rank = {severity: number for number, severity in enumerate(Severity)}
    return sorted(found, key=lambda finding: rank[finding.severity])


def _blocker(check_id: str, message: str, fix: str) -> Finding:
    return Finding(check_id, Severity.BLOCKER, message, fix)


def zones_exist(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    for zone in wish.target_zones:
        if zone not in seen.zones:
            yield _blocker(
                "zone-unknown",
                f"Zone {zone} does not exist in this region, which has {', '.join(seen.zones)}.",
                "correct target_zones.",
            )


def zones_have_nodes(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    for zone in _zones_in_use(plan):
        if zone in seen.zones and not _usable_nodes(seen, zone):
            yield _blocker(
                "zone-without-node",
                f"No Ready and schedulable node of the cluster is in zone {zone}.",
                "add a node there or uncordon one.",
            )


def nodes_take_disks(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    """Nodes say which categories they take (csi-and-statefulsets.md 1.5); others are not judged."""
    for zone, category in _zones_and_categories(seen, plan):
        labels = [objects.labels_of(node) for node in _usable_nodes(seen, zone)]
        tell = any(key.startswith(_DISK_LABEL) for of_node in labels for key in of_node)
        if tell and not any(of_node.get(_DISK_LABEL + category) == "available" for of_node in labels):
            yield _blocker(
                "node-takes-no-disk-of-category",
                f"No usable node in zone {zone} can attach disks of category {category}.",
                "add a node of an instance type that can.",
            )


def zones_sell_disks(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    """Stock is asked for, not reserved: it may still run out (trap 24)."""
    for zone, category in _zones_and_categories(seen, plan):
        offers = seen.offers.get(zone)
        if offers is not None and not any(offer.category == category and offer.available for offer in offers):
            yield _blocker(
                "zone-sold-out",
                f"ECS does not sell disks of category {category} in zone {zone} at present.",
                "choose another zone or try again later.",
            )


def claims_are_ready(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    for name, _ordinal in objects.expected_claims(seen.sts):
        claim = seen.claims.get(name)
        if claim is None:
            yield _blocker(
                "claim-missing",
                f"Claim {name} does not exist, so the replica that mounts it has no data to move.",
                "start the application in its present zone first, or scale it down to the replicas that have data.",
            )
        elif objects.is_terminating(claim):
            yield _blocker(
                "claim-terminating",
                f"Claim {name} is being deleted.",
                "find out who deleted it; restore it from its PV.",
            )
        elif objects.phase(claim) != "Bound":
            yield _blocker(
                "claim-not-bound",
                f"Claim {name} is {objects.phase(claim) or 'without a phase'}, not Bound.",
                "see its events: kubectl describe pvc " + name,
            )


def volumes_are_disks(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    for claim, pv in _claims_with_pv(seen):
        disk_id = objects.disk_of(pv)
        if objects.is_terminating(pv):
            yield _blocker(
                "pv-terminating",
                f"PV {objects.name(pv)} of claim {claim} is being deleted and cannot be kept.",
                "a deletion cannot be taken back: save the data by hand first.",
            )
        if not disk_id:
            yield _of_another_driver(claim, pv)
        elif disk_id not in seen.disks:
            yield _blocker(
                "disk-missing",
                f"ECS knows no disk {disk_id} (PV {objects.name(pv)}, claim {claim}) in this region.",
                "check region and account of the ECS credentials.",
            )
        elif seen.disks[disk_id].zone_id and objects.zone_of(pv) not in ("", seen.disks[disk_id].zone_id):
            yield _blocker(
                "pv-zone-differs",
                f"PV {objects.name(pv)} of claim {claim} says zone {objects.zone_of(pv)}, "
                f"its disk {disk_id} is in {seen.disks[disk_id].zone_id}.",
                "make a PV that tells the truth about its zone first.",
            )


def _of_another_driver(claim: str, pv: Obj) -> Finding:
    """A network volume (NAS, OSS) is reached from every zone; a volume that nodes are chosen by is not."""
    what = f"PV {objects.name(pv)} of claim {claim} is not a disk of {ids.DRIVER}"
    if pv["spec"].get("nodeAffinity"):
        return _blocker(
            "pv-of-another-driver",
            f"{what}, and its node affinity keeps its pod where it is.",
            "only ECS disk volumes can be moved.",
        )
    return Finding("pv-stays", Severity.NOTE, f"{what}. It is bound to no zone and stays as it is.")


def disks_can_be_copied(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    for volume in plan.moves:
        disk = seen.disks[volume.source_disk_id]
        if disk.category.startswith(_CATEGORIES_WITHOUT_SNAPSHOT):
            yield _blocker(
                "disk-without-snapshots",
                f"Disk {disk.disk_id} of claim {volume.claim} is of category {disk.category}, which has no snapshots.",
                "copy its data with the application's own means.",
            )
        if disk.never_attached:
            yield _blocker(
                "disk-never-attached",
                f"Disk {disk.disk_id} of claim {volume.claim} was never attached; ECS makes no snapshot of it.",
                "let its pod run once, so that the disk is attached.",
            )


def regional_disks_stay(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    for volume in plan.stays:
        if seen.disks[volume.source_disk_id].category == REGIONAL_CATEGORY:
            yield Finding(
                "disk-regional",
                Severity.NOTE,
                f"Disk {volume.source_disk_id} of claim {volume.claim} is regional: it can be attached in any zone, "
                "its pod needs no move.",
            )


def disks_have_one_pv(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    """Two PVs on one handle are not protected from each other (csi-and-statefulsets.md 1.7)."""
    for volume in plan.moves:
        pvs = [objects.name(pv) for pv in seen.pvs.values() if objects.disk_of(pv) == volume.source_disk_id]
        if len(pvs) > 1:
            yield _blocker(
                "disk-with-several-pvs",
                f"Disk {volume.source_disk_id} of claim {volume.claim} is behind PVs {', '.join(sorted(pvs))}.",
                "delete the PV objects that are not bound, after setting them to Retain.",
            )


def claims_fit_their_pvs(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    """Guard and rebind refuse what does not fit (S4); the plan says so first. A wrong zone has a finding of its own."""
    for volume in plan.moves:
        pv = seen.pvs[volume.source_pv]
        found = manifests.mismatches(
            seen.claims[volume.claim],
            pv,
            disk_id=volume.source_disk_id,
            zone=objects.zone_of(pv) or volume.source_zone,
            size_gib=volume.size_gib,
        )
        if found:
            yield _blocker(
                "claim-misfits-pv",
                f"Claim {volume.claim} does not fit its PV {volume.source_pv}: {'; '.join(found)}.",
                "wait if the volume is being expanded, else make a PV and claim that agree.",
            )


def claims_are_not_shared(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    for volume in plan.moves:
        if volume.ordinal is None and plan.replicas > 1:
            yield _blocker(
                "claim-shared-by-replicas",
                f"Claim {volume.claim} is mounted from the pod template by all {plan.replicas} replicas.",
                "a zonal disk serves one pod; scale to 1 replica or give each its own claim.",
            )
        for pod in seen.pods:
            if volume.claim in objects.claims_of_pod(pod) and not objects.is_pod_of(pod, seen.sts):
                yield _blocker(
                    "claim-used-by-other-pod",
                    f"Pod {objects.name(pod)}, which is not of StatefulSet {plan.sts}, mounts claim {volume.claim}.",
                    "delete that pod; a finished one keeps the claim from going too (traps 12, 45).",
                )


def replicas_are_those_asked_for(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    """The claims of any other pod are not in the plan, so it would be stopped and its disk would stay behind."""
    wanted = {f"{plan.sts}-{ordinal}" for ordinal in objects.ordinals(seen.sts)}
    pods = (objects.name(pod) for pod in seen.pods if objects.is_pod_of(pod, seen.sts))
    others = sorted(name for name in pods if name not in wanted)
    if others and (plan.moves or len(seen.claims) < len(objects.expected_claims(seen.sts))):
        yield _blocker(
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
        yield _blocker(
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
        yield _blocker("sts-terminating", f"{what} is being deleted.", "there is nothing to migrate then.")
    if owner:
        yield _blocker(
            "sts-owned",
            f"{what} belongs to {owner.get('kind')} {owner.get('name')}, which would undo the scaling.",
            "pause that operator and remove the reference, or migrate with the operator's own means (trap 37).",
        )
    if _is_rolling_out(seen.sts):
        yield _blocker(
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
        yield _blocker(
            "rbac-missing",
            f"The Kubernetes user may not {'; '.join(seen.missing_rights)}.",
            "grant the rules of docs/rbac/migrate.yaml.",
        )


def no_run_is_open(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    if seen.open_run:
        yield _blocker(
            "run-unfinished",
            f"Run {seen.open_run} of StatefulSet {plan.namespace}/{plan.sts} is not finished.",
            f"see it with status.yml; go back with rollback.yml -e sts={plan.sts} -e namespace={plan.namespace}.",
        )


def _zones_in_use(plan: Plan) -> list[str]:
    return list(dict.fromkeys(volume.zone for volume in plan.moves))


def _zones_and_categories(seen: Observed, plan: Plan) -> list[tuple[str, str]]:
    wanted = ((volume.zone, seen.disks[volume.source_disk_id].category) for volume in plan.moves)
    return [pair for pair in dict.fromkeys(wanted) if pair[0] in seen.zones]


def _usable_nodes(seen: Observed, zone: str) -> list[Obj]:
    """Nodes that can run a pod with a disk; virtual nodes have no disk driver (csi-and-statefulsets.md 1.5)."""
    return [
        node
        for node in seen.nodes
        if objects.node_zone(node) == zone
        and not node["spec"].get("unschedulable")
        and objects.condition(node, "Ready") == "True"
        and objects.labels_of(node).get("type") != "virtual-kubelet"
    ]


def _claims_with_pv(seen: Observed) -> Iterator[tuple[str, Obj]]:
    for name, _ordinal in objects.expected_claims(seen.sts):
        claim = seen.claims.get(name)
        pv = seen.pvs.get(objects.volume_name(claim)) if claim else None
        if pv:
            yield name, pv


def _is_rolling_out(sts: Obj) -> bool:
    """A change is not yet seen, or revisions differ though neither OnDelete nor a partition holds them apart."""
    status = sts.get("status") or {}
    strategy = sts["spec"].get("updateStrategy") or {}
    deliberate = strategy.get("type") == "OnDelete" or (strategy.get("rollingUpdate") or {}).get("partition")
    unseen = int(status.get("observedGeneration") or 0) < int(sts["metadata"].get("generation") or 0)
    current, update = status.get("currentRevision"), status.get("updateRevision")
    return unseen or bool(current and update and current != update and not deliberate)


_CHECKS: tuple[Check, ...] = (
    zones_exist,
    zones_have_nodes,
    nodes_take_disks,
    zones_sell_disks,
    claims_are_ready,
    volumes_are_disks,
    disks_can_be_copied,
    regional_disks_stay,
    disks_have_one_pv,
    claims_fit_their_pvs,
    claims_are_not_shared,
    replicas_are_those_asked_for,
    pods_can_be_stopped,
    sts_is_settled,
    nobody_else_scales,
    retention_is_retain,
    rights_suffice,
    no_run_is_open,
)

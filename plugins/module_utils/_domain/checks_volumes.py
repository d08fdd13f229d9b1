# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prechecks of claims, PVs and disks: can each be moved, and will it fit where it goes. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from . import ids, manifests, objects
from .cloud import REGIONAL_CATEGORY
from .model import Finding, Observed, Plan, Severity, Volume, Wish, blocker
from .objects import Obj

# Neither has snapshots (alibaba-ecs.md 2.8).
_CATEGORIES_WITHOUT_SNAPSHOT = ("local_", "ephemeral_", "elastic_ephemeral_disk_")


def claims_are_ready(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    for name, _ordinal in objects.expected_claims(seen.sts):
        claim = seen.claims.get(name)
        if claim is None:
            yield blocker(
                "claim-missing",
                f"Claim {name} does not exist, so the replica that mounts it has no data to move.",
                "start the application in its present zone first, or scale it down to the replicas that have data.",
            )
        elif objects.is_terminating(claim):
            yield blocker(
                "claim-terminating",
                f"Claim {name} is being deleted.",
                "find out who deleted it; restore it from its PV.",
            )
        elif objects.phase(claim) != "Bound":
            yield blocker(
                "claim-not-bound",
                f"Claim {name} is {objects.phase(claim) or 'without a phase'}, not Bound.",
                "see its events: kubectl describe pvc " + name,
            )


def volumes_are_disks(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    for claim, pv in _claims_with_pv(seen):
        disk_id = objects.disk_of(pv)
        if objects.is_terminating(pv):
            yield blocker(
                "pv-terminating",
                f"PV {objects.name(pv)} of claim {claim} is being deleted and cannot be kept.",
                "a deletion cannot be taken back: save the data by hand first.",
            )
        if not disk_id:
            yield _of_another_driver(claim, pv)
        elif disk_id not in seen.disks:
            yield blocker(
                "disk-missing",
                f"ECS knows no disk {disk_id} (PV {objects.name(pv)}, claim {claim}) in this region.",
                "check region and account of the ECS credentials.",
            )
        elif seen.disks[disk_id].zone_id and objects.zone_of(pv) not in ("", seen.disks[disk_id].zone_id):
            yield blocker(
                "pv-zone-differs",
                f"PV {objects.name(pv)} of claim {claim} says zone {objects.zone_of(pv)}, "
                f"its disk {disk_id} is in {seen.disks[disk_id].zone_id}.",
                "make a PV that tells the truth about its zone first.",
            )


def _of_another_driver(claim: str, pv: Obj) -> Finding:
    """A network volume (NAS, OSS) is reached from every zone; a volume that nodes are chosen by is not."""
    what = f"PV {objects.name(pv)} of claim {claim} is not a disk of {ids.DRIVER}"
    if pv["spec"].get("nodeAffinity"):
        return blocker(
            "pv-of-another-driver",
            f"{what}, and its node affinity keeps its pod where it is.",
            "only ECS disk volumes can be moved.",
        )
    return Finding("pv-stays", Severity.NOTE, f"{what}. It is bound to no zone and stays as it is.")


def disks_can_be_copied(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    for volume in plan.moves:
        disk = seen.disks[volume.source_disk_id]
        if disk.category.startswith(_CATEGORIES_WITHOUT_SNAPSHOT):
            yield blocker(
                "disk-without-snapshots",
                f"Disk {disk.disk_id} of claim {volume.claim} is of category {disk.category}, which has no snapshots.",
                "copy its data with the application's own means.",
            )
        if disk.never_attached:
            yield blocker(
                "disk-never-attached",
                f"Disk {disk.disk_id} of claim {volume.claim} was never attached; ECS makes no snapshot of it.",
                "let its pod run once, so that the disk is attached.",
            )


def templates_fit_disks(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    """A claim that the controller makes anew is made from the template: one that the reserved PV cannot serve would
    get an empty disk (S5; kubernetes-behaviour.md B4).
    """
    for template in seen.sts["spec"].get("volumeClaimTemplates") or []:
        for volume in plan.moves:
            name = objects.name(template)
            own = volume.ordinal is not None and volume.claim == objects.template_claim_name(
                name, seen.sts, volume.ordinal
            )
            wrong = _misfits(template, volume, seen) if own else []
            if wrong and not _misfits(seen.claims[volume.claim], volume, seen):
                yield blocker(
                    "template-exceeds-claim",
                    f"The claim template {name} of StatefulSet {plan.sts} asks for what the disk of claim "
                    f"{volume.claim} is not: {'; '.join(wrong)}.",
                    "make claim and template agree first, by expanding the claim for one.",
                )
                break


def _misfits(claim: Obj, volume: Volume, seen: Observed) -> list[str]:
    """What of the claim, or of a template for one, its disk is not. A wrong zone has a finding of its own."""
    pv = seen.pvs[volume.source_pv]
    return manifests.mismatches(
        claim,
        pv,
        disk_id=volume.source_disk_id,
        zone=objects.zone_of(pv) or volume.source_zone,
        size_gib=volume.size_gib,
    )


def automatic_snapshots_end(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    for volume in plan.moves:
        policy = seen.disks[volume.source_disk_id].auto_snapshot_policy_id
        if policy:
            yield Finding(
                "auto-snapshot-policy-not-carried",
                Severity.WARNING,
                f"Automatic snapshots of disk {volume.source_disk_id} (claim {volume.claim}, policy {policy}) "
                "do not go on for its copy (trap 48).",
                "apply the policy to the new disk after the move.",
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
            yield blocker(
                "disk-with-several-pvs",
                f"Disk {volume.source_disk_id} of claim {volume.claim} is behind PVs {', '.join(sorted(pvs))}.",
                "delete the PV objects that are not bound, after setting them to Retain.",
            )


def claims_fit_their_pvs(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    """Guard and rebind refuse what does not fit (S4); the plan says so first."""
    for volume in plan.moves:
        found = _misfits(seen.claims[volume.claim], volume, seen)
        if found:
            yield blocker(
                "claim-misfits-pv",
                f"Claim {volume.claim} does not fit its PV {volume.source_pv}: {'; '.join(found)}.",
                "wait if the volume is being expanded, else make a PV and claim that agree.",
            )


def claims_are_not_shared(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    for volume in plan.moves:
        if volume.ordinal is None and plan.replicas > 1:
            yield blocker(
                "claim-shared-by-replicas",
                f"Claim {volume.claim} is mounted from the pod template by all {plan.replicas} replicas.",
                "a zonal disk serves one pod; scale to 1 replica or give each its own claim.",
            )
        for pod in seen.pods:
            if volume.claim in objects.claims_of_pod(pod) and not objects.is_pod_of(pod, seen.sts):
                yield blocker(
                    "claim-used-by-other-pod",
                    f"Pod {objects.name(pod)}, which is not of StatefulSet {plan.sts}, mounts claim {volume.claim}.",
                    "delete that pod; a finished one keeps the claim from going too (traps 12, 45).",
                )


def _claims_with_pv(seen: Observed) -> Iterator[tuple[str, Obj]]:
    for name, _ordinal in objects.expected_claims(seen.sts):
        claim = seen.claims.get(name)
        pv = seen.pvs.get(objects.volume_name(claim)) if claim else None
        if pv:
            yield name, pv

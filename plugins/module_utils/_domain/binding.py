# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The claim swap, one step at a time: from what is there to the next thing to do. Pure.

The same steps serve both directions and every interruption, because each is decided from the live objects alone:
retain, read back, reserve, hold off, release, create, amend, drop. *Reserve before release* (DESIGN, the hold): at no
instant is a claim absent while no PV is reserved for it.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

from . import ids, manifests, objects
from .model import Volume
from .objects import Obj


class Action(enum.Enum):
    """What to do next for one claim."""

    RETAIN_PV = "set the PV's reclaim policy to Retain"
    RESERVE = "create a PV reserved for the claim"
    DELETE_CLAIM = "delete the claim"
    RELEASE = "take the hold off the claim"
    CREATE_CLAIM = "create the claim"
    AMEND_CLAIM = "put the claim's own labels, annotations and size back"
    DROP_PV = "drop the older PV object of the same disk"
    SET_POLICY = "give the PV its reclaim policy"
    WAIT = "wait"
    DONE = "nothing"
    REFUSE = "stop"


@dataclasses.dataclass(frozen=True)
class Step:
    action: Action
    name: str = ""
    uid: str = ""
    body: dict[str, Any] = dataclasses.field(default_factory=dict)
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Swap:
    """One claim: where it is wanted, and how claim and PV looked when the run began."""

    wanted: Volume
    original_claim: Obj
    original_pv: Obj
    run_id: str = ""


def next_step(swap: Swap, claim: Obj | None, pvs: list[Obj], users: list[str]) -> Step:
    """The next step for one claim.

    ``claim`` is the live claim or None; ``pvs`` are the live PVs that hold the wanted disk, name the claim, or that the
    claim names; ``users`` are the pods that mount the claim and have a node.
    """
    on_disk = [pv for pv in pvs if objects.disk_of(pv) == swap.wanted.disk_id]
    current = _by_name(pvs, objects.volume_name(claim)) if claim else None
    if claim and current in on_disk and objects.is_bound_to(claim, current):
        return _settle(swap, claim, current, on_disk)
    unguarded = _not_retained(current)
    if unguarded:
        return unguarded
    reserved = _reserved(swap, on_disk, claim)
    if reserved is None:
        return _reserve(swap, on_disk, pvs)
    misfit = _misfit(swap, reserved)
    if misfit:
        return misfit
    if claim is None:
        return Step(Action.CREATE_CLAIM, body=manifests.bound_claim(swap.original_claim, objects.name(reserved)))
    return _let_go(claim, reserved, users)


def _settle(swap: Swap, claim: Obj, pv: Obj, on_disk: list[Obj]) -> Step:
    """The claim is bound as wanted: what remains to be put right."""
    misfit = _misfit(swap, pv)
    if misfit:
        return misfit
    if objects.has_hold(claim):
        return Step(Action.RELEASE, uid=objects.uid(claim))
    amendment = manifests.claim_amendment(claim, swap.original_claim)
    if amendment:
        return Step(Action.AMEND_CLAIM, uid=objects.uid(claim), body=amendment)
    older = next((other for other in on_disk if other is not pv), None)
    if older is not None:
        return _drop(older, pv)
    if objects.reclaim_policy(pv) != swap.wanted.reclaim_policy:
        return Step(Action.SET_POLICY, name=objects.name(pv), uid=objects.uid(pv), body=_policy(swap))
    return Step(Action.DONE, name=objects.name(pv))


def _policy(swap: Swap) -> dict[str, Any]:
    """The reclaim policy; with Delete also the annotation by which the provisioner knows its own PV (trap 3)."""
    notes: dict[str, str | None] = {}
    provisioner = objects.annotations_of(swap.original_pv).get(manifests.PROVISIONED_BY)
    if swap.wanted.reclaim_policy == "Delete":
        notes = {ids.POLICY_ANNOTATION: None, **({manifests.PROVISIONED_BY: provisioner} if provisioner else {})}
    spec = {"persistentVolumeReclaimPolicy": swap.wanted.reclaim_policy}
    return {"spec": spec, **({"metadata": {"annotations": notes}} if notes else {})}


def _drop(older: Obj, bound: Obj) -> Step:
    """Two PV objects on one disk lose data (csi-and-statefulsets.md 1.7): both stay Retain until one goes."""
    for pv in (older, bound):
        if objects.reclaim_policy(pv) != "Retain":
            return Step(Action.RETAIN_PV, name=objects.name(pv), uid=objects.uid(pv))
    if objects.phase(older) == "Bound" and objects.claim_ref(older)[:2] == objects.claim_ref(bound)[:2]:
        # The claim of this name is on the other PV: the controller has yet to see that the former one is gone.
        return Step(Action.WAIT, reason=f"older PV {objects.name(older)} of the same disk to be Released")
    if objects.phase(older) == "Bound":
        return Step(
            Action.REFUSE,
            reason=f"PV {objects.name(older)} is bound to claim {'/'.join(objects.claim_ref(older)[:2])} and holds the "
            f"same disk {objects.disk_of(older)} as PV {objects.name(bound)}",
        )
    if objects.is_terminating(older):
        return Step(Action.WAIT, reason=f"older PV {objects.name(older)} of the same disk to be gone")
    return Step(Action.DROP_PV, name=objects.name(older), uid=objects.uid(older))


def _not_retained(current: Obj | None) -> Step | None:
    """S2: nothing of the claim is touched before the PV that it is on says Retain."""
    if current is None or objects.reclaim_policy(current) == "Retain":
        return None
    return Step(Action.RETAIN_PV, name=objects.name(current), uid=objects.uid(current))


def _reserved(swap: Swap, on_disk: list[Obj], claim: Obj | None) -> Obj | None:
    """A PV on the wanted disk that waits for this claim by name, or is already taken by the claim that is there now."""
    place = (objects.namespace(swap.original_claim), objects.name(swap.original_claim))
    live_uid = objects.uid(claim) if claim and not objects.is_terminating(claim) else ""
    for pv in on_disk:
        namespace, name, uid = objects.claim_ref(pv)
        usable = not objects.is_terminating(pv) and objects.reclaim_policy(pv) == "Retain"
        if usable and (namespace, name) == place and uid in ("", live_uid):
            return pv
    return None


def _reserve(swap: Swap, on_disk: list[Obj], pvs: list[Obj]) -> Step:
    for pv in on_disk:
        if objects.reclaim_policy(pv) != "Retain":
            return Step(Action.RETAIN_PV, name=objects.name(pv), uid=objects.uid(pv))
        if objects.claim_ref(pv)[:2] not in ((objects.namespace(swap.original_claim), swap.wanted.claim), ("", "")):
            owner = "/".join(objects.claim_ref(pv)[:2])
            reason = f"disk {swap.wanted.disk_id} is behind PV {objects.name(pv)} of claim {owner}"
            return Step(Action.REFUSE, reason=reason)
    body = manifests.reserved_pv(
        swap.original_pv,
        name=free_pv_name(swap.wanted.disk_id, {objects.name(pv) for pv in pvs}),
        disk_id=swap.wanted.disk_id,
        zone=swap.wanted.zone,
        size_gib=swap.wanted.size_gib,
        claim=swap.original_claim,
        run_id=swap.run_id,
    )
    return _misfit(swap, body) or Step(Action.RESERVE, name=objects.name(body), body=body)


def _misfit(swap: Swap, pv: Obj) -> Step | None:
    """S4: under mutual reservation Kubernetes compares nothing, so we do."""
    found = manifests.mismatches(
        swap.original_claim,
        pv,
        disk_id=swap.wanted.disk_id,
        zone=swap.wanted.zone,
        size_gib=swap.wanted.size_gib,
    )
    return Step(Action.REFUSE, name=objects.name(pv), reason="; ".join(found)) if found else None


def _let_go(claim: Obj, reserved: Obj, users: list[str]) -> Step:
    """A PV waits for the claim: let the claim that is there go, unless it is the one that the PV waits for."""
    if objects.is_held(claim):
        return Step(Action.RELEASE, uid=objects.uid(claim))
    if objects.is_terminating(claim):
        return Step(Action.WAIT, reason=f"claim {objects.name(claim)} to be gone; {_who_keeps(claim, users)}")
    # A claim that lost its PV does not come back by itself, not even when a PV of that name does (trap 9).
    hopeful = objects.volume_name(claim) in ("", objects.name(reserved)) and objects.phase(claim) != "Lost"
    if objects.claim_ref(reserved)[2] or hopeful:
        return Step(Action.WAIT, reason=f"claim {objects.name(claim)} to be bound to PV {objects.name(reserved)}")
    if users:
        return Step(Action.REFUSE, reason=f"claim {objects.name(claim)} is mounted by pod {', '.join(users)}")
    return Step(Action.DELETE_CLAIM, uid=objects.uid(claim))


def _who_keeps(claim: Obj, users: list[str]) -> str:
    finalizers = ", ".join(claim["metadata"].get("finalizers") or []) or "none"
    return f"finalizers: {finalizers}; mounted by: {', '.join(users) or 'no pod'}"


def final_pv_name(swap: Swap, claim: Obj | None, pvs: list[Obj], taken: set[str]) -> str:
    """The PV that the claim will be on in the end: the one that it is on, one that waits for it, or a new one."""
    on_disk = [pv for pv in pvs if objects.disk_of(pv) == swap.wanted.disk_id]
    current = _by_name(on_disk, objects.volume_name(claim)) if claim else None
    if current is None or not objects.is_bound_to(claim, current):
        current = _reserved(swap, on_disk, claim)
    return objects.name(current) if current else free_pv_name(swap.wanted.disk_id, taken)


def free_pv_name(disk_id: str, taken: set[str]) -> str:
    """PVs are named after their disk; a PV name is cluster-wide and a retained source keeps its own."""
    if disk_id not in taken:
        return disk_id
    number = 2
    while f"{disk_id}-{number}" in taken:
        number += 1
    return f"{disk_id}-{number}"


def _by_name(pvs: list[Obj], name: str) -> Obj | None:
    return next((pv for pv in pvs if objects.name(pv) == name), None) if name else None

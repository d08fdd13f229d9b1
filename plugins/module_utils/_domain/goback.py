# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Going back: from a journal and the live claims to what returns the application to its source disks. Pure."""

from __future__ import annotations

from typing import Any

from . import journal as journals
from . import objects
from .journal import Journal
from .model import Volume
from .objects import Obj


def go_back(journal: Journal, claims: dict[str, Obj], pvs: dict[str, Obj], pods: list[Obj]) -> dict[str, Any]:
    """What going back and finalizing need to know, as JSON. ``claims``, ``pvs`` and ``pods`` are the live ones.

    ``stop``          whether the replicas must stop to go back: not when every claim is still on its source disk
    ``guarded``       the claims as wanted on their source disks, with Retain
    ``restored``      the same with the reclaim policy that each PV had before
    ``targets``       the volumes as the run made them
    ``finalized``     the same with that reclaim policy
    ``loses_writes``  whether a replica is or was Ready on a target disk, so that it may have written there (S11)
    ``arrived``       whether every claim is on its target disk under a Ready pod: nothing is left to do but to say so
    ``on_source``     the claims that are on their source disk, which must not be deleted then
    """
    moves = [Volume.from_dict(raw) for raw in journal["plan"]["moves"]]
    made = journals.volumes(journal)
    serving = [volume for volume in made if _serves(volume, claims, pvs, pods)]
    return {
        "stop": not all(_is_on(v.source_disk_id, v.claim, claims, pvs) for v in moves),
        "guarded": [volume.at_source().as_dict() for volume in moves],
        "restored": [volume.at_source(journals.original_policy(journal, volume)).as_dict() for volume in moves],
        "targets": [volume.as_dict() for volume in made],
        "finalized": [_finalized(journal, volume).as_dict() for volume in made],
        "loses_writes": bool(journal["ready_on_target"] or serving),
        "arrived": len(serving) == len(made),
        "on_source": [v.claim for v in moves if claims.get(v.claim) and _names_disk(v, claims[v.claim], pvs)],
    }


def _is_on(disk_id: str, claim_name: str, claims: dict[str, Obj], pvs: dict[str, Obj]) -> bool:
    claim = claims.get(claim_name)
    pv = pvs.get(objects.volume_name(claim)) if claim else None
    return bool(disk_id and pv and objects.is_bound_to(claim, pv) and objects.disk_of(pv) == disk_id)


def _serves(volume: Volume, claims: dict[str, Obj], pvs: dict[str, Obj], pods: list[Obj]) -> bool:
    ready = any(objects.condition(p, "Ready") == "True" and volume.claim in objects.claims_of_pod(p) for p in pods)
    return ready and _is_on(volume.disk_id, volume.claim, claims, pvs)


def _names_disk(volume: Volume, claim: Obj, pvs: dict[str, Obj]) -> bool:
    """Whether the claim names a PV of the source disk, in whatever state both are."""
    pv = pvs.get(objects.volume_name(claim))
    return pv is not None and objects.disk_of(pv) == volume.source_disk_id


def _finalized(journal: Journal, volume: Volume) -> Volume:
    """The volume on its target disk, with the reclaim policy that the source PV had (trap 3)."""
    return Volume.from_dict({**volume.as_dict(), "reclaim_policy": journals.original_policy(journal, volume)})

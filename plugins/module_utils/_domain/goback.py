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


def go_back(journal: Journal, claims: dict[str, Obj], pvs: dict[str, Obj]) -> dict[str, Any]:
    """What the rollback entry point needs, as JSON.

    ``stop`` tells whether the replicas must stop for it: not when every claim is still on its source disk. ``guarded``
    and ``restored`` are the claims on their source disks, with Retain and with the policy that each PV had. ``targets``
    are the volumes as the run made them. ``loses_writes`` is true once a replica was Ready on a target disk (S11).
    """
    moves = [Volume.from_dict(raw) for raw in journal["plan"]["moves"]]
    return {
        "stop": not all(_is_on_source(volume, claims.get(volume.claim), pvs) for volume in moves),
        "guarded": [volume.at_source().as_dict() for volume in moves],
        "restored": [volume.at_source(journals.original_policy(journal, volume)).as_dict() for volume in moves],
        "targets": [volume.as_dict() for volume in journals.volumes(journal)],
        "finalized": [_finalized(journal, volume).as_dict() for volume in journals.volumes(journal)],
        "loses_writes": bool(journal["ready_on_target"]),
    }


def _is_on_source(volume: Volume, claim: Obj | None, pvs: dict[str, Obj]) -> bool:
    pv = pvs.get(objects.volume_name(claim)) if claim else None
    return bool(pv and objects.is_bound_to(claim, pv) and objects.disk_of(pv) == volume.source_disk_id)


def _finalized(journal: Journal, volume: Volume) -> Volume:
    """The volume on its target disk, with the reclaim policy that the source PV had (trap 3)."""
    return Volume.from_dict({**volume.as_dict(), "reclaim_policy": journals.original_policy(journal, volume)})

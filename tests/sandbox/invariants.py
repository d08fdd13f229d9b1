# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold after everything that is done to the sandbox (DESIGN.md section 6). Every violation is a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .nodes.names import DISK_ZONE, ZONE
from .records import flaw, starts_with
from .world import RUN_KEY, World, disk_of, disk_of_claim


def check(before: World, after: World) -> list[str]:
    """The violations between two worlds (``Sandbox.world``) of one sandbox; none is the only good answer.

    A test that means to break a rule (it scales, or deletes a claim itself) compares with what it expects instead.
    """
    return [
        *_disasters(before, after),
        *_missing_writes(after),
        *_missing_history(before, after),
        *_ownerless(after),
        *_replicas(before, after),
        *_claims(before, after),
    ]


def _disasters(before: World, after: World) -> Iterator[str]:
    """No application on an empty or stale disk."""
    for disaster in after["disasters"][len(before["disasters"]) :]:
        yield (
            f"{disaster['kind']}: {disaster['pod']} went on with {disaster['claim']} at record {disaster['found']} of "
            f"disk {disaster['disk']} although {disaster['acknowledged']} records were acknowledged"
        )


def _missing_writes(after: World) -> Iterator[str]:
    """No acknowledged write missing: the disk has the newest one and, the records being chained, all before it."""
    for claim, write in after["writes"].items():
        disk_id = disk_of_claim(after, claim)
        disk = after["disks"].get(disk_id)
        if disk is None:
            if claim in after["claims"]:
                yield f"{claim} has no disk, and {write['record']['n']} records were acknowledged to it"
            continue
        if write["record"] not in disk["contents"]:
            yield (
                f"{claim} is on disk {disk_id} with {len(disk['contents'])} records, without the acknowledged record "
                f"{write['record']['n']}"
            )
        if fault := flaw(disk["contents"]):
            yield f"{claim} is on disk {disk_id}, whose contents are damaged: {fault}"


def _missing_history(before: World, after: World) -> Iterator[str]:
    """What a claim's disk held before is the beginning of what it holds now, whichever disk that is now."""
    for claim in before["claims"]:
        old = before["disks"].get(disk_of_claim(before, claim))
        new = after["disks"].get(disk_of_claim(after, claim))
        if old and not new:
            yield f"{claim} had a disk with {len(old['contents'])} records and has none now"
        elif old and new and not starts_with(new["contents"], old["contents"]):
            yield f"{claim} is on disk {new['id']}, which does not begin with the data of its disk {old['id']}"


def _ownerless(after: World) -> Iterator[str]:
    """Nothing of ours without a journal that names it: by the run id, on disks and snapshots a tag."""
    runs = {journal["metadata"]["labels"][RUN_KEY] for journal in after["journals"].values()}
    for kind in ("disks", "snapshots"):
        for name, thing in after[kind].items():
            run = thing["tags"].get(RUN_KEY)
            if run is not None and run not in runs:
                yield f"{kind.removesuffix('s')} {name} is of run {run}, of which there is no journal"


def _replicas(before: World, after: World) -> Iterator[str]:
    for kind in ("statefulsets", "advanced_statefulsets"):
        for key, sts in before.get(kind, {}).items():
            wanted = sts["spec"].get("replicas", 1)
            now = after[kind].get(key)
            if now is None:
                yield f"StatefulSet {key} is gone"
            elif now["spec"].get("replicas", 1) != wanted:
                yield f"StatefulSet {key} has {now['spec'].get('replicas', 1)} replicas instead of {wanted}"


def _claims(before: World, after: World) -> Iterator[str]:
    """Every claim that was there is Bound, to a PV that tells the truth about its disk's zone."""
    for claim in before["claims"]:
        now = after["claims"].get(claim)
        if now is None:
            yield f"claim {claim} is gone"
            continue
        if (now.get("status") or {}).get("phase") != "Bound":
            yield f"claim {claim} is {(now.get('status') or {}).get('phase')}, not Bound"
            continue
        volume = after["volumes"].get(now["spec"].get("volumeName", ""))
        disk = after["disks"].get(disk_of(volume or {}))
        if not volume or not disk:
            yield f"claim {claim} is bound to volume {now['spec'].get('volumeName')}, which has no disk"
            continue
        reference = volume["spec"].get("claimRef") or {}
        if reference.get("uid") != now["metadata"]["uid"]:
            yield f"volume {volume['metadata']['name']} is reserved for another claim than {claim}"
        if zones_of(volume) != {disk["zone"]}:
            told = ", ".join(sorted(zones_of(volume)))
            yield (
                f"volume {volume['metadata']['name']} of claim {claim} says zone {told or 'nothing'}, "
                f"but disk {disk['id']} is in {disk['zone']}"
            )


def zones_of(volume: dict[str, Any]) -> set[str]:
    """The zones that a PV's nodeAffinity allows."""
    terms = (volume["spec"].get("nodeAffinity") or {}).get("required", {}).get("nodeSelectorTerms") or []
    return {
        value
        for term in terms
        for expression in term.get("matchExpressions") or []
        if expression["key"] in (DISK_ZONE, ZONE) and expression["operator"] == "In"
        for value in expression["values"]
    }

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner: from what was observed to where every claim goes. Pure."""

from __future__ import annotations

import dataclasses

from . import checks, objects
from .cloud import REGIONAL_CATEGORY
from .model import Observed, Plan, Volume, Wish
from .objects import Obj


def make_plan(wish: Wish, seen: Observed) -> Plan:
    """A plan with all findings at once. It may be carried out only when it has no blocker."""
    volumes = map_volumes(seen)
    regional = tuple(volume for volume in volumes if is_regional(volume, seen))
    placed = place([volume for volume in volumes if volume.source_zone and volume not in regional], wish.target_zones)
    moves = tuple(volume for volume in placed if volume.zone != volume.source_zone)
    plan = Plan(
        run_id=wish.run_id,
        namespace=wish.namespace,
        sts=wish.name,
        sts_type=objects.sts_type(seen.sts),
        sts_uid=objects.uid(seen.sts),
        replicas=objects.replicas(seen.sts),
        retention_policy=objects.retention_policy(seen.sts),
        target_zones=wish.target_zones,
        moves=moves,
        stays=tuple(volume for volume in placed if volume.zone == volume.source_zone) + regional,
        findings=(),
        snapshot_retention_days=wish.snapshot_retention_days,
        retain_source=wish.retain_source,
    )
    return dataclasses.replace(plan, findings=tuple(checks.run_all(wish, seen, plan)))


def map_volumes(seen: Observed) -> list[Volume]:
    """Every claim that the StatefulSet's present replicas mount, with the disk and zone behind it (trap 46)."""
    found = []
    for claim_name, ordinal in objects.expected_claims(seen.sts):
        claim = seen.claims.get(claim_name)
        if claim is not None:
            found.append(_volume(claim, ordinal, seen))
    return found


def is_regional(volume: Volume, seen: Observed) -> bool:
    """Whether the disk's data is in several zones already, so that any of them can attach it."""
    disk = seen.disks.get(volume.source_disk_id)
    return disk is not None and disk.category == REGIONAL_CATEGORY


def _volume(claim: Obj, ordinal: int | None, seen: Observed) -> Volume:
    pv = seen.pvs.get(objects.volume_name(claim))
    disk_id = objects.disk_of(pv) if pv else ""
    disk = seen.disks.get(disk_id)
    return Volume(
        claim=objects.name(claim),
        claim_uid=objects.uid(claim),
        ordinal=ordinal,
        source_pv=objects.name(pv) if pv else "",
        source_disk_id=disk_id,
        source_zone=disk.zone_id if disk else "",
        size_gib=disk.size_gib if disk else 0,
    )


def place(volumes: list[Volume], target_zones: tuple[str, ...]) -> list[Volume]:
    """Give every volume its zone, as storage-operator does (DESIGN section 5).

    A pod whose disks are all in one of the listed zones stays; the other pods are spread over the zones in the order of
    the list, by ordinal. All disks of one pod go to one zone: a listed zone that already holds one of them wins.
    A claim of the pod template is mounted by every pod, so all disks follow it.
    """
    if not target_zones:
        return [dataclasses.replace(volume, zone=volume.source_zone) for volume in volumes]
    if any(volume.ordinal is None for volume in volumes):
        shared_first = sorted(volumes, key=lambda volume: volume.ordinal is not None)
        zone = next((v.source_zone for v in shared_first if v.source_zone in target_zones), target_zones[0])
        return [dataclasses.replace(volume, zone=zone) for volume in volumes]
    zones: dict[int | None, str] = {}
    turn = 0
    for ordinal in sorted({volume.ordinal for volume in volumes if volume.ordinal is not None}):
        of_pod = [volume.source_zone for volume in volumes if volume.ordinal == ordinal]
        listed = [zone for zone in of_pod if zone in target_zones]
        if listed:
            zones[ordinal] = listed[0]
        else:
            zones[ordinal] = target_zones[turn % len(target_zones)]
            turn += 1
    return [dataclasses.replace(volume, zone=zones[volume.ordinal]) for volume in volumes]

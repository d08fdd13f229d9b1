# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots and disks that belong to a run: made once, waited for, checked, and deleted only when they are ours."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from .._domain import ids
from .._domain.cloud import Disk, Snapshot
from .._domain.copies import description_of_copy, differences, disk_request, is_owned
from .._domain.model import Volume
from .._errors import MigrationError, NotFound, Refused
from .._retry import Clock
from .._wait import Done, Failed, Interval, Pending, Verdict, wait_until
from . import api
from .client import Client

T = TypeVar("T")
R = TypeVar("R")

_LOOK = Interval(0.2, factor=1.5, cap=3.0)
_THREADS = 8


@dataclasses.dataclass(frozen=True)
class Owner:
    """Who makes and deletes: the run, on this connection."""

    client: Client
    run_id: str
    clock: Clock
    timeout: float

    def wait(self, look: Callable[[], Verdict[T]], what: str) -> T:
        return wait_until(look, timeout=self.timeout, interval=_LOOK, clock=self.clock, what=what)


def source_disks(owner: Owner, volumes: list[Volume]) -> dict[str, Disk]:
    """The source disk of every volume. Raises NotFound that names the claim whose disk is not there."""
    found = {disk.disk_id: disk for disk in api.describe_disks(owner.client, [v.source_disk_id for v in volumes])}
    for volume in volumes:
        if volume.source_disk_id not in found:
            raise NotFound(
                f"ECS knows no disk {volume.source_disk_id} in region {owner.client.region}.",
                code="DiskNotFound",
                hint="Check region and account of the credentials.",
                context={"claim": volume.claim, "disk": volume.source_disk_id},
            )
    return found


def wait_detached(owner: Owner, volumes: list[Volume]) -> None:
    """Until ECS itself says that nothing is attached to any source disk (S6)."""

    def look() -> Verdict[None]:
        disks = source_disks(owner, volumes).values()
        busy = [
            f"{d.disk_id} is {d.status} at {', '.join(d.attachments) or 'no instance'}" for d in disks if not d.detached
        ]
        return Pending("; ".join(busy)) if busy else Done(None)

    owner.wait(look, "the source disks to be detached")


def existing_snapshots(owner: Owner) -> dict[str, Snapshot]:
    """Snapshots that this run made, by source disk; failed ones do not count."""
    found = api.describe_snapshots(owner.client, tags={ids.RUN_TAG: owner.run_id, ids.STEP_TAG: "snapshot"})
    return {snapshot.source_disk_id: snapshot for snapshot in found if not snapshot.failed}


def create_snapshots(owner: Owner, volumes: list[Volume], retention_days: int) -> list[Volume]:
    """Start a snapshot of each source disk; returns the volumes with their ids."""

    def create(volume: Volume) -> Volume:
        snapshot_id = api.create_snapshot(
            owner.client,
            disk_id=volume.source_disk_id,
            name=ids.resource_name(volume.claim or volume.source_disk_id, owner.run_id),
            token=ids.client_token(owner.run_id, "snapshot", volume.source_disk_id),
            description=f"Made by zoneshift run {owner.run_id}",
            retention_days=retention_days,
            tags=ids.owner_tags(owner.run_id, "snapshot", volume.claim or volume.source_disk_id),
        )
        return dataclasses.replace(volume, snapshot_id=snapshot_id)

    return _each(create, volumes)


def wait_snapshots(owner: Owner, volumes: list[Volume], *, durable: bool) -> dict[str, Snapshot]:
    """Until every snapshot can be used, or survives its source disk (``durable``). Returns them by source disk."""
    moment = "durable (accomplished)" if durable else "usable"

    def look() -> Verdict[dict[str, Snapshot]]:
        found = {s.snapshot_id: s for s in api.describe_snapshots(owner.client, [v.snapshot_id for v in volumes])}
        for volume in volumes:
            snapshot = found.get(volume.snapshot_id)
            if snapshot is not None and snapshot.failed:
                return Failed(_snapshot_failed(volume))
        ready = [s for s in found.values() if s.durable or (s.usable and not durable)]
        if len(ready) == len(volumes):
            return Done({s.source_disk_id: s for s in ready})
        percent = sum(s.progress_percent for s in found.values()) // len(volumes)
        return Pending(f"{len(ready)} of {len(volumes)} snapshots {moment}, {percent} %")

    return owner.wait(look, f"the snapshots to be {moment}")


def _snapshot_failed(volume: Volume) -> MigrationError:
    return Refused(
        f"ECS reports that snapshot {volume.snapshot_id} of disk {volume.source_disk_id} failed.",
        code="SnapshotFailed",
        hint="The source disk is untouched. Start a new run.",
        context={"claim": volume.claim, "zone": volume.source_zone},
    )


def existing_disks(owner: Owner) -> list[Disk]:
    """Disks that this run made."""
    return api.describe_disks(owner.client, tags={ids.RUN_TAG: owner.run_id, ids.STEP_TAG: "disk"})


def create_disks(owner: Owner, volumes: list[Volume], sources: dict[str, Disk]) -> list[Volume]:
    """Order a disk for each volume; returns the volumes with their ids."""

    def create(volume: Volume) -> Volume:
        wanted = disk_request(sources[volume.source_disk_id], volume, owner.run_id)
        token = ids.client_token(owner.run_id, "disk", volume.source_disk_id)
        return dataclasses.replace(
            volume, disk_id=api.create_disk(owner.client, wanted=wanted, token=token), size_gib=wanted.size_gib
        )

    return _each(create, volumes)


def wait_disks(owner: Owner, volumes: list[Volume], sources: dict[str, Disk]) -> None:
    """Until every disk is there; then compare each with its source. Raises Refused on any difference (S4)."""

    def look() -> Verdict[dict[str, Disk]]:
        found = {disk.disk_id: disk for disk in api.describe_disks(owner.client, [v.disk_id for v in volumes])}
        there = [d for d in found.values() if d.status in ("Available", "In_use")]
        return Done(found) if len(there) == len(volumes) else Pending(f"{len(there)} of {len(volumes)} disks created")

    made = owner.wait(look, "the target disks to be created")
    for volume in volumes:
        wrong = differences(sources[volume.source_disk_id], volume, made[volume.disk_id])
        if wrong:
            raise Refused(
                f"Disk {volume.disk_id} is not the copy of {volume.source_disk_id} that was ordered: "
                f"{'; '.join(wrong)}.",
                code="DiskDiffers",
                hint="It is not used. The source disk is untouched.",
                context={"claim": volume.claim, "zone": volume.zone},
            )


def delete_snapshots(owner: Owner) -> list[str]:
    """Delete every snapshot of this run, failed ones too; returns the ids of those that were there."""
    found = api.describe_snapshots(owner.client, tags={ids.RUN_TAG: owner.run_id, ids.STEP_TAG: "snapshot"})
    ours = [snapshot.snapshot_id for snapshot in found if is_owned(snapshot.tags, owner.run_id, "snapshot")]
    _each(lambda snapshot_id: api.delete_snapshot(owner.client, snapshot_id), ours)
    _wait_gone(
        owner, lambda: (s.snapshot_id for s in api.describe_snapshots(owner.client, ours)), "the snapshots", ours
    )
    return ours


def delete_target_disks(owner: Owner) -> list[str]:
    """Delete every disk of this run, each only while nothing is attached to it; returns their ids (S8)."""
    ours = [disk for disk in existing_disks(owner) if is_owned(disk.tags, owner.run_id, "disk")]
    return _delete_detached(owner, ours, "target")


def delete_source_disks(owner: Owner, volumes: list[Volume]) -> list[str]:
    """Finalize: delete the source disks for good. Returns their ids; those gone already are left out.

    Each goes only when its snapshot is durable (or has expired since, with the copy in use), its copy is there, and
    nothing is attached to it (trap 44).
    """
    wanted = [disk_id for volume in volumes for disk_id in (volume.source_disk_id, volume.disk_id)]
    disks = {disk.disk_id: disk for disk in api.describe_disks(owner.client, wanted)}
    remaining = [volume for volume in volumes if volume.source_disk_id in disks]
    unexpired = {s.snapshot_id: s for s in api.describe_snapshots(owner.client, [v.snapshot_id for v in remaining])}
    with_snapshot = [volume for volume in remaining if volume.snapshot_id in unexpired]
    if with_snapshot:
        wait_snapshots(owner, with_snapshot, durable=True)
    for volume in remaining:
        _demand_replaced(owner, volume, disks.get(volume.disk_id), unexpired.get(volume.snapshot_id))
    return _delete_detached(owner, [disks[volume.source_disk_id] for volume in remaining], "source")


def _demand_replaced(owner: Owner, volume: Volume, copy: Disk | None, snapshot: Snapshot | None) -> None:
    """That the copy is one of this very disk: a list of volumes that mixes things up must not delete another one."""
    reasons = []
    if volume.source_disk_id == volume.disk_id:
        reasons.append("it is the disk in use")
    if snapshot is not None and snapshot.source_disk_id != volume.source_disk_id:
        reasons.append(f"snapshot {volume.snapshot_id} is one of disk {snapshot.source_disk_id}")
    if copy is None or copy.source_snapshot_id != volume.snapshot_id or copy.zone_id != volume.zone:
        reasons.append(f"disk {volume.disk_id} is not its copy in {volume.zone}")
    elif snapshot is None and copy.description != description_of_copy(volume.source_disk_id, owner.run_id):
        reasons.append(
            f"its snapshot {volume.snapshot_id} is gone and disk {copy.disk_id} is not described as its copy"
        )
    elif snapshot is None and copy.never_attached:
        reasons.append(f"its snapshot {volume.snapshot_id} is gone and its copy {copy.disk_id} was never attached")
    if reasons:
        raise Refused(
            f"Source disk {volume.source_disk_id} is not deleted: {'; '.join(reasons)}.",
            code="NotReplaced",
            hint="Nothing was deleted. See the run with status.yml.",
            context={"claim": volume.claim, "zone": volume.source_zone},
        )


def _delete_detached(owner: Owner, disks: list[Disk], kind: str) -> list[str]:
    disk_ids = [disk.disk_id for disk in disks]
    if not disk_ids:
        return []

    def look() -> Verdict[None]:
        found = api.describe_disks(owner.client, disk_ids)
        used = next((disk for disk in found if disk.status in ("In_use", "Attaching")), None)
        if used is not None:
            return Failed(_in_use(used, kind))
        busy = [f"{disk.disk_id} is {disk.status}" for disk in found if not disk.detached]
        return Pending("; ".join(busy)) if busy else Done(None)

    owner.wait(look, f"the {kind} disks to be detached")
    _each(lambda disk_id: api.delete_disk(owner.client, disk_id), disk_ids)
    _wait_gone(
        owner, lambda: (d.disk_id for d in api.describe_disks(owner.client, disk_ids)), f"the {kind} disks", disk_ids
    )
    return disk_ids


def _in_use(disk: Disk, kind: str) -> MigrationError:
    return Refused(
        f"The {kind} disk {disk.disk_id} is not deleted: it is {disk.status} "
        f"at {', '.join(disk.attachments) or 'an instance'}.",
        code="DiskInUse",
        hint="Nothing was deleted. See which pod uses it.",
        context={"disk": disk.disk_id, "zone": disk.zone_id},
    )


def _wait_gone(owner: Owner, look_up: Callable[[], Iterable[str]], what: str, ids_of: list[str]) -> None:
    def look() -> Verdict[None]:
        left = sorted(look_up())
        return Pending(f"still there: {', '.join(left)}") if left else Done(None)

    if ids_of:
        owner.wait(look, f"{what} to be gone")


def _each(call: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Call for every item, a few at a time. All are tried before the first error is raised."""

    def told(item: T) -> R:
        try:
            return call(item)
        except MigrationError as error:
            if isinstance(item, Volume):
                error.add_context(claim=item.claim, disk=item.source_disk_id, zone=item.zone)
            raise

    with ThreadPoolExecutor(_THREADS) as pool:
        futures = [pool.submit(told, item) for item in items]
    return [future.result() for future in futures]

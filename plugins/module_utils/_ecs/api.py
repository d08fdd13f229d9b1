# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One function per ECS call, typed. Nothing else in the collection talks to ECS (DESIGN section 2)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .._domain.cloud import Disk, DiskRequest, Offer, Price, Snapshot, Zone
from .._errors import BadInput, MigrationError, NotFound, Refused
from .._retry import Policy, retry
from . import shapes
from .client import Client
from .codes import INITIALIZING

IDS_PER_QUERY = 100
IDS_PER_TAGGING = 50
LONGEST_TOKEN = 64
# A disk that still loads from its snapshot cannot be deleted; the CSI driver tries for as long (alibaba-ecs.md 2.5).
LOADING_PATIENCE = 300.0
LOADING_POLL = 5.0


def describe_disks(
    client: Client, disk_ids: Iterable[str] | None = None, tags: Mapping[str, str] | None = None
) -> list[Disk]:
    """The disks with these ids (and tags). No ids given means all of the region; an empty list means none.

    An id that does not exist is not in the answer, and neither is one that is not yet visible (alibaba-ecs.md 2.5).
    """
    found = []
    for ids in _batches(disk_ids):
        params = {"DiskIds": ids, **shapes.tag_params(tags or {})}
        found += [shapes.disk(wire) for wire in _pages(client, "DescribeDisks", params, "Disks", "Disk")]
    return found


def describe_snapshots(
    client: Client,
    snapshot_ids: Iterable[str] | None = None,
    disk_ids: Iterable[str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> list[Snapshot]:
    """The snapshots with these ids, of these disks, with these tags; each condition that is given must hold.

    DescribeSnapshots takes a single disk id: that costs one query per disk.
    """
    found = []
    for ids in _batches(snapshot_ids):
        for disk_id in [None] if disk_ids is None else list(disk_ids):
            params = {"SnapshotIds": ids, "DiskId": disk_id, **shapes.tag_params(tags or {})}
            pages = _pages(client, "DescribeSnapshots", params, "Snapshots", "Snapshot")
            found += [shapes.snapshot(wire) for wire in pages]
    return found


def create_snapshot(
    client: Client,
    *,
    disk_id: str,
    name: str,
    token: str,
    description: str = "",
    retention_days: int | None = None,
    tags: Mapping[str, str] | None = None,
    resource_group_id: str = "",
) -> str:
    """Start a snapshot and return its id. ``retention_days`` None or -1 keeps it for ever: it is not sent then."""
    params = {
        "DiskId": disk_id,
        "SnapshotName": name,
        "Description": description,
        "RetentionDays": _retention(retention_days),
        "ResourceGroupId": resource_group_id,
        "ClientToken": _token(token),
        **shapes.tag_params(tags or {}),
    }
    answer = client.call("CreateSnapshot", params, context={"disk": disk_id})
    return shapes.required_text(answer, "SnapshotId", "CreateSnapshot")


def delete_snapshot(client: Client, snapshot_id: str) -> bool:
    """Delete it, disks made from it notwithstanding (they keep their data). False when ECS says that there is none.

    ECS may also ignore an unknown id, so True does not prove that there was one.
    """
    params = {"SnapshotId": snapshot_id, "Force": True}
    return _delete(client, "DeleteSnapshot", params, context={"snapshot": snapshot_id})


def modify_snapshot_retention(client: Client, snapshot_id: str, retention_days: int) -> None:
    """Keep it for that many days after its creation. ECS only ever lengthens (alibaba-ecs.md 2.2)."""
    days = _retention(retention_days)
    if days is None:
        raise BadInput(
            "ECS cannot turn a limited retention into an unlimited one.",
            code="BadRetention",
            hint="Give a number of days.",
            context={"snapshot": snapshot_id},
        )
    params = {"SnapshotId": snapshot_id, "RetentionDays": days}
    client.call("ModifySnapshotAttribute", params, context={"snapshot": snapshot_id})


def create_disk(client: Client, *, wanted: DiskRequest, token: str) -> str:
    """Order a pay-as-you-go data disk and return its id. It can be seen and used only some seconds later."""
    params = {**shapes.disk_params(wanted), "ClientToken": _token(token)}
    context = {"zone": wanted.zone_id, "category": wanted.category, "snapshot": wanted.snapshot_id}
    answer = client.call("CreateDisk", params, context=context)
    return shapes.required_text(answer, "DiskId", "CreateDisk")


def delete_disk(client: Client, disk_id: str, *, patience: float = LOADING_PATIENCE) -> bool:
    """Delete a detached disk, waiting up to ``patience`` seconds for one that still loads from its snapshot.

    False when ECS says that there is none; see `delete_snapshot`. There is no way back: look at it first (DESIGN S8).
    """

    def delete() -> bool:
        return _delete(client, "DeleteDisk", {"DiskId": disk_id}, context={"disk": disk_id})

    def classify(error: Exception) -> float | None:
        loading = isinstance(error, MigrationError) and error.context.get("kind") == INITIALIZING
        return 0.0 if loading else None

    return retry(delete, Policy(limit=patience, first=LOADING_POLL, factor=1.0), client.clock, classify)


def tag_resources(client: Client, kind: str, ids: Sequence[str], tags: Mapping[str, str]) -> None:
    """Set tags of disks or snapshots (``kind`` is ``disk`` or ``snapshot``); other tags stay."""
    if not tags:
        return
    for batch in _chunks(ids, IDS_PER_TAGGING):
        params = {"ResourceType": kind, **_numbered("ResourceId", batch), **shapes.tag_params(tags)}
        client.call("TagResources", params, context={kind: ", ".join(batch)})


def untag_resources(client: Client, kind: str, ids: Sequence[str], keys: Iterable[str]) -> None:
    """Take tags with these keys off; what has no such tag is left as it is."""
    wanted = sorted(keys)
    if not wanted:
        return
    for batch in _chunks(ids, IDS_PER_TAGGING):
        params = {"ResourceType": kind, **_numbered("ResourceId", batch), **_numbered("TagKey", wanted)}
        client.call("UntagResources", params, context={kind: ", ".join(batch)})


def describe_zones(client: Client) -> list[Zone]:
    """The zones of the region."""
    answer = client.call("DescribeZones", {})
    return [shapes.zone(wire) for wire in shapes.listed(answer, "Zones", "Zone")]


def describe_available_disk_categories(client: Client, zone: str) -> list[Offer]:
    """The data disk categories that the zone sells now, sold-out ones included. It reserves nothing."""
    params = {"DestinationResource": "DataDisk", "ResourceType": "disk", "ZoneId": zone}
    answer = client.call("DescribeAvailableResource", params, context={"zone": zone})
    return [offer for offer in shapes.offers(answer) if offer.zone_id == zone]


def describe_disk_price(
    client: Client, *, zone: str, category: str, size_gib: int, performance_level: str = ""
) -> Price:
    """What such a disk costs per hour."""
    params = {
        "ResourceType": "disk",
        "ZoneId": zone,
        "DataDisk.1.Category": category,
        "DataDisk.1.Size": size_gib,
        "DataDisk.1.PerformanceLevel": performance_level,
    }
    return shapes.price(client.call("DescribePrice", params, context={"zone": zone, "category": category}))


def _delete(client: Client, action: str, params: Mapping[str, Any], *, context: Mapping[str, Any]) -> bool:
    try:
        client.call(action, params, context=context)
    except NotFound:
        return False
    return True


def _pages(client: Client, action: str, params: Mapping[str, Any], *path: str) -> Iterator[Mapping[str, Any]]:
    """Every entry of every page. With NextToken, TotalCount means nothing (alibaba-ecs.md 2.5)."""
    next_token = ""
    while True:
        answer = client.call(action, {**params, "MaxResults": IDS_PER_QUERY, "NextToken": next_token})
        yield from shapes.listed(answer, *path)
        previous, next_token = next_token, shapes.text(answer, "NextToken")
        if not next_token:
            return
        if next_token == previous:
            raise Refused(f"{action} answers the same page again and again", code="UnexpectedAnswer")


def _batches(ids: Iterable[str] | None) -> Iterator[str | None]:
    """The ids as ECS wants them, 100 at a time; None is no condition. No ids: no query (ECS would find nothing)."""
    if ids is None:
        yield None
        return
    for batch in _chunks(sorted(set(ids)), IDS_PER_QUERY):
        yield json.dumps(batch)


def _chunks(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _numbered(name: str, values: Sequence[str]) -> dict[str, str]:
    return {f"{name}.{position}": value for position, value in enumerate(values, start=1)}


def _retention(days: int | None) -> int | None:
    """The operator's -1 means no parameter on the wire (alibaba-ecs.md 2.2)."""
    if days is None or days == -1:
        return None
    if not 1 <= days <= 65536:
        raise BadInput(
            f"A retention of {days} days is not possible.", code="BadRetention", hint="Give 1 to 65536, or -1 for ever."
        )
    return days


def _token(token: str) -> str:
    """Without a token a create that is sent twice makes two (DESIGN S7)."""
    if not token or len(token) > LONGEST_TOKEN or not token.isascii():
        raise BadInput(f"A ClientToken has 1 to {LONGEST_TOKEN} ASCII characters, not {token!r}.", code="BadToken")
    return token

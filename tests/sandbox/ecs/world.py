# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole state as JSON, for the control interface, the demo and the invariants of tests. No client sees this."""

from __future__ import annotations

import dataclasses
from typing import Any

from .model import Disk, Resource, Snapshot
from .state import State


def describe_world(state: State) -> dict[str, Any]:
    now = state.now()
    return {
        "region": state.region,
        "zones": list(state.zones),
        "disks": {disk.id: _disk(disk, now) for disk in state.disks.values()},
        "deleted_disks": {disk.id: {**_disk(disk, now), "status": "Deleted"} for disk in state.deleted_disks.values()},
        "snapshots": {snapshot.id: _snapshot(snapshot, now) for snapshot in state.snapshots.values()},
        "instances": {instance.id: _plain(instance) for instance in state.instances.values()},
        "tasks": {task.id: {**_plain(task), "status": task.status(now)} for task in state.tasks.values()},
    }


def _plain(resource: Resource, without: tuple[str, ...] = ()) -> dict[str, Any]:
    names = (field.name for field in dataclasses.fields(resource))
    return {name: _value(getattr(resource, name)) for name in names if name not in without}


def _value(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, list):
        return [_value(item) for item in value]
    return dict(value) if isinstance(value, dict) else value


def _disk(disk: Disk, now: float) -> dict[str, Any]:
    instances = [attachment.instance_id for attachment in disk.attachments]
    plain = _plain(disk, without=("log",))
    return {**plain, "status": disk.status(now), "attached_to": instances, "contents": disk.log.all()}


def _snapshot(snapshot: Snapshot, now: float) -> dict[str, Any]:
    return {
        **_plain(snapshot, without=("log", "cut_length")),
        "status": snapshot.status(now),
        "available": snapshot.available(now),
        "contents": snapshot.contents(),
    }

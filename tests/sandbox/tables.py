# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The world as tables, for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .world import World, disk_of, is_ready, mounts, zone_of_pod


def table(heading: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Columns as wide as they need to be."""
    lines = [[str(cell) for cell in row] for row in (heading, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heading))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def describe(world: World) -> str:
    """Everything that has to do with disks: pods, claims with their volumes, disks, snapshots, disasters."""
    parts = [_pods(world), _claims(world), _disks(world)]
    if world["snapshots"]:
        parts.append(_snapshots(world))
    parts += [_disaster(disaster) for disaster in world["disasters"]]
    return "\n\n".join(parts)


def overview(world: World, namespace: str, sts: str) -> str:
    """One line per claim of a StatefulSet: where its pod runs and where its data is. For the demo."""
    rows = []
    for key, claim in sorted(world["claims"].items()):
        place, name = key.split("/")
        pod = next((pod for pod in world["pods"].values() if mounts(pod, key)), None)
        if place != namespace or f"-{sts}-" not in name:
            continue
        volume = world["volumes"].get(claim["spec"].get("volumeName", ""), {})
        disk_id = disk_of(volume)
        disk = world["disks"].get(disk_id, {})
        rows.append(
            [
                name,
                pod["metadata"]["name"] if pod else "-",
                "Ready" if pod and is_ready(pod) else "not Ready",
                zone_of_pod(world, pod) if pod else "-",
                disk_id,
                disk.get("zone", "-"),
                len(disk.get("contents", [])),
            ]
        )
    return table(["CLAIM", "POD", "STATE", "RUNS IN", "DISK", "DISK IS IN", "RECORDS"], rows)


def _pods(world: World) -> str:
    rows = [
        [
            key,
            (pod.get("status") or {}).get("phase", "-"),
            "yes" if is_ready(pod) else "no",
            pod["spec"].get("nodeName", "-"),
            zone_of_pod(world, pod),
        ]
        for key, pod in sorted(world["pods"].items())
    ]
    return table(["POD", "PHASE", "READY", "NODE", "ZONE"], rows)


def _claims(world: World) -> str:
    rows = []
    for key, claim in sorted(world["claims"].items()):
        name = claim["spec"].get("volumeName", "")
        rows.append(
            [
                key,
                (claim.get("status") or {}).get("phase", "-"),
                name or "-",
                disk_of(world["volumes"].get(name, {})) or "-",
            ]
        )
    return table(["CLAIM", "PHASE", "VOLUME", "DISK"], rows)


def _disks(world: World) -> str:
    volumes = {disk_of(volume): volume for volume in world["volumes"].values()}
    rows = []
    for disk_id, disk in sorted(world["disks"].items(), key=lambda item: item[1]["number"]):
        volume = volumes.get(disk_id)
        phase = (volume.get("status") or {}).get("phase", "-") if volume else "-"
        policy = volume["spec"].get("persistentVolumeReclaimPolicy", "-") if volume else "-"
        records = len(disk["contents"]) if "contents" in disk else "?"
        rows.append([disk_id, disk["zone"], disk["category"], disk["size"], disk["status"], phase, policy, records])
    return table(["DISK", "ZONE", "CATEGORY", "GIB", "STATUS", "VOLUME IS", "RECLAIM", "RECORDS"], rows)


def _snapshots(world: World) -> str:
    rows = [
        [snapshot_id, snapshot["disk_id"], snapshot["status"], "yes" if snapshot["available"] else "no"]
        for snapshot_id, snapshot in sorted(world["snapshots"].items())
    ]
    return table(["SNAPSHOT", "OF DISK", "STATUS", "USABLE"], rows)


def _disaster(disaster: dict[str, Any]) -> str:
    return (
        f"DISASTER ({disaster['kind']}): {disaster['pod']} went on with {disaster['claim']} at record "
        f"{disaster['found']} of disk {disaster['disk']}, but {disaster['acknowledged']} records were acknowledged."
    )

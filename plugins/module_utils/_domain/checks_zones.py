# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prechecks of the target zones: do they exist, have nodes, take and sell such disks. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from . import objects
from .model import Finding, Observed, Plan, Wish, blocker
from .objects import Obj

_DISK_LABEL = "node.csi.alibabacloud.com/disktype."


def zones_exist(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    for zone in wish.target_zones:
        if zone not in seen.zones:
            yield blocker(
                "zone-unknown",
                f"Zone {zone} does not exist in this region, which has {', '.join(seen.zones)}.",
                "correct target_zones.",
            )


def zones_have_nodes(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    for zone in _zones_in_use(plan):
        if zone in seen.zones and not _usable_nodes(seen, zone):
            yield blocker(
                "zone-without-node",
                f"No Ready and schedulable node of the cluster is in zone {zone}.",
                "add a node there or uncordon one.",
            )


def nodes_take_disks(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    """Nodes say which categories they take (csi-and-statefulsets.md 1.5); others are not judged."""
    for zone, category in _zones_and_categories(seen, plan):
        labels = [objects.labels_of(node) for node in _usable_nodes(seen, zone)]
        tell = any(key.startswith(_DISK_LABEL) for of_node in labels for key in of_node)
        if tell and not any(of_node.get(_DISK_LABEL + category) == "available" for of_node in labels):
            yield blocker(
                "node-takes-no-disk-of-category",
                f"No usable node in zone {zone} can attach disks of category {category}.",
                "add a node of an instance type that can.",
            )


def zones_sell_disks(wish: Wish, seen: Observed, plan: Plan) -> Iterator[Finding]:
    """Stock is asked for, not reserved: it may still run out (trap 24)."""
    for zone, category in _zones_and_categories(seen, plan):
        offers = seen.offers.get(zone)
        if offers is not None and not any(offer.category == category and offer.available for offer in offers):
            yield blocker(
                "zone-sold-out",
                f"ECS does not sell disks of category {category} in zone {zone} at present.",
                "choose another zone or try again later.",
            )


def _zones_in_use(plan: Plan) -> list[str]:
    return list(dict.fromkeys(volume.zone for volume in plan.moves))


def _zones_and_categories(seen: Observed, plan: Plan) -> list[tuple[str, str]]:
    wanted = ((volume.zone, seen.disks[volume.source_disk_id].category) for volume in plan.moves)
    return [pair for pair in dict.fromkeys(wanted) if pair[0] in seen.zones]


def _usable_nodes(seen: Observed, zone: str) -> list[Obj]:
    """Nodes that can run a pod with a disk; virtual nodes have no disk driver (csi-and-statefulsets.md 1.5)."""
    return [
        node
        for node in seen.nodes
        if objects.node_zone(node) == zone
        and not node["spec"].get("unschedulable")
        and objects.condition(node, "Ready") == "True"
        and objects.labels_of(node).get("type") != "virtual-kubelet"
    ]

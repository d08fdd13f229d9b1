# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the emulated region sells: disk categories, instance types, stock per zone and category, prices."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Category:
    """Sizes in GiB (CreateDisk page). ``essd_series``: snapshots are instant access (alibaba-ecs.md 2.1).

    ``hourly_price`` is invented: CNY per GiB and hour, of a plausible size. Nobody may take it for a quotation.
    """

    name: str
    smallest: int
    largest: int
    hourly_price: float
    essd_series: bool = False
    snapshots: bool = True
    multi_attach: bool = False
    sold: bool = True

    @property
    def regional(self) -> bool:
        return self.name == "cloud_regional_disk_auto"

    @property
    def ephemeral(self) -> bool:
        return self.name.startswith("elastic_ephemeral_disk")


CATEGORIES = {
    category.name: category
    for category in (
        Category("cloud_essd", 1, 65536, 0.0014, essd_series=True, multi_attach=True),
        Category("cloud_auto", 1, 65536, 0.0014, essd_series=True, multi_attach=True),
        Category("cloud_essd_entry", 10, 32768, 0.0008, essd_series=True),
        Category("cloud_regional_disk_auto", 10, 65536, 0.0021, essd_series=True, multi_attach=True),
        Category("cloud_ssd", 20, 32768, 0.0014),
        Category("cloud_efficiency", 20, 32768, 0.0005),
        Category("elastic_ephemeral_disk_standard", 64, 8192, 0.0006, snapshots=False),
        Category("elastic_ephemeral_disk_premium", 64, 8192, 0.0011, snapshots=False),
        Category("cloud", 5, 2000, 0.0004, sold=False),
    )
}

# Smallest size in GiB, and the factor on the (invented) price, of each performance level of cloud_essd.
PERFORMANCE_LEVELS = {"PL0": (1, 0.5), "PL1": (20, 1.0), "PL2": (461, 2.0), "PL3": (1261, 4.0)}


@dataclasses.dataclass(frozen=True)
class InstanceType:
    """``disk_quantity`` counts the system disk. ``hourly_price`` is invented, as above."""

    name: str
    cores: int
    memory: float
    disk_quantity: int
    hourly_price: float
    categories: tuple[str, ...]

    @property
    def family(self) -> str:
        return ".".join(self.name.split(".")[:2])


_ESSD = ("cloud_essd", "cloud_auto", "cloud_regional_disk_auto")
_OLDER = ("cloud_essd", "cloud_auto", "cloud_ssd", "cloud_efficiency")
INSTANCE_TYPES = {
    kind.name: kind
    for kind in (
        InstanceType("ecs.g7.large", 2, 8.0, 17, 0.5, (*_ESSD, "elastic_ephemeral_disk_standard")),
        InstanceType("ecs.g7.xlarge", 4, 16.0, 17, 1.0, (*_ESSD, "cloud_ssd", "cloud_efficiency", "cloud_essd_entry")),
        InstanceType("ecs.g7.2xlarge", 8, 32.0, 17, 2.0, (*_ESSD, "elastic_ephemeral_disk_standard")),
        InstanceType("ecs.g6.xlarge", 4, 16.0, 17, 0.9, _OLDER),
        InstanceType("ecs.u1-c1m4.xlarge", 4, 16.0, 17, 0.6, ("cloud_essd", "cloud_auto", "cloud_essd_entry")),
    )
}


class Stock:
    """What each zone has of each category: offered or not, sold out or not, and the account's quota in GiB."""

    def __init__(self, zones: tuple[str, ...]) -> None:
        self._offered = {(zone, name) for zone in zones for name, category in CATEGORIES.items() if category.sold}
        self._sold_out: set[tuple[str, str]] = set()
        self._quota: dict[tuple[str, str], int] = {}

    def set_offered(self, zone: str, category: str, offered: bool) -> None:
        (self._offered.add if offered else self._offered.discard)((zone, category))

    def set_available(self, zone: str, category: str, available: bool) -> None:
        (self._sold_out.discard if available else self._sold_out.add)((zone, category))

    def set_quota(self, zone: str, category: str, gib: int | None) -> None:
        if gib is None:
            self._quota.pop((zone, category), None)
        else:
            self._quota[zone, category] = gib

    def offered(self, zone: str, category: str) -> bool:
        return (zone, category) in self._offered

    def sold_out(self, zone: str, category: str) -> bool:
        return (zone, category) in self._sold_out

    def quota(self, zone: str, category: str) -> int | None:
        return self._quota.get((zone, category))


def baseline_iops(size: int) -> int:
    """Of an AutoPL disk (CreateDisk page)."""
    return max(min(1800 + 50 * size, 50000), 3000)


def most_provisioned_iops(size: int) -> int:
    """What may be added to the baseline of an AutoPL disk of this size; nothing up to 3 GiB."""
    return 0 if size <= 3 else max(min(1000 * size - baseline_iops(size), 50000), 0)


def disk_price(category: str, size: int, performance_level: str, provisioned_iops: int = 0) -> float:
    """Invented, CNY per hour."""
    factor = PERFORMANCE_LEVELS.get(performance_level, (0, 1.0))[1] if category == "cloud_essd" else 1.0
    return round(CATEGORIES[category].hourly_price * size * factor + 0.00005 * provisioned_iops, 6)

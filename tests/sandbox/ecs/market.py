# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be bought and what runs: regions, zones, stock, instance types, instances, prices."""

from __future__ import annotations

from typing import Any

from . import tags
from .catalogue import CATEGORIES, INSTANCE_TYPES, Category, InstanceType, disk_price
from .contract import id_list
from .disk_creation import check_performance_level, check_provisioned_iops, check_size
from .errors import EcsError, invalid_parameter, missing_parameter, refusal
from .model import Instance, iso_time
from .paging import PageRules, page
from .state import State

INSTANCE_PAGE = PageRules(floor=10, ceiling=100)
# Destinations of DescribeAvailableResource that have nothing to do with disks or types, and what there is of them.
OTHER_RESOURCES = {"IoOptimized": ["optimized"], "Network": ["vpc"], "ddh": []}


class MarketActions:
    def __init__(self, state: State) -> None:
        self._state = state

    def describe_regions(self, args: dict[str, Any]) -> dict[str, Any]:
        region = self._state.region
        row = {
            "LocalName": region,
            "RegionEndpoint": f"ecs.{region}.aliyuncs.com",
            "RegionId": region,
            "Status": "available",
        }
        return {"Regions": {"Region": [row]}}

    def describe_zones(self, args: dict[str, Any]) -> dict[str, Any]:
        """Verbose (the default) adds what the zone takes; stock has to be asked for by DescribeAvailableResource."""
        verbose = args.get("Verbose") is not False
        return {"Zones": {"Zone": [self._zone_view(zone, verbose) for zone in self._state.zones]}}

    def _zone_view(self, zone: str, verbose: bool) -> dict[str, Any]:
        view: dict[str, Any] = {"LocalName": zone, "ZoneId": zone, "ZoneType": "AvailabilityZone"}
        if verbose:
            categories = [name for name in CATEGORIES if self._state.stock.offered(zone, name)]
            view["AvailableDiskCategories"] = {"DiskCategories": categories}
            view["AvailableInstanceTypes"] = {"InstanceTypes": list(INSTANCE_TYPES)}
            view["AvailableResourceCreation"] = {"ResourceTypes": ["VSwitch", "IoOptimized", "Instance", "Disk"]}
        return view

    def describe_available_resource(self, args: dict[str, Any]) -> dict[str, Any]:
        destination = args["DestinationResource"]
        if (args.get("ResourceType") or "instance") not in ("instance", "disk", "reservedinstance", "ddh"):
            raise refusal("Invalid.ResourceType")
        if destination not in ("Zone", "InstanceType", "SystemDisk", "DataDisk", *OTHER_RESOURCES):
            raise refusal("Invalid.DestinationResource")
        kind = args.get("InstanceType")
        if kind and kind not in INSTANCE_TYPES:
            raise EcsError("InvalidResourceId.NotFound", "The specified ResourceId is not found in our records.", 404)
        zone = args.get("ZoneId")
        zones = [item for item in self._state.zones if zone in (None, "", item)]
        rows = [self._available_zone(item, destination, args) for item in zones]
        return {"AvailableZones": {"AvailableZone": rows}}

    def _available_zone(self, zone: str, destination: str, args: dict[str, Any]) -> dict[str, Any]:
        row: dict[str, Any] = {
            "RegionId": self._state.region,
            "Status": "Available",
            "StatusCategory": "WithStock",
            "ZoneId": zone,
        }
        if destination == "Zone":
            return row
        supported = self._supported(zone, destination, args)
        if not any(item["Status"] == "Available" for item in supported):
            row["Status"], row["StatusCategory"] = "SoldOut", "WithoutStock"
        resource = {"SupportedResources": {"SupportedResource": supported}, "Type": destination}
        row["AvailableResources"] = {"AvailableResource": [resource]}
        return row

    def _supported(self, zone: str, destination: str, args: dict[str, Any]) -> list[dict[str, Any]]:
        wanted_type = args.get("InstanceType")
        if destination in OTHER_RESOURCES:
            return [_resource(value, True) for value in OTHER_RESOURCES[destination]]
        if destination == "InstanceType":
            return [_resource(name, True) for name in INSTANCE_TYPES if wanted_type in (None, "", name)]
        taken = INSTANCE_TYPES[wanted_type].categories if wanted_type else tuple(CATEGORIES)
        wanted = args.get("DataDiskCategory" if destination == "DataDisk" else "SystemDiskCategory")
        return [
            self._disk_resource(zone, category)
            for category in CATEGORIES.values()
            if category.name in taken
            and self._state.stock.offered(zone, category.name)
            and wanted in (None, "", category.name)
        ]

    def _disk_resource(self, zone: str, category: Category) -> dict[str, Any]:
        row = _resource(category.name, not self._state.stock.sold_out(zone, category.name))
        return {**row, "Max": category.largest, "Min": category.smallest, "Unit": "GiB"}

    def describe_instance_types(self, args: dict[str, Any]) -> dict[str, Any]:
        wanted = args.get("InstanceTypes") or list(INSTANCE_TYPES)
        family = args.get("InstanceTypeFamily")
        found = [kind for kind in INSTANCE_TYPES.values() if kind.name in wanted and family in (None, "", kind.family)]
        return {"InstanceTypes": {"InstanceType": [_type_view(kind) for kind in found]}, "NextToken": ""}

    def describe_instances(self, args: dict[str, Any]) -> dict[str, Any]:
        try:
            ids = id_list(args.get("InstanceIds"), "InstanceIds")
        except EcsError:
            raise EcsError("InvalidInstanceIds.Malformed", "The specified InstanceIds is not valid.", 403) from None
        found = [
            instance
            for instance in tags.filtered(self._state.visible(self._state.instances), args.get("Tag"))
            if (ids is None or instance.id in ids)
            and args.get("ZoneId") in (None, "", instance.zone)
            and args.get("Status") in (None, "", instance.status)
            and args.get("InstanceType") in (None, "", instance.instance_type)
            and args.get("InstanceName") in (None, "", instance.name)
            and args.get("InstanceChargeType") in (None, "", "PostPaid")
        ]
        if args.get("DryRun"):
            raise refusal("DryRunOperation")
        shown, place = page(found, args, INSTANCE_PAGE, lambda instance: instance.number)
        return {**place, "Instances": {"Instance": [self._instance_view(item) for item in shown]}}

    def _instance_view(self, instance: Instance) -> dict[str, Any]:
        kind = INSTANCE_TYPES[instance.instance_type]
        return {
            "Cpu": kind.cores,
            "CreationTime": iso_time(instance.created_at, seconds=False),
            "DeletionProtection": False,
            "DeviceAvailable": True,
            "HostName": instance.name,
            "InstanceChargeType": "PostPaid",
            "InstanceId": instance.id,
            "InstanceName": instance.name,
            "InstanceNetworkType": "vpc",
            "InstanceType": kind.name,
            "InstanceTypeFamily": kind.family,
            "IoOptimized": True,
            "Memory": int(kind.memory * 1024),
            "OSType": "linux",
            "OperationLocks": {"LockReason": []},
            "RegionId": self._state.region,
            "SerialNumber": instance.id.removeprefix("i-"),
            "StartTime": iso_time(instance.created_at, seconds=False),
            "Status": instance.status,
            "Tags": tags.as_response(instance.tags),
            "ZoneId": instance.zone,
        }

    def describe_price(self, args: dict[str, Any]) -> dict[str, Any]:
        """Hourly, pay-as-you-go, in CNY. All figures are invented (catalogue)."""
        kind = args.get("ResourceType") or "instance"
        if kind == "instance":
            details = [("instance", _instance_price(args))]
        elif kind in ("disk", "diskperformance"):
            details = [(kind, sum(_disk_price(disk) for disk in args.get("DataDisk") or [{}]))]
        else:
            raise invalid_parameter("ResourceType")
        details = [(name, round(price * (args.get("Amount") or 1), 6)) for name, price in details]
        total = round(sum(price for _name, price in details), 6)
        return {
            "PriceInfo": {
                "Price": {
                    **_money(total),
                    "Currency": "CNY",
                    "DetailInfos": {"DetailInfo": [{"Resource": name, **_money(price)} for name, price in details]},
                },
                "Rules": {"Rule": []},
            }
        }


def _resource(value: str, in_stock: bool) -> dict[str, Any]:
    return {
        "Status": "Available" if in_stock else "SoldOut",
        "StatusCategory": "WithStock" if in_stock else "WithoutStock",
        "Value": value,
    }


def _type_view(kind: InstanceType) -> dict[str, Any]:
    return {
        "CpuArchitecture": "X86",
        "CpuCoreCount": kind.cores,
        "DiskQuantity": kind.disk_quantity,
        "EniQuantity": 4,
        "InstanceTypeFamily": kind.family,
        "InstanceTypeId": kind.name,
        "MemorySize": kind.memory,
        "NvmeSupport": "supported",
    }


def _instance_price(args: dict[str, Any]) -> float:
    name = args.get("InstanceType")
    if not name:
        raise missing_parameter("InstanceType")
    if name not in INSTANCE_TYPES:
        raise refusal("InvalidInstanceType.ValueNotSupported")
    disks = sum(_disk_price(disk) for disk in args.get("DataDisk") or [])
    return INSTANCE_TYPES[name].hourly_price + disks


def _disk_price(disk: dict[str, Any]) -> float:
    name, size = disk.get("Category"), disk.get("Size") or 0
    if not name:
        raise refusal("InvalidDiskCategory.Missing")
    if name not in CATEGORIES:
        raise refusal("InvalidDataDiskCategory.ValueNotSupported")
    category = CATEGORIES[name]
    level = check_performance_level(disk.get("PerformanceLevel"), category)
    check_size(size, category, level)
    check_provisioned_iops(disk.get("ProvisionedIops"), category, size)
    return disk_price(name, size, level, disk.get("ProvisionedIops") or 0)


def _money(price: float) -> dict[str, float]:
    return {"DiscountPrice": 0.0, "OriginalPrice": price, "TradePrice": price}

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones, stock, instance types, instances and prices of the ECS emulator (alibaba-ecs.md 2.5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox.ecs_helpers import OTHER_ZONE, ZONE, Account


@pytest.fixture
def account() -> Account:
    return Account()


def stock(account: Account, zone: str, **params: Any) -> dict[str, str]:
    """Category (or other value) and status in a zone."""
    usual = {"DestinationResource": "DataDisk", "ResourceType": "disk", "ZoneId": zone}
    (row,) = account.call("DescribeAvailableResource", **{**usual, **params})["AvailableZones"]["AvailableZone"]
    (resource,) = row["AvailableResources"]["AvailableResource"]
    return {item["Value"]: item["Status"] for item in resource["SupportedResources"]["SupportedResource"]}


def test_regions_and_zones(account: Account) -> None:
    (region,) = account.call("DescribeRegions")["Regions"]["Region"]
    assert (region["RegionId"], region["RegionEndpoint"]) == ("cn-beijing", "ecs.cn-beijing.aliyuncs.com")
    zones = account.call("DescribeZones")["Zones"]["Zone"]
    assert [zone["ZoneId"][-1] for zone in zones] == ["h", "i", "j", "k"]
    assert "cloud_essd" in zones[0]["AvailableDiskCategories"]["DiskCategories"]
    assert "AvailableDiskCategories" not in account.call("DescribeZones", Verbose=False)["Zones"]["Zone"][0]


def test_stock_of_a_zone(account: Account) -> None:
    account.cloud.set_stock(OTHER_ZONE, "cloud_essd", False)
    account.cloud.set_offered(OTHER_ZONE, "cloud_ssd", False)
    assert stock(account, ZONE)["cloud_essd"] == stock(account, ZONE)["cloud_ssd"] == "Available"
    there = stock(account, OTHER_ZONE)
    assert (there["cloud_essd"], there["cloud_auto"]) == ("SoldOut", "Available")
    assert "cloud_ssd" not in there
    assert "cloud" not in there
    assert stock(account, OTHER_ZONE, DataDiskCategory="cloud_essd") == {"cloud_essd": "SoldOut"}


def test_a_row_of_stock(account: Account) -> None:
    account.cloud.set_stock(ZONE, "cloud_essd_entry", False)
    answer = account.call(
        "DescribeAvailableResource", DestinationResource="DataDisk", ZoneId=ZONE, DataDiskCategory="cloud_essd_entry"
    )
    (row,) = answer["AvailableZones"]["AvailableZone"]
    assert (row["ZoneId"], row["Status"], row["StatusCategory"]) == (ZONE, "SoldOut", "WithoutStock")
    (resource,) = row["AvailableResources"]["AvailableResource"]
    assert resource["SupportedResources"]["SupportedResource"] == [
        {
            "Max": 32768,
            "Min": 10,
            "Status": "SoldOut",
            "StatusCategory": "WithoutStock",
            "Unit": "GiB",
            "Value": "cloud_essd_entry",
        }
    ]


def test_what_an_instance_type_takes(account: Account) -> None:
    taken = stock(account, ZONE, ResourceType="instance", InstanceType="ecs.u1-c1m4.xlarge")
    assert set(taken) == {"cloud_essd", "cloud_auto", "cloud_essd_entry"}


@pytest.mark.parametrize(
    ("destination", "expected"),
    [("InstanceType", "ecs.g7.xlarge"), ("SystemDisk", "cloud_essd"), ("IoOptimized", "optimized"), ("Network", "vpc")],
)
def test_other_destinations(account: Account, destination: str, expected: str) -> None:
    assert expected in stock(account, ZONE, DestinationResource=destination)


def test_all_zones_unless_one_is_named(account: Account) -> None:
    answer = account.call("DescribeAvailableResource", DestinationResource="Zone")
    assert [row["ZoneId"][-1] for row in answer["AvailableZones"]["AvailableZone"]] == ["h", "i", "j", "k"]
    nowhere = account.call("DescribeAvailableResource", DestinationResource="Zone", ZoneId="cn-beijing-z")
    assert nowhere["AvailableZones"]["AvailableZone"] == []


@pytest.mark.parametrize(
    ("params", "code", "status"),
    [
        ({"DestinationResource": "Moon"}, "Invalid.DestinationResource", 404),
        ({"DestinationResource": "DataDisk", "ResourceType": "moon"}, "Invalid.ResourceType", 404),
        ({"DestinationResource": "DataDisk", "InstanceType": "ecs.x"}, "InvalidResourceId.NotFound", 404),
        ({"DestinationResource": "DataDisk", "RegionId": "mars"}, "InvalidRegionId.NotFound", 404),
        ({"DestinationResource": "InstanceType", "Cores": 4}, "UnsupportedParameter", 400),
    ],
)
def test_stock_is_refused(account: Account, params: dict[str, Any], code: str, status: int) -> None:
    account.refuse("DescribeAvailableResource", code, status, **params)


def test_instance_types(account: Account) -> None:
    answer = account.call("DescribeInstanceTypes", InstanceTypes=["ecs.g7.xlarge", "ecs.unknown"])
    (kind,) = answer["InstanceTypes"]["InstanceType"]
    expected = {"InstanceTypeId": "ecs.g7.xlarge", "CpuCoreCount": 4, "MemorySize": 16.0, "DiskQuantity": 17}
    assert {name: kind[name] for name in expected} == expected
    family = account.call("DescribeInstanceTypes", InstanceTypeFamily="ecs.g7")["InstanceTypes"]["InstanceType"]
    assert {item["InstanceTypeFamily"] for item in family} == {"ecs.g7"}


def test_instances(account: Account) -> None:
    other = account.cloud.add_instance(OTHER_ZONE, name="node-k-1")
    found = account.call("DescribeInstances", InstanceIds=f'["{other}"]')["Instances"]["Instance"]
    expected = {
        "InstanceId": other,
        "InstanceName": "node-k-1",
        "ZoneId": OTHER_ZONE,
        "Status": "Running",
        "InstanceType": "ecs.g7.xlarge",
        "InstanceTypeFamily": "ecs.g7",
        "Cpu": 4,
        "Memory": 16384,
        "CreationTime": "2027-01-15T08:00Z",
    }
    assert {name: found[0][name] for name in expected} == expected

    def ids(**params: Any) -> list[str]:
        rows = account.call("DescribeInstances", **params)["Instances"]["Instance"]
        return [row["InstanceId"] for row in rows]

    assert ids() == [other, account.instance]
    assert ids(ZoneId=ZONE) == [account.instance]
    assert ids(Status="Stopped") == ids(InstanceIds="[]") == ids(InstanceIds='["i-unknown"]') == []
    account.refuse("DescribeInstances", "DryRunOperation", 400, DryRun=True)


def price(account: Account, **params: Any) -> float:
    total = account.call("DescribePrice", **params)["PriceInfo"]["Price"]
    assert total["Currency"] == "CNY"
    assert total["TradePrice"] == sum(item["TradePrice"] for item in total["DetailInfos"]["DetailInfo"])
    return float(total["TradePrice"])


def test_prices_grow_with_size_level_and_number(account: Account) -> None:
    def disk(amount: int = 1, **more: Any) -> float:
        data = {"Category": "cloud_essd", "Size": 100, **more}
        return price(account, ResourceType="disk", DataDisk=[data], Amount=amount)

    assert 0 < disk() < disk(Size=200)
    assert disk(PerformanceLevel="PL0") < disk() == disk(PerformanceLevel="PL1")
    assert disk(Size=500) < disk(Size=500, PerformanceLevel="PL2")
    assert disk(amount=3) == pytest.approx(3 * disk())
    auto = {"Category": "cloud_auto", "Size": 100}
    plain = price(account, ResourceType="diskperformance", DataDisk=[auto])
    assert price(account, ResourceType="diskperformance", DataDisk=[{**auto, "ProvisionedIops": 100}]) > plain


def test_price_of_an_instance_includes_its_disks(account: Account) -> None:
    bare = price(account, InstanceType="ecs.g7.xlarge")
    with_disk = price(account, InstanceType="ecs.g7.xlarge", DataDisk=[{"Category": "cloud_essd", "Size": 100}])
    assert 0 < bare < with_disk


@pytest.mark.parametrize(
    ("params", "code", "status"),
    [
        ({"ResourceType": "disk"}, "InvalidDiskCategory.Missing", 404),
        ({"ResourceType": "disk", "DataDisk": [{"Category": "x"}]}, "InvalidDataDiskCategory.ValueNotSupported", 403),
        (
            {"ResourceType": "disk", "DataDisk": [{"Category": "cloud_essd", "Size": 20, "PerformanceLevel": "PL2"}]},
            "OperationDenied.PerformanceLevelNotMatch",
            403,
        ),
        ({"ResourceType": "moon"}, "InvalidParameter", 400),
        ({}, "MissingParameter", 400),
        ({"InstanceType": "ecs.x"}, "InvalidInstanceType.ValueNotSupported", 400),
        ({"InstanceType": "ecs.g7.xlarge", "Period": 12}, "UnsupportedParameter", 400),
    ],
)
def test_price_is_refused(account: Account, params: dict[str, Any], code: str, status: int) -> None:
    account.refuse("DescribePrice", code, status, **params)

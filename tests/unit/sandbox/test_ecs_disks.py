# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CreateDisk and DescribeDisks of the ECS emulator (alibaba-ecs.md 2.4 and 2.5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox.ecs_helpers import OTHER_ZONE, ZONE, Account


@pytest.fixture
def account() -> Account:
    return Account()


def test_a_new_disk_has_every_property_that_was_asked_for(account: Account) -> None:
    disk = account.create_disk(
        DiskCategory="cloud_auto",
        Size=100,
        DiskName="data-web-0",
        Description="of web-0",
        ProvisionedIops=1000,
        BurstingEnabled=True,
        Encrypted=True,
        KMSKeyId="0e478b7a-4262-4802-b8cb-00d3fb40826X",
        ResourceGroupId="rg-1",
        Tag=[{"Key": "k8s.aliyun.com", "Value": "true"}, {"Key": "owner", "Value": ""}],
    )
    seen = account.disk(disk)
    expected = {
        "DiskId": disk,
        "DiskName": "data-web-0",
        "Description": "of web-0",
        "Category": "cloud_auto",
        "Size": 100,
        "PerformanceLevel": "",
        "ProvisionedIops": 1000,
        "BurstingEnabled": True,
        "Encrypted": True,
        "KMSKeyId": "0e478b7a-4262-4802-b8cb-00d3fb40826X",
        "ResourceGroupId": "rg-1",
        "ZoneId": ZONE,
        "RegionId": "cn-beijing",
        "Status": "Available",
        "DiskChargeType": "PostPaid",
        "Portable": True,
        "DeleteAutoSnapshot": True,
        "MultiAttach": "Disabled",
        "InstanceId": "",
        "SourceSnapshotId": "",
        "SerialNumber": disk.removeprefix("d-"),
        "CreationTime": "2027-01-15T08:00:00Z",
        "Tags": {"Tag": [{"TagKey": "k8s.aliyun.com", "TagValue": "true"}, {"TagKey": "owner", "TagValue": ""}]},
    }
    assert {name: seen[name] for name in expected} == expected


def test_performance_level_defaults_to_pl1(account: Account) -> None:
    assert account.disk(account.create_disk())["PerformanceLevel"] == "PL1"


REFUSED: list[tuple[dict[str, Any], str, int]] = [
    ({"DiskCategory": "cloud_gold"}, "InvalidDiskCategory.ValueNotSupported", 400),
    ({"DiskCategory": None}, "InvalidDataDiskCategory.NotSupported", 400),
    ({"ZoneId": "cn-beijing-z"}, "InvalidZoneId.NotFound", 404),
    ({"DiskCategory": "cloud_regional_disk_auto"}, "InvalidZoneId.DiskCategoryUnsupported", 400),
    ({"DiskName": "1st"}, "InvalidDiskName.Malformed", 400),
    ({"DiskName": "http://x"}, "InvalidDiskName.Malformed", 400),
    ({"Description": "x"}, "InvalidDescription.Malformed", 400),
    ({"PerformanceLevel": "PL9"}, "InvalidPerformanceLevel.Malformed", 400),
    ({"PerformanceLevel": "PL1", "Size": 19}, "OperationDenied.PerformanceLevelNotMatch", 403),
    ({"PerformanceLevel": "PL2", "Size": 460}, "OperationDenied.PerformanceLevelNotMatch", 403),
    ({"PerformanceLevel": "PL3", "Size": 1260}, "OperationDenied.PerformanceLevelNotMatch", 403),
    ({"PerformanceLevel": "PL0", "Size": 65537}, "InvalidDataDiskSize.ValueNotSupported", 403),
    ({"DiskCategory": "cloud_essd_entry", "Size": 9}, "InvalidDataDiskSize.ValueNotSupported", 403),
    ({"DiskCategory": "cloud_efficiency", "Size": 19}, "InvalidDataDiskSize.ValueNotSupported", 403),
    ({"DiskCategory": "cloud_ssd", "Size": 32769}, "InvalidDataDiskSize.ValueNotSupported", 403),
    ({"DiskCategory": "elastic_ephemeral_disk_standard", "Size": 63}, "InvalidDataDiskSize.ValueNotSupported", 403),
    ({"KMSKeyId": "key"}, "InvalidEncrypted.NotMatchKmsKeyId", 400),
    ({"ProvisionedIops": 10}, "ProvisionedIopsForDiskCategoryUnsupported", 400),
    ({"DiskCategory": "cloud_auto", "ProvisionedIops": 17001}, "InvalidProvisionedIops.LimitExceed", 400),
    ({"DiskCategory": "cloud_auto", "Size": 3, "ProvisionedIops": 1}, "InvalidProvisionedIops.LimitExceed", 400),
    ({"BurstingEnabled": True}, "BurstingEnabledForDiskCategoryUnsupported", 400),
    (
        {"DiskCategory": "cloud_auto", "Size": 3, "BurstingEnabled": True},
        "InvalidBurstingEnabled.DiskSizeTooSmall",
        400,
    ),
    (
        {"DiskCategory": "cloud_auto", "MultiAttach": "Enabled", "BurstingEnabled": True},
        "BurstingEnabledForMultiAttachDiskUnsupported",
        400,
    ),
    ({"MultiAttach": "yes"}, "InvalidParameter.MultiAttach", 403),
    (
        {"DiskCategory": "cloud_efficiency", "MultiAttach": "Enabled"},
        "InvalidParameter.DiskCategoryAndMultiAttachNotMatch",
        403,
    ),
    ({"SnapshotId": "s-none"}, "InvalidSnapshotId.NotFound", 404),
    ({"InstanceId": "i-none"}, "InvalidParam.ZoneIdAndInstanceId.Conflict", 403),
    ({"ZoneId": None, "InstanceId": "i-none"}, "InvalidInstanceId.NotFound", 404),
    ({"Tag": [{"Key": "", "Value": "x"}]}, "InvalidTagKey.Malformed", 400),
    ({"Tag": [{"Key": "acs:x", "Value": "x"}]}, "InvalidTagKey.Malformed", 400),
    ({"Tag": [{"Key": "x", "Value": "v" * 129}]}, "InvalidTagValue.Malformed", 400),
    ({"Tag": [{"Key": "x", "Value": "1"}, {"Key": "x", "Value": "2"}]}, "Duplicate.TagKey", 400),
    ({"Tag": [{"Key": f"k{number}", "Value": ""} for number in range(21)]}, "QuotaExceed.Tags", 403),
    ({"StorageSetId": "ss-1"}, "UnsupportedParameter", 400),
]


@pytest.mark.parametrize(("params", "code", "status"), REFUSED)
def test_create_is_refused(account: Account, params: dict[str, Any], code: str, status: int) -> None:
    wanted = {"ZoneId": ZONE, "DiskCategory": "cloud_essd", "Size": 20, **params}
    account.refuse("CreateDisk", code, status, **{name: value for name, value in wanted.items() if value is not None})
    assert account.cloud.world()["disks"] == {}


def test_a_subscription_disk_cannot_be_made_for_a_pay_as_you_go_instance(account: Account) -> None:
    account.refuse(
        "CreateDisk",
        "InvalidInstanceChargeType.ValueNotSupported",
        403,
        InstanceId=account.instance,
        DiskCategory="cloud_essd",
        Size=20,
    )


@pytest.mark.parametrize(
    ("category", "level", "size"),
    [
        ("cloud_essd", "PL0", 1),
        ("cloud_essd", "PL1", 20),
        ("cloud_essd", "PL2", 461),
        ("cloud_essd", "PL3", 1261),
        ("cloud_auto", None, 1),
        ("cloud_essd_entry", None, 10),
        ("cloud_ssd", None, 20),
        ("cloud_efficiency", None, 32768),
        ("elastic_ephemeral_disk_premium", None, 64),
    ],
)
def test_sizes_at_the_edge(account: Account, category: str, level: str | None, size: int) -> None:
    disk = account.create_disk(DiskCategory=category, PerformanceLevel=level, Size=size)
    assert account.disk(disk)["Size"] == size


def test_regional_disk_is_in_no_zone_and_its_placement_in_all(account: Account) -> None:
    disk = account.create_disk(DiskCategory="cloud_regional_disk_auto", ZoneId=None)
    seen = account.disk(disk, AdditionalAttributes=["Placement"])
    assert seen["ZoneId"] == ""
    assert seen["Placement"] == {"ZoneIds": "cn-beijing-h,cn-beijing-i,cn-beijing-j,cn-beijing-k"}
    assert "Placement" not in account.disk(disk)


def test_default_encryption_refuses_plain_disks(account: Account) -> None:
    account.cloud.settings.default_encryption = True
    params = {"ZoneId": ZONE, "DiskCategory": "cloud_essd", "Size": 20}
    account.refuse("CreateDisk", "InvalidEncrypted.NotMatchDiskDefaultEncryption", 403, **params)
    assert account.disk(account.create_disk(Encrypted=True))["KMSKeyId"]


def test_sold_out_in_one_zone_only(account: Account) -> None:
    account.cloud.set_stock(ZONE, "cloud_essd", False)
    params = {"ZoneId": ZONE, "DiskCategory": "cloud_essd", "Size": 20}
    error = account.refuse("CreateDisk", "OperationDenied", 400, **params)
    assert error.message == "The specified AZone inventory is insufficient."
    account.create_disk(ZoneId=OTHER_ZONE)
    account.create_disk(DiskCategory="cloud_auto")
    account.cloud.set_stock(ZONE, "cloud_essd", True)
    account.create_disk()


def test_category_that_a_zone_does_not_have(account: Account) -> None:
    account.cloud.set_offered(ZONE, "cloud_essd", False)
    params = {"ZoneId": ZONE, "DiskCategory": "cloud_essd", "Size": 20}
    account.refuse("CreateDisk", "InvalidDataDiskCategory.NotSupported", 400, **params)


def test_capacity_quota_of_a_zone(account: Account) -> None:
    account.cloud.set_capacity_quota(ZONE, "cloud_essd", 50)
    account.create_disk(Size=30)
    params = {"ZoneId": ZONE, "DiskCategory": "cloud_essd", "Size": 21}
    account.refuse("CreateDisk", "QuotaExceed.DiskCapacity", 400, **params)
    account.create_disk(Size=20)
    account.cloud.set_capacity_quota(ZONE, "cloud_essd", None)
    account.create_disk(Size=21)


def test_number_of_disks_of_the_account(account: Account) -> None:
    account.cloud.settings.disk_limit = 1
    account.create_disk()
    account.refuse("CreateDisk", "QuotaExceed.PostPaidDisk", 403, ZoneId=ZONE, DiskCategory="cloud_essd", Size=20)


def test_creating_takes_its_time() -> None:
    account = Account(disk_create=6.0)
    disk = account.create_disk()
    assert account.disk(disk)["Status"] == "Creating"
    account.refuse("AttachDisk", "IncorrectDiskStatus", 403, DiskId=disk, InstanceId=account.instance)
    account.clock.pass_by(6)
    assert account.disk(disk)["Status"] == "Available"


def test_a_new_disk_is_in_no_list_at_first() -> None:
    account = Account(visibility=2.0)
    disk = account.create_disk()
    assert account.disks() == account.disks(DiskIds=f'["{disk}"]') == []
    account.clock.pass_by(2)
    assert account.disk(disk)["DiskId"] == disk


def test_unknown_ids_are_no_error_and_an_empty_array_is_nothing(account: Account) -> None:
    disk = account.create_disk()
    assert account.disks(DiskIds='["d-unknown"]') == []
    assert account.disks(DiskIds="[]") == []
    assert [found["DiskId"] for found in account.disks()] == [disk]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"ZoneId": OTHER_ZONE}, "b"),
        ({"Category": "cloud_auto"}, "b"),
        ({"Category": "all"}, "ba"),
        ({"DiskType": "system"}, ""),
        ({"DiskType": "data"}, "ba"),
        ({"Status": "In_use"}, "a"),
        ({"Status": "Available"}, "b"),
        ({"Status": "All"}, "ba"),
        ({"DiskName": "bb"}, "b"),
        ({"PerformanceLevel": "PL1"}, "a"),
        ({"Encrypted": True}, "b"),
        ({"MultiAttach": "Enabled"}, ""),
        ({"DiskChargeType": "PrePaid"}, ""),
        ({"Portable": False}, ""),
        ({"Tag": [{"Key": "app"}]}, "ba"),
        ({"Tag": [{"Key": "app", "Value": "web"}]}, "a"),
        ({"Tag": [{"Key": "app", "Value": "db"}, {"Key": "run", "Value": "1"}]}, "b"),
        ({"Tag": [{"Key": "app", "Value": "web"}, {"Key": "run", "Value": "1"}]}, ""),
        ({"Filter": [{"Key": "CreationStartTime", "Value": "2027-01-15T08:01Z"}]}, "b"),
        ({"Filter": [{"Key": "CreationEndTime", "Value": "2027-01-15T08:01Z"}]}, "a"),
    ],
)
def test_filters(account: Account, params: dict[str, Any], expected: str) -> None:
    first = account.attached_disk(DiskName="aa", Tag=[{"Key": "app", "Value": "web"}])
    account.clock.pass_by(120)
    second = account.create_disk(
        DiskName="bb",
        ZoneId=OTHER_ZONE,
        DiskCategory="cloud_auto",
        Encrypted=True,
        Tag=[{"Key": "app", "Value": "db"}, {"Key": "run", "Value": "1"}],
    )
    letters = {first: "a", second: "b"}
    assert "".join(letters[disk["DiskId"]] for disk in account.disks(**params)) == expected


def test_filter_by_instance(account: Account) -> None:
    disk = account.attached_disk()
    account.create_disk()
    assert [found["DiskId"] for found in account.disks(InstanceId=account.instance)] == [disk]


@pytest.mark.parametrize(
    ("params", "code", "status"),
    [
        ({"Status": "Burning"}, "InvalidStatus.ValueNotSupported", 400),
        ({"Category": "cloud_gold"}, "InvalidCategory.ValueNotSupported", 400),
        ({"DiskType": "tape"}, "InvalidDiskType.ValueNotSupported", 400),
        ({"ZoneId": "cn-beijing-z"}, "InvalidZoneId.NotFound", 400),
        ({"MultiAttach": "maybe"}, "InvalidParameter.MultiAttach", 403),
        ({"Tag": [{"Value": "x"}]}, "InvalidTag.Mismatch", 400),
        ({"Tag": [{"Key": f"k{number}"} for number in range(21)]}, "InvalidTagCount", 400),
        ({"Filter": [{"Key": "Moon", "Value": "full"}]}, "InvalidFilterKey.NotFound", 404),
        ({"Filter": [{"Key": "CreationStartTime", "Value": "today"}]}, "InvalidFilterValue", 404),
        ({"DryRun": True}, "DryRunOperation", 400),
        ({"LockReason": "financial"}, "UnsupportedParameter", 400),
    ],
)
def test_listing_is_refused(account: Account, params: dict[str, Any], code: str, status: int) -> None:
    account.refuse("DescribeDisks", code, status, **params)


def test_pages_by_token_survive_deletions_and_additions(account: Account) -> None:
    made = [account.create_disk() for _number in range(25)]
    first = account.call("DescribeDisks", MaxResults=12)
    account.call("DeleteDisk", DiskId=made[24])
    account.create_disk()
    second = account.call("DescribeDisks", MaxResults=12, NextToken=first["NextToken"])
    third = account.call("DescribeDisks", MaxResults=12, NextToken=second["NextToken"])
    assert [disk["DiskId"] for page in (first, second, third) for disk in page["Disks"]["Disk"]] == made[::-1]
    assert third["NextToken"] == ""
    assert first["TotalCount"] == 0


def test_max_results_below_ten_counts_as_ten(account: Account) -> None:
    for _number in range(11):
        account.create_disk()
    assert len(account.disks(MaxResults=1)) == 10


def test_pages_by_number(account: Account) -> None:
    made = [account.create_disk() for _number in range(12)]
    answer = account.call("DescribeDisks")
    assert (answer["TotalCount"], answer["PageNumber"], answer["PageSize"]) == (12, 1, 10)
    assert [disk["DiskId"] for disk in account.disks(PageNumber=3, PageSize=5)] == made[1::-1]
    assert len(account.disks(PageSize=1000)) == 12


@pytest.mark.parametrize("token", ["nonsense", "YmVmb3JlOjE=", "YWZ0ZXI6eA=="])
def test_a_token_that_is_none(account: Account, token: str) -> None:
    account.refuse("DescribeDisks", "InvalidParameter", 400, NextToken=token)

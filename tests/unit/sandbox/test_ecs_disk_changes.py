# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ResizeDisk, ModifyDiskSpec, its tasks, and DeleteDisk in the ECS emulator (alibaba-ecs.md 2.5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox.ecs_helpers import ZONE, Account


@pytest.fixture
def account() -> Account:
    return Account()


def test_resize(account: Account) -> None:
    disk = account.attached_disk()
    account.call("ResizeDisk", DiskId=disk, NewSize=30, Type="online")
    assert account.disk(disk)["Size"] == 30
    account.call("ResizeDisk", DiskId=disk, NewSize=65536)
    assert account.disk(disk)["Size"] == 65536


@pytest.mark.parametrize(
    ("params", "code", "status"),
    [
        ({"NewSize": 19}, "InvalidDiskSize.TooSmall", 403),
        ({"NewSize": 20}, "InvalidDiskSize", 403),
        ({"NewSize": 65537}, "InvalidDiskSize.TooLarge", 403),
        ({"NewSize": 30, "Type": "sideways"}, "InvalidParam.Type", 400),
        ({"NewSize": 30, "DiskId": "d-none"}, "InvalidDiskId.NotFound", 404),
    ],
)
def test_resize_is_refused(account: Account, params: dict[str, Any], code: str, status: int) -> None:
    disk = account.create_disk()
    account.refuse("ResizeDisk", code, status, **{"DiskId": disk, **params})
    assert account.disk(disk)["Size"] == 20


def test_no_resize_while_a_snapshot_is_cut_or_the_disk_is_made() -> None:
    account = Account(snapshot_usable=5.0, snapshot_durable=40.0, disk_create=6.0)
    disk = account.create_disk()
    account.refuse("ResizeDisk", "IncorrectDiskStatus", 403, DiskId=disk, NewSize=30)
    account.clock.pass_by(6)
    account.attach(disk)
    account.create_snapshot(disk)
    account.refuse("ResizeDisk", "DiskCreatingSnapshot", 403, DiskId=disk, NewSize=30)
    account.clock.pass_by(5)
    account.call("ResizeDisk", DiskId=disk, NewSize=30)


def test_change_of_performance_level_is_at_once_and_no_task(account: Account) -> None:
    disk = account.create_disk(Size=500)
    assert account.call("ModifyDiskSpec", DiskId=disk, PerformanceLevel="PL2") == {}
    assert account.disk(disk)["PerformanceLevel"] == "PL2"


def test_change_of_category_is_a_task() -> None:
    account = Account(modify_spec=60.0, modify_cooling=100.0)
    disk = account.create_disk(DiskCategory="cloud_efficiency")
    change = {"DiskId": disk, "DiskCategory": "cloud_essd", "PerformanceLevel": "PL1"}
    task = account.call("ModifyDiskSpec", **change)["TaskId"]
    account.clock.pass_by(30)
    assert account.disk(disk)["Category"] == "cloud_efficiency"
    attribute = account.call("DescribeTaskAttribute", TaskId=task)
    assert (attribute["TaskStatus"], attribute["TaskProcess"], attribute["FinishedTime"]) == ("Processing", "50%", "")
    account.refuse("ModifyDiskSpec", "IncorrectDiskStatus", 403, **change)
    account.clock.pass_by(30)
    seen = account.disk(disk)
    assert (seen["Category"], seen["PerformanceLevel"]) == ("cloud_essd", "PL1")
    attribute = account.call("DescribeTaskAttribute", TaskId=task)
    assert (attribute["TaskStatus"], attribute["TaskProcess"], attribute["SuccessCount"]) == ("Finished", "100%", 1)
    assert attribute["FinishedTime"] == "2027-01-15T08:01:00Z"
    account.refuse("ModifyDiskSpec", "DiskInCoolingPeriod", 403, DiskId=disk, DiskCategory="cloud_auto")
    account.clock.pass_by(100)
    account.call("ModifyDiskSpec", DiskId=disk, DiskCategory="cloud_auto")


def test_dry_run_checks_and_changes_nothing(account: Account) -> None:
    disk = account.create_disk(DiskCategory="cloud_efficiency")
    account.refuse("ModifyDiskSpec", "DryRunOperation", 400, DiskId=disk, DiskCategory="cloud_essd", DryRun=True)
    assert account.disk(disk)["Category"] == "cloud_efficiency"


@pytest.mark.parametrize(
    ("category", "params", "code", "status"),
    [
        ("cloud_essd", {"DiskCategory": "cloud_gold"}, "InvalidDiskCategory.ValueNotSupported", 400),
        ("cloud_essd", {"DiskCategory": "cloud"}, "InvalidDiskCategory.ValueNotSupported", 403),
        ("cloud_essd", {"DiskCategory": "cloud_regional_disk_auto"}, "InvalidDiskCategory.ValueNotSupported", 403),
        ("cloud_essd", {"PerformanceLevel": "PL0"}, "InvalidPerformanceLevel.Malformed", 400),
        ("cloud_essd", {"PerformanceLevel": "PL2"}, "OperationDenied.PerformanceLevelNotMatch", 403),
        ("cloud_essd", {"PerformanceLevel": "PL1"}, "NoChangeInDiskCategoryAndPerformanceLevel", 403),
        ("cloud_essd", {}, "NoChangeInDiskCategoryAndPerformanceLevel", 403),
        ("cloud_auto", {"PerformanceLevel": "PL1"}, "InvalidPerformanceLevelParam.Mismatch", 400),
        ("cloud_auto", {"ProvisionedIops": 99999}, "InvalidProvisionedIops.LimitExceed", 400),
        ("cloud_essd", {"ProvisionedIops": 1}, "ProvisionedIopsForDiskCategoryUnsupported", 400),
    ],
)
def test_change_is_refused(account: Account, category: str, params: dict[str, Any], code: str, status: int) -> None:
    disk = account.create_disk(DiskCategory=category)
    account.refuse("ModifyDiskSpec", code, status, DiskId=disk, **params)


def test_change_of_provisioned_iops(account: Account) -> None:
    disk = account.create_disk(DiskCategory="cloud_auto")
    account.call("ModifyDiskSpec", DiskId=disk, ProvisionedIops=500)
    assert account.disk(disk)["ProvisionedIops"] == 500
    account.refuse("ModifyDiskSpec", "NoChangeInDiskCategoryAndPerformanceLevel", 403, DiskId=disk)
    account.call("ModifyDiskSpec", DiskId=disk, DiskCategory="cloud_essd")
    assert account.cloud.world()["disks"][disk]["provisioned_iops"] == 0


def test_change_needs_stock_and_a_quiet_disk() -> None:
    account = Account(attach=3.0)
    account.cloud.set_stock(ZONE, "cloud_auto", False)
    disk = account.create_disk()
    account.refuse("ModifyDiskSpec", "OperationDenied.NoStock", 403, DiskId=disk, DiskCategory="cloud_auto")
    account.attach(disk)
    account.refuse("ModifyDiskSpec", "InvalidStatus.DiskNotReady", 403, DiskId=disk, DiskCategory="cloud_ssd")


def test_multi_attach_disks_are_not_changed(account: Account) -> None:
    disk = account.create_disk(MultiAttach="Enabled")
    account.refuse("ModifyDiskSpec", "InvalidOperation.MultiAttachDisk", 403, DiskId=disk, DiskCategory="cloud_auto")


def test_tasks_are_found_by_ids_resource_and_status(account: Account) -> None:
    disks = [account.create_disk(DiskCategory="cloud_efficiency") for _number in range(3)]
    tasks = [account.call("ModifyDiskSpec", DiskId=disk, DiskCategory="cloud_essd")["TaskId"] for disk in disks]

    def found(**params: Any) -> list[str]:
        return [task["TaskId"] for task in account.call("DescribeTasks", **params)["TaskSet"]["Task"]]

    assert found() == tasks[::-1]
    assert found(TaskIds=f"{tasks[0]},{tasks[2]}") == [tasks[2], tasks[0]]
    assert found(ResourceIds=[disks[1]]) == [tasks[1]]
    assert found(TaskStatus="Finished", TaskAction="ModifyDiskSpec", PageSize=2) == [tasks[2], tasks[1]]
    assert found(TaskStatus="Processing") == []
    account.refuse("DescribeTaskAttribute", "InvalidTaskId.NotFound", 404, TaskId="t-none")


def test_delete(account: Account) -> None:
    disk = account.used_disk(1)
    account.call("DeleteDisk", DiskId=disk)
    assert account.disks() == []
    assert account.cloud.world()["deleted_disks"][disk]["contents"] == [{"n": 1}]
    account.refuse("DeleteDisk", "InvalidDiskId.NotFound", 404, DiskId=disk)
    account.cloud.settings.absent_delete_fails = False
    account.call("DeleteDisk", DiskId=disk)


def test_an_attached_disk_is_not_deleted(account: Account) -> None:
    disk = account.attached_disk()
    account.refuse("DeleteDisk", "IncorrectDiskStatus", 403, DiskId=disk)


def test_a_disk_that_still_loads_its_snapshot_is_not_deleted() -> None:
    account = Account(disk_create=6.0, disk_initialize=60.0)
    plain = account.create_disk()
    account.clock.pass_by(6)
    account.attach(plain)
    account.detach(plain)
    copy = account.create_disk(SnapshotId=account.create_snapshot(plain))
    account.refuse("DeleteDisk", "IncorrectDiskStatus.Initializing", 403, DiskId=copy)
    account.call("DeleteDisk", DiskId=plain)
    account.clock.pass_by(59)
    assert account.disk(copy)["Status"] == "Available"
    account.refuse("DeleteDisk", "IncorrectDiskStatus.Initializing", 403, DiskId=copy)
    account.clock.pass_by(1)
    account.call("DeleteDisk", DiskId=copy)

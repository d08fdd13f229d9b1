# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AttachDisk, DetachDisk and the contents of disks in the ECS emulator (alibaba-ecs.md 2.5 and 5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.ecs.errors import EcsError
from tests.unit.sandbox.ecs_helpers import OTHER_ZONE, ZONE, Account


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def slow() -> Account:
    return Account(attach=3.0, detach=4.0)


def test_attached_and_detached(account: Account) -> None:
    disk = account.attached_disk()
    seen = account.disk(disk)
    assert (seen["Status"], seen["InstanceId"], seen["Device"]) == ("In_use", account.instance, "/dev/xvdb")
    assert seen["Attachments"]["Attachment"] == [
        {"AttachedTime": "2027-01-15T08:00:00Z", "Device": "/dev/xvdb", "InstanceId": account.instance}
    ]
    account.detach(disk)
    seen = account.disk(disk)
    assert (seen["Status"], seen["InstanceId"], seen["DetachedTime"]) == ("Available", "", "2027-01-15T08:00:00Z")
    assert seen["Attachments"]["Attachment"] == []


def test_both_take_time_and_show_states_in_between(slow: Account) -> None:
    disk = slow.attached_disk()
    seen = slow.disk(disk)
    assert (seen["Status"], seen["InstanceId"], seen["Attachments"]["Attachment"]) == ("Attaching", "", [])
    slow.refuse("DetachDisk", "IncorrectDiskStatus", 403, DiskId=disk, InstanceId=slow.instance)
    slow.clock.pass_by(3)
    assert slow.disk(disk)["Status"] == "In_use"
    slow.detach(disk)
    assert slow.disk(disk)["Status"] == "Detaching"
    slow.refuse("DetachDisk", "InvalidOperation.DiskDetachingFromThisEcs", 403, DiskId=disk, InstanceId=slow.instance)
    slow.refuse("AttachDisk", "IncorrectDiskStatus", 403, DiskId=disk, InstanceId=slow.instance)
    slow.refuse("DeleteDisk", "IncorrectDiskStatus", 403, DiskId=disk)
    slow.clock.pass_by(4)
    assert slow.disk(disk)["Status"] == "Available"
    assert slow.disk(disk)["DetachedTime"] == "2027-01-15T08:00:07Z"


def test_one_disk_at_a_time_per_instance(slow: Account) -> None:
    first, second = slow.create_disk(), slow.create_disk()
    slow.attach(first)
    slow.refuse(
        "AttachDisk",
        "OperationConflict.DisksAttachingParallellyExceed",
        400,
        DiskId=second,
        InstanceId=slow.instance,
    )
    slow.clock.pass_by(3)
    slow.attach(second)
    slow.clock.pass_by(3)
    slow.detach(first)
    slow.refuse("DetachDisk", "DisksDetachingOnEcsExceeded", 400, DiskId=second, InstanceId=slow.instance)
    slow.clock.pass_by(4)
    slow.detach(second)


def test_an_instance_with_the_tag_takes_disks_in_parallel(slow: Account) -> None:
    tag = [{"Key": "supportConcurrencyAttach", "Value": "true"}]
    slow.call("TagResources", ResourceType="instance", ResourceId=[slow.instance], Tag=tag)
    disks = [slow.attached_disk() for _number in range(3)]
    slow.clock.pass_by(3)
    assert {slow.disk(disk)["Status"] for disk in disks} == {"In_use"}
    assert sorted(slow.disk(disk)["Device"] for disk in disks) == ["/dev/xvdb", "/dev/xvdc", "/dev/xvdd"]


def test_only_in_the_zone_of_the_disk(account: Account) -> None:
    disk = account.create_disk(ZoneId=OTHER_ZONE)
    account.refuse("AttachDisk", "ResourcesNotInSameZone", 403, DiskId=disk, InstanceId=account.instance)


def test_only_when_free(account: Account) -> None:
    disk = account.attached_disk()
    other = account.cloud.add_instance(ZONE)
    account.refuse("AttachDisk", "InvalidDisk.InUse", 404, DiskId=disk, InstanceId=other)
    account.refuse("AttachDisk", "InvalidDisk.InUse", 404, DiskId=disk, InstanceId=account.instance)
    account.refuse("DetachDisk", "DependencyViolation", 403, DiskId=disk, InstanceId=other)
    account.detach(disk)
    account.refuse("DetachDisk", "InvalidDisk.AlreadyDetached", 404, DiskId=disk, InstanceId=account.instance)


def test_unknown_disk_and_instance(account: Account) -> None:
    disk = account.create_disk()
    for action in ("AttachDisk", "DetachDisk"):
        account.refuse(action, "InvalidDiskId.NotFound", 404, DiskId="d-none", InstanceId=account.instance)
        account.refuse(action, "InvalidInstanceId.NotFound", 404, DiskId=disk, InstanceId="i-none")


def test_instance_type_limits_the_number_of_disks(account: Account) -> None:
    disks = [account.create_disk() for _number in range(17)]
    for disk in disks[:16]:
        account.attach(disk)
    account.refuse("AttachDisk", "InstanceDiskLimitExceeded", 403, DiskId=disks[16], InstanceId=account.instance)
    account.detach(disks[0])
    account.attach(disks[16])


def test_the_limit_can_be_set(account: Account) -> None:
    account.cloud.settings.attach_limit = 0
    disk = account.create_disk()
    account.refuse("AttachDisk", "InstanceDiskLimitExceeded", 403, DiskId=disk, InstanceId=account.instance)


def test_instance_type_must_take_the_category(account: Account) -> None:
    old = account.cloud.add_instance(ZONE, instance_type="ecs.g6.xlarge")
    disk = account.create_disk(DiskCategory="cloud_essd_entry")
    account.refuse("AttachDisk", "InvalidInstanceType.NotSupportDiskCategory", 403, DiskId=disk, InstanceId=old)


def test_instance_must_be_running_or_stopped(account: Account) -> None:
    disk = account.create_disk()
    account.cloud.set_instance_status(account.instance, "Starting")
    account.refuse("AttachDisk", "IncorrectInstanceStatus", 400, DiskId=disk, InstanceId=account.instance)
    account.cloud.set_instance_status(account.instance, "Stopped")
    account.attach(disk)
    account.cloud.set_instance_status(account.instance, "Stopping")
    account.refuse("DetachDisk", "IncorrectInstanceStatus", 403, DiskId=disk, InstanceId=account.instance)


def test_multi_attach_disk_is_on_several_instances(account: Account) -> None:
    other = account.cloud.add_instance(ZONE)
    disk = account.attached_disk(MultiAttach="Enabled")
    account.call("AttachDisk", DiskId=disk, InstanceId=other)
    seen = account.disk(disk)
    assert (seen["InstanceId"], seen["Device"], seen["MultiAttach"]) == ("", "", "Enabled")
    assert [item["InstanceId"] for item in seen["Attachments"]["Attachment"]] == [account.instance, other]
    account.refuse("AttachDisk", "InvalidDisk.InUse", 404, DiskId=disk, InstanceId=other)
    account.detach(disk)
    assert account.disk(disk)["Status"] == "In_use"


def test_multi_attach_disk_is_on_sixteen_instances_at_most(account: Account) -> None:
    disk = account.attached_disk(MultiAttach="Enabled")
    for _number in range(15):
        account.call("AttachDisk", DiskId=disk, InstanceId=account.cloud.add_instance(ZONE))
    last = account.cloud.add_instance(ZONE)
    account.refuse("AttachDisk", "DiskAttachedNumberExceeded", 403, DiskId=disk, InstanceId=last)


def test_force_takes_a_regional_disk_to_another_zone(account: Account) -> None:
    near, far = account.cloud.add_instance(ZONE), account.cloud.add_instance(OTHER_ZONE)
    disk = account.attached_disk(DiskCategory="cloud_regional_disk_auto", ZoneId=None)
    account.refuse("AttachDisk", "InvalidInstance.ZoneConflict", 403, DiskId=disk, InstanceId=near, Force=True)
    account.refuse("AttachDisk", "InvalidDisk.InUse", 404, DiskId=disk, InstanceId=far)
    account.call("AttachDisk", DiskId=disk, InstanceId=far, Force=True)
    assert account.disk(disk)["InstanceId"] == far


def test_force_is_for_regional_disks(account: Account) -> None:
    disk = account.create_disk()
    account.refuse(
        "AttachDisk",
        "InvalidParameterForce.DiskCategoryNotSupported",
        400,
        DiskId=disk,
        InstanceId=account.instance,
        Force=True,
    )


def test_contents_need_an_attachment_to_be_written(slow: Account) -> None:
    disk = slow.create_disk()

    def refused() -> bool:
        with pytest.raises(EcsError, match="DependencyViolation"):
            slow.cloud.write(disk, slow.instance, {"n": 0})
        return True

    assert refused()
    slow.attach(disk)
    assert refused()
    slow.clock.pass_by(3)
    slow.cloud.write(disk, slow.instance, {"n": 1})
    slow.cloud.write(disk, slow.instance, {"n": 2})
    slow.detach(disk)
    assert refused()
    slow.clock.pass_by(4)
    assert refused()
    assert slow.cloud.read(disk) == [{"n": 1}, {"n": 2}]


def test_contents_are_copies(account: Account) -> None:
    disk = account.attached_disk()
    record: dict[str, Any] = {"n": 1, "more": ["a"]}
    account.cloud.write(disk, account.instance, record)
    record["more"].append("b")
    account.cloud.read(disk)[0]["n"] = 2
    assert account.cloud.read(disk) == [{"n": 1, "more": ["a"]}]
    with pytest.raises(EcsError, match="InvalidDiskId.NotFound"):
        account.cloud.read("d-none")

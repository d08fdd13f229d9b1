# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots in the ECS emulator: their four moments, what they contain, and their rules (alibaba-ecs.md 2.1, 2.2)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox.ecs_helpers import OTHER_ZONE, ZONE, Account

DAY = 86400.0


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def slow() -> Account:
    """Cut after 2 s, usable after 5 s, durable after 20 s + 1 s per GiB, that is 40 s for a disk of 20 GiB."""
    return Account(
        snapshot_cut=2.0, snapshot_usable=5.0, snapshot_durable=20.0, snapshot_durable_per_gib=1.0, disk_initialize=60.0
    )


def progress(account: Account, snapshot: str) -> tuple[bool, bool, str, str, int]:
    seen = account.snapshot(snapshot)
    is_cut = seen["CreationTime"] != ""
    return is_cut, seen["Available"], seen["Status"], seen["Progress"], seen["RemainTime"]


def test_what_a_snapshot_says_of_itself(account: Account) -> None:
    disk = account.used_disk(Encrypted=True)
    snapshot = account.create_snapshot(
        disk,
        SnapshotName="zoneshift-web-0",
        Description="before the move",
        RetentionDays=7,
        InstantAccess=True,
        Tag=[{"Key": "run", "Value": "1"}],
    )
    seen = account.snapshot(snapshot)
    expected = {
        "SnapshotId": snapshot,
        "SnapshotName": "zoneshift-web-0",
        "Description": "before the move",
        "SourceDiskId": disk,
        "SourceDiskSize": "20",
        "SourceDiskType": "data",
        "CreationTime": "2027-01-15T08:00:00Z",
        "RetentionDays": 7,
        "Available": True,
        "InstantAccess": True,
        "Status": "accomplished",
        "Progress": "100%",
        "RemainTime": 0,
        "Usage": "none",
        "Encrypted": True,
        "KMSKeyId": account.disk(disk)["KMSKeyId"],
        "Tags": {"Tag": [{"TagKey": "run", "TagValue": "1"}]},
    }
    assert {name: seen[name] for name in expected} == expected


def test_for_ever_is_no_retention_at_all(account: Account) -> None:
    assert "RetentionDays" not in account.snapshot(account.create_snapshot(account.used_disk()))


def test_four_moments_of_an_instant_access_snapshot(slow: Account) -> None:
    snapshot = slow.create_snapshot(slow.used_disk())
    assert progress(slow, snapshot) == (False, False, "progressing", "0%", 40)
    slow.clock.pass_by(2)
    assert progress(slow, snapshot) == (True, False, "progressing", "5%", 38)
    assert slow.snapshot(snapshot)["CreationTime"] == "2027-01-15T08:00:02Z"
    slow.clock.pass_by(3)
    assert progress(slow, snapshot) == (True, True, "progressing", "12%", 35)
    slow.clock.pass_by(34.9)
    assert progress(slow, snapshot) == (True, True, "progressing", "99%", 0)
    slow.clock.pass_by(0.1)
    assert progress(slow, snapshot) == (True, True, "accomplished", "100%", 0)


@pytest.mark.parametrize("category", ["cloud_ssd", "cloud_efficiency"])
def test_other_categories_are_usable_only_when_durable(slow: Account, category: str) -> None:
    snapshot = slow.create_snapshot(slow.used_disk(DiskCategory=category))
    slow.clock.pass_by(39)
    assert progress(slow, snapshot)[:3] == (True, False, "progressing")
    assert slow.snapshot(snapshot)["InstantAccess"] is False
    slow.clock.pass_by(1)
    assert progress(slow, snapshot)[:3] == (True, True, "accomplished")


def test_contents_are_those_at_the_cut(slow: Account) -> None:
    disk = slow.attached_disk()
    slow.cloud.write(disk, slow.instance, {"n": 1})
    snapshot = slow.create_snapshot(disk)
    slow.clock.pass_by(1)
    slow.cloud.write(disk, slow.instance, {"n": 2})
    slow.clock.pass_by(1)
    slow.cloud.write(disk, slow.instance, {"n": 3})
    slow.clock.pass_by(10)
    copy = slow.create_disk(SnapshotId=snapshot)
    assert slow.cloud.read(copy) == [{"n": 1}, {"n": 2}]
    assert slow.cloud.world()["snapshots"][snapshot]["contents"] == [{"n": 1}, {"n": 2}]


def test_nothing_written_after_an_instant_cut_is_in_the_snapshot(account: Account) -> None:
    """In the same instant: the clock does not tell them apart, their order does."""
    disk = account.attached_disk()
    account.cloud.write(disk, account.instance, {"n": 1})
    snapshot = account.create_snapshot(disk)
    account.cloud.write(disk, account.instance, {"n": 2})
    assert account.cloud.read(account.create_disk(SnapshotId=snapshot)) == [{"n": 1}]


def test_a_disk_in_another_zone_starts_with_the_contents_and_goes_its_own_way(account: Account) -> None:
    source = account.used_disk(1, 2)
    target = account.create_disk(SnapshotId=account.create_snapshot(source), ZoneId=OTHER_ZONE)
    far = account.cloud.add_instance(OTHER_ZONE)
    account.call("AttachDisk", DiskId=target, InstanceId=far)
    account.cloud.write(target, far, {"n": 3})
    assert account.cloud.read(target) == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert account.cloud.read(source) == [{"n": 1}, {"n": 2}]


def test_size_of_a_disk_from_a_snapshot(account: Account) -> None:
    snapshot = account.create_snapshot(account.used_disk(Size=40))
    params = {"ZoneId": ZONE, "DiskCategory": "cloud_essd", "SnapshotId": snapshot}
    account.refuse("CreateDisk", "InvalidDiskSize.TooSmall", 403, **params, Size=39)
    assert account.disk(account.create_disk(SnapshotId=snapshot, Size=None))["Size"] == 40
    bigger = account.disk(account.create_disk(SnapshotId=snapshot, Size=41))
    assert (bigger["Size"], bigger["SourceSnapshotId"]) == (41, snapshot)
    assert account.snapshot(snapshot)["Usage"] == "disk"


def test_a_disk_waits_for_usable_and_another_category_for_durable(slow: Account) -> None:
    snapshot = slow.create_snapshot(slow.used_disk())
    params = {"ZoneId": ZONE, "Size": 20, "SnapshotId": snapshot}
    slow.refuse("CreateDisk", "InvalidSnapshotId.NotReady", 403, **params, DiskCategory="cloud_essd")
    slow.clock.pass_by(5)
    slow.refuse("CreateDisk", "InvalidSnapshotId.NotReady", 403, **params, DiskCategory="cloud_ssd")
    slow.create_disk(SnapshotId=snapshot, DiskCategory="cloud_auto")
    slow.clock.pass_by(35)
    slow.create_disk(SnapshotId=snapshot, DiskCategory="cloud_ssd")


def test_ephemeral_disks_have_nothing_to_do_with_snapshots(account: Account) -> None:
    snapshot = account.create_snapshot(account.used_disk(Size=64))
    category = "elastic_ephemeral_disk_standard"
    params = {"ZoneId": ZONE, "DiskCategory": category, "Size": 64, "SnapshotId": snapshot}
    account.refuse("CreateDisk", "InvalidOperation.CreateFromSnapshotUnsupported", 403, **params)
    disk = account.create_disk(DiskCategory=category, Size=64)
    account.refuse("CreateSnapshot", "DiskCategory.OperationNotSupported", 400, DiskId=disk)


def test_encryption_follows_the_snapshot(account: Account) -> None:
    snapshot = account.create_snapshot(account.used_disk(Encrypted=True, KMSKeyId="key-1"))
    params = {"ZoneId": ZONE, "DiskCategory": "cloud_essd", "Size": 20, "SnapshotId": snapshot}
    account.refuse("CreateDisk", "InvalidEncrypted.NotMatchSnapshot", 403, **params)
    wrong_key = {**params, "Encrypted": True, "KMSKeyId": "key-2"}
    account.refuse("CreateDisk", "InvalidKmsKeyId.NotMatchSnapshot", 400, **wrong_key)
    disk = account.create_disk(SnapshotId=snapshot, Encrypted=True)
    assert account.disk(disk)["KMSKeyId"] == "key-1"


def test_a_disk_that_was_never_attached_has_no_snapshot(account: Account) -> None:
    disk = account.create_disk()
    account.refuse("CreateSnapshot", "IncorrectDiskStatus.NeverAttached", 403, DiskId=disk)
    copy = account.create_disk(SnapshotId=account.create_snapshot(account.used_disk(1)))
    account.refuse("CreateSnapshot", "IncorrectDiskStatus.NeverAttached", 403, DiskId=copy)


@pytest.mark.parametrize(
    ("params", "code", "status"),
    [
        ({"DiskId": "d-none"}, "InvalidDiskId.NotFound", 404),
        ({"SnapshotName": "auto-1"}, "InvalidSnapshotName.Malformed", 400),
        ({"SnapshotName": "x"}, "InvalidSnapshotName.Malformed", 400),
        ({"SnapshotName": "has space"}, "InvalidSnapshotName.Malformed", 400),
        ({"Description": "http://x"}, "InvalidDescription.Malformed", 404),
        ({"RetentionDays": 0}, "InvalidRetentionDays.Malformed", 400),
        ({"RetentionDays": -1}, "InvalidRetentionDays.Malformed", 400),
        ({"RetentionDays": 65537}, "InvalidRetentionDays.Malformed", 400),
        ({"Tag": [{"Key": "aliyun.x", "Value": ""}]}, "InvalidTagKey.Malformed", 400),
    ],
)
def test_create_is_refused(account: Account, params: dict[str, Any], code: str, status: int) -> None:
    account.refuse("CreateSnapshot", code, status, **{"DiskId": account.used_disk(), **params})


def test_disk_and_instance_must_be_at_rest() -> None:
    account = Account(detach=4.0)
    disk = account.attached_disk()
    account.cloud.set_instance_status(account.instance, "Stopping")
    account.refuse("CreateSnapshot", "IncorrectInstanceStatus", 400, DiskId=disk)
    account.cloud.set_instance_status(account.instance, "Running")
    account.detach(disk)
    account.refuse("CreateSnapshot", "IncorrectDiskStatus", 403, DiskId=disk)


def test_ten_at_once_for_the_essd_series(slow: Account) -> None:
    disk = slow.used_disk()
    first = slow.create_snapshot(disk)
    for _number in range(9):
        slow.create_snapshot(disk)
    error = slow.refuse("CreateSnapshot", "QuotaExceed.ConcurrentSnapshotQuota", 403, DiskId=disk)
    assert f"for the disk {disk} has exceeded the concurrent quota (10)" in error.message
    slow.call("DeleteSnapshot", SnapshotId=first)
    slow.create_snapshot(disk)


def test_one_at_once_for_the_others(slow: Account) -> None:
    disk = slow.used_disk(DiskCategory="cloud_efficiency")
    slow.create_snapshot(disk)
    slow.refuse("CreateSnapshot", "IncorrectDiskStatus.CreatingSnapshot", 403, DiskId=disk)
    slow.clock.pass_by(40)
    slow.create_snapshot(disk)


def test_quota_and_service_of_the_account(account: Account) -> None:
    account.cloud.settings.snapshot_limit = 1
    disk = account.used_disk()
    account.create_snapshot(disk)
    account.refuse("CreateSnapshot", "QuotaExceed.Snapshot", 403, DiskId=disk)
    account.cloud.settings.snapshot_service = False
    account.refuse("CreateSnapshot", "InvalidAccountStatus.SnapshotServiceUnavailable", 403, DiskId=disk)


@pytest.mark.parametrize("everywhere", [True, False])
def test_a_snapshot_that_fails(slow: Account, everywhere: bool) -> None:
    disk = slow.used_disk()
    slow.cloud.settings.failing_snapshots.add("*" if everywhere else disk)
    snapshot = slow.create_snapshot(disk)
    assert slow.snapshot(snapshot)["Status"] == "progressing"
    slow.clock.pass_by(100)
    seen = slow.snapshot(snapshot)
    assert (seen["Status"], seen["Available"]) == ("failed", False)
    params = {"ZoneId": ZONE, "DiskCategory": "cloud_essd", "Size": 20, "SnapshotId": snapshot}
    slow.refuse("CreateDisk", "OperationDenied.SnapshotNotAllowed", 403, **params)


def test_retention_only_gets_longer(account: Account) -> None:
    snapshot = account.create_snapshot(account.used_disk(), RetentionDays=3)
    modify = {"SnapshotId": snapshot}
    code = "InvalidOperation.DecreaseRetentionDaysUnsupported"
    account.refuse("ModifySnapshotAttribute", code, 400, **modify, RetentionDays=2)
    account.refuse("ModifySnapshotAttribute", "InvalidRetentionDays.Malformed", 400, **modify, RetentionDays=70000)
    account.refuse("ModifySnapshotAttribute", "NoAttributeToModify", 400, **modify)
    account.refuse("ModifySnapshotAttribute", "InvalidSnapshotId.NotFound", 404, SnapshotId="s-none", RetentionDays=9)
    account.call("ModifySnapshotAttribute", **modify, RetentionDays=4, SnapshotName="kept", Description="longer")
    seen = account.snapshot(snapshot)
    assert (seen["RetentionDays"], seen["SnapshotName"], seen["Description"]) == (4, "kept", "longer")


def test_a_snapshot_goes_when_its_retention_is_over(account: Account) -> None:
    disk = account.used_disk(1)
    kept, gone = account.create_snapshot(disk), account.create_snapshot(disk, RetentionDays=1)
    copy = account.create_disk(SnapshotId=gone)
    account.clock.pass_by(DAY - 1)
    assert len(account.snapshots()) == 2
    account.clock.pass_by(1)
    assert [found["SnapshotId"] for found in account.snapshots()] == [kept]
    assert account.cloud.read(copy) == [{"n": 1}]


def test_delete_refuses_while_a_disk_comes_from_it_unless_forced(account: Account) -> None:
    snapshot = account.create_snapshot(account.used_disk(1))
    copy = account.create_disk(SnapshotId=snapshot)
    account.refuse("DeleteSnapshot", "SnapshotCreatedDisk", 403, SnapshotId=snapshot)
    account.call("DeleteSnapshot", SnapshotId=snapshot, Force=True)
    assert account.snapshots() == []
    assert account.cloud.read(copy) == [{"n": 1}]
    account.refuse("DeleteSnapshot", "InvalidSnapshotId.NotFound", 404, SnapshotId=snapshot)
    account.cloud.settings.absent_delete_fails = False
    account.call("DeleteSnapshot", SnapshotId=snapshot)


def test_a_finished_snapshot_outlives_its_disk(slow: Account) -> None:
    disk = slow.used_disk(1)
    snapshot = slow.create_snapshot(disk)
    slow.clock.pass_by(40)
    slow.call("DeleteDisk", DiskId=disk)
    assert slow.snapshot(snapshot)["SourceDiskId"] == disk
    assert slow.cloud.read(slow.create_disk(SnapshotId=snapshot)) == [{"n": 1}]


def test_a_snapshot_in_progress_is_lost_with_its_disk(slow: Account) -> None:
    """Why the source is only deleted when the snapshot is accomplished."""
    disk = slow.used_disk(1)
    snapshot = slow.create_snapshot(disk)
    slow.refuse("DeleteDisk", "DiskCreatingSnapshot", 403, DiskId=disk)
    slow.clock.pass_by(5)
    slow.call("DeleteDisk", DiskId=disk)
    seen = slow.snapshot(snapshot)
    assert (seen["Status"], seen["Available"]) == ("failed", False)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"Status": "progressing"}, "b"),
        ({"Status": "accomplished"}, "a"),
        ({"Status": "all"}, "ba"),
        ({"SnapshotName": "aa"}, "a"),
        ({"SnapshotType": "auto"}, ""),
        ({"SnapshotType": "user"}, "ba"),
        ({"SourceDiskType": "System"}, ""),
        ({"Usage": "disk"}, "a"),
        ({"Usage": "none"}, "b"),
        ({"Encrypted": True}, ""),
        ({"Tag": [{"Key": "run", "Value": "2"}]}, "b"),
        ({"Filter": [{"Key": "CreationStartTime", "Value": "2027-01-15T08:01Z"}]}, "b"),
        ({"SnapshotIds": "[]"}, ""),
        ({"SnapshotIds": '["s-unknown"]'}, ""),
    ],
)
def test_filters(slow: Account, params: dict[str, Any], expected: str) -> None:
    disk = slow.used_disk()
    first = slow.create_snapshot(disk, SnapshotName="aa", Tag=[{"Key": "run", "Value": "1"}])
    slow.clock.pass_by(100)
    slow.create_disk(SnapshotId=first)
    second = slow.create_snapshot(disk, SnapshotName="bb", Tag=[{"Key": "run", "Value": "2"}])
    letters = {first: "a", second: "b"}
    assert "".join(letters[found["SnapshotId"]] for found in slow.snapshots(**params)) == expected


def test_filter_by_disk_and_instance(account: Account) -> None:
    disk, other = account.attached_disk(), account.used_disk()
    snapshot = account.create_snapshot(disk)
    account.create_snapshot(other)
    assert [found["SnapshotId"] for found in account.snapshots(DiskId=disk)] == [snapshot]
    assert [found["SnapshotId"] for found in account.snapshots(InstanceId=account.instance)] == [snapshot]
    link = account.snapshot(snapshot)["SnapshotLinkId"]
    assert [found["SnapshotId"] for found in account.snapshots(SnapshotLinkId=link)] == [snapshot]


@pytest.mark.parametrize(
    ("params", "code", "status"),
    [
        ({"Status": "done"}, "InvalidStatus.NotFound", 404),
        ({"SnapshotType": "x"}, "InvalidSnapshotType.NotFound", 404),
        ({"Usage": "x"}, "InvalidUsage", 404),
        ({"SourceDiskType": "x"}, "InvalidSourceDiskType", 404),
        ({"DryRun": True}, "DryRunOperation", 400),
    ],
)
def test_listing_is_refused(account: Account, params: dict[str, Any], code: str, status: int) -> None:
    account.refuse("DescribeSnapshots", code, status, **params)


def test_pages(account: Account) -> None:
    disk = account.used_disk()
    made = [account.create_snapshot(disk) for _number in range(13)]
    first = account.call("DescribeSnapshots", MaxResults=2)
    second = account.call("DescribeSnapshots", NextToken=first["NextToken"])
    shown = first["Snapshots"]["Snapshot"] + second["Snapshots"]["Snapshot"]
    assert len(first["Snapshots"]["Snapshot"]) == 10
    assert [found["SnapshotId"] for found in shown] == made[::-1]


def test_a_new_snapshot_is_in_no_list_at_first() -> None:
    account = Account(visibility=2.0)
    snapshot = account.create_snapshot(account.used_disk())
    assert account.snapshots() == []
    account.clock.pass_by(2)
    assert account.snapshot(snapshot)["Available"] is True

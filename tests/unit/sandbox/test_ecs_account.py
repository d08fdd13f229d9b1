# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for all actions of the ECS emulator: ClientToken, throttling, latency profiles, the view of the world."""

from __future__ import annotations

import json
import threading

import pytest

from tests.sandbox.ecs.cloud import Cloud
from tests.sandbox.ecs.latency import Latency
from tests.unit.sandbox.ecs_helpers import OTHER_ZONE, ZONE, Account, wire


@pytest.fixture
def account() -> Account:
    return Account()


def test_same_token_same_parameters_same_disk(account: Account) -> None:
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    first = account.create_disk(ClientToken="token-1", Tag=tags)
    assert account.create_disk(ClientToken="token-1", Tag=tags) == first
    assert account.create_disk(ClientToken="Token-1", Tag=tags) != first
    assert len(account.disks()) == 2


def test_same_token_same_snapshot_even_when_the_disk_has_changed_meanwhile(account: Account) -> None:
    disk = account.used_disk()
    first = account.create_snapshot(disk, ClientToken="token-1")
    account.call("DeleteDisk", DiskId=disk)
    assert account.create_snapshot(disk, ClientToken="token-1") == first


def test_same_token_other_parameters(account: Account) -> None:
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    account.create_disk(ClientToken="token-1", Tag=tags)
    params = {"ZoneId": ZONE, "DiskCategory": "cloud_essd", "Size": 20, "ClientToken": "token-1"}
    account.refuse("CreateDisk", "IdempotentParameterMismatch", 403, **params)
    account.refuse("CreateDisk", "IdempotentParameterMismatch", 403, **params, Tag=tags[::-1])


def test_tokens_of_different_actions_do_not_meet(account: Account) -> None:
    disk = account.used_disk(ClientToken="token-1")
    account.create_snapshot(disk, ClientToken="token-1")
    account.call("ResizeDisk", DiskId=disk, NewSize=30, ClientToken="token-1")
    account.call("ResizeDisk", DiskId=disk, NewSize=30, ClientToken="token-1")
    assert account.disk(disk)["Size"] == 30


def test_a_token_whose_request_is_not_through() -> None:
    account = Account(create_processing=1.0)
    params = {"ZoneId": ZONE, "DiskCategory": "cloud_essd", "Size": 20, "ClientToken": "token-1"}
    disk = account.create_disk(ClientToken="token-1")
    account.refuse("CreateDisk", "LastTokenProcessing", 403, **params)
    account.attach(disk)
    snapshot = account.create_snapshot(disk, ClientToken="token-1")
    account.refuse("CreateSnapshot", "IdempotentProcessing", 403, DiskId=disk, ClientToken="token-1")
    account.clock.pass_by(1)
    assert account.create_disk(ClientToken="token-1") == disk
    assert account.create_snapshot(disk, ClientToken="token-1") == snapshot


def test_a_refused_request_leaves_its_token_unused(account: Account) -> None:
    account.cloud.set_stock(ZONE, "cloud_essd", False)
    params = {"ZoneId": ZONE, "DiskCategory": "cloud_essd", "Size": 20, "ClientToken": "token-1"}
    account.refuse("CreateDisk", "OperationDenied", 400, **params)
    account.create_disk(ZoneId=OTHER_ZONE, ClientToken="token-1")


def test_longest_token(account: Account) -> None:
    assert account.create_disk(ClientToken="x" * 64) == account.create_disk(ClientToken="x" * 64)


@pytest.mark.parametrize("token", ["x" * 65, "töken"])
def test_malformed_token(account: Account, token: str) -> None:
    params = {"ZoneId": ZONE, "DiskCategory": "cloud_essd", "Size": 20, "ClientToken": token}
    account.refuse("CreateDisk", "InvalidClientToken.Malformed", 403, **params)


def test_one_token_from_many_threads_makes_one_disk() -> None:
    cloud = Cloud()
    params = wire(
        {"RegionId": "cn-beijing", "ZoneId": ZONE, "DiskCategory": "cloud_essd", "Size": 20, "ClientToken": "t"}
    )
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.append(cloud.call("CreateDisk", params, "admin")["DiskId"]))
        for _number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert set(made) == set(cloud.world()["disks"])


def test_throttled_until_the_next_minute_and_other_apis_are_not(account: Account) -> None:
    account.cloud.set_throttle("DescribeDisks", 2)
    account.disks()
    account.disks()
    error = account.refuse("DescribeDisks", "Throttling.User", 400)
    assert error.message == "Request was denied due to user flow control."
    account.snapshots()
    account.clock.pass_by(60 - account.clock.time % 60 - 1)
    account.refuse("DescribeDisks", "Throttling.User", 400)
    account.clock.pass_by(1)
    account.disks()


def test_a_limit_for_each_api(account: Account) -> None:
    account.cloud.set_throttle("*", 1, code="Throttling", status=403)
    account.disks()
    account.snapshots()
    account.refuse("DescribeDisks", "Throttling", 403)
    account.refuse("DescribeSnapshots", "Throttling", 403)
    account.cloud.set_throttle("*", None)
    account.disks()


def test_throttled_for_good(account: Account) -> None:
    account.cloud.set_throttle("CreateDisk", 0)
    for _minute in range(3):
        account.refuse("CreateDisk", "Throttling.User", 400)
        account.clock.pass_by(60)


def test_a_throttled_request_does_nothing_and_leaves_its_token_unused(account: Account) -> None:
    account.cloud.set_throttle("CreateDisk", 0)
    account.refuse("CreateDisk", "Throttling.User", 400, ZoneId=ZONE, ClientToken="token-1")
    account.cloud.set_throttle("CreateDisk", None)
    account.create_disk(ClientToken="token-1")


def test_profiles() -> None:
    assert Latency.profile("instant") == Latency()
    cloud = Latency.profile("cloud")
    assert 0 < cloud.snapshot_cut <= cloud.snapshot_usable < cloud.snapshot_durable
    assert cloud.attach == 3.6
    cloud.attach = 0.0
    assert Latency.profile("cloud").attach == 3.6


def test_latency_can_be_changed_at_any_time(account: Account) -> None:
    account.cloud.latency = Latency(disk_create=5.0)
    assert account.disk(account.create_disk())["Status"] == "Creating"
    account.cloud.latency.disk_create = 0.0
    assert account.disk(account.create_disk())["Status"] == "Available"


def test_world_is_json_and_shows_all(account: Account) -> None:
    disk = account.attached_disk(Tag=[{"Key": "a", "Value": "1"}])
    account.cloud.write(disk, account.instance, {"n": 1})
    snapshot = account.create_snapshot(disk)
    task = account.call("ModifyDiskSpec", DiskId=disk, DiskCategory="cloud_auto")["TaskId"]
    gone = account.create_disk(SnapshotId=snapshot)
    account.call("DeleteDisk", DiskId=gone)
    world = json.loads(json.dumps(account.cloud.world()))
    assert world["disks"][disk]["contents"] == world["snapshots"][snapshot]["contents"] == [{"n": 1}]
    assert world["disks"][disk]["attached_to"] == [account.instance]
    assert (world["disks"][disk]["zone"], world["disks"][disk]["status"]) == (ZONE, "In_use")
    assert (world["snapshots"][snapshot]["status"], world["snapshots"][snapshot]["available"]) == ("accomplished", True)
    assert world["deleted_disks"][gone]["status"] == "Deleted"
    assert world["deleted_disks"][gone]["source_snapshot_id"] == snapshot
    assert world["instances"][account.instance]["zone"] == ZONE
    assert world["tasks"][task]["status"] == "Finished"


def test_instances_are_made_where_there_is_a_zone() -> None:
    cloud = Cloud()
    assert cloud.add_instance(ZONE, instance_id="i-mine") == "i-mine"
    with pytest.raises(ValueError, match="no such zone or instance type"):
        cloud.add_instance("cn-beijing-z")

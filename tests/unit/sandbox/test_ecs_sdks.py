# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unmodified SDKs against the ECS endpoint: aliyun-python-sdk-ecs (v1) and alibabacloud_ecs20140526 (ACS3)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from alibabacloud_ecs20140526 import models
from alibabacloud_tea_openapi.exceptions import ClientException as NewClientException
from alibabacloud_tea_openapi.exceptions import ServerException as NewServerException
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkecs.request.v20140526.AttachDiskRequest import AttachDiskRequest
from aliyunsdkecs.request.v20140526.CreateDiskRequest import CreateDiskRequest
from aliyunsdkecs.request.v20140526.CreateSnapshotRequest import CreateSnapshotRequest
from aliyunsdkecs.request.v20140526.DeleteDiskRequest import DeleteDiskRequest
from aliyunsdkecs.request.v20140526.DeleteSnapshotRequest import DeleteSnapshotRequest
from aliyunsdkecs.request.v20140526.DescribeDisksRequest import DescribeDisksRequest
from aliyunsdkecs.request.v20140526.DescribePriceRequest import DescribePriceRequest
from aliyunsdkecs.request.v20140526.DescribeSnapshotsRequest import DescribeSnapshotsRequest
from aliyunsdkecs.request.v20140526.DescribeZonesRequest import DescribeZonesRequest
from aliyunsdkecs.request.v20140526.DetachDiskRequest import DetachDiskRequest
from aliyunsdkecs.request.v20140526.ListTagResourcesRequest import ListTagResourcesRequest

from tests.sandbox.ecs.signing import Key
from tests.sandbox.faults import Fault
from tests.unit.sandbox.ecs_helpers import OTHER_ZONE, REGION, ZONE, Endpoint, endpoint

TEMPORARY = {"STS.job": Key("third", "admin", token="CAIS+/=", expires_at=time.time() + 3600)}


@pytest.fixture
def ecs() -> Iterator[Endpoint]:
    with endpoint(TEMPORARY) as running:
        yield running


def old_disk(ecs: Endpoint, zone: str, snapshot: str = "", token: str = "") -> str:
    request = CreateDiskRequest()
    request.set_ZoneId(zone)
    request.set_DiskCategory("cloud_essd")
    request.set_PerformanceLevel("PL1")
    request.set_Size(20)
    request.set_Tags([{"Key": "run", "Value": "a b*~/+ü&="}])
    if snapshot:
        request.set_SnapshotId(snapshot)
    if token:
        request.set_ClientToken(token)
    return str(ecs.old_sdk(request)["DiskId"])


def test_old_sdk_copies_a_disk_to_another_zone(ecs: Endpoint) -> None:
    instance = ecs.cloud.add_instance(ZONE)
    source = old_disk(ecs, ZONE)
    attach, detach = AttachDiskRequest(), DetachDiskRequest()
    for request in (attach, detach):
        request.set_DiskId(source)
        request.set_InstanceId(instance)
    ecs.old_sdk(attach)
    ecs.cloud.write(source, instance, {"n": 1})
    ecs.old_sdk(detach)
    snapshot_request = CreateSnapshotRequest()
    snapshot_request.set_DiskId(source)
    snapshot_request.set_RetentionDays(1)
    snapshot_request.set_ClientToken("token-1")
    snapshot = ecs.old_sdk(snapshot_request)["SnapshotId"]
    describe = DescribeSnapshotsRequest()
    describe.set_SnapshotIds(json.dumps([snapshot]))
    (seen,) = ecs.old_sdk(describe)["Snapshots"]["Snapshot"]
    assert (seen["Available"], seen["RetentionDays"], seen["SourceDiskSize"]) == (True, 1, "20")
    target = old_disk(ecs, OTHER_ZONE, snapshot, "token-1")
    assert old_disk(ecs, OTHER_ZONE, snapshot, "token-1") == target
    assert ecs.cloud.read(target) == [{"n": 1}]
    describe_disks = DescribeDisksRequest()
    describe_disks.set_DiskIds(json.dumps([target]))
    (disk,) = ecs.old_sdk(describe_disks)["Disks"]["Disk"]
    assert (disk["ZoneId"], disk["SourceSnapshotId"]) == (OTHER_ZONE, snapshot)
    assert disk["Tags"] == {"Tag": [{"TagKey": "run", "TagValue": "a b*~/+ü&="}]}
    delete_disk, delete_snapshot = DeleteDiskRequest(), DeleteSnapshotRequest()
    delete_disk.set_DiskId(source)
    delete_snapshot.set_SnapshotId(snapshot)
    delete_snapshot.set_Force(True)
    ecs.old_sdk(delete_disk)
    ecs.old_sdk(delete_snapshot)
    assert list(ecs.cloud.world()["disks"]) == [target]


def test_old_sdk_with_nested_and_repeated_parameters(ecs: Endpoint) -> None:
    disk = old_disk(ecs, ZONE)
    tags = ListTagResourcesRequest()
    tags.set_ResourceType("disk")
    tags.set_ResourceIds([disk])
    assert ecs.old_sdk(tags)["TagResources"]["TagResource"][0]["TagKey"] == "run"
    price = DescribePriceRequest()
    price.set_ResourceType("disk")
    price.set_DataDisks([{"Category": "cloud_essd", "Size": 100, "PerformanceLevel": "PL1"}])
    assert ecs.old_sdk(price)["PriceInfo"]["Price"]["TradePrice"] > 0
    assert len(ecs.old_sdk(DescribeZonesRequest())["Zones"]["Zone"]) == 4


def test_old_sdk_sees_errors_as_they_are(ecs: Endpoint) -> None:
    request = DeleteDiskRequest()
    request.set_DiskId("d-none")
    with pytest.raises(ServerException) as caught:
        ecs.old_sdk(request)
    error = caught.value
    assert (error.get_http_status(), error.get_error_code()) == (404, "InvalidDiskId.NotFound")
    assert error.get_error_msg() == "The specified disk does not exist."
    assert error.get_request_id()


def test_old_sdk_with_wrong_keys(ecs: Endpoint) -> None:
    """The SDK compares the string to sign in our message with its own, and so knows that the secret is wrong."""
    for key, status, code in (
        (("LTAI-nobody", "secret"), 404, "InvalidAccessKeyId.NotFound"),
        (("LTAI-admin", "wrong"), 400, "InvalidAccessKeySecret"),
    ):
        with pytest.raises(ServerException) as caught:
            ecs.old_sdk(DescribeDisksRequest(), key)
        assert (caught.value.get_http_status(), caught.value.get_error_code()) == (status, code)


def test_old_sdk_with_a_temporary_key(ecs: Endpoint) -> None:
    assert ecs.old_sdk(DescribeDisksRequest(), ("STS.job", "third"), "CAIS+/=")["TotalCount"] == 0
    with pytest.raises(ServerException, match="MissingSecurityToken"):
        ecs.old_sdk(DescribeDisksRequest(), ("STS.job", "third"))


def test_new_sdk_copies_a_disk_to_another_zone(ecs: Endpoint) -> None:
    instance = ecs.cloud.add_instance(ZONE)
    client = ecs.new_sdk()
    tag = models.CreateDiskRequestTag(key="run", value="a b*~/+ü&=")
    source = client.create_disk(
        models.CreateDiskRequest(region_id=REGION, zone_id=ZONE, disk_category="cloud_essd", size=20, tag=[tag])
    ).body.disk_id
    client.attach_disk(models.AttachDiskRequest(disk_id=source, instance_id=instance))
    ecs.cloud.write(source, instance, {"n": 1})
    client.detach_disk(models.DetachDiskRequest(disk_id=source, instance_id=instance))
    snapshot = client.create_snapshot(models.CreateSnapshotRequest(disk_id=source, client_token="t")).body.snapshot_id
    described = client.describe_snapshots(
        models.DescribeSnapshotsRequest(region_id=REGION, snapshot_ids=json.dumps([snapshot]))
    ).body.snapshots.snapshot
    assert [(item.available, item.source_disk_id) for item in described] == [(True, source)]
    target = client.create_disk(
        models.CreateDiskRequest(
            region_id=REGION, zone_id=OTHER_ZONE, disk_category="cloud_auto", size=20, snapshot_id=snapshot
        )
    ).body.disk_id
    assert ecs.cloud.read(target) == [{"n": 1}]
    page = client.describe_disks(models.DescribeDisksRequest(region_id=REGION, max_results=10)).body
    assert [(disk.disk_id, disk.zone_id) for disk in page.disks.disk] == [(target, OTHER_ZONE), (source, ZONE)]
    assert page.disks.disk[1].tags.tag[0].tag_value == "a b*~/+ü&="
    client.delete_disk(models.DeleteDiskRequest(disk_id=source))
    client.delete_snapshot(models.DeleteSnapshotRequest(snapshot_id=snapshot, force=True))
    assert list(ecs.cloud.world()["disks"]) == [target]


def test_new_sdk_asks_for_stock_types_and_tasks(ecs: Endpoint) -> None:
    client = ecs.new_sdk()
    ecs.cloud.set_stock(ZONE, "cloud_essd", False)
    stock = client.describe_available_resource(
        models.DescribeAvailableResourceRequest(
            region_id=REGION, destination_resource="DataDisk", resource_type="disk", zone_id=ZONE
        )
    ).body
    resources = stock.available_zones.available_zone[0].available_resources.available_resource[0]
    statuses = {item.value: item.status for item in resources.supported_resources.supported_resource}
    assert (statuses["cloud_essd"], statuses["cloud_auto"]) == ("SoldOut", "Available")
    kinds = client.describe_instance_types(models.DescribeInstanceTypesRequest(instance_types=["ecs.g7.xlarge"])).body
    assert kinds.instance_types.instance_type[0].disk_quantity == 17
    assert client.describe_tasks(models.DescribeTasksRequest(region_id=REGION)).body.task_set.task == []


def test_new_sdk_sees_errors_as_they_are(ecs: Endpoint) -> None:
    with pytest.raises(NewClientException) as caught:
        ecs.new_sdk().delete_disk(models.DeleteDiskRequest(disk_id="d-none"))
    assert (caught.value.status_code, caught.value.code) == (404, "InvalidDiskId.NotFound")
    assert caught.value.request_id
    ecs.faults.add(Fault(verb="DescribeZones", status=503, code="ServiceUnavailable"))
    with pytest.raises(NewServerException) as failed:
        ecs.new_sdk().describe_zones(models.DescribeZonesRequest(region_id=REGION))
    assert (failed.value.status_code, failed.value.code) == (503, "ServiceUnavailable")


def test_new_sdk_with_wrong_keys(ecs: Endpoint) -> None:
    for key, status, code in (
        (("LTAI-nobody", "secret"), 404, "InvalidAccessKeyId.NotFound"),
        (("LTAI-admin", "wrong"), 400, "SignatureDoesNotMatch"),
    ):
        with pytest.raises(NewClientException) as caught:
            ecs.new_sdk(key).describe_zones(models.DescribeZonesRequest(region_id=REGION))
        assert (caught.value.status_code, caught.value.code) == (status, code)

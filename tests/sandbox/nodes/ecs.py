# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver's ECS client: unmodified ``aliyun-python-sdk-ecs`` requests, one method per call that it makes (1.4)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.http import protocol_type
from aliyunsdkcore.request import RpcRequest
from aliyunsdkecs.request.v20140526.AttachDiskRequest import AttachDiskRequest
from aliyunsdkecs.request.v20140526.CreateDiskRequest import CreateDiskRequest
from aliyunsdkecs.request.v20140526.DeleteDiskRequest import DeleteDiskRequest
from aliyunsdkecs.request.v20140526.DescribeAvailableResourceRequest import DescribeAvailableResourceRequest
from aliyunsdkecs.request.v20140526.DescribeDisksRequest import DescribeDisksRequest
from aliyunsdkecs.request.v20140526.DescribeInstanceTypesRequest import DescribeInstanceTypesRequest
from aliyunsdkecs.request.v20140526.DetachDiskRequest import DetachDiskRequest
from aliyunsdkecs.request.v20140526.ResizeDiskRequest import ResizeDiskRequest

Disk = dict[str, Any]


class EcsCallError(Exception):
    """ECS refused the call. ``str()`` of it is what the driver puts into its own messages."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """Where the ECS API is and who asks. ``url`` is ``http[s]://host[:port]``."""

    url: str
    region: str
    access_key_id: str
    access_key_secret: str


class Ecs:
    """Thread-safe: the SDK's session pools its connections."""

    def __init__(self, endpoint: Endpoint) -> None:
        scheme, _separator, address = endpoint.url.partition("://")
        host, _colon, port = address.partition(":")
        self._https = scheme == "https"
        self._host = host
        self._client = AcsClient(
            endpoint.access_key_id,
            endpoint.access_key_secret,
            endpoint.region,
            port=int(port or (443 if self._https else 80)),
            max_retry_time=1,
            pool_size=16,
        )
        self.region = endpoint.region

    def create_disk(self, parameters: dict[str, Any], tags: list[tuple[str, str]], client_token: str) -> str:
        """``parameters`` by their wire names; the disk's id."""
        request = CreateDiskRequest()
        for name, value in parameters.items():
            getattr(request, f"set_{name}")(value)
        request.set_Tags([{"Key": key, "Value": value} for key, value in tags])
        request.set_ClientToken(client_token)
        return str(self._call(request)["DiskId"])

    def disks(self, disk_ids: Iterable[str]) -> dict[str, Disk]:
        """The disks that exist, by id; at most 100 ids (2.5)."""
        request = DescribeDisksRequest()
        request.set_DiskIds(json.dumps(list(disk_ids)))
        request.set_PageSize(100)
        return {disk["DiskId"]: disk for disk in self._call(request)["Disks"]["Disk"]}

    def disk(self, disk_id: str) -> Disk | None:
        return self.disks([disk_id]).get(disk_id)

    def disks_with_tag(self, key: str, value: str) -> list[Disk]:
        request = DescribeDisksRequest()
        request.set_Tags([{"Key": key, "Value": value}])
        request.set_PageSize(100)
        return list(self._call(request)["Disks"]["Disk"])

    def attach_disk(self, disk_id: str, instance_id: str) -> None:
        request = AttachDiskRequest()
        request.set_DiskId(disk_id)
        request.set_InstanceId(instance_id)
        self._call(request)

    def detach_disk(self, disk_id: str, instance_id: str) -> None:
        request = DetachDiskRequest()
        request.set_DiskId(disk_id)
        request.set_InstanceId(instance_id)
        self._call(request)

    def delete_disk(self, disk_id: str) -> None:
        request = DeleteDiskRequest()
        request.set_DiskId(disk_id)
        self._call(request)

    def resize_disk(self, disk_id: str, gib: int, *, online: bool) -> None:
        request = ResizeDiskRequest()
        request.set_DiskId(disk_id)
        request.set_NewSize(gib)
        if online:
            request.set_Type("online")
        self._call(request)

    def data_disk_categories(self, zone: str, instance_type: str) -> list[str]:
        """The categories that an instance of the type takes in the zone and that are sold there (1.5)."""
        request = DescribeAvailableResourceRequest()
        request.set_DestinationResource("DataDisk")
        request.set_ResourceType("instance")
        request.set_InstanceType(instance_type)
        request.set_ZoneId(zone)
        zones = self._call(request)["AvailableZones"]["AvailableZone"]
        return [
            resource["Value"]
            for found in zones
            if found["ZoneId"] == zone
            for available in found["AvailableResources"]["AvailableResource"]
            for resource in available["SupportedResources"]["SupportedResource"]
            if resource["Status"] == "Available"
        ]

    def disk_quantity(self, instance_type: str) -> int:
        """How many disks an instance of the type takes, the system disk included (section 5)."""
        request = DescribeInstanceTypesRequest()
        request.set_InstanceTypess([instance_type])
        types = self._call(request)["InstanceTypes"]["InstanceType"]
        return int(types[0]["DiskQuantity"])

    def _call(self, request: RpcRequest) -> dict[str, Any]:
        request.set_endpoint(self._host)
        # Compared with `is` in the SDK, so only its own constants will do (4.1).
        request.set_protocol_type(protocol_type.HTTPS if self._https else protocol_type.HTTP)
        try:
            return dict(json.loads(self._client.do_action_with_exception(request)))
        except ServerException as error:
            raise EcsCallError(error.get_error_code(), error.get_error_msg()) from None

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the ECS emulator share: a clock that they turn, and an account whose every answer is checked."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import alibabacloud_ecs20140526.models as sdk_models
import pytest
from alibabacloud_ecs20140526.client import Client
from alibabacloud_tea_openapi.models import Config
from aliyunsdkcore.auth.credentials import AccessKeyCredential, StsTokenCredential
from aliyunsdkcore.client import AcsClient

from tests.sandbox.ecs.cloud import Cloud
from tests.sandbox.ecs.errors import EcsError
from tests.sandbox.ecs.latency import Latency
from tests.sandbox.ecs.server import EcsServer
from tests.sandbox.faults import FaultBook
from tests.sandbox.requestlog import RequestLog

REGION = "cn-beijing"
ZONE = "cn-beijing-h"
OTHER_ZONE = "cn-beijing-k"


class Clock:
    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time

    def pass_by(self, seconds: float) -> None:
        self.time += seconds


def wire(params: dict[str, Any]) -> dict[str, str]:
    """Flat parameters as the SDKs send them."""
    flat: dict[str, str] = {}
    queue = collections.deque(params.items())
    while queue:
        name, value = queue.popleft()
        if isinstance(value, dict):
            queue.extend((f"{name}.{key}", item) for key, item in value.items())
        elif isinstance(value, list):
            queue.extend((f"{name}.{index}", item) for index, item in enumerate(value, start=1))
        else:
            flat[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return flat


def assert_sdk_reads_all(action: str, body: dict[str, Any]) -> None:
    """The SDK's own model of the answer drops what it does not know: a wrong name or nesting shows as a difference."""
    model = getattr(sdk_models, f"{action}ResponseBody")()
    assert model.from_map(body).to_map() == body


class Account:
    """A cloud in which time stands still unless told otherwise."""

    def __init__(self, **latency: float) -> None:
        self.clock = Clock()
        self.cloud = Cloud(latency=Latency(**latency), clock=self.clock)
        self.instance = self.cloud.add_instance(ZONE)

    def call(self, action: str, /, **params: Any) -> dict[str, Any]:
        answer = self.cloud.call(action, wire({"RegionId": REGION, **params}), "admin")
        assert_sdk_reads_all(action, {**answer, "RequestId": "4C467B38-3910-447D-87BC-AC049166F216"})
        return answer

    def refuse(self, action: str, code: str, status: int, /, **params: Any) -> EcsError:
        with pytest.raises(EcsError) as caught:
            self.call(action, **params)
        assert (caught.value.code, caught.value.status) == (code, status)
        return caught.value

    def create_disk(self, **params: Any) -> str:
        wanted = {"ZoneId": ZONE, "DiskCategory": "cloud_essd", "Size": 20, **params}
        answer = self.call("CreateDisk", **{name: value for name, value in wanted.items() if value is not None})
        return str(answer["DiskId"])

    def attached_disk(self, **params: Any) -> str:
        disk = self.create_disk(**params)
        self.attach(disk)
        return disk

    def used_disk(self, *records: int, **params: Any) -> str:
        """A detached disk with records on it."""
        disk = self.attached_disk(**params)
        for record in records:
            self.cloud.write(disk, self.instance, {"n": record})
        self.detach(disk)
        return disk

    def attach(self, disk: str) -> None:
        self.call("AttachDisk", DiskId=disk, InstanceId=self.instance)

    def detach(self, disk: str) -> None:
        self.call("DetachDisk", DiskId=disk, InstanceId=self.instance)

    def create_snapshot(self, disk: str, **params: Any) -> str:
        return str(self.call("CreateSnapshot", DiskId=disk, **params)["SnapshotId"])

    def disks(self, **params: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("DescribeDisks", **params)["Disks"]["Disk"]
        return found

    def disk(self, disk: str, **params: Any) -> dict[str, Any]:
        (found,) = self.disks(DiskIds=f'["{disk}"]', **params)
        return found

    def snapshots(self, **params: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("DescribeSnapshots", **params)["Snapshots"]["Snapshot"]
        return found

    def snapshot(self, snapshot: str) -> dict[str, Any]:
        (found,) = self.snapshots(SnapshotIds=f'["{snapshot}"]')
        return found


@dataclasses.dataclass
class Endpoint:
    """A running server and what tests do to it."""

    cloud: Cloud
    server: EcsServer
    faults: FaultBook
    log: RequestLog
    address: str

    def old_sdk(self, request: Any, key: tuple[str, str] = ("LTAI-admin", "secret"), token: str = "") -> dict[str, Any]:
        """Through aliyun-python-sdk-core, as it comes. It would retry some actions by itself; that is off."""
        credential = StsTokenCredential(*key, token) if token else AccessKeyCredential(*key)
        client = AcsClient(region_id=REGION, credential=credential, auto_retry=False)
        request.set_endpoint(self.address)
        request.set_protocol_type("http")
        answer: dict[str, Any] = json.loads(client.do_action_with_exception(request))
        return answer

    def new_sdk(self, key: tuple[str, str] = ("LTAI-admin", "secret")) -> Client:
        """Through alibabacloud_ecs20140526, as it comes."""
        key_id, secret = key
        config = Config(
            access_key_id=key_id, access_key_secret=secret, region_id=REGION, endpoint=self.address, protocol="http"
        )
        return Client(config)


@contextlib.contextmanager
def endpoint(keys: dict[str, Any] | None = None) -> Iterator[Endpoint]:
    cloud, faults, log = Cloud(), FaultBook(), RequestLog()
    known = {"LTAI-admin": ("secret", "admin"), "LTAI-driver": ("other", "driver"), **(keys or {})}
    server = EcsServer(cloud, known, faults, log)
    try:
        yield Endpoint(cloud, server, faults, log, server.start())
    finally:
        server.stop()

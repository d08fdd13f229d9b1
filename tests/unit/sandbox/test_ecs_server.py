# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ECS endpoint on the wire: bodies, permissions, the request log, faults, connections."""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from aliyunsdkcore.acs_exception.exceptions import ClientException, ServerException
from aliyunsdkecs.request.v20140526.CreateDiskRequest import CreateDiskRequest
from aliyunsdkecs.request.v20140526.DeleteDiskRequest import DeleteDiskRequest
from aliyunsdkecs.request.v20140526.DescribeDisksRequest import DescribeDisksRequest
from aliyunsdkecs.request.v20140526.ModifyDiskSpecRequest import ModifyDiskSpecRequest

from tests.sandbox.ecs.signing import SignedRequest
from tests.sandbox.faults import Fault
from tests.unit.sandbox.ecs_helpers import ZONE, Endpoint, endpoint, wire

UUID = re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")


@pytest.fixture
def ecs() -> Iterator[Endpoint]:
    with endpoint() as running:
        yield running


def create_disk_request() -> CreateDiskRequest:
    request = CreateDiskRequest()
    request.set_ZoneId(ZONE)
    request.set_DiskCategory("cloud_essd")
    request.set_Size(20)
    request.set_ClientToken("token-1")
    return request


def unsigned(ecs: Endpoint, **query: str) -> tuple[int, dict[str, Any]]:
    answer = ecs.server.answer(SignedRequest("POST", "/", query, {}, {}))
    return answer.status, answer.body


def test_body_of_a_refusal(ecs: Endpoint) -> None:
    status, body = unsigned(ecs, Action="LaunchRocket", Version="2014-05-26")
    assert status == 404
    assert UUID.fullmatch(body["RequestId"])
    assert body == {
        "RequestId": body["RequestId"],
        "HostId": "ecs.cn-beijing.aliyuncs.com",
        "Code": "InvalidAction.NotFound",
        "Message": "Specified api is not found, please check your url and method.",
        "Recommend": "https://api.aliyun.com/troubleshoot?q=InvalidAction.NotFound&product=Ecs&requestId="
        + body["RequestId"],
    }


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({}, 400, "MissingAction"),
        ({"Action": "DescribeDisks"}, 400, "MissingVersion"),
        ({"Action": "DescribeDisks", "Version": "2030-01-01"}, 400, "InvalidVersion"),
        ({"Action": "DescribeDisks", "Version": "2014-05-26"}, 400, "MissingAccessKeyId"),
    ],
)
def test_gateway(ecs: Endpoint, query: dict[str, str], status: int, code: str) -> None:
    got, body = unsigned(ecs, **query)
    assert (got, body["Code"]) == (status, code)


def test_request_ids_differ(ecs: Endpoint) -> None:
    assert ecs.old_sdk(DescribeDisksRequest())["RequestId"] != ecs.old_sdk(DescribeDisksRequest())["RequestId"]


def test_denied_to_one_user(ecs: Endpoint) -> None:
    ecs.server.deny("driver", "CreateDisk")
    with pytest.raises(ServerException) as caught:
        ecs.old_sdk(create_disk_request(), ("LTAI-driver", "other"))
    assert (caught.value.get_http_status(), caught.value.get_error_code()) == (403, "Forbidden.RAM")
    assert ecs.cloud.world()["disks"] == {}
    ecs.old_sdk(DescribeDisksRequest(), ("LTAI-driver", "other"))
    ecs.old_sdk(create_disk_request())
    ecs.server.allow("driver", "CreateDisk")
    ecs.old_sdk(create_disk_request(), ("LTAI-driver", "other"))


def test_denied_everything(ecs: Endpoint) -> None:
    ecs.server.deny("admin", "*")
    with pytest.raises(ServerException, match=r"Forbidden\.RAM"):
        ecs.old_sdk(DescribeDisksRequest())


def test_log_has_every_request_and_no_signature(ecs: Endpoint) -> None:
    disk = ecs.old_sdk(create_disk_request())["DiskId"]
    ecs.old_sdk(DescribeDisksRequest())
    request = DeleteDiskRequest()
    request.set_DiskId("d-none")
    with pytest.raises(ServerException, match="NotFound"):
        ecs.old_sdk(request, ("LTAI-driver", "other"))
    created, listed, deleted = ecs.log.calls()
    assert (created.side, created.user, created.verb, created.mutating, created.status) == (
        "ecs",
        "admin",
        "CreateDisk",
        True,
        200,
    )
    assert created.params == {
        "RegionId": "cn-beijing",
        "ZoneId": ZONE,
        "DiskCategory": "cloud_essd",
        "Size": "20",
        "ClientToken": "token-1",
    }
    assert (listed.verb, listed.mutating, listed.code) == ("DescribeDisks", False, "")
    assert (deleted.user, deleted.name, deleted.status, deleted.code) == (
        "driver",
        "d-none",
        404,
        "InvalidDiskId.NotFound",
    )
    assert disk in ecs.cloud.world()["disks"]


def test_log_tells_dry_runs(ecs: Endpoint) -> None:
    request = ModifyDiskSpecRequest()
    request.set_DiskId("d-none")
    request.set_DryRun(True)
    with pytest.raises(ServerException, match="NotFound"):
        ecs.old_sdk(request)
    assert ecs.log.calls()[0].dry_run is True


def test_log_has_a_request_that_nobody_may_send(ecs: Endpoint) -> None:
    with pytest.raises(ServerException, match=r"InvalidAccessKeyId\.NotFound"):
        ecs.old_sdk(create_disk_request(), ("LTAI-nobody", "x"))
    (call,) = ecs.log.calls()
    assert (call.user, call.verb, call.status) == ("", "CreateDisk", 404)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_fault_that_is_an_error(ecs: Endpoint, moment: Any) -> None:
    """After the effect: the disk is there, and the same token finds it."""
    ecs.faults.add(
        Fault(verb="CreateDisk", moment=moment, status=503, code="ServiceUnavailable", message="Try again later.")
    )
    with pytest.raises(ServerException) as caught:
        ecs.old_sdk(create_disk_request())
    assert (caught.value.get_http_status(), caught.value.get_error_code()) == (503, "ServiceUnavailable")
    assert len(ecs.cloud.world()["disks"]) == (1 if moment == "after" else 0)
    disk = ecs.old_sdk(create_disk_request())["DiskId"]
    assert list(ecs.cloud.world()["disks"]) == [disk]
    assert [call.code for call in ecs.log.calls()] == ["ServiceUnavailable", ""]


@pytest.mark.parametrize("effect", ["drop", "hang"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_fault_that_loses_the_connection(ecs: Endpoint, effect: Any, moment: Any) -> None:
    ecs.faults.add(Fault(effect=effect, verb="CreateDisk", moment=moment, seconds=0.01))
    with pytest.raises(ClientException, match=r"SDK\.HttpError"):
        ecs.old_sdk(create_disk_request())
    assert len(ecs.cloud.world()["disks"]) == (1 if moment == "after" else 0)
    assert ecs.log.calls()[0].status == 0


def test_fault_that_delays(ecs: Endpoint) -> None:
    ecs.faults.add(Fault(effect="delay", verb="DescribeDisks", seconds=0.05))
    start = time.monotonic()
    assert ecs.old_sdk(DescribeDisksRequest())["TotalCount"] == 0
    assert time.monotonic() - start >= 0.05


def test_fault_for_a_certain_user_and_parameter(ecs: Endpoint) -> None:
    ecs.faults.add(Fault(verb="CreateDisk", user="driver", params={"ZoneId": ZONE}, times=0))
    ecs.old_sdk(create_disk_request())
    with pytest.raises(ServerException, match="InternalError"):
        ecs.old_sdk(create_disk_request(), ("LTAI-driver", "other"))


def test_stop_ends_a_request_that_hangs() -> None:
    with endpoint() as running:
        running.faults.add(Fault(effect="hang", seconds=3600))
        outcome: list[str] = []

        def ask() -> None:
            try:
                running.old_sdk(DescribeDisksRequest())
            except ClientException as error:
                outcome.append(error.get_error_code())

        client = threading.Thread(target=ask)
        client.start()
        deadline = time.monotonic() + 60
        while not any(fault["fired"] for fault in running.faults.as_json()) and time.monotonic() < deadline:
            time.sleep(0.005)
        running.server.stop()
        client.join(60)
    assert outcome == ["SDK.HttpError"]


def test_connection_is_kept_alive_and_closed_by_stop(ecs: Endpoint) -> None:
    connection = http.client.HTTPConnection(ecs.address, timeout=60)
    for _number in range(2):
        connection.request("POST", "/?Action=LaunchRocket&Version=2014-05-26")
        answer = connection.getresponse()
        assert answer.getheader("x-acs-request-id")
        answer.read()
        assert answer.status == 404
        assert connection.sock is not None
    ecs.server.stop()
    assert connection.sock.recv(1) == b""
    connection.close()


def test_starts_again_after_stop(ecs: Endpoint) -> None:
    ecs.server.stop()
    ecs.server.stop()
    ecs.address = ecs.server.start()
    assert ecs.old_sdk(DescribeDisksRequest())["TotalCount"] == 0


def test_parameters_in_the_body(ecs: Endpoint) -> None:
    """Clients may send parameters as a form; the signature covers them (alibaba-ecs.md 4.1)."""
    connection = http.client.HTTPConnection(ecs.address, timeout=60)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/", body="Action=LaunchRocket&Version=2014-05-26", headers=headers)
    assert b"InvalidAction.NotFound" in connection.getresponse().read()
    connection.close()


def test_sixteen_clients_at_once(ecs: Endpoint) -> None:
    made: list[str] = []

    def create(number: int) -> None:
        request = create_disk_request()
        request.set_ClientToken(f"token-{number}")
        made.append(ecs.old_sdk(request)["DiskId"])

    threads = [threading.Thread(target=create, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(made) == set(ecs.cloud.world()["disks"])
    assert len(made) == 16


def test_in_process_calls_and_the_wire_reach_one_cloud(ecs: Endpoint) -> None:
    params = wire({"RegionId": "cn-beijing", "ZoneId": ZONE, "DiskCategory": "cloud_essd", "Size": 20})
    disk = ecs.cloud.call("CreateDisk", params, "admin")["DiskId"]
    assert ecs.old_sdk(DescribeDisksRequest())["Disks"]["Disk"][0]["DiskId"] == disk

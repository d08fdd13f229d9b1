# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control interface over HTTP, path by path."""

from __future__ import annotations

import json
from typing import Any

import pytest
import urllib3

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.world import disk_of_claim
from tests.support import contents, run_web, scale_to_zero, wait_for

CLAIM = "default/www-web-0"


def ask(sandbox: Sandbox, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body)
    with urllib3.PoolManager() as pool:
        answer = pool.request(method, sandbox.control.url + path, body=data, retries=False, timeout=30)
        return answer.status, json.loads(answer.data)


def test_world_has_everything(sandbox: Sandbox) -> None:
    run_web(sandbox, replicas=1, records=2)

    status, world = ask(sandbox, "GET", "/world")

    assert status == 200
    assert set(world) >= {"pods", "claims", "volumes", "statefulsets", "attachments", "nodes", "journals"}
    assert set(world) >= {"disks", "deleted_disks", "snapshots", "instances", "writes", "disasters", "last_request"}
    assert len(contents(world, CLAIM)) >= 2
    assert "managedFields" not in world["pods"]["default/web-0"]["metadata"]


def test_world_without_contents(sandbox: Sandbox) -> None:
    run_web(sandbox, replicas=1)

    _status, world = ask(sandbox, "GET", "/world?contents=false")

    assert all("contents" not in disk for disk in world["disks"].values())


def test_requests_tell_who_changed_what(sandbox: Sandbox) -> None:
    run_web(sandbox, replicas=1)

    _status, calls = ask(sandbox, "GET", "/requests?mutating=true")

    made = [(call["user"], call["verb"], call["resource"]) for call in calls]
    assert ("admin", "create", "statefulsets.apps") in made
    assert ("driver", "CreateDisk", "") in made
    assert ("nodes", "create", "persistentvolumes") in made
    assert not any(verb in ("get", "list", "watch", "DescribeDisks") for _user, verb, _resource in made)
    newest = max(call["number"] for call in calls)
    assert all(call["number"] > newest for call in ask(sandbox, "GET", f"/requests?since={newest}")[1])


def test_fault_is_added_listed_acted_out_and_cleared(sandbox: Sandbox) -> None:
    fault = {"side": "ecs", "verb": "CreateDisk", "code": "QuotaExceed.DiskCapacity", "status": 400, "times": 2}
    assert ask(sandbox, "POST", "/faults", fault) == (200, {"id": 1})

    run_web(sandbox, replicas=1)

    (told,) = ask(sandbox, "GET", "/faults")[1]
    assert (told["code"], told["fired"]) == ("QuotaExceed.DiskCapacity", 2)
    assert ask(sandbox, "DELETE", "/faults") == (200, {})
    assert ask(sandbox, "GET", "/faults") == (200, [])


def test_latency_is_set_by_name_and_by_profile(sandbox: Sandbox) -> None:
    _status, before = ask(sandbox, "GET", "/latency")
    assert before["attach"] == before["pod_start"] == 0.0

    status, after = ask(sandbox, "PUT", "/latency", {"profile": "cloud", "attach": 9})

    assert (status, after["attach"], after["pod_start"]) == (200, 9.0, 1.5)
    assert (sandbox.cloud.latency.attach, sandbox.node_latency.pod_start) == (9.0, 1.5)


def test_stock_is_set(sandbox: Sandbox) -> None:
    answer = ask(sandbox, "PUT", "/stock", {"zone": "cn-beijing-k", "category": "cloud_essd", "available": False})

    assert answer == (200, {})
    wanted = {"DestinationResource": "DataDisk", "ResourceType": "disk", "ZoneId": "cn-beijing-k"}
    found = sandbox.cloud.call("DescribeAvailableResource", {**wanted, "RegionId": "cn-beijing"}, "admin")
    (zone,) = found["AvailableZones"]["AvailableZone"]
    (resources,) = zone["AvailableResources"]["AvailableResource"]
    statuses = {row["Value"]: row["Status"] for row in resources["SupportedResources"]["SupportedResource"]}
    assert (statuses["cloud_essd"], statuses["cloud_auto"]) == ("SoldOut", "Available")


def test_data_path_is_closed_to_an_instance_without_the_disk(sandbox: Sandbox) -> None:
    disk = disk_of_claim(run_web(sandbox, replicas=1), CLAIM)
    world = scale_to_zero(sandbox)
    instance = next(iter(world["instances"]))
    written = contents(world, CLAIM)

    start = {"instance": instance, "claim": CLAIM, "pod": "web-0", "node": "node-h-1"}
    status, answer = ask(sandbox, "POST", f"/disks/{disk}/open", start)
    assert (status, answer) == (409, {"error": f"disk {disk} is not attached to {instance}"})
    write = {"disk": disk, "instance": instance, "record": {**written[-1], "n": written[-1]["n"] + 1}, "ready": True}
    status, answer = ask(sandbox, "PUT", "/disks/records", [write])
    assert status == 200
    assert answer["errors"] != [""]
    assert ask(sandbox, "GET", f"/disks/{disk}/records") == (200, written)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "text"),
    [
        ("GET", "/nothing", None, 404, "no GET /nothing"),
        ("GET", "/disks/d-unknown/records", None, 404, "InvalidDiskId.NotFound"),
        ("PUT", "/latency", {"warp": 9}, 400, "warp=9: not a latency; known: attach"),
        ("PUT", "/latency", {"profile": "moon"}, 400, "there is no profile 'moon'"),
        ("POST", "/faults", {"colour": "red"}, 400, "unexpected keyword argument 'colour'"),
        ("PUT", "/stock", {"zone": "cn-beijing-k"}, 400, "KeyError: 'category'"),
    ],
)
def test_bad_requests_are_told_why(sandbox: Sandbox, method: str, path: str, body: Any, status: int, text: str) -> None:
    answered, answer = ask(sandbox, method, path, body)

    assert answered == status
    assert text in answer["error"]


def test_environment_is_what_clients_need(sandbox: Sandbox) -> None:
    _status, about = ask(sandbox, "GET", "/")

    assert about["environment"] == sandbox.environment()
    assert set(about["environment"]) == {
        "KUBECONFIG",
        "ALIBABA_CLOUD_ECS_ENDPOINT",
        "ALIBABA_CLOUD_REGION_ID",
        "ALIBABA_CLOUD_ACCESS_KEY_ID",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        "ZONESHIFT_CONTROL",
    }


def test_ledger_outlives_the_nodes(sandbox: Sandbox) -> None:
    """The acknowledged records are the outside world's to know, not the kubelets'."""
    run_web(sandbox, replicas=1, records=2)
    sandbox.stop_nodes()
    sandbox.start_nodes()

    written = len(contents(sandbox.world(), CLAIM))
    wait_for(lambda: len(contents(sandbox.world(), CLAIM)) > written, "records of the restarted application")
    assert sandbox.world()["disasters"] == []

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of ECS that the sandbox never gives, and the contract: only names that the API has are read and sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.cloud import DiskRequest
from ansible_collections.zoneshift.ack.plugins.module_utils._ecs import api, shapes
from ansible_collections.zoneshift.ack.plugins.module_utils._ecs.client import client_for
from ansible_collections.zoneshift.ack.plugins.module_utils._errors import Refused

from tests.unit.plugins.module_utils.fakes import FakeClock, StubServer, ok

ACTIONS = json.loads((Path(__file__).parents[3] / "sandbox" / "ecs" / "api_meta.json").read_text())["actions"]


class Watched(dict[str, Any]):
    """Remembers which keys were asked for."""

    def __init__(self, content: dict[str, Any]) -> None:
        super().__init__(content)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)


@pytest.mark.parametrize(
    ("read", "action", "path", "content"),
    [
        (shapes.disk, "DescribeDisks", ("Disks", "Disk"), {"DiskId": "d-1"}),
        (shapes.snapshot, "DescribeSnapshots", ("Snapshots", "Snapshot"), {"SnapshotId": "s-1"}),
        (shapes.zone, "DescribeZones", ("Zones", "Zone"), {"ZoneId": "z"}),
    ],
)
def test_only_names_of_the_contract_are_read(
    read: Callable[[Any], Any], action: str, path: tuple[str, str], content: dict[str, Any]
) -> None:
    outer, inner = path
    known = ACTIONS[action]["response"][outer]["properties"][inner]["items"]["properties"]
    wire = Watched(content)
    read(wire)
    assert wire.asked
    assert wire.asked <= known.keys()


def test_only_names_of_the_contract_are_sent() -> None:
    everything = DiskRequest(
        "z", "cloud_auto", 20, "PL1", "s", True, "k", "rg", 1, True, True, "sc", "n", "d", {"a": "b"}
    )
    sent = {name.partition(".")[0] for name in shapes.disk_params(everything)}
    assert sent <= ACTIONS["CreateDisk"]["request"].keys()


def test_the_least_that_ecs_may_say_about_a_disk() -> None:
    disk = shapes.disk({"DiskId": "d-1", "Status": "Available", "Size": 20, "InstanceId": "", "Attachments": {}})
    assert disk.detached and disk.never_attached and disk.portable
    assert (disk.provisioned_iops, disk.bursting_enabled, disk.tags) == (None, None, {})


def test_both_places_that_name_an_instance_count() -> None:
    one = shapes.disk({"DiskId": "d-1", "Status": "Available", "InstanceId": "i-1"})
    other = {"Attachments": {"Attachment": [{"InstanceId": "i-1"}, {"InstanceId": "i-2"}]}}
    assert not one.detached
    assert shapes.disk({"DiskId": "d-1", "InstanceId": "i-1", **other}).attachments == ("i-1", "i-2")


@pytest.mark.parametrize("left", [{"DetachedTime": "2026-01-01T00:00:00Z"}, {"AttachedTime": "2026-01-01T00:00:00Z"}])
def test_a_disk_that_was_attached_once_is_not_never_attached(left: dict[str, str]) -> None:
    assert not shapes.disk({"DiskId": "d-1", **left}).never_attached


@pytest.mark.parametrize(("told", "percent"), [("100%", 100), ("7%", 7), ("", 0), (None, 0), ("soon", 0)])
def test_progress_is_text(told: str | None, percent: int) -> None:
    assert shapes.snapshot({"SnapshotId": "s-1", "Progress": told}).progress_percent == percent


@pytest.mark.parametrize(("told", "size"), [("20", 20), (20, 20), ("", 0), (None, 0)])
def test_the_size_of_a_snapshot_is_text(told: str | int | None, size: int) -> None:
    assert shapes.snapshot({"SnapshotId": "s-1", "SourceDiskSize": told}).size_gib == size


def test_a_number_that_is_none() -> None:
    with pytest.raises(Refused, match="SourceDiskSize"):
        shapes.snapshot({"SnapshotId": "s-1", "SourceDiskSize": "big"})


@pytest.mark.parametrize(
    ("call", "missing"),
    [
        (lambda client: api.create_snapshot(client, disk_id="d-1", name="n", token="t"), "SnapshotId"),
        (lambda client: api.create_disk(client, wanted=DiskRequest("z", "cloud_essd", 20), token="t"), "DiskId"),
        (lambda client: api.describe_disk_price(client, zone="z", category="cloud_essd", size_gib=20), "Currency"),
    ],
)
def test_an_answer_without_what_it_is_about(call: Callable[[Any], Any], missing: str) -> None:
    """Going on with an empty id would delete or tag nothing and report success."""
    with StubServer([ok()]) as server, pytest.raises(Refused, match=missing):
        call(client_of(server))


def test_pages_that_never_end() -> None:
    page = ok(NextToken="again", Disks={"Disk": [{"DiskId": "d-1"}]})
    with StubServer([page]) as server, pytest.raises(Refused, match="again and again"):
        api.describe_disks(client_of(server))
    assert len(server.requests) == 2


def client_of(server: StubServer) -> Any:
    params = {"region": "r", "access_key_id": "id-1", "access_key_secret": "secret-1", "ecs_endpoint": server.endpoint}
    return client_for(params, environ={}, clock=FakeClock())

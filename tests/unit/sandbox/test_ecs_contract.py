# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of the emulator: what its parameters may be, and that every refusal is one that the API pages list."""

from __future__ import annotations

import collections
from typing import Any

import pytest

from tests.sandbox.ecs import contract
from tests.sandbox.ecs.cloud import Cloud, is_mutating
from tests.sandbox.ecs.error_table import ERRORS
from tests.sandbox.ecs.gaps import NOT_EMULATED
from tests.unit.sandbox.ecs_helpers import REGION, ZONE, Account


@pytest.fixture
def account() -> Account:
    return Account()


def test_every_action_of_the_metadata_is_served() -> None:
    assert all(Cloud().knows(action) for action in contract.api_meta())


def test_statuses_are_those_of_the_pages() -> None:
    """A code that the pages list is answered with a status that they list for it."""
    documented = collections.defaultdict(set)
    for meta in contract.api_meta().values():
        for entry in meta["error_codes"]:
            documented[entry["code"]].add(entry["http"])
    wrong = {
        code: status for code, (status, _message) in ERRORS.items() if status not in documented.get(code, {status})
    }
    assert wrong == {}
    assert len(set(ERRORS) & set(documented)) > 60


def test_gaps_are_parameters_of_the_api() -> None:
    for action, names in NOT_EMULATED.items():
        assert names <= contract.api_meta()[action]["request"].keys()


def test_unknown_action(account: Account) -> None:
    account.refuse("LaunchRocket", "InvalidAction.NotFound", 404)


def test_unknown_parameter(account: Account) -> None:
    account.refuse("DescribeDisks", "UnsupportedParameter", 400, DiskIdz="x")
    account.refuse("DescribeDisks", "UnsupportedParameter", 400, Tag=[{"Keys": "x"}])


def test_a_gap_is_refused_and_says_so(account: Account) -> None:
    error = account.refuse("DescribeInstances", "UnsupportedParameter", 400, VpcId="vpc-1")
    assert "does not emulate the parameter VpcId" in error.message


@pytest.mark.parametrize(
    ("action", "params", "code", "status"),
    [
        ("CreateSnapshot", {}, "MissingParameter", 400),
        ("DeleteDisk", {}, "MissingParameter", 400),
        ("AttachDisk", {"DiskId": "d-1"}, "MissingParameter", 400),
        ("CreateDisk", {"DiskCategory": "cloud_essd", "Size": 20}, "MissingParameter", 400),
        ("CreateDisk", {"DiskCategory": "cloud_essd", "ZoneId": ZONE}, "MissingParameter", 400),
        ("DescribeAvailableResource", {}, "Invalid.Param", 400),
        ("TagResources", {"ResourceType": "disk", "ResourceId": ["d-1"]}, "MissingParameter.Tags", 404),
        ("UntagResources", {"ResourceType": "disk"}, "MissingParameter.ResourceIds", 404),
        ("ListTagResources", {}, "MissingParameter.ResourceType", 404),
    ],
)
def test_missing_parameter(account: Account, action: str, params: dict[str, Any], code: str, status: int) -> None:
    account.refuse(action, code, status, **params)


def test_missing_parameter_is_named(account: Account) -> None:
    error = account.refuse("DeleteDisk", "MissingParameter", 400)
    assert (
        error.message == 'The input parameter "DiskId" that is mandatory for processing this request is not supplied.'
    )


def test_missing_region(account: Account) -> None:
    account.refuse("DescribeDisks", "MissingParamter.RegionId", 400, RegionId="")
    account.refuse("ListTagResources", "MissingParameter.RegionId", 404, RegionId="", ResourceType="disk")


@pytest.mark.parametrize(
    ("action", "params", "code", "status"),
    [
        ("DescribeDisks", {}, "InvalidRegion.NotFound", 400),
        ("CreateDisk", {"ZoneId": ZONE}, "InvalidRegionId.NotFound", 404),
        ("DeleteDisk", {"DiskId": "d-1"}, "InvalidRegionId.MalFormed", 400),
        ("DescribeTasks", {}, "InvalidRegionId.NotFound", 400),
    ],
)
def test_wrong_region(account: Account, action: str, params: dict[str, Any], code: str, status: int) -> None:
    account.refuse(action, code, status, **params, RegionId="cn-hangzhou")


@pytest.mark.parametrize(
    ("action", "params", "code", "status"),
    [
        ("CreateDisk", {"ZoneId": ZONE, "Size": "many"}, "InvalidSize.ValueNotSupported", 400),
        ("CreateSnapshot", {"DiskId": "d-1", "RetentionDays": "x"}, "InvalidRetentionDays.Malformed", 400),
        ("DescribeDisks", {"MaxResults": "x"}, "InvalidParameter", 400),
        ("DescribeDisks", {"Encrypted": "perhaps"}, "InvalidParameter", 400),
        ("DescribeDisks", {"Tag": "x"}, "InvalidParameter", 400),
        ("DescribeDisks", {"Tag": ["x"]}, "InvalidParameter", 400),
        ("DescribeDisks", {"DiskIds": {"1": "d-1"}}, "UnsupportedParameter", 400),
        ("DescribeDisks", {"DiskIds": "d-1"}, "InvalidParameter.DiskIds", 400),
        ("DescribeDisks", {"DiskIds": "[1]"}, "InvalidParameter.DiskIds", 400),
        ("DescribeDisks", {"DiskIds": '["disk 1"]'}, "InvalidDiskIds.ValueNotSupported", 404),
        ("DescribeSnapshots", {"SnapshotIds": '["d-1"]'}, "InvalidSnapshotIds.Malformed", 403),
        ("DescribeSnapshots", {"SnapshotIds": "s-1"}, "InvalidSnapshotIds.Malformed", 403),
        ("DescribeInstances", {"InstanceIds": "i-1"}, "InvalidInstanceIds.Malformed", 403),
    ],
)
def test_malformed_parameter(account: Account, action: str, params: dict[str, Any], code: str, status: int) -> None:
    account.refuse(action, code, status, **params)


def test_at_most_a_hundred_ids(account: Account) -> None:
    ids = ",".join(f'"d-{number}"' for number in range(101))
    account.refuse("DescribeDisks", "InvalidDiskIds.Malformed", 403, DiskIds=f"[{ids}]")
    ids = ",".join(f'"s-{number}"' for number in range(101))
    account.refuse("DescribeSnapshots", "InvalidSnapshotIds.Malformed", 403, SnapshotIds=f"[{ids}]")


def test_wire_arrays_keep_the_order_of_their_numbers() -> None:
    params = {"Tag.10.Key": "j", "Tag.2.Key": "b", "Tag.1.Key": "a", "Tag.1.Value": "1", "RegionId": REGION}
    assert contract.parse("DescribeDisks", params, REGION)["Tag"] == [
        {"Key": "a", "Value": "1"},
        {"Key": "b"},
        {"Key": "j"},
    ]


def test_nested_wire_arrays() -> None:
    params = {"RegionId": REGION, "ResourceType": "disk", "TagFilter.1.TagKey": "a", "TagFilter.1.TagValues.1": "x"}
    parsed = contract.parse("ListTagResources", params, REGION)
    assert parsed["TagFilter"] == [{"TagKey": "a", "TagValues": ["x"]}]


def test_types() -> None:
    params = {"RegionId": REGION, "ZoneId": ZONE, "Size": "20", "Encrypted": "True", "ProvisionedIops": ""}
    parsed = contract.parse("CreateDisk", params, REGION)
    assert (parsed["Size"], parsed["Encrypted"], parsed["ProvisionedIops"]) == (20, True, None)


def test_mutating_actions() -> None:
    reading = {action for action in contract.api_meta() if not is_mutating(action)}
    assert reading == {action for action in contract.api_meta() if action.startswith(("Describe", "List"))}

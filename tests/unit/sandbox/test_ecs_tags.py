# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TagResources, UntagResources and ListTagResources of the ECS emulator."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox.ecs_helpers import Account


@pytest.fixture
def account() -> Account:
    return Account()


def rows(account: Account, **params: Any) -> list[tuple[str, str, str]]:
    answer = account.call("ListTagResources", **{"ResourceType": "disk", **params})
    found = answer["TagResources"]["TagResource"]
    assert all(row["ResourceType"] == params.get("ResourceType", "disk") for row in found)
    return [(row["ResourceId"], row["TagKey"], row["TagValue"]) for row in found]


def test_tagged_listed_and_untagged(account: Account) -> None:
    first, second = account.create_disk(), account.create_disk()
    tags = [{"Key": "run", "Value": "1"}, {"Key": "app", "Value": ""}]
    account.call("TagResources", ResourceType="disk", ResourceId=[first, second], Tag=tags)
    account.call("TagResources", ResourceType="disk", ResourceId=[first], Tag=[{"Key": "run", "Value": "2"}])
    assert rows(account) == [(second, "run", "1"), (second, "app", ""), (first, "run", "2"), (first, "app", "")]
    assert rows(account, ResourceId=[first]) == [(first, "run", "2"), (first, "app", "")]
    assert rows(account, Tag=[{"Key": "run", "Value": "1"}]) == [(second, "run", "1"), (second, "app", "")]
    assert rows(account, TagFilter=[{"TagKey": "run", "TagValues": ["2", "3"]}])[0][0] == first
    account.call("UntagResources", ResourceType="disk", ResourceId=[first], TagKey=["run", "unknown"])
    account.call("UntagResources", ResourceType="disk", ResourceId=[second], All=True)
    assert rows(account) == [(first, "app", "")]


def test_snapshots_and_instances_have_tags_too(account: Account) -> None:
    snapshot = account.create_snapshot(account.used_disk())
    for kind, resource in (("snapshot", snapshot), ("instance", account.instance)):
        account.call("TagResources", ResourceType=kind, ResourceId=[resource], Tag=[{"Key": "a", "Value": "1"}])
        assert rows(account, ResourceType=kind) == [(resource, "a", "1")]


@pytest.mark.parametrize(
    ("params", "code", "status"),
    [
        ({"ResourceType": "moon"}, "InvalidResourceType.NotFound", 404),
        ({"ResourceId": ["d-none"]}, "InvalidResourceId.NotFound", 404),
        ({"ResourceId": [f"d-{number}" for number in range(51)]}, "NumberExceed.ResourceIds", 400),
        ({"Tag": [{"Key": f"k{number}", "Value": ""} for number in range(21)]}, "NumberExceed.Tags", 400),
        ({"Tag": [{"Key": "a"}]}, "InvalidTag.Mismatch", 400),
        ({"Tag": [{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}]}, "TagKey.Duplication", 403),
        ({"Tag": [{"Key": "a", "Value": ""}, {"Key": "a", "Value": ""}]}, "Duplicate.TagKey", 400),
        ({"Tag": [{"Key": "https://x", "Value": ""}]}, "InvalidTagKey.Malformed", 400),
        ({"Tag": [{"Key": "a", "Value": "http://x"}]}, "InvalidTagValue.Malformed", 400),
    ],
)
def test_tagging_is_refused(account: Account, params: dict[str, Any], code: str, status: int) -> None:
    usual = {"ResourceType": "disk", "ResourceId": [account.create_disk()], "Tag": [{"Key": "a", "Value": ""}]}
    account.refuse("TagResources", code, status, **{**usual, **params})
    assert rows(account) == []


def test_at_most_twenty_tags_on_a_resource(account: Account) -> None:
    tags = [{"Key": f"k{number}", "Value": ""} for number in range(20)]
    first, second = account.create_disk(), account.create_disk(Tag=tags)
    new = {"ResourceType": "disk", "ResourceId": [first, second], "Tag": [{"Key": "one-more", "Value": ""}]}
    account.refuse("TagResources", "OperationDenied.QuotaExceed", 400, **new)
    assert rows(account, ResourceId=[first]) == []
    account.call("TagResources", **{**new, "Tag": [{"Key": "k0", "Value": "changed"}], "ResourceId": [second]})


def test_untagging_is_refused(account: Account) -> None:
    disk = {"ResourceType": "disk", "ResourceId": [account.create_disk()]}
    account.refuse("UntagResources", "Param.Conflict", 403, **disk, All=True, TagKey=["a"])
    keys = [f"k{number}" for number in range(21)]
    account.refuse("UntagResources", "NumberExceed.Tags", 400, **disk, TagKey=keys)


def test_pages(account: Account) -> None:
    made = [account.create_disk(Tag=[{"Key": "a", "Value": "1"}]) for _number in range(51)]
    first = account.call("ListTagResources", ResourceType="disk")
    assert len(first["TagResources"]["TagResource"]) == 50
    second = account.call("ListTagResources", ResourceType="disk", NextToken=first["NextToken"])
    assert [row["ResourceId"] for row in second["TagResources"]["TagResource"]] == [made[0]]
    assert second["NextToken"] == ""


def test_too_many_ids(account: Account) -> None:
    ids = [f"d-{number}" for number in range(51)]
    account.refuse("ListTagResources", "NumberExceed.ResourceIds", 400, ResourceType="disk", ResourceId=ids)

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy is ordered like its source and checked against it, field by field (S4).

A lost field is a slow database, an unencrypted disk, or a bill in the wrong department.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.cloud import Disk, DiskRequest
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.copies import differences, disk_request, is_owned
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.model import Volume

from tests.unit.plugins.module_utils._domain.worlds import RUN_ID, ZONE_I, ZONE_J, ZONE_K, make_disk, moved

# Every property that is carried over, at a value that is not the default, and another one that would be wrong.
PROPERTIES: dict[str, tuple[Any, Any]] = {
    "category": ("cloud_auto", "cloud_essd"),
    "performance_level": ("PL2", "PL0"),
    "encrypted": (True, False),
    "kms_key_id": ("key-1", ""),
    "resource_group_id": ("rg-1", "rg-2"),
    "provisioned_iops": (5000, None),
    "bursting_enabled": (True, False),
    "multi_attach": (True, False),
    "storage_cluster_id": ("dbsc-1", ""),
}
VOLUME = moved()
OUR_TAGS = {"zoneshift.io/run": RUN_ID, "zoneshift.io/step": "disk", "zoneshift.io/claim": "www-web-0"}


def source(**changes: Any) -> Disk:
    return make_disk(**{**{field: value for field, (value, _wrong) in PROPERTIES.items()}, "size_gib": 40, **changes})


def copy_of(disk: Disk, **changes: Any) -> Disk:
    made = {"disk_id": VOLUME.disk_id, "zone_id": ZONE_K, "source_snapshot_id": VOLUME.snapshot_id, "tags": {}}
    return dataclasses.replace(disk, **{**made, **changes})


def test_the_order_in_full() -> None:
    assert disk_request(source(tags={"team": "a"}), VOLUME, RUN_ID) == DiskRequest(
        zone_id=ZONE_K,
        category="cloud_auto",
        size_gib=40,
        performance_level="PL2",
        snapshot_id="s-www-web-0",
        encrypted=True,
        kms_key_id="key-1",
        resource_group_id="rg-1",
        provisioned_iops=5000,
        bursting_enabled=True,
        multi_attach=True,
        storage_cluster_id="dbsc-1",
        name="zoneshift-run-1-www-web-0",
        description="Copy of d-www-web-0 made by zoneshift run run-1",
        tags={"team": "a", **OUR_TAGS},
    )


def test_every_field_of_an_order_is_looked_at_here() -> None:
    """A new property must be carried over and checked, or left out on purpose."""
    ours = {"zone_id", "size_gib", "snapshot_id", "name", "description", "tags"}
    assert {field.name for field in dataclasses.fields(DiskRequest)} == ours | set(PROPERTIES)


@pytest.mark.parametrize(
    "tag",
    ["csi.alibabacloud.com/volume-name", "acs:ecs:payType", "aliyun-x", "zoneshift.io/run", "zoneshift.io/claim"],
)
def test_tags_that_belong_to_the_source_alone_stay_there(tag: str) -> None:
    """By volume-name the driver finds its disk and gives up on two; an old run's tag would make the copy theirs."""
    assert disk_request(source(tags={tag: "of the source", "team": "a"}), VOLUME, RUN_ID).tags == {
        "team": "a",
        **OUR_TAGS,
    }


def test_a_disk_without_a_claim_is_named_by_itself() -> None:
    order = disk_request(source(), Volume(zone=ZONE_K, snapshot_id="s-1"), RUN_ID)
    assert order.name == "zoneshift-run-1-d-www-web-0"
    assert order.tags["zoneshift.io/claim"] == "d-www-web-0"


def test_what_came_as_ordered_differs_in_nothing() -> None:
    assert differences(source(), VOLUME, copy_of(source())) == []


@pytest.mark.parametrize("field", PROPERTIES)
def test_each_property_that_came_out_otherwise_is_named(field: str) -> None:
    value, wrong = PROPERTIES[field]
    (found,) = differences(source(), VOLUME, copy_of(source(), **{field: wrong}))
    assert found == f"{field} is {wrong!r}, not {value!r}"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param({"zone_id": ZONE_J}, f"zone is {ZONE_J}, not {ZONE_K}", id="another zone"),
        pytest.param({"zone_id": ZONE_I}, f"zone is {ZONE_I}, not {ZONE_K}", id="the source zone"),
        pytest.param({"size_gib": 39}, "size is 39 GiB, not 40 GiB", id="smaller"),
        pytest.param(
            {"source_snapshot_id": "s-other"}, "it was made from snapshot s-other, not s-www-web-0", id="other data"
        ),
        pytest.param({"source_snapshot_id": ""}, "it was made from snapshot none, not s-www-web-0", id="empty disk"),
    ],
)
def test_a_disk_in_the_wrong_place_or_with_the_wrong_data_is_named(change: dict[str, Any], says: str) -> None:
    assert differences(source(), VOLUME, copy_of(source(), **change)) == [says]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"size_gib": 60}, id="larger is fine"),
        pytest.param({"status": "Available", "attachments": (), "name": "n"}, id="not attached yet"),
    ],
)
def test_what_may_differ(change: dict[str, Any]) -> None:
    assert differences(source(), VOLUME, copy_of(source(), **change)) == []


@pytest.mark.parametrize(
    ("field", "of_source", "made"), [("provisioned_iops", None, 0), ("bursting_enabled", None, False)]
)
def test_unsaid_and_none_are_the_same(field: str, of_source: object, made: object) -> None:
    assert differences(source(**{field: of_source}), VOLUME, copy_of(source(), **{field: made})) == []


def test_all_differences_are_named_at_once() -> None:
    wrong = {field: wrong for field, (_value, wrong) in PROPERTIES.items()}
    made = copy_of(source(), **wrong, size_gib=1, zone_id=ZONE_J, source_snapshot_id="")
    assert len(differences(source(), VOLUME, made)) == len(PROPERTIES) + 3


@pytest.mark.parametrize(
    ("tags", "owned"),
    [
        (OUR_TAGS, True),
        ({**OUR_TAGS, "team": "a"}, True),
        ({**OUR_TAGS, "zoneshift.io/run": "run-2"}, False),
        ({**OUR_TAGS, "zoneshift.io/step": "snapshot"}, False),
        ({}, False),
    ],
)
def test_only_what_this_step_of_this_run_made_is_ours(tags: dict[str, str], owned: bool) -> None:
    """S8: what is ours may be deleted."""
    assert is_owned(tags, RUN_ID, "disk") is owned

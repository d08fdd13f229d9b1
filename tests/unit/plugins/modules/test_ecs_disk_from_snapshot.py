# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ecs_disk_from_snapshot: faithful copies (S4), made once (S7), and deletions that look first (S8)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.ecs.errors import EcsError
from tests.sandbox.faults import Fault
from tests.sandbox.sandbox import Sandbox
from tests.unit.plugins.modules.clouds import ZONE_H, ZONE_I, ZONE_K, ask, attach, detach, disk_of, make_disk, owned
from tests.unit.plugins.modules.clouds import new_run_id as new_id
from tests.unit.plugins.modules.workbench import Outcome, run

MODULE = "ecs_disk_from_snapshot"
KEY = "0123abcd-0000-1111-2222-333344445555"
Volume = dict[str, Any]


def _volume(sandbox: Sandbox, source: str, claim: str = "data-0", **changes: Any) -> Volume:
    """With a snapshot that is durable at once."""
    snapshot = str(ask(sandbox.cloud, "CreateSnapshot", DiskId=source)["SnapshotId"])
    where = {"source_zone": ZONE_H, "zone": ZONE_K}
    return {"claim": claim, "source_disk_id": source, "snapshot_id": snapshot, **where, **changes}


def _run(sandbox: Sandbox, run_id: str, *volumes: Volume, **options: Any) -> Outcome:
    return run(sandbox, MODULE, **{"run_id": run_id, "volumes": list(volumes), "wait_timeout": 30, **options})


def _copied(sandbox: Sandbox, run_id: str, **wanted: Any) -> Volume:
    """The volume of a new disk and its copy."""
    made = _run(sandbox, run_id, _volume(sandbox, make_disk(sandbox, **wanted))).succeeded(changed=True)
    return dict(made.result["volumes"][0])


def test_copies_in_the_wanted_zones_and_nothing_the_second_time(sandbox: Sandbox) -> None:
    run_id = new_id()
    volumes = [
        _volume(sandbox, make_disk(sandbox), f"data-{number}", zone=zone)
        for number, zone in enumerate((ZONE_K, ZONE_I, ZONE_K))
    ]
    first = _run(sandbox, run_id, *volumes).succeeded(changed=True)
    assert [call.verb for call in first.mutating] == ["CreateDisk"] * 3
    for wanted, made in zip(volumes, first.result["volumes"], strict=True):
        copy, source = (disk_of(sandbox.cloud, key) for key in (made["disk_id"], wanted["source_disk_id"]))
        assert (copy["zone"], copy["size"], made["size_gib"]) == (wanted["zone"], 20, 20)
        assert copy["contents"] == source["contents"]
        assert copy["tags"]["zoneshift.io/claim"] == wanted["claim"]
    second = _run(sandbox, run_id, *volumes).succeeded(changed=False)
    assert second.mutating == []
    assert second.result["volumes"] == first.result["volumes"]
    assert first.result["diff"]["before"]["data-1"] == {"disk_id": "", "zone": ZONE_I}
    assert first.result["diff"]["after"]["data-1"]["disk_id"] == first.result["volumes"][1]["disk_id"]


def test_check_mode_sends_nothing_and_answers_alike(sandbox: Sandbox) -> None:
    run_id, volume = new_id(), _volume(sandbox, make_disk(sandbox))
    unsnapped = {key: value for key, value in volume.items() if key != "snapshot_id"}
    early = _run(sandbox, run_id, unsnapped, check=True).succeeded(changed=True)
    checked = _run(sandbox, run_id, volume, check=True).succeeded(changed=True)
    assert early.mutating == checked.mutating == []
    assert checked.result["volumes"][0]["disk_id"] == ""
    real = _run(sandbox, run_id, volume).succeeded(changed=True)
    assert set(early.result) == set(checked.result) == set(real.result)
    assert (
        _run(sandbox, run_id, volume, check=True).succeeded(changed=False).result["volumes"] == (real.result["volumes"])
    )


@pytest.mark.parametrize(
    ("wanted", "carried"),
    [
        (
            {"DiskCategory": "cloud_auto", "Size": 40, "ProvisionedIops": 1000, "BurstingEnabled": "true"},
            {"category": "cloud_auto", "provisioned_iops": 1000, "bursting_enabled": True},
        ),
        ({"PerformanceLevel": "PL0", "Size": 40}, {"performance_level": "PL0"}),
        ({"PerformanceLevel": "PL2", "Size": 461}, {"performance_level": "PL2", "size": 461}),
        ({"Encrypted": "true", "KMSKeyId": KEY}, {"encrypted": True, "kms_key_id": KEY}),
        ({"DiskCategory": "cloud_ssd"}, {"category": "cloud_ssd"}),
        ({"ResourceGroupId": "rg-aekz1234567890"}, {"resource_group_id": "rg-aekz1234567890"}),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else str(value),
)
def test_every_property_is_carried_over(sandbox: Sandbox, wanted: dict[str, Any], carried: dict[str, Any]) -> None:
    copy = disk_of(sandbox.cloud, _copied(sandbox, new_id(), **wanted)["disk_id"])
    assert {name: copy[name] for name in carried} == carried


def test_tags_are_carried_over_except_those_that_tie_to_the_source(sandbox: Sandbox) -> None:
    tags = {
        "team": "shop",
        "empty": "",
        "csi.alibabacloud.com/volume-name": "d-source",
        "zoneshift.io/run": "an-earlier-run",
    }
    wire = {
        f"Tag.{number}.{part}": value
        for number, pair in enumerate(tags.items(), 1)
        for part, value in zip(("Key", "Value"), pair, strict=True)
    }
    run_id = new_id()
    copy = disk_of(sandbox.cloud, _copied(sandbox, run_id, **wire)["disk_id"])
    assert copy["tags"] == {
        "team": "shop",
        "empty": "",
        "zoneshift.io/run": run_id,
        "zoneshift.io/step": "disk",
        "zoneshift.io/claim": "data-0",
    }


@pytest.fixture
def tampering(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Fields that the cloud gives to a new disk instead of those that were ordered."""
    changes: dict[str, Any] = {}
    original = sandbox.cloud.call

    def call(action: str, params: dict[str, str], user: str) -> dict[str, Any]:
        return original(action, {**params, **changes} if action == "CreateDisk" else params, user)

    monkeypatch.setattr(sandbox.cloud, "call", call)
    yield changes


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"PerformanceLevel": "PL0", "Size": "40"}, "performance_level is 'PL0', not 'PL1'"),
        ({"ZoneId": ZONE_I}, f"zone is {ZONE_I}, not {ZONE_K}"),
        ({"Encrypted": "true"}, "encrypted is True, not False"),
        ({"DiskCategory": "cloud_auto", "PerformanceLevel": ""}, "category is 'cloud_auto', not 'cloud_essd'"),
    ],
)
def test_a_disk_that_deviates_is_refused(
    sandbox: Sandbox, tampering: dict[str, str], change: dict[str, str], difference: str
) -> None:
    run_id, volume = new_id(), _volume(sandbox, make_disk(sandbox))
    tampering |= change
    error = _run(sandbox, run_id, volume).failed("DiskDiffers", difference, "The source disk is untouched.")
    assert (error.context["claim"], error.context["zone"]) == ("data-0", ZONE_K)
    tampering.clear()
    again = _run(sandbox, run_id, volume).failed("DiskDiffers", difference)
    assert again.context["claim"] == "data-0", "looked at on every call, not only when it is made"


@pytest.mark.parametrize("fault", [{"effect": "drop", "moment": "after"}, {"effect": "drop"}, {"status": 500}])
def test_an_answer_that_is_lost_makes_no_second_disk(sandbox: Sandbox, fault: dict[str, Any]) -> None:
    run_id, volume = new_id(), _volume(sandbox, make_disk(sandbox))
    sandbox.faults.add(Fault(side="ecs", user="admin", verb="CreateDisk", **fault))
    outcome = _run(sandbox, run_id, volume).succeeded(changed=True)
    assert len(outcome.of("CreateDisk")) == 2
    assert owned(sandbox.cloud.world()["disks"], run_id) == {outcome.result["volumes"][0]["disk_id"]}


def test_what_is_not_visible_yet_is_not_made_again(sandbox: Sandbox) -> None:
    run_id, volume = new_id(), _volume(sandbox, make_disk(sandbox))
    sandbox.cloud.latency.visibility = 3600.0
    for _attempt in range(2):
        _run(sandbox, run_id, volume, wait_timeout=0).failed("TimedOut", "0 of 1 disks created")
    assert len(owned(sandbox.cloud.world()["disks"], run_id)) == 1


def test_no_stock_names_claim_zone_and_category(sandbox: Sandbox) -> None:
    run_id = new_id()
    here, there = (
        _volume(sandbox, make_disk(sandbox), f"data-{n}", zone=zone) for n, zone in ((0, ZONE_I), (1, ZONE_K))
    )
    sandbox.cloud.set_stock(ZONE_K, "cloud_essd", False)
    try:
        error = _run(sandbox, run_id, here, there).failed("OperationDenied", "claim data-1", ZONE_K)
    finally:
        sandbox.cloud.set_stock(ZONE_K, "cloud_essd", True)
    assert error.context["category"] == "cloud_essd" and error.hint
    assert len(owned(sandbox.cloud.world()["disks"], run_id)) == 1
    whole = _run(sandbox, run_id, here, there).succeeded(changed=True)
    assert len(whole.of("CreateDisk")) == 1, "the one that was made is recognised"


@pytest.mark.parametrize("lacking", ["source_disk_id", "snapshot_id", "zone"])
def test_a_gap_is_refused_before_any_request(sandbox: Sandbox, lacking: str) -> None:
    volume = {"claim": "data-0", "source_disk_id": "d-1", "snapshot_id": "s-1", "zone": ZONE_K}
    outcome = _run(sandbox, new_id(), {key: value for key, value in volume.items() if key != lacking})
    assert f"Volume 1 (data-0) lacks {lacking}" in str(outcome.error)
    assert outcome.calls == []


def test_absent_deletes_what_this_run_made_and_nothing_else(sandbox: Sandbox) -> None:
    run_id, other_run = new_id(), new_id()
    mine, other = _copied(sandbox, run_id), _copied(sandbox, other_run)
    lookalike = make_disk(sandbox, **{"Tag.1.Key": "zoneshift.io/run", "Tag.1.Value": run_id})
    checked = run(sandbox, MODULE, run_id=run_id, state="absent", check=True).succeeded(changed=True)
    assert checked.mutating == []
    gone = run(sandbox, MODULE, run_id=run_id, state="absent").succeeded(changed=True)
    assert checked.result == gone.result
    assert gone.result["deleted"] == [mine["disk_id"]]
    left = sandbox.cloud.world()["disks"]
    assert {mine["source_disk_id"], other["disk_id"], lookalike} <= set(left)
    assert mine["disk_id"] not in left
    assert run(sandbox, MODULE, run_id=run_id, state="absent").succeeded(changed=False).mutating == []


def test_absent_refuses_a_disk_in_use_and_then_deletes_none(sandbox: Sandbox) -> None:
    run_id = new_id()
    volumes = [_volume(sandbox, make_disk(sandbox), f"data-{number}") for number in range(2)]
    made = _run(sandbox, run_id, *volumes).result["volumes"]
    instance = attach(sandbox.cloud, made[1]["disk_id"])
    outcome = run(sandbox, MODULE, run_id=run_id, state="absent")
    error = outcome.failed("DiskInUse", f"it is In_use at {instance}", "Nothing was deleted.")
    assert (error.context["disk"], error.context["zone"]) == (made[1]["disk_id"], ZONE_K)
    assert outcome.mutating == []


def test_absent_after_a_lost_answer(sandbox: Sandbox) -> None:
    run_id = new_id()
    mine = _copied(sandbox, run_id)
    sandbox.faults.add(Fault(effect="drop", moment="after", side="ecs", user="admin", verb="DeleteDisk"))
    run(sandbox, MODULE, run_id=run_id, state="absent").succeeded(changed=True)
    assert mine["disk_id"] in sandbox.cloud.world()["deleted_disks"]


def test_finalized_deletes_the_source_and_keeps_copy_and_snapshot(sandbox: Sandbox) -> None:
    run_id = new_id()
    volume = _copied(sandbox, run_id)
    checked = _run(sandbox, run_id, volume, state="finalized", check=True).succeeded(changed=True)
    assert checked.mutating == []
    done = _run(sandbox, run_id, volume, state="finalized").succeeded(changed=True)
    assert checked.result == done.result
    assert done.result["deleted"] == [volume["source_disk_id"]]
    assert done.result["diff"] == {"before": {"disks": [volume["source_disk_id"]]}, "after": {"disks": []}}
    world = sandbox.cloud.world()
    assert volume["disk_id"] in world["disks"] and volume["snapshot_id"] in world["snapshots"]
    again = _run(sandbox, run_id, volume, state="finalized").succeeded(changed=False)
    assert again.mutating == [] and again.result["deleted"] == []


def _refused(sandbox: Sandbox, outcome: Outcome, code: str, *sentences: str) -> None:
    outcome.failed(code, *sentences)
    assert outcome.mutating == []


def test_finalized_waits_for_durable_snapshots(sandbox: Sandbox) -> None:
    sandbox.cloud.latency.snapshot_durable = 3600.0
    run_id = new_id()
    volume = _copied(sandbox, run_id)
    late = _run(sandbox, run_id, volume, state="finalized", wait_timeout=0)
    _refused(sandbox, late, "TimedOut", "0 of 1 snapshots durable")
    assert volume["source_disk_id"] in sandbox.cloud.world()["disks"]


def test_finalized_refuses_an_attached_source(sandbox: Sandbox) -> None:
    run_id = new_id()
    volumes = [_volume(sandbox, make_disk(sandbox), f"data-{number}") for number in range(2)]
    made = _run(sandbox, run_id, *volumes).result["volumes"]
    instance = attach(sandbox.cloud, made[1]["source_disk_id"])
    outcome = _run(sandbox, run_id, *made, state="finalized")
    _refused(sandbox, outcome, "DiskInUse", f"at {instance}", "Nothing was deleted.")


def test_finalized_refuses_without_the_copy(sandbox: Sandbox) -> None:
    run_id = new_id()
    volume = _copied(sandbox, run_id)
    ask(sandbox.cloud, "DeleteDisk", DiskId=volume["disk_id"])
    outcome = _run(sandbox, run_id, volume, state="finalized")
    _refused(sandbox, outcome, "NotReplaced", f"disk {volume['disk_id']} is not its copy in {ZONE_K}", "claim data-0")


@pytest.mark.parametrize("field", ["disk_id", "zone", "snapshot_id"])
def test_finalized_refuses_what_does_not_belong_together(sandbox: Sandbox, field: str) -> None:
    """A list of volumes that was put together by hand must not delete the wrong disk."""
    run_id = new_id()
    volume, other = _copied(sandbox, run_id), _copied(sandbox, new_id())
    wrong = {"disk_id": other["disk_id"], "zone": ZONE_I, "snapshot_id": other["snapshot_id"]}
    outcome = _run(sandbox, run_id, {**volume, field: wrong[field]}, state="finalized")
    _refused(sandbox, outcome, "NotReplaced", "Nothing was deleted.")


@pytest.mark.parametrize("expired", [False, True])
def test_finalized_refuses_a_foreign_disk_as_the_source(sandbox: Sandbox, expired: bool) -> None:
    """Copy and snapshot are there, but they are not of the disk that is named as their source."""
    run_id = new_id()
    volume, foreign = _copied(sandbox, run_id), make_disk(sandbox)
    attach(sandbox.cloud, volume["disk_id"])
    if expired:
        ask(sandbox.cloud, "DeleteSnapshot", SnapshotId=volume["snapshot_id"], Force="true")
    outcome = _run(sandbox, run_id, {**volume, "source_disk_id": foreign}, state="finalized")
    reason = "is not described as its copy" if expired else f"is one of disk {volume['source_disk_id']}"
    _refused(sandbox, outcome, "NotReplaced", reason, "Nothing was deleted.")
    assert foreign in sandbox.cloud.world()["disks"]


def test_finalized_never_deletes_the_disk_in_use(sandbox: Sandbox) -> None:
    run_id = new_id()
    volume = _copied(sandbox, run_id)
    outcome = _run(sandbox, run_id, {**volume, "source_disk_id": volume["disk_id"]}, state="finalized")
    _refused(sandbox, outcome, "NotReplaced", "it is the disk in use")


def test_finalized_after_the_snapshot_expired(sandbox: Sandbox) -> None:
    """Then only a copy that was in use since proves that nothing is lost."""
    run_id = new_id()
    volume = _copied(sandbox, run_id)
    ask(sandbox.cloud, "DeleteSnapshot", SnapshotId=volume["snapshot_id"], Force="true")
    unproven = _run(sandbox, run_id, volume, state="finalized")
    _refused(sandbox, unproven, "NotReplaced", "is gone and its copy", "was never attached")
    attach(sandbox.cloud, volume["disk_id"])
    done = _run(sandbox, run_id, volume, state="finalized").succeeded(changed=True)
    assert done.result["deleted"] == [volume["source_disk_id"]]


def test_finalized_takes_up_what_was_left(sandbox: Sandbox) -> None:
    """Of two sources one is deleted; the other's deletion is refused once. The next call does the rest."""
    run_id = new_id()
    made = _run(sandbox, run_id, *(_volume(sandbox, make_disk(sandbox), f"data-{n}") for n in range(2))).result[
        "volumes"
    ]
    busy = made[1]["source_disk_id"]
    sandbox.faults.add(
        Fault(side="ecs", user="admin", verb="DeleteDisk", params={"DiskId": busy}, status=403, code="Forbidden.RAM")
    )
    _run(sandbox, run_id, *made, state="finalized").failed("Forbidden.RAM", busy)
    rest = _run(sandbox, run_id, *made, state="finalized").succeeded(changed=True)
    assert rest.result["deleted"] == [busy]


def test_the_emulated_cloud_is_not_what_protects(sandbox: Sandbox) -> None:
    """ECS itself deletes any detached disk: the refusals above are the module's own."""
    volume = _copied(sandbox, new_id())
    attach(sandbox.cloud, volume["disk_id"])
    with pytest.raises(EcsError):
        ask(sandbox.cloud, "DeleteDisk", DiskId=volume["disk_id"])
    detach(sandbox.cloud, volume["disk_id"])
    ask(sandbox.cloud, "DeleteDisk", DiskId=volume["disk_id"])

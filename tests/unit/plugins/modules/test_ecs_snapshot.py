# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ecs_snapshot: one per disk and run, only of detached disks (S6), made once (S7), deleted only if ours (S8)."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.sandbox.faults import Fault
from tests.sandbox.sandbox import Sandbox
from tests.unit.plugins.modules.clouds import ask, attach, detach, disk_of, make_disk, new_run_id, owned, snapshots_of
from tests.unit.plugins.modules.workbench import Outcome, run


def _snapshot(sandbox: Sandbox, disks: list[str], run_id: str, **options: Any) -> Outcome:
    volumes = [{"claim": f"data-{number}", "source_disk_id": disk} for number, disk in enumerate(disks)]
    return run(sandbox, "ecs_snapshot", **{"run_id": run_id, "volumes": volumes, "wait_timeout": 30, **options})


def test_a_snapshot_of_every_disk_and_nothing_the_second_time(sandbox: Sandbox) -> None:
    disks, run_id = [make_disk(sandbox) for _number in range(3)], new_run_id()
    first = _snapshot(sandbox, disks, run_id).succeeded(changed=True)
    assert len(first.of("CreateSnapshot")) == len(first.mutating) == 3
    for disk, volume in zip(disks, first.result["volumes"], strict=True):
        (snapshot,) = snapshots_of(sandbox, disk).values()
        assert volume["snapshot_id"] == snapshot["id"]
        assert snapshot["contents"] == disk_of(sandbox.cloud, disk)["contents"]
        assert snapshot["tags"] == {
            "zoneshift.io/run": run_id,
            "zoneshift.io/step": "snapshot",
            "zoneshift.io/claim": volume["claim"],
        }
    assert {shown["source_disk_id"] for shown in first.result["snapshots"]} == set(disks)
    second = _snapshot(sandbox, disks, run_id).succeeded(changed=False)
    assert second.mutating == []
    assert second.result["volumes"] == first.result["volumes"]
    assert second.result["diff"]["before"] != second.result["diff"]["after"], "the input had no snapshot ids"


def test_another_run_makes_snapshots_of_its_own(sandbox: Sandbox) -> None:
    disk = make_disk(sandbox)
    for _attempt in range(2):
        _snapshot(sandbox, [disk], new_run_id()).succeeded(changed=True)
    assert len(snapshots_of(sandbox, disk)) == 2


def test_check_mode_sends_nothing_and_answers_alike(sandbox: Sandbox) -> None:
    disk, run_id = make_disk(sandbox), new_run_id()
    checked = _snapshot(sandbox, [disk], run_id, check=True).succeeded(changed=True)
    assert checked.mutating == []
    assert checked.result["volumes"][0]["snapshot_id"] == ""
    real = _snapshot(sandbox, [disk], run_id).succeeded(changed=True)
    assert set(checked.result) == set(real.result)
    again = _snapshot(sandbox, [disk], run_id, check=True).succeeded(changed=False)
    assert again.result["volumes"] == real.result["volumes"]
    shown = real.result["diff"]
    assert shown["before"] == {"data-0": {"snapshot_id": ""}}
    assert shown["after"] == {"data-0": {"snapshot_id": real.result["volumes"][0]["snapshot_id"]}}


def test_waits_until_the_disk_is_detached(sandbox: Sandbox) -> None:
    """S6: the snapshot is taken after the detachment, with everything that was written until then."""
    disk = make_disk(sandbox, attached=True)
    instance = disk_of(sandbox.cloud, disk)["attached_to"][0]
    looked = threading.Event()

    def stop_writing() -> None:
        looked.wait(30)
        sandbox.cloud.write(disk, instance, {"n": 2, "last": True})
        detach(sandbox.cloud, disk)

    describe = sandbox.cloud.call

    def call(action: str, params: dict[str, str], user: str) -> dict[str, Any]:
        answer = describe(action, params, user)
        if action == "DescribeDisks" and user == "admin":
            looked.set()
        return answer

    writer = threading.Thread(target=stop_writing)
    writer.start()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sandbox.cloud, "call", call)
        outcome = _snapshot(sandbox, [disk], new_run_id()).succeeded(changed=True)
    writer.join()
    assert len(outcome.of("DescribeDisks")) > 1
    (snapshot,) = snapshots_of(sandbox, disk).values()
    assert snapshot["contents"][-1] == {"n": 2, "last": True}


def test_refuses_a_disk_that_stays_attached(sandbox: Sandbox) -> None:
    free, disk = make_disk(sandbox), make_disk(sandbox, attached=True)
    outcome = _snapshot(sandbox, [free, disk], new_run_id(), wait_timeout=0)
    instance = disk_of(sandbox.cloud, disk)["attached_to"][0]
    outcome.failed("TimedOut", "source disks to be detached", f"{disk} is In_use at {instance}")
    assert outcome.mutating == []
    assert snapshots_of(sandbox, free) == {}, "no snapshot of any disk before all are detached"


def test_a_disk_that_is_being_detached_is_not_detached(sandbox: Sandbox) -> None:
    disk = make_disk(sandbox, attached=True)
    sandbox.cloud.latency.detach = 3600.0
    detach(sandbox.cloud, disk)
    outcome = _snapshot(sandbox, [disk], new_run_id(), wait_timeout=0)
    outcome.failed("TimedOut", f"{disk} is Detaching")
    assert outcome.mutating == []


def test_takes_an_attached_disk_when_told_so(sandbox: Sandbox) -> None:
    disk = make_disk(sandbox, attached=True)
    _snapshot(sandbox, [disk], new_run_id(), require_detached=False).succeeded(changed=True)
    assert len(snapshots_of(sandbox, disk)) == 1


@pytest.mark.parametrize("fault", [{"effect": "drop", "moment": "after"}, {"effect": "drop"}, {"status": 503}])
def test_an_answer_that_is_lost_makes_no_second_snapshot(sandbox: Sandbox, fault: dict[str, Any]) -> None:
    disk = make_disk(sandbox)
    sandbox.faults.add(Fault(side="ecs", user="admin", verb="CreateSnapshot", **fault))
    outcome = _snapshot(sandbox, [disk], new_run_id()).succeeded(changed=True)
    tokens = {call.params["ClientToken"] for call in outcome.of("CreateSnapshot")}
    assert len(outcome.of("CreateSnapshot")) == 2 and len(tokens) == 1
    assert len(snapshots_of(sandbox, disk)) == 1


def test_what_is_not_visible_yet_is_not_made_again(sandbox: Sandbox) -> None:
    """The lookup by tag shows nothing yet (visibility delay): the ClientToken finds it."""
    disk, run_id = make_disk(sandbox), new_run_id()
    sandbox.cloud.latency.visibility = 3600.0
    for _attempt in range(2):
        unseen = _snapshot(sandbox, [disk], run_id, wait_timeout=0)
        unseen.failed("TimedOut", "0 of 1 snapshots usable")
        assert len(unseen.of("CreateSnapshot")) == 1
        assert len(snapshots_of(sandbox, disk)) == 1


@pytest.mark.parametrize(("days", "wire"), [(1, "1"), (7, "7"), (-1, None), (65536, "65536")])
def test_retention(sandbox: Sandbox, days: int, wire: str | None) -> None:
    disk = make_disk(sandbox)
    outcome = _snapshot(sandbox, [disk], new_run_id(), retention_days=days).succeeded(changed=True)
    (call,) = outcome.of("CreateSnapshot")
    assert call.params.get("RetentionDays") == wire
    assert outcome.result["snapshots"][0]["retention_days"] == (None if days == -1 else days)


@pytest.mark.parametrize("days", [0, -2, 65537])
def test_bad_retention_is_refused_before_any_request(sandbox: Sandbox, days: int) -> None:
    outcome = _snapshot(sandbox, ["d-any"], new_run_id(), retention_days=days)
    assert f"retention_days {days} is not -1 or 1 to 65536" in str(outcome.error)
    assert outcome.calls == []


def test_a_volume_without_a_disk_is_refused_before_any_request(sandbox: Sandbox) -> None:
    outcome = run(sandbox, "ecs_snapshot", run_id="x", volumes=[{"source_disk_id": "d-1"}, {"claim": "data-1"}])
    assert "Volume 2 (data-1) lacks source_disk_id" in str(outcome.error)
    assert outcome.calls == []


def test_usable_and_durable_are_two_moments(sandbox: Sandbox) -> None:
    disk, run_id = make_disk(sandbox), new_run_id()
    sandbox.cloud.latency.snapshot_durable = 3600.0
    usable = _snapshot(sandbox, [disk], run_id).succeeded(changed=True)
    assert [(shown["usable"], shown["durable"]) for shown in usable.result["snapshots"]] == [(True, False)]


def test_waits_until_durable_when_told_so(sandbox: Sandbox) -> None:
    disk, run_id = make_disk(sandbox), new_run_id()
    sandbox.cloud.latency.snapshot_durable = 0.5
    durable = _snapshot(sandbox, [disk], run_id, wait_for="durable").succeeded(changed=True)
    assert [shown["durable"] for shown in durable.result["snapshots"]] == [True]


def test_waiting_for_durable_tells_how_far_it_got(sandbox: Sandbox) -> None:
    disk = make_disk(sandbox)
    sandbox.cloud.latency.snapshot_durable = 3600.0
    outcome = _snapshot(sandbox, [disk], new_run_id(), wait_for="durable", wait_timeout=0)
    outcome.failed("TimedOut", "0 of 1 snapshots durable (accomplished), 0 %")


def test_a_failed_snapshot_names_claim_and_way_out(sandbox: Sandbox) -> None:
    good, bad, run_id = make_disk(sandbox), make_disk(sandbox), new_run_id()
    sandbox.cloud.settings.failing_snapshots.add(bad)
    error = _snapshot(sandbox, [good, bad], run_id).failed("SnapshotFailed", bad, "claim data-1", "Start a new run.")
    assert error.context["claim"] == "data-1"
    removed = run(sandbox, "ecs_snapshot", run_id=run_id, state="absent").succeeded(changed=True)
    assert len(removed.result["deleted"]) == 2, "a failed snapshot is deleted too"
    assert owned(sandbox.cloud.world()["snapshots"], run_id) == set()


def test_a_refusal_names_claim_and_disk_and_leaves_the_others_to_the_next_call(sandbox: Sandbox) -> None:
    used, unused, run_id = make_disk(sandbox), make_disk(sandbox, used=False), new_run_id()
    outcome = _snapshot(sandbox, [unused, used], run_id)
    error = outcome.failed("IncorrectDiskStatus.NeverAttached", "claim data-0")
    assert error.context["disk"] == unused
    (made,) = snapshots_of(sandbox, used)
    attach(sandbox.cloud, unused)
    detach(sandbox.cloud, unused)
    mended = _snapshot(sandbox, [unused, used], run_id).succeeded(changed=True)
    assert mended.result["volumes"][1]["snapshot_id"] == made


def test_an_unknown_disk_names_its_claim(sandbox: Sandbox) -> None:
    outcome = _snapshot(sandbox, ["d-2ze00000000000000000"], new_run_id())
    outcome.failed("DiskNotFound", "claim data-0", "Check region and account of the credentials.")
    assert outcome.mutating == []


def test_absent_deletes_what_this_run_made_and_nothing_else(sandbox: Sandbox) -> None:
    disk, run_id = make_disk(sandbox), new_run_id()
    mine = _snapshot(sandbox, [disk], run_id).result["volumes"][0]["snapshot_id"]
    other = _snapshot(sandbox, [disk], new_run_id()).result["volumes"][0]["snapshot_id"]
    tags = {"Tag.1.Key": "zoneshift.io/run", "Tag.1.Value": run_id, "Tag.2.Key": "made", "Tag.2.Value": "by-hand"}
    foreign = ask(sandbox.cloud, "CreateSnapshot", DiskId=disk, **tags)["SnapshotId"]
    checked = run(sandbox, "ecs_snapshot", run_id=run_id, state="absent", check=True).succeeded(changed=True)
    assert checked.mutating == []
    gone = run(sandbox, "ecs_snapshot", run_id=run_id, state="absent").succeeded(changed=True)
    assert checked.result == gone.result
    assert gone.result["deleted"] == [mine]
    assert gone.result["diff"] == {"before": {"snapshots": [mine]}, "after": {"snapshots": []}}
    assert set(snapshots_of(sandbox, disk)) == {other, foreign}
    again = run(sandbox, "ecs_snapshot", run_id=run_id, state="absent").succeeded(changed=False)
    assert again.mutating == []


def test_absent_after_a_lost_answer(sandbox: Sandbox) -> None:
    disk, run_id = make_disk(sandbox), new_run_id()
    _snapshot(sandbox, [disk], run_id)
    sandbox.faults.add(Fault(effect="drop", moment="after", side="ecs", user="admin", verb="DeleteSnapshot"))
    run(sandbox, "ecs_snapshot", run_id=run_id, state="absent").succeeded(changed=True)
    assert snapshots_of(sandbox, disk) == {}

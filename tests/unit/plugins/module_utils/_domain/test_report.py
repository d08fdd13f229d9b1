# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people read: which claim goes where, what stops the run and how to mend it, and where a run stands."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.zoneshift.ack.plugins.module_utils._domain import journal as journals
from ansible_collections.zoneshift.ack.plugins.module_utils._domain import report
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.model import Finding, Severity
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.objects import Obj

from tests.unit.plugins.module_utils._domain.worlds import (
    ZONE_I,
    ZONE_J,
    ZONE_K,
    healthy_world,
    make_disk,
    make_sts,
    moved,
    open_journal,
    plan_for,
    world_of,
)

PLAN = """\
StatefulSet default/web: 2 claims to move to cn-beijing-j, cn-beijing-k, 1 in place already.

CLAIM      DISK         FROM          TO            SIZE
www-web-0  d-www-web-0  cn-beijing-i  cn-beijing-j  20 GiB
www-web-2  d-www-web-2  cn-beijing-i  cn-beijing-k  20 GiB
www-web-1  d-www-web-1  cn-beijing-k  stays         20 GiB

Steps:
  1. write the journal, set the source PVs to Retain and read that back
  2. scale web from 3 to 0 replicas and hold the claims; the application is down from here
  3. snapshot 2 disks, kept for 1 day
  4. make 2 disks from the snapshots in the target zones
  5. bind the same 2 claims to the new disks
  6. scale web to 3 and wait until every replica is Ready; the application is up again
  7. keep the source PVs and disks until finalize.yml is run
"""

BLOCKED = """\
StatefulSet default/web cannot be migrated: 1 blocker.

CLAIM      DISK         FROM          TO            SIZE
www-web-0  d-www-web-0  cn-beijing-i  cn-beijing-k  20 GiB

BLOCKER run-unfinished: Run run-0 of StatefulSet default/web is not finished. To mend: see it with status.yml; \
go back with rollback.yml -e sts=web -e namespace=default.
note claim-retention-policy: persistentVolumeClaimRetentionPolicy whenScaled is Delete; a run sets Retain (trap 6).
"""

STATUS = """\
Run run-1 of StatefulSet default/web: open, phase disks, opened 2026-11-22T22:00:00Z
Message: throttled
CLAIM      SOURCE DISK  SOURCE ZONE   SNAPSHOT     TARGET DISK      TARGET ZONE   PV
www-web-0  d-www-web-0  cn-beijing-i  s-www-web-0  d-new-www-web-0  cn-beijing-k  -
www-web-1  d-www-web-1  cn-beijing-i  -            -                cn-beijing-k  -
"""


def test_a_plan_in_full() -> None:
    assert report.plan_text(plan_for(world_of(make_sts(3), {"www-web-1": ZONE_K}), ZONE_J, ZONE_K)) == PLAN


def test_a_blocked_plan_shows_what_is_in_the_way_and_no_steps() -> None:
    sts = make_sts(1, persistentVolumeClaimRetentionPolicy={"whenScaled": "Delete"})
    seen = dataclasses.replace(world_of(sts), open_run="run-0")
    assert report.plan_text(plan_for(seen)) == BLOCKED


def test_a_run_in_full() -> None:
    journal = open_journal()
    journals.note_volumes(journal, [moved()], ("snapshot_id", "disk_id"))
    journal.update(phase="disks", message="throttled")
    assert report.status_text(journal) == STATUS


def test_a_closed_run_says_when() -> None:
    journal = open_journal()
    journal.update(state="succeeded", phase="close", closed="2026-11-22T22:10:00Z")
    first = report.status_text(journal).splitlines()[0]
    assert first.endswith("succeeded, phase close, opened 2026-11-22T22:00:00Z, closed 2026-11-22T22:10:00Z")
    assert "Message:" not in report.status_text(journal)


@pytest.mark.parametrize(
    ("sts", "targets", "line"),
    [
        pytest.param(make_sts(1), (ZONE_K,), "1 claim to move to cn-beijing-k, 0 in place already.", id="one"),
        pytest.param(make_sts(3), (ZONE_I,), "every claim of StatefulSet default/web is in", id="in place"),
        pytest.param(make_sts(0), (ZONE_K,), "default/web has 0 replicas, so it mounts no claim.", id="replicas 0"),
        pytest.param(make_sts(2, templates=()), (ZONE_K,), "StatefulSet default/web mounts no claim.", id="no claims"),
        pytest.param(make_sts(1), ("cn-x", "cn-y"), "cannot be migrated: 2 blockers.", id="several blockers"),
    ],
)
def test_one_sentence_says_what_it_comes_to(sts: Obj, targets: tuple[str, ...], line: str) -> None:
    assert line in report.headline(plan_for(world_of(sts), *targets))


@pytest.mark.parametrize(("days", "words"), [(1, "kept for 1 day"), (2, "kept for 2 days"), (-1, "kept for ever")])
def test_how_long_snapshots_are_kept(days: int, words: str) -> None:
    assert words in report.plan_text(plan_for(healthy_world(), snapshot_retention_days=days))


def test_a_regional_disk_is_said_to_be_one() -> None:
    seen = world_of(make_sts(1))
    seen.disks["d-www-web-0"] = make_disk(zone="", category="cloud_regional_disk_auto")
    planned = plan_for(seen)
    assert "in cn-beijing-k or on a regional disk already" in report.headline(planned)
    assert "note disk-regional: Disk d-www-web-0 of claim www-web-0" in report.plan_text(planned)


def test_deleting_the_source_is_announced() -> None:
    """Who asks for it must read it before it happens."""
    text = report.plan_text(plan_for(healthy_world(), retain_source=False))
    assert "7. delete the 2 source PVs and disks once their snapshots are accomplished" in text
    assert "finalize.yml" not in text


def test_nothing_to_move_has_no_steps() -> None:
    assert "Steps:" not in report.plan_text(plan_for(healthy_world(), ZONE_I))


@pytest.mark.parametrize(
    ("severity", "mark"), [(Severity.BLOCKER, "BLOCKER"), (Severity.WARNING, "warning"), (Severity.NOTE, "note")]
)
def test_a_finding_by_its_severity(severity: Severity, mark: str) -> None:
    assert report.finding_text(Finding("some-id", severity, "It is so.", "mend it.")) == (
        f"{mark} some-id: It is so. To mend: mend it."
    )
    assert report.finding_text(Finding("some-id", severity, "It is so.")) == f"{mark} some-id: It is so."

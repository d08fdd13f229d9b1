# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run says to people: tables and sentences. Pure."""

from __future__ import annotations

from .journal import Journal
from .model import Finding, Plan, Severity, Volume


def plan_text(plan: Plan) -> str:
    """The whole plan, as ``--check --diff`` and the plan entry point print it."""
    lines = [headline(plan), ""]
    rows: list[tuple[str, ...]] = [("CLAIM", "DISK", "FROM", "TO", "SIZE")]
    rows += [(v.claim, v.source_disk_id, v.source_zone, v.zone, f"{v.size_gib} GiB") for v in plan.moves]
    rows += [(v.claim, v.source_disk_id, v.source_zone, "stays", f"{v.size_gib} GiB") for v in plan.stays]
    if len(rows) > 1:
        lines += [*_table(rows), ""]
    lines += [finding_text(finding) for finding in plan.findings]
    if plan.moves and not plan.blockers:
        lines += ["Steps:"] + [f"  {number}. {step}" for number, step in enumerate(steps(plan), 1)]
    return "\n".join(lines).rstrip() + "\n"


def headline(plan: Plan) -> str:
    """One sentence: what the plan comes to."""
    what = f"StatefulSet {plan.namespace}/{plan.sts}"
    if plan.blockers:
        return f"{what} cannot be migrated: {len(plan.blockers)} blocker{'s' if len(plan.blockers) > 1 else ''}."
    if plan.moves:
        zones = ", ".join(dict.fromkeys(volume.zone for volume in plan.moves))
        return f"{what}: {_count(plan.moves)} to move to {zones}, {len(plan.stays)} in place already."
    if plan.stays:
        zones = ", ".join(plan.target_zones)
        regional = " or on a regional disk" if any(not volume.zone for volume in plan.stays) else ""
        return f"Nothing to migrate: every claim of {what} is in {zones}{regional} already."
    if not plan.replicas:
        return f"Nothing to migrate: {what} has 0 replicas, so it mounts no claim."
    return f"Nothing to migrate: {what} mounts no claim."


def steps(plan: Plan) -> list[str]:
    """The steps of a run, in order."""
    moves = len(plan.moves)
    after = (
        "keep the source PVs and disks until finalize.yml is run"
        if plan.retain_source
        else f"delete the {moves} source PVs and disks once their snapshots are accomplished"
    )
    days = plan.snapshot_retention_days
    return [
        "write the journal, set the source PVs to Retain and read that back",
        f"scale {plan.sts} from {plan.replicas} to 0 replicas and hold the claims; the application is down from here",
        f"snapshot {moves} disk{_s(moves)}, kept {'for ever' if days == -1 else f'for {days} day{_s(days)}'}",
        f"make {moves} disk{_s(moves)} from the snapshots in the target zone{_s(len(plan.target_zones))}",
        f"bind the same {moves} claim{_s(moves)} to the new disks",
        f"scale {plan.sts} to {plan.replicas} and wait until every replica is Ready; the application is up again",
        after,
    ]


def finding_text(finding: Finding) -> str:
    mark = {Severity.BLOCKER: "BLOCKER", Severity.WARNING: "warning", Severity.NOTE: "note"}[finding.severity]
    fix = f" To mend: {finding.fix}" if finding.fix else ""
    return f"{mark} {finding.id}: {finding.message}{fix}"


def status_text(journal: Journal) -> str:
    """One run as a table, for the status entry point."""
    plan = journal["plan"]
    lines = [
        f"Run {journal['run_id']} of StatefulSet {plan['namespace']}/{plan['sts']}: {journal['state']}, "
        f"phase {journal['phase']}, opened {journal['opened']}"
        + (f", closed {journal['closed']}" if journal["closed"] else ""),
    ]
    if journal["message"]:
        lines.append(f"Message: {journal['message']}")
    rows: list[tuple[str, ...]] = [
        ("CLAIM", "SOURCE DISK", "SOURCE ZONE", "SNAPSHOT", "TARGET DISK", "TARGET ZONE", "PV")
    ]
    for entry in journal["volumes"].values():
        fields = ("claim", "source_disk_id", "source_zone", "snapshot_id", "disk_id", "zone", "pv")
        rows.append(tuple(str(entry.get(field) or "-") for field in fields))
    return "\n".join([*lines, *_table(rows)]) + "\n"


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _count(volumes: tuple[Volume, ...]) -> str:
    return f"{len(volumes)} claim{_s(len(volumes))}"


def _s(number: int) -> str:
    return "" if number == 1 else "s"

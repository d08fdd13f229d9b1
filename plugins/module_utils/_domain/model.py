# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values that the planner and the modules pass on. Pure, frozen, JSON in and out."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

from .cloud import Disk, Offer
from .objects import Obj


@dataclasses.dataclass(frozen=True)
class Volume:
    """One claim on its way: the shape that every module takes and returns, each filling in what it made.

    ``source_*`` is where the claim was when the run began. ``zone`` and ``disk_id`` say where it is wanted: the target
    on the way forward, the source again on the way back. ``size_gib`` is the size of the wanted disk in GiB.
    """

    claim: str = ""
    claim_uid: str = ""
    ordinal: int | None = None
    source_disk_id: str = ""
    source_zone: str = ""
    source_pv: str = ""
    zone: str = ""
    snapshot_id: str = ""
    disk_id: str = ""
    size_gib: int = 0
    pv: str = ""
    reclaim_policy: str = "Retain"

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Volume:
        """From module parameters or a journal: absent and null fields keep their defaults, unknown ones are ignored."""
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{key: value for key, value in raw.items() if key in known and value is not None})

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def at_source(self, reclaim_policy: str = "Retain") -> Volume:
        """The same claim, wanted on its source disk."""
        return dataclasses.replace(
            self, disk_id=self.source_disk_id, zone=self.source_zone, pv="", reclaim_policy=reclaim_policy
        )


class Severity(enum.Enum):
    BLOCKER = "blocker"
    WARNING = "warning"
    NOTE = "note"


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a check has to say: a stable id, how bad, what was seen on which object, and how to mend it."""

    id: str
    severity: Severity
    message: str
    fix: str = ""

    @classmethod
    def from_dict(cls, raw: dict[str, str]) -> Finding:
        return cls(raw["id"], Severity(raw["severity"]), raw["message"], raw["fix"])

    def as_dict(self) -> dict[str, str]:
        return {"id": self.id, "severity": self.severity.value, "message": self.message, "fix": self.fix}


def blocker(check_id: str, message: str, fix: str) -> Finding:
    """A finding with which nothing may be touched."""
    return Finding(check_id, Severity.BLOCKER, message, fix)


@dataclasses.dataclass(frozen=True)
class Wish:
    """What the user asked for."""

    namespace: str
    name: str
    target_zones: tuple[str, ...]
    run_id: str
    snapshot_retention_days: int = 1
    retain_source: bool = True


@dataclasses.dataclass(frozen=True)
class Observed:
    """Everything the planner may know, read at one time. Objects are plain JSON dicts by name."""

    sts: Obj
    claims: dict[str, Obj]
    pvs: dict[str, Obj]
    pods: tuple[Obj, ...]
    nodes: tuple[Obj, ...]
    disks: dict[str, Disk]
    zones: tuple[str, ...]
    offers: dict[str, tuple[Offer, ...]]
    autoscalers: tuple[str, ...] = ()
    missing_rights: tuple[str, ...] = ()
    open_run: str = ""


@dataclasses.dataclass(frozen=True)
class Plan:
    """Where each claim goes. ``moves`` is empty when everything is in place."""

    run_id: str
    namespace: str
    sts: str
    sts_type: str
    sts_uid: str
    replicas: int
    retention_policy: dict[str, str]
    target_zones: tuple[str, ...]
    moves: tuple[Volume, ...]
    stays: tuple[Volume, ...]
    findings: tuple[Finding, ...]
    snapshot_retention_days: int
    retain_source: bool

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Plan:
        """The plan that ``as_dict`` wrote."""
        known = {field.name: raw[field.name] for field in dataclasses.fields(cls)}
        for field in ("moves", "stays"):
            known[field] = tuple(Volume.from_dict(volume) for volume in raw[field])
        known["findings"] = tuple(Finding.from_dict(finding) for finding in raw["findings"])
        known["target_zones"] = tuple(raw["target_zones"])
        return cls(**known)

    @property
    def blockers(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity is Severity.BLOCKER]

    def as_dict(self) -> dict[str, Any]:
        """JSON for journals, machines and the role; ``at_source`` repeats the moves as wanted on their source disks."""
        raw = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        raw["target_zones"] = list(self.target_zones)
        raw["moves"] = [volume.as_dict() for volume in self.moves]
        raw["stays"] = [volume.as_dict() for volume in self.stays]
        raw["at_source"] = [volume.at_source().as_dict() for volume in self.moves]
        raw["findings"] = [finding.as_dict() for finding in self.findings]
        return raw

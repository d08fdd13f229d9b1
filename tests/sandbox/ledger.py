# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every claim's application was told is safely written, and the disasters: starts and writes that contradict it.

A record is acknowledged only when it is written while its pod is Ready: an application that never became Ready had no
clients, nobody relies on what it wrote, and a run may go back to a disk without it (DESIGN.md S11). Such records are on
their disk all the same, and the first acknowledged one after them stands for them too, since records are chained.

It belongs to the outside world: restarting a node, or the whole nodes process, does not make it forget.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from .records import Record


class Ledger:
    """Thread-safe. Claims are ``namespace/name``: their name is what an application knows its data by."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._acknowledged: dict[str, Record] = {}
        # Of each claim that has an acknowledged record: the disk that it went to.
        self._disks: dict[str, str] = {}
        self._disasters: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def opened(self, claim: str, disk: str, contents: Sequence[Record], *, pod: str, node: str) -> None:
        """An application starts on the disk: it must find all that was ever acknowledged, and may find more.

        After a disaster the claim's history goes on from what the disk holds, so that one accident is told once.
        """
        with self._lock:
            known = self._acknowledged.get(claim)
            # Chained records: the newest acknowledged one stands for all before it.
            if known and known not in contents:
                kind = "stale-disk" if contents else "empty-disk"
                found = contents[-1]["n"] if contents else 0
                self._record(kind, claim, disk, pod, node, known, found)
                self._forget(claim, disk, contents)

    def acknowledged(self, claim: str, disk: str, record: Record) -> None:
        """The record is on the disk and, its pod being Ready, somebody is told so.

        Numbers need not follow each other: what is on the disk in between was not acknowledged by itself.
        """
        with self._lock:
            known = self._acknowledged.get(claim)
            if known and record["n"] <= known["n"]:
                self._record("backwards", claim, disk, record["pod"], record["node"], known, record["n"])
            self._acknowledged[claim] = record
            self._disks[claim] = disk

    def as_json(self) -> dict[str, Any]:
        """``writes``: by claim, the newest acknowledged record and the disk it went to; ``disasters``: in order."""
        with self._lock:
            writes = {
                claim: {"disk": self._disks[claim], "record": dict(record)}
                for claim, record in self._acknowledged.items()
            }
            return {"writes": writes, "disasters": [dict(disaster) for disaster in self._disasters]}

    def _record(self, kind: str, claim: str, disk: str, pod: str, node: str, known: Record, found: int) -> None:
        self._disasters.append(
            {
                "kind": kind,
                "claim": claim,
                "disk": disk,
                "pod": pod,
                "node": node,
                "acknowledged": known["n"],
                "found": found,
                "time": self._clock(),
            }
        )

    def _forget(self, claim: str, disk: str, contents: Sequence[Record]) -> None:
        if contents:
            self._acknowledged[claim], self._disks[claim] = dict(contents[-1]), disk
        else:
            del self._acknowledged[claim], self._disks[claim]

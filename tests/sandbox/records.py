# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What applications write: numbered records, each of which proves everything before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

Record = dict[str, Any]


def next_record(previous: Record | None, *, claim: str, pod: str, node: str, time: float, last: bool = False) -> Record:
    """The record after ``previous``. Its ``chain`` is a digest over its content and the previous chain, so that two
    disks whose newest records are equal hold the same data from the first record on. ``last`` marks a graceful stop.
    """
    record: Record = {
        "n": previous["n"] + 1 if previous else 1,
        "claim": claim,
        "pod": pod,
        "node": node,
        "time": round(time, 3),
    }
    if last:
        record["last"] = True
    record["chain"] = _chain(record, previous)
    return record


def flaw(contents: Sequence[Record]) -> str:
    """What is wrong with the contents of a disk (a gap, a repeated or altered record); empty when intact."""
    previous: Record | None = None
    for position, record in enumerate(contents, start=1):
        if record["n"] != position:
            return f"record {position} has number {record['n']}"
        if record["chain"] != _chain(record, previous):
            return f"record {position} does not continue the records before it"
        previous = record
    return ""


def starts_with(contents: Sequence[Record], beginning: Sequence[Record]) -> bool:
    """Whether the contents hold all of ``beginning``, unaltered, as their beginning."""
    return list(contents[: len(beginning)]) == list(beginning)


def _chain(record: Record, previous: Record | None) -> str:
    content = {key: value for key, value in record.items() if key != "chain"}
    text = (previous["chain"] if previous else "") + json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]

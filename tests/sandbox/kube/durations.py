# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times as kubectl shows them (``5m10s``), after k8s.io/apimachinery's ``duration.HumanDuration``."""

from __future__ import annotations

import datetime

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_YEAR = 365 * _DAY


def parse_time(text: str) -> datetime.datetime:
    """RFC 3339 with or without fractions, always UTC in this API."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def age(timestamp: str | None, now: datetime.datetime) -> str:
    """How long ago; ``<unknown>`` without a time stamp."""
    if not timestamp:
        return "<unknown>"
    return human_duration((now - parse_time(timestamp)).total_seconds())


def human_duration(seconds: float) -> str:
    """At most two units, the second one only while it matters."""
    if seconds <= -2:
        return "<invalid>"
    total = max(int(seconds), 0)
    if total < 2 * _MINUTE:
        return f"{total}s"
    if total < 10 * _MINUTE:
        return _two_units(total, (_MINUTE, "m"), (1, "s"))
    if total < 3 * _HOUR:
        return f"{total // _MINUTE}m"
    if total < 8 * _HOUR:
        return _two_units(total, (_HOUR, "h"), (_MINUTE, "m"))
    if total < 2 * _DAY:
        return f"{total // _HOUR}h"
    if total < 8 * _DAY:
        return _two_units(total, (_DAY, "d"), (_HOUR, "h"))
    if total < 2 * _YEAR:
        return f"{total // _DAY}d"
    if total < 8 * _YEAR:
        return _two_units(total, (_YEAR, "y"), (_DAY, "d"))
    return f"{total // _YEAR}y"


def _two_units(total: int, large: tuple[int, str], small: tuple[int, str]) -> str:
    rest = total % large[0] // small[0]
    text = f"{total // large[0]}{large[1]}"
    return f"{text}{rest}{small[1]}" if rest else text

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter.N of DescribeDisks and DescribeSnapshots: a range of creation times, to the minute."""

from __future__ import annotations

import datetime

from .errors import refusal

KEYS = ("CreationStartTime", "CreationEndTime")


def creation_range(filters: list[dict[str, str]] | None) -> tuple[float, float]:
    """First and last moment, both included; unbounded where nothing is said."""
    bounds = {"CreationStartTime": float("-inf"), "CreationEndTime": float("inf")}
    for item in filters or []:
        key, value = item.get("Key", ""), item.get("Value", "")
        if key not in KEYS:
            raise refusal("InvalidFilterKey.NotFound")
        try:
            moment = datetime.datetime.strptime(value, "%Y-%m-%dT%H:%MZ").replace(tzinfo=datetime.UTC)
        except ValueError:
            raise refusal("InvalidFilterValue") from None
        bounds[key] = moment.timestamp()
    return bounds["CreationStartTime"], bounds["CreationEndTime"]

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches compared: the type of each event and which fields it changes, not what they are called."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .samples import Object

Shape = tuple[str, set[str]]

# written at every change, or only when a second has passed meanwhile
_NOT_COMPARED = {"metadata.resourceVersion", "metadata.managedFields", "status.lastPhaseTransitionTime"}


def paths(value: Any, prefix: str = "") -> dict[str, Any]:
    """Every leaf under its path; lists are leaves, annotations and labels too."""
    if not isinstance(value, dict) or prefix in ("metadata.annotations", "metadata.labels"):
        return {prefix: value}
    found: dict[str, Any] = {}
    for key, part in value.items():
        found |= paths(part, f"{prefix}.{key}" if prefix else key)
    return found


def shapes(events: Iterable[Object]) -> list[Shape]:
    """Type of each event, and which fields differ from the object before it; for a new object those that it has."""
    result: list[Shape] = []
    before: dict[str, Any] = {}
    for index, event in enumerate(events):
        now = paths(event["object"])
        changed = {path for path in now.keys() | before.keys() if now.get(path) != before.get(path)}
        if event["type"] == "ADDED":
            changed = set(now)
        elif index == 0:
            changed = set()
        result.append((event["type"], changed - _NOT_COMPARED))
        before = now
    return result

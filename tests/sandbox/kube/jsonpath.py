# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simple JSON paths of ``additionalPrinterColumns``: fields, indexes, wildcards and equality filters."""

from __future__ import annotations

import re
from typing import Any

_STEP = re.compile(
    r"""\.(?P<field>(?:\\.|[^.\[\]\\])+)
      | \[\s*(?P<index>-?\d+)\s*\]
      | \[\s*(?P<wildcard>\*)\s*\]
      | \[\s*['"](?P<quoted>[^'"]+)['"]\s*\]
      | \[\?\(\s*@(?P<path>[^=!\s]+)\s*==\s*(?P<value>"[^"]*"|'[^']*'|[^)\s]+)\s*\)\]
    """,
    re.VERBOSE,
)


def find(obj: Any, path: str) -> list[Any]:
    """Every value at ``path`` (``.status.conditions[?(@.type=="Ready")].status``); none when a step leads nowhere."""
    values = [obj]
    position = 0
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            return []
        values = [found for value in values for found in _follow(value, step)]
        position = step.end()
    return values


def _follow(value: Any, step: re.Match[str]) -> list[Any]:
    field = step["quoted"] or (step["field"] and re.sub(r"\\(.)", r"\1", step["field"]))
    if field == "*" or step["wildcard"]:
        return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if field:
        return [value[field]] if isinstance(value, dict) and field in value else []
    if not isinstance(value, list):
        return []
    if step["index"]:
        index = int(step["index"])
        return [value[index]] if -len(value) <= index < len(value) else []
    return [entry for entry in value if _text(find(entry, step["path"])) == step["value"].strip("'\"")]


def _text(values: list[Any]) -> str:
    if not values:
        return ""
    return str(values[0]).lower() if isinstance(values[0], bool) else str(values[0])

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules for names and descriptions of disks and snapshots (alibaba-ecs.md 2.2)."""

from __future__ import annotations

import re

from .errors import EcsError

NAME = re.compile(r"[^\W\d_][\w:.-]{1,127}")
URL_PREFIXES = ("http://", "https://")


def check_name(name: str | None, error: EcsError, *, forbidden_prefix: str = "") -> None:
    """2 to 128 characters: a letter, then letters, digits, ``:`` ``_`` ``.`` ``-``."""
    if not name:
        return
    if not NAME.fullmatch(name) or name.startswith(URL_PREFIXES):
        raise error
    if forbidden_prefix and name.startswith(forbidden_prefix):
        raise error


def check_description(description: str | None, error: EcsError) -> None:
    if description and (not 2 <= len(description) <= 256 or description.startswith(URL_PREFIXES)):
        raise error

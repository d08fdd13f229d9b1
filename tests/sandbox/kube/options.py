# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a caller may ask for beside the object itself: the query parameters and bodies of B1 and B2, parsed."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass
class WriteOptions:
    """``warnings`` is filled in by the call, one text per ``Warning`` header (sample 35)."""

    user: str = ""
    dry_run: bool = False
    field_manager: str = ""
    field_validation: str = "Ignore"
    force: bool = False
    warnings: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class DeleteOptions:
    """``uid`` and ``resource_version`` are preconditions; ``propagation``: Orphan, Foreground, Background or empty."""

    user: str = ""
    dry_run: bool = False
    grace: int | None = None
    uid: str = ""
    resource_version: str = ""
    propagation: str = ""


@dataclasses.dataclass
class ListOptions:
    """Of a list or a watch. ``timeout`` ends a watch after that many seconds, None never."""

    label_selector: str = ""
    field_selector: str = ""
    limit: int = 0
    continue_: str = ""
    resource_version: str = ""
    resource_version_match: str = ""
    allow_bookmarks: bool = False
    send_initial_events: bool = False
    timeout: float | None = None

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Server-side apply."""

from __future__ import annotations

from typing import Any

from .options import WriteOptions
from .patches import merged
from .resources import Resource

Obj = dict[str, Any]


def applied(resource: Resource, live: Obj | None, body: Obj, options: WriteOptions, subresource: str,
            now: float) -> tuple[Obj, list[Obj]]:
    """The object after the apply, and its managedFields."""
    return merged(live or {}, body), []

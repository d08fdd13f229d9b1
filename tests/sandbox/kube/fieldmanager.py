# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""managedFields: who set what."""

from __future__ import annotations

from typing import Any

from .options import WriteOptions
from .resources import Resource

Obj = dict[str, Any]


def after_create(resource: Resource, obj: Obj, options: WriteOptions, now: float) -> list[Obj]:
    return []


def after_update(resource: Resource, live: Obj, new: Obj, options: WriteOptions, subresource: str,
                 now: float) -> list[Obj]:
    return []


def same(live: Obj, new: Obj) -> bool:
    """Nothing but times of managedFields differs: such a write is none (sample 45)."""
    return live == new

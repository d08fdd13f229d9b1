# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long things take, in seconds. The emulator has no timers: it stores time stamps and looks at them when asked."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass
class Latency:
    """Figures of alibaba-ecs.md section 5 where there are any; the rest is invented to the right order of magnitude.

    ``visibility``: a new object is in no list for this long (no page states a figure).
    ``snapshot_cut``: until CreationTime is filled in (the CSI driver polls 1 s, at most 3 s).
    ``snapshot_usable``: until Available, for instant access snapshots ("within seconds").
    ``snapshot_durable`` + ``snapshot_durable_per_gib`` * size: until accomplished ("several minutes", by data).
    ``create_processing``: a repeated ClientToken is "still processing" for this long.
    ``disk_initialize``: a disk made from a snapshot refuses deletion for this long after its creation.
    ``attach``: ACK measured 3.6 s per disk. ``detach``: ACK measured a few minutes for 56 disks, one by one.
    ``modify_spec``: until a change of category is done. ``modify_cooling``: until the next change is allowed.
    """

    visibility: float = 0.0
    snapshot_cut: float = 0.0
    snapshot_usable: float = 0.0
    snapshot_durable: float = 0.0
    snapshot_durable_per_gib: float = 0.0
    create_processing: float = 0.0
    disk_create: float = 0.0
    disk_initialize: float = 0.0
    attach: float = 0.0
    detach: float = 0.0
    modify_spec: float = 0.0
    modify_cooling: float = 0.0

    @classmethod
    def profile(cls, name: str) -> Latency:
        """``instant`` for tests, ``cloud`` for times like those of the real service."""
        return dataclasses.replace(PROFILES[name])


PROFILES = {
    "instant": Latency(),
    "cloud": Latency(
        visibility=1.0,
        snapshot_cut=2.0,
        snapshot_usable=5.0,
        snapshot_durable=30.0,
        snapshot_durable_per_gib=1.5,
        create_processing=1.0,
        disk_create=6.0,
        disk_initialize=60.0,
        attach=3.6,
        detach=4.0,
        modify_spec=60.0,
        modify_cooling=300.0,
    ),
}

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of VOLUMES_ARG, RUN_ARGS and WAIT_ARGS in module_utils/_argspec.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  volumes:
    description:
      - The claims and disks concerned.
      - Every module of this collection takes and returns this one shape, each filling in what it made, so that the
        result of one task is the input of the next. Keys that a module does not need are ignored.
    type: list
    elements: dict
    suboptions:
      claim:
        description: Name of the claim (PersistentVolumeClaim).
        type: str
      claim_uid:
        description: UID of the claim when the run began.
        type: str
      ordinal:
        description: Ordinal of the replica that mounts the claim.
        type: int
      source_disk_id:
        description: ECS disk where the data was when the run began.
        type: str
      source_zone:
        description: Zone of the source disk.
        type: str
      source_pv:
        description: Name of the PV (PersistentVolume) that the claim had when the run began.
        type: str
      zone:
        description: Zone where the data is wanted.
        type: str
      snapshot_id:
        description: Snapshot of the source disk.
        type: str
      disk_id:
        description: ECS disk where the data is wanted.
        type: str
      size_gib:
        description: Size of the wanted disk in GiB.
        type: int
      pv:
        description: Name of the PV that holds the wanted disk.
        type: str
      reclaim_policy:
        description: Reclaim policy that the PV of the wanted disk shall have once the claim is bound to it.
        type: str
        choices: [Retain, Delete]
        default: Retain
"""

    RUN = r"""
options:
  run_id:
    description:
      - The run (one attempt for one StatefulSet) that this belongs to. It owns what is made, so the same run never
        makes anything twice.
      - Up to 40 lower-case letters, digits and hyphens.
    type: str
  journal_namespace:
    description:
      - Namespace of the run's journal, which is the namespace of the StatefulSet.
      - When given, the module checks that the run still holds the StatefulSet's lock and writes what it is about to
        do, and what it did, to the journal that M(zoneshift.ack.sts_migration_run) opened.
    type: str
"""

    WAIT = r"""
options:
  wait_timeout:
    description: Seconds to wait for the wish to come true before failing.
    type: int
    default: 900
"""

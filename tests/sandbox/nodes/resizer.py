# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Growing a claim: csi-resizer's loop and the driver's ExpandVolume (1.4); the file system grows at once."""

from __future__ import annotations

from .client import Object, key_of
from .names import CLAIMS, DRIVER, VOLUMES
from .shared import Shared
from .volumes import gib
from .workqueue import WorkQueue


class Resizer:
    """Acts when a Bound claim asks for more than its volume has."""

    KIND = "resize"

    def __init__(self, shared: Shared, queue: WorkQueue) -> None:
        self._shared = shared
        self._queue = queue
        shared.on(CLAIMS, self._claim_changed)

    def _claim_changed(self, event_type: str, claim: Object, _previous: Object | None) -> None:
        if event_type != "DELETED" and _wants_more(claim):
            self._queue.add(self.KIND, key_of(claim))

    def reconcile(self, key: str) -> float | None:
        claim = self._shared.get(CLAIMS, key)
        volume = self._shared.kubernetes.get(VOLUMES, claim["spec"]["volumeName"]) if claim else None
        if not claim or not volume or not _wants_more(claim) or volume["spec"].get("csi", {}).get("driver") != DRIVER:
            return None
        wanted = gib(claim["spec"]["resources"]["requests"]["storage"])
        disk_id = volume["spec"]["csi"]["volumeHandle"]
        disk = self._shared.ecs.disk(disk_id)
        if disk and disk["Size"] < wanted:
            self._shared.ecs.resize_disk(disk_id, wanted, online=disk["Status"] == "In_use")
        if gib(volume["spec"]["capacity"]["storage"]) < wanted:
            capacity = {"spec": {"capacity": {"storage": f"{wanted}Gi"}}}
            self._shared.kubernetes.patch(VOLUMES, volume["metadata"]["name"], capacity)
        metadata = claim["metadata"]
        status = {"status": {"capacity": {"storage": f"{wanted}Gi"}}}
        self._shared.kubernetes.patch(CLAIMS, metadata["name"], status, metadata["namespace"], "status")
        return None


def _wants_more(claim: Object) -> bool:
    has = ((claim.get("status") or {}).get("capacity") or {}).get("storage")
    return (
        (claim.get("status") or {}).get("phase") == "Bound"
        and has is not None
        and gib(claim["spec"]["resources"]["requests"]["storage"]) > gib(has)
    )

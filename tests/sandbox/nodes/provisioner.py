# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dynamic provisioning: csi-provisioner's loop and the driver's CreateVolume (csi-and-statefulsets.md 1.1 to 1.4)."""

from __future__ import annotations

import random
import time

from kubernetes.client import ApiException

from .client import Object, key_of
from .ecs import EcsCallError
from .names import CLAIMS, DISK_ZONE, DRIVER, NODES, SELECTED_NODE, STORAGE_CLASSES, STORAGE_PROVISIONERS, VOLUMES
from .shared import Shared
from .volumes import (
    Attempt,
    NewVolume,
    attempts,
    client_token,
    create_disk_parameters,
    disk_tags,
    persistent_volume,
    volume_name,
)
from .workqueue import WorkQueue

CLUSTER_ID = "c0123456789abcdef0123456789abcdef"

_UNTIL_IT_IS_THERE = 1.0

_TRY_THE_NEXT = (
    "InvalidDataDiskCategory",
    "InvalidDiskSize.NotSupported",
    "InvalidDataDiskSize.ValueNotSupported",
    "OperationDenied.PerformanceLevelNotMatch",
    "InvalidPerformanceLevel.Malformed",
    "InvalidProvisionedIops.LimitExceed",
    "IdempotentParameterMismatch",
)


class Provisioner:
    """Makes a disk and a PV for each claim that is handed to this driver."""

    KIND = "provision"

    def __init__(self, shared: Shared, queue: WorkQueue) -> None:
        self._shared = shared
        self._queue = queue
        self._identity = f"{time.time_ns() // 1_000_000}-{random.randint(1, 9999)}-{DRIVER}"
        shared.on(CLAIMS, self._claim_changed)

    def _claim_changed(self, event_type: str, claim: Object, _previous: Object | None) -> None:
        if event_type != "DELETED" and self._is_ours(claim):
            self._queue.add(self.KIND, key_of(claim))

    def reconcile(self, key: str) -> float | None:
        claim = self._shared.get(CLAIMS, key)
        if not claim or not self._is_ours(claim):
            return None
        storage_class = self._shared.get(STORAGE_CLASSES, claim["spec"].get("storageClassName") or "")
        if not storage_class:
            return _UNTIL_IT_IS_THERE
        zone = self._zone(claim, storage_class)
        if not zone:
            return _UNTIL_IT_IS_THERE
        if self._shared.kubernetes.get(VOLUMES, volume_name(claim)):
            return None
        try:
            attempt, disk_id = self._create_disk(claim, storage_class.get("parameters") or {}, zone)
        except EcsCallError as error:
            message = f'failed to provision volume with StorageClass "{storage_class["metadata"]["name"]}": {error}'
            self._event(claim, "Warning", "ProvisioningFailed", message)
            raise
        volume = persistent_volume(
            NewVolume(claim, storage_class, disk_id, self._shared.ecs.region, zone, attempt, self._identity)
        )
        try:
            self._shared.kubernetes.create(VOLUMES, volume)
        except ApiException as error:
            if error.status != 409:
                raise
        self._event(
            claim, "Normal", "ProvisioningSucceeded", f"Successfully provisioned volume {volume['metadata']['name']}"
        )
        return None

    def _is_ours(self, claim: Object) -> bool:
        """Waiting for a volume of this driver, and (WaitForFirstConsumer) for a node that is known (B5)."""
        annotations = claim["metadata"].get("annotations") or {}
        return (
            not claim["spec"].get("volumeName")
            and not claim["metadata"].get("deletionTimestamp")
            and DRIVER in (annotations.get(name) for name in STORAGE_PROVISIONERS)
        )

    def _zone(self, claim: Object, storage_class: Object) -> str:
        """The selected node's zone; for an Immediate class the first allowed zone that has a node."""
        selected = (claim["metadata"].get("annotations") or {}).get(SELECTED_NODE, "")
        if selected:
            node = self._shared.get(NODES, selected)
            nodes = [node] if node else []
        elif storage_class.get("volumeBindingMode", "Immediate") == "Immediate":
            nodes = self._shared.all(NODES)
        else:
            return ""
        zones = sorted((node["metadata"].get("labels") or {}).get(DISK_ZONE, "") for node in nodes)
        allowed = _allowed_zones(storage_class)
        return next((zone for zone in zones if zone and (not allowed or zone in allowed)), "")

    def _create_disk(self, claim: Object, parameters: dict[str, str], zone: str) -> tuple[Attempt, str]:
        """Every category and level in turn (1.4). A token that stands for other parameters means that an earlier try
        of ours made the disk: it is found by its tag.
        """
        name = volume_name(claim)
        tags = disk_tags(claim, parameters, CLUSTER_ID)
        refused: EcsCallError | None = None
        for attempt in attempts(parameters):
            request = create_disk_parameters(claim, parameters, zone, attempt)
            try:
                return attempt, self._shared.ecs.create_disk(request, tags, client_token(name))
            except EcsCallError as error:
                if not error.code.startswith(_TRY_THE_NEXT):
                    raise
                if error.code == "IdempotentParameterMismatch":
                    for disk in self._shared.ecs.disks_with_tag("csi.alibabacloud.com/volume-name", name):
                        return Attempt(disk["Category"], disk.get("PerformanceLevel") or ""), disk["DiskId"]
                refused = error
        assert refused  # attempts() yields at least one
        raise refused

    def _event(self, claim: Object, event_type: str, reason: str, message: str) -> None:
        self._shared.kubernetes.event(claim, "PersistentVolumeClaim", event_type, reason, message, DRIVER)


def _allowed_zones(storage_class: Object) -> set[str]:
    """Of ``allowedTopologies`` and the ``zoneId`` parameter (1.2)."""
    zones = {
        value
        for term in storage_class.get("allowedTopologies") or []
        for expression in term.get("matchLabelExpressions") or []
        if expression["key"].endswith("/zone")
        for value in expression["values"]
    }
    listed = set(filter(None, (storage_class.get("parameters") or {}).get("zoneId", "").split(",")))
    return zones & listed if zones and listed else zones or listed

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a claim gets a new disk and who makes it: the rules around StorageClasses."""

from __future__ import annotations

from collections.abc import Iterable

from .matching import NO_PROVISIONER
from .objects import Object, claim_names, has_ended, name, node_of

_IN_TREE = "kubernetes.io/"


def binds_on_first_consumer(storage_class: Object | None) -> bool:
    return bool(storage_class) and (storage_class or {}).get("volumeBindingMode") == "WaitForFirstConsumer"


def problem(wanted: str, storage_class: Object | None) -> str:
    """Why no driver can make a volume of class ``wanted`` (event ProvisioningFailed); empty when one can."""
    if storage_class is None:
        return f'storageclass.storage.k8s.io "{wanted}" not found'
    driver = str(storage_class["provisioner"])
    return f"no volume plugin matched name: {driver}" if driver.startswith(_IN_TREE) else ""


def can_provision(storage_class: Object | None) -> bool:
    return bool(storage_class) and (storage_class or {}).get("provisioner") not in (None, "", NO_PROVISIONER)


def waiting_for_driver(driver: str) -> str:
    return (
        f"Waiting for a volume to be created either by the external provisioner '{driver}' or manually by the system "
        "administrator. If volume creation is delayed, please verify that the provisioner is running and correctly "
        "registered."
    )


def waiting(claim: Object, pods: Iterable[Object]) -> tuple[str, str]:
    """Reason and message of the event on a claim that waits for its first consumer (w9)."""
    names = [name(pod) for pod in pods if name(claim) in claim_names(pod) and not node_of(pod) and not has_ended(pod)]
    if not names:
        return "WaitForFirstConsumer", "waiting for first consumer to be created before binding"
    if len(names) == 1:
        return "WaitForPodScheduled", f"waiting for pod {names[0]} to be scheduled"
    return "WaitForPodScheduled", f"waiting for pods {','.join(names)} to be scheduled"

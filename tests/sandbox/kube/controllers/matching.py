# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which volume a claim may have: the pure rules of the volume binder and of the scheduler's volume plug-in.

kubernetes-behaviour.md B4; the order of the checks is that of ``FindMatchingVolume`` in component-helpers, because a
reserved volume that fails a check before its reservation is looked at is passed over for a new, empty disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..selectors import matches_labels
from .objects import Object, annotations_of, name, namespace, phase, quantity, terminating, uid

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
STORAGE_PROVISIONER = "volume.kubernetes.io/storage-provisioner"
STORAGE_PROVISIONER_BETA = "volume.beta.kubernetes.io/storage-provisioner"
NO_PROVISIONER = "kubernetes.io/no-provisioner"

_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"


def class_of(obj: Object) -> str:
    """The storage class of a claim or a volume; the empty string for none."""
    return str(annotations_of(obj).get(_CLASS_ANNOTATION) or obj["spec"].get("storageClassName") or "")


def requested(claim: Object) -> str:
    return str(((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage", "0"))


def capacity(volume: Object) -> str:
    return str((volume["spec"].get("capacity") or {}).get("storage", "0"))


def claim_reference(claim: Object) -> Object:
    return {
        "kind": "PersistentVolumeClaim",
        "namespace": namespace(claim),
        "name": name(claim),
        "uid": uid(claim),
        "apiVersion": "v1",
        "resourceVersion": claim["metadata"]["resourceVersion"],
    }


def reserved_for(volume: Object, claim: Object) -> bool:
    """The volume's claimRef names this claim; without a uid it is a reservation for whoever has the name."""
    reference = volume["spec"].get("claimRef")
    return (
        bool(reference)
        and (reference.get("namespace"), reference.get("name")) == (namespace(claim), name(claim))
        and reference.get("uid", "") in ("", uid(claim))
    )


def fully_bound(claim: Object) -> bool:
    return bool(claim["spec"].get("volumeName")) and BIND_COMPLETED in annotations_of(claim)


def mismatch(volume: Object, claim: Object) -> str:
    """Why a volume that the claim asks for by name does not do; empty when it does (event VolumeMismatch, B4)."""
    if terminating(volume):
        return f'the volume is marked for deletion "{name(volume)}"'
    if quantity(capacity(volume)) < quantity(requested(claim)):
        return "requested PV is too small"
    if class_of(volume) != class_of(claim):
        return "storageClassName does not match"
    if not _same_attributes_class(volume, claim):
        return "volumeAttributesClassName does not match"
    if not same_volume_mode(volume, claim):
        return "incompatible volumeMode"
    if not _modes_offered(volume, claim):
        return "incompatible accessMode"
    return ""


def best_match(
    claim: Object, volumes: Iterable[Object], *, delayed: bool, fits_node: Callable[[Object], bool] | None = None
) -> Object | None:
    """The volume reserved for the claim, else the smallest Available one that does, else None.

    ``delayed``: the class binds when the first consumer comes, so that only the scheduler (who passes ``fits_node``)
    may pick an unreserved volume. A reserved one is taken whatever its class, and by the binder in whatever zone it is.
    """
    best: Object | None = None
    # by size, then name: the real index holds volumes sorted by size
    for volume in sorted(volumes, key=lambda each: (quantity(capacity(each)), name(each))):
        reserved = reserved_for(volume, claim)
        if (volume["spec"].get("claimRef") and not reserved) or not _could_hold(volume, claim):
            continue
        if reserved:
            return volume if fits_node is None or fits_node(volume) else None
        if best is None and not (delayed and fits_node is None) and _may_pick(volume, claim):
            best = volume if fits_node is None or fits_node(volume) else None
    return best


def _could_hold(volume: Object, claim: Object) -> bool:
    """What is asked even of a reserved volume."""
    return (
        quantity(capacity(volume)) >= quantity(requested(claim))
        and same_volume_mode(volume, claim)
        and _same_attributes_class(volume, claim)
        and _modes_offered(volume, claim)
        and not terminating(volume)
    )


def _may_pick(volume: Object, claim: Object) -> bool:
    selector = claim["spec"].get("selector")
    return (
        phase(volume) == "Available"
        and class_of(volume) == class_of(claim)
        and (not selector or matches_labels(selector, volume["metadata"].get("labels")))
    )


def same_volume_mode(volume: Object, claim: Object) -> bool:
    return (volume["spec"].get("volumeMode") or "Filesystem") == (claim["spec"].get("volumeMode") or "Filesystem")


def _same_attributes_class(volume: Object, claim: Object) -> bool:
    return (volume["spec"].get("volumeAttributesClassName") or "") == (
        claim["spec"].get("volumeAttributesClassName") or ""
    )


def _modes_offered(volume: Object, claim: Object) -> bool:
    return set(claim["spec"].get("accessModes") or []) <= set(volume["spec"].get("accessModes") or [])

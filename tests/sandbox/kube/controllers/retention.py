# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""persistentVolumeClaimRetentionPolicy: the ownerReferences by which claims die with their pod or their set.

csi-and-statefulsets.md 5.1, kubernetes-behaviour.md B5, traps 6 and 7.
"""

from __future__ import annotations

from .objects import Object, controller_reference, name, owners, uid


def policy(stateful_set: Object) -> tuple[str, str]:
    """``whenScaled`` and ``whenDeleted``; absent is Retain."""
    given = stateful_set["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    return given.get("whenScaled") or "Retain", given.get("whenDeleted") or "Retain"


def wanted_references(claim: Object, stateful_set: Object, pod: Object, *, in_range: bool) -> list[Object]:
    """The ownerReferences that ``claim`` of ``pod`` should have; ``in_range``: the set wants the pod's ordinal.

    Whether something is amiss is a matter of uids, so a reference to a dead pod of the same name is left to the garbage
    collector (trap 7); what is put right is put right by name.
    """
    wanted = _wanted_owner(claim, stateful_set, pod, in_range)
    found = [uid(each) for each in (stateful_set, pod) if any(owner["uid"] == uid(each) for owner in owners(claim))]
    if found == ([uid(wanted)] if wanted else []):
        return owners(claim)
    others = [owner for owner in owners(claim) if not _names(owner, stateful_set) and not _names(owner, pod)]
    return [*others, controller_reference(wanted)] if wanted else others


def _wanted_owner(claim: Object, stateful_set: Object, pod: Object, in_range: bool) -> Object | None:
    when_scaled, when_deleted = policy(stateful_set)
    if _has_unexpected_controller(claim, stateful_set, pod):
        return None
    if when_scaled == "Delete" and not in_range:
        return pod
    return stateful_set if when_deleted == "Delete" else None


def is_stale(claim: Object, stateful_set: Object, pod: Object) -> bool:
    """Under ``whenScaled: Delete`` the claim still belongs to an earlier pod of this name, and will go with it."""
    if policy(stateful_set)[0] == "Retain":
        return False
    return any(_names(owner, pod) and owner["uid"] != uid(pod) for owner in owners(claim))


def _has_unexpected_controller(claim: Object, stateful_set: Object, pod: Object) -> bool:
    """Somebody else's claim, or one of an earlier set or pod of the same name: the garbage collector's, not ours."""
    if policy(stateful_set) == ("Retain", "Retain"):
        return False
    for owner in owners(claim):
        ours = next((each for each in (stateful_set, pod) if _names(owner, each)), None)
        if ours is not None and owner["uid"] != uid(ours):
            return True
        if ours is None and owner.get("controller"):
            return True
    return False


def _names(owner: Object, obj: Object) -> bool:
    return (owner["apiVersion"], owner["kind"], owner["name"]) == (obj["apiVersion"], obj["kind"], name(obj))

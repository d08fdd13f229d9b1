# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controllers of apps/v1 and of OpenKruise do to a StatefulSet's objects in the same way."""

from __future__ import annotations

from typing import Protocol

from ..errors import ApiError
from ..selectors import matches_labels
from .controller import RetryLater
from .objects import Object, controller_of, controller_reference, labels_of, name, namespace, owners, terminating, uid
from .statefulset_pods import is_member

PODS = "pods"

_STATUS_WRITES = 5


class Objects(Protocol):
    """Reading and writing by resource key, in process or over HTTP; a refusal is an ApiError."""

    def get(self, key: str, name: str, namespace: str = "") -> Object | None: ...

    def list(self, key: str, namespace: str = "") -> list[Object]: ...

    def create(self, key: str, obj: Object) -> Object: ...

    def update(self, key: str, obj: Object, subresource: str = "") -> Object: ...

    def delete(self, key: str, name: str, namespace: str = "", uid: str = "") -> None: ...


def selects(stateful_set: Object, obj: Object) -> bool:
    return matches_labels(stateful_set["spec"]["selector"], labels_of(obj))


def claim_pods(objects: Objects, stateful_set: Object) -> list[Object]:
    """The pods of the set: orphans that match are adopted, own pods that no longer match are let go (B5)."""
    ours = []
    for pod in objects.list(PODS, namespace(stateful_set)):
        owner = controller_of(pod)
        if owner is not None and owner["uid"] != uid(stateful_set):
            continue
        if owner is not None and not selects(stateful_set, pod):
            if not terminating(stateful_set):
                others = [each for each in owners(pod) if each["uid"] != uid(stateful_set)]
                _set_owners(objects, pod, others)
        elif owner is not None and is_member(stateful_set, pod):
            ours.append(pod)
        elif owner is None and _may_adopt(stateful_set, pod):
            ours.append(_set_owners(objects, pod, [*owners(pod), controller_reference(stateful_set)]))
    return ours


def _may_adopt(stateful_set: Object, pod: Object) -> bool:
    going = terminating(stateful_set) or terminating(pod)
    return not going and is_member(stateful_set, pod) and selects(stateful_set, pod)


def _set_owners(objects: Objects, pod: Object, references: list[Object]) -> Object:
    return objects.update(PODS, {**pod, "metadata": {**pod["metadata"], "ownerReferences": references}})


def write_status(objects: Objects, key: str, stateful_set: Object, status: Object) -> None:
    """Others write the set too, so a conflict is met with the newest version, as the originals do."""
    for _attempt in range(_STATUS_WRITES):
        if stateful_set.get("status") == status:
            return
        try:
            objects.update(key, {**stateful_set, "status": status}, subresource="status")
            return
        except ApiError as error:
            newest = objects.get(key, name(stateful_set), namespace(stateful_set))
            if newest is None or uid(newest) != uid(stateful_set):
                return
            if error.reason != "Conflict":
                raise
            stateful_set = newest
    raise RetryLater(f"status of {name(stateful_set)} is written by somebody else all the time")

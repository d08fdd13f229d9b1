# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ControllerRevisions of a StatefulSet: the templates of its pods, under the names that the original gives them."""

from __future__ import annotations

import json
from typing import Any

from ..errors import ApiError
from ..selectors import matches_labels
from .objects import Object, annotations_of, controller_of, controller_reference, labels_of, name, namespace, uid
from .workload import Objects

REVISIONS = "controllerrevisions.apps"
HASH_LABEL = "controller.kubernetes.io/hash"

_SAFE_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def revision_data(stateful_set: Object) -> Object:
    """The patch that would restore this template; nothing else of the set is part of a revision (B5)."""
    return {"spec": {"template": {**stateful_set["spec"]["template"], "$patch": "replace"}}}


def revision_hash(data: Object, collisions: int) -> str:
    """``79dc689d87`` of ``web-79dc689d87``: FNV-1 over the patch as Go writes it, in letters that spell nothing."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    value = 0x811C9DC5
    for byte in (text + str(collisions)).encode():
        value = (value * 0x01000193) % 2**32 ^ byte
    return "".join(_SAFE_ALPHABET[ord(digit) % len(_SAFE_ALPHABET)] for digit in str(value))


def with_template_of(stateful_set: Object, revision: Object) -> Object:
    """The set as it was at ``revision``."""
    template = {key: value for key, value in revision["data"]["spec"]["template"].items() if key != "$patch"}
    return {**stateful_set, "spec": {**stateful_set["spec"], "template": template}}


class History:
    """The revisions of one set: its current one, the one that it is moving to, and older ones up to the limit."""

    def __init__(self, client: Objects, stateful_set: Object) -> None:
        self._client = client
        self._set = stateful_set
        self._revisions = sorted(self._owned(), key=lambda each: (each["revision"], name(each)))
        self.collisions = int((stateful_set.get("status") or {}).get("collisionCount") or 0)
        self.update = self._update_revision()
        wanted = (stateful_set.get("status") or {}).get("currentRevision")
        self.current = next((each for each in self._revisions if name(each) == wanted), self.update)

    def _owned(self) -> list[Object]:
        """Revisions with a matching label that are ours; orphans are adopted unless the set is going."""
        owned = []
        for revision in self._client.list(REVISIONS, namespace(self._set)):
            if not matches_labels(self._set["spec"]["selector"], labels_of(revision)):
                continue
            owner = controller_of(revision)
            if owner is None and "deletionTimestamp" not in self._set["metadata"]:
                references = [*(revision["metadata"].get("ownerReferences") or []), controller_reference(self._set)]
                revision["metadata"]["ownerReferences"] = references
                owned.append(self._client.update(REVISIONS, revision))
            elif owner is not None and owner["uid"] == uid(self._set):
                owned.append(revision)
        return owned

    def _update_revision(self) -> Object:
        data = revision_data(self._set)
        same = [each for each in self._revisions if each["data"] == data]
        latest = self._revisions[-1] if self._revisions else None
        if not same:
            return self._create(data, 1 + (latest["revision"] if latest else 0))
        if latest is None or name(same[-1]) == name(latest):
            return same[-1]
        # an earlier template again: it becomes the newest revision under its old name (a rollback)
        return self._client.update(REVISIONS, {**same[-1], "revision": latest["revision"] + 1})

    def _create(self, data: Object, number: int) -> Object:
        while True:
            revision = self._new(data, number)
            try:
                return self._client.create(REVISIONS, revision)
            except ApiError as error:
                if error.reason != "AlreadyExists":
                    raise
            existing = self._client.get(REVISIONS, name(revision), namespace(self._set))
            if existing and existing["data"] == data:
                return existing
            self.collisions += 1

    def _new(self, data: Object, number: int) -> Object:
        hash_ = revision_hash(data, self.collisions)
        metadata: dict[str, Any] = {
            "name": f"{name(self._set)}-{hash_}",
            "namespace": namespace(self._set),
            "labels": {**(self._set["spec"]["template"]["metadata"].get("labels") or {}), HASH_LABEL: hash_},
            "annotations": dict(annotations_of(self._set)),
            "ownerReferences": [controller_reference(self._set)],
        }
        return {
            "apiVersion": "apps/v1",
            "kind": "ControllerRevision",
            "metadata": metadata,
            "data": data,
            "revision": number,
        }

    def truncate(self, in_use: set[str]) -> None:
        """Deletes the oldest revisions beyond ``revisionHistoryLimit`` that neither the set nor a pod is at."""
        live = in_use | {name(self.current), name(self.update)}
        dead = [each for each in self._revisions if name(each) not in live]
        limit = int(self._set["spec"].get("revisionHistoryLimit", 10))
        for revision in dead[: max(len(dead) - limit, 0)]:
            self._client.delete(REVISIONS, name(revision), namespace(self._set), uid=uid(revision))

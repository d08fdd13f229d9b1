# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a write about the object that its author saw: uid and resourceVersion (samples 24, 25, 87)."""

from __future__ import annotations

from typing import Any

from . import errors
from .resources import Resource

Obj = dict[str, Any]


def check_version(resource: Resource, live: Obj, given: Obj) -> None:
    version = (given.get("metadata") or {}).get("resourceVersion")
    if version and version != live["metadata"]["resourceVersion"]:
        raise errors.modified(resource, live["metadata"]["name"])


def check_uid(resource: Resource, live: Obj, given: Obj) -> None:
    """The uid in a PUT is a precondition. (In a patch it is a field that cannot change.)"""
    wanted, metadata = given["metadata"].get("uid"), live["metadata"]
    if wanted and wanted != metadata["uid"]:
        key = "/".join(filter(None, ("/registry", resource.plural, metadata.get("namespace"), metadata["name"])))
        cause = (
            f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: "
            f"{_mismatch(wanted, metadata['uid'])}"
        )
        raise errors.conflict(resource.key, metadata["name"], cause, errors.about(resource, metadata["name"]))


def check_uid_of_scale(resource: Resource, live: Obj, given: Obj) -> None:
    """The uid of a Scale is a precondition, in a PUT as in a patch."""
    wanted, metadata = (given.get("metadata") or {}).get("uid"), live["metadata"]
    if wanted and wanted != metadata["uid"]:
        what = f"{resource.plural}/scale"
        details = {**errors.about(resource, metadata["name"]), "kind": what}
        cause = _mismatch(wanted, metadata["uid"])
        raise errors.conflict(f"{what}.{resource.group}", metadata["name"], cause, details)


def _mismatch(wanted: str, kept: str) -> str:
    return f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {kept}"

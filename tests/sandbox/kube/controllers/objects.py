# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small questions about Kubernetes objects that more than one controller asks."""

from __future__ import annotations

import datetime
import time
from decimal import Decimal
from typing import Any

from ..quantities import parse_quantity

Object = dict[str, Any]


def quantity(text: str | int | float | None) -> Decimal:
    """A resource quantity as a number; absent is 0."""
    return parse_quantity(text or 0)


def name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def namespace(obj: Object) -> str:
    return str(obj["metadata"].get("namespace", ""))


def uid(obj: Object) -> str:
    return str(obj["metadata"].get("uid", ""))


def address(obj: Object) -> tuple[str, str]:
    return namespace(obj), name(obj)


def annotations_of(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}


def labels_of(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}


def finalizers(obj: Object) -> list[str]:
    return obj["metadata"].get("finalizers") or []


def owners(obj: Object) -> list[Object]:
    return obj["metadata"].get("ownerReferences") or []


def controller_of(obj: Object) -> Object | None:
    return next((owner for owner in owners(obj) if owner.get("controller")), None)


def controller_reference(obj: Object) -> Object:
    """The reference that makes ``obj`` the controller of what carries it."""
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": name(obj),
        "uid": uid(obj),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def terminating(obj: Object) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def condition(obj: Object, type_: str) -> Object | None:
    conditions = (obj.get("status") or {}).get("conditions") or []
    return next((entry for entry in conditions if entry["type"] == type_), None)


def with_condition(obj: Object, wanted: Object, now: str) -> list[Object]:
    """The conditions of ``obj`` with ``wanted`` among them; the time of transition moves only when the status does."""
    conditions = list((obj.get("status") or {}).get("conditions") or [])
    for index, before in enumerate(conditions):
        if before["type"] == wanted["type"]:
            since = before["lastTransitionTime"] if before["status"] == wanted["status"] else now
            conditions[index] = {**wanted, "lastTransitionTime": since}
            return conditions
    return [*conditions, {**wanted, "lastTransitionTime": now}]


def phase(obj: Object) -> str:
    return str((obj.get("status") or {}).get("phase", ""))


def node_of(pod: Object) -> str:
    return str((pod.get("spec") or {}).get("nodeName") or "")


def claim_names(pod: Object) -> list[str]:
    """The claims that a pod mounts, in the order of its volumes; an ephemeral volume has one named after both."""
    claims = []
    for volume in (pod.get("spec") or {}).get("volumes") or []:
        if volume.get("persistentVolumeClaim"):
            claims.append(str(volume["persistentVolumeClaim"]["claimName"]))
        elif volume.get("ephemeral"):
            claims.append(f"{name(pod)}-{volume['name']}")
    return claims


def has_ended(pod: Object) -> bool:
    """No container runs or will run again (kubelet's and attach-detach's IsPodTerminated)."""
    if phase(pod) in ("Failed", "Succeeded"):
        return True
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    return terminating(pod) and all("running" not in (status.get("state") or {}) for status in statuses)


def timestamp(seconds: float | None = None) -> str:
    moment = datetime.datetime.fromtimestamp(time.time() if seconds is None else seconds, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_since(stamp: str) -> float:
    """Age of an RFC 3339 time stamp, with or without a fraction."""
    return time.time() - datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()

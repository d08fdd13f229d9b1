# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scale subresource: an autoscaling/v1 Scale seen through the paths of its resource (samples 40, 50, 86-88)."""

from __future__ import annotations

import json
from typing import Any

from . import errors
from .findings import invalid
from .identity import check_uid_of_scale, check_version
from .resources import Resource, ScalePaths
from .selectors import selector_text

Obj = dict[str, Any]


def of(resource: Resource, obj: Obj) -> Obj:
    """The Scale of ``obj``; ``spec.replicas`` is absent when it is 0."""
    paths = _paths(resource, obj)
    replicas = _at(obj, paths.spec_replicas) or 0
    status: Obj = {"replicas": _at(obj, paths.status_replicas) or 0}
    chosen = _at(obj, paths.selector) if paths.selector else selector_text((obj.get("spec") or {}).get("selector"))
    if chosen:
        status["selector"] = chosen
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: obj["metadata"][name] for name in names if name in obj["metadata"]},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


def rescaled(resource: Resource, live: Obj, wanted: Obj) -> Obj:
    """``live`` with the replicas of a Scale. It may lack a resourceVersion (88), not have a stale one (87)."""
    name = live["metadata"]["name"]
    given = wanted.get("metadata") or {}
    if given.get("name", name) != name:
        message = f"the name of the object ({given['name']}) does not match the name on the URL ({name})"
        raise errors.bad_request(message)
    check_uid_of_scale(resource, live, wanted)
    check_version(resource, live, wanted)
    replicas = _replicas(wanted) or 0
    if replicas < 0:
        message = f"Invalid value: {replicas}: must be greater than or equal to 0"
        cause = {"reason": "FieldValueInvalid", "message": message, "field": "spec.replicas"}
        raise errors.invalid("Scale", "autoscaling", name, [cause])
    path = _paths(resource, live).spec_replicas.strip(".").split(".")
    return _with(live, path, replicas)


def check_decodes(wanted: Any, *, patched: bool = False) -> None:
    """``patched`` says that a patch made it."""
    replicas = _replicas(wanted)
    if replicas is None or (isinstance(replicas, int) and not isinstance(replicas, bool)):
        return
    kind = {str: "string", float: "number", bool: "bool", dict: "object", list: "array"}[type(replicas)]
    detail = f"json: cannot unmarshal {kind} into Go struct field ScaleSpec.spec.replicas of type int32"
    if patched:
        raise errors.invalid("", "", "", [invalid("patch", json.dumps(wanted), detail)])
    raise errors.bad_request(f'Scale in version "v1" cannot be handled as a Scale: {detail}')


def _replicas(wanted: Any) -> Any:
    spec = wanted.get("spec") if isinstance(wanted, dict) else None
    return spec.get("replicas") if isinstance(spec, dict) else None


def _paths(resource: Resource, obj: Obj) -> ScalePaths:
    if resource.scale is None:
        raise errors.not_found(resource, obj["metadata"]["name"])
    return resource.scale


def _at(obj: Obj, path: str) -> Any:
    value: Any = obj
    for part in path.strip(".").split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _with(obj: Obj, path: list[str], value: Any) -> Obj:
    head, *rest = path
    return {**obj, head: _with(obj.get(head) or {}, rest, value) if rest else value}

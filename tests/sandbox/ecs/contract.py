# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parameters of every action, from ``api_meta.json``: flat wire parameters in, typed values or a refusal out.

On the wire arrays are ``Name.1``, ``Name.2``, arrays of objects ``Tag.1.Key``, objects ``SystemDisk.Size``.
"""

from __future__ import annotations

import functools
import json
import pathlib
from collections.abc import Iterator
from typing import Any

from .errors import EcsError, invalid_parameter, missing_parameter, refusal

VERSION = "2014-05-26"

# Sent by clients with any action: what the gateway reads, and the account selectors of old SDKs.
COMMON_PARAMETERS = frozenset(
    {"Action", "Version", "Format", "AccessKeyId", "Signature", "SignatureMethod", "SignatureVersion", "SignatureNonce"}
    | {"SignatureType", "Timestamp", "SecurityToken", "RegionId", "AcceptLanguage"}
    | {"OwnerId", "OwnerAccount", "ResourceOwnerId", "ResourceOwnerAccount"}
)

# CreateDisk is without a zone for regional disks (alibaba-ecs.md 2.4), and checks it itself.
NOT_REQUIRED_AFTER_ALL = {("CreateDisk", "ZoneId")}

MISSING = {
    ("DescribeDisks", "RegionId"): "MissingParamter.RegionId",
    **{
        (action, name): f"MissingParameter.{code}"
        for action in ("TagResources", "UntagResources", "ListTagResources")
        for name, code in (
            ("RegionId", "RegionId"),
            ("ResourceType", "ResourceType"),
            ("ResourceId", "ResourceIds"),
            ("Tag", "Tags"),
        )
    },
}

MALFORMED = {
    ("CreateDisk", "Size"): "InvalidSize.ValueNotSupported",
    ("CreateSnapshot", "RetentionDays"): "InvalidRetentionDays.Malformed",
    ("ModifySnapshotAttribute", "RetentionDays"): "InvalidRetentionDays.Malformed",
}

REGION_CODES = ("InvalidRegionId.NotFound", "InvalidRegion.NotFound", "Invalid.RegionId", "InvalidRegionId.MalFormed")


@functools.cache
def api_meta() -> dict[str, Any]:
    path = pathlib.Path(__file__).with_name("api_meta.json")
    actions: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["actions"]
    return actions


def parse(action: str, params: dict[str, str], region: str) -> dict[str, Any]:
    """The typed parameters of a request. Raises what ECS answers to a request that does not keep the contract."""
    if action not in api_meta():
        raise refusal("InvalidAction.NotFound")
    request = api_meta()[action]["request"]
    tree = _tree(params)
    typed: dict[str, Any] = {}
    for name, node in tree.items():
        if name in request:
            typed[name] = _typed(action, name, request[name], node)
        elif name not in COMMON_PARAMETERS:
            raise refusal("UnsupportedParameter")
    for name, schema in request.items():
        if schema.get("required") and (action, name) not in NOT_REQUIRED_AFTER_ALL and _is_empty(typed.get(name)):
            raise _missing(action, name)
    if params.get("RegionId", region) != region:
        raise _wrong_region(action)
    return typed


def _tree(params: dict[str, str]) -> dict[str, Any]:
    """Nest the dotted names: ``{"Tag.1.Key": "a"}`` is ``{"Tag": {"1": {"Key": "a"}}}``."""
    tree: dict[str, Any] = {}
    for name, value in params.items():
        *parents, leaf = name.split(".")
        node = tree
        for parent in parents:
            child = node.setdefault(parent, {})
            if not isinstance(child, dict):
                raise refusal("UnsupportedParameter")
            node = child
        node[leaf] = value
    return tree


def _typed(action: str, name: str, schema: dict[str, Any], node: Any) -> Any:
    kind = schema["type"]
    if kind == "array":
        return [_typed(action, name, schema["items"], item) for item in _elements(name, node)]
    if kind == "object":
        if not isinstance(node, dict):
            raise invalid_parameter(name)
        unknown = node.keys() - schema["properties"].keys()
        if unknown:
            raise refusal("UnsupportedParameter")
        return {key: _typed(action, f"{name}.{key}", schema["properties"][key], value) for key, value in node.items()}
    if isinstance(node, dict):
        raise refusal("UnsupportedParameter")
    return _scalar(action, name, kind, node)


def _elements(name: str, node: Any) -> Iterator[Any]:
    """The members of a wire array in the order of their numbers."""
    if not isinstance(node, dict) or not all(index.isdigit() and int(index) > 0 for index in node):
        raise invalid_parameter(name)
    for index in sorted(node, key=int):
        yield node[index]


def _scalar(action: str, name: str, kind: str, text: str) -> str | int | float | bool | None:
    """An empty value counts as not given, except for strings."""
    if kind == "string":
        return text
    if text == "":
        return None
    if kind == "boolean":
        if text.lower() not in ("true", "false"):
            raise _malformed(action, name)
        return text.lower() == "true"
    try:
        return int(text) if kind == "integer" else float(text)
    except ValueError:
        raise _malformed(action, name) from None


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [])


def _missing(action: str, name: str) -> EcsError:
    if (action, name) in MISSING:
        return refusal(MISSING[action, name])
    if (action, name) == ("DescribeAvailableResource", "DestinationResource"):
        return EcsError("Invalid.Param", missing_parameter(name).message, 400)
    return missing_parameter(name)


def _malformed(action: str, name: str) -> EcsError:
    code = MALFORMED.get((action, name))
    return refusal(code) if code else invalid_parameter(name)


def _wrong_region(action: str) -> EcsError:
    """Every page names its own code for a region that does not exist; pages without one get the most common."""
    documented = {entry["code"]: entry["http"] for entry in api_meta()[action]["error_codes"]}
    for code in REGION_CODES:
        if code in documented:
            return refusal(code, status=documented[code])
    return refusal("InvalidRegionId.NotFound")


def id_list(text: str | None, name: str) -> list[str] | None:
    """An array in one string (``DiskIds``). None when absent; an empty array asks for nothing (alibaba-ecs.md 2.5)."""
    if text is None or text == "":
        return None
    try:
        ids = json.loads(text)
    except ValueError:
        raise invalid_parameter(name) from None
    if not isinstance(ids, list) or not all(isinstance(item, str) for item in ids):
        raise invalid_parameter(name)
    return ids

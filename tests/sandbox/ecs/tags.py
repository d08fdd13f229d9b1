# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags: the rules for keys and values, the filters of lists, and TagResources, UntagResources, ListTagResources."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .errors import refusal
from .model import Resource
from .paging import PageRules, page
from .state import AnyResource, State

TagList = list[dict[str, str]]
MOST_TAGS = 20
MOST_RESOURCES = 50
LIST_PAGE = PageRules(floor=50, ceiling=50, default=50)


def checked(tags: TagList | None) -> dict[str, str]:
    """The tags of a create call, or the refusal. Limits: CreateSnapshot and CreateDisk pages."""
    tags = tags or []
    if len(tags) > MOST_TAGS:
        raise refusal("QuotaExceed.Tags")
    result: dict[str, str] = {}
    for tag in tags:
        key, value = tag.get("Key", ""), tag.get("Value", "")
        if not key or len(key) > 128 or key.lower().startswith(("acs:", "aliyun")) or _has_url(key):
            raise refusal("InvalidTagKey.Malformed")
        if len(value) > 128 or _has_url(value):
            raise refusal("InvalidTagValue.Malformed")
        if key in result:
            raise refusal("Duplicate.TagKey")
        result[key] = value
    return result


def _has_url(text: str) -> bool:
    return "http://" in text or "https://" in text


def filtered(resources: Iterable[AnyResource], wanted: TagList | None) -> list[AnyResource]:
    """Those that have all the tags of the filter; a key without a value matches any value."""
    wanted = wanted or []
    if len(wanted) > MOST_TAGS:
        raise refusal("InvalidTagCount")
    if any(not tag.get("Key") for tag in wanted):
        raise refusal("InvalidTag.Mismatch")
    return [item for item in resources if all(_matches(item.tags, tag) for tag in wanted)]


def _matches(tags: dict[str, str], wanted: dict[str, str]) -> bool:
    return wanted["Key"] in tags and wanted.get("Value") in (None, "", tags[wanted["Key"]])


def as_response(tags: dict[str, str]) -> dict[str, Any]:
    return {"Tag": [{"TagKey": key, "TagValue": value} for key, value in tags.items()]}


class TagActions:
    def __init__(self, state: State) -> None:
        self._state = state

    def tag_resources(self, args: dict[str, Any]) -> dict[str, Any]:
        resources = self._addressed(args)
        if len(args["Tag"]) > MOST_TAGS:
            raise refusal("NumberExceed.Tags")
        if any("Key" not in tag or "Value" not in tag for tag in args["Tag"]):
            raise refusal("InvalidTag.Mismatch")
        new = checked(args["Tag"])
        if len({key.lower() for key in new}) < len(new):
            raise refusal("TagKey.Duplication")
        for resource in resources:
            if len(resource.tags.keys() | new.keys()) > MOST_TAGS:
                raise refusal("OperationDenied.QuotaExceed")
        for resource in resources:
            resource.tags.update(new)
        return {}

    def untag_resources(self, args: dict[str, Any]) -> dict[str, Any]:
        resources = self._addressed(args)
        keys = args.get("TagKey") or []
        if args.get("All") and keys:
            raise refusal("Param.Conflict")
        if len(keys) > MOST_TAGS:
            raise refusal("NumberExceed.Tags")
        for resource in resources:
            for key in list(resource.tags) if args.get("All") else keys:
                resource.tags.pop(key, None)
        return {}

    def list_tag_resources(self, args: dict[str, Any]) -> dict[str, Any]:
        """One row per tag. Without ids, the tagged resources of the type that match the filter."""
        kind = args["ResourceType"]
        resources = filtered(self._state.visible(self._of_type(kind)), args.get("Tag"))
        if args.get("ResourceId"):
            if len(args["ResourceId"]) > MOST_RESOURCES:
                raise refusal("NumberExceed.ResourceIds")
            resources = [item for item in resources if item.id in args["ResourceId"]]
        for tag_filter in args.get("TagFilter") or []:
            key, values = tag_filter.get("TagKey", ""), tag_filter.get("TagValues") or []
            resources = [item for item in resources if key in item.tags and (not values or item.tags[key] in values)]
        tagged = [item for item in resources if item.tags]
        shown, place = page(tagged, {**args, "MaxResults": LIST_PAGE.default}, LIST_PAGE, lambda item: item.number)
        rows = [
            {"ResourceId": item.id, "ResourceType": kind, "TagKey": key, "TagValue": value}
            for item in shown
            for key, value in item.tags.items()
        ]
        return {"NextToken": place["NextToken"], "TagResources": {"TagResource": rows}}

    def _addressed(self, args: dict[str, Any]) -> list[Resource]:
        ids = args["ResourceId"]
        if len(ids) > MOST_RESOURCES:
            raise refusal("NumberExceed.ResourceIds")
        known = self._of_type(args["ResourceType"])
        if any(resource_id not in known for resource_id in ids):
            raise refusal("InvalidResourceId.NotFound")
        return [known[resource_id] for resource_id in ids]

    def _of_type(self, kind: str) -> dict[str, Resource]:
        types: dict[str, dict[str, Any]] = {
            "disk": self._state.disks,
            "snapshot": self._state.snapshots,
            "instance": self._state.instances,
        }
        if kind not in types:
            raise refusal("InvalidResourceType.NotFound")
        return types[kind]

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Label selectors (equality and set-based) and field selectors, as list, watch and delete-collection take them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .errors import bad_request

Test = Callable[[dict[str, Any]], bool]

_REQUIREMENT = re.compile(
    r"\s*(?P<absent>!)?\s*(?P<key>[\w./-]+)\s*(?:(?P<equality>==|=|!=)\s*(?P<value>[\w.-]*)"
    r"|(?P<set>in|notin)\s*\((?P<values>[^)]*)\)|(?P<compare>[<>])\s*(?P<number>-?\d+))?\s*(?:,|$)"
)
_FIELD = re.compile(r"\s*(?P<path>[^=!,\s]+)\s*(?P<operator>==|=|!=)\s*(?P<value>[^,]*)$")

_FIELDS = {
    "pods": {
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
    },
    "nodes": {"spec.unschedulable"},
    "namespaces": {"status.phase"},
    "secrets": {"type"},
    "services": {"spec.clusterIP", "spec.type"},
    "events": {
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    },
    "events.events.k8s.io": {
        "regarding.kind",
        "regarding.namespace",
        "regarding.name",
        "regarding.uid",
        "reason",
        "type",
        "reportingController",
    },
}


def selector(key: str, label_selector: str, field_selector: str) -> Test | None:
    """The test that both selectors amount to, or None when everything is wanted. ApiError 400 when one is malformed."""
    tests = _label_tests(label_selector) + _field_tests(key, field_selector)
    if not tests:
        return None
    return lambda obj: all(test(obj) for test in tests)


def matches_labels(label_selector: dict[str, Any] | None, labels: dict[str, str] | None) -> bool:
    """A LabelSelector object (matchLabels, matchExpressions) against labels; an empty one selects everything."""
    wanted = label_selector or {}
    have = labels or {}
    if any(have.get(name) != value for name, value in (wanted.get("matchLabels") or {}).items()):
        return False
    for expression in wanted.get("matchExpressions") or []:
        present = expression["key"] in have
        among = have.get(expression["key"]) in (expression.get("values") or [])
        answers = {"In": among, "NotIn": not among, "Exists": present, "DoesNotExist": not present}
        if not answers[expression["operator"]]:
            return False
    return True


def selector_text(label_selector: dict[str, Any] | None) -> str:
    """The selector as one string: what a Scale reports (sample 40)."""
    wanted = label_selector or {}
    parts = [f"{name}={value}" for name, value in (wanted.get("matchLabels") or {}).items()]
    for expression in wanted.get("matchExpressions") or []:
        values = ",".join(sorted(expression.get("values") or []))
        forms = {
            "In": f"{expression['key']} in ({values})",
            "NotIn": f"{expression['key']} notin ({values})",
            "Exists": expression["key"],
            "DoesNotExist": f"!{expression['key']}",
        }
        parts.append(forms[expression["operator"]])
    return ",".join(sorted(parts))


def _label_tests(text: str) -> list[Test]:
    tests = []
    position = 0
    while position < len(text) and text.strip():
        found = _REQUIREMENT.match(text, position)
        if not found or found.end() == position:
            raise bad_request(f"unable to parse requirement: found '{text[position:].strip()}'")
        tests.append(_label_test(found))
        position = found.end()
    return tests


def _label_test(found: re.Match[str]) -> Test:
    name = found["key"]
    if found["set"]:
        values = {value.strip() for value in found["values"].split(",")}
        wanted = found["set"] == "in"
        # notin also selects objects without the label, in never does
        return lambda obj: (_label(obj, name) in values) == wanted
    if found["equality"]:
        value, equal = found["value"], found["equality"] != "!="
        return lambda obj: (_label(obj, name) == value) == equal
    if found["compare"]:
        number, greater = int(found["number"]), found["compare"] == ">"
        return lambda obj: _compares(_label(obj, name), number, greater)
    present = not found["absent"]
    return lambda obj: (_label(obj, name) is not None) == present


def _compares(value: str | None, number: int, greater: bool) -> bool:
    if value is None or not re.fullmatch(r"-?\d+", value):
        return False
    return int(value) > number if greater else int(value) < number


def _label(obj: dict[str, Any], name: str) -> str | None:
    return (obj["metadata"].get("labels") or {}).get(name)


def _field_tests(key: str, text: str) -> list[Test]:
    tests = []
    for term in filter(None, (part.strip() for part in text.split(","))):
        found = _FIELD.match(term)
        if not found:
            raise bad_request(f"invalid selector: '{term}'; can't understand '{term}'")
        if found["path"] not in {"metadata.name", "metadata.namespace"} | _FIELDS.get(key, set()):
            raise bad_request(f"field label not supported: {found['path']}")
        tests.append(_field_test(found["path"].split("."), found["value"], found["operator"] != "!="))
    return tests


def _field_test(path: list[str], wanted: str, equal: bool) -> Test:
    return lambda obj: (_field(obj, path) == wanted) == equal


def _field(obj: dict[str, Any], path: list[str]) -> str:
    value: Any = obj
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, labels, annotations and finalizers: the rules of object metadata (samples c5, c6)."""

from __future__ import annotations

import re
from typing import Any

from .errors import Cause
from .findings import immutable, invalid, required, too_long
from .resources import Resource

Obj = dict[str, Any]

_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DNS_1035 = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"

_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    f"an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_DNS_1035_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    f"'{_DNS_1035}')"
)
_QUALIFIED_TEXT = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    f"character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_QUALIFIED}')"
)
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'{_VALUE}')"
)
_STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")
_MAX_ANNOTATIONS = 256 * 1024


def of_metadata(resource: Resource, obj: Obj) -> list[Cause]:
    metadata = obj["metadata"]
    name = metadata.get("name", "")
    causes = []
    if not name:
        causes.append(required("metadata.name", "name or generateName is required"))
    else:
        causes.extend(invalid("metadata.name", name, text) for text in _name_faults(resource, name))
    for key, value in (metadata.get("labels") or {}).items():
        causes.extend(invalid("metadata.labels", key, text) for text in _qualified_faults(key))
        causes.extend(invalid("metadata.labels", value, text) for text in _value_faults(value))
    annotations = metadata.get("annotations") or {}
    for key in annotations:
        causes.extend(invalid("metadata.annotations", key, text) for text in _qualified_faults(key.lower()))
    if sum(len(key.encode()) + len(str(value).encode()) for key, value in annotations.items()) > _MAX_ANNOTATIONS:
        causes.append(too_long("metadata.annotations", f"may not be more than {_MAX_ANNOTATIONS} bytes"))
    for index, finalizer in enumerate(metadata.get("finalizers") or []):
        if "/" not in finalizer and finalizer not in _STANDARD_FINALIZERS:
            detail = "name is neither a standard finalizer name nor is it fully qualified"
            causes.append(invalid(f"metadata.finalizers[{index}]", finalizer, detail))
    causes.extend(_owner_faults(metadata.get("ownerReferences") or []))
    return causes


def of_changed_metadata(live: Obj, given: Obj) -> list[Cause]:
    """What a client may repeat but not change."""
    before, after = live["metadata"], given["metadata"]
    return [
        immutable(f"metadata.{field}", after[field])
        for field in ("uid", "deletionTimestamp", "deletionGracePeriodSeconds")
        # The real server checks it twice, in general and for the kind.
        for _check in range(2)
        if after.get(field) is not None and after[field] != before.get(field)
    ]


_OWNER_FIELDS = {
    "apiVersion": "version must not be empty",
    "kind": "must not be empty",
    "name": "must not be empty",
    "uid": "must not be empty",
}


def _owner_faults(owners: list[Obj]) -> list[Cause]:
    causes = []
    for owner in owners:
        for field, detail in _OWNER_FIELDS.items():
            if not owner.get(field):
                causes.append(invalid(f"metadata.ownerReferences.{field}", owner.get(field) or "", detail))
    if sum(bool(owner.get("controller")) for owner in owners) > 1:
        names = ", ".join(f"{owner.get('kind')}/{owner.get('name')}" for owner in owners if owner.get("controller"))
        detail = f"Only one reference can have Controller set to true. Found {names}"
        causes.append(invalid("metadata.ownerReferences", owners, detail))
    return causes


def _name_faults(resource: Resource, name: str) -> list[str]:
    if resource.group == "rbac.authorization.k8s.io":
        if name in (".", ".."):
            return [f"may not be '{name}'"]
        return [f"may not contain '{mark}'" for mark in "/%" if mark in name]
    if resource.key == "namespaces":
        return _faults(name, _LABEL, _LABEL_TEXT, 63)
    if resource.key == "services":
        return _faults(name, _DNS_1035, _DNS_1035_TEXT, 63)
    return _faults(name, _SUBDOMAIN, _SUBDOMAIN_TEXT, 253)


def subdomain_faults(name: str) -> list[str]:
    """Why the name of a class cannot be one."""
    return _faults(name, _SUBDOMAIN, _SUBDOMAIN_TEXT, 253)


def _qualified_faults(key: str) -> list[str]:
    prefix, slash, name = key.rpartition("/")
    faults: list[str] = []
    if slash:
        faults.extend(f"prefix part {text}" for text in _faults(prefix, _SUBDOMAIN, _SUBDOMAIN_TEXT, 253))
    if not name:
        return [*faults, "name part must be non-empty"]
    if len(name) > 63:
        faults.append("name part must be no more than 63 bytes")
    if not re.fullmatch(_QUALIFIED, name):
        faults.append(_QUALIFIED_TEXT)
    return faults


def _value_faults(value: Any) -> list[str]:
    if not isinstance(value, str):
        return ["a label value must be a string"]
    return _faults(value, _VALUE, _VALUE_TEXT, 63)


def _faults(text: str, pattern: str, explanation: str, longest: int) -> list[str]:
    faults = []
    if len(text) > longest:
        faults.append(f"must be no more than {longest} bytes")
    if not re.fullmatch(pattern, text):
        faults.append(explanation)
    return faults

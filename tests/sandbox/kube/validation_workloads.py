# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""StatefulSets, pods and the other kinds: required and immutable fields (samples 18-21)."""

from __future__ import annotations

import re
from typing import Any

from .errors import Cause
from .findings import (
    diff,
    duplicate,
    forbidden,
    go_names,
    immutable,
    invalid,
    not_found,
    required,
    too_long,
    unsupported,
)
from .resources import Resource
from .selectors import matches_labels
from .validation_storage import of_claim

Obj = dict[str, Any]

_SET_MUTABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_SET_IMMUTABLE = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
_POD_IMMUTABLE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_RETENTION = ("Retain", "Delete")
_MAX_DATA = 1024 * 1024
_DATA_KEY = "[-._a-zA-Z0-9]+"
_DATA_KEY_TEXT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)


def of_workload(resource: Resource, obj: Obj) -> list[Cause]:
    """StatefulSets and deployments."""
    spec = obj["spec"]
    causes = _of_set_options(spec) if resource.kind == "StatefulSet" else []
    if spec.get("replicas", 1) < 0:
        causes.append(invalid("spec.replicas", spec["replicas"], "must be greater than or equal to 0"))
    selector = spec.get("selector")
    labels = (spec["template"].get("metadata") or {}).get("labels")
    if selector is None:
        causes.append(required("spec.selector"))
    if selector is not None and not selector.get("matchLabels") and not selector.get("matchExpressions"):
        detail = f"empty selector is invalid for {resource.singular}"
        causes.append(invalid("spec.selector", selector, detail))
    elif selector is None or not matches_labels(selector, labels):
        detail = "`selector` does not match template `labels`"
        causes.append(invalid("spec.template.metadata.labels", labels, detail))
    claims = {claim["metadata"].get("name") for claim in spec.get("volumeClaimTemplates") or []}
    causes += _of_containers(spec["template"]["spec"], "spec.template.spec", claims)
    restart = spec["template"]["spec"].get("restartPolicy")
    if restart != "Always":
        causes.append(unsupported("spec.template.spec.restartPolicy", restart, ("Always",)))
    return causes


def of_new_set(resource: Resource, obj: Obj) -> list[Cause]:
    causes = of_workload(resource, obj)
    for index, claim in enumerate(obj["spec"].get("volumeClaimTemplates") or []):
        place = f"spec.volumeClaimTemplates[{index}]"
        causes += [{**cause, "field": f"{place}.{cause['field']}"} for cause in of_claim(resource, claim)]
    return causes


def _of_set_options(spec: Obj) -> list[Cause]:
    """In the order of the real server."""
    causes = []
    if spec.get("podManagementPolicy") not in ("OrderedReady", "Parallel"):
        detail = "must be 'OrderedReady' or 'Parallel'"
        causes.append(invalid("spec.podManagementPolicy", spec.get("podManagementPolicy"), detail))
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") not in ("RollingUpdate", "OnDelete"):
        shown = {"Type": strategy.get("type", ""), "RollingUpdate": go_names(strategy.get("rollingUpdate"))}
        causes.append(invalid("spec.updateStrategy", shown, "must be 'RollingUpdate' or 'OnDelete'"))
    for moment, policy in (spec.get("persistentVolumeClaimRetentionPolicy") or {}).items():
        if policy not in _RETENTION:
            causes.append(unsupported(f"spec.persistentVolumeClaimRetentionPolicy.{moment}", policy, _RETENTION))
    numbers = {
        "spec.minReadySeconds": spec.get("minReadySeconds", 0),
        "spec.ordinals.start": (spec.get("ordinals") or {}).get("start", 0),
    }
    for field, number in numbers.items():
        if number < 0:
            causes.append(invalid(field, number, "must be greater than or equal to 0"))
    return causes


def of_set_change(resource: Resource, live: Obj, new: Obj) -> list[Cause]:
    causes = of_workload(resource, new)
    before, after = (
        {key: value for key, value in obj["spec"].items() if key not in _SET_MUTABLE} for obj in (live, new)
    )
    if before != after:
        causes.append(forbidden("spec", _SET_IMMUTABLE))
    return causes


def of_deployment_change(resource: Resource, live: Obj, new: Obj) -> list[Cause]:
    causes = of_workload(resource, new)
    if live["spec"].get("selector") != new["spec"].get("selector"):
        causes.append(immutable("spec.selector", new["spec"].get("selector")))
    return causes


def of_pod(_resource: Resource, obj: Obj) -> list[Cause]:
    return _of_containers(obj["spec"], "spec", set())


def _of_containers(spec: Obj, at: str, claims: set[str]) -> list[Cause]:
    """``claims``: names of volumes that a StatefulSet adds."""
    volumes = {volume.get("name") for volume in spec.get("volumes") or []} | claims
    causes = [] if spec.get("containers") else [required(f"{at}.containers")]
    for kind in ("containers", "initContainers"):
        names: set[str] = set()
        for index, container in enumerate(spec.get(kind) or []):
            place = f"{at}.{kind}[{index}]"
            if container.get("name") in names:
                causes.append(duplicate(f"{place}.name", container["name"]))
            names.add(container.get("name", ""))
            causes += [required(f"{place}.{field}") for field in ("name", "image") if not container.get(field)]
            for number, mount in enumerate(container.get("volumeMounts") or []):
                if mount.get("name") not in volumes:
                    causes.append(not_found(f"{place}.volumeMounts[{number}].name", mount.get("name", "")))
    return causes


def of_pod_change(resource: Resource, live: Obj, new: Obj) -> list[Cause]:
    causes = of_pod(resource, new)
    before, after = live["spec"], new["spec"]
    if any(toleration not in (after.get("tolerations") or []) for toleration in before.get("tolerations") or []):
        detail = "existing toleration can not be modified except its tolerationSeconds"
        causes.append(forbidden("spec.tolerations", detail))
    if _fixed(before, after) != _fixed(after, after):
        causes.append(forbidden("spec", _POD_IMMUTABLE + diff(_fixed(before, after), _fixed(after, after))))
    return causes


def _fixed(spec: Obj, after: Obj) -> Obj:
    """The part of a pod's spec that no update may change."""
    fixed = {
        key: value
        for key, value in spec.items()
        if key not in ("containers", "initContainers", "activeDeadlineSeconds", "tolerations")
    }
    for kind in ("containers", "initContainers"):
        fixed[kind] = [
            {key: value for key, value in container.items() if key != "image"} for container in spec.get(kind) or []
        ]
    if spec.get("terminationGracePeriodSeconds", 0) < 0 and after.get("terminationGracePeriodSeconds") == 1:
        fixed["terminationGracePeriodSeconds"] = 1
    return fixed


def of_service(_resource: Resource, obj: Obj) -> list[Cause]:
    spec = obj["spec"]
    if not spec.get("ports") and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName":
        return [required("spec.ports")]
    return []


def of_service_change(resource: Resource, live: Obj, new: Obj) -> list[Cause]:
    causes = of_service(resource, new)
    before, after = live["spec"].get("clusterIP"), new["spec"].get("clusterIP")
    if before and after != before:
        causes.append(invalid("spec.clusterIPs[0]", new["spec"].get("clusterIPs"), "may not change once set"))
    return causes


def of_data(_resource: Resource, obj: Obj) -> list[Cause]:
    """ConfigMaps and Secrets."""
    parts = [*(obj.get("data") or {}).values(), *(obj.get("binaryData") or {}).values()]
    if sum(len(str(part).encode()) for part in parts) > _MAX_DATA:
        return [too_long("", f"may not be more than {_MAX_DATA} bytes")]
    return [
        invalid(f"{field}[{key}]", key, _DATA_KEY_TEXT)
        for field in ("data", "binaryData")
        for key in obj.get(field) or {}
        if not re.fullmatch(_DATA_KEY, key)
    ]


def of_data_change(resource: Resource, live: Obj, new: Obj) -> list[Cause]:
    causes = of_data(resource, new)
    if live.get("immutable"):
        causes += [
            forbidden(field, "field is immutable when `immutable` is set")
            for field in ("data", "binaryData", "immutable")
            if live.get(field) != new.get(field)
        ]
    if live.get("type") != new.get("type"):
        causes.append(immutable("type", new.get("type")))
    return causes


def of_event(_resource: Resource, obj: Obj) -> list[Cause]:
    """An Event lies with its object; one about an object without a namespace lies in ``default``."""
    about, namespace = (obj.get("involvedObject") or {}).get("namespace", ""), obj["metadata"]["namespace"]
    if about == namespace or (not about and namespace == "default"):
        return []
    return [invalid("involvedObject.namespace", about, "does not match event.namespace")]


def of_lease(_resource: Resource, obj: Obj) -> list[Cause]:
    spec = obj.get("spec") or {}
    seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    causes = []
    if seconds is not None and seconds <= 0:
        causes.append(invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"))
    if transitions is not None and transitions < 0:
        causes.append(invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0"))
    return causes


def of_lease_change(resource: Resource, _live: Obj, new: Obj) -> list[Cause]:
    return of_lease(resource, new)


def of_revision_change(_resource: Resource, live: Obj, new: Obj) -> list[Cause]:
    return [] if live.get("data") == new.get("data") else [immutable("data", new.get("data"))]


def of_definition(_resource: Resource, obj: Obj) -> list[Cause]:
    spec = obj.get("spec") or {}
    names = spec.get("names") or {}
    causes = [required(f"spec.{field}") for field in ("group", "scope") if not spec.get(field)]
    causes += [required(f"spec.names.{field}") for field in ("plural", "kind") if not names.get(field)]
    if not spec.get("versions"):
        causes.append(required("spec.versions"))
    if not causes and obj["metadata"]["name"] != f"{names['plural']}.{spec['group']}":
        detail = 'must be spec.names.plural+"."+spec.group'
        causes.append(invalid("metadata.name", obj["metadata"]["name"], detail))
    return causes


def of_definition_change(resource: Resource, _live: Obj, new: Obj) -> list[Cause]:
    return of_definition(resource, new)

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pods and claims of a StatefulSet look like, and in what state a pod is: pure functions."""

from __future__ import annotations

import copy
import re

from .objects import (
    Object,
    condition,
    controller_reference,
    labels_of,
    name,
    namespace,
    phase,
    seconds_since,
    terminating,
)

POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name"
POD_INDEX_LABEL = "apps.kubernetes.io/pod-index"
REVISION_LABEL = "controller-revision-hash"

_MEMBER = re.compile(r"(.*)-([0-9]+)$")


def ordinal_of(pod_name: str) -> tuple[str, int]:
    """The name of the set and the ordinal in the name of a pod; ("", -1) when it is no such name."""
    found = _MEMBER.match(pod_name)
    return (found[1], int(found[2])) if found else ("", -1)


def is_member(stateful_set: Object, pod: Object) -> bool:
    return ordinal_of(name(pod))[0] == name(stateful_set)


def ordinals(stateful_set: Object) -> range:
    start = int((stateful_set["spec"].get("ordinals") or {}).get("start") or 0)
    return range(start, start + int(stateful_set["spec"].get("replicas", 1)))


def in_range(stateful_set: Object, pod: Object) -> bool:
    return ordinal_of(name(pod))[1] in ordinals(stateful_set)


def claim_name(template: Object, stateful_set: Object, ordinal: int) -> str:
    return f"{template['metadata']['name']}-{name(stateful_set)}-{ordinal}"


def claims_for(stateful_set: Object, ordinal: int) -> list[Object]:
    """The claims of one pod as its templates would have them: the selector's labels on top of the template's."""
    claims = []
    for template in stateful_set["spec"].get("volumeClaimTemplates") or []:
        claim: Object = copy.deepcopy({key: template[key] for key in ("metadata", "spec")})
        metadata = claim["metadata"]
        metadata["name"] = claim_name(template, stateful_set, ordinal)
        metadata["namespace"] = namespace(stateful_set)
        selected = stateful_set["spec"]["selector"].get("matchLabels") or {}
        metadata["labels"] = {**(metadata.get("labels") or {}), **selected}
        claims.append({"apiVersion": "v1", "kind": "PersistentVolumeClaim", **claim})
    return claims


def new_pod(stateful_set: Object, ordinal: int, revision: str) -> Object:
    template = copy.deepcopy(stateful_set["spec"]["template"])
    pod_name = f"{name(stateful_set)}-{ordinal}"
    given = template.get("metadata") or {}
    metadata = {
        "name": pod_name,
        "generateName": f"{name(stateful_set)}-",
        "namespace": namespace(stateful_set),
        "labels": {
            **(given.get("labels") or {}),
            POD_NAME_LABEL: pod_name,
            POD_INDEX_LABEL: str(ordinal),
            REVISION_LABEL: revision,
        },
        "annotations": dict(given.get("annotations") or {}),
        "finalizers": list(given.get("finalizers") or []),
        "ownerReferences": [controller_reference(stateful_set)],
    }
    spec = {**template["spec"], "hostname": pod_name}
    if stateful_set["spec"].get("serviceName"):
        spec["subdomain"] = stateful_set["spec"]["serviceName"]
    spec["volumes"] = volumes_for(stateful_set, ordinal, spec)
    if not spec["volumes"]:
        del spec["volumes"]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def volumes_for(stateful_set: Object, ordinal: int, pod_spec: Object) -> list[Object]:
    """The volumes of the pod with those of the claim templates put in; a template wins over a volume of its name."""
    claimed = [
        {
            "name": template["metadata"]["name"],
            "persistentVolumeClaim": {"claimName": claim_name(template, stateful_set, ordinal)},
        }
        for template in stateful_set["spec"].get("volumeClaimTemplates") or []
    ]
    names = {volume["name"] for volume in claimed}
    return claimed + [volume for volume in pod_spec.get("volumes") or [] if volume["name"] not in names]


def conforms(stateful_set: Object, pod: Object) -> bool:
    """Identity and storage are those that the set gives to this ordinal."""
    if labels_of(pod).get(POD_NAME_LABEL) != name(pod):
        return False
    mounted = {
        volume["name"]: (volume.get("persistentVolumeClaim") or {}).get("claimName")
        for volume in pod["spec"].get("volumes") or []
    }
    ordinal = ordinal_of(name(pod))[1]
    return all(
        mounted.get(template["metadata"]["name"]) == claim_name(template, stateful_set, ordinal)
        for template in stateful_set["spec"].get("volumeClaimTemplates") or []
    )


def is_created(pod: Object) -> bool:
    return phase(pod) != ""


def is_ready(pod: Object) -> bool:
    ready = condition(pod, "Ready")
    return phase(pod) == "Running" and ready is not None and ready["status"] == "True"


def is_available(pod: Object, min_ready_seconds: float) -> bool:
    """Ready for at least ``minReadySeconds``."""
    ready = condition(pod, "Ready")
    if ready is None or not is_ready(pod):
        return False
    return min_ready_seconds == 0 or seconds_since(ready["lastTransitionTime"]) >= min_ready_seconds


def is_unavailable(pod: Object, min_ready_seconds: float) -> bool:
    return terminating(pod) or not is_available(pod, min_ready_seconds)


def revision_of(pod: Object) -> str:
    return labels_of(pod).get(REVISION_LABEL, "")

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The columns of everything but pods, nodes and storage, and which columns a resource has."""

from __future__ import annotations

from typing import Any

from .columns_pods import NODE_COLUMNS, NONE, POD_COLUMNS
from .columns_storage import (
    ATTACHMENT_COLUMNS,
    CLAIM_COLUMNS,
    CLASS_COLUMNS,
    CSI_DRIVER_COLUMNS,
    CSI_NODE_COLUMNS,
    VOLUME_COLUMNS,
)
from .durations import age
from .selectors import selector_text
from .tables import AGE, CREATED_AT, NAME, Column, Moment, Object

RBAC = "rbac.authorization.k8s.io"


def _status(field: str, absent: Any) -> Any:
    return lambda obj, moment: (obj.get("status") or {}).get(field, absent)


def _containers(field: str) -> Any:
    return lambda obj, moment: ",".join(
        container.get(field, "") for container in obj["spec"]["template"]["spec"].get("containers") or ()
    )


def _ready(obj: Object, moment: Moment) -> str:
    return f"{(obj.get('status') or {}).get('readyReplicas', 0)}/{obj['spec'].get('replicas', 1)}"


def _controller(obj: Object, moment: Moment) -> str:
    for owner in obj["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            group = owner["apiVersion"].rpartition("/")[0]
            return f"{owner['kind'].lower()}{'.' + group if group else ''}/{owner['name']}"
    return NONE


def _last_seen(event: Object, moment: Moment) -> str:
    last = ((event.get("series") or {}).get("lastObservedTime")) or event.get("lastTimestamp") or _first(event)
    text = age(last, moment.now)
    if event.get("count", 1) > 1 and event.get("firstTimestamp"):
        return f"{text} (x{event['count']} over {age(event['firstTimestamp'], moment.now)})"
    return text


def _first(event: Object) -> str | None:
    return event.get("firstTimestamp") or event.get("eventTime")


def _event_object(event: Object, moment: Moment) -> str:
    reference = event.get("involvedObject") or event.get("regarding") or {}
    return f"{reference.get('kind', '').lower()}/{reference.get('name', '')}"


def _event_source(event: Object, moment: Moment) -> str:
    source = event.get("source") or event.get("deprecatedSource") or {}
    names = [source.get("component") or event.get("reportingComponent") or event.get("reportingController")]
    return ", ".join(name for name in [*names, source.get("host")] if name)


def _event_field(field: str, modern: str) -> Any:
    return lambda event, moment: event.get(field) or event.get(modern) or ""


def _service_ports(service: Object, moment: Moment) -> str:
    ports = []
    for port in service["spec"].get("ports") or ():
        node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
        ports.append(f"{port['port']}{node_port}/{port.get('protocol', 'TCP')}")
    return ",".join(ports) or NONE


def _external_ip(service: Object, moment: Moment) -> str:
    if service["spec"].get("type") == "ExternalName":
        return str(service["spec"].get("externalName", ""))
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    addresses = [entry.get("ip") or entry.get("hostname", "") for entry in ingress]
    addresses += service["spec"].get("externalIPs") or ()
    if service["spec"].get("type") == "LoadBalancer" and not addresses:
        return "<pending>"
    return ",".join(addresses) or NONE


def _selector(obj: Object, moment: Moment) -> str:
    wanted = obj["spec"].get("selector") or {}
    is_plain = not {"matchLabels", "matchExpressions"} & wanted.keys()
    return selector_text({"matchLabels": wanted} if is_plain else wanted) or NONE


def _endpoint_addresses(endpoints: Object, moment: Moment) -> str:
    addresses = [
        f"{address['ip']}:{port['port']}"
        for subset in endpoints.get("subsets") or ()
        for address in subset.get("addresses") or ()
        for port in subset.get("ports") or ()
    ]
    more = len(addresses) - 3
    shown = ",".join(addresses[:3])
    return f"{shown} + {more} more..." if more > 0 else shown or NONE


def _budget(field: str) -> Any:
    return lambda budget, moment: str(budget["spec"].get(field, "N/A"))


def _scale_reference(scaler: Object, moment: Moment) -> str:
    target = scaler["spec"]["scaleTargetRef"]
    return f"{target['kind']}/{target['name']}"


def _subjects(kind: str) -> Any:
    def cell(binding: Object, moment: Moment) -> str:
        subjects = [entry for entry in binding.get("subjects") or () if entry["kind"] == kind]
        return ", ".join(
            f"{entry.get('namespace', '')}/{entry['name']}" if kind == "ServiceAccount" else entry["name"]
            for entry in subjects
        )

    return cell


def _quota(kind: str) -> Any:
    def cell(quota: Object, moment: Moment) -> str:
        status = quota.get("status") or {}
        hard, used = status.get("hard") or {}, status.get("used") or {}
        limits = {name for name in hard if name.startswith("limits.")}
        names = limits if kind == "limits" else hard.keys() - limits
        return ", ".join(f"{name}: {used.get(name, '0')}/{hard[name]}" for name in sorted(names))

    return cell


_DATA = Column("Data", lambda obj, moment: len(obj.get("data") or {}) + len(obj.get("binaryData") or {}), "integer")
_WORKLOAD_WIDE = [
    Column("Containers", _containers("name"), priority=1),
    Column("Images", _containers("image"), priority=1),
]
_BINDING_COLUMNS = [
    NAME,
    Column("Role", lambda binding, moment: f"{binding['roleRef']['kind']}/{binding['roleRef']['name']}"),
    AGE,
    Column("Users", _subjects("User"), priority=1),
    Column("Groups", _subjects("Group"), priority=1),
    Column("ServiceAccounts", _subjects("ServiceAccount"), priority=1),
]
_EVENT_COLUMNS = [
    Column("Last Seen", _last_seen),
    Column("Type", lambda event, moment: event.get("type", "")),
    Column("Reason", lambda event, moment: event.get("reason", "")),
    Column("Object", _event_object),
    Column("Subobject", lambda event, moment: (event.get("involvedObject") or {}).get("fieldPath", ""), priority=1),
    Column("Source", _event_source, priority=1),
    Column("Message", lambda event, moment: _event_field("message", "note")(event, moment).strip()),
    Column("First Seen", lambda event, moment: age(_first(event), moment.now), priority=1),
    Column("Count", lambda event, moment: event.get("count", 1), "integer", priority=1),
    Column(NAME.name, NAME.cell, format="name", priority=1),
]
_SCALER_COLUMNS = [
    NAME,
    Column("Reference", _scale_reference),
    Column("MinPods", lambda scaler, moment: str(scaler["spec"].get("minReplicas", "<unset>"))),
    Column("MaxPods", lambda scaler, moment: scaler["spec"]["maxReplicas"], "integer"),
    Column("Replicas", _status("currentReplicas", 0), "integer"),
    AGE,
]
SCALE_COLUMNS = [
    NAME,
    Column("Desired", lambda scale, moment: scale["spec"].get("replicas", 0), "integer"),
    Column("Available", _status("replicas", 0), "integer"),
    AGE,
]

DEFAULT_COLUMNS = [NAME, AGE]
COLUMNS = {
    "pods": POD_COLUMNS,
    "nodes": NODE_COLUMNS,
    "persistentvolumes": VOLUME_COLUMNS,
    "persistentvolumeclaims": CLAIM_COLUMNS,
    "storageclasses.storage.k8s.io": CLASS_COLUMNS,
    "volumeattachments.storage.k8s.io": ATTACHMENT_COLUMNS,
    "csinodes.storage.k8s.io": CSI_NODE_COLUMNS,
    "csidrivers.storage.k8s.io": CSI_DRIVER_COLUMNS,
    "namespaces": [NAME, Column("Status", _status("phase", "")), AGE],
    "configmaps": [NAME, _DATA, AGE],
    "secrets": [NAME, Column("Type", lambda secret, moment: secret.get("type", "")), _DATA, AGE],
    "serviceaccounts": [NAME, Column("Secrets", lambda obj, moment: len(obj.get("secrets") or ()), "integer"), AGE],
    "services": [
        NAME,
        Column("Type", lambda service, moment: service["spec"].get("type", "ClusterIP")),
        Column("Cluster-IP", lambda service, moment: service["spec"].get("clusterIP") or NONE),
        Column("External-IP", _external_ip),
        Column("Port(s)", _service_ports),
        AGE,
        Column("Selector", _selector, priority=1),
    ],
    "endpoints": [NAME, Column("Endpoints", _endpoint_addresses), AGE],
    "events": _EVENT_COLUMNS,
    "events.events.k8s.io": _EVENT_COLUMNS,
    "resourcequotas": [NAME, Column("Request", _quota("requests")), Column("Limit", _quota("limits")), AGE],
    "limitranges": [NAME, CREATED_AT],
    "statefulsets.apps": [NAME, Column("Ready", _ready), AGE, *_WORKLOAD_WIDE],
    "deployments.apps": [
        NAME,
        Column("Ready", _ready),
        Column("Up-to-date", _status("updatedReplicas", 0), "integer"),
        Column("Available", _status("availableReplicas", 0), "integer"),
        AGE,
        *_WORKLOAD_WIDE,
        Column("Selector", _selector, priority=1),
    ],
    "controllerrevisions.apps": [
        NAME,
        Column("Controller", _controller),
        Column("Revision", lambda obj, moment: obj["revision"], "integer"),
        AGE,
    ],
    "leases.coordination.k8s.io": [
        NAME,
        Column("Holder", lambda lease, moment: (lease.get("spec") or {}).get("holderIdentity") or ""),
        AGE,
    ],
    "poddisruptionbudgets.policy": [
        NAME,
        Column("Min Available", _budget("minAvailable")),
        Column("Max Unavailable", _budget("maxUnavailable")),
        Column("Allowed Disruptions", _status("disruptionsAllowed", 0), "integer"),
        AGE,
    ],
    "horizontalpodautoscalers.autoscaling": _SCALER_COLUMNS,
    f"roles.{RBAC}": [NAME, CREATED_AT],
    f"clusterroles.{RBAC}": [NAME, CREATED_AT],
    f"rolebindings.{RBAC}": _BINDING_COLUMNS,
    f"clusterrolebindings.{RBAC}": _BINDING_COLUMNS,
    "customresourcedefinitions.apiextensions.k8s.io": [NAME, CREATED_AT],
}

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that the server fills in when the caller leaves them out (compare samples 00-object-*)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from .resources import Resource
from .store import Store

Obj = dict[str, Any]

_SERVICE_NETWORK = ipaddress.ip_network("10.96.0.0/16")
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def complete(resource: Resource, obj: Obj) -> None:
    """The defaults of the kind, on every write, in place. They belong to the writer."""
    completer = _COMPLETERS.get(resource.key)
    if completer:
        completer(obj)


def admit(resource: Resource, obj: Obj, store: Store) -> None:
    """What admission plug-ins add to a new object, in place. It belongs to nobody."""
    if resource.key == "pods":
        _tolerate(obj["spec"])
    elif resource.key == "persistentvolumeclaims":
        _choose_class(obj["spec"], store)
    elif resource.key == "services":
        _allocate_address(obj["spec"], store)


def _pod(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    _pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)


def _tolerate(spec: Obj) -> None:
    """Priority and DefaultTolerationSeconds."""
    spec.setdefault("priority", 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    tolerations = spec.setdefault("tolerations", [])
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(toleration.get("key") == key for toleration in tolerations):
            tolerations.append({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})


def _pod_spec(spec: Obj) -> None:
    for container in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]:
        _container(container)
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("securityContext", {})
    spec.setdefault("schedulerName", "default-scheduler")


def _container(container: Obj) -> None:
    for port in container.get("ports") or []:
        port.setdefault("protocol", "TCP")
    resources = container.setdefault("resources", {})
    if resources.get("limits"):
        resources["requests"] = {**resources["limits"], **(resources.get("requests") or {})}
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    if "imagePullPolicy" not in container:
        image = container.get("image", "").rpartition("/")[2]
        tag = image.partition("@")[0].partition(":")[2]
        latest = tag == "latest" or not (tag or "@" in image)
        container["imagePullPolicy"] = "Always" if latest else "IfNotPresent"
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(probe):
            _probe(container[probe])


def _probe(probe: Obj) -> None:
    for key, value in (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)):
        probe.setdefault(key, value)
    if probe.get("httpGet"):
        probe["httpGet"].setdefault("path", "/")
        probe["httpGet"].setdefault("scheme", "HTTP")


def _stateful_set(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    _pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))
    for template in spec.get("volumeClaimTemplates") or []:
        template.update(kind="PersistentVolumeClaim", apiVersion="v1")
        template.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
        template.setdefault("status", {"phase": "Pending"})
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = spec.setdefault("updateStrategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    spec.setdefault("revisionHistoryLimit", 10)
    policy = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    policy.setdefault("whenDeleted", "Retain")
    policy.setdefault("whenScaled", "Retain")


def _deployment(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    _pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))
    strategy = spec.setdefault("strategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)


def _claim(obj: Obj) -> None:
    obj.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")


def _volume(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
    spec.setdefault("volumeMode", "Filesystem")
    if isinstance(spec.get("hostPath"), dict):
        spec["hostPath"].setdefault("type", "")


def _service(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("internalTrafficPolicy", "Cluster")
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    spec.setdefault("ipFamilies", ["IPv4"])
    for port in spec.get("ports") or []:
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))
    if spec.get("clusterIP") and "clusterIPs" not in spec:
        spec["clusterIPs"] = [spec["clusterIP"]]


def _storage_class(obj: Obj) -> None:
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", "Immediate")


def _namespace(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    if "deletionTimestamp" not in obj["metadata"]:
        spec.setdefault("finalizers", ["kubernetes"])
    name = obj["metadata"].get("name")
    if name:
        obj["metadata"]["labels"] = {**(obj["metadata"].get("labels") or {}), "kubernetes.io/metadata.name": name}


def _secret(obj: Obj) -> None:
    obj.setdefault("type", "Opaque")


def _choose_class(spec: Obj, store: Store) -> None:
    """DefaultStorageClass."""
    if "storageClassName" in spec:
        return
    for record in store.records("storageclasses.storage.k8s.io"):
        annotations = record.load()["metadata"].get("annotations") or {}
        if annotations.get(DEFAULT_CLASS) == "true":
            spec["storageClassName"] = record.name
            return


def _allocate_address(spec: Obj, store: Store) -> None:
    """A cluster IP for a service that wants one and names none: the next that no service has."""
    if spec["type"] == "ExternalName" or spec.get("clusterIP"):
        return
    taken = {record.load()["spec"].get("clusterIP") for record in store.records("services")}
    spec["clusterIP"] = next(str(address) for address in _SERVICE_NETWORK.hosts() if str(address) not in taken)
    spec["clusterIPs"] = [spec["clusterIP"]]


def _attachment(obj: Obj) -> None:
    obj.setdefault("spec", {})


_COMPLETERS: dict[str, Callable[[Obj], None]] = {
    "pods": _pod,
    "statefulsets.apps": _stateful_set,
    "deployments.apps": _deployment,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _volume,
    "services": _service,
    "storageclasses.storage.k8s.io": _storage_class,
    "volumeattachments.storage.k8s.io": _attachment,
    "namespaces": _namespace,
    "secrets": _secret,
}

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resources that the API serves, and the registry that custom resources join."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator


@dataclasses.dataclass(frozen=True)
class ScalePaths:
    """Where the scale subresource finds its numbers (``spec.subresources.scale`` of a CustomResourceDefinition)."""

    spec_replicas: str = ".spec.replicas"
    status_replicas: str = ".status.replicas"
    selector: str = ""


@dataclasses.dataclass(frozen=True)
class Resource:
    """One kind of object as clients address it: group, version and plural name."""

    group: str
    version: str
    plural: str
    kind: str
    singular: str
    short_names: tuple[str, ...] = ()
    namespaced: bool = True
    subresources: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    custom: bool = False
    scale: ScalePaths | None = None

    @property
    def key(self) -> str:
        """``persistentvolumes``, ``statefulsets.apps``: also how error messages name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def list_kind(self) -> str:
        return f"{self.kind}List"


def _builtin(
    group_version: str,
    plural: str,
    kind: str,
    short: str = "",
    *,
    scope: str = "namespace",
    subresources: str = "",
    categories: str = "",
) -> Resource:
    group, _slash, version = group_version.rpartition("/")
    return Resource(
        group=group,
        version=version,
        plural=plural,
        kind=kind,
        singular=kind.lower(),
        short_names=tuple(short.split()),
        namespaced=scope == "namespace",
        subresources=tuple(subresources.split()),
        categories=tuple(categories.split()),
        scale=ScalePaths() if "scale" in subresources.split() else None,
    )


RBAC = "rbac.authorization.k8s.io/v1"
STORAGE = "storage.k8s.io/v1"
BUILTIN = (
    _builtin("v1", "namespaces", "Namespace", "ns", scope="cluster", subresources="status finalize"),
    _builtin("v1", "nodes", "Node", "no", scope="cluster", subresources="status"),
    _builtin("v1", "pods", "Pod", "po", subresources="status", categories="all"),
    _builtin("v1", "persistentvolumes", "PersistentVolume", "pv", scope="cluster", subresources="status"),
    _builtin("v1", "persistentvolumeclaims", "PersistentVolumeClaim", "pvc", subresources="status"),
    _builtin("v1", "configmaps", "ConfigMap", "cm"),
    _builtin("v1", "secrets", "Secret"),
    _builtin("v1", "services", "Service", "svc", subresources="status", categories="all"),
    _builtin("v1", "endpoints", "Endpoints", "ep"),
    _builtin("v1", "serviceaccounts", "ServiceAccount", "sa"),
    _builtin("v1", "events", "Event", "ev"),
    _builtin("v1", "resourcequotas", "ResourceQuota", "quota", subresources="status"),
    _builtin("v1", "limitranges", "LimitRange", "limits"),
    _builtin("apps/v1", "statefulsets", "StatefulSet", "sts", subresources="status scale", categories="all"),
    _builtin("apps/v1", "deployments", "Deployment", "deploy", subresources="status scale", categories="all"),
    _builtin("apps/v1", "controllerrevisions", "ControllerRevision"),
    _builtin(STORAGE, "storageclasses", "StorageClass", "sc", scope="cluster"),
    _builtin(STORAGE, "volumeattachments", "VolumeAttachment", scope="cluster", subresources="status"),
    _builtin(STORAGE, "csinodes", "CSINode", scope="cluster"),
    _builtin(STORAGE, "csidrivers", "CSIDriver", scope="cluster"),
    _builtin("coordination.k8s.io/v1", "leases", "Lease"),
    _builtin("events.k8s.io/v1", "events", "Event", "ev"),
    _builtin("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", "pdb", subresources="status"),
    _builtin(
        "autoscaling/v2",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        "hpa",
        subresources="status",
        categories="all",
    ),
    _builtin(RBAC, "roles", "Role"),
    _builtin(RBAC, "rolebindings", "RoleBinding"),
    _builtin(RBAC, "clusterroles", "ClusterRole", scope="cluster"),
    _builtin(RBAC, "clusterrolebindings", "ClusterRoleBinding", scope="cluster"),
    _builtin("authorization.k8s.io/v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", scope="cluster"),
    _builtin("authorization.k8s.io/v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", scope="cluster"),
    _builtin(
        "apiextensions.k8s.io/v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        "crd crds",
        scope="cluster",
        subresources="status",
        categories="api-extensions",
    ),
)


class Registry:
    """Every resource served now, by key and by group, version and plural. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._resources = {(resource.group, resource.version, resource.plural): resource for resource in BUILTIN}

    def __iter__(self) -> Iterator[Resource]:
        with self._lock:
            return iter(list(self._resources.values()))

    def by_key(self, key: str) -> Resource:
        """The resource of ``plural[.group]``; KeyError when nobody serves it."""
        plural, _dot, group = key.partition(".")
        for resource in self:
            if resource.plural == plural and resource.group == group:
                return resource
        raise KeyError(key)

    def lookup(self, group: str, version: str, plural: str) -> Resource | None:
        return self._resources.get((group, version, plural))

    def register(self, resource: Resource) -> None:
        with self._lock:
            self._resources[resource.group, resource.version, resource.plural] = resource

    def unregister(self, key: str) -> None:
        """Forgets every version of ``plural.group``."""
        plural, _dot, group = key.partition(".")
        with self._lock:
            for identity in [known for known in self._resources if (known[0], known[2]) == (group, plural)]:
                del self._resources[identity]

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles that every real cluster is born with, as far as its users meet them."""

from __future__ import annotations

from typing import Any

from .rbac import AUTHENTICATED, GROUP, SUPERUSERS, UNAUTHENTICATED

_VERSION_PATHS = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
_DISCOVERY_PATHS = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", *_VERSION_PATHS]
_LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}

_RULES: dict[str, list[dict[str, Any]]] = {
    "cluster-admin": [
        {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
        {"verbs": ["*"], "nonResourceURLs": ["*"]},
    ],
    "system:discovery": [{"verbs": ["get"], "nonResourceURLs": _DISCOVERY_PATHS}],
    "system:public-info-viewer": [{"verbs": ["get"], "nonResourceURLs": _VERSION_PATHS}],
    "system:basic-user": [
        {
            "verbs": ["create"],
            "apiGroups": ["authorization.k8s.io"],
            "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
        },
        {"verbs": ["create"], "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"]},
    ],
}
_GROUPS = {
    "cluster-admin": [SUPERUSERS],
    "system:discovery": [AUTHENTICATED],
    "system:public-info-viewer": [AUTHENTICATED, UNAUTHENTICATED],
    "system:basic-user": [AUTHENTICATED],
}


def default_objects() -> list[tuple[str, dict[str, Any]]]:
    """Resource key and object of each."""
    objects = []
    for name, rules in _RULES.items():
        metadata = {"name": name, "labels": _LABELS}
        objects.append((f"clusterroles.{GROUP}", _object("ClusterRole", metadata, {"rules": rules})))
        binding = {
            "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": GROUP, "kind": "Group", "name": group} for group in _GROUPS[name]],
        }
        objects.append((f"clusterrolebindings.{GROUP}", _object("ClusterRoleBinding", metadata, binding)))
    return objects


def _object(kind: str, metadata: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": metadata, **body}

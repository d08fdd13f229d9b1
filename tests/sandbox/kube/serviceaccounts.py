# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The admission plug-in ServiceAccount: every pod runs as an account that is there, and its token is mounted."""

from __future__ import annotations

from typing import Any

from . import errors
from .lifecycle import generate_name
from .resources import Resource
from .store import Store

Obj = dict[str, Any]

DEFAULT = "default"
ROOT_CERTIFICATE = "kube-root-ca.crt"
_VOLUME_PREFIX = "kube-api-access-"
_MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_TOKEN_SECONDS = 3607


def admit(resource: Resource, namespace: str, pod: Obj, store: Store) -> None:
    """Completes a new pod in place; refuses one whose account is not there."""
    if resource.key != "pods":
        return
    spec = pod["spec"]
    name = spec.get("serviceAccountName") or spec.get("serviceAccount") or DEFAULT
    record = store.get("serviceaccounts", namespace, name)
    if record is None:
        cause = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
        raise errors.forbidden(resource, pod["metadata"].get("name", ""), cause)
    account = record.load()
    spec["serviceAccountName"] = spec["serviceAccount"] = name
    if account.get("imagePullSecrets") and not spec.get("imagePullSecrets"):
        spec["imagePullSecrets"] = account["imagePullSecrets"]
    automount = account.get("automountServiceAccountToken", True)
    if spec.get("automountServiceAccountToken", automount):
        _mount_token(spec)


def _mount_token(spec: Obj) -> None:
    """In each container that has nothing at its place."""
    volumes = spec.get("volumes") or []
    there = (volume["name"] for volume in volumes if volume["name"].startswith(_VOLUME_PREFIX))
    name = next(there, "") or generate_name(_VOLUME_PREFIX)
    mount = {"name": name, "readOnly": True, "mountPath": _MOUNT_PATH}
    mounted = False
    for container in [*(spec.get("initContainers") or []), *spec["containers"]]:
        mounts = container.get("volumeMounts") or []
        if not any(each.get("mountPath") == _MOUNT_PATH for each in mounts):
            container["volumeMounts"] = [*mounts, dict(mount)]
            mounted = True
    if mounted and not any(volume["name"] == name for volume in volumes):
        spec["volumes"] = [*volumes, _token_volume(name)]


def _token_volume(name: str) -> Obj:
    field = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": _TOKEN_SECONDS, "path": "token"}},
        {"configMap": {"name": ROOT_CERTIFICATE, "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": field}]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 420}}

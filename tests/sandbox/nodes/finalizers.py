# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adding and removing one finalizer without losing those of others."""

from __future__ import annotations

from .client import JSON_PATCH, Kubernetes, Object


def add_finalizer(kubernetes: Kubernetes, resource: str, obj: Object, finalizer: str) -> None:
    present = obj["metadata"].get("finalizers") or []
    if finalizer not in present:
        _replace(kubernetes, resource, obj, [*present, finalizer])


def remove_finalizer(kubernetes: Kubernetes, resource: str, obj: Object, finalizer: str) -> None:
    present = obj["metadata"].get("finalizers") or []
    if finalizer in present:
        _replace(kubernetes, resource, obj, [name for name in present if name != finalizer])


def _replace(kubernetes: Kubernetes, resource: str, obj: Object, finalizers: list[str]) -> None:
    """Fails (422) unless the object still is the one, and has the finalizers, that were seen."""
    path = "/metadata/finalizers"
    patch: list[Object] = [{"op": "test", "path": "/metadata/uid", "value": obj["metadata"]["uid"]}]
    if obj["metadata"].get("finalizers"):
        patch += [
            {"op": "test", "path": path, "value": obj["metadata"]["finalizers"]},
            {"op": "replace", "path": path, "value": finalizers},
        ]
    else:
        patch += [{"op": "add", "path": path, "value": finalizers}]
    kubernetes.patch(resource, obj["metadata"]["name"], patch, content_type=JSON_PATCH)

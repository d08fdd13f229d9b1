# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The namespace controller: a namespace that is deleted takes everything in it along, then goes itself."""

from __future__ import annotations

from typing import Any

from ..errors import ApiError
from .controller import Controller, KeysOf, RetryLater
from .objects import name, terminating

NAMESPACES = "namespaces"
_WITHOUT_OBJECTS = {"selfsubjectaccessreviews.authorization.k8s.io", "selfsubjectrulesreviews.authorization.k8s.io"}


class NamespaceController(Controller):
    """Looks again, ever more rarely, while something in the namespace takes its time."""

    name = "namespace"

    def subscriptions(self) -> dict[str, KeysOf]:
        return {NAMESPACES: lambda type_, obj, previous: [name(obj)] if terminating(obj) else []}

    def sync(self, key: Any) -> float | None:
        namespace = self.client.get(NAMESPACES, key)
        if namespace is None or not terminating(namespace):
            return None
        left = self._delete_contents(key)
        if left:
            raise RetryLater(f"namespace {key} still has {', '.join(left)}")
        spec = {**(namespace.get("spec") or {}), "finalizers": []}
        self.client.update(NAMESPACES, {**namespace, "spec": spec}, subresource="finalize")
        return None

    def _delete_contents(self, namespace: str) -> list[str]:
        left = []
        for resource in self.client.api.registry:
            if not resource.namespaced or resource.key in _WITHOUT_OBJECTS:
                continue
            for obj in self.client.list(resource.key, namespace):
                try:
                    if not terminating(obj):
                        self.client.delete(resource.key, name(obj), namespace)
                except ApiError as error:
                    if error.reason != "NotFound":
                        raise
            if self.client.list(resource.key, namespace):
                left.append(resource.key)
        return left

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every namespace has: the account that pods run as unless they name another, and the server's certificate."""

from __future__ import annotations

from typing import Any

from ..client import Client
from ..serviceaccounts import DEFAULT, ROOT_CERTIFICATE
from .controller import Controller, KeysOf, Object
from .namespaces import NAMESPACES
from .objects import name, terminating
from .workqueue import Backoff

ACCOUNTS, CONFIG_MAPS = "serviceaccounts", "configmaps"
_DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)


class ServiceAccounts(Controller):
    """kube-controller-manager's serviceaccount and root-ca-certificate-publisher controllers: who deletes one of them
    gets a new one."""

    name = "serviceaccounts"

    def __init__(self, client: Client, root_certificate: str, backoff: Backoff | None = None) -> None:
        super().__init__(client, backoff)
        self._data = {"ca.crt": root_certificate}

    def subscriptions(self) -> dict[str, KeysOf]:
        return {
            NAMESPACES: lambda type_, obj, previous: [] if type_ == "DELETED" else [name(obj)],
            ACCOUNTS: lambda type_, obj, previous: _namespace_of(obj, DEFAULT),
            CONFIG_MAPS: lambda type_, obj, previous: _namespace_of(obj, ROOT_CERTIFICATE),
        }

    def sync(self, key: Any) -> float | None:
        namespace = self.client.get(NAMESPACES, key)
        if namespace is None or terminating(namespace):
            return None
        if self.client.get(ACCOUNTS, DEFAULT, key) is None:
            self.client.create(ACCOUNTS, {"metadata": {"name": DEFAULT, "namespace": key}})
        published = self.client.get(CONFIG_MAPS, ROOT_CERTIFICATE, key)
        if published is None:
            annotations = {"kubernetes.io/description": _DESCRIPTION}
            metadata = {"name": ROOT_CERTIFICATE, "namespace": key, "annotations": annotations}
            self.client.create(CONFIG_MAPS, {"metadata": metadata, "data": self._data})
        elif published.get("data") != self._data:
            self.client.update(CONFIG_MAPS, {**published, "data": self._data})
        return None


def _namespace_of(obj: Object, wanted: str) -> list[str]:
    return [obj["metadata"]["namespace"]] if name(obj) == wanted else []

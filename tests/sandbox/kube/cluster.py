# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole Kubernetes in this process: API, controllers and HTTPS server. What runs on nodes connects from outside."""

from __future__ import annotations

from typing import Any

from ..faults import FaultBook
from ..requestlog import RequestLog
from .access import Access
from .api import Api
from .client import Client
from .controllers.manager import ControllerManager, Timing
from .options import ListOptions
from .server import KubeServer

ADMIN = "admin"
NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
_START_SECONDS = 60.0


class EmbeddedCluster:
    """Namespaces and the user ``admin`` (group system:masters) are there from the start.

    ``timing`` is that of the real control plane unless a test says otherwise.
    """

    def __init__(
        self, faults: FaultBook | None = None, log: RequestLog | None = None, *, timing: Timing | None = None
    ) -> None:
        self.api = Api(service_accounts=True)
        self._clients: list[Client] = []
        system = self.client("system:apiserver")
        for namespace in NAMESPACES:
            system.create("namespaces", {"metadata": {"name": namespace}})
        self.access = Access(self.api)
        self.access.add_user(ADMIN, groups=("system:masters",))
        self.server = KubeServer(self.api, self.access, faults or FaultBook(), log or RequestLog())
        self.controllers = ControllerManager(self.api, timing, self.server.root_certificate)

    def start(self) -> str:
        """The URL of the API server. Returns when pods can be made: the default service account is there."""
        self.controllers.start()
        accounts = self.api.watch(self.api.registry.by_key("serviceaccounts"), "default", ListOptions())
        assert accounts.next(_START_SECONDS), "no default service account"
        accounts.stop()
        return self.server.start()

    def stop(self) -> None:
        """Ends every thread: first clients from outside, then controllers, then clients in this process."""
        self.server.stop()
        self.controllers.stop()
        for client in self._clients:
            client.stop()

    def client(self, user: str = ADMIN) -> Client:
        """A client without HTTP, for tests and for what belongs to the sandbox itself. RBAC does not apply to it."""
        client = Client(self.api, user)
        self._clients.append(client)
        return client

    def add_user(self, name: str, groups: tuple[str, ...] = (), token: str | None = None) -> str:
        return self.access.add_user(name, groups, token)

    def kubeconfig(self, user: str = ADMIN) -> dict[str, Any]:
        return self.server.kubeconfig(user)

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
from .server import KubeServer

ADMIN = "admin"
NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


class EmbeddedCluster:
    """Namespaces and the user ``admin`` (group system:masters) are there from the start.

    ``timing`` is that of the real control plane unless a test says otherwise.
    """

    def __init__(
        self, faults: FaultBook | None = None, log: RequestLog | None = None, *, timing: Timing | None = None
    ) -> None:
        self.api = Api()
        self._clients: list[Client] = []
        system = self.client("system:apiserver")
        for namespace in NAMESPACES:
            system.create("namespaces", {"metadata": {"name": namespace}})
        self.access = Access(self.api)
        self.access.add_user(ADMIN, groups=("system:masters",))
        self.controllers = ControllerManager(self.api, timing)
        self.server = KubeServer(self.api, self.access, faults or FaultBook(), log or RequestLog())

    def start(self) -> str:
        """The URL of the API server."""
        self.controllers.start()
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

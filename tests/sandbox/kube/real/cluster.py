# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Kubernetes with the interface of ``EmbeddedCluster``: a control plane, and a proxy for all users."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from ...faults import FaultBook
from ...requestlog import RequestLog
from ..connections import HttpServer
from ..controllers.manager import Timing
from ..gateway import Gateway
from ..kubeconfig import with_token
from ..rbac import SUPERUSERS
from . import binaries
from .client import RealClient
from .controlplane import ControlPlane
from .forwarder import Forwarder
from .identities import Identities

ADMIN = "admin"

_HOST = "127.0.0.1"
_STOP_POLL_SECONDS = 0.05


class RealCluster:
    """Namespaces and the user ``admin`` (group system:masters) are there from the start.

    The proxy logs every request and acts out faults, exactly as the embedded server does: the gateway is the same.
    What belongs to the sandbox itself (``client``) and the control plane's own parts do not pass through it.
    ``directory`` is the control plane's, and goes with it. Raises ``binaries.Unavailable`` where there is none.
    """

    def __init__(
        self,
        faults: FaultBook | None = None,
        log: RequestLog | None = None,
        *,
        directory: Path,
        timing: Timing | None = None,
    ) -> None:
        self._faults, self._log = faults or FaultBook(), log or RequestLog()
        self.plane = ControlPlane(binaries.find(), directory, timing)
        self._clients: list[RealClient] = []
        self._system = self.client("sandbox")
        self.identities = Identities(self._system)
        self.add_user(ADMIN, (SUPERUSERS,))
        self._proxy: Proxy | None = None

    def start(self) -> str:
        """The URL of the proxy. Returns when pods can be made: the default service account is there."""
        self.plane.start()
        self.plane.wait(
            lambda: self._system.get("serviceaccounts", "default", "default"), "the default service account"
        )
        self._proxy = Proxy(self.plane, self.identities, self._faults, self._log)
        return self._proxy.start()

    def stop(self) -> None:
        """First the clients from outside, then those in this process, then the control plane."""
        if self._proxy:
            self._proxy.stop()
        for client in self._clients:
            client.stop()
        self.plane.stop()

    def client(self, user: str = ADMIN) -> RealClient:
        """A client past the proxy, for tests and for what belongs to the sandbox itself. RBAC does not apply to it."""
        client = RealClient(user, lambda: self.plane.kubeconfig(user))
        self._clients.append(client)
        return client

    def add_user(self, name: str, groups: tuple[str, ...] = (), token: str | None = None) -> str:
        return self.identities.add_user(name, groups, token)

    def kubeconfig(self, user: str = ADMIN) -> dict[str, Any]:
        """Of a user that ``add_user`` knows, to the proxy; once started."""
        assert self._proxy, "the cluster has not been started"
        authority = self.plane.certificate_authority.read_bytes()
        return with_token(self._proxy.url, authority, user, self.identities.token_of(user))


class Proxy:
    """Serves the cluster on an ephemeral port of the loopback interface. ``stop`` ends every connection and thread."""

    def __init__(self, plane: ControlPlane, identities: Identities, faults: FaultBook, log: RequestLog) -> None:
        self._http = HttpServer((_HOST, 0), plane.identity(_HOST).context)
        self._http.gateway = Gateway(Forwarder(plane, identities), identities, faults, log)
        self.url = f"https://{_HOST}:{self._http.server_address[1]}"
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(_STOP_POLL_SECONDS,), name="kube-apiserver proxy", daemon=True
        )

    def start(self) -> str:
        self._thread.start()
        return self.url

    def stop(self) -> None:
        self._http.gateway.stop()
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()
        self._http.end_connections()

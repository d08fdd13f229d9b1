# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API server over HTTPS: everything that it is made of, put together."""

from __future__ import annotations

import threading
from typing import Any

from ..faults import FaultBook
from ..requestlog import RequestLog
from .access import Access
from .api import Api
from .client import Client
from .connections import HttpServer
from .crds import CustomResources, DefinitionController
from .discovery import Discovery
from .documents import Documents
from .endpoints import Endpoints
from .gateway import Gateway
from .kubeconfig import with_token
from .reviews import IDENTITY_REVIEW
from .tls import make_identity

_STOP_POLL_SECONDS = 0.05


class KubeServer:
    """Serves ``api`` on an ephemeral port of the loopback interface. ``stop`` ends every connection and thread."""

    def __init__(
        self, api: Api, access: Access, faults: FaultBook, log: RequestLog, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._access = access
        self._identity = make_identity(host)
        self._http = HttpServer((host, port), self._identity.context)
        self._address = f"{host}:{self._http.server_address[1]}"
        self._client = Client(api, "system:apiserver")
        api.registry.register(IDENTITY_REVIEW)
        custom = CustomResources(self._client)
        discovery = Discovery(api.registry)
        documents = Documents(discovery, custom, self._address)
        self._http.gateway = Gateway(Endpoints(api, access, documents, custom), access, faults, log)
        self._definitions = DefinitionController(self._client)
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(_STOP_POLL_SECONDS,), name="kube-apiserver", daemon=True
        )

    def start(self) -> str:
        self._definitions.start()
        self._thread.start()
        return self.url

    def stop(self) -> None:
        self._definitions.stop()
        self._http.gateway.stop()
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()
        self._http.end_connections()

    @property
    def root_certificate(self) -> str:
        """PEM, for those who have to trust this server."""
        return self._identity.authority.decode()

    @property
    def url(self) -> str:
        return f"https://{self._address}"

    def kubeconfig(self, user: str) -> dict[str, Any]:
        """For a user that ``Access.add_user`` knows; KeyError for any other."""
        return with_token(self.url, self._identity.authority, user, self._access.token_of(user))

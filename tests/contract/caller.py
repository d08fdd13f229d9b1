# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ordinary client of the API server that also shows refusals and whole answers."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import urllib3
from kubernetes.client import ApiClient, Configuration

from tests.sandbox.nodes.client import Kubernetes

from .samples import RECORDER


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    headers: urllib3.HTTPHeaderDict
    body: Any
    """Parsed JSON, or the text when it is none."""


class Caller(Kubernetes):
    """Calls itself as the recorder did, so that managedFields name the same manager."""

    def __init__(self, kubeconfig: Path) -> None:
        super().__init__(kubeconfig)
        self._client.user_agent = f"{RECORDER}/2"

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """The answer, whatever it is. A body that is text goes as it is."""
        token = self._client.configuration.auth_settings().get("BearerToken", {}).get("value")
        wanted = {"Accept": "application/json", "User-Agent": self._client.user_agent}
        if token:
            wanted["Authorization"] = token
        if body is not None:
            wanted["Content-Type"] = content_type or "application/json"
        return self._exchange(self._client, method, path, body, wanted | (headers or {}))

    def send_as_stranger(self, method: str, path: str, token: str) -> Answer:
        """Without our credentials, whatever they are, and with this bearer token."""
        ours = self._client.configuration
        configuration = Configuration(host=ours.host)
        configuration.ssl_ca_cert = ours.ssl_ca_cert
        with ApiClient(configuration) as stranger:
            return self._exchange(stranger, method, path, None, {"Authorization": f"Bearer {token}"})

    @staticmethod
    def _exchange(client: ApiClient, method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        data = body if body is None or isinstance(body, str) else json.dumps(body)
        response = client.rest_client.pool_manager.request(
            method, client.configuration.host + path, body=data, headers=headers, timeout=60, retries=False
        )
        kind = response.headers.get("Content-Type", "")
        return Answer(
            response.status, response.headers, json.loads(response.data) if "json" in kind else response.data.decode()
        )

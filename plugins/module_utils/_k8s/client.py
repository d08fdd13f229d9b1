# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection to a Kubernetes API server: configuration, one request function, errors that a person can read.

The ``kubernetes`` package does configuration, TLS and authentication; paths are ours, so nothing is discovered (its
typed classes cost a second and reject real objects, toolchain.md 3.1).
"""

from __future__ import annotations

import json
import os
from typing import Any

from .._errors import (
    BadInput,
    Conflict,
    Denied,
    MigrationError,
    MissingLibrary,
    NotFound,
    Refused,
    Retryable,
    register_secret,
)
from .._retry import Clock, Policy, retry

try:
    import urllib3
    import yaml
    from kubernetes import client as kube
    from kubernetes import config as kube_config
    from kubernetes.client.exceptions import ApiException
    from kubernetes.config.config_exception import ConfigException
    from kubernetes.dynamic import DynamicClient

    _IMPORT_ERROR = ""
except ImportError as _error:
    _IMPORT_ERROR = str(_error)

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"

# Long enough for a slow admission webhook (their own limit is 30 s), short enough to notice a dead connection.
_TIMEOUT_SECONDS = (10, 40)
_CONNECTIONS = 32
_PATIENCE = Policy(limit=30.0, first=0.2, cap=3.0)


class K8sClient:
    """Talks JSON to one API server. Safe to share between threads."""

    def __init__(self, options: dict[str, Any], clock: Clock) -> None:
        """``options`` are the K8S_ARGS of a module. Raises BadInput when they lead to no cluster."""
        if _IMPORT_ERROR:
            raise MissingLibrary("kubernetes", needed_for="to talk to the cluster", reason=_IMPORT_ERROR)
        self._clock = clock
        self._dynamic = DynamicClient(kube.ApiClient(_configuration(options)), discoverer=_NoDiscovery)
        self.host = str(self._dynamic.configuration.host)

    def get(self, path: str, query: dict[str, str] | None = None) -> dict[str, Any]:
        return self.request("GET", path, query=query, repeatable=True)

    def list(self, path: str, query: dict[str, str] | None = None) -> list[dict[str, Any]]:
        """All items, page by page, each with the apiVersion and kind that a list leaves out."""
        items: list[dict[str, Any]] = []
        page: dict[str, str] = {"limit": "500", **(query or {})}
        while True:
            answer = self.get(path, page)
            kind = str(answer.get("kind", "")).removesuffix("List")
            stamp = {"apiVersion": answer.get("apiVersion", ""), "kind": kind}
            items.extend({**stamp, **item} for item in answer.get("items") or [])
            following = (answer.get("metadata") or {}).get("continue")
            if not following:
                return items
            page = {**page, "continue": following}

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        content_type: str = "application/json",
        query: dict[str, str] | None = None,
        repeatable: bool = False,
    ) -> dict[str, Any]:
        """One call. A ``repeatable`` one is tried again after network and server trouble; every one after 429.

        Raises NotFound, Conflict, Denied, Refused or Retryable, each with the server's own reason as ``code``.
        """

        def call() -> dict[str, Any]:
            return self._once(method, path, body, content_type, query)

        def classify(error: Exception) -> float | None:
            may_repeat = isinstance(error, Retryable) and (repeatable or error.code == "TooManyRequests")
            return 0.0 if may_repeat else None

        return retry(call, _PATIENCE, self._clock, classify)

    def _once(
        self, method: str, path: str, body: Any, content_type: str, query: dict[str, str] | None
    ) -> dict[str, Any]:
        what = f"{method} {path}"
        try:
            response = self._dynamic.request(
                method,
                path,
                body=body,
                content_type=content_type,
                query_params=list((query or {}).items()),
                serialize=False,
                _request_timeout=_TIMEOUT_SECONDS,
            )
            return dict(json.loads(response.data))
        except ApiException as error:
            raise (_api_error(error, what) if error.status else _tls_error(error, what, self.host)) from None
        except urllib3.exceptions.HTTPError as error:
            raise Retryable(
                f"The Kubernetes API server {self.host} did not answer {what}: {type(error).__name__}",
                code="ConnectionFailed",
                hint="Check that the server is reachable from where Ansible runs, and the kubeconfig.",
            ) from None
        except ValueError:
            raise Retryable(f"The Kubernetes API server answered {what} with something that is not JSON.") from None


class _NoDiscovery:
    """Stands in for the dynamic client's discovery, which costs calls and a cache file in the temporary directory."""

    def __init__(self, client: Any, cache_file: Any) -> None:
        """Nothing to look up."""


def _configuration(options: dict[str, Any]) -> Any:
    configuration = kube.Configuration()
    if options.get("host"):
        configuration.host = options["host"]
    else:
        _load(options, configuration)
    if options.get("api_key"):
        register_secret(options["api_key"])
        configuration.api_key = {"authorization": f"Bearer {options['api_key']}"}
    for option, attribute in (
        ("ca_cert", "ssl_ca_cert"),
        ("client_cert", "cert_file"),
        ("client_key", "key_file"),
        ("proxy", "proxy"),
    ):
        if options.get(option):
            setattr(configuration, attribute, options[option])
    if options.get("validate_certs") is not None:
        configuration.verify_ssl = options["validate_certs"]
    configuration.retries = False
    configuration.connection_pool_maxsize = _CONNECTIONS
    return configuration


def _load(options: dict[str, Any], configuration: Any) -> None:
    """From a kubeconfig (option, then KUBECONFIG, then ~/.kube/config), else from the pod that Ansible runs in."""
    path = options.get("kubeconfig")
    named = path or os.environ.get("KUBECONFIG") or os.path.exists(os.path.expanduser("~/.kube/config"))
    try:
        if named:
            kube_config.load_kube_config(
                config_file=path,
                context=options.get("context"),
                client_configuration=configuration,
                persist_config=False,
            )
        else:
            kube_config.load_incluster_config(client_configuration=configuration)
    except (ConfigException, OSError, TypeError, ValueError, yaml.YAMLError) as error:
        looked_at = "kubeconfig option, KUBECONFIG, ~/.kube/config, in-cluster service account"
        raise BadInput(
            f"No usable Kubernetes configuration ({path or looked_at}): {error}",
            code="NoKubeconfig",
            hint="Give kubeconfig (and context), or host and api_key, or set K8S_AUTH_KUBECONFIG.",
        ) from None


def _tls_error(error: Any, what: str, host: str) -> MigrationError:
    """The ``kubernetes`` package turns an SSLError into an ApiException without a status. A cut handshake may pass."""
    reason = " ".join(str(error.reason or "").split())
    kind = Refused if "certificate" in reason.lower() else Retryable
    return kind(
        f"No TLS connection to the Kubernetes API server {host} for {what}: {reason}",
        code="TlsFailed",
        hint="Check ca_cert and the name in host, or the certificate-authority-data of the kubeconfig.",
    )


def _api_error(error: Any, what: str) -> MigrationError:
    """The Status that the server sent, as one of our kinds. A body that is no Status keeps its first line."""
    try:
        status = json.loads(error.body)
    except (TypeError, ValueError):
        status = {"message": str(error.body or error.reason or "").partition("\n")[0]}
    number = int(error.status or 0)
    reason = str(status.get("reason") or f"HTTP{number}")
    kind, hint = _KINDS.get(number, (Retryable, "") if number >= 500 else (Refused, ""))
    message = str(status.get("message") or error.reason)
    return kind(
        f"Kubernetes refused {what}: {message}", code=reason, hint=hint, context={"http_status": number, "call": what}
    )


_KINDS: dict[int, tuple[type[MigrationError], str]] = {
    401: (Denied, "The token or certificate is not valid; check the kubeconfig or the api_key."),
    403: (Denied, "Grant the rules of docs/rbac/ to the user or service account that runs this."),
    404: (NotFound, ""),
    409: (Conflict, ""),
    429: (Retryable, ""),
}

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to ECS and back: TLS with SNI and verification, a connection pool that threads share, proxies, time limits.

The SDK's own transport is not used: it sends signed requests in clear by default, sends no SNI on Python 3.12+, takes
cut answers for whole ones and quotes signed URLs in its errors (alibaba-ecs.md 4.1, toolchain.md 5).
"""

from __future__ import annotations

import dataclasses
import ipaddress
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

try:
    import urllib3
    from urllib3.exceptions import HTTPError, NameResolutionError  # the second is new in urllib3 2
except ImportError as error:
    _URLLIB3_MISSING: str | None = str(error)
else:
    _URLLIB3_MISSING = None

from .._errors import BadInput, MissingLibrary, Refused, Retryable, redact, register_secret
from .codes import NETWORK, NETWORK_TROUBLE, REFUSED
from .quiet import redact_loggers

_DISTRUST_HINT = "Check the endpoint and ecs_ca_file: the certificate must be for this name, by a CA that we trust."

CONNECT_TIMEOUT = 5.0
POOL_SIZE = 16


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came back, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


# urllib3 logs the path of every request at DEBUG, and ours holds a signature.
_LOGGERS = ("urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry", "urllib3.poolmanager")


class Transport:
    """One endpoint. Safe to share between threads."""

    def __init__(self, endpoint: str, *, ca_file: str = "", pool_size: int = POOL_SIZE) -> None:
        if _URLLIB3_MISSING is not None:
            raise MissingLibrary("urllib3", needed_for="(version 2 or later) to talk to ECS", reason=_URLLIB3_MISSING)
        self.scheme, self.host, self.port = parse_endpoint(endpoint)
        redact_loggers(*_LOGGERS)
        options: dict[str, Any] = {"num_pools": 1, "maxsize": pool_size, "block": True}
        if self.scheme == "https":
            options["ssl_context"] = _tls_context(ca_file)
        proxy = _proxy_for(self.scheme, self.host, self.port)
        manager = _proxied(proxy, options) if proxy else urllib3.PoolManager(**options)
        self._pool = manager.connection_from_host(self.host, self.port, scheme=self.scheme)
        # Somebody may have switched http.client's own debug output on for the whole process; it prints request lines.
        self._pool.ConnectionCls = type("QuietConnection", (self._pool.ConnectionCls,), {"debuglevel": 0})
        # A manager that is thrown away closes its pools.
        self._manager = manager

    def __repr__(self) -> str:
        return f"Transport({self.scheme}://{self.host}:{self.port})"

    def post(self, target: str, headers: Mapping[str, str], *, read_timeout: float) -> Answer:
        """POST with an empty body. Without a whole answer a Retryable; it names the host, never the target."""
        try:
            response = self._pool.request(
                "POST",
                target,
                body=b"",
                headers=dict(headers),
                retries=False,  # follows no redirect either: a signed request is for one host
                timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT, read=read_timeout),
            )
            headers_seen = {key.lower(): value for key, value in response.headers.items()}
            return Answer(response.status, headers_seen, response.data)
        except (HTTPError, OSError) as error:
            trouble, untrusted = _in_words(error, read_timeout), _distrusts(error)
        # Outside of the handler on purpose: the library's exception must not hang on ours as its context.
        trouble = f"{self.host}:{self.port}: {trouble}"
        if untrusted:
            raise Refused(trouble, code="UntrustedServer", hint=_DISTRUST_HINT, context={"kind": REFUSED})
        raise Retryable(trouble, code="NetworkError", hint=NETWORK_TROUBLE.hint, context={"kind": NETWORK})

    def close(self) -> None:
        """Close the idle connections."""
        self._manager.clear()


def parse_endpoint(endpoint: str) -> tuple[str, str, int]:
    """Scheme, host, port of ``host``, ``host:port`` or ``http(s)://host[:port]``. Clear text is for loopback only."""
    try:
        parts = urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}")
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        scheme, host, port = "", "", None
    if scheme not in ("http", "https") or not host:
        # Not quoted: in what cannot be taken apart a password cannot be found.
        raise BadInput("The ECS endpoint is not usable: give a host name, or https://HOST.", code="BadEndpoint")
    wrong = f"The ECS endpoint {redact(endpoint)!r} is not usable: "
    if parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise BadInput(wrong + "it may hold a host name and a port, nothing else.", code="BadEndpoint")
    if scheme == "http" and not is_loopback(host):
        raise BadInput(
            wrong + "plain http would send signed requests in clear.",
            code="InsecureEndpoint",
            hint="Use https; http is for a server on this machine only.",
        )
    return scheme, host, port or (443 if scheme == "https" else 80)


def is_loopback(host: str) -> bool:
    """Whether the host is this machine by its name alone; nothing is looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _tls_context(ca_file: str) -> ssl.SSLContext:
    """Verifies certificate and host name. A ca file replaces the system's certificates."""
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise BadInput(f"The CA file {ca_file} cannot be used: {error}", code="BadCaFile") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _proxy_for(scheme: str, host: str, port: int) -> str:
    """The proxy that the environment names for this endpoint, or nothing."""
    proxies = getproxies_environment()
    proxy = proxies.get(scheme) or proxies.get("all", "")
    if not proxy or is_loopback(host) or proxy_bypass(f"{host}:{port}"):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _proxied(proxy: str, options: dict[str, Any]) -> urllib3.PoolManager:
    """A pool that tunnels through the proxy, with its user and password if it has any."""
    parts = urlsplit(proxy)
    headers = None
    if parts.username is not None:
        register_secret(parts.password)
        headers = urllib3.make_headers(proxy_basic_auth=f"{parts.username}:{parts.password or ''}")
        register_secret(headers["proxy-authorization"])
        proxy = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    try:
        return urllib3.ProxyManager(proxy, proxy_headers=headers, **options)
    except (HTTPError, ValueError) as error:
        raise BadInput(f"The proxy {redact(proxy)} cannot be used: {error}", code="BadProxy") from None


def _verification_error(error: BaseException) -> ssl.SSLCertVerificationError | None:
    return next((part for part in (error, *error.args) if isinstance(part, ssl.SSLCertVerificationError)), None)


def _distrusts(error: Exception) -> bool:
    """Whether the server could not prove who it is. It will not be able to in a minute either."""
    return _verification_error(error) is not None


def _in_words(error: Exception, read_timeout: float) -> str:
    """What happened on the way, without the library's own text: it may quote the request."""
    if isinstance(error, urllib3.exceptions.NewConnectionError):  # a ConnectTimeoutError, too
        unknown = isinstance(error, NameResolutionError)
        return "the host name cannot be resolved" if unknown else "cannot connect"
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return f"no connection within {CONNECT_TIMEOUT:g} s"
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return f"no answer within {read_timeout:g} s"
    if isinstance(error, urllib3.exceptions.SSLError):
        verification = _verification_error(error)
        if verification is not None:
            return f"the server cannot prove who it is: {verification.verify_message}"
        return f"TLS failed ({type(error.args[0] if error.args else error).__name__})"
    if isinstance(error, urllib3.exceptions.ProxyError):
        return "the proxy does not let us through"
    if isinstance(error, urllib3.exceptions.ProtocolError):
        return "the connection broke before the answer was complete"
    return f"the connection failed ({type(error).__name__})"

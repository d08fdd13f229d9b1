# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose keys sign requests: parameters, else the environment, else the default chain of alibabacloud_credentials."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from .._errors import BadInput, Denied, MissingLibrary, redact, register_secret
from .codes import CREDENTIALS
from .quiet import redact_loggers

CHAIN = (
    "RRSA (ALIBABA_CLOUD_ROLE_ARN, ALIBABA_CLOUD_OIDC_PROVIDER_ARN, ALIBABA_CLOUD_OIDC_TOKEN_FILE)",
    "the CLI profile (~/.aliyun/config.json, ALIBABA_CLOUD_PROFILE)",
    "~/.alibabacloud/credentials.ini (ALIBABA_CLOUD_CREDENTIALS_FILE)",
    "the RAM role of the ECS instance",
    "ALIBABA_CLOUD_CREDENTIALS_URI",
)
"""What alibabacloud_credentials looks at after the environment (alibaba-ecs.md 4.3)."""


@dataclasses.dataclass(frozen=True)
class Credentials:
    """One identity at one moment. Never shows itself."""

    access_key_id: str
    access_key_secret: str = dataclasses.field(repr=False)
    security_token: str = dataclasses.field(default="", repr=False)

    def __post_init__(self) -> None:
        register_secret(self.access_key_secret)
        register_secret(self.security_token)

    def __repr__(self) -> str:
        return "Credentials(********)"


class Provider(Protocol):
    """Where credentials come from. Asked before every attempt: temporary ones change during a run."""

    def get(self) -> Credentials:
        """The credentials that are valid now."""


@dataclasses.dataclass(frozen=True)
class _Names:
    """The names of one identity's three parts. They are taken together, or a key would meet another key's token."""

    access_key_id: tuple[str, ...]
    access_key_secret: tuple[str, ...]
    security_token: tuple[str, ...]


_PARAMETERS = _Names(("access_key_id",), ("access_key_secret",), ("security_token",))
# alibaba-ecs.md 4.3, then what users of the alicloud collection have set (4.4).
_ENVIRONMENT = (
    _Names(("ALIBABA_CLOUD_ACCESS_KEY_ID",), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET",), ("ALIBABA_CLOUD_SECURITY_TOKEN",)),
    _Names(
        ("ALICLOUD_ACCESS_KEY", "ALICLOUD_ACCESS_KEY_ID"),
        ("ALICLOUD_SECRET_KEY", "ALICLOUD_SECRET_ACCESS_KEY"),
        ("ALICLOUD_SECURITY_TOKEN",),
    ),
)


class Fixed:
    """Credentials that were given and stay as they are."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def get(self) -> Credentials:
        return self._credentials


class Chain:
    """The default chain of alibabacloud_credentials. Imported when first asked, because it takes half a second."""

    def __init__(self, load: Callable[[], Any] | None = None) -> None:
        self._load = load or _load_chain
        self._client: Any = None
        self._lock = threading.Lock()

    def get(self) -> Credentials:
        with self._lock:
            if self._client is None:
                self._client = self._load()
            try:
                found = self._client.get_credential()
                return Credentials(found.access_key_id or "", found.access_key_secret or "", found.security_token or "")
            except Exception as error:  # the chain raises whatever its nine providers raise
                reason = redact(str(error))
        raise Denied(
            "No Alibaba Cloud credentials were found. " + _looked_at() + "; then " + ", ".join(CHAIN) + ".",
            code="NoCredentials",
            hint="Give access_key_id and access_key_secret, or set up one of these.",
            context={"kind": CREDENTIALS, "chain": reason},
        )


def provider_for(params: Mapping[str, Any], environ: Mapping[str, str]) -> Provider:
    """The first that is there. Half an identity is an error and not a reason to go on to somebody else's."""
    given = _take(_PARAMETERS, params, "parameter")
    if given:
        return Fixed(given)
    for names in _ENVIRONMENT:
        given = _take(names, environ, "environment variable")
        if given:
            return Fixed(given)
    return Chain()


def _take(names: _Names, source: Mapping[str, Any], what: str) -> Credentials | None:
    key_id, secret, token = (
        next((str(source[name]) for name in alternatives if source.get(name)), "")
        for alternatives in (names.access_key_id, names.access_key_secret, names.security_token)
    )
    register_secret(secret)
    register_secret(token)
    if key_id and secret:
        return Credentials(key_id, secret, token)
    if key_id or secret:
        there, missing = names.access_key_id[0], names.access_key_secret[0]
        if secret:
            there, missing = missing, there
        raise BadInput(
            f"The {what} {there} is set and {missing} is not.",
            code="NoCredentials",
            hint="Give both, or neither to use another source of credentials.",
        )
    return None


def _looked_at() -> str:
    variables = ", ".join(f"{names.access_key_id[0]} and {names.access_key_secret[0]}" for names in _ENVIRONMENT)
    return f"Looked at the parameters access_key_id and access_key_secret; the environment variables {variables}"


def _load_chain() -> Any:
    try:
        from alibabacloud_credentials.client import Client
    except ImportError as error:
        raise MissingLibrary(
            "alibabacloud_credentials",
            needed_for="to find credentials, because there are none in the parameters and the environment,",
            reason=str(error),
        ) from None
    redact_loggers("credentials", "alibabacloud-tea")
    return Client()

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bearer tokens and whose they are."""

from __future__ import annotations

import dataclasses
import datetime
import secrets
import threading

from .rbac import User


@dataclasses.dataclass(frozen=True)
class Credential:
    """``expires`` is None for a token that stays good."""

    user: User
    expires: datetime.datetime | None = None


class Tokens:
    """Thread-safe."""

    def __init__(self) -> None:
        self._credentials: dict[str, Credential] = {}
        self._lock = threading.Lock()

    def add(self, credential: Credential, token: str | None = None) -> str:
        """The token: the given one, or a new one."""
        token = token or secrets.token_urlsafe(32)
        with self._lock:
            self._credentials[token] = credential
        return token

    def token_of(self, name: str) -> str:
        """The first token of this user; KeyError for a stranger."""
        with self._lock:
            for token, credential in self._credentials.items():
                if credential.user.name == name:
                    return token
        raise KeyError(name)

    def find(self, authorization: str) -> Credential | None:
        """By an ``Authorization`` header; None unless it is a bearer token from here."""
        scheme, _space, token = authorization.partition(" ")
        with self._lock:
            return self._credentials.get(token.strip()) if scheme.lower() == "bearer" else None

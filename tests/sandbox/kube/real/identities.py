# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks, for the request log and the faults. Whether he may is kube-apiserver's to say."""

from __future__ import annotations

from typing import Any

from ..rbac import ANONYMOUS, User
from ..tokens import Credential, Tokens
from .client import RealClient

_REVIEWS = "tokenreviews.authentication.k8s.io"


class Identities:
    """The users that the sandbox made, and the service accounts of the cluster."""

    def __init__(self, client: RealClient) -> None:
        self._client = client
        self._tokens = Tokens()
        self._reviewed: dict[str, User] = {}

    def add_user(self, name: str, groups: tuple[str, ...] = (), token: str | None = None) -> str:
        return self._tokens.add(Credential(User(name, groups)), token)

    def token_of(self, name: str) -> str:
        """The token that ``add_user`` gave; KeyError for a stranger."""
        return self._tokens.token_of(name)

    def known(self, authorization: str | None) -> User | None:
        """The user of ours with this header."""
        credential = self._tokens.find(authorization or "")
        return credential.user if credential else None

    def authenticate(self, authorization: str | None) -> User:
        """A stranger has no name here; kube-apiserver will refuse him."""
        if authorization is None:
            return ANONYMOUS
        return self.known(authorization) or self._review(authorization.partition(" ")[2].strip()) or User("")

    def impersonate(self, _user: User, name: str, groups: list[str]) -> User:
        """Whom he wants to be; kube-apiserver sees the same headers and decides."""
        return User(name, tuple(groups))

    def _review(self, token: str) -> User | None:
        """The service account of the token: that stays the same, so it is asked once."""
        if token not in self._reviewed:
            review: dict[str, Any] = {"metadata": {}, "spec": {"token": token}}
            status = self._client.create(_REVIEWS, review)["status"]
            if not status.get("authenticated"):
                return None
            user = status["user"]
            self._reviewed[token] = User(user["username"], tuple(user.get("groups") or ()), user.get("uid", ""))
        return self._reviewed[token]

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is asking, and may he: bearer tokens of users and service accounts, impersonation, and RBAC."""

from __future__ import annotations

import dataclasses
import datetime

from .api import Api
from .client import Client
from .default_roles import default_objects
from .errors import ApiError, failure
from .rbac import (
    ANONYMOUS,
    AUTHENTICATED,
    SERVICE_ACCOUNT_PREFIX,
    Attributes,
    Rbac,
    User,
    service_account_user,
)
from .tokens import Credential, Tokens

MINIMUM_TOKEN_SECONDS = 600


class Access:
    """Authentication and authorization of requests. Thread-safe."""

    def __init__(self, api: Api) -> None:
        self._client = Client(api, "system:apiserver")
        self._rbac = Rbac(self._client)
        self._tokens = Tokens()
        for key, obj in default_objects():
            if self._client.get(key, obj["metadata"]["name"]) is None:
                self._client.create(key, obj)

    def add_user(self, name: str, groups: tuple[str, ...] = (), token: str | None = None) -> str:
        """A person or a machine outside the cluster; every user is in ``system:authenticated``."""
        return self._tokens.add(Credential(User(name, (*groups, AUTHENTICATED))), token)

    def token_of(self, name: str) -> str:
        """The token that ``add_user`` gave; KeyError for a stranger."""
        return self._tokens.token_of(name)

    def issue_token(self, namespace: str, name: str, uid: str, seconds: int) -> tuple[str, datetime.datetime]:
        """A token of the service account with this uid (the TokenRequest API), and when it expires."""
        expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
        user = service_account_user(namespace, name, uid)
        return self._tokens.add(Credential(user, expires)), expires

    def authenticate(self, authorization: str | None) -> User:
        """The user of the ``Authorization`` header's bearer token; without the header it is ``system:anonymous``."""
        if authorization is None:
            return ANONYMOUS
        credential = self._tokens.find(authorization)
        if credential is None or self._is_stale(credential):
            raise failure(401, "Unauthorized", "Unauthorized")
        return credential.user

    def impersonate(self, user: User, name: str, groups: list[str]) -> User:
        """``kubectl --as name --as-group ...``, if ``user`` has the right to impersonate them."""
        if name.startswith(SERVICE_ACCOUNT_PREFIX):
            namespace, _colon, account = name.removeprefix(SERVICE_ACCOUNT_PREFIX).partition(":")
            self.authorize(user, Attributes("impersonate", "", "serviceaccounts", "", namespace, account))
            impersonated = service_account_user(namespace, account)
        else:
            self.authorize(user, Attributes("impersonate", "", "users", "", "", name))
            impersonated = User(name, (AUTHENTICATED,))
        for group in groups:
            self.authorize(user, Attributes("impersonate", "", "groups", "", "", group))
        return dataclasses.replace(impersonated, groups=(*groups, *impersonated.groups))

    def allows(self, user: User, attributes: Attributes) -> bool:
        return self._rbac.allows(user, attributes)

    def authorize(self, user: User, attributes: Attributes) -> None:
        if not self.allows(user, attributes):
            raise _forbidden(user, attributes)

    def rules(self, user: User, namespace: str) -> list[dict[str, object]]:
        return list(self._rbac.rules(user, namespace))

    def _is_stale(self, credential: Credential) -> bool:
        """A service account's token dies with its time and with the account."""
        if credential.expires is None:
            return False
        if datetime.datetime.now(datetime.UTC) >= credential.expires:
            return True
        namespace, _colon, name = credential.user.name.removeprefix(SERVICE_ACCOUNT_PREFIX).partition(":")
        account = self._client.get("serviceaccounts", name, namespace)
        return account is None or account["metadata"]["uid"] != credential.user.uid


def _forbidden(user: User, attributes: Attributes) -> ApiError:
    """Samples 30 and 31."""
    if attributes.path:
        return failure(
            403, "Forbidden", f'forbidden: User "{user.name}" cannot {attributes.verb} path "{attributes.path}"', {}
        )
    what = f"{attributes.plural}.{attributes.group}" if attributes.group else attributes.plural
    scope = f'in the namespace "{attributes.namespace}"' if attributes.namespace else "at the cluster scope"
    named = f'{what} "{attributes.name}"' if attributes.name else what
    message = (
        f'{named} is forbidden: User "{user.name}" cannot {attributes.verb} resource "{attributes.resource}" '
        f'in API group "{attributes.group}" {scope}'
    )
    details = {"name": attributes.name, "group": attributes.group, "kind": attributes.plural}
    return failure(403, "Forbidden", message, {key: value for key, value in details.items() if value})

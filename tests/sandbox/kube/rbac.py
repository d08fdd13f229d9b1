# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role based access control: which rules a user has, and whether they allow a request. Only allows, never denies.

The semantics are those of Kubernetes' RBAC authorizer. Aggregated cluster roles are not computed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

GROUP = "rbac.authorization.k8s.io"
SUPERUSERS = "system:masters"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
SERVICE_ACCOUNT_PREFIX = "system:serviceaccount:"

Rule = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class User:
    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""


ANONYMOUS = User("system:anonymous", (UNAUTHENTICATED,))


def service_account_user(namespace: str, name: str, uid: str = "") -> User:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
    return User(f"{SERVICE_ACCOUNT_PREFIX}{namespace}:{name}", groups, uid)


@dataclasses.dataclass(frozen=True)
class Attributes:
    """What is asked for: a resource, or (``path``) something that is no resource."""

    verb: str
    group: str = ""
    plural: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def resource(self) -> str:
        return f"{self.plural}/{self.subresource}" if self.subresource else self.plural


class RoleSource(Protocol):
    """Where roles and bindings are read: ``kube.client.Client`` in the server, a dictionary in a test."""

    def get(self, key: str, name: str, namespace: str = "") -> dict[str, Any] | None: ...

    def list(self, key: str, namespace: str = "") -> list[dict[str, Any]]: ...


class Rbac:
    def __init__(self, source: RoleSource) -> None:
        self._source = source

    def allows(self, user: User, attributes: Attributes) -> bool:
        if SUPERUSERS in user.groups:
            return True
        return any(rule_allows(rule, attributes) for rule in self.rules(user, attributes.namespace))

    def rules(self, user: User, namespace: str) -> Iterator[Rule]:
        """The rules that hold for ``user``: cluster wide ones, and those of ``namespace`` if it is not empty."""
        bindings = self._source.list(f"clusterrolebindings.{GROUP}")
        if namespace:
            bindings = bindings + self._source.list(f"rolebindings.{GROUP}", namespace)
        for binding in bindings:
            if any(_is_subject(subject, user) for subject in binding.get("subjects") or ()):
                yield from self._role_rules(binding)

    def _role_rules(self, binding: dict[str, Any]) -> list[Rule]:
        reference = binding["roleRef"]
        if reference["kind"] == "ClusterRole":
            role = self._source.get(f"clusterroles.{GROUP}", reference["name"])
        else:
            role = self._source.get(f"roles.{GROUP}", reference["name"], binding["metadata"]["namespace"])
        return (role or {}).get("rules") or []


def rule_allows(rule: Rule, attributes: Attributes) -> bool:
    if not _contains(rule.get("verbs"), attributes.verb):
        return False
    if attributes.path:
        return any(_path_matches(pattern, attributes.path) for pattern in rule.get("nonResourceURLs") or ())
    names = rule.get("resourceNames") or ()
    return (
        _contains(rule.get("apiGroups"), attributes.group)
        and any(_resource_matches(pattern, attributes) for pattern in rule.get("resources") or ())
        and (not names or attributes.name in names)
    )


def _contains(wanted: Iterable[str] | None, value: str) -> bool:
    return any(entry in ("*", value) for entry in wanted or ())


def _resource_matches(pattern: str, attributes: Attributes) -> bool:
    """``*`` is every resource and subresource, ``*/scale`` every resource's scale; ``pods`` is not ``pods/status``."""
    if pattern in ("*", attributes.resource):
        return True
    return bool(attributes.subresource) and pattern == f"*/{attributes.subresource}"


def _path_matches(pattern: str, path: str) -> bool:
    if pattern.endswith("*"):
        return path.startswith(pattern[:-1])
    return pattern == path


def _is_subject(subject: dict[str, Any], user: User) -> bool:
    if subject["kind"] == "User":
        return subject["name"] == user.name
    if subject["kind"] == "Group":
        return subject["name"] in user.groups
    return user.name == f"{SERVICE_ACCOUNT_PREFIX}{subject.get('namespace', '')}:{subject['name']}"

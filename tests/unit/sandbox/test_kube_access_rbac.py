# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RBAC rules: what they allow, resource by resource, and whom a binding means."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.kube.rbac import (
    ANONYMOUS,
    GROUP,
    Attributes,
    Rbac,
    User,
    rule_allows,
    service_account_user,
)

BOB = User("bob", ("developers", "system:authenticated"))
GET_PODS = Attributes("get", "", "pods", "", "default", "web-0")


def rule(verbs: str, groups: str, resources: str, names: str = "") -> dict[str, Any]:
    """Words separated by spaces; ``core`` is the group without a name."""
    found: dict[str, Any] = {
        "verbs": verbs.split(),
        "apiGroups": ["" if group == "core" else group for group in groups.split()],
        "resources": resources.split(),
    }
    if names:
        found["resourceNames"] = names.split()
    return found


@pytest.mark.parametrize(
    ("given", "asked", "allowed"),
    [
        (rule("get", "core", "pods"), GET_PODS, True),
        (rule("get list", "core apps", "pods statefulsets"), GET_PODS, True),
        (rule("list", "core", "pods"), GET_PODS, False),
        (rule("get", "apps", "pods"), GET_PODS, False),
        (rule("get", "core", "secrets"), GET_PODS, False),
        (rule("*", "*", "*"), GET_PODS, True),
        (rule("get", "core", "pods", "web-0"), GET_PODS, True),
        (rule("get", "core", "pods", "web-1"), GET_PODS, False),
        (rule("list", "core", "pods", "web-0"), Attributes("list", "", "pods", "", "default"), False),
        (rule("list", "core", "pods", "web-0"), Attributes("list", "", "pods", "", "default", "web-0"), True),
        (rule("patch", "apps", "statefulsets"), Attributes("patch", "apps", "statefulsets", "scale"), False),
        (rule("patch", "apps", "statefulsets/scale"), Attributes("patch", "apps", "statefulsets", "scale"), True),
        (rule("patch", "apps", "statefulsets/scale"), Attributes("patch", "apps", "statefulsets"), False),
        (rule("patch", "apps", "*/scale"), Attributes("patch", "apps", "statefulsets", "scale"), True),
        (rule("patch", "apps", "*/scale"), Attributes("patch", "apps", "statefulsets", "status"), False),
        (rule("patch", "apps", "*"), Attributes("patch", "apps", "statefulsets", "scale"), True),
        (rule("*", "*", "*"), Attributes("get", path="/metrics"), False),
        ({"verbs": ["get"], "nonResourceURLs": ["/metrics"]}, Attributes("get", path="/metrics"), True),
        ({"verbs": ["get"], "nonResourceURLs": ["/metrics"]}, Attributes("get", path="/metrics/all"), False),
        ({"verbs": ["get"], "nonResourceURLs": ["/apis/*"]}, Attributes("get", path="/apis/apps"), True),
        ({"verbs": ["get"], "nonResourceURLs": ["*"]}, GET_PODS, False),
    ],
)
def test_a_rule_allows_just_what_it_names(given: dict[str, Any], asked: Attributes, allowed: bool) -> None:
    assert rule_allows(given, asked) is allowed


class Roles:
    """A RoleSource of plain objects."""

    def __init__(self, **objects: list[dict[str, Any]]) -> None:
        self._objects = {f"{plural}.{GROUP}": found for plural, found in objects.items()}

    def get(self, key: str, name: str, namespace: str = "") -> dict[str, Any] | None:
        found = self.list(key, namespace)
        return next((obj for obj in found if obj["metadata"]["name"] == name), None)

    def list(self, key: str, namespace: str = "") -> Any:
        found = self._objects.get(key, [])
        return [obj for obj in found if not namespace or obj["metadata"].get("namespace") == namespace]


def role(name: str, *rules: dict[str, Any], namespace: str = "") -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, "rules": list(rules)}


def binding(kind: str, name: str, subject: dict[str, Any], namespace: str = "") -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": GROUP, "kind": kind, "name": name},
        "subjects": [subject],
    }


def rbac_with(subject: dict[str, Any]) -> Rbac:
    """``subject`` may get pods everywhere by a cluster role, and create them in ``default`` by a role."""
    return Rbac(
        Roles(
            clusterroles=[role("reader", rule("get", "core", "pods"))],
            clusterrolebindings=[binding("ClusterRole", "reader", subject)],
            roles=[role("maker", rule("create", "core", "pods"), namespace="default")],
            rolebindings=[binding("Role", "maker", subject, "default")],
        )
    )


@pytest.mark.parametrize(
    ("subject", "user"),
    [
        ({"kind": "User", "name": "bob"}, BOB),
        ({"kind": "Group", "name": "developers"}, BOB),
        ({"kind": "ServiceAccount", "name": "bot", "namespace": "ci"}, service_account_user("ci", "bot")),
        ({"kind": "Group", "name": "system:serviceaccounts"}, service_account_user("ci", "bot")),
        ({"kind": "Group", "name": "system:serviceaccounts:ci"}, service_account_user("ci", "bot")),
    ],
)
def test_a_binding_means_its_subject(subject: dict[str, Any], user: User) -> None:
    rbac = rbac_with(subject)
    assert rbac.allows(user, GET_PODS)
    assert rbac.allows(user, Attributes("create", "", "pods", "", "default"))
    assert not rbac.allows(user, Attributes("create", "", "pods", "", "other"))
    assert not rbac.allows(user, Attributes("create", "", "pods"))


@pytest.mark.parametrize(
    ("subject", "user"),
    [
        ({"kind": "User", "name": "alice"}, BOB),
        ({"kind": "Group", "name": "bob"}, BOB),
        ({"kind": "ServiceAccount", "name": "bot", "namespace": "ci"}, service_account_user("other", "bot")),
        ({"kind": "Group", "name": "system:authenticated"}, ANONYMOUS),
    ],
)
def test_a_binding_means_nobody_else(subject: dict[str, Any], user: User) -> None:
    assert not rbac_with(subject).allows(user, GET_PODS)


def test_masters_may_do_anything_without_any_role() -> None:
    master = User("root", ("system:masters",))
    assert Rbac(Roles()).allows(master, Attributes("delete", "any.group", "things"))
    assert Rbac(Roles()).allows(master, Attributes("get", path="/metrics"))


def test_a_binding_to_a_role_that_does_not_exist_gives_nothing() -> None:
    bindings = [binding("ClusterRole", "gone", {"kind": "User", "name": "bob"})]
    assert not Rbac(Roles(clusterrolebindings=bindings)).allows(BOB, GET_PODS)


def test_a_role_binding_to_a_cluster_role_holds_in_its_namespace() -> None:
    rbac = Rbac(
        Roles(
            clusterroles=[role("reader", rule("get", "core", "pods"))],
            rolebindings=[binding("ClusterRole", "reader", {"kind": "User", "name": "bob"}, "default")],
        )
    )
    assert rbac.allows(BOB, GET_PODS)
    assert not rbac.allows(BOB, Attributes("get", "", "pods", "", "other", "web-0"))

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what over HTTPS: users, service accounts, impersonation, and what they are told about their rights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.sandbox.kube_http import ADMIN, NOBODY, Cluster, Http, config_map, custom_definition, stateful_set

RBAC = "rbac.authorization.k8s.io"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
SETS = "/apis/apps/v1/namespaces/default/statefulsets"
MERGE = "application/merge-patch+json"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        yield cluster


def grant(cluster: Cluster, subject: dict[str, str], *rules: dict[str, Any], namespace: str = "default") -> None:
    """A Role with ``rules``, bound to ``subject``."""
    name = f"granted-{cluster.api.store.revision}"
    metadata = {"name": name, "namespace": namespace}
    cluster.client.create(f"roles.{RBAC}", {"metadata": metadata, "rules": list(rules)})
    reference = {"apiGroup": RBAC, "kind": "Role", "name": name}
    cluster.client.create(f"rolebindings.{RBAC}", {"metadata": metadata, "roleRef": reference, "subjects": [subject]})


def user(name: str) -> dict[str, str]:
    return {"kind": "User", "apiGroup": RBAC, "name": name}


def rule(verbs: list[str], group: str, resource: str, *names: str) -> dict[str, Any]:
    found: dict[str, Any] = {"verbs": verbs, "apiGroups": [group], "resources": [resource]}
    return {**found, "resourceNames": list(names)} if names else found


def service_account_token(cluster: Cluster, name: str, **spec: Any) -> Any:
    path = f"/api/v1/namespaces/default/serviceaccounts/{name}/token"
    return cluster.http().send("POST", path, {"spec": spec})


def can(http: Http, verb: str, resource: str, **attributes: str) -> bool:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    spec = {"resourceAttributes": {"verb": verb, "resource": resource, **attributes}}
    answer = http.send("POST", path, {"spec": spec})
    assert answer.status == 201
    return bool(answer.body["status"]["allowed"])


def test_a_role_gives_just_its_rights(cluster: Cluster) -> None:
    cluster.client.create("statefulsets.apps", stateful_set("web"))
    cluster.client.create("statefulsets.apps", stateful_set("db"))
    grant(cluster, user(NOBODY), rule(["patch"], "apps", "statefulsets/scale", "web"))
    http = cluster.http(NOBODY)
    patch = {"spec": {"replicas": 0}}
    assert http.send("PATCH", f"{SETS}/web/scale", patch, MERGE).status == 200
    assert http.send("PATCH", f"{SETS}/db/scale", patch, MERGE).status == 403
    assert http.send("PATCH", f"{SETS}/web", patch, MERGE).status == 403
    assert http.get(f"{SETS}/web/scale").status == 403


def test_a_refusal_comes_before_anything_is_found_out(cluster: Cluster) -> None:
    http = cluster.http(NOBODY)
    assert http.get(f"{SETS}/nope").body["message"] == (
        'statefulsets.apps "nope" is forbidden: User "nobody" cannot get resource "statefulsets" in API group "apps" '
        'in the namespace "default"'
    )
    assert http.get("/apis/nonsense.example/v1/things").status == 403
    assert http.get("/metrics").body["message"] == 'forbidden: User "nobody" cannot get path "/metrics"'


def test_resource_names_allow_a_watch_of_that_name(cluster: Cluster) -> None:
    grant(cluster, user(NOBODY), rule(["list", "watch"], "", "configmaps", "one"))
    http = cluster.http(NOBODY)
    assert http.get(f"{CONFIG_MAPS}?fieldSelector=metadata.name%3Done").status == 200
    assert http.get(f"{CONFIG_MAPS}?fieldSelector=metadata.name%3Dtwo").status == 403
    assert http.get(CONFIG_MAPS).status == 403


def test_applying_something_new_needs_create(cluster: Cluster) -> None:
    grant(cluster, user(NOBODY), rule(["patch"], "", "configmaps"))
    target, apply = f"{CONFIG_MAPS}/one?fieldManager=me", "application/apply-patch+yaml"
    refused = cluster.http(NOBODY).send("PATCH", target, config_map("one"), apply)
    assert refused.status == 403
    assert 'cannot create resource "configmaps"' in refused.body["message"]
    cluster.client.create("configmaps", config_map("one", namespace="default"))
    assert cluster.http(NOBODY).send("PATCH", target, config_map("one"), apply).status == 200


def test_everyone_with_a_token_may_look_at_discovery(cluster: Cluster) -> None:
    for path in ("/api", "/apis", "/apis/apps/v1", "/openapi/v3", "/version"):
        assert cluster.http(NOBODY).get(path).status == 200
    assert cluster.with_token(None).get("/apis").body["message"] == (
        'forbidden: User "system:anonymous" cannot get path "/apis"'
    )


def test_custom_resources_have_rights_as_any_other(cluster: Cluster) -> None:
    cluster.client.create("customresourcedefinitions.apiextensions.k8s.io", custom_definition())
    path = "/apis/apps.kruise.io/v1beta1/namespaces/default/statefulsets"
    assert cluster.http(NOBODY).get(path).status == 403
    grant(cluster, user(NOBODY), rule(["list"], "apps.kruise.io", "statefulsets"))
    assert cluster.http(NOBODY).get(path).status == 200


def test_a_service_account_acts_with_its_token(cluster: Cluster) -> None:
    cluster.client.create("serviceaccounts", {"metadata": {"name": "bot", "namespace": "default"}})
    answer = service_account_token(cluster, "bot")
    assert (answer.status, answer.body["kind"]) == (201, "TokenRequest")
    bot = cluster.with_token(answer.body["status"]["token"])
    assert 'User "system:serviceaccount:default:bot"' in bot.get(CONFIG_MAPS).body["message"]
    grant(
        cluster,
        {"kind": "ServiceAccount", "name": "bot", "namespace": "default"},
        rule(["list"], "", "configmaps"),
    )
    assert bot.get(CONFIG_MAPS).status == 200


def test_a_service_accounts_token_dies_with_it(cluster: Cluster) -> None:
    account = {"metadata": {"name": "bot", "namespace": "default"}}
    cluster.client.create("serviceaccounts", account)
    bot = cluster.with_token(service_account_token(cluster, "bot").body["status"]["token"])
    assert bot.get("/apis").status == 200
    cluster.client.delete("serviceaccounts", "bot", "default")
    assert bot.get("/apis").status == 401
    cluster.client.create("serviceaccounts", account)
    assert bot.get("/apis").status == 401


def test_a_token_is_for_a_service_account_that_exists_and_for_ten_minutes_at_least(cluster: Cluster) -> None:
    assert service_account_token(cluster, "nope").status == 404
    cluster.client.create("serviceaccounts", {"metadata": {"name": "bot", "namespace": "default"}})
    refused = service_account_token(cluster, "bot", expirationSeconds=10)
    assert (refused.status, refused.body["reason"]) == (422, "Invalid")


def test_an_admin_may_impersonate_and_others_may_not(cluster: Cluster) -> None:
    as_nobody = {"Impersonate_User": NOBODY}
    assert cluster.http(ADMIN).get(CONFIG_MAPS, **as_nobody).status == 403
    assert cluster.last_call().user == NOBODY
    refused = cluster.http(NOBODY).get(CONFIG_MAPS, Impersonate_User=ADMIN)
    assert (refused.status, 'cannot impersonate resource "users"' in refused.body["message"]) == (403, True)
    assert cluster.last_call().user == NOBODY
    as_master = {"Impersonate_User": "somebody", "Impersonate_Group": "system:masters"}
    assert cluster.http(ADMIN).get(CONFIG_MAPS, **as_master).status == 200
    bot = {"Impersonate_User": "system:serviceaccount:default:bot"}
    assert "system:serviceaccount:default:bot" in cluster.http(ADMIN).get(CONFIG_MAPS, **bot).body["message"]


def test_a_user_learns_what_he_may_do(cluster: Cluster) -> None:
    grant(cluster, user(NOBODY), rule(["get"], "", "configmaps"))
    http = cluster.http(NOBODY)
    assert can(http, "get", "configmaps", namespace="default")
    assert not can(http, "get", "configmaps", namespace="other")
    assert not can(http, "delete", "configmaps", namespace="default")
    rules = http.send(
        "POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {"spec": {"namespace": "default"}}
    ).body["status"]
    assert rule(["get"], "", "configmaps") in rules["resourceRules"]
    assert any("/apis" in entry["nonResourceURLs"] for entry in rules["nonResourceRules"])


def test_a_question_must_be_about_one_thing(cluster: Cluster) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    assert cluster.http().send("POST", path, {"spec": {}}).status == 400
    about_path = {"spec": {"nonResourceAttributes": {"verb": "get", "path": "/metrics"}}}
    assert cluster.http(NOBODY).send("POST", path, about_path).body["status"] == {"allowed": False}


def test_a_user_learns_who_he_is(cluster: Cluster) -> None:
    answer = cluster.http().send("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert answer.body["status"]["userInfo"] == {
        "username": ADMIN,
        "groups": ["system:masters", "system:authenticated"],
    }


def test_a_kubeconfig_is_only_for_users_that_exist(cluster: Cluster) -> None:
    config = cluster.server.kubeconfig(NOBODY)
    assert config["users"][0]["name"] == NOBODY
    assert config["clusters"][0]["cluster"]["server"] == cluster.server.url
    with pytest.raises(KeyError):
        cluster.server.kubeconfig("stranger")


def test_a_given_token_is_used(cluster: Cluster) -> None:
    assert cluster.access.add_user("carol", token="secret-of-carol") == "secret-of-carol"
    assert cluster.with_token("secret-of-carol").get("/apis").status == 200

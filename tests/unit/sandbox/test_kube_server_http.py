# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP of the Kubernetes API server: media types, statuses and headers (kubernetes-behaviour.md B1)."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import yaml

from tests.unit.sandbox.kube_http import NOBODY, Answer, Cluster, config_map, sample, volume, wait_until

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        yield cluster


def replayed(cluster: Cluster, name: str, user: str = "admin", path: str = "") -> tuple[Answer, dict[str, object]]:
    """The answer to the request of a sample, and the recorded response."""
    recorded = sample(name)
    request = recorded["request"]
    body = request["body"]
    raw = body.encode() if isinstance(body, str) else body
    answer = cluster.http(user).send(request["method"], path or request["path"], raw, request["contentType"])
    return answer, recorded["response"]


@pytest.mark.parametrize(
    ("name", "user"),
    [
        ("30-403", NOBODY),
        ("31-403-patch", NOBODY),
        ("37-unsupported-media-415", "admin"),
        ("38-bad-json-400", "admin"),
        ("39-unknown-resource-404", "admin"),
        ("c3-sts-wrong-apiversion", "admin"),
        ("c7-ns-missing", "admin"),
        ("c8-method-405", "admin"),
    ],
)
def test_a_recorded_refusal_is_answered_as_recorded(cluster: Cluster, name: str, user: str) -> None:
    cluster.client.create("persistentvolumes", volume("d-2zezlf9h1ooakvb96tu3"))
    answer, recorded = replayed(cluster, name, user)
    assert answer.status == recorded["status"]
    assert answer.body == recorded["body"]
    assert answer.headers["Content-Type"] == recorded["headers"]["Content-Type"]


def test_a_wrong_token_is_refused_as_recorded(cluster: Cluster) -> None:
    recorded = sample("29-401")["response"]
    answer = cluster.with_token("wrong").get("/api/v1/persistentvolumes")
    assert (answer.status, answer.body) == (recorded["status"], recorded["body"])
    assert (cluster.last_call().user, cluster.last_call().status, cluster.last_call().code) == ("", 401, "Unauthorized")


def test_unknown_fields_come_back_as_a_warning_header(cluster: Cluster) -> None:
    answer, recorded = replayed(cluster, "35-unknownfield-warn-dryrun")
    assert answer.status == recorded["status"]
    assert answer.headers["Warning"] == recorded["headers"]["Warning"]
    assert cluster.client.get("persistentvolumes", "bad") is None


def test_warning_about_unknown_fields_is_the_default(cluster: Cluster) -> None:
    answer = cluster.http().send("POST", CONFIG_MAPS, {**config_map("one"), "extra": 1})
    assert (answer.status, answer.headers["Warning"]) == (201, '299 - "unknown field \\"extra\\""')


def test_unknown_fields_are_refused_when_asked(cluster: Cluster) -> None:
    answer, recorded = replayed(cluster, "34-unknownfield-strict-400")
    assert (answer.status, answer.body) == (recorded["status"], recorded["body"])


def test_a_list_from_the_future_waits_and_gives_up(cluster: Cluster) -> None:
    recorded = sample("c1-list-rv-future")
    answer = cluster.http().get(recorded["request"]["path"])
    current = cluster.api.store.revision
    message = recorded["response"]["body"]["message"].replace("1378", str(current))
    assert answer.status == 504
    assert answer.headers["Retry-After"] == recorded["response"]["headers"]["Retry-After"]
    assert answer.body == {**recorded["response"]["body"], "message": message}


def test_a_list_from_the_near_future_waits_until_it_comes(cluster: Cluster) -> None:
    wanted = cluster.api.store.revision + 1
    answers: list[Answer] = []
    target = f"{CONFIG_MAPS}?resourceVersion={wanted}"
    reader = threading.Thread(target=lambda: answers.append(cluster.http().get(target)))
    reader.start()
    wait_until(lambda: cluster.log.last_number > 0, "the list arrives")
    cluster.client.create("configmaps", config_map("late", namespace="default"))
    reader.join()
    assert [item["metadata"]["name"] for item in answers[0].body["items"]] == ["late"]


def test_create_answers_201_and_update_200(cluster: Cluster) -> None:
    http = cluster.http()
    created = http.send("POST", CONFIG_MAPS, config_map("one"))
    replaced = http.send("PUT", f"{CONFIG_MAPS}/one", {**created.body, "data": {"key": "other"}})
    assert (created.status, replaced.status) == (201, 200)
    assert int(replaced.body["metadata"]["resourceVersion"]) > int(created.body["metadata"]["resourceVersion"])


def test_apply_answers_201_for_a_new_object_and_200_after_that(cluster: Cluster) -> None:
    body = yaml.safe_dump(config_map("one")).encode()
    target = f"{CONFIG_MAPS}/one?fieldManager=me"
    statuses = [cluster.http().send("PATCH", target, body, APPLY).status for _ in range(2)]
    assert statuses == [201, 200]


def test_apply_needs_a_field_manager(cluster: Cluster) -> None:
    answer = cluster.http().send("PATCH", f"{CONFIG_MAPS}/one", config_map("one"), APPLY)
    assert answer.status == 422
    assert answer.body["message"] == (
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
    )


def test_yaml_is_read_as_kubernetes_reads_it(cluster: Cluster) -> None:
    """A date stays a string; PyYAML alone would make a date object of it."""
    text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: dated, annotations: {day: 2026-11-22}}\n"
    answer = cluster.http().send("POST", CONFIG_MAPS, text, "application/yaml")
    assert answer.status == 201
    assert answer.body["metadata"]["annotations"] == {"day": "2026-11-22"}


def test_yaml_is_answered_when_asked(cluster: Cluster) -> None:
    cluster.client.create("configmaps", config_map("one", namespace="default"))
    answer = cluster.http().get(f"{CONFIG_MAPS}/one", Accept="application/yaml")
    assert answer.headers["Content-Type"] == "application/yaml"
    assert yaml.safe_load(answer.data)["data"] == {"key": "value"}


def test_a_client_that_prefers_protobuf_gets_json(cluster: Cluster) -> None:
    answer = cluster.http().get(CONFIG_MAPS, Accept="application/vnd.kubernetes.protobuf,application/json")
    assert (answer.status, answer.body["kind"]) == (200, "ConfigMapList")


def test_what_cannot_be_produced_is_not_acceptable(cluster: Cluster) -> None:
    answer = cluster.http().get(CONFIG_MAPS, Accept="application/vnd.kubernetes.protobuf")
    assert (answer.status, answer.body["reason"]) == (406, "NotAcceptable")


def test_an_object_in_an_unknown_format_is_refused(cluster: Cluster) -> None:
    answer = cluster.http().send("POST", CONFIG_MAPS, config_map("one"), "text/plain")
    assert (answer.status, answer.body["reason"]) == (415, "UnsupportedMediaType")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"{bad", "invalid character 'b' looking for beginning of object key string ({bad)"),
        (b"[1,x]", "invalid character 'x' looking for beginning of value (5b312c785d)"),
        (b'{"a"', "unexpected end of JSON input ({\"a\")"),
        (b'{"a" 1}', "invalid character '1' after object key ({\"a\" 1})"),
        (b'{"a":1 2}', "invalid character '2' after object key:value pair ({\"a\":1 2})"),
    ],
)
def test_a_broken_object_says_where_it_broke(cluster: Cluster, body: bytes, problem: str) -> None:
    answer = cluster.http().send("POST", CONFIG_MAPS, body)
    assert answer.status == 400
    assert answer.body["message"] == (
        "the object provided is unrecognized (must be of type ConfigMap): "
        f"couldn't get version/kind; json parse error: {problem}"
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", CONFIG_MAPS),
        ("PATCH", CONFIG_MAPS),
        ("POST", f"{CONFIG_MAPS}/one"),
        ("POST", "/api/v1/configmaps"),
        ("DELETE", "/api/v1/configmaps"),
        ("DELETE", "/apis/apps/v1/namespaces/default/statefulsets/web/status"),
        ("POST", "/apis/apps/v1/namespaces/default/statefulsets/web/scale"),
        ("GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
        ("GET", "/api/v1/namespaces/default/serviceaccounts/bot/token"),
    ],
)
def test_a_method_that_a_path_does_not_offer_is_405(cluster: Cluster, method: str, path: str) -> None:
    answer = cluster.http().send(method, path, {})
    assert (answer.status, answer.body["reason"]) == (405, "MethodNotAllowed")


@pytest.mark.parametrize(
    "path",
    [
        "/apis/apps/v1/namespaces/default/nonsense",
        "/apis/apps/v1beta1/namespaces/default/statefulsets",
        "/api/v1/configmaps/one",
        "/api/v1/namespaces/default/persistentvolumes",
        "/apis/apps/v1/namespaces/default/statefulsets/web/nonsense",
        "/api/v1/namespaces/default/configmaps/one/scale",
        "/nonsense",
        "/openapi/v2",
        "/openapi/v3/apis/nonsense/v1",
    ],
)
def test_a_path_that_leads_nowhere_is_a_plain_404(cluster: Cluster, path: str) -> None:
    answer = cluster.http().get(path)
    assert (answer.status, answer.body) == (404, "404 page not found\n")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("dryRun=Some", 'dryRun: Unsupported value: ["Some"]: supported values: "All"'),
        (
            "fieldValidation=Some",
            'fieldValidation: Unsupported value: "Some": supported values: "Ignore", "Strict", "Warn"',
        ),
    ],
)
def test_options_that_do_not_exist_are_refused(cluster: Cluster, query: str, message: str) -> None:
    answer = cluster.http().send("POST", f"{CONFIG_MAPS}?{query}", config_map("one"))
    assert (answer.status, answer.body["message"]) == (422, f'CreateOptions.meta.k8s.io "" is invalid: {message}')
    assert cluster.client.get("configmaps", "one", "default") is None


def test_delete_takes_options_from_its_body_or_its_query(cluster: Cluster) -> None:
    http = cluster.http()
    for name in ("one", "two"):
        cluster.client.create("configmaps", config_map(name, namespace="default"))
    refused = http.send("DELETE", f"{CONFIG_MAPS}/one", {"preconditions": {"uid": "other"}})
    rehearsed = [
        http.send("DELETE", f"{CONFIG_MAPS}/one", {"dryRun": ["All"]}),
        http.send("DELETE", f"{CONFIG_MAPS}/two?dryRun=All"),
    ]
    assert (refused.status, [answer.status for answer in rehearsed]) == (409, [200, 200])
    assert len(cluster.client.list("configmaps", "default")) == 2
    assert http.send("DELETE", f"{CONFIG_MAPS}?labelSelector=nobody").status == 200
    assert len(cluster.client.list("configmaps", "default")) == 2
    assert http.send("DELETE", CONFIG_MAPS).status == 200
    assert cluster.client.list("configmaps", "default") == []


def test_the_field_manager_defaults_to_the_user_agent(cluster: Cluster) -> None:
    created = cluster.http().send("POST", CONFIG_MAPS, config_map("one")).body
    assert [entry["manager"] for entry in created["metadata"]["managedFields"]] == ["zoneshift-tests"]


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_health_is_told_to_anyone(cluster: Cluster, path: str) -> None:
    answer = cluster.with_token(None).get(path)
    assert (answer.status, answer.body) == (200, "ok")


def test_the_version_is_that_of_the_recorded_control_plane(cluster: Cluster) -> None:
    version = cluster.with_token(None).get("/version").body
    assert (version["major"], version["minor"]) == ("1", "36")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", CONFIG_MAPS),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
        ("DELETE", f"{CONFIG_MAPS}/one"),
    ],
)
def test_a_body_that_is_no_object_is_a_bad_request(cluster: Cluster, method: str, path: str) -> None:
    assert cluster.http().send(method, path, ["list"]).status == 400


def test_a_body_may_come_in_chunks(cluster: Cluster) -> None:
    """As Go clients send one whose length they do not know; the connection stays usable."""
    http = cluster.http()
    parts = iter([b'{"metadata":', b'{"name":"one"}}'])
    headers = {**http.headers, "Content-Type": "application/json"}
    response = http.pool.request("POST", CONFIG_MAPS, body=parts, headers=headers, chunked=True)
    assert response.status == 201
    assert http.get(f"{CONFIG_MAPS}/one").status == 200
    assert http.pool.num_connections == 1


def test_connections_are_kept_and_closed_by_stop() -> None:
    before = set(threading.enumerate())
    cluster = Cluster()
    cluster.server.start()
    http = cluster.http()
    for _ in range(5):
        assert http.get("/version").status == 200
    assert http.pool.num_connections == 1
    cluster.server.stop()
    assert set(threading.enumerate()) == before


def test_stop_without_start_leaves_nothing_behind() -> None:
    before = set(threading.enumerate())
    Cluster().server.stop()
    assert set(threading.enumerate()) == before


def test_a_failure_of_the_server_itself_is_a_status(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(cluster.api, "list", broken)
    answer = cluster.http().get(CONFIG_MAPS)
    assert (answer.status, answer.body["reason"]) == (500, "InternalError")
    assert cluster.last_call().status == 500

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP of the Kubernetes API server: media types, statuses and headers (kubernetes-behaviour.md B1)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import yaml

from tests.unit.sandbox.kube_http import NOBODY, Answer, Cluster, config_map, sample, stateful_set, volume, wait_until

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
    statuses = [cluster.http().send("PATCH", target, body, APPLY).status for _time in range(2)]
    assert statuses == [201, 200]


def test_applying_the_same_again_later_writes_nothing(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The live volumeClaimTemplates have defaults that the applied ones lack; only a time would change."""
    target = "/apis/apps/v1/namespaces/default/statefulsets/web?fieldManager=me"
    first = cluster.http().send("PATCH", target, stateful_set("web"), APPLY)
    monkeypatch.setattr(cluster.api, "_clock", lambda: time.time() + 3600)
    again = cluster.http().send("PATCH", target, stateful_set("web"), APPLY)
    assert (first.status, again.status) == (201, 200)
    assert again.body == first.body


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
    for _request in range(5):
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

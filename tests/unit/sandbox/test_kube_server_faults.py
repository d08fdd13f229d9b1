# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The request log and the faults of the Kubernetes API server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import urllib3

from tests.sandbox.faults import Fault
from tests.unit.sandbox.kube_http import ADMIN, NOBODY, Cluster, config_map, stateful_set

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
SECRETS = "/api/v1/namespaces/default/secrets"
MERGE = "application/merge-patch+json"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        yield cluster


def test_the_log_says_what_was_asked(cluster: Cluster) -> None:
    cluster.client.create("statefulsets.apps", stateful_set("web"))
    patch = {"spec": {"replicas": 0}}
    path = "/apis/apps/v1/namespaces/default/statefulsets/web/scale?fieldManager=me"
    assert cluster.http().send("PATCH", path, patch, MERGE).status == 200
    call = cluster.last_call()
    assert (call.side, call.user, call.verb) == ("kubernetes", ADMIN, "patch")
    assert (call.resource, call.namespace, call.name) == ("statefulsets.apps/scale", "default", "web")
    assert (call.mutating, call.dry_run, call.status, call.code) == (True, False, 200, "")
    assert call.params == {"content_type": MERGE, "fieldManager": "me", "body": patch}


def test_a_create_is_logged_under_the_name_in_its_body(cluster: Cluster) -> None:
    cluster.http().send("POST", CONFIG_MAPS, config_map("one"))
    assert (cluster.last_call().verb, cluster.last_call().name) == ("create", "one")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{CONFIG_MAPS}?dryRun=All", config_map("two")),
        ("PATCH", f"{CONFIG_MAPS}/one?dryRun=All", {"data": {}}),
        ("DELETE", f"{CONFIG_MAPS}/one?dryRun=All", None),
        ("DELETE", f"{CONFIG_MAPS}/one", {"dryRun": ["All"]}),
    ],
)
def test_a_dry_run_is_not_mutating(cluster: Cluster, method: str, path: str, body: object) -> None:
    cluster.client.create("configmaps", config_map("one", namespace="default"))
    assert cluster.http().send(method, path, body, MERGE if method == "PATCH" else None).status in (200, 201)
    assert (cluster.last_call().mutating, cluster.last_call().dry_run) == (False, True)


def test_reads_and_questions_are_not_mutating(cluster: Cluster) -> None:
    http = cluster.http()
    http.get(CONFIG_MAPS)
    http.get("/apis")
    question = {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}
    http.send("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", question)
    assert [(call.verb, call.mutating) for call in cluster.log.calls()] == [
        ("list", False),
        ("get", False),
        ("create", False),
    ]
    assert cluster.log.calls()[1].params["path"] == "/apis"


def test_refused_requests_are_logged_with_their_reason(cluster: Cluster) -> None:
    cluster.http(NOBODY).send("DELETE", f"{CONFIG_MAPS}/one")
    call = cluster.last_call()
    assert (call.user, call.status, call.code, call.mutating) == (NOBODY, 403, "Forbidden", True)


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
def test_the_data_of_a_secret_is_in_no_log(cluster: Cluster, method: str) -> None:
    secret = {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": {"name": "key", "namespace": "default", "annotations": {"last": "hunter2"}},
        "stringData": {"password": "hunter2"},
    }
    if method != "POST":
        cluster.client.create("secrets", secret)
    path = SECRETS if method == "POST" else f"{SECRETS}/key"
    answer = cluster.http().send(method, path, secret, MERGE if method == "PATCH" else None)
    assert answer.status in (200, 201)
    assert "hunter2" not in str(cluster.log.calls())
    assert cluster.last_call().params["body"] == {"kind": "Secret", "metadata": {"name": "key"}}


def test_an_error_before_the_effect_leaves_nothing(cluster: Cluster) -> None:
    cluster.faults.add(Fault(side="kubernetes", verb="create", status=503, code="ServiceUnavailable", message="later"))
    answer = cluster.http().send("POST", CONFIG_MAPS, config_map("one"))
    assert (answer.status, answer.body["reason"], answer.body["message"]) == (503, "ServiceUnavailable", "later")
    assert cluster.client.list("configmaps") == []
    assert (cluster.last_call().status, cluster.last_call().code) == (503, "ServiceUnavailable")
    assert cluster.http().send("POST", CONFIG_MAPS, config_map("one")).status == 201


def test_an_error_after_the_effect_leaves_the_object(cluster: Cluster) -> None:
    cluster.faults.add(Fault(verb="create", resource="configmaps", name="o.e", moment="after", status=504))
    assert cluster.http().send("POST", CONFIG_MAPS, config_map("one")).status == 504
    assert len(cluster.client.list("configmaps")) == 1


def test_throttling_says_when_to_come_back(cluster: Cluster) -> None:
    cluster.faults.add(Fault(status=429, code="TooManyRequests"))
    answer = cluster.http().get(CONFIG_MAPS)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "1")


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("effect", ["drop", "hang"])
def test_a_broken_connection_comes_before_or_after_the_effect(cluster: Cluster, moment: str, effect: str) -> None:
    cluster.faults.add(Fault(effect=effect, moment=moment, verb="create", seconds=0.01))
    with pytest.raises(urllib3.exceptions.ProtocolError):
        cluster.http().send("POST", CONFIG_MAPS, config_map("one"))
    assert len(cluster.client.list("configmaps")) == (1 if moment == "after" else 0)
    assert (cluster.last_call().status, cluster.last_call().code) == (0, "Dropped")


def test_a_delay_only_takes_time(cluster: Cluster) -> None:
    cluster.faults.add(Fault(effect="delay", verb="list", seconds=0.05))
    start = time.monotonic()
    assert cluster.http().get(CONFIG_MAPS).status == 200
    assert time.monotonic() - start >= 0.05


def test_stop_does_not_wait_for_a_hanging_request() -> None:
    before = set(threading.enumerate())
    cluster = Cluster()
    cluster.server.start()
    cluster.faults.add(Fault(effect="hang", verb="list", seconds=3600))
    http = cluster.http()
    http.pool.timeout = urllib3.Timeout(read=0.2)
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        http.get(CONFIG_MAPS)
    cluster.server.stop()
    assert set(threading.enumerate()) == before


def test_a_watch_can_be_broken_off(cluster: Cluster) -> None:
    cluster.faults.add(Fault(effect="drop", moment="after", verb="watch"))
    stream = cluster.http().stream(f"{CONFIG_MAPS}?watch=true")
    assert stream.status == 200
    with pytest.raises(urllib3.exceptions.ProtocolError):
        list(stream)


def test_a_watch_can_end_with_an_error_event(cluster: Cluster) -> None:
    cluster.faults.add(Fault(moment="after", verb="watch", status=410, code="Expired", message="too old"))
    events = list(cluster.http().stream(f"{CONFIG_MAPS}?watch=true"))
    assert [(event["type"], event["object"]["reason"]) for event in events] == [("ERROR", "Expired")]


def test_query_parameters_can_be_matched(cluster: Cluster) -> None:
    cluster.faults.add(Fault(params={"fieldManager": "other"}, times=0))
    http = cluster.http()
    assert http.send("POST", f"{CONFIG_MAPS}?fieldManager=me", config_map("one")).status == 201
    assert http.send("POST", f"{CONFIG_MAPS}?fieldManager=other", config_map("two")).status == 500

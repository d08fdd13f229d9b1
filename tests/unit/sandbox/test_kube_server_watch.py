# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watch streams over HTTP (kubernetes-behaviour.md B2 and the samples w1-w8 tell what is in them)."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.unit.sandbox.kube_http import TABLE, Cluster, config_map, sample, wait_until

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        yield cluster


def create(cluster: Cluster, name: str, **metadata: object) -> str:
    """The resourceVersion of the new object."""
    created = cluster.client.create("configmaps", config_map(name, namespace="default", **metadata))
    return str(created["metadata"]["resourceVersion"])


def watching_threads() -> int:
    return sum("process_request" in thread.name for thread in threading.enumerate())


def test_a_watch_goes_on_from_a_resource_version(cluster: Cluster) -> None:
    create(cluster, "before")
    version = create(cluster, "seen")
    stream = cluster.http().stream(f"{CONFIG_MAPS}?watch=true&resourceVersion={version}")
    create(cluster, "after")
    event = next(stream)
    assert (stream.status, stream.headers["Transfer-Encoding"]) == (200, "chunked")
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "after")
    assert (event["object"]["kind"], event["object"]["apiVersion"]) == ("ConfigMap", "v1")


def test_a_watch_without_a_version_begins_with_what_is_there(cluster: Cluster) -> None:
    create(cluster, "there")
    stream = cluster.http().stream(f"{CONFIG_MAPS}?watch=1")
    assert next(stream)["object"]["metadata"]["name"] == "there"
    cluster.client.delete("configmaps", "there", "default")
    assert next(stream)["type"] == "DELETED"


def test_selectors_hold_for_a_watch(cluster: Cluster) -> None:
    selectors = "fieldSelector=metadata.name%3Dwanted&labelSelector=app%3Dweb"
    stream = cluster.http().stream(f"{CONFIG_MAPS}?watch=true&{selectors}")
    create(cluster, "unwanted", labels={"app": "web"})
    create(cluster, "wanted", labels={"app": "web"})
    assert next(stream)["object"]["metadata"]["name"] == "wanted"


def test_the_end_of_a_watch_is_announced_by_a_bookmark(cluster: Cluster) -> None:
    version = create(cluster, "one")
    target = f"{CONFIG_MAPS}?watch=true&allowWatchBookmarks=true&timeoutSeconds=1&resourceVersion={version}"
    events = list(cluster.http().stream(target))
    assert [event["type"] for event in events] == ["BOOKMARK"]
    assert int(events[0]["object"]["metadata"]["resourceVersion"]) >= int(version)


def test_initial_events_end_with_a_marked_bookmark(cluster: Cluster) -> None:
    """What newer client-go reflectors ask for instead of a list."""
    create(cluster, "one")
    options = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    stream = cluster.http().stream(f"{CONFIG_MAPS}?watch=true&{options}")
    events = [next(stream), next(stream)]
    assert [event["type"] for event in events] == ["ADDED", "BOOKMARK"]
    assert events[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_initial_events_need_a_version_match(cluster: Cluster) -> None:
    answer = cluster.http().get(f"{CONFIG_MAPS}?watch=true&sendInitialEvents=true")
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")


def test_a_compacted_version_is_an_error_event(cluster: Cluster) -> None:
    """410 comes inside a stream whose status is 200, as from the real watch cache."""
    version = create(cluster, "one")
    create(cluster, "two")
    cluster.api.store.compact()
    stream = cluster.http().stream(f"{CONFIG_MAPS}?watch=true&resourceVersion={version}")
    events = list(stream)
    assert stream.status == 200
    assert [(event["type"], event["object"]["code"], event["object"]["reason"]) for event in events] == [
        ("ERROR", 410, "Expired")
    ]


def test_a_watch_of_tables_defines_the_columns_once(cluster: Cluster) -> None:
    create(cluster, "one")
    stream = cluster.http().stream(f"{CONFIG_MAPS}?watch=true&includeObject=Object", Accept=TABLE)
    create(cluster, "two")
    first, second = next(stream)["object"], next(stream)["object"]
    assert [column["name"] for column in first["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert second["columnDefinitions"] is None
    assert second["rows"][0]["cells"][:2] == ["two", 1]
    assert second["rows"][0]["object"]["kind"] == "ConfigMap"


def test_events_are_those_of_the_recorded_delete(cluster: Cluster) -> None:
    """w1: taking the last finalizer off a Terminating object brings DELETED with the finalizer still in it."""
    recorded = [event for event in sample("w1-watch-pv-delete-recreate-bind") if event["type"] == "DELETED"]
    assert recorded[0]["object"]["metadata"]["finalizers"]
    version = create(cluster, "held", finalizers=["test.example/hold"])
    stream = cluster.http().stream(f"{CONFIG_MAPS}?watch=true&resourceVersion={version}")
    cluster.client.delete("configmaps", "held", "default")
    cluster.client.patch("configmaps", "held", {"metadata": {"finalizers": None}}, "default")
    marked, deleted = next(stream), next(stream)
    assert (marked["type"], deleted["type"]) == ("MODIFIED", "DELETED")
    assert deleted["object"]["metadata"]["finalizers"] == ["test.example/hold"]
    assert deleted["object"]["metadata"]["resourceVersion"] > marked["object"]["metadata"]["resourceVersion"]


def test_a_client_that_leaves_frees_its_thread(cluster: Cluster) -> None:
    stream = cluster.http().stream(f"{CONFIG_MAPS}?watch=true")
    wait_until(lambda: watching_threads() == 1, "the watch runs")
    stream.close()
    wait_until(lambda: watching_threads() == 0, "the watch ends")


def test_stop_ends_watches() -> None:
    before = set(threading.enumerate())
    cluster = Cluster()
    cluster.server.start()
    stream = cluster.http().stream(f"{CONFIG_MAPS}?watch=true")
    wait_until(lambda: watching_threads() == 1, "the watch runs")
    cluster.server.stop()
    assert set(threading.enumerate()) == before
    stream.close()


def test_a_watch_is_logged_as_such(cluster: Cluster) -> None:
    cluster.http().stream(f"{CONFIG_MAPS}?watch=true&fieldSelector=metadata.name%3Done").close()
    call = cluster.last_call()
    assert (call.verb, call.resource, call.name) == ("watch", "configmaps", "one")
    assert (call.mutating, call.status) == (False, 200)

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of controllers: subscriptions, events, absent objects."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.kube.errors import ApiError
from tests.sandbox.kube.store import HISTORY_LIMIT
from tests.unit.sandbox.kube_helpers import Cluster, config_map, pod, refusal

GENEROUS = 30


class Listener:
    """Collects what a subscription tells and waits for it."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, Any]] = []
        self._changed = threading.Condition()

    def __call__(self, type_: str, obj: dict[str, Any], previous: dict[str, Any] | None) -> None:
        with self._changed:
            before = previous and previous.get("data")
            self.told.append((type_, obj["metadata"]["name"], before))
            self._changed.notify_all()

    def wait_for(self, count: int) -> list[tuple[str, str, Any]]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.told) >= count, GENEROUS), self.told
            return list(self.told)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    yield cluster
    cluster.client.stop()


def test_a_subscription_tells_what_is_there_and_then_every_change(cluster: Cluster) -> None:
    cluster.client.create("configmaps", config_map("a"))
    listener = Listener()
    cluster.client.subscribe("configmaps", listener)
    listener.wait_for(1)
    cluster.client.patch("configmaps", "a", {"data": {"a": "2"}}, "default")
    cluster.client.delete("configmaps", "a", "default")
    assert listener.wait_for(3) == [("ADDED", "a", None), ("MODIFIED", "a", {"a": "1"}), ("DELETED", "a", {"a": "2"})]


def test_a_handler_that_fails_does_not_end_the_subscription(cluster: Cluster) -> None:
    listener = Listener()

    def handler(type_: str, obj: dict[str, Any], previous: dict[str, Any] | None) -> None:
        listener(type_, obj, previous)
        raise RuntimeError("on purpose")

    cluster.client.subscribe("configmaps", handler)
    for name in "ab":
        cluster.client.create("configmaps", config_map(name))
    assert [name for _type, name, _previous in listener.wait_for(2)] == ["a", "b"]


def test_a_subscription_survives_the_loss_of_history(cluster: Cluster) -> None:
    """The handler is held up until the history that it has not seen is gone: it then learns the difference."""
    listener, seen, go_on = Listener(), threading.Event(), threading.Event()

    def handler(type_: str, obj: dict[str, Any], previous: dict[str, Any] | None) -> None:
        listener(type_, obj, previous)
        seen.set()
        assert go_on.wait(GENEROUS)

    cluster.client.create("configmaps", config_map("a"))
    cluster.client.create("configmaps", config_map("b"))
    cluster.client.subscribe("configmaps", handler)
    assert seen.wait(GENEROUS)
    cluster.client.delete("configmaps", "a", "default")
    cluster.client.patch("configmaps", "b", {"data": {"a": "2"}}, "default")
    cluster.client.create("configmaps", config_map("c"))
    cluster.api.store.compact()
    go_on.set()
    told = listener.wait_for(5)
    assert told[:2] == [("ADDED", "a", None), ("ADDED", "b", None)]
    assert sorted(told[2:]) == [("ADDED", "c", None), ("DELETED", "a", {"a": "1"}), ("MODIFIED", "b", {"a": "1"})]


def test_stop_ends_every_thread(cluster: Cluster) -> None:
    before = threading.active_count()
    for key in ("configmaps", "pods"):
        cluster.client.subscribe(key, Listener())
    cluster.client.stop()
    assert threading.active_count() == before


def test_many_changes_arrive_in_order(cluster: Cluster) -> None:
    versions: list[int] = []
    done = threading.Event()
    count = HISTORY_LIMIT // 40

    def handler(_type: str, obj: dict[str, Any], _previous: dict[str, Any] | None) -> None:
        versions.append(int(obj["metadata"]["resourceVersion"]))
        if obj["metadata"]["name"] == "last":
            done.set()

    cluster.client.subscribe("configmaps", handler)
    for number in range(count):
        cluster.client.create("configmaps", config_map(f"m{number}"))
    cluster.client.create("configmaps", config_map("last"))
    assert done.wait(GENEROUS)
    assert versions == sorted(versions) and len(versions) == count + 1


def test_no_update_of_concurrent_writers_is_lost(cluster: Cluster) -> None:
    """Read, change, PUT, and again after a 409: the resourceVersion must catch every overlap."""
    writers, rounds = 4, 25
    cluster.client.create("configmaps", config_map("counter"))
    cluster.client.patch("configmaps", "counter", {"data": {"n": "0"}}, "default")

    def count() -> None:
        done = 0
        while done < rounds:
            obj = cluster.client.get("configmaps", "counter", "default")
            assert obj
            obj["data"]["n"] = str(int(obj["data"]["n"]) + 1)
            try:
                cluster.client.update("configmaps", obj)
                done += 1
            except ApiError as error:
                assert error.reason == "Conflict"

    threads = [threading.Thread(target=count) for _writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(GENEROUS)
    counter = cluster.client.get("configmaps", "counter", "default")
    assert counter and counter["data"]["n"] == str(writers * rounds)


def test_what_is_absent(cluster: Cluster) -> None:
    assert cluster.client.get("configmaps", "nope", "default") is None
    refusal(404, cluster.client.delete, "configmaps", "nope", "default")


def test_listed_objects_say_what_they_are(cluster: Cluster) -> None:
    cluster.client.create("configmaps", config_map("a"))
    (found,) = cluster.client.list("configmaps")
    assert (found["kind"], found["apiVersion"]) == ("ConfigMap", "v1")


def test_the_same_event_is_counted(cluster: Cluster) -> None:
    subject = cluster.client.create("pods", pod("p"))
    for _time in range(3):
        cluster.client.event(subject, "Warning", "FailedScheduling", "no node", "default-scheduler")
        cluster.now += 1
    cluster.client.event(subject, "Warning", "FailedScheduling", "another text", "default-scheduler")
    found = {event["message"]: event for event in cluster.client.list("events")}
    assert {message: event["count"] for message, event in found.items()} == {"no node": 3, "another text": 1}
    event = found["no node"]
    assert (event["firstTimestamp"], event["lastTimestamp"]) == ("2023-11-14T22:13:20Z", "2023-11-14T22:13:22Z")
    assert event["involvedObject"]["uid"] == subject["metadata"]["uid"]
    assert event["metadata"]["name"].startswith("p.")

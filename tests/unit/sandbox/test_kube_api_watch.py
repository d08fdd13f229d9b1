# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches: where they start, what a selector makes of changes, how they end."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.unit.sandbox.kube_helpers import Cluster, config_map, refusal


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def drained(watch: Any) -> list[tuple[str, str]]:
    """Everything that the watch has to say now."""
    found = []
    while event := watch.next(0):
        found.append((event["type"], event["object"]["metadata"].get("name", "")))
    return found


def test_from_a_version_on_every_change_comes_in_order(cluster: Cluster) -> None:
    cluster.client.create("configmaps", config_map("old"))
    version = cluster.list("configmaps")["metadata"]["resourceVersion"]
    cluster.client.create("configmaps", config_map("new"))
    cluster.client.patch("configmaps", "new", {"data": {"a": "2"}}, "default")
    cluster.client.delete("configmaps", "new", "default")
    watch = cluster.watch("configmaps", resource_version=version)
    assert drained(watch) == [("ADDED", "new"), ("MODIFIED", "new"), ("DELETED", "new")]


def test_without_a_version_it_begins_with_what_is_there(cluster: Cluster) -> None:
    cluster.client.create("configmaps", config_map("a"))
    watch = cluster.watch("configmaps")
    cluster.client.create("configmaps", config_map("b"))
    assert drained(watch) == [("ADDED", "a"), ("ADDED", "b")]


def test_events_carry_kind_and_version_and_rising_resource_versions(cluster: Cluster) -> None:
    watch = cluster.watch("configmaps")
    cluster.client.create("configmaps", config_map("a"))
    cluster.client.delete("configmaps", "a", "default")
    added, deleted = watch.next(0), watch.next(0)
    assert (added["object"]["kind"], added["object"]["apiVersion"]) == ("ConfigMap", "v1")
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in (added, deleted)]
    assert versions[1] == versions[0] + 1


def test_an_object_that_stops_matching_is_deleted_for_the_watcher(cluster: Cluster) -> None:
    cluster.client.create("configmaps", config_map("a", app="web"))
    version = cluster.list("configmaps")["metadata"]["resourceVersion"]
    watch = cluster.watch("configmaps", resource_version=version, label_selector="app=web")
    cluster.client.create("configmaps", config_map("other", app="x"))
    cluster.client.patch("configmaps", "a", {"metadata": {"labels": {"app": "x"}}}, "default")
    cluster.client.patch("configmaps", "a", {"metadata": {"labels": {"app": "web"}}}, "default")
    cluster.client.delete("configmaps", "a", "default")
    assert drained(watch) == [("DELETED", "a"), ("ADDED", "a"), ("DELETED", "a")]


def test_a_namespace_sees_only_its_own(cluster: Cluster) -> None:
    cluster.client.create("namespaces", {"metadata": {"name": "elsewhere"}})
    watch = cluster.watch("configmaps", "elsewhere")
    cluster.client.create("configmaps", config_map("a"))
    assert drained(watch) == []


def test_initial_events_end_with_a_bookmark(cluster: Cluster) -> None:
    cluster.client.create("configmaps", config_map("a"))
    watch = cluster.watch("configmaps", send_initial_events=True, allow_bookmarks=True)
    assert watch.next(0)["type"] == "ADDED"
    bookmark = watch.next(0)
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert bookmark["object"]["metadata"]["resourceVersion"] == str(cluster.api.store.revision)


def test_a_compacted_version_is_gone(cluster: Cluster) -> None:
    cluster.client.create("configmaps", config_map("a"))
    cluster.api.store.compact()
    cluster.client.create("configmaps", config_map("b"))
    watch = cluster.watch("configmaps", resource_version="1")
    event = watch.next(0)
    assert event["type"] == "ERROR"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
    assert watch.next(0) is None and watch.ended


def test_a_version_in_the_future_is_refused(cluster: Cluster) -> None:
    error = refusal(504, cluster.watch, "configmaps", resource_version="99999")
    assert error.message == f"Timeout: Too large resource version: 99999, current: {cluster.api.store.revision}"


def test_its_timeout_ends_it_with_a_bookmark(cluster: Cluster) -> None:
    watch = cluster.watch("configmaps", timeout=0, allow_bookmarks=True)
    assert [event["type"] for event in watch] == ["BOOKMARK"]
    assert watch.ended


def test_stop_wakes_whoever_waits(cluster: Cluster) -> None:
    watch = cluster.watch("configmaps")
    waiter = threading.Thread(target=lambda: list(watch))
    waiter.start()
    watch.stop()
    waiter.join(30)
    assert not waiter.is_alive()


def test_a_waiting_watch_gets_the_next_change(cluster: Cluster) -> None:
    watch = cluster.watch("configmaps")
    seen: list[str] = []
    waiter = threading.Thread(target=lambda: seen.append(next(watch)["object"]["metadata"]["name"]))
    waiter.start()
    cluster.client.create("configmaps", config_map("a"))
    waiter.join(30)
    assert seen == ["a"]

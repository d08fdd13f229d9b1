# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deletes: finalizers, grace, propagation, namespaces, and what watches see (B2)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.kube.options import DeleteOptions, ListOptions
from tests.unit.sandbox.kube_helpers import Cluster, claim, config_map, pod, refusal, stateful_set, volume

Obj = dict[str, Any]


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def deleted(cluster: Cluster, key: str, name: str, **options: Any) -> Obj:
    resource = cluster.resource(key)
    return cluster.api.delete(resource, "default" if resource.namespaced else "", name, DeleteOptions(**options))


def events(cluster: Cluster, key: str, since: str) -> list[tuple[str, Obj]]:
    watch = cluster.watch(key, resource_version=since)
    found = []
    while event := watch.next(0):
        found.append((event["type"], event["object"]))
    return found


def test_the_last_finalizer_takes_the_object_with_it(cluster: Cluster) -> None:
    """w1: the DELETED event still shows the finalizer, under a new resourceVersion."""
    cluster.client.create("persistentvolumes", volume("v"))
    marked = deleted(cluster, "persistentvolumes", "v")
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 0
    answer = cluster.client.patch("persistentvolumes", "v", {"metadata": {"finalizers": None}})
    assert "finalizers" not in answer["metadata"]
    assert answer["metadata"]["resourceVersion"] == marked["metadata"]["resourceVersion"]
    assert cluster.client.get("persistentvolumes", "v") is None
    ((type_, obj),) = events(cluster, "persistentvolumes", marked["metadata"]["resourceVersion"])
    assert type_ == "DELETED"
    assert obj["metadata"]["finalizers"] == ["kubernetes.io/pv-protection"]
    assert int(obj["metadata"]["resourceVersion"]) == int(marked["metadata"]["resourceVersion"]) + 1


def test_a_second_delete_changes_nothing(cluster: Cluster) -> None:
    cluster.client.create("persistentvolumeclaims", claim("c"))
    first = deleted(cluster, "persistentvolumeclaims", "c")
    cluster.now += 100
    assert deleted(cluster, "persistentvolumeclaims", "c") == first


class TestPods:
    @pytest.fixture(autouse=True)
    def running(self, cluster: Cluster) -> None:
        cluster.client.create("pods", pod("web-0"))
        cluster.client.bind("web-0", "default", "node-1")

    def test_a_running_pod_has_its_grace(self, cluster: Cluster) -> None:
        marked = deleted(cluster, "pods", "web-0")
        assert marked["metadata"]["deletionGracePeriodSeconds"] == 30
        assert marked["metadata"]["deletionTimestamp"] == "2023-11-14T22:13:50Z"
        assert marked["metadata"]["generation"] == 2
        assert cluster.client.get("pods", "web-0", "default") == marked

    def test_grace_zero_shows_a_last_state_and_removes(self, cluster: Cluster) -> None:
        """w3: MODIFIED with grace 0, then DELETED."""
        since = deleted(cluster, "pods", "web-0")["metadata"]["resourceVersion"]
        cluster.now += 2
        deleted(cluster, "pods", "web-0", grace=0)
        seen = events(cluster, "pods", since)
        assert [type_ for type_, _obj in seen] == ["MODIFIED", "DELETED"]
        for _type, obj in seen:
            assert obj["metadata"]["deletionGracePeriodSeconds"] == 0
            assert obj["metadata"]["deletionTimestamp"] == "2023-11-14T22:13:22Z"

    def test_a_longer_grace_cannot_be_had_later(self, cluster: Cluster) -> None:
        first = deleted(cluster, "pods", "web-0", grace=5)
        assert deleted(cluster, "pods", "web-0", grace=60) == first
        assert deleted(cluster, "pods", "web-0") == first

    def test_a_finalizer_keeps_it_even_without_grace(self, cluster: Cluster) -> None:
        cluster.client.patch("pods", "web-0", {"metadata": {"finalizers": ["example.com/x"]}}, "default")
        deleted(cluster, "pods", "web-0", grace=0)
        assert cluster.client.get("pods", "web-0", "default")
        cluster.client.patch("pods", "web-0", {"metadata": {"finalizers": None}}, "default")
        assert cluster.client.get("pods", "web-0", "default") is None

    def test_taking_its_finalizer_does_not_cut_the_grace_short(self, cluster: Cluster) -> None:
        cluster.client.patch("pods", "web-0", {"metadata": {"finalizers": ["example.com/x"]}}, "default")
        deleted(cluster, "pods", "web-0")
        cluster.client.patch("pods", "web-0", {"metadata": {"finalizers": None}}, "default")
        assert cluster.client.get("pods", "web-0", "default")

    def test_without_a_node_it_goes_at_once(self, cluster: Cluster) -> None:
        cluster.client.create("pods", pod("pending"))
        assert deleted(cluster, "pods", "pending")["kind"] == "Pod"
        assert cluster.client.get("pods", "pending", "default") is None

    def test_once_it_has_ended_it_goes_at_once(self, cluster: Cluster) -> None:
        cluster.client.patch("pods", "web-0", {"status": {"phase": "Succeeded"}}, "default", "status")
        deleted(cluster, "pods", "web-0")
        assert cluster.client.get("pods", "web-0", "default") is None


@pytest.mark.parametrize(
    ("propagation", "finalizers"),
    [
        ("Orphan", ["orphan"]),
        ("Foreground", ["foregroundDeletion"]),
        ("Background", None),
        ("", None),
    ],
)
def test_propagation_leaves_the_collectors_finalizer(cluster: Cluster, propagation: str, finalizers: Any) -> None:
    cluster.client.create("statefulsets.apps", stateful_set("web"))
    answer = deleted(cluster, "statefulsets.apps", "web", propagation=propagation)
    left = cluster.client.get("statefulsets.apps", "web", "default")
    assert (left or {}).get("metadata", {}).get("finalizers") == finalizers
    assert answer["kind"] == ("StatefulSet" if finalizers else "Status")


def test_dry_run_deletes_nothing(cluster: Cluster) -> None:
    cluster.client.create("configmaps", config_map("a"))
    revision = cluster.api.store.revision
    assert deleted(cluster, "configmaps", "a", dry_run=True)["status"] == "Success"
    assert cluster.api.store.revision == revision
    assert cluster.client.get("configmaps", "a", "default")


def test_preconditions_that_hold(cluster: Cluster) -> None:
    metadata = cluster.client.create("configmaps", config_map("a"))["metadata"]
    refusal(409, deleted, cluster, "configmaps", "a", uid="other")
    deleted(cluster, "configmaps", "a", uid=metadata["uid"], resource_version=metadata["resourceVersion"])
    assert cluster.client.get("configmaps", "a", "default") is None


def test_a_collection_goes_by_its_selector(cluster: Cluster) -> None:
    for name, app in (("a", "web"), ("b", "web"), ("c", "db")):
        cluster.client.create("configmaps", config_map(name, app=app))
    selection = ListOptions(label_selector="app=web")
    maps = cluster.resource("configmaps")
    answer = cluster.api.delete_collection(maps, "default", DeleteOptions(), selection)
    assert [item["metadata"]["name"] for item in answer["items"]] == ["a", "b"]
    assert [item["metadata"]["name"] for item in cluster.client.list("configmaps")] == ["c"]


class TestNamespaces:
    @pytest.fixture(autouse=True)
    def terminating(self, cluster: Cluster) -> Obj:
        cluster.client.create("namespaces", {"metadata": {"name": "shop"}})
        cluster.client.create("configmaps", {"metadata": {"name": "old", "namespace": "shop"}})
        return deleted(cluster, "namespaces", "shop")

    def test_it_terminates_first(self, cluster: Cluster) -> None:
        shop = cluster.client.get("namespaces", "shop")
        assert shop and shop["status"]["phase"] == "Terminating"
        assert shop["spec"]["finalizers"] == ["kubernetes"]

    def test_nothing_new_comes_in(self, cluster: Cluster) -> None:
        new = {"metadata": {"name": "new", "namespace": "shop"}}
        error = refusal(403, cluster.client.create, "configmaps", new)
        assert error.message == (
            'configmaps "new" is forbidden: unable to create new content in namespace shop because it is being '
            "terminated"
        )
        assert error.status["details"]["causes"][0]["reason"] == "NamespaceTerminating"

    def test_finalize_ends_it(self, cluster: Cluster, terminating: Obj) -> None:
        cluster.client.update("namespaces", {**terminating, "spec": {"finalizers": []}}, "finalize")
        assert cluster.client.get("namespaces", "shop") is None

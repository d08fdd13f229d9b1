# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates and updates: what the server keeps, fills in and ignores."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.sandbox.kube.options import WriteOptions
from tests.unit.sandbox.kube_helpers import Cluster, claim, config_map, pod, refusal, stateful_set, volume

Obj = dict[str, Any]


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_the_callers_object_stays_as_it_was(cluster: Cluster) -> None:
    given = stateful_set("web")
    before = copy.deepcopy(given)
    created = cluster.client.create("statefulsets.apps", given)
    assert given == before
    created["spec"]["template"]["spec"]["containers"][0]["image"] = "changed"
    stored = cluster.client.get("statefulsets.apps", "web", "default")
    assert stored and stored["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:1"


def test_a_status_is_the_servers_on_create_and_ignored_on_update(cluster: Cluster) -> None:
    created = cluster.client.create("persistentvolumes", {**volume("v"), "status": {"phase": "Bound"}})
    assert created["status"]["phase"] == "Pending"
    updated = cluster.client.update("persistentvolumes", {**created, "status": {"phase": "Bound"}})
    assert updated["status"]["phase"] == "Pending"


def test_a_node_registers_with_its_status(cluster: Cluster) -> None:
    status = {"capacity": {"cpu": "4"}}
    created = cluster.client.create("nodes", {"metadata": {"name": "node-k-1"}, "status": status})
    assert created["status"] == status
    patched = cluster.client.patch("nodes", "node-k-1", {"status": {"capacity": {"cpu": "8"}}})
    assert patched["status"] == status


def test_the_status_path_changes_nothing_but_the_status(cluster: Cluster) -> None:
    cluster.client.create("persistentvolumes", volume("v"))
    cluster.now += 60
    patch = {"spec": {"storageClassName": "other"}, "status": {"phase": "Available"}}
    updated = cluster.client.patch("persistentvolumes", "v", patch, subresource="status")
    assert "storageClassName" not in updated["spec"]
    assert updated["status"] == {"phase": "Available", "lastPhaseTransitionTime": "2023-11-14T22:14:20Z"}


def test_generation_counts_changes_of_the_spec_only(cluster: Cluster) -> None:
    web = cluster.client.create("statefulsets.apps", stateful_set("web"))
    steps: list[tuple[Obj, str, int]] = [
        ({"metadata": {"labels": {"a": "b"}}}, "", 1),
        ({"status": {"replicas": 1}}, "status", 1),
        ({"spec": {"replicas": 2}}, "", 2),
        ({"spec": {"replicas": 2}}, "", 2),
        ({"spec": {"replicas": 0}}, "scale", 3),
    ]
    assert web["metadata"]["generation"] == 1
    for patch, subresource, expected in steps:
        cluster.client.patch("statefulsets.apps", "web", patch, "default", subresource)
        web = cluster.client.get("statefulsets.apps", "web", "default") or {}
        assert web["metadata"]["generation"] == expected


def test_a_write_that_changes_nothing_is_none(cluster: Cluster) -> None:
    created = cluster.client.create("configmaps", config_map("a"))
    cluster.now += 60
    assert cluster.client.patch("configmaps", "a", {"data": {"a": "1"}}, "default") == created
    assert cluster.client.update("configmaps", created) == created


def test_counters_of_zero_leave_the_status(cluster: Cluster) -> None:
    """B2: readyReplicas is absent, not 0."""
    cluster.client.create("statefulsets.apps", stateful_set("web"))
    status = {"replicas": 0, "readyReplicas": 0, "currentReplicas": 0, "updatedReplicas": 0, "availableReplicas": 0}
    updated = cluster.client.patch("statefulsets.apps", "web", {"status": status}, "default", "status")
    assert updated["status"] == {"replicas": 0, "availableReplicas": 0}


def test_dry_run_stores_nothing(cluster: Cluster) -> None:
    options = WriteOptions(dry_run=True)
    maps = cluster.resource("configmaps")
    revision = cluster.api.store.revision
    answer = cluster.api.create(maps, "default", config_map("a"), options)
    assert answer["metadata"]["uid"] and "resourceVersion" not in answer["metadata"]
    assert cluster.client.get("configmaps", "a", "default") is None
    assert cluster.api.store.revision == revision


def test_generated_names_begin_as_wished_and_differ(cluster: Cluster) -> None:
    names = {
        cluster.client.create("configmaps", {"metadata": {"generateName": "run-", "namespace": "default"}})["metadata"][
            "name"
        ]
        for _object in range(20)
    }
    assert len(names) == 20
    assert all(name.startswith("run-") and len(name) == 9 for name in names)


def test_null_is_absent(cluster: Cluster) -> None:
    given = claim("c", storageClassName=None, volumeName=None)
    created = cluster.client.create("persistentvolumeclaims", given)
    assert "storageClassName" not in created["spec"] and "volumeName" not in created["spec"]


def test_the_default_class_is_chosen_only_when_none_is_named(cluster: Cluster) -> None:
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
    cluster.client.create(
        "storageclasses.storage.k8s.io",
        {
            "metadata": {"name": "standard", "annotations": annotations},
            "provisioner": "x",
        },
    )
    chosen = cluster.client.create("persistentvolumeclaims", claim("a"))
    unchosen = cluster.client.create("persistentvolumeclaims", claim("b", storageClassName=""))
    assert (chosen["spec"]["storageClassName"], unchosen["spec"]["storageClassName"]) == ("standard", "")


def test_a_pod_gets_its_node_by_binding_and_only_once(cluster: Cluster) -> None:
    labels = {"topology.kubernetes.io/zone": "k", "topology.kubernetes.io/region": "r", "other": "x"}
    cluster.client.create("nodes", {"metadata": {"name": "node-k-1", "labels": labels}})
    cluster.client.create("pods", pod("p"))
    refusal(422, cluster.client.patch, "pods", "p", {"spec": {"nodeName": "node-k-1"}}, "default")
    bound = cluster.client.bind("p", "default", "node-k-1")
    assert bound["spec"]["nodeName"] == "node-k-1"
    assert bound["metadata"]["labels"] == {
        "app": "web",
        "topology.kubernetes.io/zone": "k",
        "topology.kubernetes.io/region": "r",
    }
    assert [condition["type"] for condition in bound["status"]["conditions"]] == ["PodScheduled"]
    error = refusal(409, cluster.client.bind, "p", "default", "node-k-1")
    assert error.message == (
        'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "node-k-1"'
    )


def test_put_creates_where_the_real_server_does(cluster: Cluster) -> None:
    lease = {"metadata": {"name": "l", "namespace": "default"}, "spec": {"holderIdentity": "me"}}
    refusal(404, cluster.client.update, "configmaps", config_map("a"))
    created = cluster.client.update("leases.coordination.k8s.io", lease)
    assert created["metadata"]["uid"]
    error = refusal(422, cluster.client.update, "leases.coordination.k8s.io", lease)
    assert "metadata.resourceVersion" in error.message


def test_an_address_is_given_once(cluster: Cluster) -> None:
    spec = {"ports": [{"port": 80}]}
    first, second = (
        cluster.client.create("services", {"metadata": {"name": name, "namespace": "default"}, "spec": spec})
        for name in ("a", "b")
    )
    assert first["spec"]["clusterIP"] != second["spec"]["clusterIP"]
    del first["spec"]["clusterIP"], first["spec"]["clusterIPs"]
    assert cluster.client.update("services", first)["spec"]["clusterIP"]
    refusal(422, cluster.client.patch, "services", "a", {"spec": {"clusterIP": "10.96.9.9"}}, "default")

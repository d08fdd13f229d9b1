# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded cluster as a whole, over HTTPS, and what kubectl was recorded to send to a real one (k2, k3)."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.kube.cluster import EmbeddedCluster
from tests.sandbox.kube.controllers.objects import name, owners
from tests.unit.sandbox.controller_objects import (
    NODES,
    PODS,
    SETS,
    new_node,
    new_set,
)
from tests.unit.sandbox.kube_http import SAMPLES, Http, wait_until

SET_PATH = "/apis/apps/v1/namespaces/default/statefulsets"


@pytest.fixture
def cluster() -> Iterator[EmbeddedCluster]:
    running = EmbeddedCluster()
    running.start()
    yield running
    running.stop()


def http(cluster: EmbeddedCluster, user: str = "admin") -> Http:
    return Http(cluster.server, cluster.access.token_of(user))


def recorded(sample: str) -> list[tuple[str, str]]:
    """Method and path of every request in a kubectl log."""
    text = (SAMPLES / sample).read_text(encoding="utf-8")
    return re.findall(r"\] (GET|PATCH|DELETE|PUT|POST) https://[^/]+(/\S+)", text)


def run(cluster: EmbeddedCluster) -> None:
    """The set r1 of the recordings, whose pod has a node and no kubelet."""
    client = cluster.client()
    client.create(NODES, new_node("i"))
    client.patch(NODES, "node-zone-i", {"status": {"allocatable": {"pods": "10"}}}, subresource="status")
    stateful_set = new_set("r1", replicas=1, volumeClaimTemplates=[])
    del stateful_set["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    client.create(SETS, stateful_set)
    wait_until(lambda: bool(client.list(PODS, field_selector="spec.nodeName=node-zone-i")), "the pod is scheduled")


def test_the_system_namespaces_are_there(cluster: EmbeddedCluster) -> None:
    found = http(cluster).send("GET", "/api/v1/namespaces").body["items"]
    assert {name(each) for each in found} == {"default", "kube-system", "kube-public", "kube-node-lease"}


def test_users_are_added_and_have_no_rights_of_their_own(cluster: EmbeddedCluster) -> None:
    cluster.add_user("somebody")
    assert http(cluster, "somebody").send("GET", "/api/v1/nodes").status == 403
    cluster.add_user("root", groups=("system:masters",))
    assert http(cluster, "root").send("GET", "/api/v1/nodes").status == 200
    kubeconfig = cluster.kubeconfig("somebody")
    assert kubeconfig["clusters"][0]["cluster"]["server"] == cluster.server.url


def test_what_is_written_over_http_is_acted_on(cluster: EmbeddedCluster) -> None:
    admin = http(cluster)
    assert admin.send("POST", SET_PATH, new_set()).status == 201
    path = "/api/v1/namespaces/default/pods/web-0"
    wait_until(lambda: admin.send("GET", path).status == 200, "the controller creates web-0")


def test_kubectl_scale_sends_what_was_recorded_and_the_pods_go(cluster: EmbeddedCluster) -> None:
    """k2"""
    run(cluster)
    requests = recorded("k2-kubectl-v8-scale.txt")
    assert [method for method, _answer in requests] == ["GET", "PATCH"]
    admin = http(cluster)
    for method, path in requests:
        body = {"spec": {"replicas": 0}} if method == "PATCH" else None
        assert admin.send(method, path, body, "application/merge-patch+json").status == 200
    client = cluster.client()
    wait_until(lambda: all("deletionTimestamp" in pod["metadata"] for pod in client.list(PODS)), "the pod is deleted")


def test_kubectl_delete_orphan_sends_what_was_recorded_and_the_pod_stays(cluster: EmbeddedCluster) -> None:
    """k3; after the DELETE kubectl waits until a GET or a watch tells that the set is gone."""
    run(cluster)
    requests = recorded("k3-kubectl-v8-delete-orphan.txt")
    assert [method for method, _answer in requests] == ["DELETE", "GET", "GET", "GET"]
    admin = http(cluster)
    deleted, one, listed, watched = (path for _method, path in requests)
    assert admin.send("DELETE", deleted, {"propagationPolicy": "Orphan"}).status == 200
    wait_until(lambda: admin.send("GET", one).status == 404, "the set is gone")
    answer = admin.send("GET", listed)
    assert (answer.status, answer.body["items"]) == (200, [])
    assert "fieldSelector=metadata.name%3Dr1" in watched and "watch=true" in watched
    (pod,) = cluster.client().list(PODS)
    assert owners(pod) == [] and "deletionTimestamp" not in pod["metadata"]


def test_stopping_ends_every_thread() -> None:
    before = set(threading.enumerate())
    cluster = EmbeddedCluster()
    cluster.start()
    run(cluster)
    cluster.stop()
    left: list[Any] = [thread for thread in threading.enumerate() if thread not in before and thread.is_alive()]
    assert left == []


def test_a_cluster_that_was_never_started_can_be_stopped() -> None:
    EmbeddedCluster().stop()

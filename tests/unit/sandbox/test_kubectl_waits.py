# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kubectl's commands that wait: watches, waits, deletions, rollouts."""

from __future__ import annotations

import select
from collections.abc import Iterator
from typing import IO, Any

import pytest

from tests.unit.sandbox.kube_http import (
    DEADLINE_SECONDS,
    Cluster,
    config_map,
    custom_definition,
    stateful_set,
    wait_until,
)
from tests.unit.sandbox.kubectl_runner import Kubectl


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        yield cluster


@pytest.fixture
def web(cluster: Cluster) -> None:
    cluster.client.create("statefulsets.apps", stateful_set("web"))


def live(cluster: Cluster) -> dict[str, Any]:
    found = cluster.client.get("statefulsets.apps", "web", "default")
    assert found is not None
    return found


def wait_for_watch(cluster: Cluster, since: int = 0) -> None:
    """Until a watch is open: what changes from then on is an event of it."""
    wait_until(
        lambda: any(call.verb == "watch" and call.status == 200 for call in cluster.log.calls(since)), "kubectl watches"
    )


def next_line(stream: IO[str]) -> str:
    """A line that is still to come; an empty one when none comes in time."""
    readable, _writable, _broken = select.select([stream], [], [], DEADLINE_SECONDS)
    return stream.readline() if readable else ""


def test_get_watches(kubectl: Kubectl, cluster: Cluster, web: None) -> None:
    process = kubectl.start("get", "sts", "web", "--watch", "--no-headers")
    assert process.stdout is not None
    try:
        assert next_line(process.stdout).split()[:2] == ["web", "0/2"]
        wait_for_watch(cluster)
        cluster.client.patch("statefulsets.apps", "web", {"spec": {"replicas": 3}}, "default")
        assert next_line(process.stdout).split()[:2] == ["web", "0/3"]
    finally:
        process.terminate()
        process.communicate()


def test_delete_waits_for_finalizers(kubectl: Kubectl, cluster: Cluster) -> None:
    cluster.client.create("configmaps", config_map("held", namespace="default", finalizers=["test.example/hold"]))
    process = kubectl.start("delete", "configmap", "held")
    wait_for_watch(cluster)
    assert process.poll() is None
    cluster.client.patch("configmaps", "held", {"metadata": {"finalizers": None}}, "default")
    out, errors = process.communicate(timeout=60)
    # kubectl names the namespace from 1.34 on.
    assert out in ('configmap "held" deleted\n', 'configmap "held" deleted from default namespace\n')
    assert (process.returncode, errors) == (0, "")


def test_wait_for_a_condition_a_value_and_a_deletion(kubectl: Kubectl, cluster: Cluster, web: None) -> None:
    process = kubectl.start("wait", "--for=jsonpath={.status.readyReplicas}=2", "sts/web", "--timeout=60s")
    wait_for_watch(cluster)
    cluster.client.patch("statefulsets.apps", "web", {"status": {"readyReplicas": 2}}, "default", "status")
    assert process.communicate(timeout=60)[0] == "statefulset.apps/web condition met\n"
    cluster.client.create("customresourcedefinitions.apiextensions.k8s.io", custom_definition())
    kubectl.run("wait", "--for=condition=Established", "crd/statefulsets.apps.kruise.io", "--timeout=60s")
    before = cluster.log.last_number
    process = kubectl.start("wait", "--for=delete", "sts/web", "--timeout=60s")
    wait_for_watch(cluster, before)
    cluster.client.delete("statefulsets.apps", "web", "default")
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_rollout_status_follows_a_restart(kubectl: Kubectl, cluster: Cluster, web: None) -> None:
    kubectl.run("rollout", "restart", "sts", "web")
    restarted = live(cluster)
    assert restarted["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"]
    process = kubectl.start("rollout", "status", "sts", "web", "--timeout=60s")
    wait_for_watch(cluster)
    counts = dict.fromkeys(["replicas", "readyReplicas", "availableReplicas", "updatedReplicas", "currentReplicas"], 2)
    revisions = {"currentRevision": "web-2", "updateRevision": "web-2"}
    status = {"observedGeneration": restarted["metadata"]["generation"], **counts, **revisions}
    cluster.client.patch("statefulsets.apps", "web", {"status": status}, "default", "status")
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "complete" in out

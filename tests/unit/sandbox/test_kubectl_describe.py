# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``kubectl describe`` and ``kubectl get`` of objects as a real control plane made them (the recorded objects)."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.sandbox.kube_http import Cluster, sample
from tests.unit.sandbox.kubectl_runner import Kubectl

RECORDED = {
    "pods": "00-object-pod",
    "persistentvolumeclaims": "00-object-pvc-bound",
    "persistentvolumes": "00-object-pv-bound",
    "statefulsets.apps": "00-object-sts",
    "volumeattachments.storage.k8s.io": "00-object-volumeattachment",
}


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """With the recorded objects, a node, a class and an event."""
    with Cluster() as cluster:
        for key, name in RECORDED.items():
            store(cluster, key, sample(name))
        store(cluster, "nodes", node())
        parameters = {"type": "cloud_essd"}
        cluster.client.create(
            "storageclasses.storage.k8s.io",
            {
                "metadata": {"name": "alicloud-disk-essd"},
                "provisioner": "diskplugin.csi.alibabacloud.com",
                "parameters": parameters,
                "volumeBindingMode": "WaitForFirstConsumer",
                "allowVolumeExpansion": True,
            },
        )
        yield cluster


def node() -> dict[str, Any]:
    return {
        "metadata": {"name": "node-zone-i", "labels": {"topology.kubernetes.io/zone": "cn-beijing-i"}},
        "spec": {"providerID": "cn-beijing.i-1"},
        "status": {
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ready"}],
            "capacity": {"cpu": "4", "memory": "16Gi", "pods": "110"},
            "allocatable": {"cpu": "4", "memory": "16Gi", "pods": "110"},
            "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
            "nodeInfo": {"kubeletVersion": "v1.36.2", "osImage": "Sandbox"},
        },
    }


def store(cluster: Cluster, key: str, recorded: dict[str, Any]) -> None:
    """The object as recorded, its status included, past everything that the API would say about a new one."""
    obj = copy.deepcopy(recorded)
    resource = cluster.api.registry.by_key(key)
    metadata = obj["metadata"]
    metadata.setdefault("uid", f"uid-of-{metadata['name']}")
    metadata.setdefault("creationTimestamp", "2026-11-22T20:00:00Z")
    obj = {"kind": resource.kind, "apiVersion": resource.api_version, **obj}
    cluster.api.store.put(key, metadata.get("namespace", ""), metadata["name"], obj)


def described(kubectl: Kubectl, kind: str, name: str) -> dict[str, str]:
    """The top-level ``Name: value`` lines."""
    found = {}
    for line in kubectl.run("describe", kind, name).splitlines():
        field, separator, value = line.partition(":")
        if separator and not line.startswith(" "):
            found[field] = value.strip()
    return found


def test_describe_pod(kubectl: Kubectl, cluster: Cluster) -> None:
    pod = sample("00-object-pod")
    stored = cluster.client.get("pods", pod["metadata"]["name"], "default")
    assert stored is not None
    cluster.client.event(stored, "Normal", "Started", "Started container nginx", "kubelet")
    text = kubectl.run("describe", "pod", pod["metadata"]["name"])
    assert "Started container nginx" in text
    assert f"{pod['spec']['nodeName']}/" in text
    assert described(kubectl, "pod", pod["metadata"]["name"])["Status"] == "Running"


def test_describe_claim_and_volume(kubectl: Kubectl) -> None:
    claim, volume = sample("00-object-pvc-bound"), sample("00-object-pv-bound")
    shown = described(kubectl, "pvc", claim["metadata"]["name"])
    assert (shown["Status"], shown["Volume"], shown["Capacity"]) == ("Bound", claim["spec"]["volumeName"], "20Gi")
    shown = described(kubectl, "pv", volume["metadata"]["name"])
    reference = volume["spec"]["claimRef"]
    assert (shown["Status"], shown["Claim"]) == ("Bound", f"{reference['namespace']}/{reference['name']}")


def test_describe_set_node_and_class(kubectl: Kubectl) -> None:
    assert described(kubectl, "sts", "web")["Replicas"] == "2 desired | 2 total"
    assert described(kubectl, "sc", "alicloud-disk-essd")["Provisioner"] == "diskplugin.csi.alibabacloud.com"
    text = kubectl.run("describe", "node", "node-zone-i")
    assert "topology.kubernetes.io/zone=cn-beijing-i" in text
    assert "KubeletReady" in text


@pytest.mark.parametrize(
    ("kind", "header"),
    [
        ("pods", "NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES"),
        (
            "pvc",
            "NAME STATUS VOLUME CAPACITY ACCESS MODES STORAGECLASS VOLUMEATTRIBUTESCLASS AGE VOLUMEMODE",
        ),
        (
            "pv",
            "NAME CAPACITY ACCESS MODES RECLAIM POLICY STATUS CLAIM STORAGECLASS VOLUMEATTRIBUTESCLASS REASON AGE "
            "VOLUMEMODE",
        ),
        ("sts", "NAME READY AGE CONTAINERS IMAGES"),
        (
            "nodes",
            "NAME STATUS ROLES AGE VERSION INTERNAL-IP EXTERNAL-IP OS-IMAGE KERNEL-VERSION CONTAINER-RUNTIME",
        ),
        ("storageclasses", "NAME PROVISIONER RECLAIMPOLICY VOLUMEBINDINGMODE ALLOWVOLUMEEXPANSION AGE"),
        ("volumeattachments", "NAME ATTACHER PV NODE ATTACHED AGE"),
        ("namespaces", "NAME STATUS AGE"),
    ],
)
def test_the_wide_header_is_the_real_one(kubectl: Kubectl, kind: str, header: str) -> None:
    first = kubectl.run("get", kind, "-o", "wide").splitlines()[0]
    assert " ".join(first.split()) == header


def test_events_are_shown_under_their_object(kubectl: Kubectl, cluster: Cluster) -> None:
    claim = cluster.client.get("persistentvolumeclaims", sample("00-object-pvc-bound")["metadata"]["name"], "default")
    assert claim is not None
    cluster.client.event(claim, "Warning", "ClaimLost", "Bound claim has lost its PersistentVolume", "binder")
    rows = kubectl.columns("get", "events")
    assert rows[0] == ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert rows[1][1:4] == ["Warning", "ClaimLost", f"persistentvolumeclaim/{claim['metadata']['name']}"]

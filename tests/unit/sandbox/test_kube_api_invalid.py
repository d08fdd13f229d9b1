# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server refuses, and the few changes of immutable fields that it allows, beyond the samples."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.kube.options import WriteOptions
from tests.sandbox.kube.quantities import parse_quantity
from tests.unit.sandbox.kube_helpers import Cluster, claim, config_map, pod, refusal, stateful_set, volume

Obj = dict[str, Any]


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"uid": "other"}, 422),
        ({"resourceVersion": "1"}, 409),
        ({"deletionTimestamp": "2020-01-01T00:00:00Z"}, 422),
        ({"labels": {"a b": "c"}}, 422),
        ({"labels": {"a": "-"}}, 422),
        ({"labels": {"a": 1}}, 422),
        ({"finalizers": ["x"]}, 422),
        ({"annotations": {"a": "x" * 262145}}, 422),
        ({"name": "other"}, 400),
        ({"namespace": "other"}, 400),
        ({"ownerReferences": [{"kind": "Pod"}]}, 422),
    ],
)
def test_metadata_that_is_refused(cluster: Cluster, patch: Obj, expected: int) -> None:
    before = cluster.client.create("configmaps", config_map("a"))
    refusal(expected, cluster.client.patch, "configmaps", "a", {"metadata": patch}, "default")
    assert cluster.client.get("configmaps", "a", "default") == before


@pytest.mark.parametrize(
    ("key", "obj", "field"),
    [
        ("persistentvolumes", volume("v", accessModes=["Sometimes"]), "spec.accessModes"),
        ("persistentvolumes", volume("v", hostPath={"path": "/x"}), "spec.hostPath"),
        ("persistentvolumes", volume("v", capacity={"storage": "0"}), "spec.capacity[storage]"),
        ("persistentvolumes", volume("v", csi={"driver": "x"}), "spec.csi.volumeHandle"),
        ("persistentvolumes", volume("v", nodeAffinity={}), "spec.nodeAffinity.required"),
        ("persistentvolumes", volume("v", persistentVolumeReclaimPolicy="Keep"), "spec.persistentVolumeReclaimPolicy"),
        ("persistentvolumeclaims", claim("c", volumeMode="Tape"), "spec.volumeMode"),
        ("persistentvolumeclaims", claim("c", resources={"requests": {"storage": "-1"}}), "spec.resources[storage]"),
        ("statefulsets.apps", stateful_set("web", replicas=-1), "spec.replicas"),
        ("statefulsets.apps", stateful_set("web", selector=None), "spec.selector"),
        ("statefulsets.apps", stateful_set("web", selector={}), "spec.selector"),
        ("pods", pod("p", containers=[]), "spec.containers"),
        ("pods", pod("p", containers=[{"name": "c"}]), "spec.containers[0].image"),
        (
            "pods",
            pod("p", containers=[{"name": "c", "image": "x", "volumeMounts": [{"name": "m", "mountPath": "/"}]}]),
            "spec.containers[0].volumeMounts[0].name",
        ),
        ("services", {"metadata": {"name": "s", "namespace": "default"}, "spec": {}}, "spec.ports"),
        (
            "services",
            {"metadata": {"name": "1s", "namespace": "default"}, "spec": {"clusterIP": "None"}},
            "metadata.name",
        ),
        ("storageclasses.storage.k8s.io", {"metadata": {"name": "s"}}, "provisioner"),
        ("volumeattachments.storage.k8s.io", {"metadata": {"name": "a"}}, "spec.attacher"),
        (
            "leases.coordination.k8s.io",
            {"metadata": {"name": "l", "namespace": "default"}, "spec": {"leaseDurationSeconds": 0}},
            "spec.leaseDurationSeconds",
        ),
        ("namespaces", {"metadata": {"name": "a.b"}}, "metadata.name"),
    ],
)
def test_objects_that_are_invalid(cluster: Cluster, key: str, obj: Obj, field: str) -> None:
    error = refusal(422, cluster.client.create, key, obj)
    assert field in [cause["field"] for cause in error.status["details"]["causes"]]


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"replicas": "2"}, "cannot unmarshal string into Go struct field StatefulSetSpec.spec.replicas of type int32"),
        ({"template": []}, "cannot unmarshal array into Go struct field StatefulSetSpec.spec.template"),
        ({"replicas": True}, "cannot unmarshal bool into Go struct field StatefulSetSpec.spec.replicas of type int32"),
    ],
)
def test_values_of_a_wrong_type_do_not_decode(cluster: Cluster, spec: Obj, told: str) -> None:
    error = refusal(400, cluster.client.create, "statefulsets.apps", stateful_set("web", **spec))
    assert told in error.message


def test_a_quantity_that_is_none_does_not_decode(cluster: Cluster) -> None:
    error = refusal(400, cluster.client.create, "persistentvolumes", volume("v", capacity={"storage": "much"}))
    assert "quantities must match the regular expression" in error.message


def test_unknown_fields_are_never_kept(cluster: Cluster) -> None:
    options = WriteOptions(field_validation="Warn")
    given = pod("p", containers=[{"name": "c", "image": "x", "imag": "y"}], nodeNam="z")
    created = cluster.api.create(cluster.resource("pods"), "default", given, options)
    assert options.warnings == ['unknown field "spec.containers[0].imag"', 'unknown field "spec.nodeNam"']
    assert "nodeNam" not in created["spec"] and "imag" not in created["spec"]["containers"][0]


def affinity(key: str) -> Obj:
    expression = {"key": key, "operator": "In", "values": ["k"]}
    return {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}


def test_node_affinity_can_be_set_once_and_then_only_change_to_the_ga_label(cluster: Cluster) -> None:
    def change(key: str) -> Obj:
        return cluster.client.patch("persistentvolumes", "v", {"spec": {"nodeAffinity": affinity(key)}})

    cluster.client.create("persistentvolumes", volume("v"))
    change("failure-domain.beta.kubernetes.io/zone")
    refusal(422, change, "topology.kubernetes.io/region")
    changed = change("topology.kubernetes.io/zone")
    assert changed["spec"]["nodeAffinity"] == affinity("topology.kubernetes.io/zone")


class TestClaims:
    @pytest.fixture(autouse=True)
    def pending(self, cluster: Cluster) -> None:
        cluster.client.create("persistentvolumeclaims", claim("c", storageClassName="fast"))

    def change(self, cluster: Cluster, spec: Obj) -> Obj:
        return cluster.client.patch("persistentvolumeclaims", "c", {"spec": spec}, "default")

    def bind(self, cluster: Cluster) -> None:
        self.change(cluster, {"volumeName": "v"})
        status = {"status": {"phase": "Bound", "capacity": {"storage": "20Gi"}}}
        cluster.client.patch("persistentvolumeclaims", "c", status, "default", "status")

    def test_its_volume_can_be_named_once(self, cluster: Cluster) -> None:
        self.change(cluster, {"volumeName": "v"})
        refusal(422, self.change, cluster, {"volumeName": "w"})

    def test_it_grows_only_when_bound(self, cluster: Cluster) -> None:
        refusal(422, self.change, cluster, {"resources": {"requests": {"storage": "30Gi"}}})

    def test_it_grows_only_when_its_class_allows_it(self, cluster: Cluster) -> None:
        self.bind(cluster)
        more = {"resources": {"requests": {"storage": "30Gi"}}}
        error = refusal(403, self.change, cluster, more)
        assert "the storageclass that provisions the pvc must support resize" in error.message
        cluster.client.create(
            "storageclasses.storage.k8s.io",
            {
                "metadata": {"name": "fast"},
                "provisioner": "x",
                "allowVolumeExpansion": True,
            },
        )
        self.change(cluster, more)
        self.change(cluster, {"resources": {"requests": {"storage": "25Gi"}}})
        refusal(422, self.change, cluster, {"resources": {"requests": {"storage": "20Gi"}}})


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ("1Gi", "2Gi"),
        ("1000M", "1Gi"),
        ("999Mi", "1Gi"),
        ("100m", "1"),
        ("1k", "1Ki"),
        ("1e3", "1001"),
        ("0.5", "501m"),
        ("5n", "1u"),
    ],
)
def test_quantities_compare(less: str, more: str) -> None:
    assert parse_quantity(less) < parse_quantity(more)


@pytest.mark.parametrize("text", ["", "x", "1Gib", "Gi", "1 Gi", "1e", "--1"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        parse_quantity(text)

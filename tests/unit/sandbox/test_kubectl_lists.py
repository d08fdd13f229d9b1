# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kubectl with a ``kind: List``, whose items it validates itself instead of leaving that to the server (OpenAPI v2)."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.kube.openapi_v2 import PROTOBUF, PROTOBUF_OF_OLD
from tests.sandbox.manifests import CLUSTER, WEB
from tests.unit.sandbox.kube_http import Cluster, config_map, custom_definition, stateful_set, volume, wait_until
from tests.unit.sandbox.kubectl_runner import Kubectl

CRD_KEY = "customresourcedefinitions.apiextensions.k8s.io"
KRUISE = "apps.kruise.io/v1alpha1"
DETAILED = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {"replicas": {"type": "integer"}, "partition": {"x-kubernetes-int-or-string": True}},
        }
    },
}


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        yield cluster


def listed(*items: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "List", "items": list(items)}


def changed(obj: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """With these fields in its ``spec``; ``None`` takes one out."""
    wanted = copy.deepcopy(obj)
    wanted["spec"] = {key: value for key, value in {**wanted["spec"], **spec}.items() if value is not None}
    return wanted


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (WEB, ["service/nginx", "statefulset.apps/web"]),
        (
            CLUSTER,
            [
                "csidriver.storage.k8s.io/diskplugin.csi.alibabacloud.com",
                "storageclass.storage.k8s.io/alicloud-disk-essd",
                "storageclass.storage.k8s.io/alicloud-disk-auto",
                "storageclass.storage.k8s.io/alicloud-disk-efficiency",
                "storageclass.storage.k8s.io/alicloud-disk-ssd",
                "storageclass.storage.k8s.io/alicloud-disk-topology-alltype",
            ],
        ),
    ],
)
def test_the_manifests_of_the_sandbox_can_be_applied(kubectl: Kubectl, path: Path, names: list[str]) -> None:
    assert kubectl.run("apply", "-f", str(path)).splitlines() == [f"{name} created" for name in names]


@pytest.mark.parametrize(
    ("item", "refusal"),
    [
        (
            changed(stateful_set("web"), replicaz=2),
            'ValidationError(StatefulSet.spec): unknown field "replicaz" in V1StatefulSetSpec',
        ),
        (
            changed(stateful_set("web"), replicas="two"),
            'invalid type for V1StatefulSetSpec.replicas: got "string", expected "integer"',
        ),
        (
            changed(stateful_set("web"), selector=None),
            'ValidationError(StatefulSet.spec): missing required field "selector" in V1StatefulSetSpec',
        ),
        (
            changed(volume("d-1"), capacity=["20Gi"]),
            'invalid type for V1PersistentVolumeSpec.capacity: got "array", expected "map"',
        ),
        (
            changed(volume("d-1"), accessModes="ReadWriteOnce"),
            'invalid type for V1PersistentVolumeSpec.accessModes: got "string", expected "array"',
        ),
    ],
)
def test_items_are_validated(kubectl: Kubectl, cluster: Cluster, item: dict[str, Any], refusal: str) -> None:
    manifest = listed(config_map("one", namespace="default"), item)
    assert refusal in kubectl.run("apply", "-f", "-", manifest=manifest, fails=True)
    assert [call.verb for call in cluster.log.calls() if call.mutating] == []


def test_custom_resources_are_validated_as_far_as_their_schema_goes(kubectl: Kubectl, cluster: Cluster) -> None:
    definition = custom_definition()
    definition["spec"]["versions"][0]["schema"] = {"openAPIV3Schema": DETAILED}
    cluster.client.create(CRD_KEY, definition)
    wait_until(lambda: "statefulsets" in kubectl.run("api-resources", "--api-group=apps.kruise.io"), "the kind served")
    web = {"apiVersion": KRUISE, "kind": "StatefulSet", "metadata": {"name": "web"}}

    refused = kubectl.run("apply", "-f", "-", manifest=listed({**web, "spec": {"replicaz": 2}}), fails=True)
    assert 'unknown field "replicaz"' in refused
    for number, partition in enumerate((1, "50%")):
        item = {**web, "metadata": {"name": f"web-{number}"}, "spec": {"replicas": 2, "partition": partition}}
        created = kubectl.run("apply", "-f", "-", manifest=listed(item))
        assert created == f"statefulset.apps.kruise.io/web-{number} created\n"
    free = {**changed(stateful_set("free"), anything=["goes"]), "apiVersion": "apps.kruise.io/v1beta1"}
    assert kubectl.run("apply", "-f", "-", manifest=listed(free)) == "statefulset.apps.kruise.io/free created\n"


def test_the_document_is_json_for_whoever_wants_that(cluster: Cluster) -> None:
    document = cluster.http().get("/openapi/v2").body
    assert document["swagger"] == "2.0"
    sets = document["definitions"]["V1StatefulSet"]
    assert sets["x-kubernetes-group-version-kind"] == [{"group": "apps", "version": "v1", "kind": "StatefulSet"}]
    assert sets["properties"]["spec"]["$ref"] == "#/definitions/V1StatefulSetSpec"


@pytest.mark.parametrize("accept", [PROTOBUF, PROTOBUF_OF_OLD])
def test_the_document_is_protobuf_for_whoever_asks_for_that(cluster: Cluster, accept: str) -> None:
    answer = cluster.http().get("/openapi/v2", Accept=accept)
    assert answer.headers["Content-Type"] == PROTOBUF

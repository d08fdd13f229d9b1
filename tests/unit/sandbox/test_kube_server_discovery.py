# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Discovery and OpenAPI documents, and that the ``kubernetes`` client finds its way with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import kubernetes
import kubernetes.dynamic
import pytest

from tests.unit.sandbox.kube_http import ADMIN, Cluster, config_map, custom_definition, stateful_set, wait_until

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
CRD_KEY = "customresourcedefinitions.apiextensions.k8s.io"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        yield cluster


@pytest.fixture
def api_client(cluster: Cluster) -> Iterator[kubernetes.client.ApiClient]:
    configuration = kubernetes.client.Configuration()
    loader = kubernetes.config.kube_config.KubeConfigLoader(cluster.server.kubeconfig(ADMIN))
    loader.load_and_set(configuration)
    with kubernetes.client.ApiClient(configuration) as client:
        yield client


def resources(cluster: Cluster, path: str) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in cluster.http().get(path).body["resources"]}


def test_every_registered_resource_is_discovered(cluster: Cluster) -> None:
    found = set()
    http = cluster.http()
    groups = http.get("/apis").body["groups"]
    paths = ["/api/v1", *(f"/apis/{version['groupVersion']}" for group in groups for version in group["versions"])]
    for path in paths:
        document = http.get(path).body
        found |= {(document["groupVersion"], entry["name"], entry["kind"]) for entry in document["resources"]}
    assert {(entry.api_version, entry.plural, entry.kind) for entry in cluster.api.registry} <= found


def test_aggregated_discovery_says_the_same(cluster: Cluster) -> None:
    http = cluster.http()
    answer = http.get("/apis", Accept=f"{AGGREGATED},application/json")
    assert answer.headers["Content-Type"] == AGGREGATED
    apps = next(item for item in answer.body["items"] if item["metadata"]["name"] == "apps")
    found = {entry["resource"]: entry for entry in apps["versions"][0]["resources"]}
    plain = resources(cluster, "/apis/apps/v1")
    assert set(found) == {name for name in plain if "/" not in name}
    for name, entry in found.items():
        assert (entry["verbs"], entry["responseKind"]["kind"]) == (plain[name]["verbs"], plain[name]["kind"])
        for subresource in entry.get("subresources", ()):
            assert subresource["verbs"] == plain[f"{name}/{subresource['subresource']}"]["verbs"]


def test_an_old_aggregated_version_falls_back_to_plain(cluster: Cluster) -> None:
    accept = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
    assert cluster.http().get("/apis", Accept=accept).body["kind"] == "APIGroupList"


def test_scale_is_discovered_as_a_scale(cluster: Cluster) -> None:
    scale = resources(cluster, "/apis/apps/v1")["statefulsets/scale"]
    assert (scale["group"], scale["version"], scale["kind"]) == ("autoscaling", "v1", "Scale")


def test_reviews_can_only_be_created(cluster: Cluster) -> None:
    assert resources(cluster, "/apis/authorization.k8s.io/v1")["selfsubjectaccessreviews"]["verbs"] == ["create"]
    assert resources(cluster, "/apis/authentication.k8s.io/v1")["selfsubjectreviews"]["verbs"] == ["create"]


def test_a_custom_resource_comes_and_goes_with_its_definition(cluster: Cluster) -> None:
    http = cluster.http()
    assert http.get("/apis/apps.kruise.io").status == 404
    cluster.client.create(CRD_KEY, custom_definition())
    group = http.get("/apis/apps.kruise.io").body
    assert [version["version"] for version in group["versions"]] == ["v1beta1", "v1alpha1"]
    assert group["preferredVersion"]["version"] == "v1beta1"
    assert resources(cluster, "/apis/apps.kruise.io/v1beta1")["statefulsets"]["shortNames"] == ["asts"]
    cluster.client.delete(CRD_KEY, "statefulsets.apps.kruise.io")
    assert http.get("/apis/apps.kruise.io").status == 404


def test_a_definition_becomes_established(cluster: Cluster) -> None:
    cluster.client.create(CRD_KEY, custom_definition())

    def status() -> dict[str, Any]:
        return (cluster.client.get(CRD_KEY, "statefulsets.apps.kruise.io") or {}).get("status") or {}

    wait_until(lambda: bool(status()), "the definition gets a status")
    assert {entry["type"]: entry["status"] for entry in status()["conditions"]} == {
        "NamesAccepted": "True",
        "Established": "True",
    }
    assert status()["storedVersions"] == ["v1beta1"]
    assert status()["acceptedNames"]["listKind"] == "StatefulSetList"


def test_openapi_says_which_parameters_a_patch_takes(cluster: Cluster) -> None:
    http = cluster.http()
    index = http.get("/openapi/v3").body["paths"]
    document = http.get(index["apis/apps/v1"]["serverRelativeURL"]).body
    patch = document["paths"]["/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}"]["patch"]
    assert patch["x-kubernetes-group-version-kind"] == {"group": "apps", "version": "v1", "kind": "StatefulSet"}
    assert {"dryRun", "fieldManager", "fieldValidation", "force"} == {entry["name"] for entry in patch["parameters"]}


def test_openapi_has_the_schemas_of_kinds(cluster: Cluster) -> None:
    schemas = cluster.http().get("/openapi/v3/apis/apps/v1").body["components"]["schemas"]
    spec = schemas["V1StatefulSet"]["properties"]["spec"]
    fields = schemas[spec["allOf"][0]["$ref"].removeprefix("#/components/schemas/")]["properties"]
    assert fields["replicas"]["type"] == "integer"
    assert fields["replicas"]["description"].startswith("replicas is the desired number of replicas")
    assert "anyOf" not in str(schemas["V1StatefulSetSpec"])


def test_openapi_has_the_schema_of_a_custom_resource_and_changes_its_hash(cluster: Cluster) -> None:
    http = cluster.http()
    cluster.client.create(CRD_KEY, custom_definition())
    path = http.get("/openapi/v3").body["paths"]["apis/apps.kruise.io/v1beta1"]["serverRelativeURL"]
    schema = http.get(path).body["components"]["schemas"]["v1beta1.StatefulSet"]
    assert schema["properties"]["spec"]["properties"]["replicas"]["description"] == "How many there are."
    changed = custom_definition()["spec"]["versions"]
    changed[1]["schema"]["openAPIV3Schema"]["description"] = "Now described."
    cluster.client.patch(CRD_KEY, "statefulsets.apps.kruise.io", {"spec": {"versions": changed}})
    assert http.get("/openapi/v3").body["paths"]["apis/apps.kruise.io/v1beta1"]["serverRelativeURL"] != path


def test_the_dynamic_client_works(cluster: Cluster, api_client: kubernetes.client.ApiClient, tmp_path: Any) -> None:
    dynamic = kubernetes.dynamic.DynamicClient(api_client, cache_file=str(tmp_path / "discovery.json"))
    sets = dynamic.resources.get(api_version="apps/v1", kind="StatefulSet")
    created = sets.create(body=stateful_set("web"), namespace="default")
    assert created.spec.replicas == 2
    scaled = sets.scale.patch(
        name="web", namespace="default", body={"spec": {"replicas": 3}}, content_type="application/merge-patch+json"
    )
    assert (scaled.kind, scaled.spec.replicas) == ("Scale", 3)
    events = sets.watch(namespace="default", resource_version=created.metadata.resourceVersion, timeout=30)
    assert next(events)["object"].spec.replicas == 3
    assert [item.metadata.name for item in sets.get(namespace="default").items] == ["web"]
    sets.delete(name="web", namespace="default", body={"propagationPolicy": "Background"})
    with pytest.raises(kubernetes.dynamic.exceptions.NotFoundError):
        sets.get(name="web", namespace="default")


def test_the_typed_client_lists_and_watches(cluster: Cluster, api_client: kubernetes.client.ApiClient) -> None:
    core = kubernetes.client.CoreV1Api(api_client)
    core.create_namespaced_config_map("default", config_map("one"))
    listed = core.list_namespaced_config_map("default")
    assert [item.metadata.name for item in listed.items] == ["one"]
    core.patch_namespaced_config_map("one", "default", {"data": {"key": "changed"}})
    watch = kubernetes.watch.Watch()
    version = listed.metadata.resource_version
    for event in watch.stream(core.list_namespaced_config_map, "default", resource_version=version, timeout_seconds=30):
        assert (event["type"], event["object"].data) == ("MODIFIED", {"key": "changed"})
        watch.stop()
    with pytest.raises(kubernetes.client.ApiException) as refused:
        core.create_namespaced_config_map("default", config_map("one"))
    assert (refused.value.status, refused.value.reason) == (409, "Conflict")

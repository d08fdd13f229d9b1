# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Server-side apply and managedFields beyond the samples (83-85)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.kube.fieldsets import as_tree, from_tree, text
from tests.sandbox.kube.options import WriteOptions
from tests.sandbox.kube.patches import APPLY, MERGE
from tests.unit.sandbox.kube_helpers import Cluster, definition, refusal, stateful_set

Obj = dict[str, Any]


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def applied(
    cluster: Cluster, body: Obj, manager: str = "gitops", key: str = "configmaps", *, force: bool = False
) -> Obj:
    options = WriteOptions(user="tester", field_manager=manager, force=force)
    return cluster.api.patch(cluster.resource(key), "default", body["metadata"]["name"], body, APPLY, options)


def patched(cluster: Cluster, body: Obj, manager: str, key: str = "configmaps", name: str = "m") -> Obj:
    return cluster.api.patch(cluster.resource(key), "default", name, body, MERGE, WriteOptions(field_manager=manager))


def config(data: dict[str, str] | None = None, **metadata: Any) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", **metadata}, "data": data or {}}


def owned(obj: Obj, manager: str) -> Obj:
    return next((entry["fieldsV1"] for entry in obj["metadata"]["managedFields"] if entry["manager"] == manager), {})


def test_what_a_manager_no_longer_states_goes(cluster: Cluster) -> None:
    applied(cluster, config({"a": "1", "b": "2"}, labels={"x": "y"}))
    result = applied(cluster, config({"a": "1"}))
    assert result["data"] == {"a": "1"}
    assert "labels" not in result["metadata"]
    assert owned(result, "gitops") == {"f:data": {"f:a": {}}}


def test_what_someone_else_states_as_well_stays(cluster: Cluster) -> None:
    applied(cluster, config({"a": "1", "b": "2"}))
    applied(cluster, config({"b": "2"}), "other")
    result = applied(cluster, config({"a": "1"}))
    assert result["data"] == {"a": "1", "b": "2"}
    assert owned(result, "other") == {"f:data": {"f:b": {}}}


def test_equal_values_are_shared_without_conflict(cluster: Cluster) -> None:
    applied(cluster, config({"a": "1"}))
    result = applied(cluster, config({"a": "1"}), "other")
    assert owned(result, "gitops") == owned(result, "other") == {"f:data": {"f:a": {}}}


def test_applying_the_same_again_writes_nothing(cluster: Cluster) -> None:
    first = applied(cluster, config({"a": "1"}))
    cluster.now += 60
    assert applied(cluster, config({"a": "1"})) == first


def test_several_conflicts_are_all_named(cluster: Cluster) -> None:
    applied(cluster, config({"a": "1", "b": "1"}))
    patched(cluster, {"data": {"c": "1"}}, "editor")
    error = refusal(409, applied, cluster, config({"a": "2", "b": "2", "c": "2"}), "other")
    assert error.message == (
        'Apply failed with 3 conflicts: conflicts with "editor" using v1:\n- .data.c\n'
        'conflicts with "gitops":\n- .data.a\n- .data.b'
    )
    assert {cause["reason"] for cause in error.status["details"]["causes"]} == {"FieldManagerConflict"}


def test_force_takes_the_fields_over(cluster: Cluster) -> None:
    applied(cluster, config({"a": "1", "b": "1"}))
    result = applied(cluster, config({"a": "2"}), "other", force=True)
    assert result["data"] == {"a": "2", "b": "1"}
    assert owned(result, "gitops") == {"f:data": {"f:b": {}}}


def test_a_writer_takes_what_it_changes(cluster: Cluster) -> None:
    applied(cluster, config({"a": "1", "b": "1"}))
    result = patched(cluster, {"data": {"a": "2"}}, "editor")
    assert owned(result, "editor") == {"f:data": {"f:a": {}}}
    assert owned(result, "gitops") == {"f:data": {"f:b": {}}}


def test_items_of_map_lists_are_applied_and_pruned_by_key(cluster: Cluster) -> None:
    key = "statefulsets.apps"
    body = {"apiVersion": "apps/v1", "kind": "StatefulSet", **stateful_set("web")}
    spec = body["spec"]["template"]["spec"]
    spec["containers"].append({"name": "side", "image": "x"})
    applied(cluster, body, key=key)
    cluster.client.patch(key, "web", {"metadata": {"annotations": {"a": "b"}}}, "default")
    spec["containers"] = [{"name": "c", "image": "nginx:2"}]
    result = applied(cluster, body, key=key)
    (container,) = result["spec"]["template"]["spec"]["containers"]
    assert (container["name"], container["image"], container["imagePullPolicy"]) == ("c", "nginx:2", "IfNotPresent")


def test_a_port_without_a_protocol_is_the_tcp_port(cluster: Cluster) -> None:
    key = "statefulsets.apps"
    body = {"apiVersion": "apps/v1", "kind": "StatefulSet", **stateful_set("web")}
    (container,) = body["spec"]["template"]["spec"]["containers"]
    container["ports"] = [{"containerPort": 80}]
    applied(cluster, body, key=key)
    container["ports"][0]["name"] = "http"
    (container,) = applied(cluster, body, key=key)["spec"]["template"]["spec"]["containers"]
    assert container["ports"] == [{"containerPort": 80, "protocol": "TCP", "name": "http"}]


def test_a_set_keeps_the_members_of_others(cluster: Cluster) -> None:
    cluster.client.create(
        "configmaps",
        {
            **config(),
            "metadata": {
                "name": "m",
                "namespace": "default",
                "finalizers": ["example.com/theirs"],
            },
        },
    )
    result = applied(cluster, config(finalizers=["example.com/ours"]))
    assert result["metadata"]["finalizers"] == ["example.com/theirs", "example.com/ours"]
    assert "finalizers" not in owned(result, "gitops").get("f:data", {})
    assert applied(cluster, config())["metadata"]["finalizers"] == ["example.com/theirs"]


def test_custom_resources_merge_maps_and_replace_lists(cluster: Cluster) -> None:
    cluster.client.create("customresourcedefinitions.apiextensions.k8s.io", definition())
    body = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "w"},
        "spec": {"a": {"b": 1}, "list": [1, 2]},
    }
    applied(cluster, body, key="widgets.example.com")
    patched(cluster, {"spec": {"a": {"c": 2}}}, "editor", "widgets.example.com", "w")
    body["spec"] = {"a": {"b": 3}, "list": [3]}
    result = applied(cluster, body, key="widgets.example.com")
    assert result["spec"] == {"a": {"b": 3, "c": 2}, "list": [3]}


def test_a_manager_must_have_a_name(cluster: Cluster) -> None:
    error = refusal(422, applied, cluster, config(), "")
    assert "fieldManager: Required value: is required for apply patch" in error.message


def test_managed_fields_cannot_be_applied(cluster: Cluster) -> None:
    refusal(400, applied, cluster, config(managedFields=[{"manager": "x"}]))


def test_an_apply_for_one_particular_object_needs_that_object(cluster: Cluster) -> None:
    refusal(409, applied, cluster, config(uid="gone"))


def test_an_empty_list_resets_managed_fields(cluster: Cluster) -> None:
    applied(cluster, config({"a": "1"}))
    result = patched(cluster, {"metadata": {"managedFields": [{}]}}, "editor")
    assert "managedFields" not in result["metadata"]


def test_scale_is_its_own_entry(cluster: Cluster) -> None:
    cluster.client.create("statefulsets.apps", stateful_set("web"))
    cluster.client.patch("statefulsets.apps", "web", {"spec": {"replicas": 0}}, "default", "scale")
    web = cluster.client.get("statefulsets.apps", "web", "default")
    assert web is not None
    entry = next(entry for entry in web["metadata"]["managedFields"] if entry.get("subresource") == "scale")
    assert entry["fieldsV1"] == {"f:spec": {"f:replicas": {}}}


@pytest.mark.parametrize(
    "tree",
    [
        {"f:spec": {"f:replicas": {}}},
        {"f:metadata": {"f:labels": {".": {}, "f:app": {}}}},
        {"f:spec": {"f:containers": {'k:{"name":"c"}': {".": {}, "f:image": {}}}, "f:a": {}}},
        {"f:metadata": {"f:finalizers": {".": {}, 'v:"x/y"': {}}}},
    ],
)
def test_field_sets_survive_their_wire_form(tree: Obj) -> None:
    assert as_tree(from_tree(tree)) == tree


def test_a_path_reads_as_the_real_server_writes_it() -> None:
    path = ("f:spec", "f:containers", 'k:{"containerPort":80,"protocol":"TCP"}', "f:name")
    assert text(path) == '.spec.containers[containerPort=80,protocol="TCP"].name'
    assert text(("f:metadata", "f:finalizers", 'v:"x/y"')) == '.metadata.finalizers[="x/y"]'

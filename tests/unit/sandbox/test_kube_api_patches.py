# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON, merge and strategic merge patches."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.kube import patches
from tests.sandbox.kube.options import WriteOptions
from tests.unit.sandbox.kube_helpers import Cluster, definition, refusal, stateful_set


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def patched(cluster: Cluster, body: Any, content_type: str = patches.STRATEGIC, name: str = "web") -> dict[str, Any]:
    sets = cluster.resource("statefulsets.apps")
    return cluster.api.patch(sets, "default", name, body, content_type, WriteOptions(user="tester"))


def containers(obj: dict[str, Any]) -> list[dict[str, Any]]:
    return obj["spec"]["template"]["spec"]["containers"]


def template(**spec: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": spec}}}


@pytest.fixture
def web(cluster: Cluster) -> dict[str, Any]:
    web = stateful_set("web")
    container = web["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    web["metadata"]["finalizers"] = ["example.com/one"]
    web["spec"]["template"]["spec"]["volumes"] = [{"name": "tmp", "emptyDir": {}}]
    return cluster.client.create("statefulsets.apps", web)


@pytest.mark.usefixtures("web")
class TestStrategic:
    def test_list_items_merge_by_their_key(self, cluster: Cluster) -> None:
        body = template(containers=[{"name": "c", "env": [{"name": "B", "value": "3"}]}, {"name": "d", "image": "x"}])
        result = containers(patched(cluster, body))
        assert [item["name"] for item in result] == ["c", "d"]
        assert result[0]["image"] == "nginx:1"
        assert result[0]["env"] == [{"name": "A", "value": "1"}, {"name": "B", "value": "3"}]

    def test_delete_directive_removes_an_item(self, cluster: Cluster) -> None:
        body = template(containers=[{"name": "c", "env": [{"$patch": "delete", "name": "A"}]}])
        assert containers(patched(cluster, body))[0]["env"] == [{"name": "B", "value": "2"}]

    def test_replace_directive_replaces_a_list(self, cluster: Cluster) -> None:
        body = template(containers=[{"$patch": "replace"}, {"name": "only", "image": "x"}])
        assert [item["name"] for item in containers(patched(cluster, body))] == ["only"]

    def test_element_order_orders(self, cluster: Cluster) -> None:
        body = template(containers=[{"name": "d", "image": "x"}])
        body["spec"]["template"]["spec"]["$setElementOrder/containers"] = [{"name": "d"}, {"name": "c"}]
        assert [item["name"] for item in containers(patched(cluster, body))] == ["d", "c"]

    def test_retained_keys_drop_the_others(self, cluster: Cluster) -> None:
        body = template(volumes=[{"name": "tmp", "$retainKeys": ["name", "configMap"], "configMap": {"name": "m"}}])
        (volume,) = patched(cluster, body)["spec"]["template"]["spec"]["volumes"]
        assert set(volume) == {"name", "configMap"}

    def test_primitive_lists_with_a_merge_strategy_are_sets(self, cluster: Cluster) -> None:
        added = patched(cluster, {"metadata": {"finalizers": ["example.com/two"]}})
        assert added["metadata"]["finalizers"] == ["example.com/two", "example.com/one"]
        body = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/one"]}}
        assert patched(cluster, body)["metadata"]["finalizers"] == ["example.com/two"]

    def test_null_removes_and_atomic_lists_are_replaced(self, cluster: Cluster) -> None:
        patched(cluster, template(containers=[{"name": "c", "args": ["a", "b"]}], hostname="h"))
        result = patched(cluster, template(containers=[{"name": "c", "args": ["c"]}], hostname=None))
        assert containers(result)[0]["args"] == ["c"]
        assert "hostname" not in result["spec"]["template"]["spec"]

    def test_an_item_without_its_key_is_refused(self, cluster: Cluster) -> None:
        error = refusal(400, patched, cluster, template(containers=[{"image": "x"}]))
        assert "does not contain declared merge key: name" in error.message


@pytest.mark.usefixtures("web")
class TestOthers:
    def test_a_merge_patch_replaces_lists_and_removes_null(self, cluster: Cluster) -> None:
        body = template(containers=[{"name": "only", "image": "x"}], volumes=None)
        result = patched(cluster, body, patches.MERGE)
        assert [item["name"] for item in containers(result)] == ["only"]
        assert "volumes" not in result["spec"]["template"]["spec"]

    def test_a_json_patch_does_all_or_nothing(self, cluster: Cluster) -> None:
        operations = [
            {"op": "add", "path": "/metadata/labels", "value": {"a": "b"}},
            {"op": "replace", "path": "/spec/replicas", "value": 3},
        ]
        result = patched(cluster, operations, patches.JSON)
        assert (result["metadata"]["labels"], result["spec"]["replicas"]) == ({"a": "b"}, 3)
        broken = [{"op": "replace", "path": "/spec/replicas", "value": 5}, {"op": "remove", "path": "/spec/nothing"}]
        refusal(422, patched, cluster, broken, patches.JSON)
        unchanged = cluster.client.get("statefulsets.apps", "web", "default")
        assert unchanged and unchanged["spec"]["replicas"] == 3

    def test_a_test_that_holds_lets_the_patch_through(self, cluster: Cluster) -> None:
        operations = [
            {"op": "test", "path": "/spec/replicas", "value": 1},
            {"op": "replace", "path": "/spec/replicas", "value": 0},
        ]
        assert patched(cluster, operations, patches.JSON)["spec"]["replicas"] == 0

    @pytest.mark.parametrize(
        ("body", "content_type"),
        [
            ([], patches.MERGE),
            ({}, patches.JSON),
            (1, patches.STRATEGIC),
        ],
    )
    def test_a_body_of_the_wrong_shape_is_refused(self, cluster: Cluster, body: Any, content_type: str) -> None:
        refusal(400, patched, cluster, body, content_type)

    def test_an_unknown_patch_type_is_refused(self, cluster: Cluster) -> None:
        refusal(415, patched, cluster, {}, "application/json")

    def test_a_patch_cannot_rename(self, cluster: Cluster) -> None:
        refusal(400, patched, cluster, {"metadata": {"name": "other"}})

    def test_a_missing_object_is_not_found(self, cluster: Cluster) -> None:
        refusal(404, patched, cluster, {}, patches.MERGE, "nope")


def test_custom_resources_know_no_strategic_merge(cluster: Cluster) -> None:
    cluster.client.create("customresourcedefinitions.apiextensions.k8s.io", definition())
    cluster.client.create("widgets.example.com", {"metadata": {"name": "w", "namespace": "default"}})
    widgets = cluster.resource("widgets.example.com")
    arguments = (widgets, "default", "w", {"spec": {}}, patches.STRATEGIC, WriteOptions())
    refusal(415, cluster.api.patch, *arguments)

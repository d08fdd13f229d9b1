# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom resources: served while their definition exists, stored without a schema."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox.kube_helpers import Cluster, definition, refusal

CRD = "customresourcedefinitions.apiextensions.k8s.io"
KEY = "widgets.example.com"
SUBRESOURCES = {
    "status": {},
    "scale": {
        "specReplicasPath": ".spec.size",
        "statusReplicasPath": ".status.size",
        "labelSelectorPath": ".status.sel",
    },
}


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def widget(**content: Any) -> dict[str, Any]:
    return {"metadata": {"name": "w", "namespace": "default"}, **content}


def test_a_definition_brings_its_resource(cluster: Cluster) -> None:
    with pytest.raises(KeyError):
        cluster.client.create(KEY, widget())
    cluster.client.create(CRD, definition())
    resource = cluster.resource(KEY)
    assert (resource.api_version, resource.kind, resource.short_names) == ("example.com/v1", "Widget", ("wd",))
    created = cluster.client.create(KEY, widget(spec={"anything": [1, {"goes": None}]}))
    assert created["spec"] == {"anything": [1, {"goes": None}]}
    assert (created["kind"], created["metadata"]["generation"]) == ("Widget", 1)


def test_deleting_the_definition_takes_resource_and_objects(cluster: Cluster) -> None:
    cluster.client.create(CRD, definition())
    cluster.client.create(KEY, widget())
    watch = cluster.watch(KEY, resource_version=str(cluster.api.store.revision))
    cluster.client.delete(CRD, KEY)
    assert watch.next(0)["type"] == "DELETED"
    assert cluster.api.registry.lookup("example.com", "v1", "widgets") is None
    cluster.client.create(CRD, definition())
    assert cluster.client.list(KEY) == []


def test_a_version_that_is_no_longer_served_is_gone(cluster: Cluster) -> None:
    cluster.client.create(CRD, definition())
    cluster.client.patch(CRD, KEY, {"spec": {"versions": [{"name": "v2", "served": True, "storage": True}]}})
    assert cluster.api.registry.lookup("example.com", "v1", "widgets") is None
    assert cluster.api.registry.lookup("example.com", "v2", "widgets")


def test_every_version_shows_the_same_object(cluster: Cluster) -> None:
    second = {"name": "v2", "served": True, "storage": False}
    body = definition()
    body["spec"]["versions"].append(second)
    cluster.client.create(CRD, body)
    cluster.client.create(KEY, widget())
    other = cluster.api.registry.lookup("example.com", "v2", "widgets")
    assert other
    assert cluster.api.get(other, "default", "w")["apiVersion"] == "example.com/v2"


def test_status_and_scale_follow_the_definition(cluster: Cluster) -> None:
    cluster.client.create(CRD, definition(subresources=SUBRESOURCES))
    cluster.client.create(KEY, widget(spec={"size": 3}, status={"size": 9}))
    created = cluster.client.get(KEY, "w", "default")
    assert created and "status" not in created
    status = {"metadata": {"labels": {"ignored": "here"}}, "status": {"size": 2, "sel": "app=w"}}
    updated = cluster.client.patch(KEY, "w", status, "default", "status")
    assert updated["status"] == {"size": 2, "sel": "app=w"} and "labels" not in updated["metadata"]
    assert updated["metadata"]["generation"] == 1
    scale = cluster.client.patch(KEY, "w", {"spec": {"replicas": 0}}, "default", "scale")
    assert (scale["spec"], scale["status"]) == ({}, {"replicas": 2, "selector": "app=w"})
    scaled = cluster.client.get(KEY, "w", "default")
    assert scaled and (scaled["spec"], scaled["metadata"]["generation"]) == ({"size": 0}, 2)


def test_without_a_status_subresource_the_status_is_a_field(cluster: Cluster) -> None:
    cluster.client.create(CRD, definition())
    created = cluster.client.create(KEY, widget(status={"a": 1}))
    assert created["status"] == {"a": 1}
    assert cluster.client.patch(KEY, "w", {"status": {"a": 2}}, "default")["metadata"]["generation"] == 2


def test_an_update_must_say_what_it_replaces(cluster: Cluster) -> None:
    cluster.client.create(CRD, definition())
    cluster.client.create(KEY, widget())
    refusal(422, cluster.client.update, KEY, widget(spec={}))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "other.example.com"}, "metadata.name"),
        ({"group": ""}, "spec.group"),
        ({"versions": []}, "spec.versions"),
    ],
)
def test_a_broken_definition_is_refused(cluster: Cluster, change: dict[str, Any], field: str) -> None:
    body = definition()
    if "name" in change:
        body["metadata"]["name"] = change["name"]
    else:
        body["spec"].update(change)
    error = refusal(422, cluster.client.create, CRD, body)
    assert [cause["field"] for cause in error.status["details"]["causes"]] == [field]

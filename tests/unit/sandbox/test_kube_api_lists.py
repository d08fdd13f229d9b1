# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists and selectors."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.kube.selectors import matches_labels, selector_text
from tests.unit.sandbox.kube_helpers import Cluster, config_map, pod, refusal

LABELLED = {"a": {"app": "web", "tier": "1"}, "b": {"app": "web", "tier": "2"}, "c": {"app": "db"}, "d": {}}


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def names(answer: dict[str, Any]) -> list[str]:
    return [item["metadata"]["name"] for item in answer["items"]]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("app=web", "ab"),
        ("app==web", "ab"),
        ("app!=web", "cd"),
        ("app", "abc"),
        ("!app", "d"),
        ("app in (web, db)", "abc"),
        ("app notin (web)", "cd"),
        ("app=web,tier!=2", "a"),
        ("tier>1", "b"),
        ("tier<2", "a"),
        ("app in (web),tier in (1,2),!x", "ab"),
        ("", "abcd"),
    ],
)
def test_label_selectors(cluster: Cluster, selector: str, expected: str) -> None:
    for name, labels in LABELLED.items():
        cluster.client.create("configmaps", config_map(name, **labels))
    assert names(cluster.list("configmaps", label_selector=selector)) == list(expected)


def test_field_selectors(cluster: Cluster) -> None:
    for name in ("a", "b"):
        cluster.client.create("pods", pod(name))
    cluster.client.bind("a", "default", "node-1")
    assert names(cluster.list("pods", field_selector="spec.nodeName=node-1")) == ["a"]
    assert names(cluster.list("pods", field_selector="spec.nodeName!=node-1,metadata.namespace=default")) == ["b"]
    assert names(cluster.list("pods", field_selector="spec.nodeName=")) == ["b"]


@pytest.mark.parametrize(
    "options",
    [
        {"label_selector": "app in web"},
        {"label_selector": "=x"},
        {"field_selector": "spec.nothing=1"},
        {"field_selector": "metadata.name"},
        {"resource_version": "x"},
        {"continue_": "x"},
    ],
)
def test_nonsense_is_a_bad_request(cluster: Cluster, options: dict[str, str]) -> None:
    refusal(400, cluster.list, "pods", **options)


def test_pages_show_one_moment(cluster: Cluster) -> None:
    for name in "abcde":
        cluster.client.create("configmaps", config_map(name))
    first = cluster.list("configmaps", limit=2)
    cluster.client.delete("configmaps", "d", "default")
    cluster.client.create("configmaps", config_map("z"))
    second = cluster.list("configmaps", limit=2, continue_=first["metadata"]["continue"])
    third = cluster.list("configmaps", limit=2, continue_=second["metadata"]["continue"])
    assert [names(page) for page in (first, second, third)] == [["a", "b"], ["c", "d"], ["e"]]
    assert [page["metadata"].get("remainingItemCount") for page in (first, second, third)] == [3, 1, None]
    assert {page["metadata"]["resourceVersion"] for page in (first, second, third)} == {
        first["metadata"]["resourceVersion"]
    }
    assert "continue" not in third["metadata"]


def test_a_page_after_compaction_is_expired(cluster: Cluster) -> None:
    for name in "abc":
        cluster.client.create("configmaps", config_map(name))
    token = cluster.list("configmaps", limit=1)["metadata"]["continue"]
    cluster.client.create("configmaps", config_map("d"))
    cluster.api.store.compact()
    error = refusal(410, cluster.list, "configmaps", limit=1, continue_=token)
    assert error.reason == "Expired"
    assert "continue parameter is too old" in error.message


def test_an_exact_version_shows_what_was(cluster: Cluster) -> None:
    cluster.client.create("configmaps", config_map("a"))
    version = str(cluster.api.store.revision)
    cluster.client.create("configmaps", config_map("b"))
    answer = cluster.list("configmaps", resource_version=version, resource_version_match="Exact")
    assert names(answer) == ["a"]
    assert names(cluster.list("configmaps", resource_version=version)) == ["a", "b"]


def test_selector_objects() -> None:
    selector = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["2", "1"]},
            {"key": "gone", "operator": "DoesNotExist"},
        ],
    }
    assert matches_labels(selector, {"app": "web", "tier": "1"})
    assert not matches_labels(selector, {"app": "web", "tier": "3"})
    assert not matches_labels(selector, {"app": "web", "tier": "1", "gone": ""})
    assert matches_labels({}, None)
    assert selector_text(selector) == "!gone,app=web,tier in (1,2)"

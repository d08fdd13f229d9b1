# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``kubectl get`` shows: the columns and cells of the Table form."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.kube.columns import COLUMNS
from tests.sandbox.kube.durations import human_duration
from tests.sandbox.kube.jsonpath import find
from tests.sandbox.kube.tables import Moment, render_table
from tests.unit.sandbox.kube_http import SAMPLES, TABLE, Cluster, custom_definition, sample, stateful_set

NOW = datetime.datetime(2026, 11, 22, 21, 0, tzinfo=datetime.UTC)
CRD_KEY = "customresourcedefinitions.apiextensions.k8s.io"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        yield cluster


def row(key: str, obj: dict[str, Any]) -> dict[str, Any]:
    """Cells by column, wide ones included."""
    return {column.name: column.cell(obj, Moment(NOW)) for column in COLUMNS[key]}


def recorded_table() -> dict[str, Any]:
    """The Table in the recorded ``kubectl get pv -v9``."""
    text = (SAMPLES / "k1-kubectl-v9-get-pv.txt").read_text()
    found = re.search(r'^\s*(\{"kind":"Table".*\})$', text, re.MULTILINE)
    assert found
    return json.loads(found[1])


def test_volumes_have_the_recorded_columns_and_cells() -> None:
    recorded = recorded_table()
    columns = COLUMNS["persistentvolumes"]
    described = [(column["name"], column["type"], column["format"], column["priority"]) for column in
                 recorded["columnDefinitions"]]  # fmt: skip
    assert [(column.name, column.type, column.format, column.priority) for column in columns] == described
    volume = sample("00-object-pv-bound")
    volume["metadata"]["name"] = "r1new"
    volume["spec"].update(persistentVolumeReclaimPolicy="Retain")
    volume["spec"]["claimRef"].update(name="www-r1-0")
    cells = list(row("persistentvolumes", volume).values())
    expected = recorded["rows"][0]["cells"]
    age = [column.name for column in columns].index("Age")
    assert [*cells[:age], *cells[age + 1 :]] == [*expected[:age], *expected[age + 1 :]]


def test_a_table_of_one_object_has_its_version_and_metadata_rows() -> None:
    recorded = recorded_table()
    obj = {"kind": "PersistentVolume", "apiVersion": "v1", **sample("00-object-pv-bound")}
    table = render_table(COLUMNS["persistentvolumes"], obj, api_version="meta.k8s.io/v1", include_object="Metadata")
    assert table.keys() == recorded.keys()
    assert table["metadata"] == {"resourceVersion": obj["metadata"]["resourceVersion"]}
    assert table["rows"][0].keys() == recorded["rows"][0].keys()
    assert table["rows"][0]["object"].keys() == recorded["rows"][0]["object"].keys()


def test_cells_of_the_recorded_objects() -> None:
    pod = row("pods", sample("00-object-pod"))
    assert (pod["Ready"], pod["Status"], pod["Restarts"], pod["Readiness Gates"]) == ("1/1", "Running", "0", "<none>")
    claim = row("persistentvolumeclaims", sample("00-object-pvc-bound"))
    assert (claim["Status"], claim["Capacity"], claim["Access Modes"]) == ("Bound", "20Gi", "RWO")
    stateful = row("statefulsets.apps", sample("00-object-sts"))
    assert (stateful["Ready"], stateful["Containers"]) == ("2/2", "nginx")
    attachment = row("volumeattachments.storage.k8s.io", sample("00-object-volumeattachment"))
    assert attachment["Attached"] is True
    assert row("persistentvolumeclaims", sample("73-object-pvc-lost"))["Status"] == "Lost"
    assert row("persistentvolumes", sample("53-object-pv-released"))["Status"] == "Released"
    assert row("pods", sample("80-object-pod-pending-zone"))["Status"] == "Pending"
    assert row("statefulsets.apps", sample("80-object-sts-pending"))["Ready"] == "0/1"


def pod(**status: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "one"}, {"name": "two"}]}
    return {"metadata": {"name": "p"}, "spec": spec, "status": {"phase": "Running", **status}}


def container(**state: Any) -> dict[str, Any]:
    return {"name": "one", "state": state}


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (pod(), "Running"),
        (pod(containerStatuses=[container(waiting={"reason": "ContainerCreating"})]), "ContainerCreating"),
        (pod(containerStatuses=[container(terminated={"exitCode": 3})]), "ExitCode:3"),
        (pod(containerStatuses=[container(terminated={"exitCode": 0, "signal": 9})]), "Signal:9"),
        (pod(initContainerStatuses=[container(terminated={"exitCode": 1, "reason": "Error"})]), "Init:Error"),
        (pod(initContainerStatuses=[container(waiting={"reason": "PodInitializing"})]), "Init:0/0"),
        (pod(phase="Failed", reason="Evicted"), "Evicted"),
        ({**pod(), "metadata": {"name": "p", "deletionTimestamp": "2026-11-22T20:00:00Z"}}, "Terminating"),
        ({**pod(reason="NodeLost"), "metadata": {"name": "p", "deletionTimestamp": "2026-11-22T20:00:00Z"}}, "Unknown"),
    ],
)
def test_the_status_of_a_pod(obj: dict[str, Any], expected: str) -> None:
    assert row("pods", obj)["Status"] == expected


def test_restarts_tell_when_the_last_one_was() -> None:
    ended = {"terminated": {"finishedAt": "2026-11-22T20:55:00Z"}}
    assert (
        row("pods", pod(containerStatuses=[{"name": "one", "restartCount": 2, "lastState": ended, "state": {}}]))[
            "Restarts"
        ]
        == "2 (5m ago)"
    )


def test_a_node_shows_roles_and_cordon() -> None:
    node = {
        "metadata": {"name": "n", "labels": {"node-role.kubernetes.io/worker": ""}},
        "spec": {"unschedulable": True},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
            "nodeInfo": {"kubeletVersion": "v1.36.2"},
        },
    }
    cells = row("nodes", node)
    assert (cells["Status"], cells["Roles"], cells["Version"]) == ("Ready,SchedulingDisabled", "worker", "v1.36.2")
    assert (cells["Internal-IP"], cells["External-IP"]) == ("10.0.0.1", "<none>")


def test_events_tell_how_often_they_happened() -> None:
    recorded = next(iter(sample("w9-event-one-of-each-reason")))
    cells = row("events", {**recorded, "count": 1})
    assert cells["Object"] == f"{recorded['involvedObject']['kind'].lower()}/{recorded['involvedObject']['name']}"
    assert cells["Message"] == recorded["message"].strip()
    times = {"firstTimestamp": "2026-11-22T20:50:00Z", "lastTimestamp": "2026-11-22T20:59:00Z"}
    assert row("events", {**recorded, "count": 3, **times})["Last Seen"] == "60s (x3 over 10m)"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-5, "<invalid>"), (-1, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (121, "2m1s"), (600, "10m"),
        (10799, "179m"), (10800, "3h"), (11000, "3h3m"), (28800, "8h"), (172799, "47h"), (172800, "2d"),
        (180000, "2d2h"), (691200, "8d"), (63072000, "2y"), (63158400, "2y1d"), (252288000, "8y"),
    ],
)  # fmt: skip
def test_durations_read_as_in_kubectl(seconds: int, expected: str) -> None:
    assert human_duration(seconds) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".spec.replicas", [3]),
        (".spec.containers[*].name", ["a", "b"]),
        (".spec.containers[1].name", ["b"]),
        (".spec.containers[-1].name", ["b"]),
        (".spec.containers[7].name", []),
        (".metadata.annotations.example\\.com/key", ["value"]),
        (".metadata.annotations['example.com/key']", ["value"]),
        ('.spec.containers[?(@.name=="a")].ready', [True]),
        (".spec.containers[?(@.ready==true)].name", ["a"]),
        (".spec.missing.deeper", []),
        ("no path", []),
    ],
)
def test_json_paths_of_printer_columns(path: str, expected: list[Any]) -> None:
    containers = [{"name": "a", "ready": True}, {"name": "b", "ready": False}]
    obj = {"metadata": {"annotations": {"example.com/key": "value"}}, "spec": {"replicas": 3, "containers": containers}}
    assert find(obj, path) == expected


def table(cluster: Cluster, path: str) -> list[dict[str, Any]]:
    """Rows of a Table over HTTP, as cells by column."""
    body = cluster.http().get(path, Accept=f"{TABLE},application/json").body
    assert (body["kind"], body["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    names = [column["name"] for column in body["columnDefinitions"]]
    return [dict(zip(names, entry["cells"], strict=True)) for entry in body["rows"]]


def test_a_custom_resource_has_the_columns_of_its_definition(cluster: Cluster) -> None:
    cluster.client.create(CRD_KEY, custom_definition())
    obj = {
        "apiVersion": "apps.kruise.io/v1beta1",
        "kind": "StatefulSet",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"replicas": 2, "containers": [{"image": "a"}, {"image": "b"}]},
    }
    path = "/apis/apps.kruise.io/v1beta1/namespaces/default/statefulsets"
    assert cluster.http().send("POST", path, obj).status == 201
    ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    assert cluster.http().send("PATCH", f"{path}/web/status", ready, "application/merge-patch+json").status == 200
    cells = table(cluster, path)[0]
    assert (cells["Name"], cells["Desired"], cells["Ready"], cells["Images"]) == ("web", 2, "True", "a,b")
    assert re.fullmatch(r"\d+s", cells["Age"])
    older = table(cluster, path.replace("v1beta1", "v1alpha1"))[0]
    assert list(older) == ["Name", "Age"]


def test_a_scale_is_a_table_too(cluster: Cluster) -> None:
    cluster.client.create("statefulsets.apps", stateful_set("web", replicas=2))
    cells = table(cluster, "/apis/apps/v1/namespaces/default/statefulsets/web/scale")[0]
    assert (cells["Name"], cells["Desired"], cells["Available"]) == ("web", 2, 0)


def test_every_resource_can_be_shown_as_a_table(cluster: Cluster) -> None:
    for resource in cluster.api.registry:
        if resource.plural.startswith("selfsubject"):
            continue
        prefix = f"/apis/{resource.api_version}" if resource.group else "/api/v1"
        assert cluster.http().get(f"{prefix}/{resource.plural}", Accept=TABLE).body["kind"] == "Table"
        assert resource.key in COLUMNS


def test_rows_carry_what_was_asked_for(cluster: Cluster) -> None:
    cluster.client.create("statefulsets.apps", stateful_set("web"))
    path = "/apis/apps/v1/namespaces/default/statefulsets"
    http = cluster.http()
    kinds = {
        include: http.get(f"{path}?includeObject={include}", Accept=TABLE).body["rows"][0].get("object", {}).get("kind")
        for include in ("Metadata", "None")
    }
    assert kinds == {"Metadata": "PartialObjectMetadata", "None": None}
    assert "spec" in http.get(f"{path}?includeObject=Object", Accept=TABLE).body["rows"][0]["object"]


def test_metadata_alone_can_be_asked_for(cluster: Cluster) -> None:
    cluster.client.create("statefulsets.apps", stateful_set("web"))
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    listed = cluster.http().get("/apis/apps/v1/statefulsets", Accept=accept).body
    assert (listed["kind"], listed["items"][0]["kind"]) == ("PartialObjectMetadataList", "PartialObjectMetadata")
    assert listed["items"][0].keys() == {"kind", "apiVersion", "metadata"}

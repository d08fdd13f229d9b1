# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people type: kubectl's commands that read and write objects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.sandbox.kube_http import (
    NOBODY,
    Cluster,
    config_map,
    custom_definition,
    stateful_set,
    volume,
)
from tests.unit.sandbox.kubectl_runner import Kubectl

MERGE = "--type=merge"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        yield cluster


@pytest.fixture
def web(cluster: Cluster) -> None:
    cluster.client.create("statefulsets.apps", stateful_set("web"))


def live(cluster: Cluster, name: str = "web") -> dict[str, Any]:
    found = cluster.client.get("statefulsets.apps", name, "default")
    assert found is not None
    return found


def mutating(cluster: Cluster) -> list[str]:
    return [f"{call.verb} {call.resource}" for call in cluster.log.calls() if call.mutating]


def test_version_and_discovery(kubectl: Kubectl) -> None:
    assert json.loads(kubectl.run("version", "-o", "json"))["serverVersion"]["minor"] == "36"
    assert {"v1", "apps/v1", "storage.k8s.io/v1"} <= set(kubectl.run("api-versions").split())
    listed = kubectl.run("api-resources", "--no-headers")
    assert re.search(r"^persistentvolumeclaims +pvc +v1 +true +PersistentVolumeClaim$", listed, re.MULTILINE)
    assert re.search(r"^statefulsets +sts +apps/v1 +true +StatefulSet$", listed, re.MULTILINE)


def test_apply_creates_and_then_changes_nothing(kubectl: Kubectl, cluster: Cluster) -> None:
    manifest = config_map("one", namespace="default")
    assert kubectl.run("apply", "-f", "-", manifest=manifest) == "configmap/one created\n"
    assert kubectl.run("apply", "-f", "-", manifest=manifest) == "configmap/one unchanged\n"
    changed = {**manifest, "data": {"key": "other"}}
    assert kubectl.run("apply", "-f", "-", manifest=changed) == "configmap/one configured\n"
    assert mutating(cluster) == ["create configmaps", "patch configmaps"]


def test_apply_removes_what_left_the_manifest(kubectl: Kubectl, cluster: Cluster) -> None:
    manifest = stateful_set("web")
    extra = {"name": "log", "image": "log:1"}
    more = json.loads(json.dumps(manifest))
    more["spec"]["template"]["spec"]["containers"].append(extra)
    kubectl.run("apply", "-f", "-", manifest=more)
    kubectl.run("apply", "-f", "-", manifest=manifest)
    assert [entry["name"] for entry in live(cluster)["spec"]["template"]["spec"]["containers"]] == ["nginx"]


def test_server_side_apply_is_repeatable_and_knows_its_rivals(kubectl: Kubectl, cluster: Cluster) -> None:
    manifest = stateful_set("web")
    for _time in range(2):
        assert kubectl.run("apply", "--server-side", "-f", "-", manifest=manifest) == (
            "statefulset.apps/web serverside-applied\n"
        )
    version = live(cluster)["metadata"]["resourceVersion"]
    kubectl.run("apply", "--server-side", "-f", "-", manifest=manifest)
    assert live(cluster)["metadata"]["resourceVersion"] == version
    kubectl.run("scale", "sts", "web", "--replicas=5")
    refused = kubectl.run("apply", "--server-side", "-f", "-", manifest=manifest, fails=True)
    assert 'conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas' in refused
    kubectl.run("apply", "--server-side", "--force-conflicts", "-f", "-", manifest=manifest)
    assert live(cluster)["spec"]["replicas"] == 2


def test_moving_from_client_side_to_server_side_apply_settles(kubectl: Kubectl, cluster: Cluster) -> None:
    manifest = config_map("one", namespace="default")
    kubectl.run("apply", "-f", "-", manifest=manifest)
    kubectl.run("apply", "--server-side", "-f", "-", manifest=manifest)
    before = cluster.log.last_number
    kubectl.run("apply", "--server-side", "-f", "-", manifest=manifest)
    patches = [call for call in cluster.log.calls(before) if call.verb == "patch"]
    assert {call.params["content_type"] for call in patches} == {"application/apply-patch+yaml"}


def test_create_and_its_refusals(kubectl: Kubectl) -> None:
    assert kubectl.run("create", "-f", "-", manifest=volume("d-1")) == "persistentvolume/d-1 created\n"
    assert kubectl.run("create", "-f", "-", manifest=volume("d-1"), fails=True) == (
        'Error from server (AlreadyExists): error when creating "STDIN": persistentvolumes "d-1" already exists\n'
    )
    unknown = {**volume("d-2"), "nonsense": 1}
    refused = kubectl.run("create", "-f", "-", manifest=unknown, fails=True)
    assert 'strict decoding error: unknown field "nonsense"' in refused


def test_a_server_side_dry_run_changes_nothing(kubectl: Kubectl, cluster: Cluster, web: None) -> None:
    kubectl.run("create", "configmap", "one", "--from-literal=a=b", "--dry-run=server")
    kubectl.run("apply", "-f", "-", "--dry-run=server", manifest=stateful_set("web", replicas=7))
    kubectl.run("scale", "sts", "web", "--replicas=7", "--dry-run=server")
    kubectl.run("delete", "sts", "web", "--dry-run=server")
    assert mutating(cluster) == []
    assert live(cluster)["spec"]["replicas"] == 2
    assert cluster.client.list("configmaps") == []


def test_get_in_every_form(kubectl: Kubectl, cluster: Cluster, web: None) -> None:
    cluster.client.create("persistentvolumes", volume("d-1"))
    assert kubectl.columns("get", "sts", "-o", "wide")[0] == ["NAME", "READY", "AGE", "CONTAINERS", "IMAGES"]
    assert kubectl.columns("get", "pv")[1][:5] == ["d-1", "20Gi", "RWO", "Retain", "Pending"]
    assert kubectl.run("get", "sts", "web", "-o", "jsonpath={.spec.replicas}") == "2"
    assert json.loads(kubectl.run("get", "sts", "-o", "json"))["items"][0]["metadata"]["name"] == "web"
    assert "serviceName: web" in kubectl.run("get", "sts", "web", "-o", "yaml")
    assert kubectl.run("get", "sts", "-o", "name") == "statefulset.apps/web\n"
    assert kubectl.run("get", "sts", "-A", "-o", "custom-columns=:.metadata.namespace", "--no-headers") == "default\n"
    assert kubectl.run("get", "sts", "nope", fails=True) == (
        'Error from server (NotFound): statefulsets.apps "nope" not found\n'
    )
    assert "web" in kubectl.run("get", "all")


@pytest.mark.parametrize(
    "arguments",
    [
        ["-p", '{"spec":{"replicas":4}}'],
        [MERGE, "-p", '{"spec":{"replicas":4}}'],
        ["--type=json", "-p", '[{"op":"replace","path":"/spec/replicas","value":4}]'],
        ["--subresource=scale", MERGE, "-p", '{"spec":{"replicas":4}}'],
    ],
)
def test_patch_of_every_type(kubectl: Kubectl, cluster: Cluster, web: None, arguments: list[str]) -> None:
    kubectl.run("patch", "sts", "web", *arguments)
    assert live(cluster)["spec"]["replicas"] == 4


def test_patch_of_the_status(kubectl: Kubectl, cluster: Cluster, web: None) -> None:
    kubectl.run("patch", "sts", "web", MERGE, "-p", '{"status":{"readyReplicas":1}}')
    assert "readyReplicas" not in live(cluster)["status"]
    kubectl.run("patch", "sts", "web", MERGE, "--subresource=status", "-p", '{"status":{"readyReplicas":1}}')
    assert live(cluster)["status"]["readyReplicas"] == 1


def test_scale_label_and_annotate(kubectl: Kubectl, cluster: Cluster, web: None) -> None:
    assert kubectl.run("scale", "sts/web", "--replicas=0") == "statefulset.apps/web scaled\n"
    refused = kubectl.run("scale", "sts/web", "--current-replicas=3", "--replicas=1", fails=True)
    assert "Expected replicas to be 3" in refused
    kubectl.run("label", "sts", "web", "tier=db")
    kubectl.run("annotate", "sts", "web", "note=moved")
    found = live(cluster)
    assert (found["spec"]["replicas"], found["metadata"]["labels"]["tier"]) == (0, "db")
    assert found["metadata"]["annotations"]["note"] == "moved"
    assert kubectl.run("get", "sts", "-l", "tier=db", "-o", "name") == "statefulset.apps/web\n"
    assert kubectl.run("get", "sts", "-l", "tier!=db", "-o", "name") == ""


def test_custom_resources(kubectl: Kubectl, cluster: Cluster) -> None:
    kubectl.run("apply", "-f", "-", manifest=custom_definition())
    kubectl.run("wait", "--for=condition=Established", "crd/statefulsets.apps.kruise.io", "--timeout=60s")
    manifest = {**stateful_set("web"), "apiVersion": "apps.kruise.io/v1beta1"}
    assert kubectl.run("apply", "-f", "-", manifest=manifest) == "statefulset.apps.kruise.io/web created\n"
    assert kubectl.run("apply", "-f", "-", manifest=manifest) == "statefulset.apps.kruise.io/web unchanged\n"
    assert kubectl.columns("get", "asts")[0] == ["NAME", "DESIRED", "READY", "AGE"]
    kubectl.run("scale", "asts", "web", "--replicas=0")
    assert kubectl.run("get", "asts", "web", "-o", "jsonpath={.spec.replicas}") == "0"
    assert "How many there are." in kubectl.run("explain", "asts.spec.replicas")
    kubectl.run("delete", "crd", "statefulsets.apps.kruise.io")
    assert "the server could not find the requested resource" in kubectl.run("get", "asts", fails=True)


def test_explain(kubectl: Kubectl) -> None:
    assert "replicas is the desired number of replicas" in " ".join(kubectl.run("explain", "sts.spec.replicas").split())
    assert "volumeHandle\t<string> -required-" in kubectl.run("explain", "pv.spec.csi")


def test_rights(kubectl: Kubectl) -> None:
    assert kubectl.run("auth", "can-i", "delete", "pods") == "yes\n"
    assert kubectl.run("auth", "can-i", "delete", "pods", user=NOBODY, fails=True) == ""
    assert kubectl.run("auth", "can-i", "delete", "pods", "--as", NOBODY, fails=True) == ""
    assert re.search(r"Username +nobody", kubectl.run("auth", "whoami", user=NOBODY))
    assert kubectl.run("get", "pods", user=NOBODY, fails=True) == (
        'Error from server (Forbidden): pods is forbidden: User "nobody" cannot list resource "pods" in API group "" '
        'in the namespace "default"\n'
    )
    kubectl.run("create", "serviceaccount", "bot")
    kubectl.run("create", "role", "reader", "--verb=get,list", "--resource=pods,statefulsets.apps/scale")
    kubectl.run("create", "rolebinding", "reader", "--role=reader", f"--user={NOBODY}", "--serviceaccount=default:bot")
    assert kubectl.run("auth", "can-i", "list", "pods", user=NOBODY) == "yes\n"
    assert "statefulsets.apps/scale" in kubectl.run("auth", "can-i", "--list", user=NOBODY)
    token = kubectl.run("create", "token", "bot")
    assert kubectl.run("get", "pods", "--token", token, "-o", "name") == ""


def test_create_sends_protobuf_and_is_understood(kubectl: Kubectl, cluster: Cluster) -> None:
    kubectl.run("create", "secret", "generic", "key", "--from-literal=password=hunter2")
    assert cluster.log.calls()[-1].params["content_type"] == "application/vnd.kubernetes.protobuf"
    secret = cluster.client.get("secrets", "key", "default")
    assert secret is not None
    assert (secret["data"], secret["type"]) == ({"password": "aHVudGVyMg=="}, "Opaque")
    kubectl.run("create", "deployment", "app", "--image=nginx:1", "--replicas=0", "--port=80")
    deployment = cluster.client.get("deployments.apps", "app", "default")
    assert deployment is not None
    assert deployment["spec"]["replicas"] == 0
    assert deployment["spec"]["selector"] == {"matchLabels": {"app": "app"}}
    ports = deployment["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert ports == [{"containerPort": 80, "protocol": "TCP"}]
    kubectl.run("create", "poddisruptionbudget", "app", "--selector=app=app", "--min-available=50%")
    budget = cluster.client.get("poddisruptionbudgets.policy", "app", "default")
    assert budget is not None
    assert budget["spec"]["minAvailable"] == "50%"
    kubectl.run("create", "quota", "most", "--hard=cpu=2,memory=4Gi")
    quota = cluster.client.get("resourcequotas", "most", "default")
    assert quota is not None
    assert quota["spec"]["hard"] == {"cpu": "2", "memory": "4Gi"}

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service accounts of the embedded cluster, where the contract suite does not look: odd pods, deleted accounts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.kube.client import Client
from tests.sandbox.kube.cluster import EmbeddedCluster
from tests.support import wait_for

Obj = dict[str, Any]
MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"


@pytest.fixture
def admin() -> Iterator[Client]:
    cluster = EmbeddedCluster()
    cluster.start()
    yield cluster.client()
    cluster.stop()


def pod(name: str, *mounts: Obj, **spec: Any) -> Obj:
    container: Obj = {"name": "c", "image": "nginx:1", "volumeMounts": list(mounts)}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"containers": [container], **spec}}


def token_mounts(created: Obj) -> list[list[str]]:
    containers = [*created["spec"].get("initContainers", []), *created["spec"]["containers"]]
    return [
        [mount["name"] for mount in container.get("volumeMounts") or [] if mount["mountPath"] == MOUNT_PATH]
        for container in containers
    ]


def test_every_container_gets_the_token(admin: Client) -> None:
    created = admin.create("pods", pod("p", initContainers=[{"name": "i", "image": "nginx:1"}]))
    (volume,) = created["spec"]["volumes"]
    assert token_mounts(created) == [[volume["name"]], [volume["name"]]]


def test_what_is_mounted_there_already_stays(admin: Client) -> None:
    own = {"name": "own", "mountPath": MOUNT_PATH}
    created = admin.create("pods", pod("p", own, volumes=[{"name": "own", "emptyDir": {}}]))
    assert token_mounts(created) == [["own"]]
    assert [volume["name"] for volume in created["spec"]["volumes"]] == ["own"]


def test_the_account_decides_unless_the_pod_does(admin: Client) -> None:
    metadata = {"name": "quiet", "namespace": "default"}
    account = {"metadata": metadata, "automountServiceAccountToken": False, "imagePullSecrets": [{"name": "registry"}]}
    admin.create("serviceaccounts", account)
    by_account = admin.create("pods", pod("a", serviceAccountName="quiet"))
    by_pod = admin.create("pods", pod("b", serviceAccountName="quiet", automountServiceAccountToken=True))
    assert (token_mounts(by_account), len(token_mounts(by_pod)[0])) == ([[]], 1)
    assert by_account["spec"]["imagePullSecrets"] == [{"name": "registry"}]


@pytest.mark.parametrize("resource, name", [("serviceaccounts", "default"), ("configmaps", "kube-root-ca.crt")])
def test_what_every_namespace_has_comes_back(admin: Client, resource: str, name: str) -> None:
    before = wait_for(lambda: admin.get(resource, name, "default"), name)
    admin.delete(resource, name, "default")

    def again() -> bool:
        found = admin.get(resource, name, "default")
        return found is not None and found["metadata"]["uid"] != before["metadata"]["uid"]

    wait_for(again, f"{name} made again")


def test_a_changed_certificate_is_put_right(admin: Client) -> None:
    before = wait_for(lambda: admin.get("configmaps", "kube-root-ca.crt", "default"), "the certificate")
    admin.patch("configmaps", "kube-root-ca.crt", {"data": {"ca.crt": "mine"}}, "default")

    def put_right() -> bool:
        found = admin.get("configmaps", "kube-root-ca.crt", "default")
        return found is not None and found["data"] == before["data"]

    wait_for(put_right, "the certificate put right")

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of the Kubernetes API: what it sends again, what its errors say, and how it finds its cluster."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.zoneshift.ack.plugins.module_utils._errors import (
    BadInput,
    Conflict,
    Denied,
    MigrationError,
    NotFound,
    Refused,
    Retryable,
)
from ansible_collections.zoneshift.ack.plugins.module_utils._k8s import api
from ansible_collections.zoneshift.ack.plugins.module_utils._k8s.client import K8sClient

from tests.sandbox.faults import Fault
from tests.sandbox.sandbox import Sandbox
from tests.unit.plugins.module_utils.fakes import FakeClock

NODES, MAPS = "/api/v1/nodes", "/api/v1/namespaces/default/configmaps"
MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as found:
        yield found


@pytest.fixture
def sandbox(shared: Sandbox) -> Iterator[Sandbox]:
    yield shared
    shared.faults.clear()
    client = shared.cluster.client("outsider")
    for found in client.list("configmaps", "default"):
        client.delete("configmaps", found["metadata"]["name"], "default")


def _client(sandbox: Sandbox, **options: Any) -> K8sClient:
    return K8sClient({"kubeconfig": str(sandbox.kubeconfig), **options}, FakeClock())


def _fail(sandbox: Sandbox, **fault: Any) -> Fault:
    rule = Fault(side="kubernetes", user="admin", **fault)
    sandbox.faults.add(rule)
    return rule


def _token(sandbox: Sandbox) -> str:
    return str(yaml.safe_load(sandbox.kubeconfig.read_text(encoding="utf-8"))["users"][0]["user"]["token"])


@pytest.mark.parametrize(
    "fault",
    [
        {"effect": "drop"},
        {"effect": "drop", "moment": "after"},
        {"status": 500},
        {"status": 503},
        {"status": 429, "code": "TooManyRequests"},
    ],
)
def test_reading_is_tried_again(sandbox: Sandbox, fault: dict[str, Any]) -> None:
    rule = _fail(sandbox, verb="list", resource="nodes", times=3, **fault)
    assert len(_client(sandbox).list(NODES)) == 4
    assert rule.fired == 3


def test_reading_is_not_tried_for_ever(sandbox: Sandbox) -> None:
    rule = _fail(sandbox, verb="list", resource="nodes", times=0, status=503, code="ServiceUnavailable")
    with pytest.raises(Retryable) as caught:
        _client(sandbox).list(NODES)
    assert caught.value.context["attempts"] == rule.fired > 5
    assert caught.value.context["waited_seconds"] == 30.0


@pytest.mark.parametrize("fault", [{"effect": "drop", "moment": "after"}, {"status": 500}, {"status": 503}])
def test_a_create_is_not_sent_again(sandbox: Sandbox, fault: dict[str, Any]) -> None:
    """Nobody knows whether the first one had its effect; who called looks afresh."""
    rule = _fail(sandbox, verb="create", resource="configmaps", **fault)
    with pytest.raises(Retryable):
        _client(sandbox).request("POST", MAPS, body=MAP)
    assert rule.seen == 1


def test_a_create_that_was_held_off_is_sent_again(sandbox: Sandbox) -> None:
    """429 says that nothing was done (priority and fairness)."""
    rule = _fail(sandbox, verb="create", resource="configmaps", status=429, code="TooManyRequests", times=2)
    assert _client(sandbox).request("POST", MAPS, body=MAP)["metadata"]["name"] == "a"
    assert rule.fired == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, Denied), (403, Denied), (404, NotFound), (409, Conflict), (422, Refused), (400, Refused), (502, Retryable)],
)
def test_kinds_of_errors(sandbox: Sandbox, status: int, kind: type[MigrationError]) -> None:
    _fail(sandbox, verb="create", resource="configmaps", status=status, code="ItsReason", message="its own words")
    with pytest.raises(kind) as caught:
        _client(sandbox).request("POST", MAPS, body=MAP)
    assert caught.value.__class__ is kind
    assert caught.value.code == "ItsReason"
    assert f"Kubernetes refused POST {MAPS}: its own words" in str(caught.value)
    assert caught.value.context["http_status"] == status
    assert bool(caught.value.hint) is (kind is Denied)


LABELS = {"of": "this-test"}


def test_pages_are_read_to_the_end(sandbox: Sandbox) -> None:
    client = _client(sandbox)
    for number in range(5):
        client.request("POST", MAPS, body={**MAP, "metadata": {"name": f"m{number}", "labels": LABELS}})
    found = client.list(MAPS, {"limit": "2", "labelSelector": "of=this-test"})
    assert [obj["metadata"]["name"] for obj in found] == [f"m{number}" for number in range(5)]
    assert {(obj["apiVersion"], obj["kind"]) for obj in found} == {("v1", "ConfigMap")}


def test_an_answer_that_is_not_json(sandbox: Sandbox) -> None:
    """/healthz answers with a word, as a proxy's own page would."""
    with pytest.raises(Retryable) as caught:
        _client(sandbox).get("/healthz")
    assert "answered GET /healthz with something that is not JSON" in str(caught.value)


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        host = f"https://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(Retryable) as caught:
            K8sClient({"host": host, "api_key": "a-very-secret-token"}, FakeClock()).get(NODES)
    assert caught.value.code == "ConnectionFailed"
    assert f"The Kubernetes API server {host} did not answer GET {NODES}" in str(caught.value)
    assert "Check that the server is reachable" in str(caught.value)
    assert "a-very-secret-token" not in repr(caught.value) + str(caught.value.as_result())


def test_host_key_and_authority(sandbox: Sandbox, tmp_path: Path) -> None:
    config = yaml.safe_load(sandbox.kubeconfig.read_text(encoding="utf-8"))
    cluster = config["clusters"][0]["cluster"]
    authority = tmp_path / "ca.pem"
    authority.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    options = {"host": cluster["server"], "ca_cert": str(authority)}
    client = K8sClient({**options, "api_key": _token(sandbox)}, FakeClock())
    assert len(client.list(NODES)) == 4
    with pytest.raises(Denied) as caught:
        K8sClient({**options, "api_key": "no-such-token-0123456789"}, FakeClock()).list(NODES)
    assert "The token or certificate is not valid" in str(caught.value)
    assert "no-such-token-0123456789" not in str(caught.value.as_result())


# The warning of the last line, which asks not to look at the certificate.
@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_a_server_that_cannot_prove_itself(sandbox: Sandbox) -> None:
    server = yaml.safe_load(sandbox.kubeconfig.read_text(encoding="utf-8"))["clusters"][0]["cluster"]["server"]
    options = {"host": server, "api_key": _token(sandbox)}
    with pytest.raises(MigrationError) as caught:
        K8sClient({**options, "validate_certs": True}, FakeClock()).list(NODES)
    assert caught.value.code == "TlsFailed" and caught.value.__class__ is Refused
    assert "CERTIFICATE_VERIFY_FAILED" in str(caught.value) and "Check ca_cert" in str(caught.value)
    assert _token(sandbox) not in str(caught.value.as_result())
    assert len(K8sClient({**options, "validate_certs": False}, FakeClock()).list(NODES)) == 4


def test_a_handshake_that_is_cut_is_tried_again() -> None:
    """As a load balancer does while its servers change."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        hellos: list[bytes] = []

        def answer() -> None:
            for _attempt in range(2):
                connection, _peer = server.accept()
                hellos.append(connection.recv(65536))
                connection.close()
            server.close()

        thread = threading.Thread(target=answer)
        thread.start()
        host = f"https://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(Retryable):
            K8sClient({"host": host, "validate_certs": False}, FakeClock()).get(NODES)
        thread.join()
    assert len(hellos) == 2


def test_the_context_decides(sandbox: Sandbox, tmp_path: Path) -> None:
    config = yaml.safe_load(sandbox.kubeconfig.read_text(encoding="utf-8"))
    good = config["contexts"][0]
    nobody = {"name": "nobody", "user": {"token": "no-such-token-0123456789"}}
    config["users"].append(nobody)
    config["contexts"].append({"name": "other", "context": {**good["context"], "user": "nobody"}})
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump({**config, "current-context": "other"}), encoding="utf-8")
    assert len(_client(sandbox, kubeconfig=str(path), context=good["name"]).list(NODES)) == 4
    with pytest.raises(Denied):
        _client(sandbox, kubeconfig=str(path)).list(NODES)
    with pytest.raises(BadInput) as caught:
        _client(sandbox, kubeconfig=str(path), context="missing")
    assert caught.value.code == "NoKubeconfig" and "missing" in str(caught.value)


def test_no_configuration_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a kubeconfig nor a pod around us."""
    for variable in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(BadInput) as caught:
        K8sClient({}, FakeClock())
    assert caught.value.code == "NoKubeconfig"
    assert "in-cluster service account" in str(caught.value) and "K8S_AUTH_KUBECONFIG" in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "kind: Config\nusers: 5\n"])
def test_a_kubeconfig_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        K8sClient({"kubeconfig": str(path)}, FakeClock())
    assert caught.value.code == "NoKubeconfig" and str(path) in str(caught.value)


def test_a_patch_meant_for_an_object_that_was_replaced_is_a_conflict(sandbox: Sandbox) -> None:
    """The API server says Invalid (422), as if the patch were wrong; whoever looks again finds the new object."""
    client = _client(sandbox)
    pv = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "replaced"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "20Gi"},
            "csi": {"driver": "diskplugin.csi.alibabacloud.com", "volumeHandle": "d-1"},
            "persistentVolumeReclaimPolicy": "Retain",
        },
    }
    api.create_pv(client, pv)
    with pytest.raises(Conflict):
        api.patch_pv(client, "replaced", "00000000-0000-0000-0000-000000000000", {"metadata": {"labels": {"a": "b"}}})

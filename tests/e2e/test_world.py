# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The world on a real control plane is the one that the other tests know: who is who, the request log, the faults."""

from __future__ import annotations

import base64
import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from kubernetes.client import ApiException

from tests.role.support import start_web
from tests.sandbox import invariants
from tests.sandbox.faults import Fault
from tests.sandbox.kube.controllers.manager import Timing
from tests.sandbox.kube.errors import ApiError
from tests.sandbox.kube.real import binaries
from tests.sandbox.kube.real.cluster import RealCluster
from tests.sandbox.nodes.client import Kubernetes
from tests.sandbox.nodes.informer import Informer
from tests.sandbox.requestlog import Call
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.world import World
from tests.support import as_admin, contents, wait_for, wait_for_world

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    """Shared by the tests that use names of their own."""
    with Sandbox(backend="real") as found:
        yield found
        found.faults.clear()


def _config_map(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}}


def _client(sandbox: Sandbox, user: str, token: str | None = None) -> Kubernetes:
    kubeconfig = sandbox.cluster.kubeconfig(user if token is None else "admin")
    if token is not None:
        kubeconfig["users"][0]["user"] = {"token": token}
    return Kubernetes(kubeconfig)


def _calls(sandbox: Sandbox, name: str) -> list[Call]:
    return [call for call in sandbox.log.calls(0) if call.side == "kubernetes" and call.name == name]


def _whoami(client: Kubernetes) -> dict[str, Any]:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": {}}
    answer = client.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
    return dict(answer["status"]["userInfo"])


def test_it_is_the_kubernetes_that_go_mod_names(world: Sandbox) -> None:
    assert as_admin(world).request("GET", "/version")["gitVersion"] == binaries.version()


def test_users_are_who_they_were_made(world: Sandbox) -> None:
    world.cluster.add_user("jane", ("team-a", "team-b"))
    found = _whoami(_client(world, "jane"))
    assert (found["username"], found["groups"]) == ("jane", ["team-a", "team-b", "system:authenticated"])


def test_rights_are_kube_apiservers(world: Sandbox) -> None:
    world.cluster.add_user("nobody")
    with pytest.raises(ApiException) as refused:
        _client(world, "nobody").create("configmaps", _config_map("forbidden"))
    assert (refused.value.status, json.loads(refused.value.body)["reason"]) == (403, "Forbidden")
    (call,) = _calls(world, "forbidden")
    assert (call.user, call.verb, call.status, call.code) == ("nobody", "create", 403, "Forbidden")


def test_nobody_gets_more_rights_by_claiming_to_be_someone_else(world: Sandbox) -> None:
    """The headers with which the proxy names a user are its own."""
    world.cluster.add_user("mallory")
    kubeconfig = world.cluster.kubeconfig("mallory")
    authority = base64.b64decode(kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"]).decode()
    pool = urllib3.PoolManager(ssl_context=ssl.create_default_context(cadata=authority))
    headers = {
        "Authorization": f"Bearer {kubeconfig['users'][0]['user']['token']}",
        "X-Remote-User": "admin",
        "X-Remote-Group": "system:masters",
    }
    url = kubeconfig["clusters"][0]["cluster"]["server"]
    assert pool.request("GET", f"{url}/api/v1/nodes", headers=headers).status == 403
    del headers["Authorization"]
    assert pool.request("GET", f"{url}/api/v1/nodes", headers=headers).status == 403
    pool.clear()


def test_service_accounts_come_with_their_own_tokens(world: Sandbox) -> None:
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = "/api/v1/namespaces/default/serviceaccounts/default/token"
    token = as_admin(world).request("POST", path, request)["status"]["token"]
    client = _client(world, "", token)
    name = "system:serviceaccount:default:default"
    assert _whoami(client)["username"] == name
    with pytest.raises(ApiException) as refused:
        client.create("configmaps", _config_map("by-service-account"))
    assert refused.value.status == 403
    (call,) = _calls(world, "by-service-account")
    assert (call.user, call.code) == (name, "Forbidden")


def test_a_wrong_token_is_refused_and_logged_without_a_name(world: Sandbox) -> None:
    with pytest.raises(ApiException) as refused:
        _client(world, "", "wrong").create("configmaps", _config_map("wrong-token"))
    assert refused.value.status == 401
    (call,) = _calls(world, "wrong-token")
    assert (call.user, call.status, call.code) == ("", 401, "Unauthorized")


def test_what_was_done_is_in_the_log(world: Sandbox) -> None:
    admin = as_admin(world)
    admin.create("configmaps", _config_map("logged"))
    admin.request(
        "PATCH",
        f"{admin.path('configmaps', 'default', 'logged')}?dryRun=All",
        {"data": {"a": "b"}},
        content_type="application/merge-patch+json",
    )
    admin.delete("configmaps", "logged", "default")
    found = [(call.verb, call.status, call.mutating, call.dry_run) for call in _calls(world, "logged")]
    assert found == [("create", 201, True, False), ("patch", 200, False, True), ("delete", 200, True, False)]


def test_a_call_fails_before_it_takes_effect(world: Sandbox) -> None:
    fault = Fault(
        side="kubernetes", verb="create", name="refused", status=503, code="ServiceUnavailable", message="No."
    )
    world.faults.add(fault)
    with pytest.raises(ApiException) as refused:
        as_admin(world).create("configmaps", _config_map("refused"))
    assert json.loads(refused.value.body)["message"] == "No."
    assert as_admin(world).get("configmaps", "refused", "default") is None


def test_a_call_takes_effect_and_its_answer_is_lost(world: Sandbox) -> None:
    world.faults.add(Fault(effect="drop", moment="after", side="kubernetes", verb="create", name="unanswered"))
    with pytest.raises(urllib3.exceptions.HTTPError):
        as_admin(world).create("configmaps", _config_map("unanswered"))
    assert as_admin(world).get("configmaps", "unanswered", "default")
    created, _read = _calls(world, "unanswered")
    assert created.code == "Dropped"


def test_a_watch_passes_through_and_can_be_cut(world: Sandbox) -> None:
    seen: list[tuple[str, str]] = []
    world.faults.add(Fault(effect="drop", moment="after", side="kubernetes", user="watcher", verb="watch"))
    world.cluster.add_user("watcher", ("system:masters",))
    client = _client(world, "watcher")
    informer = Informer(client, "configmaps", lambda kind, obj, _old: seen.append((kind, obj["metadata"]["name"])))
    informer.start()
    try:
        wait_for(lambda: len(_watches(world)) > 1, "a second watch after the one that was cut")
        as_admin(world).create("configmaps", _config_map("watched"))
        wait_for(lambda: ("ADDED", "watched") in seen, "the watch's event")
    finally:
        informer.stop()
        client.close()


def _watches(sandbox: Sandbox) -> list[Call]:
    return [call for call in sandbox.log.calls(0) if call.user == "watcher" and call.verb == "watch"]


def test_the_sandboxs_own_client_is_as_the_embedded_one(world: Sandbox) -> None:
    client = world.cluster.client("outsider")
    before = world.log.last_number
    created = client.create("configmaps", {**_config_map("own"), "metadata": {"name": "own", "namespace": "default"}})
    assert client.get("configmaps", "own", "default") == created
    with pytest.raises(ApiError) as twice:
        client.create("configmaps", _config_map("own"))
    assert (twice.value.code, twice.value.reason) == (409, "AlreadyExists")
    assert client.list("configmaps", "default", field_selector="metadata.name=own")[0]["kind"] == "ConfigMap"
    client.delete("configmaps", "own", "default")
    assert client.get("configmaps", "own", "default") is None
    with pytest.raises(ApiError) as gone:
        client.delete("configmaps", "own", "default")
    assert gone.value.code == 404
    assert [call for call in world.log.calls(before) if call.user == "outsider"] == []


def test_nodes_that_restart_go_on_where_they_were(sandbox: Sandbox) -> None:
    before = start_web(sandbox)
    sandbox.stop_nodes()
    sandbox.start_nodes()
    written = {claim: len(contents(sandbox.world(), claim)) for claim in before["claims"]}

    def has_gone_on(world: World) -> bool:
        return all(len(contents(world, claim)) > count for claim, count in written.items())

    after = wait_for_world(sandbox, has_gone_on, "records after the restart")
    assert invariants.check(before, after) == []
    assert {pod["metadata"]["uid"] for pod in after["pods"].values()} == {
        pod["metadata"]["uid"] for pod in before["pods"].values()
    }


def test_timing_is_a_setting_of_the_controllers_or_refused(tmp_path: Path) -> None:
    with Sandbox(backend="real", timing=Timing(binder_resync=2.5, node_grace=60.0)) as sandbox:
        assert isinstance(sandbox.cluster, RealCluster)
        manager = sandbox.cluster.plane.pids()["kube-controller-manager"]
        command = Path(f"/proc/{manager}/cmdline").read_text().split("\0")
    assert {"--pvclaimbinder-sync-period=2.5s", "--node-monitor-grace-period=60.0s"} <= set(command)
    with pytest.raises(ValueError, match="no setting for force_detach"):
        Sandbox(backend="real", directory=tmp_path, timing=Timing(force_detach=1.0))


def _of_this_sandbox(directory: Path) -> list[int]:
    """The processes that were started for a sandbox in this directory and live."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if str(directory) in (path / "cmdline").read_text() and "State:\tZ" not in (path / "status").read_text():
                found.append(int(path.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("end", ["down", "killed"])
def test_nothing_outlives_the_sandbox(tmp_path: Path, end: str) -> None:
    directory = tmp_path / "sandbox"

    def command(*words: str) -> None:
        line = [sys.executable, "-m", "tests.sandbox", *words, "--directory", str(directory)]
        subprocess.run(line, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)

    command("up", "--backend", "real")
    # Us, etcd, kube-apiserver, kube-controller-manager and kube-scheduler.
    assert len(_of_this_sandbox(directory)) == 5
    if end == "killed":
        os.kill(int((directory / "pid").read_text()), signal.SIGKILL)
        wait_for(lambda: not _of_this_sandbox(directory), "the end of all processes")
    command("down")
    assert _of_this_sandbox(directory) == []
    assert not directory.exists()


def test_a_start_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """kube-apiserver does not start; etcd has, and goes."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for program in binaries.PROGRAMS:
        (programs / program).symlink_to(binaries.find().path(program))
    broken = programs / "kube-apiserver"
    broken.unlink()
    broken.write_text("#!/bin/sh\necho no such luck >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv(binaries.DIRECTORY_VARIABLE, str(programs))
    directory = tmp_path / "sandbox"
    with (
        pytest.raises(Exception, match="kube-apiserver ended with status 3:\nno such luck"),
        Sandbox(backend="real", directory=directory),
    ):
        pass
    assert _of_this_sandbox(directory) == []
    assert not (directory / "control-plane").exists()

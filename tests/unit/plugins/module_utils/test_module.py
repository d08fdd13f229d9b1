# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module through its ``main``, as Ansible calls it: what it answers, refuses and never says; and its RETURN."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from ansible_collections.zoneshift.ack.plugins.module_utils._k8s import client

from tests.sandbox.sandbox import Sandbox
from tests.unit.plugins.modules.claims import make_bound
from tests.unit.plugins.modules.clouds import ZONE_K, make_disk, new_run_id
from tests.unit.plugins.modules.workbench import MODULES, load, main
from tests.unit.plugins.modules.workloads import start

Options = dict[str, Any]


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as found:
        yield found


@pytest.fixture(scope="module")
def options(shared: Sandbox) -> dict[str, Options]:
    """Of each module, a wish that changes something in check mode or reads."""
    name = start(shared, 1)
    volume = make_bound(shared)
    source = {"claim": "data", "source_disk_id": make_disk(shared), "snapshot_id": "s-any", "zone": ZONE_K}
    return {
        "ecs_disk_from_snapshot": {"run_id": new_run_id(), "volumes": [source]},
        "ecs_snapshot": {"run_id": new_run_id(), "volumes": [source]},
        "k8s_pv_rebind": {"volumes": [volume]},
        "sts_migration_info": {"name": name, "target_zones": [ZONE_K]},
        "sts_migration_run": {"run_id": new_run_id(), "plan": _empty_plan(name)},
        "sts_scale": {"name": name, "replicas": 0},
    }


def _empty_plan(name: str) -> Options:
    return {
        "run_id": "any",
        "namespace": "default",
        "sts": name,
        "sts_type": "kube",
        "sts_uid": "0",
        "replicas": 1,
        "retention_policy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        "target_zones": [ZONE_K],
        "moves": [],
        "stays": [],
        "findings": [],
        "snapshot_retention_days": 1,
        "retain_source": True,
    }


def _demand_no_secret(sandbox: Sandbox, output: str) -> None:
    token = yaml.safe_load(sandbox.kubeconfig.read_text(encoding="utf-8"))["users"][0]["user"]["token"]
    for secret in (token, sandbox.environment()["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]):
        assert secret not in output
    assert "Signature=" not in output


@pytest.mark.parametrize("module", MODULES)
def test_success(shared: Sandbox, options: dict[str, Options], module: str, capsys: pytest.CaptureFixture[str]) -> None:
    plain = main(shared, module, capsys, check=True, **options[module])
    assert plain.status == 0, plain.output
    assert plain.answer["changed"] is (module != "sts_migration_info")
    assert "diff" not in plain.answer
    told = main(shared, module, capsys, check=True, diff=True, **options[module])
    assert ("diff" in told.answer) is (module != "sts_migration_info")
    assert plain.mutating == told.mutating == []
    _demand_no_secret(shared, plain.output + told.output)


@pytest.mark.parametrize("module", MODULES)
def test_every_key_of_the_answer_is_documented(
    shared: Sandbox, options: dict[str, Options], module: str, capsys: pytest.CaptureFixture[str]
) -> None:
    documented = yaml.safe_load(load(module).RETURN)
    answer = main(shared, module, capsys, check=True, **options[module]).answer
    own = {key: value for key, value in answer.items() if key not in ("changed", "invocation", "diff")}
    always = {key for key, entry in documented.items() if entry["returned"] == "always"}
    assert always <= set(own) <= set(documented)
    kinds = {"list": list, "dict": dict, "str": str, "bool": bool, "int": int}
    for key, value in own.items():
        assert value is None or isinstance(value, kinds[documented[key]["type"]]), key
        first = value[0] if isinstance(value, list) and value else value
        if "contains" in documented[key] and isinstance(first, dict):
            assert set(documented[key]["contains"]) <= set(first), key


@pytest.mark.parametrize("module", MODULES)
def test_an_unreachable_cluster_or_cloud(
    shared: Sandbox, options: dict[str, Options], module: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """fail_json says what failed, with a code and what to do."""
    wrong = {"access_key_secret": "not-the-secret-0123456789"} if module.startswith("ecs_") else {}
    nowhere = {} if wrong else {"kubeconfig": "/does/not/exist"}
    ended = main(shared, module, capsys, **{**options[module], **wrong, **nowhere})
    assert ended.status == 1
    assert ended.answer["failed"] is True
    assert ended.answer["code"] == ("SignatureDoesNotMatch" if wrong else "NoKubeconfig")
    assert ended.answer["hint"] and ended.answer["hint"] in ended.answer["msg"]
    assert "exception" not in ended.answer or "Traceback" not in str(ended.answer["exception"])
    assert ended.mutating == []
    assert "not-the-secret-0123456789" not in ended.output
    _demand_no_secret(shared, ended.output)


@pytest.mark.parametrize("module", MODULES)
def test_an_unexpected_exception(
    shared: Sandbox,
    options: dict[str, Options],
    module: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last line of defence: no traceback on the screen, no secret in what is said."""
    loaded = load(module)
    secret = "Bearer abcdef0123456789.token"

    def burst(_ctx: object) -> None:
        raise RuntimeError(f"it was sent with Authorization: {secret}")

    monkeypatch.setattr(loaded, "run", burst)
    ended = main(shared, module, capsys, **options[module])
    assert (ended.status, ended.answer["code"]) == (1, "InternalError")
    assert "please report it: RuntimeError: it was sent with" in ended.answer["msg"]
    assert "abcdef0123456789" not in ended.output


BAD: dict[str, tuple[Options, str]] = {
    "ecs_disk_from_snapshot": ({"volumes": None}, "state is present but all of the following are missing: volumes"),
    "ecs_snapshot": ({"run_id": "Not_usable"}, "run_id 'Not_usable' is not usable. Use up to 40 lower-case letters"),
    "k8s_pv_rebind": ({"volumes": None}, "missing required arguments: volumes"),
    "sts_migration_info": ({"sts_type": "other"}, "value of sts_type must be one of: auto, kube, kruise"),
    "sts_migration_run": ({"state": "closed"}, "state is closed but all of the following are missing: result"),
    "sts_scale": ({"replicas": "many"}, "argument 'replicas' is of type str and we were unable to convert to int"),
}


@pytest.mark.parametrize("module", MODULES)
def test_bad_parameters_are_refused_before_any_request(
    shared: Sandbox, options: dict[str, Options], module: str, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong, sentence = BAD[module]
    ended = main(shared, module, capsys, **{**options[module], **wrong})
    assert ended.status == 1
    assert sentence.lower() in ended.answer["msg"].replace('"', "'").lower(), ended.answer["msg"]
    assert ended.calls == []


def test_without_the_kubernetes_library(
    shared: Sandbox, options: dict[str, Options], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_IMPORT_ERROR", "No module named 'kubernetes'")
    ended = main(shared, "sts_scale", capsys, **options["sts_scale"])
    assert ended.answer["code"] == "MissingLibrary"
    assert "pip install kubernetes" in ended.answer["msg"]

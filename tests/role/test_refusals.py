# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input and an unsuitable world get one clear sentence, and nothing is touched."""

from __future__ import annotations

from typing import Any

import pytest

from tests import support
from tests.role.support import Outcome, kubeconfig_of, play
from tests.sandbox.sandbox import Sandbox

H, K = "cn-beijing-h", "cn-beijing-k"
GOOD: dict[str, Any] = {"sts": "web", "target_zones": K}


def _refused(outcome: Outcome, *sentences: str) -> None:
    outcome.failed(*sentences)
    assert outcome.mutating == []
    assert outcome.before["claims"] == outcome.after["claims"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"target_zones": K}, "sts is missing. Usage: ansible-playbook migrate.yml -e sts=web"),
        ({"sts": "web"}, "target_zones is missing. Usage: ansible-playbook migrate.yml"),
        ({}, "sts and target_zones are missing."),
        ({**GOOD, "sts": "nope"}, "StatefulSet default/nope does not exist"),
        ({**GOOD, "namespace": "elsewhere"}, "StatefulSet elsewhere/web does not exist"),
        ({**GOOD, "target_zones": "cn-beijing-z"}, "Zone cn-beijing-z does not exist in this region"),
        ({**GOOD, "target_zones": f"{K},{K}"}, "names no zone, or one twice"),
        ({**GOOD, "snapshot_retention_days": 0}, "snapshot_retention_days 0 is not -1 or 1 to 65536"),
        ({**GOOD, "sts_type": "kruise"}, "StatefulSet default/web does not exist in apps.kruise.io/v1beta1"),
    ],
)
def test_bad_input(web_sandbox: Sandbox, options: dict[str, Any], sentence: str) -> None:
    _refused(play(web_sandbox, "migrate.yml", **options), sentence)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAI5tNobody0000000001"}, "InvalidAccessKeyId.NotFound"),
        ({"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "not-the-secret-0123456789"}, "SignatureDoesNotMatch"),
        ({"KUBECONFIG": "/does/not/exist"}, "No usable Kubernetes configuration"),
        ({"ALIBABA_CLOUD_ECS_ENDPOINT": "http://ecs.example.com"}, "plain http would send signed requests in clear"),
        ({"ALIBABA_CLOUD_REGION_ID": ""}, "No region is given."),
    ],
)
def test_wrong_connection(web_sandbox: Sandbox, environment: dict[str, str], sentence: str) -> None:
    outcome = play(web_sandbox, "migrate.yml", "-vvv", environment=environment, **GOOD)
    _refused(outcome, sentence)
    secrets = {**web_sandbox.environment(), **environment}
    assert secrets["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] not in outcome.output
    assert "Signature=" not in outcome.output


def test_no_permission_in_the_cluster(web_sandbox: Sandbox) -> None:
    kubeconfig = kubeconfig_of(web_sandbox, "nobody")
    outcome = play(web_sandbox, "migrate.yml", environment={"KUBECONFIG": str(kubeconfig)}, user="nobody", **GOOD)
    _refused(outcome, 'User "nobody" cannot', "Grant the rules of docs/rbac/")


def test_no_permission_in_the_cloud(web_sandbox: Sandbox) -> None:
    web_sandbox.ecs.deny("admin", "DescribeDisks")
    try:
        _refused(play(web_sandbox, "migrate.yml", **GOOD), "Forbidden.RAM")
    finally:
        web_sandbox.ecs.allow("admin", "DescribeDisks")


def test_nothing_to_migrate(web_sandbox: Sandbox) -> None:
    sts = support.web(1)
    sts["metadata"]["name"] = "stateless"
    sts["spec"]["volumeClaimTemplates"] = []
    sts["spec"]["template"]["spec"]["containers"][0].pop("volumeMounts")
    admin = support.as_admin(web_sandbox)
    admin.create("statefulsets.apps", sts)
    outcome = play(web_sandbox, "migrate.yml", sts="stateless", target_zones=K)
    admin.delete("statefulsets.apps", "stateless", "default")
    assert outcome.returncode == 0, outcome.output
    assert "Nothing to migrate: StatefulSet default/stateless mounts no claim." in outcome.text
    assert outcome.mutating == []


def test_check_mode_shows_the_whole_plan_and_changes_nothing(web_sandbox: Sandbox) -> None:
    outcome = play(web_sandbox, "migrate.yml", "--check", "--diff", **GOOD)
    assert outcome.returncode == 0, outcome.output
    assert outcome.mutating == []
    for shown in (
        "+www-web-0 ",
        "+www-web-1 ",
        "+Steps:",
        "scale web from 2 to 0 replicas and hold the claims",
        "keep the source PVs and disks until finalize.yml is run",
    ):
        assert shown in outcome.output
    assert all(
        claim["metadata"].get("finalizers") == ["kubernetes.io/pvc-protection"]
        for claim in outcome.after["claims"].values()
    )


def test_plan_and_status_change_nothing(web_sandbox: Sandbox) -> None:
    plan = play(web_sandbox, "plan", **GOOD)
    assert plan.returncode == 0, plan.output
    assert plan.mutating == []
    assert "StatefulSet default/web: 2 claims to move to cn-beijing-k, 0 in place already." in plan.text
    status = play(web_sandbox, "status", sts="web")
    assert status.returncode == 0, status.output
    assert status.mutating == []
    assert "No run of StatefulSet default/web is on record." in status.text


@pytest.mark.parametrize("playbook", ["rollback", "finalize"])
def test_no_run_to_work_on(web_sandbox: Sandbox, playbook: str) -> None:
    _refused(play(web_sandbox, playbook, sts="web"), "There is no run to")


def test_no_stock_is_found_before_the_application_is_stopped(web_sandbox: Sandbox) -> None:
    web_sandbox.cloud.set_stock(K, "cloud_essd", False)
    try:
        _refused(
            play(web_sandbox, "migrate.yml", **GOOD),
            "ECS does not sell disks of category cloud_essd in zone cn-beijing-k",
        )
    finally:
        web_sandbox.cloud.set_stock(K, "cloud_essd", True)

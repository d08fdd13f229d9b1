# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped rules are enough for every entry point, and no more than what the collection really does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.zoneshift.ack.plugins.module_utils._observe import NEEDED_RIGHTS

from tests.role.support import ROOT, Outcome, play, start_web
from tests.sandbox.faults import Fault
from tests.sandbox.sandbox import Sandbox

ZONE_H, ZONE_K = "cn-beijing-h", "cn-beijing-k"
USER = "system:serviceaccount:default:zoneshift"
RBAC = ROOT / "docs" / "rbac"


def _documents(name: str) -> list[dict[str, Any]]:
    document = yaml.safe_load((RBAC / name).read_text(encoding="utf-8"))
    return list(document["items"]) if document["kind"] == "List" else [document]


def granted_rights(*files: str) -> set[tuple[str, str, str]]:
    """(verb, group, resource) of every rule."""
    return {
        (verb, group, resource)
        for name in files
        for document in _documents(name)
        for rule in document.get("rules", [])
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def service_account(sandbox: Sandbox) -> Path:
    """A kubeconfig of the shipped service account with the shipped rights."""
    collections = {
        "ClusterRole": "clusterroles.rbac.authorization.k8s.io",
        "ClusterRoleBinding": "clusterrolebindings.rbac.authorization.k8s.io",
        "RoleBinding": "rolebindings.rbac.authorization.k8s.io",
        "ServiceAccount": "serviceaccounts",
    }
    admin = sandbox.cluster.client()
    for name in ("plan.yaml", "migrate.yaml", "bindings.yaml"):
        for document in _documents(name):
            admin.create(collections[document["kind"]], document)
    sandbox.cluster.add_user(USER, ("system:serviceaccounts", "system:authenticated"))
    path = sandbox.directory / "kubeconfig-zoneshift"
    path.write_text(yaml.safe_dump(sandbox.cluster.kubeconfig(USER)), encoding="utf-8")
    return path


def used_rights(*outcomes: Outcome) -> set[tuple[str, str, str]]:
    """(verb, group, resource) of every request that the service account sent."""
    found = set()
    for outcome in outcomes:
        for call in outcome.calls:
            resource, _slash, subresource = call.resource.partition("/")
            plural, _dot, group = resource.partition(".")
            found.add((call.verb, group, f"{plural}/{subresource}" if subresource else plural))
    return found


def test_the_shipped_rights_suffice_and_areused_rights(sandbox: Sandbox) -> None:
    # A retention policy that has to be changed makes every right come into use.
    start_web(sandbox, ZONE_H, persistentVolumeClaimRetentionPolicy={"whenScaled": "Delete", "whenDeleted": "Retain"})
    environment = {"KUBECONFIG": str(service_account(sandbox))}

    def run(playbook: str, **options: Any) -> Outcome:
        return play(sandbox, playbook, environment=environment, user=USER, sts="web", **options)

    sandbox.faults.add(Fault(side="ecs", user="admin", verb="CreateDisk", status=403, code="QuotaExceed", skip=1))
    undone = run("migrate.yml", target_zones=ZONE_K)
    undone.failed("QuotaExceed", "was put back")
    rest = [run("migrate.yml", target_zones=ZONE_K), run("status"), run("finalize")]
    assert [outcome.returncode for outcome in rest] == [0, 0, 0], "\n".join(outcome.output for outcome in rest)

    used = used_rights(undone, *rest)
    granted = granted_rights("plan.yaml", "migrate.yaml")
    questions = {right for right in used if right[2] == "selfsubjectaccessreviews"}
    assert used - granted - questions == set()
    unused = {right for right in granted - used if right[1] != "apps.kruise.io"}
    assert unused == set(), "a rule that nothing needs"

    actions = {call.verb for call in sandbox.log.calls(0) if call.side == "ecs" and call.user == "admin"}
    allowed = json.loads((ROOT / "docs" / "ram" / "migrate.json").read_text(encoding="utf-8"))
    # CreateDisk and CreateSnapshot with tags may ask for TagResources too (alibaba-ecs.md section 6).
    assert {f"ecs:{action}" for action in actions} == set(allowed["Statement"][0]["Action"]) - {"ecs:TagResources"}


def test_the_access_review_asks_for_what_the_rules_grant() -> None:
    """A right that a run needs and the plan does not ask for would be missed only after the application was stopped."""
    asked = {(verb, group, resource) for verb, group, resource, _namespaced in NEEDED_RIGHTS}
    granted = {right for right in granted_rights("migrate.yaml") if right[1] != "apps.kruise.io"}
    assert granted - asked == set()


def test_planning_needs_no_more_than_looking() -> None:
    plan = json.loads((ROOT / "docs" / "ram" / "plan.json").read_text(encoding="utf-8"))
    assert all(action.startswith("ecs:Describe") for action in plan["Statement"][0]["Action"])
    assert {verb for verb, _group, _resource in granted_rights("plan.yaml")} == {"get", "list"}

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller of Advanced StatefulSets over HTTP: pods, claims and scaling (csi-and-statefulsets.md section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.kruise.controller import Kruise
from tests.sandbox.kruise.rules import PREPARING_DELETE, SETS, STATE_LABEL
from tests.sandbox.nodes.client import Object
from tests.sandbox.nodes.names import NEVER_READY_IN
from tests.sandbox.nodes.workqueue import Pauses
from tests.sandbox.sandbox import Backend, Sandbox
from tests.support import as_admin, backends, wait_for, wait_for_world, web
from tests.unit.sandbox.kruise_helpers import CLAIMS, PODS, AdvancedWeb, advanced_web

PARALLEL = {"podManagementPolicy": "Parallel"}


@pytest.fixture(params=backends())
def backend(request: pytest.FixtureRequest) -> Backend:
    found: Backend = request.param
    return found


@pytest.fixture
def sandbox(backend: Backend) -> Iterator[Sandbox]:
    with Sandbox(kruise=True, backend=backend) as found:
        yield found


def uids(objects: dict[int, Object]) -> dict[int, str]:
    return {ordinal: obj["metadata"]["uid"] for ordinal, obj in objects.items()}


def template_with(**metadata: Any) -> Object:
    template = dict(web(1)["spec"]["template"])
    return {**template, "metadata": {**template["metadata"], **metadata}}


def test_the_resource_is_served_in_both_versions_and_can_be_scaled(sandbox: Sandbox) -> None:
    found = AdvancedWeb.run(sandbox, 2, 0, 2, reserveOrdinals=[1])
    older = found.admin.request("GET", "/apis/apps.kruise.io/v1alpha1/namespaces/default/statefulsets/web")
    assert older["apiVersion"] == "apps.kruise.io/v1alpha1"
    scale = found.admin.request("GET", found.admin.path(SETS, "default", "web", "scale"))
    assert (scale["spec"], scale["status"]) == ({"replicas": 2}, {"replicas": 2, "selector": "app=nginx"})
    assert found.admin.get("statefulsets.apps", "web", "default") is None


def test_pods_and_claims_are_as_in_apps_v1_but_for_the_owner(sandbox: Sandbox) -> None:
    found = AdvancedWeb.run(sandbox, 2, 0, 2, reserveOrdinals=[1])
    pod, claim = found.pods()[2], found.claims()[2]
    (owner,) = pod["metadata"]["ownerReferences"]
    assert (owner["apiVersion"], owner["kind"]) == ("apps.kruise.io/v1beta1", "StatefulSet")
    assert owner["uid"] == found.get()["metadata"]["uid"]
    assert pod["metadata"]["labels"] | {"topology.kubernetes.io/zone": "", "topology.kubernetes.io/region": ""} == {
        "app": "nginx",
        "statefulset.kubernetes.io/pod-name": "web-2",
        "apps.kubernetes.io/pod-index": "2",
        "controller-revision-hash": found.status()["currentRevision"],
        "lifecycle.apps.kruise.io/state": "Normal",
        "topology.kubernetes.io/zone": "",
        "topology.kubernetes.io/region": "",
    }
    assert claim["metadata"]["labels"] == {"app": "nginx"}
    assert "ownerReferences" not in claim["metadata"]


def test_status_has_every_count(sandbox: Sandbox) -> None:
    found = AdvancedWeb.run(sandbox, 2, 0, 2, reserveOrdinals=[1])
    status = found.wait_status(availableReplicas=2)
    revision = status["currentRevision"]
    assert status == {
        "observedGeneration": 1,
        "replicas": 2,
        "readyReplicas": 2,
        "availableReplicas": 2,
        "currentReplicas": 2,
        "updatedReplicas": 2,
        "updatedReadyReplicas": 2,
        "updatedAvailableReplicas": 2,
        "currentRevision": revision,
        "updateRevision": revision,
        "collisionCount": 0,
        "labelSelector": "app=nginx",
    }
    found.patch({"replicas": 0})
    assert found.wait_status(replicas=0)["readyReplicas"] == 0


def test_ordered_ready_waits_for_each_replica_and_parallel_does_not(sandbox: Sandbox) -> None:
    never = template_with(annotations={NEVER_READY_IN: ",".join(sandbox.cloud.zones)})
    found = AdvancedWeb.create(sandbox, 2, template=never)
    found.wait_status(replicas=1)
    found.wait(lambda: found.pods()[0]["status"]["phase"] == "Running", "web-0 to run")
    assert list(found.pods()) == [0]
    found.patch(PARALLEL)
    found.wait_status(replicas=2, readyReplicas=0)


@pytest.mark.parametrize("policy", ["OrderedReady", "Parallel"])
def test_scaling_to_0_begins_at_the_top_and_keeps_the_claims(sandbox: Sandbox, policy: str) -> None:
    found = AdvancedWeb.run(sandbox, 3, 0, 2, 3, reserveOrdinals=[1], podManagementPolicy=policy)
    before = uids(found.claims())
    found.patch({"replicas": 0}, "scale")
    found.wait_status(replicas=0)
    assert found.events("SuccessfulDelete") == [
        f"delete Pod web-{ordinal} in StatefulSet web successful" for ordinal in (3, 2, 0)
    ]
    assert uids(found.claims()) == before


def test_reserving_and_scaling_in_one_patch_takes_one_replica_down(sandbox: Sandbox) -> None:
    """4.5, the lever of a rolling move: the others run on, and the claim waits for its pod."""
    found = AdvancedWeb.run(sandbox, 3, 0, 1, 2)
    pods, claims = uids(found.pods()), uids(found.claims())
    found.patch({"replicas": 2, "reserveOrdinals": [1]})
    found.wait_ready(0, 2)
    assert uids(found.pods()) == {ordinal: pods[ordinal] for ordinal in (0, 2)}
    assert uids(found.claims()) == claims
    found.patch({"replicas": 3, "reserveOrdinals": None})
    found.wait_ready(0, 1, 2)
    assert uids(found.claims()) == claims
    assert found.pods()[0]["metadata"]["uid"] == pods[0]


def test_reserving_alone_moves_on_to_a_new_ordinal_with_a_new_disk(sandbox: Sandbox) -> None:
    found = AdvancedWeb.run(sandbox, 2, 0, 1)
    found.patch({"reserveOrdinals": [1]})
    found.wait_ready(0, 2)
    assert sorted(found.claims()) == [0, 1, 2]


def test_reserved_ordinals_lose_their_claims_when_scaling_in_deletes_them(sandbox: Sandbox) -> None:
    """4.2: a reserved ordinal counts as out of range."""
    policy = {"whenScaled": "Delete", "whenDeleted": "Retain"}
    found = AdvancedWeb.run(sandbox, 2, 0, 1, persistentVolumeClaimRetentionPolicy=policy)
    found.patch({"replicas": 1, "reserveOrdinals": [1]})
    wait_for_world(sandbox, lambda world: len(world["claims"]) == len(world["disks"]) == 1, "claim and disk to go")
    assert sorted(found.claims()) == [0]


def test_claims_are_owned_by_the_set_as_long_as_its_policy_says_so(sandbox: Sandbox) -> None:
    policy = {"whenScaled": "Retain", "whenDeleted": "Delete"}
    found = AdvancedWeb.run(sandbox, 1, 0, persistentVolumeClaimRetentionPolicy=policy)

    def owners() -> list[str]:
        references = found.claims()[0]["metadata"].get("ownerReferences") or []
        return [reference["apiVersion"] for reference in references]

    found.wait(lambda: owners() == ["apps.kruise.io/v1beta1"], "the set to own the claim")
    found.patch({"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain"}})
    found.wait(lambda: owners() == [], "the claim to be owned by nobody")


def test_a_missing_claim_is_made_anew_from_the_template(sandbox: Sandbox) -> None:
    found = AdvancedWeb.run(sandbox, 1, 0)
    before = uids(found.claims())
    found.patch({"replicas": 0})
    found.wait_status(replicas=0)
    found.admin.delete(CLAIMS, "www-web-0", "default")
    found.wait(lambda: not found.claims(), "the claim to go")
    found.patch({"replicas": 1})
    found.wait_ready(0)
    assert uids(found.claims()) != before


def test_a_claim_that_is_terminating_keeps_its_pod_away(sandbox: Sandbox) -> None:
    found = AdvancedWeb.run(sandbox, 2, 0, 1)
    found.hold(1)
    refusal = "create Pod web-1 in StatefulSet web failed error: pvc www-web-1 is to be deleted"
    assert set(found.events("FailedCreate")) == {refusal}
    found.wait(lambda: len(found.events("FailedCreate")) > 2, "the controller to try again by itself")
    assert list(found.pods()) == [0]
    found.release(1)
    found.wait_ready(0, 1)


def test_a_held_set_is_looked_at_again_when_it_changes_not_when_its_claim_does(backend: Backend) -> None:
    """With a first pause of an hour nothing but a change of the set can bring it back."""
    with Sandbox(backend=backend) as sandbox:
        kruise = Kruise(sandbox.kubeconfig, Pauses(first=3600, longest=7200))
        kruise.start()
        try:
            found = AdvancedWeb.run(sandbox, 2, 0, 1, **PARALLEL)
            found.hold(1)
            found.release(1)
            wait_for(lambda: list(found.claims()) == [0], "the released claim to be gone")
            assert list(found.pods()) == [0]
            found.touch()
            found.wait_ready(0, 1)
        finally:
            kruise.stop()


def test_min_ready_seconds_make_a_ready_replica_wait_to_be_available(sandbox: Sandbox) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"minReadySeconds": 300}}
    found = AdvancedWeb.run(sandbox, 2, 0, 1, updateStrategy=strategy, **PARALLEL)
    assert found.wait_status(readyReplicas=2)["availableReplicas"] == 0
    found.patch({"updateStrategy": {"rollingUpdate": {"minReadySeconds": 1}}})
    found.wait_status(availableReplicas=2)


HOOK: dict[str, Any] = {
    "lifecycle": {"preDelete": {"labelsHandler": {"example.com/block": "true"}}},
    "template": template_with(labels={"app": "nginx", "example.com/block": "true"}),
}


def wait_until_marked(found: AdvancedWeb, *ordinals: int) -> None:
    def marked() -> bool:
        states = [found.pods()[ordinal]["metadata"]["labels"][STATE_LABEL] for ordinal in ordinals]
        return states == [PREPARING_DELETE] * len(ordinals)

    found.wait(marked, f"replicas {ordinals} to be marked")


def take_off_hook(found: AdvancedWeb, ordinal: int) -> None:
    found.admin.patch(PODS, f"web-{ordinal}", {"metadata": {"labels": {"example.com/block": None}}}, "default")


def test_hooked_pods_are_only_marked_until_their_hooks_are_taken_off(sandbox: Sandbox) -> None:
    """4.3: scaling in waits for whoever owns the hook. A marked pod runs on and is Ready, but not available."""
    found = AdvancedWeb.run(sandbox, 2, 0, 1, **HOOK, **PARALLEL)
    found.patch({"replicas": 0})
    wait_until_marked(found, 0, 1)
    found.wait_status(replicas=2, readyReplicas=2, availableReplicas=0)
    assert all("deletionTimestamp" not in pod["metadata"] for pod in found.pods().values())
    for ordinal in (0, 1):
        take_off_hook(found, ordinal)
        found.wait(lambda gone=ordinal: gone not in found.pods(), f"web-{ordinal} to go")


def test_two_hooked_pods_of_an_ordered_set_block_each_other_for_ever(sandbox: Sandbox) -> None:
    """The higher one is to go first, and waits because the lower one is the first unhealthy pod."""
    found = AdvancedWeb.run(sandbox, 2, 0, 1, **HOOK)
    found.patch({"replicas": 0})
    wait_until_marked(found, 0, 1)
    for ordinal in (0, 1):
        take_off_hook(found, ordinal)
    found.patch({"revisionHistoryLimit": 5})
    found.wait_status(replicas=2, availableReplicas=0)
    assert all("deletionTimestamp" not in pod["metadata"] for pod in found.pods().values())


def test_pods_of_a_set_that_was_deleted_as_an_orphanage_are_adopted(sandbox: Sandbox) -> None:
    found = AdvancedWeb.run(sandbox, 2, 0, 1)
    before = uids(found.pods())
    orphan = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Orphan"}
    found.admin.request("DELETE", found.admin.path(SETS, "default", "web"), orphan)
    # A real garbage collector looks for new kinds of objects every half minute.
    found.wait(lambda: found.admin.get(SETS, "web", "default") is None, "the set to go", timeout=300)
    found.admin.create(SETS, advanced_web(2))
    found.wait_ready(0, 1)
    assert uids(found.pods()) == before
    found.admin.delete(SETS, "web", "default")
    found.wait(lambda: not found.pods(), "the garbage collector to take the pods")


def test_the_controller_carries_on_where_another_one_ended(backend: Backend) -> None:
    with Sandbox(backend=backend) as sandbox:
        first, second = Kruise(sandbox.kubeconfig), Kruise(sandbox.kubeconfig)
        first.start()
        found = AdvancedWeb.run(sandbox, 1, 0)
        before = uids(found.pods())
        first.stop()
        as_admin(sandbox).patch(SETS, "web", {"spec": {"replicas": 2}}, "default")
        second.start()
        try:
            found.wait_ready(0, 1)
            assert found.pods()[0]["metadata"]["uid"] == before[0]
        finally:
            second.stop()

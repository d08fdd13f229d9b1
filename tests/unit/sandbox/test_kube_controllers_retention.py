# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""persistentVolumeClaimRetentionPolicy: B5, csi-and-statefulsets.md 5.1, traps 6 and 7."""

from __future__ import annotations

from tests.sandbox.kube.controllers.objects import owners, uid
from tests.unit.sandbox.controller_helpers import World
from tests.unit.sandbox.controller_objects import (
    CLAIMS,
    PODS,
    SETS,
    VOLUMES,
)

RETAIN, DELETE = "Retain", "Delete"


def policy(scaled: str, deleted: str) -> dict[str, str]:
    return {"whenScaled": scaled, "whenDeleted": deleted}


def test_when_scaled_delete_takes_claims_volumes_and_disks_along(world: World) -> None:
    world.run(replicas=1, persistentVolumeClaimRetentionPolicy=policy(DELETE, RETAIN))
    since = world.api.store.revision
    pod = world.pod("web-0")
    assert pod
    world.scale(0)
    world.wait(lambda: not world.admin.list(CLAIMS) and not world.admin.list(VOLUMES))
    references = [owners(event["object"]) for event in world.changes(CLAIMS, since) if owners(event["object"])]
    assert references[0] == [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": "web-0",
            "uid": uid(pod),
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    assert world.driver.deleted_disks == ["d-1"]


def test_when_deleted_delete_takes_the_claims_along_with_the_set(world: World) -> None:
    world.run(replicas=1, persistentVolumeClaimRetentionPolicy=policy(RETAIN, DELETE))
    world.wait(lambda: owners(world.claim("www-web-0") or {"metadata": {}}))
    reference = owners(world.claim("www-web-0") or {})[0]
    assert (reference["kind"], reference["uid"]) == ("StatefulSet", uid(world.stateful_set()))
    world.admin.delete(SETS, "web", "default")
    world.wait(lambda: not world.admin.list(CLAIMS) and not world.admin.list(PODS))


def test_going_back_to_retain_takes_the_owner_references_off_again(world: World) -> None:
    world.run(replicas=2, persistentVolumeClaimRetentionPolicy=policy(DELETE, DELETE))
    world.wait(lambda: all(owners(claim) for claim in world.admin.list(CLAIMS)))
    patch = {"spec": {"persistentVolumeClaimRetentionPolicy": policy(RETAIN, RETAIN)}}
    world.admin.patch(SETS, "web", patch, "default")
    world.wait(lambda: not any(owners(claim) for claim in world.admin.list(CLAIMS)))
    world.scale(0)
    world.wait(lambda: not world.admin.list(PODS))
    world.settle()
    assert len(world.admin.list(CLAIMS)) == 2


def test_a_claim_of_somebody_else_is_left_to_him(world: World) -> None:
    world.run(replicas=1)
    holder = world.admin.create("configmaps", {"metadata": {"name": "operator", "namespace": "default"}})
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "operator", "uid": uid(holder), "controller": True}
    world.admin.patch(CLAIMS, "www-web-0", {"metadata": {"ownerReferences": [reference]}}, "default")
    patch = {"spec": {"persistentVolumeClaimRetentionPolicy": policy(DELETE, DELETE)}}
    world.admin.patch(SETS, "web", patch, "default")
    world.wait(lambda: world.stateful_set()["status"]["observedGeneration"] == 2)
    world.settle()
    assert owners(world.claim("www-web-0") or {}) == [reference]

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Protection finalizers, the garbage collector and namespaces: what keeps objects and what takes them along."""

from __future__ import annotations

import pytest

from tests.sandbox.kube.controllers.objects import Object, finalizers, name, owners, phase, terminating, uid
from tests.unit.sandbox.controller_helpers import World
from tests.unit.sandbox.controller_objects import (
    CLAIMS,
    PODS,
    SETS,
    VOLUMES,
    new_claim,
    new_set,
    new_volume,
)

MAPS = "configmaps"


def owned_by(owner: Object, kind: str = "ConfigMap", **extra: bool) -> Object:
    return {"apiVersion": "v1", "kind": kind, "name": name(owner), "uid": uid(owner), **extra}


def new_map(world: World, map_name: str, *references: Object) -> Object:
    metadata = {"name": map_name, "namespace": "default", "ownerReferences": list(references)}
    return world.admin.create(MAPS, {"metadata": metadata})


def config_map(world: World, map_name: str) -> Object | None:
    return world.admin.get(MAPS, map_name, "default")


def test_a_claim_in_use_is_terminating_and_bound_until_its_pod_is_gone(world: World) -> None:
    world.admin.create(SETS, new_set(replicas=1))
    world.wait(lambda: world.ready("web-0"))
    volume = world.volume_of("www-web-0")
    world.admin.delete(CLAIMS, "www-web-0", "default")
    world.settle()
    claim = world.claim("www-web-0")
    assert claim and terminating(claim) and phase(claim) == "Bound"
    assert finalizers(claim) == ["kubernetes.io/pvc-protection"] and world.ready("web-0")
    world.scale(0)
    world.wait(lambda: world.claim("www-web-0") is None and world.admin.get(VOLUMES, name(volume)) is None)
    assert world.driver.deleted_disks == [volume["spec"]["csi"]["volumeHandle"]]


def test_a_finished_pod_still_protects_its_claim(world: World) -> None:
    """Trap 12."""
    world.admin.create(SETS, new_set(replicas=1))
    world.wait(lambda: world.ready("web-0"))
    world.admin.delete(SETS, "web", "default", propagation="Orphan")
    world.wait(lambda: world.admin.get(SETS, "web", "default") is None)
    pod = world.pod("web-0")
    assert pod
    world.admin.update(PODS, {**pod, "status": {**pod["status"], "phase": "Succeeded"}}, subresource="status")
    world.admin.delete(CLAIMS, "www-web-0", "default")
    world.settle()
    assert world.claim("www-web-0") is not None
    world.admin.delete(PODS, "web-0", "default")
    world.wait(lambda: world.claim("www-web-0") is None)


@pytest.mark.parametrize(
    ("resource", "finalizer"),
    [
        (CLAIMS, "kubernetes.io/pvc-protection"),
        (VOLUMES, "kubernetes.io/pv-protection"),
    ],
)
def test_protection_that_somebody_took_off_comes_back(world: World, resource: str, finalizer: str) -> None:
    created = world.admin.create(resource, new_claim("it") if resource == CLAIMS else new_volume("it"))
    world.settle()
    namespace = created["metadata"].get("namespace", "")
    world.admin.patch(resource, "it", {"metadata": {"finalizers": None}}, namespace)
    world.wait(lambda: finalizers(world.admin.get(resource, "it", namespace) or {"metadata": {}}) == [finalizer])


def test_dependents_go_with_their_owner(world: World) -> None:
    owner = new_map(world, "owner")
    child = new_map(world, "child", owned_by(owner))
    new_map(world, "grandchild", owned_by(child))
    world.admin.delete(MAPS, "owner", "default")
    world.wait(lambda: not world.admin.list(MAPS, "default"))


def test_a_dependent_with_another_living_owner_stays_and_forgets_the_dead_one(world: World) -> None:
    one, two = new_map(world, "one"), new_map(world, "two")
    new_map(world, "child", owned_by(one), owned_by(two))
    world.admin.delete(MAPS, "one", "default")
    world.wait(lambda: [owner["name"] for owner in owners(config_map(world, "child") or {"metadata": {}})] == ["two"])


def test_a_reference_to_a_dead_uid_gets_a_new_claim_collected(world: World) -> None:
    """Trap 7: uids decide, not names."""
    pod = {"apiVersion": "v1", "kind": "Pod", "name": "web-0", "uid": "11111111-2222-3333-4444-555555555555"}
    world.admin.create(CLAIMS, new_claim("c1", ownerReferences=[pod]))
    world.wait(lambda: world.claim("c1") is None)


def test_an_owner_in_foreground_deletion_waits_for_what_blocks_it(world: World) -> None:
    owner = new_map(world, "owner")
    new_map(world, "child", owned_by(owner, blockOwnerDeletion=True))
    world.admin.patch(MAPS, "child", {"metadata": {"finalizers": ["zoneshift.example/keep"]}}, "default")
    world.admin.delete(MAPS, "owner", "default", propagation="Foreground")
    world.wait(lambda: terminating(config_map(world, "child") or {"metadata": {}}))
    world.settle()
    assert terminating(config_map(world, "owner") or {})
    world.admin.patch(MAPS, "child", {"metadata": {"finalizers": None}}, "default")
    world.wait(lambda: not world.admin.list(MAPS, "default"))


def test_a_foreground_deletion_does_not_wait_for_what_does_not_block(world: World) -> None:
    owner = new_map(world, "owner")
    new_map(world, "child", owned_by(owner))
    world.admin.patch(MAPS, "child", {"metadata": {"finalizers": ["zoneshift.example/keep"]}}, "default")
    world.admin.delete(MAPS, "owner", "default", propagation="Foreground")
    world.wait(lambda: config_map(world, "owner") is None)


def test_orphans_lose_the_reference_before_their_owner_goes(world: World) -> None:
    owner = new_map(world, "owner")
    new_map(world, "child", owned_by(owner))
    world.admin.delete(MAPS, "owner", "default", propagation="Orphan")
    world.wait(lambda: config_map(world, "owner") is None)
    child = config_map(world, "child")
    assert child and owners(child) == []


def test_an_owner_of_a_kind_that_nobody_serves_keeps_its_dependents(world: World) -> None:
    stranger = {"apiVersion": "example.com/v1", "kind": "Thing", "name": "x", "uid": "u"}
    new_map(world, "child", stranger)
    world.settle()
    assert config_map(world, "child") is not None


def definition(plural: str, kind: str) -> Object:
    version = {
        "name": "v1beta1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    return {
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"},
            "versions": [version],
        },
    }


def test_custom_resources_own_things_too(world: World) -> None:
    world.admin.create("customresourcedefinitions.apiextensions.k8s.io", definition("things", "Thing"))
    thing = world.admin.create(
        "things.example.com",
        {
            "apiVersion": "example.com/v1beta1",
            "kind": "Thing",
            "metadata": {"name": "x", "namespace": "default"},
        },
    )
    reference = {"apiVersion": "example.com/v1beta1", "kind": "Thing", "name": "x", "uid": uid(thing)}
    new_map(world, "child", reference)
    world.settle()
    assert config_map(world, "child") is not None
    world.admin.delete("things.example.com", "x", "default")
    world.wait(lambda: config_map(world, "child") is None)


@pytest.mark.parametrize("held", [False, True])
def test_a_namespace_takes_everything_in_it_along(world: World, held: bool) -> None:
    world.admin.create("namespaces", {"metadata": {"name": "shop"}})
    metadata = {"name": "one", "namespace": "shop", "finalizers": ["zoneshift.example/keep"] if held else []}
    world.admin.create(MAPS, {"metadata": metadata})
    stateful_set = new_set()
    stateful_set["metadata"]["namespace"] = "shop"
    world.admin.create(SETS, stateful_set)
    world.wait(lambda: world.admin.list(PODS, "shop"))
    world.admin.delete("namespaces", "shop")
    if held:
        world.wait(lambda: not world.admin.list(SETS, "shop") and not world.admin.list(PODS, "shop"))
        assert phase(world.admin.get("namespaces", "shop") or {}) == "Terminating"
        world.admin.patch(MAPS, "one", {"metadata": {"finalizers": None}}, "shop")
    world.wait(lambda: world.admin.get("namespaces", "shop") is None)

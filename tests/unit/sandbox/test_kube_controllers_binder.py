# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The volume binder: kubernetes-behaviour.md B3 and B4, line by line."""

from __future__ import annotations

import pytest

from tests.sandbox.kube.controllers.manager import Timing
from tests.sandbox.kube.controllers.objects import Object, annotations_of, phase, terminating, uid
from tests.unit.sandbox.controller_helpers import World, start_world, stop_world
from tests.unit.sandbox.controller_objects import (
    CLAIMS,
    PODS,
    SETS,
    VOLUMES,
    new_claim,
    new_set,
    new_volume,
)

COMPLETED = "pv.kubernetes.io/bind-completed"


def bound_pair(world: World, *, policy: str = "Retain") -> tuple[Object, Object]:
    """A volume reserved for a claim that names it, and the claim, bound."""
    volume = new_volume("v1", reserved_for="c1", policy=policy)
    world.admin.create(VOLUMES, volume)
    world.wait(lambda: world.volume_phase("v1") == "Available")
    world.admin.create(CLAIMS, new_claim("c1", "v1"))
    world.wait(lambda: world.bound("c1"))
    world.settle()
    claim = world.claim("c1")
    assert claim
    return world.volume_of("c1"), claim


def touch(world: World, claim: str) -> None:
    """Any change will do."""
    touched = {"touched": str(world.api.store.revision)}
    world.admin.patch(CLAIMS, claim, {"metadata": {"annotations": touched}}, "default")


def test_a_reserved_volume_becomes_available_and_keeps_its_reservation(world: World) -> None:
    created = world.admin.create(VOLUMES, new_volume("v1", reserved_for="c1"))
    assert phase(created) == "Pending"
    world.wait(lambda: world.volume_phase("v1") == "Available")
    volume = world.admin.get(VOLUMES, "v1")
    assert volume and "uid" not in volume["spec"]["claimRef"]


def test_mutual_reservation_gives_four_writes_and_one_annotation(world: World) -> None:
    since = world.api.store.revision
    volume, claim = bound_pair(world)
    assert volume["spec"]["claimRef"]["uid"] == uid(claim)
    assert "pv.kubernetes.io/bound-by-controller" not in annotations_of(volume)
    assert annotations_of(claim) == {COMPLETED: "yes"}
    writes = [event for resource in (VOLUMES, CLAIMS) for event in world.changes(resource, since)]
    assert [event["type"] for event in writes] == ["ADDED", *["MODIFIED"] * 3, "ADDED", *["MODIFIED"] * 2]


@pytest.mark.parametrize("wake", ["touch", "resync"])
def test_a_volume_that_comes_after_its_claim_is_not_noticed_by_itself(world: World, wake: str) -> None:
    world.admin.create(CLAIMS, new_claim("c1", "v1"))
    world.settle()
    world.admin.create(VOLUMES, new_volume("v1", reserved_for="c1"))
    world.wait(lambda: world.volume_phase("v1") == "Available")
    world.settle()
    claim = world.claim("c1")
    assert claim and phase(claim) == "Pending" and not annotations_of(claim)
    assert not world.events("FailedBinding") and not world.events("VolumeMismatch")
    if wake == "touch":
        touch(world, "c1")
    else:
        binder = next(each for each in world.manager.controllers if each.name == "persistentvolume-binder")
        binder.resync()
    world.wait(lambda: world.bound("c1"))


def test_the_resync_comes_by_itself() -> None:
    world = start_world(Timing(binder_resync=0.05))
    try:
        world.admin.create(CLAIMS, new_claim("c1", "v1"))
        world.settle()
        world.admin.create(VOLUMES, new_volume("v1", reserved_for="c1"))
        world.wait(lambda: world.bound("c1"))
    finally:
        stop_world(world)


def test_the_real_resync_takes_fifteen_seconds() -> None:
    assert Timing().binder_resync == 15.0


def test_deleting_the_claim_releases_the_volume_which_remembers_it(world: World) -> None:
    _volume, claim = bound_pair(world)
    world.admin.delete(CLAIMS, "c1", "default")
    world.wait(lambda: world.volume_phase("v1") == "Released")
    volume = world.admin.get(VOLUMES, "v1")
    assert volume and volume["spec"]["claimRef"]["uid"] == uid(claim)
    assert world.driver.deleted_disks == []


def released(world: World) -> None:
    bound_pair(world)
    world.admin.delete(CLAIMS, "c1", "default")
    world.wait(lambda: world.volume_phase("v1") == "Released")


def test_a_claim_of_the_same_name_does_not_get_a_released_volume(world: World) -> None:
    released(world)
    world.admin.create(CLAIMS, new_claim("c1", "v1"))
    world.wait(lambda: world.events("FailedBinding", "c1"))
    assert world.events("FailedBinding", "c1") == ['volume "v1" already bound to a different claim.']
    world.settle()
    assert world.claim_phase("c1") == "Pending" and world.volume_phase("v1") == "Released"


CLEARED = [{"uid": None, "resourceVersion": None}, None]


@pytest.mark.parametrize("cleared", CLEARED, ids=["uid", "all"])
def test_clearing_the_claim_reference_frees_the_volume_but_wakes_no_claim(world: World, cleared: Object | None) -> None:
    released(world)
    world.admin.create(CLAIMS, new_claim("c1", "v1"))
    world.wait(lambda: world.events("FailedBinding", "c1"))
    world.admin.patch(VOLUMES, "v1", {"spec": {"claimRef": cleared}})
    world.wait(lambda: world.volume_phase("v1") == "Available")
    world.settle()
    assert world.claim_phase("c1") == "Pending"
    touch(world, "c1")
    world.wait(lambda: world.bound("c1"))


@pytest.mark.parametrize("cleared", CLEARED, ids=["uid", "all"])
def test_a_claim_that_is_made_after_the_clearing_binds_at_once(world: World, cleared: Object | None) -> None:
    released(world)
    world.admin.patch(VOLUMES, "v1", {"spec": {"claimRef": cleared}})
    world.wait(lambda: world.volume_phase("v1") == "Available")
    world.admin.create(CLAIMS, new_claim("c1", "v1"))
    world.wait(lambda: world.bound("c1"))


def test_a_volume_with_the_uid_of_another_claim_is_released_at_once(world: World) -> None:
    volume = new_volume("v1", reserved_for="c1")
    volume["spec"]["claimRef"]["uid"] = "11111111-2222-3333-4444-555555555555"
    world.admin.create(VOLUMES, volume)
    world.wait(lambda: world.volume_phase("v1") == "Released")


def test_a_copied_uid_under_delete_destroys_the_new_disk(world: World) -> None:
    """Trap 2."""
    volume = new_volume("v1", reserved_for="c1", policy="Delete", handle="d-new")
    volume["metadata"]["finalizers"] = ["external-provisioner.volume.kubernetes.io/finalizer"]
    volume["spec"]["claimRef"]["uid"] = "11111111-2222-3333-4444-555555555555"
    world.admin.create(VOLUMES, volume)
    world.wait(lambda: world.driver.deleted_disks == ["d-new"] and world.admin.get(VOLUMES, "v1") is None)


def test_copied_annotations_lose_a_claim_without_its_volume(world: World) -> None:
    world.admin.create(CLAIMS, new_claim("c1", "v1", annotations={COMPLETED: "yes"}))
    world.wait(lambda: world.claim_phase("c1") == "Lost")
    world.wait(lambda: world.events("ClaimLost", "c1"))
    assert world.events("ClaimLost", "c1") == ["Bound claim has lost its PersistentVolume. Data on the volume is lost!"]


def test_copied_annotations_lose_a_claim_whose_volume_is_reserved_until_the_reservation_goes(world: World) -> None:
    world.admin.create(VOLUMES, new_volume("v1", reserved_for="c1"))
    world.admin.create(CLAIMS, new_claim("c1", "v1", annotations={COMPLETED: "yes"}))
    world.wait(lambda: world.claim_phase("c1") == "Lost")
    world.wait(lambda: world.events("ClaimMisbound", "c1"))
    assert world.events("ClaimMisbound", "c1") == [
        "Two claims are bound to the same volume, this one is bound incorrectly"
    ]
    touch(world, "c1")
    world.settle()
    assert world.claim_phase("c1") == "Lost"
    world.admin.patch(VOLUMES, "v1", {"spec": {"claimRef": None}})
    touch(world, "c1")
    world.wait(lambda: world.bound("c1"))


def unlike(claim: Object, what: str) -> Object:
    spec = claim["spec"]
    if what == "size":
        spec["resources"]["requests"]["storage"] = "40Gi"
    elif what == "class":
        spec["storageClassName"] = "another"
    elif what == "access":
        spec["accessModes"] = ["ReadWriteMany"]
    return claim


@pytest.mark.parametrize("what", ["size", "class", "access"])
def test_mutual_reservation_skips_every_check(world: World, what: str) -> None:
    """D6: the claim is Bound, whatever it asked for, and its capacity is the volume's."""
    world.admin.create(VOLUMES, new_volume("v1", reserved_for="c1"))
    world.admin.create(CLAIMS, unlike(new_claim("c1", "v1"), what))
    world.wait(lambda: world.bound("c1"))
    claim = world.claim("c1")
    assert claim and claim["status"]["capacity"] == {"storage": "20Gi"}
    if what == "size":
        world.wait(lambda: world.events("ExternalExpanding", "c1"))
        assert world.events("ExternalExpanding") == ["waiting for an external controller to expand this PVC"]


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("size", "requested PV is too small"),
        ("class", "storageClassName does not match"),
        ("access", "incompatible accessMode"),
    ],
)
def test_a_claim_that_alone_names_a_volume_is_checked(world: World, what: str, why: str) -> None:
    world.admin.create(VOLUMES, new_volume("v1"))
    world.admin.create(CLAIMS, unlike(new_claim("c1", "v1"), what))
    world.wait(lambda: world.events("VolumeMismatch", "c1"))
    assert world.events("VolumeMismatch", "c1") == [f'Cannot bind to requested volume "v1": {why}']
    world.settle()
    assert world.claim_phase("c1") == "Pending" and world.volume_phase("v1") == "Available"


def test_a_claim_that_alone_names_a_fitting_volume_gets_it_marked_as_bound_by_the_controller(world: World) -> None:
    world.admin.create(VOLUMES, new_volume("v1"))
    world.admin.create(CLAIMS, new_claim("c1", "v1"))
    world.wait(lambda: world.bound("c1"))
    assert annotations_of(world.volume_of("c1"))["pv.kubernetes.io/bound-by-controller"] == "yes"


def test_two_volumes_of_one_disk_are_accepted(world: World) -> None:
    for volume in ("v1", "v2"):
        world.admin.create(VOLUMES, new_volume(volume, handle="d-same"))
    world.wait(lambda: world.volume_phase("v1") == world.volume_phase("v2") == "Available")


def test_deleting_a_bound_volume_waits_for_its_claim(world: World) -> None:
    bound_pair(world)
    world.admin.delete(VOLUMES, "v1")
    world.settle()
    volume = world.admin.get(VOLUMES, "v1")
    assert volume and terminating(volume) and phase(volume) == "Bound"
    world.admin.delete(CLAIMS, "c1", "default")
    world.wait(lambda: world.admin.get(VOLUMES, "v1") is None)


def test_a_volume_whose_finalizers_are_forced_off_loses_its_claim_at_once(world: World) -> None:
    """Sample 73; a new volume of that name with the claim's uid brings it back (the kept-PVC way)."""
    _volume, claim = bound_pair(world)
    world.admin.delete(VOLUMES, "v1")
    world.admin.patch(VOLUMES, "v1", {"metadata": {"finalizers": None}})
    world.wait(lambda: world.claim_phase("c1") == "Lost")
    lost = world.claim("c1")
    assert lost and lost["status"] == {"phase": "Lost"}
    again = new_volume("v1", reserved_for="c1", handle="d-copy")
    again["spec"]["claimRef"]["uid"] = uid(claim)
    world.admin.create(VOLUMES, again)
    world.wait(lambda: world.volume_phase("v1") == "Bound")
    touch(world, "c1")
    world.wait(lambda: world.bound("c1"))
    assert uid(world.claim("c1") or {}) == uid(claim)


def test_under_delete_the_driver_removes_volume_and_disk_with_the_claim(world: World) -> None:
    world.admin.create(SETS, new_set(replicas=1))
    world.wait(lambda: world.ready("web-0"))
    world.scale(0)
    world.wait(lambda: not world.admin.list(PODS))
    world.admin.delete(CLAIMS, "www-web-0", "default")
    world.wait(lambda: not world.admin.list(VOLUMES))
    assert world.driver.deleted_disks == ["d-1"]


def test_a_static_volume_under_delete_fails_because_nobody_is_known_to_delete_it(world: World) -> None:
    """csi-and-statefulsets.md 1.7: without provisioned-by the binder looks for an in-tree plug-in."""
    volume = new_volume("v1", reserved_for="c1", policy="Delete")
    del volume["metadata"]["annotations"]
    world.admin.create(VOLUMES, volume)
    world.admin.create(CLAIMS, new_claim("c1", "v1"))
    world.wait(lambda: world.bound("c1"))
    world.admin.delete(CLAIMS, "c1", "default")
    world.wait(lambda: world.volume_phase("v1") == "Failed")
    world.wait(lambda: world.events("VolumeFailedDelete", "v1"))


def test_a_provisioned_volume_whose_claim_is_bound_elsewhere_is_removed_with_its_disk(world: World) -> None:
    """Trap 3."""
    _volume, claim = bound_pair(world)
    surplus = new_volume("surplus", reserved_for="c1", policy="Delete", handle="d-surplus")
    surplus["metadata"]["finalizers"] = ["external-provisioner.volume.kubernetes.io/finalizer"]
    surplus["spec"]["claimRef"]["uid"] = uid(claim)
    world.admin.create(VOLUMES, surplus)
    world.wait(lambda: world.driver.deleted_disks == ["d-surplus"])


def test_a_user_made_volume_whose_claim_is_bound_elsewhere_goes_back_to_its_reservation(world: World) -> None:
    _volume, claim = bound_pair(world)
    other = new_volume("other", reserved_for="c1")
    other["spec"]["claimRef"]["uid"] = uid(claim)
    world.admin.create(VOLUMES, other)
    world.wait(lambda: world.volume_phase("other") == "Available")
    volume = world.admin.get(VOLUMES, "other")
    assert volume and "uid" not in volume["spec"]["claimRef"]

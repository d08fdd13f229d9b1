# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""B3 and B4: which claim gets which volume, when, and what it waits for."""

from __future__ import annotations

from typing import Any

from tests.sandbox.nodes.client import Object
from tests.sandbox.nodes.names import CLAIMS, DISK_ZONE, PODS, SELECTED_NODE, VOLUMES

from .cases import case, rules
from .objects import BOUND, SETS, new_claim, new_pod, new_set, new_volume, phase, revision, uid
from .samples import lasting, load
from .scene import Scene

ANOTHER_UID = "00000000-0000-4000-8000-000000000000"


def volume_name(scene: Scene, name: str = "pv") -> str:
    return f"{name}-{scene.suffix}"


def reserve(scene: Scene, claim: str, name: str = "pv", **volume: Any) -> str:
    """A volume for the claim of this name, Available."""
    name = volume_name(scene, name)
    scene.create(VOLUMES, new_volume(name, reserved_for=(scene.namespace, claim), **volume))
    scene.wait_phase(VOLUMES, name, "Available")
    return name


def bind(scene: Scene, claim: str, name: str = "pv", **volume: Any) -> str:
    """Volume first, then claim: Bound at once."""
    name = reserve(scene, claim, name, **volume)
    scene.create(CLAIMS, new_claim(claim, name))
    scene.wait_phase(CLAIMS, claim, "Bound")
    return name


def claim_before_volume(scene: Scene, claim: str) -> None:
    """The wrong order: a Pending claim whose volume is Available."""
    name = volume_name(scene, claim)
    scene.create(CLAIMS, new_claim(claim, name))
    reserve(scene, claim, claim)


def bound_at(scene: Scene, claim: str, since: str) -> int:
    """The revision at which the claim became Bound."""
    events = scene.changes(CLAIMS, since, claim, until=lambda event: phase(event["object"]) == "Bound")
    return revision(events[-1]["object"])


@rules("B3", "way", touched_claim_binds_at_once="touch", volume_before_claim_binds_at_once="order")
def test_only_a_change_of_the_claim_wakes_it(scene: Scene, way: str) -> None:
    """A claim whose volume comes later waits for the resync of 15 s, one that is touched or comes later does not.

    A resync may happen at any moment, but not twice in a row: of two attempts one shows the difference.
    """
    for attempt in ("a", "b"):
        waiting, quick = f"waiting-{attempt}", f"quick-{attempt}"
        since = scene.now()
        claim_before_volume(scene, waiting)
        if way == "touch":
            claim_before_volume(scene, quick)
            scene.touch(CLAIMS, quick)
            scene.wait_phase(CLAIMS, quick, "Bound")
        else:
            bind(scene, quick, quick)
        if phase(scene.there(CLAIMS, waiting)) == "Pending":
            scene.touch(CLAIMS, waiting)
            assert bound_at(scene, quick, since) < bound_at(scene, waiting, since)
            return
    raise AssertionError("the claims that nobody touched were Bound as soon as the others")


@case("B4-claim-uid-of-another")
def test_a_volume_of_a_claim_that_is_gone_binds_to_no_other(scene: Scene) -> None:
    name = volume_name(scene)
    scene.create(VOLUMES, new_volume(name, reserved_for=(scene.namespace, "d5c"), uid=ANOTHER_UID))
    scene.wait_phase(VOLUMES, name, "Released")
    scene.create(CLAIMS, new_claim("d5c", name))
    scene.wait_event("FailedBinding", "d5c", f'volume "{name}" already bound to a different claim.')
    assert phase(scene.there(CLAIMS, "d5c")) == "Pending"


@rules(
    "B4",
    "cleared",
    claim_uid_cleared={"uid": None, "resourceVersion": None},
    claim_reference_cleared=None,
)
def test_clearing_the_reference_lets_the_claim_bind(scene: Scene, cleared: Object | None) -> None:
    """Samples 75 and 77: Available again, and a touched claim is Bound."""
    name = volume_name(scene)
    scene.create(VOLUMES, new_volume(name, reserved_for=(scene.namespace, "d5c"), uid=ANOTHER_UID))
    scene.wait_phase(VOLUMES, name, "Released")
    scene.create(CLAIMS, new_claim("d5c", name))
    scene.wait_event("FailedBinding", "d5c")
    scene.patch(VOLUMES, name, {"spec": {"claimRef": cleared}})
    scene.wait(lambda: phase(scene.there(VOLUMES, name)) != "Released", "no longer Released")
    scene.touch(CLAIMS, "d5c")
    claim = scene.wait_phase(CLAIMS, "d5c", "Bound")
    assert scene.there(VOLUMES, name)["spec"]["claimRef"]["uid"] == uid(claim)


@case("B4-claim-made-after-the-clearing")
def test_a_claim_that_is_made_after_the_clearing_is_bound(scene: Scene) -> None:
    name = bind(scene, "d5c")
    scene.delete(CLAIMS, "d5c")
    scene.wait_phase(VOLUMES, name, "Released")
    scene.patch(VOLUMES, name, {"spec": {"claimRef": {"uid": None, "resourceVersion": None}}})
    scene.wait_phase(VOLUMES, name, "Available")
    scene.create(CLAIMS, new_claim("d5c", name))
    scene.wait_phase(CLAIMS, "d5c", "Bound")


@case("B4-copied-annotations-no-volume")
def test_a_claim_with_copied_annotations_and_no_volume_is_lost(scene: Scene) -> None:
    scene.create(CLAIMS, new_claim("d6c", volume_name(scene), annotations={BOUND: "yes"}))
    scene.wait_phase(CLAIMS, "d6c", "Lost")
    expected = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
    assert scene.wait_event("ClaimLost", "d6c") == expected


@case("B4-copied-annotations-reserved-volume")
def test_a_claim_with_copied_annotations_is_misbound_until_the_reference_is_cleared(scene: Scene) -> None:
    name = reserve(scene, "d6c")
    scene.create(CLAIMS, new_claim("d6c", name, annotations={BOUND: "yes"}))
    scene.wait_phase(CLAIMS, "d6c", "Lost")
    expected = "Two claims are bound to the same volume, this one is bound incorrectly"
    assert scene.wait_event("ClaimMisbound", "d6c") == expected
    scene.patch(VOLUMES, name, {"spec": {"claimRef": None}})
    scene.touch(CLAIMS, "d6c")
    scene.wait_phase(CLAIMS, "d6c", "Bound")


@rules(
    "B4",
    "claim",
    mutual_reservation_skips_the_size={"size": "40Gi"},
    mutual_reservation_skips_the_class={"class_name": "alicloud-disk-efficiency"},
    mutual_reservation_skips_the_mode={"accessModes": ["ReadWriteMany"]},
)
def test_mutual_reservation_skips_all_checks(scene: Scene, claim: Object) -> None:
    name = reserve(scene, "d6")
    since = scene.now()
    scene.create(CLAIMS, odd_claim("d6", name, claim))
    # As it was when it became Bound: the disk driver may enlarge it from then on.
    bound = scene.changes(CLAIMS, since, "d6", until=lambda event: phase(event["object"]) == "Bound")[-1]["object"]
    assert bound["spec"]["volumeName"] == name
    assert bound["status"]["capacity"] == {"storage": "20Gi"}, "the volume's own"


@rules(
    "B4",
    "expected",
    volume_too_small=({"size": "40Gi"}, "requested PV is too small"),
    volume_of_another_class=({"class_name": "alicloud-disk-efficiency"}, "storageClassName does not match"),
    volume_with_another_mode=({"accessModes": ["ReadWriteMany"]}, "incompatible accessMode"),
)
def test_a_claim_that_names_an_unfit_volume_stays_pending(scene: Scene, expected: tuple[Object, str]) -> None:
    claim, reason = expected
    name = volume_name(scene)
    scene.create(VOLUMES, new_volume(name))
    scene.wait_phase(VOLUMES, name, "Available")
    scene.create(CLAIMS, odd_claim("d7", name, claim))
    message = scene.wait_event("VolumeMismatch", "d7")
    assert message == f'Cannot bind to requested volume "{name}": {reason}'
    assert phase(scene.there(CLAIMS, "d7")) == "Pending"


def odd_claim(name: str, volume: str, difference: Object) -> Object:
    modes = {key: value for key, value in difference.items() if key == "accessModes"}
    obj = new_claim(name, volume, **{key: value for key, value in difference.items() if key not in modes})
    obj["spec"] |= modes
    return obj


@case("B4-two-volumes-one-disk")
def test_two_volumes_of_one_disk_are_accepted(scene: Scene) -> None:
    for name in ("one", "two"):
        bind(scene, name, name, handle=f"d-shared-{scene.suffix}")


@case("B4-claim-names-a-missing-volume")
def test_a_claim_of_a_missing_volume_waits_in_silence_and_its_pod_too(scene: Scene) -> None:
    scene.create(CLAIMS, new_claim("d8", volume_name(scene, "missing")))
    scene.create(PODS, new_pod("d8", "d8"))
    scene.wait_event(
        "FailedScheduling", "d8", " nodes are available: pod has unbound immediate PersistentVolumeClaims."
    )
    claim = scene.there(CLAIMS, "d8")
    assert phase(claim) == "Pending" and "annotations" not in claim["metadata"]
    assert not scene.events("FailedBinding", "d8")


@case("B4-selected-node-without-pod")
def test_a_selected_node_is_enough_to_get_a_disk_in_its_zone(scene: Scene) -> None:
    scene.create(CLAIMS, new_claim("d9", annotations={SELECTED_NODE: "node-k-1"}))
    scene.wait_phase(CLAIMS, "d9", "Bound")
    assert zone_of(scene.volume_of("d9")) == "cn-beijing-k"


def zone_of(volume: Object) -> str:
    (term,) = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    return str(next(each["values"][0] for each in term["matchExpressions"] if each["key"] == DISK_ZONE))


@case("B4-reserved-and-no-claim")
def test_the_controllers_claim_binds_to_the_reserved_volume(scene: Scene) -> None:
    """Sample b0: from the template, bound by the controller, never provisioned; its pod runs in the volume's zone."""
    name = reserve(scene, "www-web-0", handle=scene.new_disk("cn-beijing-k"))
    scene.run(new_set(replicas=1))
    claim, sample = scene.there(CLAIMS, "www-web-0"), load("b0-object-pvc")
    assert claim["spec"].pop("volumeName") == name and sample["spec"].pop("volumeName")
    annotations = claim["metadata"]["annotations"]
    annotations.pop(SELECTED_NODE, None)
    sample["metadata"]["annotations"].pop(SELECTED_NODE, None)
    assert annotations == sample["metadata"]["annotations"]
    assert claim["metadata"]["labels"] == new_set()["spec"]["volumeClaimTemplates"][0]["metadata"]["labels"]
    assert lasting(claim["spec"]) == lasting(sample["spec"]) and claim["status"] == sample["status"]
    assert scene.there(PODS, "web-0")["spec"]["nodeName"] == "node-k-1"


@case("B4-reserved-binds-before-any-pod-is-scheduled")
def test_the_reserved_volume_is_bound_before_the_pod_is_scheduled(scene: Scene) -> None:
    """Even under WaitForFirstConsumer, and even when the pod can never be scheduled."""
    name = reserve(scene, "www-web-0")
    scene.create(SETS, new_set(replicas=1, zone="cn-beijing-nowhere"))
    assert scene.wait_phase(CLAIMS, "www-web-0", "Bound")["spec"]["volumeName"] == name
    assert "nodeName" not in scene.there(PODS, "web-0")["spec"]


@case("B4-reserved-but-too-small")
def test_a_reserved_volume_that_is_too_small_is_passed_over_for_an_empty_disk(scene: Scene) -> None:
    name = reserve(scene, "www-web-0", size="10Gi")
    scene.run(new_set(replicas=1))
    assert scene.volume_of("www-web-0")["metadata"]["name"] != name
    assert phase(scene.there(VOLUMES, name)) == "Available"


@case("B4-kept-claim")
def test_a_lost_claim_is_bound_again_to_a_new_volume_of_the_same_name(scene: Scene) -> None:
    """The kept-claim way: same claim uid, another disk in another zone, in spite of the old selected node."""
    scene.run(new_set(replicas=1, zone="cn-beijing-i"))
    claim, volume = scene.there(CLAIMS, "www-web-0"), scene.volume_of("www-web-0")
    name = volume["metadata"]["name"]
    scene.patch(VOLUMES, name, {"spec": {"persistentVolumeReclaimPolicy": "Retain"}})
    scene.delete(SETS, "web")
    scene.wait_stopped()
    scene.delete(VOLUMES, name)
    if scene.get(VOLUMES, name):
        scene.patch(VOLUMES, name, {"metadata": {"finalizers": None}})
    scene.wait_phase(CLAIMS, "www-web-0", "Lost")
    again = new_volume(
        name, handle=scene.new_disk("cn-beijing-k"), reserved_for=(scene.namespace, "www-web-0"), uid=uid(claim)
    )
    scene.create(VOLUMES, again)
    scene.wait_phase(VOLUMES, name, "Bound")
    scene.touch(CLAIMS, "www-web-0")
    bound = scene.wait_phase(CLAIMS, "www-web-0", "Bound")
    assert uid(bound) == uid(claim) and bound["metadata"]["annotations"][SELECTED_NODE] == "node-i-1"
    scene.run(new_set(replicas=1))
    assert scene.there(PODS, "web-0")["spec"]["nodeName"] == "node-k-1"

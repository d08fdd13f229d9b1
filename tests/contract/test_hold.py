# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DESIGN section 3, "the hold" and "reserve before release", exactly as the collection relies on them."""

from __future__ import annotations

from collections.abc import Callable

from tests.sandbox.nodes.client import Object
from tests.sandbox.nodes.names import CLAIMS, PODS, VOLUMES

from .cases import case, rules
from .objects import SETS, is_ready, new_claim, new_set, new_volume, phase, uid
from .scene import Scene

CLAIM = "www-web-1"


def hold_ordinal_1(scene: Scene) -> str:
    """Ordinal 1 of 3 is held: our finalizer on its claim, claim and pod deleted. The revision from before it."""
    scene.run(new_set(replicas=3))
    scene.patch(VOLUMES, volume_name(scene), {"spec": {"persistentVolumeReclaimPolicy": "Retain"}})
    since = scene.now()
    scene.hold(CLAIMS, CLAIM)
    scene.delete(CLAIMS, CLAIM)
    scene.delete(PODS, "web-1")
    message = "Create Pod web-1 in StatefulSet web failed error: pvc www-web-1 is being deleted"
    assert scene.wait_event("FailedCreate", "web", CLAIM) == message
    return since


def volume_name(scene: Scene) -> str:
    return str(scene.volume_of(CLAIM)["metadata"]["name"])


def reserve(scene: Scene, name: str, zone: str, handle: str) -> str:
    """A new PV object for the held claim: namespace and name, no uid."""
    name = f"{name}-{scene.suffix}"
    scene.create(VOLUMES, new_volume(name, zone=zone, handle=handle, reserved_for=(scene.namespace, CLAIM)))
    scene.wait_phase(VOLUMES, name, "Available")
    return name


def reserve_in_another_zone(scene: Scene) -> str:
    source = scene.volume_of(CLAIM)["spec"]["csi"]["volumeHandle"]
    zone = scene.sandbox.cloud.world()["disks"][source]["zone"]
    target = next(each for each in scene.sandbox.cloud.zones if each != zone)
    return reserve(scene, "target", target, scene.new_disk(target))


def others_never_stopped(scene: Scene, since: str, before: dict[str, str]) -> None:
    """The other two pods were Ready in every event since then, and are the same pods."""
    for name in ("web-0", "web-2"):
        assert uid(scene.there(PODS, name)) == before[name]
        scene.touch(PODS, name)
        touched = scene.there(PODS, name)["metadata"]["resourceVersion"]
        events = scene.changes(
            PODS, since, name, until=lambda event, last=touched: event["object"]["metadata"]["resourceVersion"] == last
        )
        assert all(is_ready(event["object"]) for event in events)


def pod_uids(scene: Scene) -> dict[str, str]:
    return {pod["metadata"]["name"]: uid(pod) for pod in scene.list(PODS)}


@case("D3-hold-at-any-replica-count")
def test_the_hold_keeps_one_pod_away_whoever_scales_while_the_others_run(scene: Scene) -> None:
    since = hold_ordinal_1(scene)
    before = pod_uids(scene)
    for replicas in (2, 4, 3):
        generation = scene.patch(SETS, "web", {"spec": {"replicas": replicas}})["metadata"]["generation"]
        scene.wait(
            lambda seen=generation: scene.there(SETS, "web")["status"]["observedGeneration"] == seen,
            "generation observed",
        )
        scene.touch(CLAIMS, CLAIM)
        assert scene.get(PODS, "web-1") is None and is_ready(scene.there(PODS, "web-0"))
        if replicas == 2:
            # Ordinal 2 is beyond the count, but an ordered set takes nothing away while ordinal 1 is missing.
            assert uid(scene.there(PODS, "web-2")) == before["web-2"]
    assert phase(scene.there(CLAIMS, CLAIM)) == "Bound", "held, its volume is nobody else's"
    others_never_stopped(scene, since, before)


@rules("D3", "creator", released_controller_first="controller", released_migrator_first="migrator")
def test_whoever_makes_the_claim_again_it_binds_to_the_reserved_volume(scene: Scene, creator: str) -> None:
    """The controller has backed off: a touched StatefulSet makes it look again."""
    since = hold_ordinal_1(scene)
    before = pod_uids(scene)
    target = reserve_in_another_zone(scene)
    claim = scene.there(CLAIMS, CLAIM)
    scene.release(CLAIMS, CLAIM)
    if creator == "migrator":
        again = new_claim(CLAIM, target)
        answer = scene.caller.send("POST", scene.path(CLAIMS), again)
        assert answer.status == 201 or answer.body["reason"] == "AlreadyExists"
    scene.touch(SETS, "web")
    scene.wait_ready("web-1")
    assert volume_name(scene) == target
    assert uid(scene.there(CLAIMS, CLAIM)) != uid(claim)
    others_never_stopped(scene, since, before)


@case("D3-touch-ends-the-back-off")
def test_a_touched_set_is_looked_at_at_once(scene: Scene) -> None:
    """However far the controller has backed off, one annotation brings the pod back."""
    hold_ordinal_1(scene)
    target = reserve_in_another_zone(scene)
    scene.release(CLAIMS, CLAIM)
    scene.touch(SETS, "web")
    scene.wait_ready("web-1")
    assert volume_name(scene) == target


@case("D3-template-claim")
def test_the_controllers_claim_has_the_templates_labels_and_size(scene: Scene) -> None:
    """So the original ones have to be put back afterwards."""
    hold_ordinal_1(scene)
    scene.patch(CLAIMS, CLAIM, {"metadata": {"labels": {"kept": "by-hand"}, "annotations": {"note": "mine"}}})
    target = reserve_in_another_zone(scene)
    scene.release(CLAIMS, CLAIM)
    scene.touch(SETS, "web")
    scene.wait_ready("web-1")
    claim = scene.there(CLAIMS, CLAIM)
    template = new_set()["spec"]["volumeClaimTemplates"][0]
    assert claim["metadata"]["labels"] == template["metadata"]["labels"]
    assert "note" not in claim["metadata"]["annotations"]
    assert claim["spec"]["resources"] == template["spec"]["resources"] and claim["spec"]["volumeName"] == target


@case("D3-way-back")
def test_the_way_back_takes_a_fresh_volume_object_of_the_source_disk(scene: Scene) -> None:
    """Reserved before the release, both Retain; then the old Released object is dropped. It is one disk throughout, and
    there is no trouble with its attachment."""
    hold_ordinal_1(scene)
    old = scene.volume_of(CLAIM)
    disk = old["spec"]["csi"]["volumeHandle"]
    zone = scene.sandbox.cloud.world()["disks"][disk]["zone"]
    fresh = reserve(scene, "fresh", zone, disk)
    scene.release(CLAIMS, CLAIM)
    scene.wait_phase(VOLUMES, old["metadata"]["name"], "Released")
    scene.delete(VOLUMES, old["metadata"]["name"])
    scene.touch(SETS, "web")
    scene.wait_ready("web-1")
    scene.wait_gone(VOLUMES, old["metadata"]["name"])
    assert volume_name(scene) == fresh
    assert disk in scene.sandbox.cloud.world()["disks"]
    assert not scene.events("FailedAttachVolume", "web-1")
    assert scene.there(PODS, "web-1")["spec"]["nodeName"] == f"node-{zone[-1]}-1"


def _finalizer_first(scene: Scene) -> None:
    scene.hold(CLAIMS, CLAIM)
    scene.delete(CLAIMS, CLAIM)


def _stopped_first(scene: Scene) -> None:
    scene.scale(0)
    scene.wait_stopped()
    _finalizer_first(scene)


@rules("D3", "hold", offline_hold=_stopped_first, online_hold=_finalizer_first)
def test_a_held_claim_keeps_its_volume_whether_its_pod_runs_or_not(scene: Scene, hold: Callable[[Scene], None]) -> None:
    """Held, the claim stays Terminating and Bound with nobody using it, and no other claim gets the volume."""
    scene.run(new_set())
    name = volume_name(scene)
    hold(scene)
    scene.scale(0)
    scene.wait_stopped()
    scene.wait(lambda: protected_by(scene.there(CLAIMS, CLAIM)) == ["test.example/hold"], "pvc-protection gone")
    volume = scene.there(VOLUMES, name)
    assert phase(volume) == "Bound" and phase(scene.there(CLAIMS, CLAIM)) == "Bound"
    answer = scene.caller.send("POST", scene.path(CLAIMS), new_claim(CLAIM))
    assert (answer.status, answer.body["reason"]) == (409, "AlreadyExists")
    assert answer.body["message"].startswith("object is being deleted: ")


def protected_by(claim: Object) -> list[str]:
    return list(claim["metadata"].get("finalizers") or [])


@case("D3-released-without-reservation")
def test_what_reserving_before_the_release_is_for(scene: Scene) -> None:
    """Without a reserved volume the released claim comes back with a new, empty disk."""
    hold_ordinal_1(scene)
    source = volume_name(scene)
    scene.release(CLAIMS, CLAIM)
    scene.touch(SETS, "web")
    scene.wait_ready("web-1")
    assert volume_name(scene) != source
    assert phase(scene.there(VOLUMES, source)) == "Released"

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""B2, and what B1 allows: the answers of calls that succeed, whole bodies but for identity and time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.nodes.client import Object
from tests.sandbox.nodes.names import CLAIMS, PODS, VOLUMES

from .caller import Answer
from .cases import case, rules, samples
from .objects import (
    CONFIG_MAPS,
    HOLD,
    SETS,
    is_terminating,
    new_claim,
    new_pod,
    new_set,
    new_volume,
    uid,
    without_disks,
)
from .samples import Names, answer_of, lasting, load
from .scene import Scene

MERGE = "application/merge-patch+json"


def send_recorded(scene: Scene, number: str, **others: str) -> tuple[Answer, Object]:
    """The answer to the recorded request, and the recorded answer, both in this scene's names."""
    sample = load(number)
    names = Names(scene.namespace, others)
    request = names.here(sample["request"])
    answer = scene.caller.send(request["method"], request["path"], request["body"], content_type=request["contentType"])
    return answer, names.here(sample["response"])


def assert_recorded(answer: Answer, recorded: Object) -> None:
    assert answer.status == recorded["status"], answer.body
    assert lasting(answer.body) == lasting(recorded["body"])


# Made or tried by a request alone: nothing has to be there before.
_NEW_VOLUMES = {
    "35": "bad",
    "59": "d-2zezlf9h1ooakvb96tu3",
    "63": "d-2zenewdisk1111111111",
    "74": "d-2zedb8s2qeql2zv91uzt",
    "93": "e7pv",
}


@samples("B2", *_NEW_VOLUMES)
def test_a_new_volume_is_answered_as_recorded(scene: Scene, number: str) -> None:
    recorded_name = _NEW_VOLUMES[number]
    answer, recorded = send_recorded(scene, number, **{recorded_name: f"{recorded_name}-{scene.suffix}"})
    assert_recorded(answer, recorded)
    assert answer.headers.get("Warning") == recorded["headers"].get("Warning")


@samples("B2", "46", "60", "62", "76", "96")
def test_a_new_object_is_answered_as_recorded(scene: Scene, number: str) -> None:
    assert_recorded(*send_recorded(scene, number))


@case("B2-97")
def test_a_config_map_is_gone_at_once(scene: Scene) -> None:
    send_recorded(scene, "96")
    assert_recorded(*send_recorded(scene, "97"))
    assert scene.get(CONFIG_MAPS, "journal") is None


@case("B2-dry-run-stores-nothing")
def test_a_dry_run_stores_nothing(scene: Scene) -> None:
    scene.create(CLAIMS, new_claim("kept"))
    before = scene.there(CLAIMS, "kept")
    path = scene.path(CLAIMS, "kept") + "?dryRun=All"
    patch = {"metadata": {"labels": {"a": "b"}}}
    assert scene.caller.send("PATCH", path, patch, content_type=MERGE).body["metadata"]["labels"]["a"] == "b"
    assert scene.caller.send("POST", scene.path(CLAIMS) + "?dryRun=All", new_claim("zz")).status == 201
    assert scene.caller.send("DELETE", path).status == 200
    assert scene.there(CLAIMS, "kept") == before
    assert scene.get(CLAIMS, "zz") is None


@case("B2-unknown-field-ignored")
def test_an_unknown_field_is_dropped_without_a_word_on_request(scene: Scene) -> None:
    """B1 34 and 35 are Strict and Warn; this is the third."""
    path = scene.path(CONFIG_MAPS) + "?fieldValidation=Ignore"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "foo": 1}
    answer = scene.caller.send("POST", path, body)
    assert answer.status == 201 and "foo" not in answer.body and "Warning" not in answer.headers


@rules(
    "B2",
    "change",
    labels={"metadata": {"labels": {"x": "y"}}},
    reclaim_policy={"spec": {"persistentVolumeReclaimPolicy": "Delete"}},
    storage_class={"spec": {"storageClassName": "zz"}},
    capacity={"spec": {"capacity": {"storage": "40Gi"}}},
    claim_reference_removed={"spec": {"claimRef": None}},
    claim_uid_removed={"spec": {"claimRef": {"uid": None, "resourceVersion": None}}},
)
def test_a_volume_lets_change(bound: Scene, change: Object) -> None:
    """Samples 41 to 44, 51, 75, 77: all of it is allowed while it is bound (as a dry run)."""
    name = bound.volume_of("bound")["metadata"]["name"]
    answer = bound.caller.send("PATCH", f"{bound.path(VOLUMES, name)}?dryRun=All", change, content_type=MERGE)
    assert answer.status == 200, answer.body
    for field, value in change.get("spec", {}).items():
        if value is None:
            assert field not in answer.body["spec"]
        elif isinstance(value, str):
            assert answer.body["spec"][field] == value
    if change == {"spec": {"claimRef": {"uid": None, "resourceVersion": None}}}:
        assert set(answer.body["spec"]["claimRef"]) == {"apiVersion", "kind", "namespace", "name"}


@pytest.fixture(scope="module")
def bound(shared_scene: Scene) -> Scene:
    """A claim ``bound`` and its volume, made as a migrator does."""
    scene = shared_scene
    volume = f"bound-{scene.suffix}"
    scene.create(VOLUMES, new_volume(volume, reserved_for=(scene.namespace, "bound")))
    scene.wait_phase(VOLUMES, volume, "Available")
    scene.create(CLAIMS, new_claim("bound", volume))
    scene.wait_phase(CLAIMS, "bound", "Bound")
    return scene


@case("B2-45")
def test_a_status_in_a_patch_of_the_object_itself_is_ignored(bound: Scene) -> None:
    before = bound.there(CLAIMS, "bound")
    assert bound.patch(CLAIMS, "bound", {"status": {"phase": "Lost"}}) == before


@case("B2-48")
def test_a_bound_claim_may_grow(bound: Scene) -> None:
    path = bound.path(CLAIMS, "bound") + "?dryRun=All"
    change = {"spec": {"resources": {"requests": {"storage": "30Gi"}}}}
    answer = bound.caller.send("PATCH", path, change, content_type=MERGE)
    assert answer.status == 200, answer.body
    assert answer.body["spec"]["resources"]["requests"]["storage"] == "30Gi"
    assert answer.body["status"]["capacity"]["storage"] == "20Gi"


def _volume(scene: Scene) -> tuple[str, str]:
    name = f"doomed-{scene.suffix}"
    scene.create(VOLUMES, new_volume(name))
    return VOLUMES, name


def _claim(scene: Scene) -> tuple[str, str]:
    scene.create(CLAIMS, new_claim("doomed"))
    return CLAIMS, "doomed"


def _pod(scene: Scene) -> tuple[str, str]:
    scene.create(PODS, new_pod("doomed", nodeName=scene.node_without_kubelet()))
    return PODS, "doomed"


@rules("B2", "make", delete_volume=_volume, delete_claim=_claim, delete_pod=_pod)
def test_a_delete_answers_the_object(scene: Scene, make: Callable[[Scene], tuple[str, str]]) -> None:
    """Samples 52, 54, 56, 70, 72, 82, 94: the object, Terminating, the second time too; a pod has its grace left."""
    resource, name = make(scene)
    scene.hold(resource, name)
    first = scene.delete(resource, name).body
    again = scene.delete(resource, name).body
    assert first["kind"] in ("PersistentVolume", "PersistentVolumeClaim", "Pod")
    assert first["metadata"]["deletionTimestamp"] == again["metadata"]["deletionTimestamp"]
    grace = 30 if resource == PODS else 0
    assert first["metadata"]["deletionGracePeriodSeconds"] == grace
    if resource == PODS:
        scene.delete(resource, name, {"gracePeriodSeconds": 0})
    scene.release(resource, name)
    scene.wait_gone(resource, name)


@case("B2-58")
def test_taking_off_the_last_finalizer_answers_the_object_without_it(scene: Scene) -> None:
    _resource, name = _volume(scene)
    scene.hold(VOLUMES, name)
    scene.delete(VOLUMES, name)
    scene.wait(lambda: scene.there(VOLUMES, name)["metadata"]["finalizers"] == [HOLD], "only our finalizer left")
    answer = scene.patch(VOLUMES, name, {"metadata": {"finalizers": None}})
    assert "finalizers" not in answer["metadata"] and is_terminating(answer)
    assert scene.get(VOLUMES, name) is None


@case("B2-82")
def test_a_forced_delete_takes_a_silent_pod_away_at_once(scene: Scene) -> None:
    _resource, name = _pod(scene)
    scene.delete(PODS, name)
    answer = scene.delete(PODS, name, {"gracePeriodSeconds": 0}).body
    assert answer["metadata"]["deletionGracePeriodSeconds"] == 0 and answer["metadata"]["generation"] == 2
    assert scene.get(PODS, name) is None


def _applied(scene: Scene) -> None:
    answer, recorded = send_recorded(scene, "83")
    assert_recorded(answer, recorded)
    scene.wait_replicas(1, "e7")


def _taken_over(scene: Scene) -> None:
    _applied(scene)
    scene.caller.send(
        "PATCH",
        scene.path(SETS, "e7") + "?fieldManager=migrator&force=true",
        load("85")["request"]["body"],
        content_type="application/apply-patch+yaml",
    )
    scene.wait_stopped()


@case("B2-83")
def test_an_applied_set_is_answered_as_recorded(scene: Scene) -> None:
    _applied(scene)


@case("B2-85")
def test_a_forced_apply_takes_the_field_over(scene: Scene) -> None:
    """The recorded status is of the moment: compared are the fields and who manages them."""
    _applied(scene)
    sample = load("85")["request"]
    names = Names(scene.namespace)
    answer = scene.caller.send("PATCH", names.here(sample["path"]), sample["body"], content_type=sample["contentType"])
    expected = names.here(answer_of("85"))
    assert answer.status == 200 and answer.body["spec"] == expected["spec"]
    assert answer.body["metadata"]["generation"] == expected["metadata"]["generation"]
    assert _managers(answer.body) == _managers(expected)


def _managers(obj: Object) -> list[Any]:
    """Who manages what of the spec, oldest first."""
    return [
        (entry["manager"], entry["operation"], entry["fieldsV1"])
        for entry in obj["metadata"]["managedFields"]
        if entry.get("subresource") != "status"
    ]


@case("B2-91")
def test_a_strategic_merge_patch_scales(scene: Scene) -> None:
    _applied(scene)
    answer, _recorded = send_recorded(scene, "91")
    assert answer.status == 200 and answer.body["spec"]["replicas"] == 0 and answer.body["metadata"]["generation"] == 2


@case("B2-92")
def test_a_background_delete_of_a_set_answers_a_status(scene: Scene) -> None:
    _applied(scene)
    answer, recorded = send_recorded(scene, "92")
    recorded["body"]["details"]["uid"] = answer.body["details"]["uid"]
    assert (answer.status, answer.body) == (200, recorded["body"])
    assert scene.get(SETS, "e7") is None


@case("B2-81")
def test_an_orphaning_delete_answers_the_set_with_a_finalizer(scene: Scene) -> None:
    scene.create(SETS, without_disks("e5", replicas=0))
    answer, _recorded = send_recorded(scene, "81")
    assert answer.status == 200 and answer.body["kind"] == "StatefulSet"
    assert answer.body["metadata"]["finalizers"] == ["orphan"] and is_terminating(answer.body)
    assert answer.body["metadata"]["generation"] == 2


@case("B2-40")
def test_the_scale_of_a_set(scene: Scene) -> None:
    created = scene.run(without_disks())
    answer, recorded = send_recorded(scene, "40")
    assert_recorded(answer, recorded)
    assert answer.body["metadata"]["uid"] == uid(created)


@case("B2-50")
def test_replicas_are_absent_from_a_scale_of_zero(scene: Scene) -> None:
    scene.run(without_disks())
    assert_recorded(*send_recorded(scene, "50"))


@case("B2-88")
def test_a_scale_without_a_version_is_accepted(scene: Scene) -> None:
    _taken_over(scene)
    recorded_uid = answer_of("88")["metadata"]["uid"]
    here = scene.there(SETS, "e7")
    answer, recorded = send_recorded(scene, "88", **{recorded_uid: uid(here)})
    assert answer.status == 200 and answer.body["spec"] == recorded["body"]["spec"]
    assert answer.body["status"]["selector"] == "app=e7"


@case("B2-generation")
def test_the_generation_counts_changes_of_the_spec_and_is_observed(scene: Scene) -> None:
    scene.create(SETS, without_disks(replicas=0))
    assert scene.touch(SETS, "web")["metadata"]["generation"] == 1
    assert scene.patch(SETS, "web", {"spec": {"minReadySeconds": 1}})["metadata"]["generation"] == 2
    scene.wait(lambda: scene.there(SETS, "web")["status"].get("observedGeneration") == 2, "generation 2 observed")


@case("B2-status-of-zero")
def test_the_status_of_a_set_at_zero_has_no_ready_replicas(scene: Scene) -> None:
    scene.run(new_set(replicas=1))
    scene.scale(0)
    scene.wait(lambda: scene.there(SETS, "web")["status"]["replicas"] == 0, "0 replicas")
    status = scene.there(SETS, "web")["status"]
    assert "readyReplicas" not in status and status["availableReplicas"] == 0


@case("B2-98")
def test_a_list_in_pieces_shows_one_moment(scene: Scene) -> None:
    """``limit`` and ``continue``: what is made meanwhile is in none of the pieces."""
    for name in "abc":
        scene.create(CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})
    path = scene.path(CONFIG_MAPS) + "?limit=2"
    first = scene.caller.send("GET", path).body
    scene.create(CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "d"}})
    second = scene.caller.send("GET", f"{path}&continue={first['metadata']['continue']}").body
    assert first["metadata"]["remainingItemCount"] >= 1
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    names = [item["metadata"]["name"] for item in (*first["items"], *second["items"])]
    assert [name for name in names if name in "abcd"] == ["a", "b", "c"]
    assert "kind" not in first["items"][0]


@case("B2-99")
def test_a_list_by_label(scene: Scene) -> None:
    scene.run(without_disks(replicas=1))
    scene.create(PODS, new_pod("other"))
    answer, recorded = send_recorded(scene, "99")
    assert answer.status == 200 and answer.body["kind"] == recorded["body"]["kind"] == "PodList"
    assert [pod["metadata"]["name"] for pod in answer.body["items"]] == ["web-0"]

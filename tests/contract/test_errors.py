# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""B1: what is refused, and in which words. Each case sends a recorded request to objects like the recorded ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.nodes.names import CLAIMS, VOLUMES
from tests.support import wait_for

from .caller import Answer
from .cases import case, samples
from .objects import SETS, new_claim, new_set, new_volume, uid
from .samples import Names, Object, load, stable
from .scene import Scene


@dataclasses.dataclass(frozen=True)
class Stage:
    """What the recorded requests are about: ``web`` runs, ``e7`` was applied by gitops, one PV and one claim are kept
    Terminating."""

    scene: Scene
    names: Names

    def send(self, sample: Object, **headers: str) -> Answer:
        request = sample["request"]
        body = self.names.here(request["body"])
        path = self.names.here(request["path"])
        return self.scene.caller.send(
            request["method"], path, body, content_type=request["contentType"], headers=headers
        )

    def assert_recorded(self, sample: Object, answer: Answer) -> None:
        """Code, reason, what it is about, which fields, and the stable beginning of the message."""
        recorded = sample["response"]
        expected = self.names.here(recorded["body"])
        assert answer.status == recorded["status"], answer.body
        assert answer.headers["Content-Type"] == recorded["headers"]["Content-Type"]
        if isinstance(expected, str):
            assert answer.body == expected
            return
        assert answer.body["message"].startswith(stable(expected["message"]))
        assert _summary(answer.body) == _summary(expected)


def _summary(status: Object) -> Object:
    causes = [
        (cause["reason"], cause.get("field"), stable(cause["message"]))
        for cause in status.get("details", {}).get("causes", [])
    ]
    message = stable(status["message"])
    return {**status, "message": message, "details": {**status.get("details", {}), "causes": causes}}


@pytest.fixture(scope="module")
def stage(shared_scene: Scene) -> Iterator[Stage]:
    scene = shared_scene
    web = scene.run(new_set(zone="cn-beijing-i", replicas=1))
    applied = load("83")["request"]
    e7 = Names(scene.namespace).here(applied)
    answer = scene.caller.send("PATCH", e7["path"], e7["body"], content_type=e7["contentType"])
    assert answer.status == 201, answer.body
    terminating = f"terminating-{scene.suffix}"
    scene.create(VOLUMES, new_volume(terminating, reserved_for=(scene.namespace, "nobody")))
    scene.create(CLAIMS, new_claim("www-d2-0"))
    for resource, name in ((VOLUMES, terminating), (CLAIMS, "www-d2-0")):
        scene.hold(resource, name)
        scene.delete(resource, name)
    claim, volume = scene.there(CLAIMS, "www-web-0"), scene.volume_of("www-web-0")
    recorded_claim = load("00-object-pvc-")["metadata"]
    names = {
        load("00-object-pv-")["metadata"]["name"]: volume["metadata"]["name"],
        recorded_claim["uid"]: uid(claim),
        f"record ({recorded_claim['resourceVersion']})": f"record ({claim['metadata']['resourceVersion']})",
        load("00-object-sts")["metadata"]["uid"]: uid(web),
        answer_uid("83"): uid(answer.body),
        load("a1")["request"]["body"]["metadata"]["name"]: terminating,
    }
    yield Stage(scene, Names(scene.namespace, names))
    scene.release(VOLUMES, terminating)
    wait_for(lambda: scene.get(VOLUMES, terminating) is None, "the volume gone")


def answer_uid(number: str) -> str:
    return str(load(number)["response"]["body"]["metadata"]["uid"])


def about_the_terminating_volume(stage: Stage) -> Stage:
    """For requests that were recorded when the volume of ``web`` was Terminating."""
    bound = load("00-object-pv-")["metadata"]["name"]
    gone = stage.names.others[load("a1")["request"]["body"]["metadata"]["name"]]
    return Stage(stage.scene, Names(stage.scene.namespace, {**stage.names.others, bound: gone}))


@samples("B1", *map(str, range(10, 29)))
def test_the_running_application_is_guarded(stage: Stage, number: str) -> None:
    """Immutable fields, names that are taken, stale versions, preconditions, and what is not there."""
    sample = load(number)
    stage.assert_recorded(sample, stage.send(sample))


@samples("B1", "32", "33", "34", "36", "37", "38", "39", "47", "89", "95", "c1", "c3", "c4", "c5", "c6", "c7", "c8")
def test_a_senseless_request_is_refused(stage: Stage, number: str) -> None:
    sample = load(number)
    stage.assert_recorded(sample, stage.send(sample))


@samples("B1", "84", "86", "87", "90")
def test_an_applied_set_is_guarded(stage: Stage, number: str) -> None:
    sample = load(number)
    stage.assert_recorded(sample, stage.send(sample))


@samples("B1", "55", "57", "a1")
def test_a_terminating_volume_keeps_its_name_and_takes_no_new_finalizer(stage: Stage, number: str) -> None:
    sample, stage = load(number), about_the_terminating_volume(stage)
    stage.assert_recorded(sample, stage.send(sample))


@case("B1-71")
def test_a_terminating_claim_keeps_its_name(stage: Stage) -> None:
    sample = load("71")
    stage.assert_recorded(sample, stage.send(sample))


@case("B1-29")
def test_a_token_that_nobody_gave(stage: Stage) -> None:
    sample = load("29")
    answer = stage.scene.caller.send_as_stranger("GET", sample["request"]["path"], "bad-token")
    stage.assert_recorded(sample, answer)


@samples("B1", "30", "31")
def test_a_user_without_the_right(stage: Stage, number: str) -> None:
    sample = load(number)
    stage.assert_recorded(sample, stage.send(sample, **{"Impersonate-User": "nobody"}))


@case("B1-a0")
def test_node_affinity_cannot_be_edited_without_the_alpha_gate(stage: Stage) -> None:
    """a0 was recorded with MutablePVNodeAffinity on; it is off by default, and the refusal is that of sample 10."""
    request: Any = load("a0")["request"]
    path = stage.names.here(load("10")["request"]["path"])
    answer = stage.scene.caller.send("PATCH", path, request["body"], content_type=request["contentType"])
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert [cause["field"] for cause in answer.body["details"]["causes"]] == ["nodeAffinity"]


@case("B1-set-fields-that-may-change")
def test_what_a_set_lets_change(stage: Stage) -> None:
    """The list in the message of sample 18: replicas, ordinals, template, updateStrategy and so on, as a dry run."""
    change = {
        "replicas": 2,
        "ordinals": {"start": 1},
        "template": {"metadata": {"annotations": {"a": "b"}}},
        "updateStrategy": {"type": "OnDelete", "rollingUpdate": None},
        "revisionHistoryLimit": 3,
        "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete"},
        "minReadySeconds": 1,
    }
    path = stage.scene.path(SETS, "web") + "?dryRun=All"
    answer = stage.scene.caller.send("PATCH", path, {"spec": change}, content_type="application/merge-patch+json")
    assert answer.status == 200, answer.body
    assert stage.scene.there(SETS, "web")["spec"]["replicas"] == 1

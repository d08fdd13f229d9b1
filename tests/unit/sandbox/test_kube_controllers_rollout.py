# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Revisions of a StatefulSet: roll-outs, partitions, going back, history."""

from __future__ import annotations

from tests.sandbox.kube.controllers.objects import labels_of, name, uid
from tests.unit.sandbox.controller_helpers import World
from tests.unit.sandbox.controller_objects import (
    PODS,
    SETS,
)


def change_template(world: World) -> None:
    annotation = {"kubectl.kubernetes.io/restartedAt": "2026-11-22T20:00:00Z"}
    patch = {"spec": {"template": {"metadata": {"annotations": annotation}}}}
    world.admin.patch(SETS, "web", patch, "default")


def rolled_out(world: World) -> bool:
    """What kubectl rollout status waits for."""
    current = world.stateful_set()
    status = current["status"]
    return (
        status["observedGeneration"] == current["metadata"]["generation"]
        and status.get("readyReplicas") == status.get("updatedReplicas") == current["spec"]["replicas"]
        and status["currentRevision"] == status["updateRevision"]
    )


def test_a_restart_replaces_the_pods_from_the_top_and_ends_with_one_revision(world: World) -> None:
    world.run(replicas=3)
    before = world.stateful_set()["status"]["currentRevision"]
    since = world.api.store.revision
    change_template(world)
    world.wait(lambda: rolled_out(world))
    history = world.came_and_went(PODS, since)
    assert [entry for entry in history if entry[0] == "DELETED"] == [("DELETED", f"web-{each}") for each in (2, 1, 0)]
    after = world.stateful_set()["status"]["currentRevision"]
    assert after != before
    assert {labels_of(pod)["controller-revision-hash"] for pod in world.admin.list(PODS)} == {after}
    revisions = {name(each): each["revision"] for each in world.admin.list("controllerrevisions.apps")}
    assert revisions == {before: 1, after: 2}


def test_going_back_to_an_old_template_brings_its_revision_back(world: World) -> None:
    world.run(replicas=1)
    before = world.stateful_set()["status"]["currentRevision"]
    change_template(world)
    world.wait(lambda: rolled_out(world) and world.stateful_set()["status"]["currentRevision"] != before)
    world.admin.patch(SETS, "web", {"spec": {"template": {"metadata": {"annotations": None}}}}, "default")
    world.wait(lambda: rolled_out(world) and world.stateful_set()["status"]["currentRevision"] == before)
    revisions = {name(each): each["revision"] for each in world.admin.list("controllerrevisions.apps")}
    assert revisions[before] == 3


def test_below_the_partition_pods_keep_the_current_revision(world: World) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    world.run(replicas=2, updateStrategy=strategy)
    change_template(world)
    world.wait(lambda: world.stateful_set()["status"].get("updatedReplicas") == 1 and world.ready("web-1"))
    world.admin.delete(PODS, "web-0", "default")
    world.wait(lambda: world.stateful_set()["status"].get("readyReplicas") == 2 and world.ready("web-0"))
    status = world.stateful_set()["status"]
    hashes = {name(pod): labels_of(pod)["controller-revision-hash"] for pod in world.admin.list(PODS)}
    assert hashes == {"web-0": status["currentRevision"], "web-1": status["updateRevision"]}
    assert status["currentRevision"] != status["updateRevision"]


def test_on_delete_replaces_a_pod_only_when_somebody_deletes_it(world: World) -> None:
    world.run(replicas=2, updateStrategy={"type": "OnDelete"})
    before = {uid(pod) for pod in world.admin.list(PODS)}
    change_template(world)
    world.wait(lambda: world.stateful_set()["status"]["observedGeneration"] == 2)
    world.settle()
    assert {uid(pod) for pod in world.admin.list(PODS)} == before
    world.admin.delete(PODS, "web-0", "default")
    world.wait(lambda: world.stateful_set()["status"].get("updatedReplicas") == 1 and world.ready("web-0"))


def test_old_revisions_are_dropped_beyond_the_limit(world: World) -> None:
    world.run(replicas=1, revisionHistoryLimit=1)
    for number in range(4):
        patch = {"spec": {"template": {"metadata": {"annotations": {"number": str(number)}}}}}
        world.admin.patch(SETS, "web", patch, "default")
        world.wait(lambda: rolled_out(world))
    world.wait(lambda: len(world.admin.list("controllerrevisions.apps")) == 2)
    assert sorted(each["revision"] for each in world.admin.list("controllerrevisions.apps")) == [4, 5]

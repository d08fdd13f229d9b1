# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DESIGN, "the hold": a Terminating claim keeps one pod away, and a reserved volume takes over (B3, B4, B5)."""

from __future__ import annotations

import pytest

from tests.sandbox.kube.controllers.manager import Timing
from tests.sandbox.kube.controllers.objects import name, uid
from tests.sandbox.kube.controllers.workqueue import Backoff
from tests.unit.sandbox.controller_helpers import World, start_world, stop_world
from tests.unit.sandbox.controller_objects import (
    CLAIMS,
    PODS,
    SETS,
    VOLUMES,
    new_volume,
)

HOLD = "zoneshift.example/hold"


def held(world: World) -> None:
    """DESIGN, "the hold": the claim of ordinal 1 is Terminating and kept by a finalizer, its pod deleted."""
    world.run(replicas=3)
    claim = world.claim("www-web-1")
    assert claim
    finalizers = [*claim["metadata"]["finalizers"], HOLD]
    world.admin.patch(CLAIMS, "www-web-1", {"metadata": {"finalizers": finalizers}}, "default")
    world.admin.delete(CLAIMS, "www-web-1", "default")
    world.admin.delete(PODS, "web-1", "default")
    world.wait(lambda: world.events("FailedCreate", "web"))


def test_the_hold_keeps_one_pod_away_at_any_replica_count_while_the_others_run(world: World) -> None:
    held(world)
    assert world.events("FailedCreate") == [
        "Create Pod web-1 in StatefulSet web failed error: pvc www-web-1 is being deleted"
    ]
    assert world.ready("web-0", "web-2") and world.pod("web-1") is None
    for replicas in (2, 4):
        world.scale(replicas)
        world.wait(
            lambda: (
                world.stateful_set()["status"]["observedGeneration"] == world.stateful_set()["metadata"]["generation"]
            )
        )
        world.settle()
        assert world.pod("web-1") is None and world.ready("web-0", "web-2")


@pytest.mark.parametrize("who", ["controller", "migrator"])
def test_the_released_claim_binds_to_the_reserved_volume_whoever_makes_it(world: World, who: str) -> None:
    held(world)
    other_pods = {uid(pod) for pod in world.admin.list(PODS)}
    world.admin.create(VOLUMES, new_volume("target", reserved_for="www-web-1"))
    claim = world.claim("www-web-1")
    assert claim
    world.admin.patch(CLAIMS, "www-web-1", {"metadata": {"finalizers": None}}, "default")
    if who == "controller":
        world.admin.patch(SETS, "web", {"metadata": {"annotations": {"touched": "yes"}}}, "default")
    else:
        metadata = {"name": "www-web-1", "namespace": "default", "labels": {"app": "nginx"}}
        again = {**claim, "metadata": metadata, "spec": {**claim["spec"], "volumeName": "target"}}
        try:
            world.admin.create(CLAIMS, again)
        except Exception as error:  # the controller may have been first, which must be just as well
            assert "already exists" in str(error)
    world.wait(lambda: world.ready("web-1"))
    assert name(world.volume_of("www-web-1")) == "target"
    pod = world.pod("web-1")
    assert pod and pod["spec"]["nodeName"] == "node-zone-k"
    assert other_pods <= {uid(pod) for pod in world.admin.list(PODS)}


def test_the_backoff_of_a_held_pod_grows_and_touching_the_set_cuts_it_short() -> None:
    """With a first delay of an hour nothing but a change of the set can bring it back."""
    world = start_world(Timing(binder_resync=3600, backoff=Backoff(3600, 7200), pod_backoff=Backoff(0.01, 0.05)))
    try:
        held(world)
        world.settle()
        world.admin.create(VOLUMES, new_volume("target", reserved_for="www-web-1"))
        world.admin.patch(CLAIMS, "www-web-1", {"metadata": {"finalizers": None}}, "default")
        world.wait(lambda: world.claim("www-web-1") is None)
        world.settle()
        assert world.pod("web-1") is None and world.claim("www-web-1") is None
        world.admin.patch(SETS, "web", {"metadata": {"annotations": {"touched": "yes"}}}, "default")
        world.wait(lambda: world.ready("web-1"))
    finally:
        stop_world(world)


def test_a_reserved_volume_that_is_too_small_is_passed_over_for_an_empty_disk(world: World) -> None:
    world.admin.create(VOLUMES, new_volume("small", reserved_for="www-web-0", size="10Gi"))
    world.run(replicas=1)
    assert name(world.volume_of("www-web-0")) != "small"


def test_a_claim_made_from_the_template_binds_to_the_reserved_volume_before_any_disk_is_made(world: World) -> None:
    """Sample b0: bound by the controller, maybe with a selected node, never with a provisioner."""
    world.admin.create(VOLUMES, new_volume("reserved", reserved_for="www-web-0"))
    world.run(replicas=1)
    claim = world.claim("www-web-0")
    assert claim and claim["spec"]["volumeName"] == "reserved"
    annotations = dict(claim["metadata"]["annotations"])
    annotations.pop("volume.kubernetes.io/selected-node", None)
    assert annotations == {"pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes"}
    assert world.driver.made == 0
    pod = world.pod("web-0")
    assert pod and pod["spec"]["nodeName"] == "node-zone-k"

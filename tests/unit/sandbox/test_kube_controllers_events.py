# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Event of each reason (w9): the same occasion is told in the same words, by the same component."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.contract.samples import load
from tests.sandbox.kube.controllers.objects import Object, name, node_of, phase
from tests.unit.sandbox.controller_helpers import World
from tests.unit.sandbox.controller_objects import (
    CLAIMS,
    EVENTS,
    PODS,
    SETS,
    VOLUMES,
    new_claim,
    new_class,
    new_set,
    new_volume,
)

# said by the API server of another distribution and by the driver
NOT_OURS = {"KubeAPIReadyz", "ProvisioningSucceeded"}


def run(world: World, set_name: str = "web") -> None:
    stateful_set = new_set(set_name, replicas=1)
    world.admin.create(SETS, stateful_set)
    world.wait(lambda: world.ready(f"{set_name}-0"))


def scaled_down(world: World) -> None:
    world.admin.create(SETS, new_set(replicas=2))
    world.wait(lambda: world.ready("web-0", "web-1"))
    world.scale(1)


def pod_without_its_claim(world: World) -> None:
    pod = {
        "metadata": {"name": "web-0", "namespace": "default"},
        "spec": {
            "containers": [{"name": "c", "image": "nginx:1.14.2"}],
            "volumes": [{"name": "www", "persistentVolumeClaim": {"claimName": "www-web-0"}}],
        },
    }
    world.admin.create(PODS, pod)


def claim_terminating(world: World) -> None:
    run(world, "d2")
    world.admin.patch(CLAIMS, "www-d2-0", {"metadata": {"finalizers": ["zoneshift.example/hold"]}}, "default")
    world.admin.delete(CLAIMS, "www-d2-0", "default")
    world.admin.delete(PODS, "d2-0", "default")


def volume_forced_away(world: World) -> None:
    run(world, "d4")
    volume = name(world.volume_of("www-d4-0"))
    world.admin.delete(VOLUMES, volume)
    world.admin.patch(VOLUMES, volume, {"metadata": {"finalizers": None}})


def volume_of_another_claim(world: World) -> None:
    volume = new_volume("d5pv", reserved_for="d5c")
    volume["spec"]["claimRef"]["uid"] = "11111111-2222-3333-4444-555555555555"
    world.admin.create(VOLUMES, volume)
    world.admin.create(CLAIMS, new_claim("d5c", "d5pv"))


def claim_bigger_than_its_volume(world: World) -> None:
    world.admin.create(VOLUMES, new_volume("d6pv", reserved_for="d6cbig"))
    world.admin.create(CLAIMS, new_claim("d6cbig", "d6pv", size="40Gi"))


def class_without_provisioner(world: World) -> None:
    odd = new_class("none", mode="Immediate", provisioner="kubernetes.io/no-provisioner")
    world.admin.create("storageclasses.storage.k8s.io", odd)
    world.admin.create(CLAIMS, new_claim("e3b", class_name="none"))


def copied_annotation(world: World) -> None:
    world.admin.create(VOLUMES, new_volume("f6pv", reserved_for="www-f6-0"))
    annotations = {"pv.kubernetes.io/bind-completed": "yes"}
    world.admin.create(CLAIMS, new_claim("www-f6-0", "f6pv", annotations=annotations))


def volume_that_lies_about_its_zone(world: World) -> None:
    world.driver.refuses_zone = True
    world.admin.create(VOLUMES, new_volume("f12new", reserved_for="www-f12-0"))
    world.admin.create(SETS, new_set("f12", replicas=1))
    world.wait(lambda: node_of(world.pod("f12-0") or {}))


def claim_without_consumer(world: World) -> None:
    world.admin.create(CLAIMS, new_claim("www-web-0"))
    world.wait(lambda: phase(world.claim("www-web-0") or {}) == "Pending")


OCCASIONS: dict[str, Callable[[World], None]] = {
    "RegisteredNode": lambda world: None,
    "WaitForFirstConsumer": claim_without_consumer,
    "SuccessfulCreate": run,
    "FailedScheduling": pod_without_its_claim,
    "ExternalProvisioning": run,
    "Scheduled": run,
    "SuccessfulAttachVolume": run,
    "SuccessfulDelete": scaled_down,
    "FailedCreate": claim_terminating,
    "ClaimLost": volume_forced_away,
    "FailedBinding": volume_of_another_claim,
    "ExternalExpanding": claim_bigger_than_its_volume,
    "ProvisioningFailed": class_without_provisioner,
    "ClaimMisbound": copied_annotation,
    "FailedAttachVolume": volume_that_lies_about_its_zone,
}


def told(event: Object) -> tuple[str, ...]:
    """The words without the names of disks, and without what the driver says."""
    message = re.sub(r'volume "(d-2z\w+|disk-[0-9a-f-]+)"', 'volume "<disk>"', event["message"])
    message = re.sub(r"rpc error: .*", "rpc error: ...", message)
    about = event["involvedObject"]
    component = event["source"].get("component") or event["reportingComponent"]
    return event["type"], event["reason"], message, component, about["kind"], about["apiVersion"], about["name"]


RECORDED = [event for event in load("w9-") if event["reason"] not in NOT_OURS]


def test_every_recorded_reason_has_its_occasion() -> None:
    assert sorted(OCCASIONS) == sorted(event["reason"] for event in RECORDED)


@pytest.mark.parametrize("event", RECORDED, ids=[event["reason"] for event in RECORDED])
def test_an_occasion_is_told_as_recorded(world: World, event: Object) -> None:
    OCCASIONS[event["reason"]](world)
    expected = told(event)
    world.wait(lambda: expected in [told(each) for each in world.admin.list(EVENTS)])

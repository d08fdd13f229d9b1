# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a claim gets a new disk: StorageClasses and binding modes (B4, B5, w9)."""

from __future__ import annotations

import pytest

from tests.sandbox.kube.controllers.objects import annotations_of, name, phase
from tests.unit.sandbox.controller_helpers import World
from tests.unit.sandbox.controller_objects import (
    CLAIMS,
    DRIVER,
    VOLUMES,
    new_claim,
    new_class,
    new_volume,
)


def test_a_delayed_claim_waits_for_its_first_consumer(world: World) -> None:
    world.admin.create(CLAIMS, new_claim("c1"))
    world.wait(lambda: world.events("WaitForFirstConsumer", "c1"))
    assert world.events("WaitForFirstConsumer") == ["waiting for first consumer to be created before binding"]
    world.settle()
    claim = world.claim("c1")
    assert claim and phase(claim) == "Pending" and not annotations_of(claim)


def test_an_unreserved_volume_is_not_given_to_a_delayed_claim_before_it_has_a_consumer(world: World) -> None:
    world.admin.create(VOLUMES, new_volume("v1"))
    world.wait(lambda: world.volume_phase("v1") == "Available")
    world.admin.create(CLAIMS, new_claim("c1"))
    world.wait(lambda: world.events("WaitForFirstConsumer", "c1"))
    world.settle()
    assert world.claim_phase("c1") == "Pending"


def test_a_selected_node_alone_is_enough_to_have_a_disk_made_in_its_zone(world: World) -> None:
    node = {"volume.kubernetes.io/selected-node": "node-zone-k"}
    world.admin.create(CLAIMS, new_claim("c1", annotations=node))
    world.wait(lambda: world.bound("c1"))
    volume = world.volume_of("c1")
    terms = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert terms[0]["matchExpressions"][0]["values"] == ["cn-beijing-k"]
    claim = world.claim("c1")
    assert claim and annotations_of(claim) == {
        **node,
        "volume.kubernetes.io/storage-provisioner": DRIVER,
        "volume.beta.kubernetes.io/storage-provisioner": DRIVER,
        "pv.kubernetes.io/bind-completed": "yes",
        "pv.kubernetes.io/bound-by-controller": "yes",
    }
    (message,) = world.events("ExternalProvisioning", "c1")
    assert message.startswith(
        f"Waiting for a volume to be created either by the external provisioner '{DRIVER}' or manually"
    )


def test_immediate_classes_provision_without_a_consumer(world: World) -> None:
    world.admin.create("storageclasses.storage.k8s.io", new_class("now", mode="Immediate"))
    world.admin.create(CLAIMS, new_claim("c1", class_name="now"))
    world.wait(lambda: world.bound("c1"))


def test_immediate_claims_take_the_smallest_volume_that_does(world: World) -> None:
    world.admin.create("storageclasses.storage.k8s.io", new_class("now", mode="Immediate"))
    for volume, size in (("big", "100Gi"), ("fits", "30Gi"), ("small", "10Gi")):
        obj = new_volume(volume, size=size)
        obj["spec"]["storageClassName"] = "now"
        world.admin.create(VOLUMES, obj)
    world.wait(lambda: world.volume_phase("fits") == "Available")
    world.admin.create(CLAIMS, new_claim("c1", class_name="now"))
    world.wait(lambda: world.bound("c1"))
    assert name(world.volume_of("c1")) == "fits"


def test_without_a_class_and_without_a_volume_the_claim_says_so(world: World) -> None:
    world.admin.create(CLAIMS, new_claim("c1", class_name=""))
    world.wait(lambda: world.events("FailedBinding", "c1"))
    assert world.events("FailedBinding") == [
        "no persistent volumes available for this claim and no storage class is set"
    ]


@pytest.mark.parametrize(
    ("provisioner", "message"),
    [
        ("kubernetes.io/no-provisioner", "no volume plugin matched name: kubernetes.io/no-provisioner"),
        ("", 'storageclass.storage.k8s.io "odd" not found'),
    ],
)
def test_a_class_that_makes_no_volumes_fails_to_provision(world: World, provisioner: str, message: str) -> None:
    if provisioner:
        odd = new_class("odd", mode="Immediate", provisioner=provisioner)
        world.admin.create("storageclasses.storage.k8s.io", odd)
    world.admin.create(CLAIMS, new_claim("c1", class_name="odd"))
    world.wait(lambda: world.events("ProvisioningFailed", "c1"))
    assert world.events("ProvisioningFailed") == [message]

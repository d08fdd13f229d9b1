# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorded objects: what the controllers leave behind has the same fields with the same values."""

from __future__ import annotations

import copy

from tests.contract.samples import load
from tests.sandbox.kube.controllers.attachdetach import attachment_name
from tests.sandbox.kube.controllers.objects import Object, labels_of, name, owners, phase, uid
from tests.unit.sandbox.controller_helpers import World
from tests.unit.sandbox.controller_objects import (
    ATTACHMENTS,
    CLAIMS,
    DRIVER,
    PODS,
    SETS,
    VOLUMES,
    new_claim,
    new_set,
    new_volume,
)

# what differs from one cluster and moment to the next
_OF_THE_MOMENT = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "deletionTimestamp")


def lasting(obj: Object) -> Object:
    """The object without identity and times; a claimRef keeps whether it has a uid."""
    result = copy.deepcopy(obj)
    for key in _OF_THE_MOMENT:
        result["metadata"].pop(key, None)
    for owner in owners(result):
        owner["uid"] = "<uid>"
    status = result.get("status") or {}
    status.pop("lastPhaseTransitionTime", None)
    for condition in status.get("conditions") or []:
        condition.pop("lastTransitionTime", None)
    reference = result.get("spec", {}).get("claimRef") or {}
    for key in ("uid", "resourceVersion"):
        if key in reference:
            reference[key] = "<set>"
    return result


def run(world: World, set_name: str = "web", **spec: object) -> None:
    created = world.admin.create(SETS, new_set(set_name, **spec))
    pods = [f"{set_name}-{ordinal}" for ordinal in range(created["spec"]["replicas"])]
    world.wait(lambda: world.ready(*pods))
    world.wait(lambda: world.stateful_set(set_name)["status"].get("readyReplicas") == len(pods))
    world.settle()


def renamed_volume(obj: Object, sample: Object) -> Object:
    """The claim with the volume's name as recorded."""
    obj["spec"]["volumeName"] = sample["spec"]["volumeName"]
    return obj


def test_a_running_set_and_its_first_pod_claim_and_attachment(world: World) -> None:
    """00; last-applied is kubectl's own, the pod's status its kubelet's."""
    run(world)
    stateful_set, sample = lasting(world.stateful_set()), lasting(load("00-object-sts"))
    del sample["metadata"]["annotations"]
    assert stateful_set == sample

    pod, sample = lasting(world.pod("web-0") or {}), lasting(load("00-object-pod"))
    assert pod["metadata"] == sample["metadata"]
    assert pod["spec"] == sample["spec"]

    sample = lasting(load("00-object-pvc-bound"))
    assert renamed_volume(lasting(world.claim("www-web-0") or {}), sample) == sample

    (attachment,) = [each for each in world.admin.list(ATTACHMENTS) if each["spec"]["nodeName"] == "node-zone-i"]
    sample = load("00-object-volumeattachment")
    assert set(attachment["spec"]) == set(sample["spec"]) and attachment["status"] == sample["status"]
    volume = world.volume_of("www-web-0")
    assert name(attachment) == attachment_name(DRIVER, volume["spec"]["csi"]["volumeHandle"], "node-zone-i")


def test_a_provisioned_volume_that_is_bound(world: World) -> None:
    """00; handle, name and two annotations are the driver's."""
    run(world, replicas=1)
    volume, sample = lasting(world.volume_of("www-web-0")), lasting(load("00-object-pv-bound"))
    assert volume["status"] == sample["status"]
    assert volume["spec"]["claimRef"] == sample["spec"]["claimRef"]
    assert sorted(volume["metadata"]["finalizers"]) == sorted(sample["metadata"]["finalizers"])


def prebound(world: World) -> None:
    sample = load("61-object-pv-prebound-bound")
    volume = new_volume(name(sample), reserved_for="www-web-0", handle=sample["spec"]["csi"]["volumeHandle"])
    world.admin.create(VOLUMES, volume)
    world.admin.create(CLAIMS, new_claim("www-web-0", name(sample)))
    world.wait(lambda: world.bound("www-web-0"))


def test_a_claim_and_a_volume_that_reserved_each_other(world: World) -> None:
    """61."""
    prebound(world)
    assert lasting(world.claim("www-web-0") or {}) == lasting(load("61-object-pvc"))
    assert lasting(world.volume_of("www-web-0")) == lasting(load("61-object-pv-"))


def test_a_released_volume(world: World) -> None:
    """53."""
    prebound(world)
    volume = name(world.volume_of("www-web-0"))
    world.admin.delete(CLAIMS, "www-web-0", "default")
    world.wait(lambda: phase(world.admin.get(VOLUMES, volume) or {}) == "Released")
    released, sample = lasting(world.admin.get(VOLUMES, volume) or {}), lasting(load("53-"))
    assert released["status"] == sample["status"]
    assert released["spec"]["claimRef"] == sample["spec"]["claimRef"]


def test_a_lost_claim(world: World) -> None:
    """73."""
    run(
        world,
        "d4",
        replicas=1,
        selector={"matchLabels": {"app": "d4"}},
        template=template_of("d4"),
        volumeClaimTemplates=claims_without_labels(),
    )
    volume = name(world.volume_of("www-d4-0"))
    world.admin.delete(VOLUMES, volume)
    world.admin.patch(VOLUMES, volume, {"metadata": {"finalizers": None}})
    world.wait(lambda: phase(world.claim("www-d4-0") or {}) == "Lost")
    sample = lasting(load("73-"))
    assert renamed_volume(lasting(world.claim("www-d4-0") or {}), sample) == sample


def template_of(app: str) -> Object:
    container = {"name": "c", "image": "nginx:1.14.2", "volumeMounts": [{"name": "www", "mountPath": "/x"}]}
    return {"metadata": {"labels": {"app": app}}, "spec": {"containers": [container]}}


def claims_without_labels() -> list[Object]:
    (template,) = copy.deepcopy(new_set()["spec"]["volumeClaimTemplates"])
    del template["metadata"]["labels"]
    return [template]


def test_a_pod_that_finds_no_node_in_the_zone_of_its_volume(world: World) -> None:
    """80: pod and set, down to the name of the revision."""
    world.admin.create(VOLUMES, new_volume("far", "cn-beijing-h", reserved_for="www-e2-0"))
    # the recorded claim was bound before the set came back to one replica
    world.admin.create(CLAIMS, new_claim("www-e2-0", "far"))
    world.wait(lambda: world.bound("www-e2-0"))
    stateful_set = new_set(
        "e2",
        replicas=0,
        serviceName="e2",
        selector={"matchLabels": {"app": "e2"}},
        template=template_of("e2"),
        volumeClaimTemplates=claims_without_labels(),
    )
    world.admin.create(SETS, stateful_set)
    for replicas in (2, 1):
        world.scale(replicas, "e2")
    world.wait(lambda: world.events("FailedScheduling", "e2-0"))
    world.settle()
    pod, sample = lasting(world.pod("e2-0") or {}), lasting(load("80-object-pod"))
    assert pod == sample
    assert lasting(world.stateful_set("e2")) == lasting(load("80-object-sts"))


def test_a_claim_from_the_template_that_took_the_reserved_volume(world: World) -> None:
    """b0; whether the scheduler had selected a node before is a matter of luck (B4)."""
    world.admin.create(VOLUMES, new_volume("r1new", reserved_for="www-r1-0"))
    run(
        world,
        "r1",
        replicas=1,
        selector={"matchLabels": {"app": "r1"}},
        template=template_of("r1"),
        volumeClaimTemplates=claims_without_labels(),
    )
    claim, sample = lasting(world.claim("www-r1-0") or {}), lasting(load("b0-"))
    for each in (claim, sample):
        each["metadata"]["annotations"].pop("volume.kubernetes.io/selected-node", None)
    assert claim == sample


def test_the_pods_of_a_set_have_the_labels_by_which_they_are_found(world: World) -> None:
    run(world, replicas=1)
    (pod,) = world.admin.list(PODS)
    assert labels_of(pod).keys() == labels_of(load("00-object-pod")).keys()
    assert uid(world.stateful_set()) == owners(pod)[0]["uid"]

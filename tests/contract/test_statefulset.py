# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""B5: what the StatefulSet controller does with pods and claims."""

from __future__ import annotations

from tests.sandbox.nodes.client import Object
from tests.sandbox.nodes.names import CLAIMS, NEVER_READY_IN, PODS, REGION, VOLUMES, ZONE

from .cases import case, rules
from .objects import (
    CONFIG_MAPS,
    SETS,
    is_ready,
    is_terminating,
    new_claim,
    new_pod,
    new_set,
    new_volume,
    revision,
    uid,
    without_disks,
)
from .samples import lasting, load
from .scene import Scene

TOKEN = "kube-api-access-"
EVERYWHERE = {NEVER_READY_IN: "cn-beijing-h,cn-beijing-i,cn-beijing-j,cn-beijing-k"}


def is_made(event: Object) -> bool:
    return bool(event["type"] == "ADDED")


def first(scene: Scene, since: str, pod: str, wanted: str) -> int:
    """The revision at which the pod was made, became Ready, was told to go, or was gone."""
    tests = {
        "made": is_made,
        "ready": lambda event: is_ready(event["object"]),
        "told to go": lambda event: is_terminating(event["object"]),
        "gone": lambda event: event["type"] == "DELETED",
    }
    return revision(scene.changes(PODS, since, pod, until=tests[wanted])[-1]["object"])


@case("B5-claim-missing-at-start")
def test_a_missing_claim_is_made_again_with_an_empty_disk_and_no_warning(scene: Scene) -> None:
    scene.run(new_set(replicas=1))
    old_claim, old_volume = scene.there(CLAIMS, "www-web-0"), scene.volume_of("www-web-0")
    scene.scale(0)
    scene.wait_stopped()
    scene.delete(CLAIMS, "www-web-0")
    scene.wait_gone(CLAIMS, "www-web-0")
    scene.scale(1)
    scene.wait_ready("web-0")
    assert uid(scene.there(CLAIMS, "www-web-0")) != uid(old_claim)
    assert scene.volume_of("www-web-0")["spec"]["csi"]["volumeHandle"] != old_volume["spec"]["csi"]["volumeHandle"]
    assert not scene.events("FailedCreate", "web")


@case("B5-claim-terminating-at-start")
def test_no_pod_is_made_while_its_claim_is_terminating(scene: Scene) -> None:
    scene.create(CLAIMS, new_claim("www-web-0"))
    scene.hold(CLAIMS, "www-web-0")
    scene.delete(CLAIMS, "www-web-0")
    scene.create(SETS, new_set(replicas=1))
    message = "Create Pod web-0 in StatefulSet web failed error: pvc www-web-0 is being deleted"
    assert scene.wait_event("FailedCreate", "web") == message
    assert not scene.list(PODS)
    scene.release(CLAIMS, "www-web-0")
    scene.wait_ready("web-0")


@case("B5-when-scaled-delete")
def test_when_scaled_delete_takes_claim_volume_and_disk_with_the_pod(scene: Scene) -> None:
    """The claim is owned by its pod and vanishes with it."""
    scene.run(new_set(replicas=1, persistentVolumeClaimRetentionPolicy={"whenScaled": "Delete"}))
    pod, volume = scene.there(PODS, "web-0"), scene.volume_of("www-web-0")
    since = scene.now()
    scene.scale(0)
    owned = scene.changes(
        CLAIMS, since, "www-web-0", until=lambda event: "ownerReferences" in event["object"]["metadata"]
    )[-1]["object"]
    (owner,) = owned["metadata"]["ownerReferences"]
    assert owner == {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": "web-0",
        "uid": uid(pod),
        "controller": True,
        "blockOwnerDeletion": True,
    }
    scene.wait_gone(CLAIMS, "www-web-0")
    scene.wait_gone(VOLUMES, volume["metadata"]["name"])
    scene.wait(lambda: volume["spec"]["csi"]["volumeHandle"] not in scene.sandbox.cloud.world()["disks"], "no disk")


@case("B5-when-deleted-delete")
def test_when_deleted_delete_takes_the_claims_with_the_set(scene: Scene) -> None:
    created = scene.run(new_set(replicas=1, persistentVolumeClaimRetentionPolicy={"whenDeleted": "Delete"}))

    def owner() -> Object | None:
        references = scene.there(CLAIMS, "www-web-0")["metadata"].get("ownerReferences") or [None]
        return references[0]

    found = scene.wait(owner, "the claim owned")
    assert (found["kind"], found["uid"]) == ("StatefulSet", uid(created))
    scene.delete(SETS, "web")
    scene.wait_gone(CLAIMS, "www-web-0")


@case("B5-retain-keeps-claims")
def test_claims_stay_when_the_set_goes(scene: Scene) -> None:
    scene.run(new_set(replicas=1))
    claim = scene.there(CLAIMS, "www-web-0")
    scene.delete(SETS, "web")
    scene.wait_stopped()
    assert scene.there(CLAIMS, "www-web-0") == claim and "ownerReferences" not in claim["metadata"]


def orphan(scene: Scene) -> None:
    scene.delete(SETS, "web", {"propagationPolicy": "Orphan"})
    scene.wait_gone(SETS, "web")
    scene.wait(
        lambda: all("ownerReferences" not in pod["metadata"] for pod in scene.list(PODS)), "pods without an owner"
    )


@case("B5-orphan")
def test_orphaned_pods_run_on_and_are_not_made_again(scene: Scene) -> None:
    scene.run(new_set())
    before = {pod["metadata"]["name"]: pod for pod in scene.list(PODS)}
    orphan(scene)
    (history,) = scene.list("controllerrevisions.apps")
    assert "ownerReferences" not in history["metadata"]
    for pod in scene.list(PODS):
        assert uid(pod) == uid(before[pod["metadata"]["name"]]) and is_ready(pod)
        assert pod["metadata"]["labels"] == before[pod["metadata"]["name"]]["metadata"]["labels"]
    scene.delete(PODS, "web-1")
    scene.wait_gone(PODS, "web-1")
    # A set of another name that starts after it shows that the controller had its chance.
    scene.run(without_disks("other", replicas=1, selector={"matchLabels": {"app": "other"}}, template=other_template()))
    assert scene.get(PODS, "web-1") is None


def other_template() -> Object:
    template = without_disks()["spec"]["template"]
    template["metadata"]["labels"] = {"app": "other"}
    return dict(template)


@case("B5-adopt")
def test_a_set_made_again_adopts_its_pods_and_makes_the_missing_one(scene: Scene) -> None:
    """Even with other volumeClaimTemplates: the revision hashes the template only."""
    scene.run(new_set())
    before = scene.there(PODS, "web-0")
    orphan(scene)
    scene.delete(PODS, "web-1")
    scene.wait_gone(PODS, "web-1")
    again = new_set()
    again["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] = "40Gi"
    created = scene.run(again)
    after = scene.there(PODS, "web-0")
    assert uid(after) == uid(before)
    assert after["metadata"]["ownerReferences"][0]["uid"] == uid(created)
    assert created["status"]["currentRevision"] == before["metadata"]["labels"]["controller-revision-hash"]


@case("B5-00")
def test_a_running_set_and_its_pod_are_as_recorded(scene: Scene) -> None:
    """Sample 00, the revision's name included; the pod's node and the zone in its labels are this cluster's."""
    created, sample = lasting(scene.run(new_set())), lasting(load("00-object-sts"))
    for obj in (created, sample):
        for key in ("annotations", "managedFields", "namespace"):
            obj["metadata"].pop(key, None)
    assert created == sample
    pod, sample = scene.there(PODS, "web-0"), load("00-object-pod")
    labels = pod["metadata"]["labels"]
    assert labels.pop(ZONE) == f"cn-beijing-{pod['spec']['nodeName'][5]}" and labels.pop(REGION) == "cn-beijing"
    for key in (ZONE, REGION):
        del sample["metadata"]["labels"][key]
    assert labels == sample["metadata"]["labels"]
    for obj in (pod, sample):
        del obj["spec"]["nodeName"]
    assert without_account(pod["spec"]) == sample["spec"]
    assert lasting(pod["metadata"]["ownerReferences"]) == lasting(sample["metadata"]["ownerReferences"])


def without_account(spec: Object) -> Object:
    """The recorded server had the admission plug-in ServiceAccount off, which is on by default."""
    assert spec.pop("serviceAccountName") == spec.pop("serviceAccount") == "default"
    spec["volumes"] = [volume for volume in spec["volumes"] if not volume["name"].startswith(TOKEN)]
    for container in spec["containers"]:
        container["volumeMounts"] = [each for each in container["volumeMounts"] if not each["name"].startswith(TOKEN)]
    return spec


@case("B6-service-account")
def test_a_pod_runs_as_the_default_account_with_its_token(scene: Scene) -> None:
    """Not in the record, whose server had this off: the account's token, the server's certificate, the namespace."""
    pod = scene.create(PODS, new_pod("p"))
    (volume,) = pod["spec"]["volumes"]
    assert volume["name"].startswith(TOKEN) and volume["projected"]["defaultMode"] == 420
    assert [next(iter(source)) for source in volume["projected"]["sources"]] == [
        "serviceAccountToken",
        "configMap",
        "downwardAPI",
    ]
    assert pod["spec"]["containers"][0]["volumeMounts"] == [
        {"name": volume["name"], "readOnly": True, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
    ]
    certificate = scene.wait(lambda: scene.get(CONFIG_MAPS, "kube-root-ca.crt"), "the server's certificate")
    assert certificate["data"]["ca.crt"].startswith("-----BEGIN CERTIFICATE-----")
    without = scene.create(PODS, new_pod("without", automountServiceAccountToken=False))
    assert "volumes" not in without["spec"] and without["spec"]["serviceAccount"] == "default"
    answer = scene.caller.send("POST", scene.path(PODS), new_pod("stranger", serviceAccountName="nope"))
    assert (answer.status, answer.body["reason"]) == (403, "Forbidden")
    cause = f'error looking up service account {scene.namespace}/nope: serviceaccount "nope" not found'
    assert answer.body["message"] == f'pods "stranger" is forbidden: {cause}'


@case("B5-ordered-start")
def test_a_pod_is_made_when_the_one_before_it_is_ready(scene: Scene) -> None:
    since = scene.now()
    scene.run(without_disks(replicas=3))
    for before, after in (("web-0", "web-1"), ("web-1", "web-2")):
        assert first(scene, since, before, "ready") < first(scene, since, after, "made")


@case("B5-ordered-never-ready")
def test_a_pod_that_never_gets_ready_keeps_the_next_away(scene: Scene) -> None:
    """Status without readyReplicas; scaling to 0 works."""
    scene.create(SETS, without_disks(annotations=EVERYWHERE))
    scene.wait_phase(PODS, "web-0", "Running")
    # The controller has seen it running: what it makes of that is in the status.
    scene.wait(lambda: scene.there(SETS, "web")["status"].get("currentReplicas") == 1, "1 current replica")
    scene.touch(SETS, "web")
    status = scene.there(SETS, "web")["status"]
    assert "readyReplicas" not in status and status["replicas"] == 1
    assert [pod["metadata"]["name"] for pod in scene.list(PODS)] == ["web-0"]
    scene.scale(0)
    scene.wait_stopped()


@case("B5-parallel-start")
def test_parallel_pods_are_made_without_waiting_for_each_other(scene: Scene) -> None:
    scene.create(SETS, without_disks(replicas=3, podManagementPolicy="Parallel", annotations=EVERYWHERE))
    for name in ("web-0", "web-1", "web-2"):
        scene.wait_phase(PODS, name, "Running")
    assert not any(is_ready(pod) for pod in scene.list(PODS))


@rules("B5", "policy", parallel_stop="Parallel", ordered_stop="OrderedReady")
def test_a_pod_that_does_not_go_holds_up_ordered_sets_only(scene: Scene, policy: str) -> None:
    """A pod stuck Terminating: the scale-down of an ordered set stops there, that of a parallel one does not."""
    scene.run(without_disks(podManagementPolicy=policy))
    scene.hold(PODS, "web-1")
    scene.scale(0)
    if policy == "Parallel":
        scene.wait_gone(PODS, "web-0")
        assert is_terminating(scene.there(PODS, "web-1"))
    else:
        scene.wait(lambda: not is_ready(scene.there(PODS, "web-1")), "web-1 ended")
        scene.wait(lambda: "readyReplicas" in scene.there(SETS, "web")["status"], "seen")
        scene.wait(lambda: scene.there(SETS, "web")["status"]["readyReplicas"] == 1, "1 ready replica")
        status = scene.there(SETS, "web")["status"]
        assert (status["replicas"], status["currentReplicas"]) == (2, 1)
        assert not is_terminating(scene.there(PODS, "web-0"))
    scene.release(PODS, "web-1")
    scene.wait_stopped()


@case("B5-stuck-pod-forced")
def test_a_forced_delete_frees_a_scale_down_that_is_stuck(scene: Scene) -> None:
    """On a node without a kubelet a pod stays Terminating for ever."""
    node = scene.node_without_kubelet()
    template = without_disks()["spec"]["template"]
    template["spec"]["nodeName"] = node
    scene.create(SETS, without_disks(replicas=2, podManagementPolicy="Parallel", template=template))
    scene.wait(lambda: len(scene.list(PODS)) == 2, "2 pods")
    scene.scale(1)
    scene.wait(lambda: is_terminating(scene.there(PODS, "web-1")), "web-1 Terminating")
    answer = scene.delete(PODS, "web-1", {"gracePeriodSeconds": 0}).body
    assert answer["metadata"]["deletionGracePeriodSeconds"] == 0
    assert scene.get(PODS, "web-1") is None
    scene.wait(lambda: scene.there(SETS, "web")["status"]["replicas"] == 1, "1 replica")
    scene.scale(0)
    scene.wait(lambda: is_terminating(scene.there(PODS, "web-0")), "web-0 Terminating")
    scene.delete(PODS, "web-0", {"gracePeriodSeconds": 0})


@case("B5-scale-down-then-up")
def test_pods_come_back_with_their_claims(scene: Scene) -> None:
    scene.run(new_set(replicas=1))
    before = scene.there(CLAIMS, "www-web-0")
    scene.scale(0)
    scene.wait_stopped()
    scene.scale(1)
    scene.wait_ready("web-0")
    assert uid(scene.there(CLAIMS, "www-web-0")) == uid(before)


@case("B5-rolling-one-pod")
def test_one_pod_moves_while_the_set_stays_as_it_is(scene: Scene) -> None:
    """Volume reserved, claim deleted, pod deleted: it is back in the new zone, the other one Ready throughout."""
    scene.run(new_set(zone=""))
    other = scene.there(PODS, "web-0")
    since = scene.now()
    target = f"target-{scene.suffix}"
    source = scene.there(PODS, "web-1")["spec"]["nodeName"]
    zone = next(f"cn-beijing-{letter}" for letter in "hk" if letter != source[5])
    reserved_for = (scene.namespace, "www-web-1")
    scene.create(VOLUMES, new_volume(target, zone=zone, handle=scene.new_disk(zone), reserved_for=reserved_for))
    scene.wait_phase(VOLUMES, target, "Available")
    scene.delete(CLAIMS, "www-web-1")
    scene.delete(PODS, "web-1")
    assert first(scene, since, "web-1", "gone")
    scene.wait_ready("web-1")
    assert scene.volume_of("www-web-1")["metadata"]["name"] == target
    assert scene.there(PODS, "web-1")["metadata"]["labels"][ZONE] == zone
    assert scene.there(PODS, "web-0") == other, "not written once meanwhile"


@case("B5-ordinals-start")
def test_ordinals_begin_where_the_set_says(scene: Scene) -> None:
    scene.create(SETS, without_disks(replicas=2, ordinals={"start": 5}))
    scene.wait_ready("web-5", "web-6")
    assert {pod["metadata"]["name"] for pod in scene.list(PODS)} == {"web-5", "web-6"}
    assert scene.there(PODS, "web-5")["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "5"

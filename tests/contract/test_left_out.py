# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""B6: what the record left out and a comparison of the back ends brought up. A real API server said all of it."""

from __future__ import annotations

import dataclasses
from typing import Any

from tests.sandbox.nodes.client import Object
from tests.sandbox.nodes.names import CLAIMS, EVENTS, PODS, VOLUMES

from .cases import case, rules
from .objects import CONFIG_MAPS, SETS, new_claim, new_pod, new_set, new_volume, uid, without_disks
from .scene import Scene

MERGE, JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"
STRATEGIC, APPLY = "application/strategic-merge-patch+json", "application/apply-patch+yaml"
ANOTHER_UID = "00000000-0000-4000-8000-000000000000"


def config_map(name: str = "a", **metadata: Any) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": {"a": "1"}}


def set_with(container: Object | None = None, template: Object | None = None, claim: Object | None = None) -> Object:
    """The example with these fields changed; a field that is None is left out."""
    obj = new_set()
    spec = obj["spec"]
    for part, change in (
        (spec["template"]["spec"]["containers"][0], container),
        (spec["template"]["spec"], template),
        (spec["volumeClaimTemplates"][0]["spec"], claim),
    ):
        part |= change or {}
        for field in [field for field, value in part.items() if value is None]:
            del part[field]
    return obj


def volume_with(**spec: Any) -> Object:
    obj = new_volume("bad")
    obj["spec"] |= spec
    return obj


def claim_with(**spec: Any) -> Object:
    obj = new_claim("bad")
    obj["spec"] |= spec
    return obj


@dataclasses.dataclass(frozen=True)
class Refused:
    """A create, and what it is refused for: the fields, and the message behind the name of the object."""

    resource: str
    body: Object
    fields: tuple[str, ...]
    message: str


_OPERATOR = {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "X"}]}]}}
_TERM = "spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].operator"
_POSITIVE = "must be greater than or equal to 0"


@rules(
    "B6",
    "refused",
    set_policy=Refused(
        SETS,
        new_set(podManagementPolicy="X"),
        ("spec.podManagementPolicy",),
        "spec.podManagementPolicy: Invalid value: \"X\": must be 'OrderedReady' or 'Parallel'",
    ),
    set_strategy=Refused(
        SETS,
        new_set(updateStrategy={"type": "X"}),
        ("spec.updateStrategy",),
        'spec.updateStrategy: Invalid value: {"Type":"X","RollingUpdate":null}: must be ',
    ),
    set_retention=Refused(
        SETS,
        new_set(persistentVolumeClaimRetentionPolicy={"whenScaled": "X"}),
        ("spec.persistentVolumeClaimRetentionPolicy.whenScaled",),
        'spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: "X": supported values: "Retain", ',
    ),
    set_min_ready=Refused(
        SETS,
        new_set(minReadySeconds=-1),
        ("spec.minReadySeconds",),
        f"spec.minReadySeconds: Invalid value: -1: {_POSITIVE}",
    ),
    set_ordinals=Refused(
        SETS, new_set(ordinals={"start": -1}), ("spec.ordinals.start",), "spec.ordinals.start: Invalid value: -1: "
    ),
    set_replicas=Refused(
        SETS, new_set(replicas=-1), ("spec.replicas",), f"spec.replicas: Invalid value: -1: {_POSITIVE}"
    ),
    set_without_containers=Refused(
        SETS,
        set_with(template={"containers": []}),
        ("spec.template.spec.containers",),
        "spec.template.spec.containers: Required value",
    ),
    set_without_image=Refused(
        SETS,
        set_with(container={"image": None}),
        ("spec.template.spec.containers[0].image",),
        "spec.template.spec.containers[0].image: Required value",
    ),
    set_restart=Refused(
        SETS,
        set_with(template={"restartPolicy": "Never"}),
        ("spec.template.spec.restartPolicy",),
        'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ),
    set_claim_without_size=Refused(
        SETS,
        set_with(claim={"resources": None}),
        ("spec.volumeClaimTemplates[0].spec.resources[storage]",),
        "spec.volumeClaimTemplates[0].spec.resources[storage]: Required value",
    ),
    volume_class=Refused(
        VOLUMES,
        volume_with(storageClassName="A B"),
        ("spec.storageClassName",),
        'spec.storageClassName: Invalid value: "A B": a lowercase RFC 1123 subdomain',
    ),
    volume_affinity=Refused(
        VOLUMES, volume_with(nodeAffinity=_OPERATOR), (_TERM,), f'{_TERM}: Invalid value: "X": not a valid selector'
    ),
    volume_policy=Refused(
        VOLUMES,
        volume_with(persistentVolumeReclaimPolicy="X"),
        ("spec.persistentVolumeReclaimPolicy",),
        'spec.persistentVolumeReclaimPolicy: Unsupported value: "X": ',
    ),
    claim_class=Refused(
        CLAIMS,
        claim_with(storageClassName="A B"),
        ("spec.storageClassName",),
        'spec.storageClassName: Invalid value: "A B": a lowercase RFC 1123 subdomain',
    ),
    claim_mode=Refused(
        CLAIMS, claim_with(accessModes=["X"]), ("spec.accessModes",), 'spec.accessModes: Unsupported value: "X": '
    ),
    container_twice=Refused(
        PODS,
        new_pod("bad", containers=[{"name": "c", "image": "x"}] * 2),
        ("spec.containers[1].name",),
        'spec.containers[1].name: Duplicate value: "c"',
    ),
    config_map_key=Refused(
        CONFIG_MAPS,
        config_map() | {"data": {"a/b": "1"}},
        ("data[a/b]",),
        'data[a/b]: Invalid value: "a/b": a valid config key must consist of alphanumeric characters',
    ),
    finalizer=Refused(
        CONFIG_MAPS,
        config_map(finalizers=["bare"]),
        ("metadata.finalizers[0]",),
        'metadata.finalizers[0]: Invalid value: "bare": name is neither a standard finalizer name nor is it fully',
    ),
    owner=Refused(
        CONFIG_MAPS,
        config_map(ownerReferences=[{"apiVersion": "v1", "kind": "Pod", "name": "x"}]),
        ("metadata.ownerReferences.uid",),
        'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
    ),
    event_of_another_namespace=Refused(
        EVENTS,
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "e"},
            "involvedObject": {"kind": "Pod", "name": "x"},
        },
        ("involvedObject.namespace",),
        'involvedObject.namespace: Invalid value: "": does not match event.namespace',
    ),
)
def test_a_senseless_object_is_refused(scene: Scene, refused: Refused) -> None:
    answer = scene.caller.send("POST", scene.path(refused.resource), refused.body)
    assert (answer.status, answer.body.get("reason")) == (422, "Invalid"), answer.body
    assert tuple(cause["field"] for cause in answer.body["details"]["causes"]) == refused.fields
    assert answer.body["message"].partition(" is invalid: ")[2].startswith(refused.message)


@dataclasses.dataclass(frozen=True)
class Patched:
    """A patch of the ConfigMap ``a`` and its answer: the data, or the message."""

    patch: Any
    status: int
    outcome: Any
    content_type: str = JSON_PATCH


_FAILED = "the server rejected our request due to an error in our request"


@rules(
    "B6",
    "patched",
    replace_what_is_not_there=Patched([{"op": "replace", "path": "/data/b", "value": "2"}], 200, {"a": "1", "b": "2"}),
    replace_below_what_is_not_there=Patched([{"op": "replace", "path": "/no/b", "value": "2"}], 422, _FAILED),
    test_for_null_of_what_is_not_there=Patched([{"op": "test", "path": "/data/b", "value": None}], 200, {"a": "1"}),
    remove_what_is_not_there=Patched([{"op": "remove", "path": "/data/b"}], 422, _FAILED),
    move_what_is_not_there=Patched([{"op": "move", "from": "/data/b", "path": "/data/c"}], 422, _FAILED),
    patch_that_is_no_list=Patched({"op": "add"}, 400, "error decoding patch: json: cannot unmarshal object into Go"),
    patch_with_a_wrong_type=Patched({"data": {"n": 5}}, 422, ' "" is invalid: patch: Invalid value: ', MERGE),
    patch_of_the_creation_time=Patched(
        {"metadata": {"creationTimestamp": "2020-01-01T00:00:00Z"}}, 200, {"a": "1"}, MERGE
    ),
)
def test_a_patch_of_something_odd(scene: Scene, patched: Patched) -> None:
    created = scene.create(CONFIG_MAPS, config_map())
    answer = scene.caller.send("PATCH", scene.path(CONFIG_MAPS, "a"), patched.patch, content_type=patched.content_type)
    assert answer.status == patched.status, answer.body
    if patched.status == 200:
        assert answer.body["data"] == patched.outcome
        assert answer.body["metadata"]["creationTimestamp"] == created["metadata"]["creationTimestamp"]
    else:
        assert answer.body["message"].startswith(patched.outcome)


@case("B6-uid-in-a-patch")
def test_the_uid_in_a_patch_is_a_field_that_cannot_change(scene: Scene) -> None:
    """422, not 409: who guards a patch with the uid has to know both. A stale resourceVersion comes first."""
    scene.create(CLAIMS, new_claim("a"))
    patch = {"metadata": {"uid": ANOTHER_UID, "labels": {"a": "b"}}}
    answer = scene.caller.send("PATCH", scene.path(CLAIMS, "a"), patch, content_type=MERGE)
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert {cause["field"] for cause in answer.body["details"]["causes"]} == {"metadata.uid"}
    expected = f'PersistentVolumeClaim "a" is invalid: metadata.uid: Invalid value: "{ANOTHER_UID}": field is immutable'
    assert answer.body["message"] == expected
    patch["metadata"]["resourceVersion"] = "1"
    answer = scene.caller.send("PATCH", scene.path(CLAIMS, "a"), patch, content_type=MERGE)
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")


@case("B6-uid-in-a-put")
def test_the_uid_in_a_put_is_a_precondition(scene: Scene) -> None:
    created = scene.create(CONFIG_MAPS, config_map())
    answer = scene.caller.send("PUT", scene.path(CONFIG_MAPS, "a"), config_map(uid=ANOTHER_UID))
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")
    tail = f"Precondition failed: UID in precondition: {ANOTHER_UID}, UID in object meta: {uid(created)}"
    assert answer.body["message"].endswith(tail)


@case("B6-uid-in-a-scale")
def test_the_uid_in_a_scale_is_a_precondition_even_in_a_patch(scene: Scene) -> None:
    scene.create(SETS, without_disks(replicas=0))
    patch = {"metadata": {"uid": ANOTHER_UID}, "spec": {"replicas": 1}}
    answer = scene.caller.send("PATCH", scene.path(SETS, "web", "scale"), patch, content_type=MERGE)
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")
    assert answer.body["message"].startswith('Operation cannot be fulfilled on statefulsets/scale.apps "web": ')


@rules("B6", "method", scale_patch_with_a_string="PATCH", scale_put_with_a_string="PUT")
def test_replicas_are_a_number(scene: Scene, method: str) -> None:
    scene.create(SETS, without_disks(replicas=0))
    body = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}, "spec": {"replicas": "2"}}
    content_type = MERGE if method == "PATCH" else "application/json"
    answer = scene.caller.send(method, scene.path(SETS, "web", "scale"), body, content_type=content_type)
    assert answer.status == (422 if method == "PATCH" else 400), answer.body
    tail = "json: cannot unmarshal string into Go struct field ScaleSpec.spec.replicas of type int32"
    assert answer.body["message"].endswith(tail)


@case("B6-scale-by-json-patch")
def test_replicas_of_zero_can_be_replaced_though_they_are_absent(scene: Scene) -> None:
    scene.create(SETS, without_disks(replicas=0))
    patch = [{"op": "replace", "path": "/spec/replicas", "value": 1}]
    answer = scene.caller.send("PATCH", scene.path(SETS, "web", "scale"), patch, content_type=JSON_PATCH)
    assert answer.status == 200 and answer.body["spec"] == {"replicas": 1}


@case("B6-strategic-finalizers")
def test_a_strategic_patch_puts_new_finalizers_first(scene: Scene) -> None:
    scene.create(CLAIMS, new_claim("a"))
    body = {"metadata": {"finalizers": ["test.example/b", "test.example/a"]}}
    answer = scene.caller.send("PATCH", scene.path(CLAIMS, "a"), body, content_type=STRATEGIC)
    assert answer.body["metadata"]["finalizers"] == ["test.example/b", "test.example/a", "kubernetes.io/pvc-protection"]


@case("B6-apply-of-an-unknown-field")
def test_an_apply_of_an_unknown_field_fails(scene: Scene) -> None:
    scene.create(SETS, without_disks(replicas=0))
    body = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "web", "namespace": scene.namespace},
        "spec": {"frob": 1},
    }
    path = scene.path(SETS, "web") + "?fieldManager=m"
    answer = scene.caller.send("PATCH", path, body, content_type=APPLY)
    what = f"{scene.namespace}/web; apps/v1, Kind=StatefulSet"
    assert answer.status == 500
    assert (
        answer.body["message"]
        == f"failed to create typed patch object ({what}): .spec.frob: field not declared in schema"
    )


@rules(
    "B6",
    "path",
    unknown_resource="/apis/apps/v1/namespaces/x/frobs",
    unknown_version="/apis/apps/v2",
    unknown_version_of_a_resource="/apis/apps/v1beta1/namespaces/x/statefulsets",
    unknown_core_version="/api/v2",
    unknown_subresource="/api/v1/namespaces/x/pods/p/frob",
    subresource_of_another_kind="/api/v1/namespaces/x/configmaps/a/scale",
    namespaced_without_namespace="/api/v1/configmaps/a",
)
def test_nothing_in_a_group_that_is_there_is_a_status(scene: Scene, path: str) -> None:
    """Sample 39 is a group that is not: plain text."""
    answer = scene.caller.send("GET", path)
    assert (answer.status, answer.body["reason"], answer.body["details"]) == (404, "NotFound", {})
    assert answer.body["message"] == "the server could not find the requested resource"


@rules(
    "B6",
    "query",
    match_without_version="resourceVersionMatch=Exact",
    match_of_version_0="resourceVersion=0&resourceVersionMatch=Exact",
    match_unknown="resourceVersion=1&resourceVersionMatch=Foo",
)
def test_a_list_with_a_senseless_match(scene: Scene, query: str) -> None:
    answer = scene.caller.send("GET", f"{scene.path(CONFIG_MAPS)}?{query}")
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert [cause["field"] for cause in answer.body["details"]["causes"]] == ["resourceVersionMatch"]


@case("B6-lease-without-version")
def test_a_lease_is_replaced_only_by_who_saw_it(scene: Scene) -> None:
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}, "spec": {}}
    resource = "leases.coordination.k8s.io"
    created = scene.create(resource, lease)
    answer = scene.caller.send("PUT", scene.path(resource, "l"), lease)
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    cause = "metadata.resourceVersion: Invalid value: 0: must be specified for an update"
    assert answer.body["message"] == f'leases.coordination.k8s.io "l" is invalid: {cause}'
    answer = scene.caller.send("PUT", scene.path(resource, "l"), {**created, "spec": {"holderIdentity": "a"}})
    assert answer.status == 200
    answer = scene.caller.send("PUT", scene.path(resource, "l"), {**created, "spec": {"holderIdentity": "b"}})
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")

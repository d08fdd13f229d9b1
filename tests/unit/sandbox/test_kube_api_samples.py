# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every recorded request of a client, replayed: code, reason, message and the whole body must be the recorded ones.

Compared are complete bodies, managedFields, times and resourceVersions included, but for the uid of new objects and the
diff tails of three messages. sample_claims.py says which module replays which sample.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.samples import SAMPLES, answer_of, load
from tests.unit.sandbox.kube_replay import Replay, latest_time, without_diff, without_uid
from tests.unit.sandbox.sample_claims import API, owner

Obj = dict[str, Any]
State = list[Obj]

FILES = sorted(path.name for path in SAMPLES.iterdir())
MINE = [name for name in FILES if owner(name) == API]


def bound() -> State:
    """The running application of the recordings: web with its pod, claim and volume."""
    return [load(f"00-object-{name}") for name in ("pv-", "pvc-", "sts", "pod")] + [expandable_class()]


def expandable_class() -> Obj:
    return {
        "kind": "StorageClass",
        "apiVersion": "storage.k8s.io/v1",
        "metadata": {"name": "alicloud-disk-essd"},
        "provisioner": "diskplugin.csi.alibabacloud.com",
        "allowVolumeExpansion": True,
    }


def before_delete(beginning: str) -> State:
    """The object of a DELETE's answer, not yet deleted."""
    obj = answer_of(beginning)
    metadata = obj["metadata"]
    del metadata["deletionTimestamp"], metadata["deletionGracePeriodSeconds"]
    if metadata.get("generation"):
        metadata["generation"] -= 1
    if "orphan" in metadata.get("finalizers", []):
        del metadata["finalizers"]
    return [_earlier(obj)]


def before_force_delete(beginning: str) -> State:
    """A pod that waits for the end of its grace."""
    obj = answer_of(beginning)
    obj["metadata"]["deletionGracePeriodSeconds"] = 30
    return [_earlier(obj)]


def before_patch(beginning: str, change: Callable[[Obj], None]) -> State:
    obj = answer_of(beginning)
    change(obj)
    return [_earlier(obj)]


def _earlier(obj: Obj) -> Obj:
    metadata = obj["metadata"]
    metadata["resourceVersion"] = str(int(metadata["resourceVersion"]) - 1)
    return obj


def _owned(obj: Obj, manager: str) -> Obj:
    entry = next(entry for entry in obj["metadata"]["managedFields"] if entry["manager"] == manager)
    return entry["fieldsV1"]


def _policy_was_delete(obj: Obj) -> None:
    obj["spec"]["persistentVolumeReclaimPolicy"] = "Delete"


def _claim_had_uid(obj: Obj) -> None:
    obj["spec"]["claimRef"].update(uid="gone", resourceVersion="1")
    _owned(obj, "python-requests")["f:spec"]["f:claimRef"].update({"f:uid": {}, "f:resourceVersion": {}})


def _had_claim(obj: Obj) -> None:
    obj["spec"]["claimRef"] = {"kind": "PersistentVolumeClaim", "namespace": "default", "name": "www-d19-0"}
    fields = {".": {}, "f:kind": {}, "f:namespace": {}, "f:name": {}}
    _owned(obj, "python-requests")["f:spec"]["f:claimRef"] = fields


def _was_scaled(replicas: int) -> Callable[[Obj], None]:
    """By a PATCH of the scale subresource, which owns replicas then."""

    def change(obj: Obj) -> None:
        obj["spec"]["replicas"] = replicas
        obj["metadata"]["generation"] -= 1
        entry = obj["metadata"]["managedFields"][-1]
        assert entry["fieldsV1"] == {"f:spec": {"f:replicas": {}}}
        entry["subresource"] = "scale"

    return change


def _before_force(obj: Obj) -> None:
    obj["spec"]["replicas"] = 1
    obj["metadata"]["generation"] = 1
    applied, _migrator, status = obj["metadata"]["managedFields"]
    applied["fieldsV1"]["f:spec"]["f:replicas"] = {}
    obj["metadata"]["managedFields"] = [applied, status]


def _one_replica_again(obj: Obj) -> None:
    obj["spec"]["replicas"] = 0


def listed(beginning: str, *more: Obj) -> State:
    """The items of a recorded list, and objects that it did not show."""
    kind = answer_of(beginning)["kind"].removesuffix("List")
    items = [{"kind": kind, "apiVersion": "v1", **item} for item in answer_of(beginning)["items"]]
    return items + list(more)


def volumes(count: int) -> State:
    """Volumes whose names come after the recorded ones."""
    volume = load("00-object-pv-")
    names = [f"z-{number}" for number in range(count)]
    return [{**volume, "metadata": {"name": name, "resourceVersion": "3"}} for name in names]


def terminating(name: str) -> Obj:
    volume = answer_of("54")
    volume["metadata"]["name"] = name
    return volume


def other_pod() -> Obj:
    pod = load("00-object-pod")
    pod["metadata"].update(name="other-0", labels={"app": "other"})
    return pod


STATES: dict[str, Callable[[], State]] = {
    "41": bound,
    **dict.fromkeys(["42", "43", "44"], lambda: [answer_of("41")]),
    "51": lambda: before_patch("51", _policy_was_delete),
    "55": lambda: [answer_of("54")],
    "54": lambda: [load("53-object")],
    **dict.fromkeys(["56", "57", "58"], lambda: [answer_of("56")]),
    **dict.fromkeys(["59", "60", "62", "63", "74", "76", "93", "96", "83", "28", "89", "95"], list),
    "64": lambda: before_patch("64", _was_scaled(0)),
    "71": lambda: [answer_of("70")],
    "75": lambda: before_patch("75", _claim_had_uid),
    "77": lambda: before_patch("77", _had_claim),
    **{number: (lambda number=number: before_delete(number)) for number in ("52", "70", "72", "81")},
    **{number: (lambda number=number: before_force_delete(number)) for number in ("82", "a2")},
    "84": lambda: [answer_of("83")],
    "85": lambda: before_patch("85", _before_force),
    **dict.fromkeys(["86", "87", "90"], lambda: [answer_of("85")]),
    "88": lambda: before_patch("85", _one_replica_again),
    "91": lambda: before_patch("91", _was_scaled(1)),
    "92": lambda: [answer_of("91")],
    "94": lambda: [answer_of("93")],
    "97": lambda: [answer_of("96")],
    "98": lambda: listed("98", *volumes(20)),
    "99": lambda: listed("99", other_pod()),
    "a1": lambda: [terminating(load("a1")["request"]["body"]["metadata"]["name"])],
    "c0": lambda: volumes(1),
    "c1": list,
    "c2": lambda: listed("c2", *volumes(35)),
}


def number_of(file_name: str) -> str:
    return file_name.partition("-")[0]


def replay_of(file_name: str) -> tuple[Replay, Obj]:
    """An Api in the state in which the sample was recorded, and the sample."""
    sample = load(file_name.removesuffix(".json"))
    body = sample["response"]["body"]
    replay = Replay()
    replay.place(*copy.deepcopy(STATES.get(number_of(file_name), bound)()))
    metadata = body.get("metadata", {})
    writes = sample["request"]["method"] != "GET"
    if metadata.get("resourceVersion"):
        replay.advance(int(metadata["resourceVersion"]) - writes)
    if latest_time(metadata):
        replay.at(latest_time(metadata))
    return replay, sample


@pytest.mark.parametrize("file_name", [name for name in MINE if not name.startswith(("a0-", "c1-"))])
def test_the_answer_is_the_recorded_one(file_name: str) -> None:
    replay, sample = replay_of(file_name)
    before = {key: replay.api.store.records(key) for key in replay.api.store}
    code, body = replay.send(sample["request"])
    expected = sample["response"]
    assert without_uid(without_diff(body)) == without_uid(without_diff(expected["body"]))
    assert code == expected["status"]
    if code >= 400 or "dryRun" in sample["request"]["path"]:
        assert {key: replay.api.store.records(key) for key in before} == before, "nothing may have been stored"


@pytest.mark.parametrize("number", ["11", "14", "15", "17", "21"])
def test_a_message_about_immutable_fields_ends_in_a_diff(number: str) -> None:
    (file_name,) = (name for name in MINE if name.startswith(f"{number}-"))
    replay, sample = replay_of(file_name)
    _code, body = replay.send(sample["request"])
    recorded = [line for line in sample["response"]["body"]["message"].splitlines() if line[:1] in "+-"]
    assert [line for line in body["message"].splitlines() if line[:1] in "+-"] == recorded


def test_a_future_version_is_too_large() -> None:
    """c1"""
    replay, sample = Replay(), load("c1-")
    replay.advance(1378)
    assert replay.send(sample["request"]) == (504, sample["response"]["body"])


def test_node_affinity_stays_immutable_without_the_alpha_gate() -> None:
    """a0 was recorded with MutablePVNodeAffinity on. It is off by default, and so it is here: B1 says why it does not
    matter."""
    sample = load("a0-")
    replay = Replay()
    volume = sample["response"]["body"]
    (term,) = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    term["matchExpressions"][0]["values"] = ["cn-beijing-j"]
    replay.place(volume)
    code, body = replay.send(sample["request"])
    assert code == 422
    assert "nodeAffinity: Invalid value" in body["message"]


def test_the_warning_about_an_unknown_field_is_the_recorded_one() -> None:
    """35"""
    replay, sample = replay_of("35-unknownfield-warn-dryrun.json")
    replay.send(sample["request"])
    headers = [f'299 - "{text}"' for text in (warning.replace('"', '\\"') for warning in replay.warnings)]
    assert headers == [sample["response"]["headers"]["Warning"]]


@pytest.mark.parametrize("file_name", FILES)
def test_every_sample_has_an_owner(file_name: str) -> None:
    module = owner(file_name)
    assert module, f"no test module claims {file_name}: add it to sample_claims.py"
    assert (SAMPLES.parents[1] / "unit" / "sandbox" / f"{module}.py").is_file()

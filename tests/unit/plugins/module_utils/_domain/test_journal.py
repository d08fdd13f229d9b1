# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal: everything that going back needs survives the cluster, and what cannot be read says so (S9)."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import random
import uuid
from typing import Any

import pytest
from ansible_collections.zoneshift.ack.plugins.module_utils._domain import journal as journals
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.journal import Journal, UnreadableJournal
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.objects import Obj

from tests.unit.plugins.module_utils._domain.worlds import (
    NAMESPACE,
    RUN_ID,
    ZONE_J,
    ZONE_K,
    make_claim,
    make_pv,
    make_sts,
    moved,
    open_journal,
    plan_for,
    world_of,
)

MIB = 1024 * 1024


def through_the_cluster(journal: Journal) -> Journal:
    """Written and read as the API server stores it."""
    return journals.decode(json.loads(json.dumps(journals.encode(journal, NAMESPACE))))


def test_a_journal_comes_back_as_it_went() -> None:
    journal = open_journal()
    journal["message"] = "schn\u00f6rkel \u2192 \u4e2d\u6587"
    assert through_the_cluster(journal) == journal


def test_a_new_journal_says_where_it_stands() -> None:
    journal = open_journal()
    assert journals.is_open(journal)
    assert (journal["version"], journal["run_id"], journal["phase"], journal["ready_on_target"]) == (
        1,
        RUN_ID,
        "plan",
        False,
    )
    assert (journal["opened"], journal["closed"], journal["message"]) == ("2026-11-22T22:00:00Z", "", "")


def test_people_and_selectors_see_the_run_without_unpacking() -> None:
    stored = journals.encode(open_journal(ZONE_J, ZONE_K), NAMESPACE)
    assert stored["metadata"] == {
        "name": "zoneshift-run-1",
        "namespace": "default",
        "labels": {
            "app.kubernetes.io/managed-by": "zoneshift",
            "zoneshift.io/run": "run-1",
            "zoneshift.io/sts": "web",
        },
    }
    assert stored["data"] == {
        "state": "open",
        "phase": "plan",
        "opened": "2026-11-22T22:00:00Z",
        "message": "",
        "target_zones": f"{ZONE_J},{ZONE_K}",
    }


def test_the_same_journal_is_the_same_document() -> None:
    """An update that changes nothing must change nothing."""
    journal = open_journal()
    assert journals.encode(journal, NAMESPACE) == journals.encode(copy.deepcopy(journal), NAMESPACE)


def test_originals_are_whole_but_for_managed_fields() -> None:
    claim = make_claim()
    pv = make_pv(claim)
    before = copy.deepcopy((claim, pv))
    journal = journals.begin(plan_for(world_of(make_sts(1))).as_dict(), [claim], [pv], "2026-11-22T22:00:00Z")
    (kept_claim, kept_pv) = journals.originals(through_the_cluster(journal))["www-web-0"]
    for original, kept in ((claim, kept_claim), (pv, kept_pv)):
        del original["metadata"]["managedFields"]
        assert kept == original
    assert "managedFields" in before[0]["metadata"], "what is given in is left alone"


def test_originals_go_by_claim_with_the_pv_that_it_was_on() -> None:
    found = journals.originals(open_journal())
    assert {name: pv["spec"]["csi"]["volumeHandle"] for name, (_claim, pv) in found.items()} == {
        "www-web-0": "d-www-web-0",
        "www-web-1": "d-www-web-1",
    }


@pytest.mark.parametrize(("policy", "wanted"), [("Delete", "Delete"), ("Retain", "Retain"), (None, "Retain")])
def test_the_policy_that_the_source_had(policy: str | None, wanted: str) -> None:
    journal = open_journal()
    spec = journal["originals"]["pvs"]["d-www-web-0"]["spec"]
    spec.pop("persistentVolumeReclaimPolicy")
    if policy:
        spec["persistentVolumeReclaimPolicy"] = policy
    assert journals.original_policy(journal, moved()) == wanted


def test_an_unknown_source_is_treated_as_retain() -> None:
    assert journals.original_policy(open_journal(), moved(source_pv="never-seen")) == "Retain"


def test_what_a_module_made_is_added_and_nothing_is_wiped() -> None:
    """A module that knows less than the journal must not make it forget."""
    journal = open_journal()
    journals.note_volumes(journal, [moved(snapshot_id="s-1")], ("snapshot_id",))
    journals.note_volumes(journal, [moved(snapshot_id="", disk_id="d-1", size_gib=40)], ("snapshot_id", "disk_id"))
    (first, second) = journals.volumes(through_the_cluster(journal))
    assert (first.claim, first.snapshot_id, first.disk_id, first.size_gib) == ("www-web-0", "s-1", "d-1", 20)
    assert (second.claim, second.snapshot_id, second.disk_id) == ("www-web-1", "", "")


def test_a_volume_that_the_plan_did_not_know_is_noted() -> None:
    journal = open_journal()
    journals.note_volumes(journal, [moved("log-web-0")], ("disk_id",))
    assert journals.volumes(journal)[-1].disk_id == "d-new-log-web-0"


def test_volumes_come_in_the_order_of_the_plan() -> None:
    journal = open_journal(replicas=12)
    assert [v.ordinal for v in journals.volumes(through_the_cluster(journal))] == list(range(12))


@pytest.mark.parametrize("state", journals.RESULTS)
def test_a_closed_run_is_not_open(state: str) -> None:
    assert not journals.is_open({**open_journal(), "state": state})


def packed(document: bytes) -> str:
    return base64.b64encode(document).decode()


WHOLE = gzip.compress(json.dumps({"version": 1}).encode())
DAMAGED: dict[str, dict[str, Any]] = {
    "no binaryData": {"binaryData": None},
    "another key": {"binaryData": {"other": ""}},
    "no base64": {"binaryData": {"journal.json.gz": "x"}},
    "no gzip": {"binaryData": {"journal.json.gz": packed(b"plain")}},
    "empty": {"binaryData": {"journal.json.gz": ""}},
    "null": {"binaryData": {"journal.json.gz": None}},
    "cut off": {"binaryData": {"journal.json.gz": packed(WHOLE[:-6])}},
    "flipped byte": {"binaryData": {"journal.json.gz": packed(WHOLE[:12] + b"\xff\xff" + WHOLE[14:])}},
    "no JSON": {"binaryData": {"journal.json.gz": packed(gzip.compress(b"{"))}},
    "no text": {"binaryData": {"journal.json.gz": packed(gzip.compress(b"\xff\xfe\x00"))}},
    "no object": {"binaryData": {"journal.json.gz": packed(gzip.compress(b"[]"))}},
}


@pytest.mark.parametrize("change", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_journal_is_named(change: dict[str, Any]) -> None:
    stored: Obj = {**journals.encode(open_journal(), NAMESPACE), **change}
    with pytest.raises(UnreadableJournal, match="ConfigMap default/zoneshift-run-1 holds no readable journal"):
        journals.decode(stored)


def test_a_config_map_without_anything_is_named() -> None:
    with pytest.raises(UnreadableJournal, match="ConfigMap /x"):
        journals.decode({"metadata": {"name": "x"}})


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_a_journal_of_another_version_is_refused(version: object) -> None:
    """Half-understood it would send a claim to the wrong disk."""
    stored = journals.encode({**open_journal(), "version": version}, NAMESPACE)
    with pytest.raises(UnreadableJournal, match=f"version {version}, this is version 1"):
        journals.decode(stored)


def large_journal(claims: int) -> Journal:
    """A run of one set with this many claims, every id as random as in a cluster, at the end of the run."""
    chance = random.Random(3)

    def some_uid() -> str:
        return str(uuid.UUID(int=chance.getrandbits(128), version=4))

    def some_id(prefix: str) -> str:
        return prefix + "".join(chance.choices("0123456789abcdefghijklmnopqrstuvwxyz", k=20))

    seen = world_of(make_sts(claims))
    planned = plan_for(seen).as_dict()
    for claim in seen.claims.values():
        pv = seen.pvs[claim["spec"]["volumeName"]]
        claim["metadata"].update(uid=some_uid(), resourceVersion=str(chance.getrandbits(32)))
        pv["metadata"].update(uid=some_uid(), resourceVersion=str(chance.getrandbits(32)))
        pv["spec"]["claimRef"]["uid"] = claim["metadata"]["uid"]
        pv["spec"]["csi"]["volumeHandle"] = some_id("d-2ze")
    journal = journals.begin(planned, list(seen.claims.values()), list(seen.pvs.values()), "2026-11-22T22:00:00Z")
    made = [
        moved(
            v.claim, claim_uid=some_uid(), snapshot_id=some_id("s-2ze"), disk_id=some_id("d-2ze"), pv=some_id("d-2ze")
        )
        for v in journals.volumes(journal)
    ]
    journals.note_volumes(journal, made, ("snapshot_id", "disk_id", "pv"))
    return journal


def test_a_thousand_claims_fit_a_config_map() -> None:
    journal = large_journal(1000)
    stored = journals.encode(journal, NAMESPACE)
    assert len(json.dumps(stored)) < MIB / 2, "no more than half of what a ConfigMap holds"
    assert journals.decode(stored) == journal


def test_a_journal_that_outgrows_a_config_map_is_refused_before_it_is_written() -> None:
    journal = open_journal()
    journal["message"] = random.Random(4).randbytes(MIB).hex()
    with pytest.raises(ValueError, match=r"run-1 needs \d+ bytes"):
        journals.encode(journal, NAMESPACE)

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Going back from every place where a run can stop: what must be put where, and whether writes are at stake."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from ansible_collections.zoneshift.ack.plugins.module_utils._domain import journal as journals
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.goback import go_back
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.journal import Journal
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.model import Volume
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.objects import Obj

from tests.unit.plugins.module_utils._domain.worlds import (
    ZONE_I,
    ZONE_K,
    make_claim,
    make_pod,
    make_pv,
    moved,
    open_journal,
)

NAMES = ("www-web-0", "www-web-1")


class Objects(NamedTuple):
    """What is there of a volume."""

    claim: Obj | None
    pv: Obj | None


def on_source(name: str) -> Objects:
    claim = make_claim(name)
    return Objects(claim, make_pv(claim))


def held(name: str) -> Objects:
    claim, pv = on_source(name)
    assert claim is not None
    claim["metadata"].update(deletionTimestamp="2026-11-22T22:00:00Z", finalizers=["zoneshift.io/hold"])
    return Objects(claim, pv)


def absent(name: str) -> Objects:
    return Objects(None, on_source(name).pv)


def unbound(name: str) -> Objects:
    """Made by the controller from its template, not bound yet."""
    claim = make_claim(name, pv="")
    claim["status"] = {"phase": "Pending"}
    return Objects(claim, None)


def on_target(name: str) -> Objects:
    claim = make_claim(name, pv=f"d-new-{name}")
    return Objects(claim, make_pv(claim, zone=ZONE_K))


def on_fresh_source_pv(name: str) -> Objects:
    """Where a rollback leaves it: a new PV object on the old disk."""
    claim = make_claim(name, pv=f"d-{name}-2")
    return Objects(claim, make_pv(claim, disk_id=f"d-{name}"))


def journal_in(phase: str, *, ready: bool = False) -> Journal:
    """The journal of a run that stopped in this phase: what it made by then is noted."""
    journal = open_journal()
    journal.update(phase=phase, ready_on_target=ready)
    made = [moved(name) for name in NAMES]
    if phase not in ("plan", "guard", "quiesce"):
        journals.note_volumes(journal, made, ("snapshot_id",))
    if phase not in ("plan", "guard", "quiesce", "snapshot"):
        journals.note_volumes(journal, made, ("disk_id",))
    if phase in ("restore", "verify", "close"):
        journals.note_volumes(journal, [moved(name, pv=f"d-new-{name}") for name in NAMES], ("pv",))
    return journals.decode(json.loads(json.dumps(journals.encode(journal, "default"))))


def back_from(journal: Journal, *places: Callable[[str], Objects], pods: tuple[Obj, ...] = ()) -> dict[str, Any]:
    found = [place(name) for place, name in zip(places, NAMES, strict=True)]
    claims = {claim["metadata"]["name"]: claim for claim, _pv in found if claim}
    pvs = {pv["metadata"]["name"]: pv for _claim, pv in found if pv}
    return go_back(journal, claims, pvs, list(pods))


STOPS = [
    ("plan", (on_source, on_source), False, False),
    ("guard", (on_source, on_source), False, False),
    ("quiesce", (on_source, on_source), False, False),
    ("quiesce", (held, on_source), False, True),
    ("snapshot", (held, held), False, True),
    ("disks", (held, held), False, True),
    ("rebind", (absent, held), False, True),
    ("rebind", (unbound, on_target), False, True),
    ("rebind", (on_target, on_source), False, True),
    ("restore", (on_target, on_target), False, True),
    ("restore", (on_target, on_target), True, True),
    ("verify", (on_target, on_target), True, True),
    ("rollback", (on_fresh_source_pv, on_target), False, True),
    ("rollback", (on_fresh_source_pv, on_fresh_source_pv), False, False),
]


@pytest.mark.parametrize(
    ("phase", "places", "ready", "stop"),
    STOPS,
    ids=[f"{phase}-{'-'.join(p.__name__ for p in places)}{'-ready' * ready}" for phase, places, ready, _stop in STOPS],
)
def test_from_wherever_a_run_stopped(phase: str, places: tuple[Any, ...], ready: bool, stop: bool) -> None:
    """Replicas are stopped only where a claim must move; the way back is the same from everywhere."""
    back = back_from(journal_in(phase, ready=ready), *places)
    assert back["stop"] is stop
    assert back["loses_writes"] is ready
    assert [(v["claim"], v["disk_id"], v["zone"], v["reclaim_policy"], v["pv"]) for v in back["guarded"]] == [
        (name, f"d-{name}", ZONE_I, "Retain", "") for name in NAMES
    ]
    assert [(v["claim"], v["disk_id"], v["reclaim_policy"]) for v in back["restored"]] == [
        (name, f"d-{name}", "Delete") for name in NAMES
    ]


@pytest.mark.parametrize(
    ("phase", "snapshot", "disk", "pv"),
    [
        ("quiesce", "", "", ""),
        ("snapshot", "s-www-web-0", "", ""),
        ("disks", "s-www-web-0", "d-new-www-web-0", ""),
        ("verify", "s-www-web-0", "d-new-www-web-0", "d-new-www-web-0"),
    ],
)
def test_what_the_run_made_by_then_is_known(phase: str, snapshot: str, disk: str, pv: str) -> None:
    """What is not known cannot be cleaned up and costs money for ever."""
    target = Volume.from_dict(back_from(journal_in(phase), held, held)["targets"][0])
    assert (target.snapshot_id, target.disk_id, target.pv, target.zone) == (snapshot, disk, pv, ZONE_K)


@pytest.mark.parametrize("policy", ["Delete", "Retain"])
def test_each_claim_ends_with_the_policy_that_it_had(policy: str) -> None:
    journal = journal_in("verify")
    journal["originals"]["pvs"]["d-www-web-1"]["spec"]["persistentVolumeReclaimPolicy"] = policy
    back = back_from(journal, on_target, on_target)
    assert [v["reclaim_policy"] for v in back["restored"]] == ["Delete", policy]
    assert [v["reclaim_policy"] for v in back["finalized"]] == ["Delete", policy]
    assert [v["reclaim_policy"] for v in back["targets"]] == ["Retain", "Retain"], "until it is finalized"
    assert [v["disk_id"] for v in back["finalized"]] == [f"d-new-{name}" for name in NAMES]


def test_a_claim_that_stayed_is_left_alone() -> None:
    journal = journal_in("restore")
    journal["plan"]["moves"] = journal["plan"]["moves"][:1]
    del journal["volumes"]["www-web-1"]
    back = back_from(journal, on_source, on_source)
    assert back["stop"] is False
    assert {v["claim"] for key in ("guarded", "restored", "targets", "finalized") for v in back[key]} == {"www-web-0"}


def test_the_answer_is_json() -> None:
    back = back_from(journal_in("verify"), on_target, on_target)
    assert json.loads(json.dumps(back)) == back


def ready_pod(claim: str) -> Obj:
    pod = make_pod(f"pod-of-{claim}", (claim,))
    pod["status"] = {**pod.get("status", {}), "conditions": [{"type": "Ready", "status": "True"}]}
    return pod


def test_a_pod_that_is_ready_on_a_target_disk_counts_though_no_entry_says_so() -> None:
    """Whoever started it: an autoscaler in the middle of the swap, or a run that died before it could write it down."""
    back = back_from(journal_in("disks"), on_target, held, pods=(ready_pod(NAMES[0]),))
    assert back["loses_writes"] is True
    assert back["arrived"] is False


def test_a_pod_that_is_ready_on_a_source_disk_is_not_at_stake() -> None:
    back = back_from(journal_in("disks"), on_source, held, pods=(ready_pod(NAMES[0]),))
    assert back["loses_writes"] is False
    assert back["on_source"] == list(NAMES)


def test_a_run_has_arrived_when_every_claim_serves_on_its_target_disk() -> None:
    pods = tuple(ready_pod(name) for name in NAMES)
    assert back_from(journal_in("restore"), on_target, on_target, pods=pods)["arrived"] is True
    assert back_from(journal_in("restore"), on_target, on_target, pods=pods[:1])["arrived"] is False
    assert back_from(journal_in("restore"), on_target, on_target)["on_source"] == []

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One swap in a small cluster with everything that may happen in between, and what must hold at every moment."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

from ansible_collections.zoneshift.ack.plugins.module_utils._domain import manifests, objects
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.binding import Action, Step, Swap, next_step
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.model import Volume
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.objects import Obj

from tests.unit.plugins.module_utils._domain.cluster import (
    CLAIM,
    EMPTY_DISK,
    SOURCE_DISK,
    TARGET_DISK,
    Cluster,
    Refusal,
)
from tests.unit.plugins.module_utils._domain.worlds import RUN_ID, ZONE_I, ZONE_K

_AT_TARGET = Volume(
    claim=CLAIM,
    source_disk_id=SOURCE_DISK,
    source_zone=ZONE_I,
    source_pv=SOURCE_DISK,
    zone=ZONE_K,
    disk_id=TARGET_DISK,
    size_gib=20,
)
FORWARD, BACK = "forward", "back"
WANTED = {FORWARD: _AT_TARGET, BACK: _AT_TARGET.at_source("Delete")}
_BEFORE = Cluster.with_bound_claim()
assert _BEFORE.claim is not None
ORIGINAL_CLAIM, ORIGINAL_PV = _BEFORE.claim, _BEFORE.pvs[SOURCE_DISK]

Move = tuple[str, Callable[["Trial"], None]]


@dataclasses.dataclass
class Trial:
    """A cluster, the direction of the run, the step that was decided but not yet done, and what others may still do."""

    cluster: Cluster
    direction: str
    recreations: int = 0
    turns: int = 0
    pods: int = 0
    decided: Step | None = None
    guarded: bool = True
    """Whether the claim must not be absent or unbound without a PV that waits for it."""
    looks_twice: bool = False
    """PVs and claim are read in two calls, as _k8s/rebind.py does, and the world moves on in between."""
    pvs_seen: dict[str, Obj] | None = None

    def copy(self) -> Trial:
        return dataclasses.replace(self, cluster=self.cluster.copy())

    def key(self) -> str:
        step = self.decided
        decided = (step.action.name, step.name, step.uid, step.body) if step else None
        others = (self.direction, self.recreations, self.turns, self.pods, self.guarded)
        return json.dumps([self.cluster.state, others, decided, self.pvs_seen], sort_keys=True)

    def next(self) -> Step:
        cluster = self.cluster
        swap = Swap(WANTED[self.direction], ORIGINAL_CLAIM, ORIGINAL_PV, RUN_ID)
        pvs = cluster.pvs
        if self.pvs_seen is not None:
            bound = objects.volume_name(cluster.claim) if cluster.claim else ""
            pvs = {**({bound: pvs[bound]} if bound in pvs else {}), **self.pvs_seen}
        return next_step(swap, cluster.claim, list(pvs.values()), list(cluster.pods))

    # The moves of the run: deciding and doing are two moments; whatever happens between them, it decides afresh next.

    def look(self) -> None:
        self.pvs_seen = self.cluster.copy().pvs

    def decide(self) -> None:
        """The run may stop for a pod that uses the claim, and for nothing else that happens in these histories."""
        step = self.next()
        self.pvs_seen = None
        assert step.action is not Action.REFUSE or self.cluster.pods, f"the run stopped: {step.reason}"
        assert step.action is not Action.DELETE_CLAIM or not self.cluster.pods, "a mounted claim is to be deleted"
        self.decided = None if step.action in (Action.WAIT, Action.DONE, Action.REFUSE) else step

    def act(self) -> None:
        step, self.decided = self.decided, None
        assert step is not None
        self._assert_harmless(step)
        try:
            self.cluster.carry_out(step)
        except Refusal:
            return
        self.guarded = self.guarded or step.action is Action.RESERVE

    def crash(self) -> None:
        self.decided = self.pvs_seen = None

    def _assert_harmless(self, step: Step) -> None:
        """S2 and the hold: what is deleted says Retain, and a PV waits for the successor of what is let go."""
        cluster, claim = self.cluster, self.cluster.claim
        if step.action in (Action.DELETE_CLAIM, Action.RELEASE) and claim and objects.uid(claim) == step.uid:
            pv = cluster.pvs.get(objects.volume_name(claim))
            assert pv is None or objects.reclaim_policy(pv) == "Retain", f"{step.action} under Delete"
            assert any(not objects.claim_ref(waiting)[2] for waiting in cluster.waiting_pvs()), "nothing is reserved"
        if step.action is Action.DROP_PV and step.name in cluster.pvs:
            assert objects.reclaim_policy(cluster.pvs[step.name]) == "Retain", "a PV is dropped under Delete"
        if step.action is Action.DELETE_CLAIM:
            assert step.uid, "a delete without uid may hit the successor"

    # The moves of others.

    def moves(self) -> list[Move]:
        """Everything that could happen next, by name."""
        cluster = self.cluster
        run: list[Move] = [("decide", Trial.decide)]
        if self.decided:
            run = [("act", Trial.act), ("crash", Trial.crash)]
        elif self.looks_twice and self.pvs_seen is None:
            run = [("look", Trial.look)]
        controllers: list[Move] = [(name, _controller(name)) for name, _act in cluster.moves()]
        others: list[Move] = []
        if cluster.claim is None and self.recreations:
            others.append(("controller makes the claim", Trial.recreate))
        if self.turns:
            others.append(("the user turns round", Trial.turn))
        if self.pods and cluster.claim and objects.phase(cluster.claim) == "Bound":
            others.append(("a pod starts", Trial.start_pod))
        if cluster.pods:
            others.append(("the pod stops", lambda trial: trial.cluster.pods.clear()))
        return run + controllers + others

    def recreate(self) -> None:
        self.recreations -= 1
        self.cluster.recreate_from_template()

    def turn(self) -> None:
        self.turns -= 1
        self.crash()
        self.direction = BACK if self.direction == FORWARD else FORWARD

    def start_pod(self) -> None:
        self.pods -= 1
        claim = self.cluster.claim
        if claim and not objects.is_terminating(claim):
            self.cluster.pods.append("web-0")

    # What must hold.

    def assert_safe(self) -> None:
        """At every moment: no disk lost, no empty disk, and no claim missing without a PV that waits for it."""
        cluster, claim = self.cluster, self.cluster.claim
        assert cluster.state["lost_disks"] == [], "a disk was lost"
        if not self.guarded:
            return
        assert EMPTY_DISK not in dict(cluster.moves()), "the claim is about to get an empty disk"
        if claim is None:
            waiting = [pv for pv in cluster.waiting_pvs() if objects.disk_of(pv) in (SOURCE_DISK, TARGET_DISK)]
            assert waiting, "the claim is absent and no PV is reserved for it"

    def assert_done(self) -> None:
        """At the end: on the wanted disk alone, and as the user described it."""
        wanted, claim = WANTED[self.direction], self.cluster.claim
        assert claim is not None and not objects.is_terminating(claim)
        (pv,) = self.cluster.pvs_on(wanted.disk_id)
        assert objects.is_bound_to(claim, pv)
        assert objects.reclaim_policy(pv) == wanted.reclaim_policy
        assert objects.zone_of(pv) == wanted.zone
        assert objects.labels_of(ORIGINAL_CLAIM).items() <= objects.labels_of(claim).items()
        notes = manifests.user_annotations(ORIGINAL_CLAIM)
        assert notes == {"example.com/owner": "team-a"} and notes.items() <= objects.annotations_of(claim).items()
        assert claim["spec"]["resources"] == ORIGINAL_CLAIM["spec"]["resources"]
        assert "volume.kubernetes.io/selected-node" not in objects.annotations_of(claim) or wanted.zone == ZONE_I


def _controller(name: str) -> Callable[[Trial], None]:
    """The controllers' move of this name, on whichever copy of the cluster it is made."""
    return lambda trial: dict(trial.cluster.moves())[name]()


# How a run may find the claim.


def bound(policy: str = "Delete") -> Trial:
    return Trial(Cluster.with_bound_claim(policy), FORWARD)


def held() -> Trial:
    trial = bound("Retain")
    trial.cluster.hold()
    return trial


def deleted_in_use() -> Trial:
    """Somebody deleted it while its pod runs: it goes when the pod goes, whether or not we are ready."""
    trial = held()
    claim = trial.cluster.claim
    assert claim is not None
    claim["metadata"]["finalizers"].remove("zoneshift.io/hold")
    trial.cluster.pods.append("web-0")
    trial.guarded = False
    return trial


def gone() -> Trial:
    """It is gone, and its PV is Released or about to be."""
    trial = bound("Retain")
    trial.cluster.state["claim"] = None
    trial.guarded = False
    return trial


def lost() -> Trial:
    """Somebody took the finalizers off its PV and deleted it: the claim is Lost for ever, its disk is not."""
    trial = bound("Retain")
    claim = trial.cluster.claim
    assert claim is not None
    claim["status"]["phase"] = "Lost"
    trial.cluster.pvs.clear()
    return trial


STARTS: dict[str, Callable[[], Trial]] = {
    "bound, policy Delete": bound,
    "bound, policy Retain": lambda: bound("Retain"),
    "held": held,
    "deleted in use": deleted_in_use,
    "gone": gone,
    "Lost": lost,
}

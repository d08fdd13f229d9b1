# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster with one claim, small enough to try everything that can happen to it.

It keeps the rules of kubernetes-behaviour.md B3-B5 as far as they touch a claim swap, each as one separate move, in any
order: PV first and claim second when binding, Released for a claim that is gone, the disk lost under Delete,
finalizers, and the StatefulSet controller that makes a missing claim from its template whenever it likes. The state is
one JSON document, so that it can be copied, compared and counted.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

from ansible_collections.zoneshift.ack.plugins.module_utils._domain import ids, objects
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.binding import Action, Step
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.objects import Obj

from tests.unit.plugins.module_utils._domain.worlds import NAMESPACE, make_claim, make_pv

CLAIM = "www-web-0"
SOURCE_DISK, TARGET_DISK = "d-source", "d-target"
TEMPLATE_SIZE = "10Gi"
PROTECTION = "kubernetes.io/pvc-protection"
EMPTY_DISK = "provision an empty disk"
NOW = "2026-11-22T22:00:00Z"


class Refusal(Exception):
    """The API server said no: not found, exists already, or a precondition failed."""


class Cluster:
    """One claim, the PVs around it, the pods that mount it, and the disks that were lost."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    @classmethod
    def with_bound_claim(cls, policy: str = "Delete") -> Cluster:
        """The claim as a run finds it: bound to the source disk, larger and better described than its template."""
        claim = make_claim(CLAIM, pv=SOURCE_DISK)
        claim["metadata"]["labels"]["tier"] = "gold"
        claim["metadata"]["annotations"]["example.com/owner"] = "team-a"
        pv = make_pv(claim)
        pv["spec"]["persistentVolumeReclaimPolicy"] = policy
        known = {"claim": _bare(claim), "pvs": {SOURCE_DISK: _bare(pv)}}
        return cls({**known, "pods": [], "lost_disks": [], "empty_disks": 0, "made": 0})

    def copy(self) -> Cluster:
        return Cluster(json.loads(self.key()))

    def key(self) -> str:
        return json.dumps(self.state, sort_keys=True)

    @property
    def claim(self) -> Obj | None:
        found: Obj | None = self.state["claim"]
        return found

    @property
    def pvs(self) -> dict[str, Obj]:
        found: dict[str, Obj] = self.state["pvs"]
        return found

    @property
    def pods(self) -> list[str]:
        found: list[str] = self.state["pods"]
        return found

    def pvs_on(self, disk_id: str) -> list[Obj]:
        return [pv for pv in self.pvs.values() if objects.disk_of(pv) == disk_id]

    def waiting_pvs(self) -> list[Obj]:
        """PVs that whichever claim comes next under this name binds to, or that the present one is about to get."""
        uids = ("", objects.uid(self.claim)) if self.claim else ("",)
        place = (NAMESPACE, CLAIM)
        return [
            pv
            for pv in self.pvs.values()
            if objects.claim_ref(pv)[:2] == place
            and objects.claim_ref(pv)[2] in uids
            and objects.reclaim_policy(pv) == "Retain"
            and not objects.is_terminating(pv)
        ]

    # What a client may ask for.

    def carry_out(self, step: Step) -> None:
        """A step of the swap as _k8s/rebind.py sends it. Raises Refusal."""
        if step.action in (Action.RETAIN_PV, Action.SET_POLICY):
            policy = {"spec": {"persistentVolumeReclaimPolicy": "Retain"}}
            _merge(self._pv(step.name, step.uid), policy if step.action is Action.RETAIN_PV else step.body)
        elif step.action is Action.RESERVE:
            self._create_pv(step.body)
        elif step.action is Action.DELETE_CLAIM:
            self._live_claim(step.uid)["metadata"].setdefault("deletionTimestamp", NOW)
        elif step.action is Action.RELEASE:
            self._live_claim(step.uid)["metadata"]["finalizers"].remove(ids.HOLD_FINALIZER)
            self._forget_claim_without_finalizers()
        elif step.action is Action.CREATE_CLAIM:
            self._create_claim(step.body)
        elif step.action is Action.AMEND_CLAIM:
            _merge(self._live_claim(), step.body)
        elif step.action is Action.DROP_PV:
            self._pv(step.name, step.uid)["metadata"].setdefault("deletionTimestamp", NOW)

    def hold(self) -> None:
        """Our finalizer on, then delete (DESIGN section 3)."""
        claim = self._live_claim()
        claim["metadata"]["finalizers"].append(ids.HOLD_FINALIZER)
        claim["metadata"]["deletionTimestamp"] = NOW

    def _pv(self, name: str, uid: str) -> Obj:
        if name not in self.pvs or objects.uid(self.pvs[name]) != uid:
            raise Refusal(f"no PV {name} with uid {uid}")
        return self.pvs[name]

    def _live_claim(self, uid: str = "") -> Obj:
        if self.claim is None or uid not in ("", objects.uid(self.claim)):
            raise Refusal(f"no claim with uid {uid}")
        return self.claim

    def _create_pv(self, body: Obj) -> None:
        if objects.name(body) in self.pvs:
            raise Refusal(f"PV {objects.name(body)} exists")
        pv: Obj = json.loads(json.dumps(body))
        pv["metadata"].update(uid=self._new_uid(), finalizers=["kubernetes.io/pv-protection"])
        pv["status"] = {"phase": "Pending"}
        self.pvs[objects.name(pv)] = pv

    def _create_claim(self, body: Obj) -> None:
        if self.claim is not None:
            raise Refusal("the claim exists")
        claim: Obj = json.loads(json.dumps(body))
        claim["metadata"].update(uid=self._new_uid(), finalizers=[PROTECTION])
        claim["status"] = {"phase": "Pending"}
        self.state["claim"] = claim

    def _new_uid(self) -> str:
        self.state["made"] += 1
        return f"uid-{self.state['made']}"

    def _forget_claim_without_finalizers(self) -> None:
        if self.claim and objects.is_terminating(self.claim) and not self.claim["metadata"]["finalizers"]:
            self.state["claim"] = None

    # What the control plane does by itself.

    def moves(self) -> list[tuple[str, Callable[[], None]]]:
        """Everything that the controllers could do next."""
        claim = self.claim
        found: list[tuple[str, Callable[[], None]]] = []
        if claim and objects.is_terminating(claim) and PROTECTION in claim["metadata"]["finalizers"] and not self.pods:
            found.append(("unprotect claim", self._unprotect))
        found += [(f"{what} {name}", act) for name in self.pvs for what, act in self._moves_of_pv(name)]
        if claim and objects.phase(claim) == "Pending":
            found += self._binding_moves(claim)
        return found

    def _unprotect(self) -> None:
        self._live_claim()["metadata"]["finalizers"].remove(PROTECTION)
        self._forget_claim_without_finalizers()

    def _moves_of_pv(self, name: str) -> list[tuple[str, Callable[[], None]]]:
        pv = self.pvs[name]
        namespace, claim, uid = objects.claim_ref(pv)
        orphaned = bool(uid) and not (self.claim and objects.uid(self.claim) == uid)
        phase = objects.phase(pv)
        if orphaned and phase != "Released":
            return [("release", lambda: pv["status"].update(phase="Released"))]
        if phase == "Pending" and not uid:
            return [("publish", lambda: pv["status"].update(phase="Available"))]
        if objects.is_terminating(pv) and phase != "Bound":
            return [("remove", lambda: self._remove_pv(name))]
        if phase == "Released" and objects.reclaim_policy(pv) == "Delete":
            return [("reclaim", lambda: self._remove_pv(name))]
        return []

    def _remove_pv(self, name: str) -> None:
        """With policy Delete the driver deletes the disk before its finalizer lets the PV go (trap 15)."""
        pv = self.pvs.pop(name)
        if objects.reclaim_policy(pv) == "Delete":
            self.state["lost_disks"].append(objects.disk_of(pv))

    def _binding_moves(self, claim: Obj) -> list[tuple[str, Callable[[], None]]]:
        """PV, then claim, then its phase (B3). Without a volume name: any PV that waits for it, else a new disk."""
        named = objects.volume_name(claim)
        mine = [pv for pv in self.waiting_pvs() if objects.claim_ref(pv)[2] or named in ("", objects.name(pv))]
        taken = [pv for pv in mine if objects.claim_ref(pv)[2] and named in ("", objects.name(pv))]
        if claim["metadata"].get("annotations", {}).get("pv.kubernetes.io/bind-completed"):
            return [("claim is bound", lambda: claim["status"].update(phase="Bound"))]
        if taken:
            pv = taken[0]
            if objects.phase(pv) != "Bound":
                return [("PV is bound", lambda: pv["status"].update(phase="Bound"))]
            return [("claim takes its PV", lambda: _complete(claim, pv))]
        if mine:
            return [(f"bind {objects.name(pv)}", functools.partial(_take, pv, claim)) for pv in mine]
        return [] if named else [(EMPTY_DISK, self._provision)]

    def _provision(self) -> None:
        claim = self._live_claim()
        self.state["empty_disks"] += 1
        name = f"d-empty-{self.state['empty_disks']}"
        self.pvs[name] = _bare(make_pv(claim, name=name, disk_id=name))
        _complete(claim, self.pvs[name])

    # What others may do at any moment.

    def recreate_from_template(self) -> None:
        """The StatefulSet controller: a claim of the template's labels and size, without a volume (B5)."""
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": TEMPLATE_SIZE}}}
        body = {
            "metadata": {"name": CLAIM, "namespace": NAMESPACE, "labels": {"app": "nginx"}},
            "spec": {**spec, "storageClassName": "alicloud-disk-essd", "volumeMode": "Filesystem"},
        }
        self._create_claim(body)


def _bare(obj: Obj) -> Obj:
    """Without managedFields, which are most of an object and decide nothing."""
    del obj["metadata"]["managedFields"]
    return obj


def _take(pv: Obj, claim: Obj) -> None:
    pv["spec"]["claimRef"]["uid"] = objects.uid(claim)


def _complete(claim: Obj, pv: Obj) -> None:
    claim["spec"]["volumeName"] = objects.name(pv)
    claim["metadata"].setdefault("annotations", {})["pv.kubernetes.io/bind-completed"] = "yes"


def _merge(obj: dict[str, Any], patch: dict[str, Any]) -> None:
    """A JSON merge patch without deletions: the swap sends no nulls."""
    for key, value in patch.items():
        if isinstance(value, dict):
            _merge(obj.setdefault(key, {}), value)
        else:
            obj[key] = value

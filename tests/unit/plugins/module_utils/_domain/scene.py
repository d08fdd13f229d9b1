# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One claim in the middle of a swap, and what can be the case about it: what test_binding.py makes its states of."""

from __future__ import annotations

import copy
from collections.abc import Callable

from ansible_collections.zoneshift.ack.plugins.module_utils._domain import ids, manifests
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.binding import Step, Swap, next_step
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.model import Volume
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.objects import Obj

from tests.unit.plugins.module_utils._domain.worlds import RUN_ID, ZONE_K, make_claim, make_pv, moved

SOURCE, TARGET = "d-www-web-0", "d-new-www-web-0"
SECOND = f"{TARGET}-2"
FORWARD = moved()
BACK = moved().at_source("Delete")


class Scene:
    """A claim on its source disk, said to be Retain; tests change what they are about."""

    def __init__(self) -> None:
        self.original = make_claim()
        self.claim: Obj | None = make_claim()
        self.source = make_pv(self.original)
        self.original_pv = copy.deepcopy(self.source)
        self.source["spec"]["persistentVolumeReclaimPolicy"] = "Retain"
        self.target: Obj | None = None
        self.others: list[Obj] = []
        self.users: list[str] = []

    def next(self, wanted: Volume = FORWARD) -> Step:
        pvs = [self.source, *([self.target] if self.target else []), *self.others]
        return next_step(Swap(wanted, self.original, self.original_pv, RUN_ID), self.claim, pvs, self.users)


def reserved_pv(scene: Scene, name: str = TARGET) -> Obj:
    pv = manifests.reserved_pv(
        scene.original_pv, name=name, disk_id=TARGET, zone=ZONE_K, size_gib=20, claim=scene.original, run_id=RUN_ID
    )
    pv["metadata"]["uid"] = f"uid-pv-{name}"
    pv["status"] = {"phase": "Available"}
    return pv


def reserve(scene: Scene) -> None:
    scene.target = reserved_pv(scene)


def terminate(scene: Scene, *finalizers: str) -> None:
    assert scene.claim is not None
    scene.claim["metadata"].update(deletionTimestamp="2026-11-22T22:00:00Z", finalizers=list(finalizers))


def hold(scene: Scene) -> None:
    terminate(scene, ids.HOLD_FINALIZER)


def go_protected(scene: Scene) -> None:
    terminate(scene, "kubernetes.io/pvc-protection")


def drop_claim(scene: Scene) -> None:
    scene.claim = None


def new_claim(scene: Scene, pv: str = "", phase: str = "Pending") -> None:
    scene.claim = make_claim(pv=pv)
    scene.claim["metadata"]["uid"] = "uid-new"
    scene.claim["status"]["phase"] = phase


def lose(scene: Scene) -> None:
    """Its PV was deleted by force and the name reserved anew (kubernetes-behaviour.md B4: it stays Lost)."""
    reserve(scene)
    new_claim(scene, TARGET, "Lost")


def bind_to_target(scene: Scene) -> None:
    reserve(scene)
    new_claim(scene, TARGET, "Bound")
    assert scene.target is not None
    scene.target["spec"]["claimRef"]["uid"] = "uid-new"
    scene.target["status"]["phase"] = "Bound"


def mount(scene: Scene) -> None:
    scene.users = ["web-0"]


def source_says_delete(scene: Scene) -> None:
    scene.source["spec"]["persistentVolumeReclaimPolicy"] = "Delete"


def target_says_delete(scene: Scene) -> None:
    assert scene.target is not None
    scene.target["spec"]["persistentVolumeReclaimPolicy"] = "Delete"


def target_ends(scene: Scene) -> None:
    assert scene.target is not None
    scene.target["metadata"]["deletionTimestamp"] = "2026-11-22T22:00:00Z"


def stale_target(scene: Scene) -> None:
    assert scene.target is not None
    scene.target["spec"]["claimRef"]["uid"] = "uid-of-a-claim-that-is-gone"


def target_of_another_claim(scene: Scene) -> None:
    assert scene.target is not None
    scene.target["spec"]["claimRef"]["name"] = "other"


def second_target(scene: Scene) -> None:
    scene.others.append(reserved_pv(scene, SECOND))


def second_bound(claim: str, uid: str) -> Callable[[Scene], None]:
    def change(scene: Scene) -> None:
        second_target(scene)
        scene.others[0]["spec"]["claimRef"].update(name=claim, uid=uid)
        scene.others[0]["status"]["phase"] = "Bound"

    return change


def second_ends(scene: Scene) -> None:
    second_target(scene)
    scene.others[0]["metadata"]["deletionTimestamp"] = "2026-11-22T22:00:00Z"


def second_says_delete(scene: Scene) -> None:
    second_target(scene)
    scene.others[0]["spec"]["persistentVolumeReclaimPolicy"] = "Delete"

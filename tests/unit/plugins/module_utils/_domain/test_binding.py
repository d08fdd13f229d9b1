# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The claim swap from each state that it can meet to the step that comes next.

test_binding_explored.py tries what the steps come to; here stands which one it is, and what it carries.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.zoneshift.ack.plugins.module_utils._domain import ids, manifests
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.binding import Action, Step, free_pv_name

from tests.unit.plugins.module_utils._domain.scene import (
    BACK,
    SECOND,
    SOURCE,
    TARGET,
    Scene,
    bind_to_target,
    drop_claim,
    go_protected,
    hold,
    lose,
    mount,
    new_claim,
    reserve,
    second_bound,
    second_ends,
    second_says_delete,
    second_target,
    source_says_delete,
    stale_target,
    target_ends,
    target_of_another_claim,
    target_says_delete,
    terminate,
)
from tests.unit.plugins.module_utils._domain.worlds import ZONE_I, ZONE_K, make_claim

Changes = tuple[Callable[[Scene], None], ...]
STATES: list[tuple[str, Changes, Action, str]] = [
    ("bound to the source under Delete", (source_says_delete,), Action.RETAIN_PV, SOURCE),
    ("bound to the source", (), Action.RESERVE, TARGET),
    ("held, nothing reserved yet", (hold,), Action.RESERVE, TARGET),
    ("held under Delete", (hold, reserve, source_says_delete), Action.RETAIN_PV, SOURCE),
    ("held, reserved", (hold, reserve), Action.RELEASE, ""),
    ("reserved", (reserve,), Action.DELETE_CLAIM, ""),
    ("reserved, but a pod mounts the claim", (reserve, mount), Action.REFUSE, ""),
    ("going, kept by its protection", (reserve, go_protected, mount), Action.WAIT, ""),
    ("gone, nothing reserved", (drop_claim,), Action.RESERVE, TARGET),
    ("gone, reserved", (drop_claim, reserve), Action.CREATE_CLAIM, ""),
    ("gone, the reserved PV is going too", (drop_claim, reserve, target_ends), Action.RESERVE, SECOND),
    ("gone, the PV waits for a dead claim", (drop_claim, reserve, stale_target), Action.RESERVE, SECOND),
    ("gone, reserved under Delete", (drop_claim, reserve, target_says_delete), Action.RETAIN_PV, TARGET),
    ("the target disk is another claim's", (reserve, target_of_another_claim), Action.REFUSE, ""),
    ("made from the template, unbound", (reserve, new_claim), Action.WAIT, ""),
    ("made by us, not bound yet", (reserve, lambda s: new_claim(s, TARGET)), Action.WAIT, ""),
    ("made by the controller before the reservation", (new_claim,), Action.RESERVE, TARGET),
    ("Lost, though its PV's name is reserved anew", (lose,), Action.DELETE_CLAIM, ""),
    ("bound to the target", (bind_to_target,), Action.DONE, TARGET),
    ("bound, another PV on its disk", (bind_to_target, second_target), Action.DROP_PV, SECOND),
    ("bound, another PV says Delete", (bind_to_target, second_says_delete), Action.RETAIN_PV, SECOND),
    ("bound under Delete, another PV", (bind_to_target, second_target, target_says_delete), Action.RETAIN_PV, TARGET),
    ("bound, the other PV is going", (bind_to_target, second_ends), Action.WAIT, ""),
    ("bound, the other PV not yet Released", (bind_to_target, second_bound("www-web-0", "uid-0")), Action.WAIT, ""),
    ("bound, the other PV serves another claim", (bind_to_target, second_bound("other", "u")), Action.REFUSE, ""),
    ("bound, but under Delete", (bind_to_target, target_says_delete), Action.SET_POLICY, TARGET),
]  # fmt: skip


def scene_of(changes: Changes) -> Scene:
    scene = Scene()
    for change in changes:
        change(scene)
    return scene


@pytest.mark.parametrize(("changes", "action", "name"), [row[1:] for row in STATES], ids=[row[0] for row in STATES])
def test_from_each_state_to_the_next_step(changes: Changes, action: Action, name: str) -> None:
    step = scene_of(changes).next()
    assert (step.action, step.name if name else "") == (action, name), step.reason


def test_every_action_is_met() -> None:
    assert {row[2] for row in STATES} | {Action.AMEND_CLAIM} == set(Action)


@pytest.mark.parametrize(("changes", "action"), [(row[1], row[2]) for row in STATES], ids=[row[0] for row in STATES])
def test_what_is_changed_is_named_by_uid_and_what_stops_says_why(changes: Changes, action: Action) -> None:
    """A uid keeps a step off the object that came after; without a reason nobody knows what to mend."""
    step = scene_of(changes).next()
    if action in (Action.RETAIN_PV, Action.DELETE_CLAIM, Action.RELEASE, Action.DROP_PV, Action.SET_POLICY):
        assert step.uid
    if action in (Action.WAIT, Action.REFUSE):
        assert step.reason


def test_the_reservation_names_the_claim_and_no_uid() -> None:
    step = Scene().next()
    assert step.body["spec"]["claimRef"]["name"] == "www-web-0"
    assert "uid" not in step.body["spec"]["claimRef"]
    assert step.body["spec"]["csi"]["volumeHandle"] == TARGET


def test_the_claim_comes_back_prebound() -> None:
    step = scene_of((drop_claim, reserve)).next()
    assert step.body == manifests.bound_claim(make_claim(), TARGET)


def test_a_claim_from_the_template_gets_its_own_back() -> None:
    scene = scene_of((bind_to_target,))
    scene.original["metadata"]["labels"]["tier"] = "gold"
    assert scene.next() == Step(Action.AMEND_CLAIM, uid="uid-new", body={"metadata": {"labels": {"tier": "gold"}}})


def test_a_pod_on_the_claim_is_named() -> None:
    assert "web-0" in scene_of((reserve, mount)).next().reason


def test_who_keeps_a_claim_is_named() -> None:
    scene = scene_of((reserve, lambda s: terminate(s, "example.com/guard"), mount))
    assert "example.com/guard" in scene.next().reason
    assert "web-0" in scene.next().reason


@pytest.mark.parametrize("changes", [(), (hold,), (drop_claim,)], ids=["bound", "held", "gone"])
def test_what_does_not_fit_is_refused_before_anything_is_made(changes: Changes) -> None:
    scene = scene_of(changes)
    scene.original["spec"]["resources"] = {"requests": {"storage": "21Gi"}}
    step = scene.next()
    assert step.action is Action.REFUSE
    assert "21Gi" in step.reason


def test_a_pv_that_lies_about_its_zone_is_refused() -> None:
    """Its pod would be scheduled to a node that can never attach the disk."""
    scene = scene_of((reserve,))
    assert scene.target is not None
    scene.target["spec"]["nodeAffinity"] = scene.source["spec"]["nodeAffinity"]
    step = scene.next()
    assert step.action is Action.REFUSE
    assert ZONE_I in step.reason and ZONE_K in step.reason


def test_on_its_source_disk_the_claim_only_gets_its_policy_back() -> None:
    """With the annotation by which the provisioner knows its own PVs: without it Delete would leak the disk."""
    scene = Scene()
    assert scene.next(BACK) == Step(
        Action.SET_POLICY,
        name=SOURCE,
        uid=f"uid-pv-{SOURCE}",
        body={
            "metadata": {
                "annotations": {"zoneshift.io/reclaim-policy": None, "pv.kubernetes.io/provisioned-by": ids.DRIVER}
            },
            "spec": {"persistentVolumeReclaimPolicy": "Delete"},
        },
    )
    source_says_delete(scene)
    assert scene.next(BACK).action is Action.DONE


def test_the_way_back_reserves_the_source_disk_under_a_free_name() -> None:
    """The old PV keeps its name, its stale uid and its disk until the claim is on the fresh one."""
    scene = scene_of((bind_to_target,))
    scene.source["status"]["phase"] = "Released"
    step = scene.next(BACK)
    assert (step.action, step.name) == (Action.RESERVE, f"{SOURCE}-2")
    assert step.body["spec"]["csi"]["volumeHandle"] == SOURCE
    assert step.body["spec"]["persistentVolumeReclaimPolicy"] == "Retain"


@pytest.mark.parametrize(
    ("taken", "name"),
    [(set(), "d-1"), ({"d-1"}, "d-1-2"), ({"d-1", "d-1-2", "d-1-3"}, "d-1-4"), ({"d-1-2"}, "d-1")],
)
def test_a_pv_name_is_never_taken_twice(taken: set[str], name: str) -> None:
    assert free_pv_name("d-1", taken) == name

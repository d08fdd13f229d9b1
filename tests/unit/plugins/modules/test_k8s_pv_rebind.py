# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""k8s_pv_rebind: the guard, the swap in both directions, what it refuses, and what it deletes in the end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.faults import Fault
from tests.sandbox.kube.client import Client
from tests.sandbox.sandbox import Sandbox
from tests.support import wait_for
from tests.unit.plugins.modules.claims import (
    CLAIMS,
    PVS,
    Obj,
    at_source,
    claim_for,
    disk_behind,
    get,
    hold,
    make_bound,
    outsider,
    pv_of_driver,
    pvs_on,
    recreate_when_deleted,
    reference_to,
)
from tests.unit.plugins.modules.clouds import ZONE_H, ZONE_K, make_disk
from tests.unit.plugins.modules.clouds import new_run_id as new_id
from tests.unit.plugins.modules.workbench import Outcome, run


def _run(sandbox: Sandbox, *volumes: Obj, **options: Any) -> Outcome:
    return run(sandbox, "k8s_pv_rebind", **{"volumes": list(volumes), "wait_timeout": 30, **options})


def _policy(sandbox: Sandbox, pv: str) -> str:
    return str(get(sandbox, PVS, pv)["spec"]["persistentVolumeReclaimPolicy"])


def _kept(sandbox: Sandbox, *disks: str) -> None:
    assert set(disks) <= set(sandbox.cloud.world()["disks"]), "a disk was deleted"


class TestGuard:
    """S2: the claims as they are, but losing one no longer loses its disk."""

    def test_sets_retain_and_nothing_else(self, sandbox: Sandbox) -> None:
        volume = make_bound(sandbox)
        before = get(sandbox, CLAIMS, volume["claim"])
        first = _run(sandbox, at_source(volume)).succeeded(changed=True)
        assert [(call.verb, call.resource) for call in first.mutating] == [("patch", PVS)]
        assert first.calls[-1].number > first.mutating[0].number, "it is read back"
        assert _policy(sandbox, volume["source_pv"]) == "Retain"
        assert get(sandbox, CLAIMS, volume["claim"]) == before
        assert first.result["volumes"][0]["pv"] == volume["source_pv"]
        assert _run(sandbox, at_source(volume)).succeeded(changed=False).mutating == []

    def test_gives_the_policy_back(self, sandbox: Sandbox) -> None:
        """Without provisioned-by the provisioner would not delete the disk any more (trap 3)."""
        volume = make_bound(sandbox)
        original = get(sandbox, PVS, volume["source_pv"])
        _run(sandbox, at_source(volume))
        _run(sandbox, at_source(volume, reclaim_policy="Delete")).succeeded(changed=True)
        again = get(sandbox, PVS, volume["source_pv"])
        assert again["spec"] == original["spec"]
        assert again["metadata"]["annotations"] == original["metadata"]["annotations"]

    @pytest.mark.parametrize("wanted", ["source", "target"])
    def test_a_patch_that_fails_stops_before_any_delete(self, sandbox: Sandbox, wanted: str) -> None:
        volume = make_bound(sandbox)
        sandbox.faults.add(
            Fault(
                side="kubernetes",
                user="admin",
                verb="patch",
                resource=PVS,
                status=403,
                code="Forbidden",
                message="a policy forbids it",
                times=0,
            )
        )
        outcome = _run(sandbox, at_source(volume) if wanted == "source" else volume)
        error = outcome.failed("Forbidden", "a policy forbids it", f"claim {volume['claim']}")
        assert error.context["disk"] and error.hint
        assert outcome.of("delete") == outcome.of("create") == []
        assert disk_behind(sandbox, volume["claim"]) == volume["source_disk_id"]

    def test_a_patch_without_effect_is_not_believed(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        """A mutating webhook may answer 200 and leave Delete: only what is read counts."""
        volume = make_bound(sandbox)
        api = sandbox.cluster.api
        original = api.patch

        def patch(resource: Any, namespace: str, name: str, body: Any, *rest: Any) -> Obj:
            if resource.key == PVS and name == volume["source_pv"]:
                body = {"metadata": body["metadata"]}
            return original(resource, namespace, name, body, *rest)

        monkeypatch.setattr(api, "patch", patch)
        outcome = _run(sandbox, volume, wait_timeout=1)
        outcome.failed("TimedOut", "next would be: set the PV's reclaim policy to Retain")
        assert outcome.of("patch", PVS) and outcome.of("delete") == []
        assert disk_behind(sandbox, volume["claim"]) == volume["source_disk_id"]


class TestSwap:
    def test_forward_and_back(self, sandbox: Sandbox) -> None:
        volume = make_bound(sandbox)
        claim, source, target = volume["claim"], volume["source_disk_id"], volume["disk_id"]
        before = get(sandbox, CLAIMS, claim)
        forward = _run(sandbox, volume).succeeded(changed=True)
        assert disk_behind(sandbox, claim) == target
        bound = get(sandbox, CLAIMS, claim)
        assert bound["metadata"]["labels"] == before["metadata"]["labels"]
        assert bound["metadata"]["annotations"]["team"] == "a"
        assert {**bound["spec"], "volumeName": ""} == {**before["spec"], "volumeName": ""}
        assert forward.result["volumes"][0]["pv"] == bound["spec"]["volumeName"] == target
        assert _policy(sandbox, target) == _policy(sandbox, volume["source_pv"]) == "Retain"
        assert _run(sandbox, volume).succeeded(changed=False).mutating == []
        assert forward.result["diff"]["before"][claim]["pv"] == ""
        assert forward.result["diff"]["after"][claim]["pv"] == target

        back = _run(sandbox, at_source(volume)).succeeded(changed=True)
        assert disk_behind(sandbox, claim) == source
        assert len(pvs_on(sandbox, source)) == 1, "one PV object per disk"
        assert back.result["volumes"][0]["pv"] == get(sandbox, CLAIMS, claim)["spec"]["volumeName"]
        _kept(sandbox, source, target)

    def test_reserves_before_it_lets_the_claim_go(self, sandbox: Sandbox) -> None:
        """At no instant may a claim be absent while no PV waits for it (DESIGN, the hold)."""
        outcome = _run(sandbox, make_bound(sandbox)).succeeded(changed=True)
        steps = [(call.verb, call.resource) for call in outcome.mutating]
        assert steps == [("patch", PVS), ("create", PVS), ("delete", CLAIMS), ("create", CLAIMS)]

    def test_the_new_pv_is_one_that_a_node_takes_and_nobody_deletes(self, sandbox: Sandbox) -> None:
        """S3."""
        run_id, volume = new_id(), make_bound(sandbox, mountOptions=["noatime"])
        _run(sandbox, volume, run_id=run_id)
        source, target = get(sandbox, PVS, volume["source_pv"]), get(sandbox, PVS, volume["disk_id"])
        assert target["metadata"]["labels"] == {"zoneshift.io/run": run_id}
        assert "pv.kubernetes.io/provisioned-by" not in target["metadata"].get("annotations", {})
        assert target["spec"]["csi"] == {**source["spec"]["csi"], "volumeHandle": volume["disk_id"]}
        assert target["spec"]["mountOptions"] == ["noatime"]
        terms = target["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
        assert [e["values"] for term in terms for e in term["matchExpressions"]] == [[ZONE_K]]

    def test_several_at_once_and_check_mode_of_them(self, sandbox: Sandbox) -> None:
        volumes = [make_bound(sandbox) for _number in range(5)]
        _run(sandbox, volumes[0])
        checked = _run(sandbox, *volumes, check=True).succeeded(changed=True)
        assert checked.mutating == []
        real = _run(sandbox, *volumes).succeeded(changed=True)
        assert checked.result == real.result
        assert {disk_behind(sandbox, v["claim"]) for v in volumes} == {v["disk_id"] for v in volumes}
        assert _run(sandbox, *volumes, check=True).succeeded(changed=False).result["volumes"] == real.result["volumes"]

    def test_from_a_held_claim(self, sandbox: Sandbox) -> None:
        volume = make_bound(sandbox)
        _run(sandbox, at_source(volume))
        hold(sandbox, volume["claim"])
        outcome = _run(sandbox, volume).succeeded(changed=True)
        assert outcome.of("delete") == []
        assert disk_behind(sandbox, volume["claim"]) == volume["disk_id"]
        assert get(sandbox, CLAIMS, volume["claim"])["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]

    def test_a_held_claim_goes_back_where_it_was(self, sandbox: Sandbox) -> None:
        """A run that fails before the disks exist: the claims must be made anew on their source disks."""
        volume = make_bound(sandbox)
        _run(sandbox, at_source(volume))
        hold(sandbox, volume["claim"])
        _run(sandbox, at_source(volume, reclaim_policy="Delete")).succeeded(changed=True)
        assert disk_behind(sandbox, volume["claim"]) == volume["source_disk_id"]
        (pv,) = pvs_on(sandbox, volume["source_disk_id"])
        assert pv["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
        assert pv["metadata"]["annotations"]["pv.kubernetes.io/provisioned-by"]
        _kept(sandbox, volume["source_disk_id"])

    @pytest.mark.parametrize("held", [True, False])
    def test_while_a_controller_makes_the_claim_anew(self, sandbox: Sandbox, held: bool) -> None:
        volume = make_bound(sandbox)
        _run(sandbox, at_source(volume))
        if held:
            hold(sandbox, volume["claim"])
        controller = recreate_when_deleted(sandbox, volume["claim"])
        try:
            _run(sandbox, volume).succeeded(changed=True)
        finally:
            controller.stop()
        assert disk_behind(sandbox, volume["claim"]) == volume["disk_id"]
        labels = get(sandbox, CLAIMS, volume["claim"])["metadata"]["labels"]
        assert labels["app"] == "shop", "the original's labels are put back"

    def test_the_protection_finalizer_goes_while_the_hold_is_taken_off(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The list of finalizers shifts between our look and our patch: look again, do not give up."""
        volume = make_bound(sandbox)
        _run(sandbox, at_source(volume))
        client = outsider(sandbox)
        client.patch(CLAIMS, volume["claim"], {"metadata": {"finalizers": ["example.com/other"]}}, "default")
        hold(sandbox, volume["claim"])
        with _once_before_json_patch(sandbox, monkeypatch, client, volume["claim"]):
            _run(sandbox, volume).succeeded(changed=True)
        assert disk_behind(sandbox, volume["claim"]) == volume["disk_id"]

    def test_a_pv_name_that_is_taken(self, sandbox: Sandbox) -> None:
        volume, other = make_bound(sandbox), make_disk(sandbox)
        stranger = pv_of_driver(other, ZONE_H, persistentVolumeReclaimPolicy="Retain")
        stranger["metadata"]["name"] = volume["disk_id"]
        outsider(sandbox).create(PVS, stranger)
        checked = _run(sandbox, volume, check=True)
        outcome = _run(sandbox, volume).succeeded(changed=True)
        assert outcome.result["volumes"][0]["pv"] == f"{volume['disk_id']}-2"
        assert checked.result["volumes"] == outcome.result["volumes"]
        assert disk_behind(sandbox, volume["claim"]) == volume["disk_id"]
        assert get(sandbox, PVS, volume["disk_id"])["spec"]["csi"]["volumeHandle"] == other


@contextlib.contextmanager
def _once_before_json_patch(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, client: Client, claim: str
) -> Iterator[None]:
    """Right before the first JSON patch another controller takes its finalizer off the claim."""
    api = sandbox.cluster.api
    original = api.patch
    left = [["zoneshift.io/hold"]]

    def patch(resource: Any, namespace: str, name: str, body: Any, *rest: Any) -> Obj:
        if isinstance(body, list) and left:
            client.patch(CLAIMS, claim, {"metadata": {"finalizers": left.pop()}}, "default")
        return original(resource, namespace, name, body, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(api, "patch", patch)
        yield
    assert not left, "no JSON patch was sent"


class TestRefusals:
    """S14, S4: one sentence, and both disks as they were."""

    def test_a_claim_that_a_pod_mounts(self, sandbox: Sandbox) -> None:
        volume = make_bound(sandbox)
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"user-of-{volume['claim']}", "namespace": "default"},
            "spec": {
                "nodeName": "node-of-nobody",
                "containers": [{"name": "a", "image": "a"}],
                "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": volume["claim"]}}],
            },
        }
        outsider(sandbox).create("pods", pod)
        outcome = _run(sandbox, volume)
        error = outcome.failed("CannotBind", f"is mounted by pod {pod['metadata']['name']}", "Both disks are kept.")
        assert error.context["zone"] == ZONE_K
        assert outcome.of("delete") == []
        assert disk_behind(sandbox, volume["claim"]) == volume["source_disk_id"]
        outsider(sandbox).delete("pods", pod["metadata"]["name"], "default", grace=0)

    @pytest.mark.parametrize(
        ("spec", "reason"),
        [
            (
                {"storageClassName": "alicloud-disk-ssd"},
                "storage class 'alicloud-disk-ssd' is not 'alicloud-disk-essd'",
            ),
            ({"accessModes": ["ReadOnlyMany"]}, "access modes ['ReadOnlyMany'] do not cover ['ReadWriteOnce']"),
            ({"volumeMode": "Block"}, "volume mode Block is not Filesystem"),
            ({"nodeAffinity": None}, "the PV demands zone none, the disk is in cn-beijing-k"),
        ],
    )
    def test_a_reserved_pv_that_does_not_fit(self, sandbox: Sandbox, spec: dict[str, Any], reason: str) -> None:
        volume = make_bound(sandbox)
        reserved = {"claimRef": reference_to(volume["claim"]), "persistentVolumeReclaimPolicy": "Retain", **spec}
        outsider(sandbox).create(PVS, pv_of_driver(volume["disk_id"], ZONE_K, **reserved))
        outcome = _run(sandbox, volume)
        outcome.failed("CannotBind", reason)
        assert outcome.of("delete") == []
        assert disk_behind(sandbox, volume["claim"]) == volume["source_disk_id"]

    def test_a_disk_that_is_too_small(self, sandbox: Sandbox) -> None:
        volume = make_bound(sandbox)
        _run(sandbox, at_source(volume))
        for check in (True, False):
            outcome = _run(sandbox, {**volume, "size_gib": 10}, check=check)
            outcome.failed("CannotBind", "the disk has 10 GiB, the claim asks for 20Gi")
            assert outcome.of("delete") == outcome.of("create") == []

    def test_a_disk_behind_the_pv_of_another_claim(self, sandbox: Sandbox) -> None:
        volume, other = make_bound(sandbox), make_bound(sandbox)
        outcome = _run(sandbox, {**volume, "disk_id": other["source_disk_id"], "zone": ZONE_H})
        outcome.failed("CannotBind", f"of claim default/{other['claim']}")
        assert outcome.of("delete") == outcome.of("create") == []
        assert disk_behind(sandbox, other["claim"]) == other["source_disk_id"]

    def test_a_claim_that_is_not_there(self, sandbox: Sandbox) -> None:
        wanted = {"claim": "never-was", "disk_id": "d-1", "zone": ZONE_K, "size_gib": 20}
        outcome = _run(sandbox, wanted)
        outcome.failed("ClaimNotFound", "Claim default/never-was does not exist", "Give run_id and journal_namespace")
        assert outcome.mutating == []

    def test_a_claim_that_is_not_bound(self, sandbox: Sandbox) -> None:
        outsider(sandbox).create(CLAIMS, claim_for("waiting"))
        outcome = _run(sandbox, {"claim": "waiting", "disk_id": "d-1", "zone": ZONE_K, "size_gib": 20})
        outcome.failed("ClaimNotBound", "Claim default/waiting is bound to no PV")
        assert outcome.mutating == []

    @pytest.mark.parametrize("lacking", ["claim", "disk_id", "zone", "size_gib"])
    def test_a_gap(self, sandbox: Sandbox, lacking: str) -> None:
        whole = {"claim": "data", "disk_id": "d-1", "zone": ZONE_K, "size_gib": 20}
        outcome = _run(sandbox, {key: value for key, value in whole.items() if key != lacking})
        assert f"lacks {lacking}" in str(outcome.error)
        assert outcome.mutating == []

    def test_all_claims_are_tried_before_the_first_error_is_raised(self, sandbox: Sandbox) -> None:
        bad, good = make_bound(sandbox), make_bound(sandbox)
        _run(sandbox, {**bad, "size_gib": 1}, good).failed("CannotBind", bad["claim"])
        assert disk_behind(sandbox, good["claim"]) == good["disk_id"]


class TestRemoval:
    def test_absent_drops_loose_pvs_of_this_run_and_nothing_else(self, sandbox: Sandbox) -> None:
        run_id, volume, other = new_id(), make_bound(sandbox), make_bound(sandbox)
        _run(sandbox, volume, run_id=run_id)
        _run(sandbox, other, run_id=new_id())
        for moved in (volume, other):
            _run(sandbox, at_source(moved))
        checked = _run(sandbox, volume, other, run_id=run_id, state="absent", check=True).succeeded(changed=True)
        assert checked.mutating == []
        gone = _run(sandbox, volume, other, run_id=run_id, state="absent").succeeded(changed=True)
        assert checked.result == gone.result
        assert gone.result["dropped"] == [volume["disk_id"]]
        assert pvs_on(sandbox, volume["disk_id"]) == []
        assert len(pvs_on(sandbox, other["disk_id"])) == 1
        assert gone.result["diff"]["before"]["dropped PVs"] == {volume["disk_id"]: "kept"}
        _kept(sandbox, volume["disk_id"], other["disk_id"])
        again = _run(sandbox, volume, other, run_id=run_id, state="absent").succeeded(changed=False)
        assert again.mutating == []

    def test_absent_refuses_a_bound_pv(self, sandbox: Sandbox) -> None:
        run_id, volume = new_id(), make_bound(sandbox)
        _run(sandbox, volume, run_id=run_id)
        outcome = _run(sandbox, volume, run_id=run_id, state="absent")
        outcome.failed("PvInUse", "is not dropped: it is Bound", "Nothing was deleted.")
        assert outcome.mutating == []

    def test_absent_refuses_a_pv_that_says_delete(self, sandbox: Sandbox) -> None:
        """Dropping it would take the disk along."""
        run_id, volume = new_id(), make_bound(sandbox)
        _run(sandbox, volume, run_id=run_id)
        _run(sandbox, at_source(volume))
        sandbox.faults.clear()
        client = outsider(sandbox)
        pv = get(sandbox, PVS, volume["disk_id"])
        pv["spec"] |= {"claimRef": reference_to("somebody-elses")}
        client.update(PVS, pv)
        # While it still says Released, Delete would make the driver delete it.
        wait_for(
            lambda: get(sandbox, PVS, pv["metadata"]["name"])["status"]["phase"] == "Available", "it to be reserved"
        )
        client.patch(PVS, pv["metadata"]["name"], {"spec": {"persistentVolumeReclaimPolicy": "Delete"}})
        outcome = _run(sandbox, volume, run_id=run_id, state="absent")
        outcome.failed("PvInUse", "with reclaim policy Delete")
        assert outcome.mutating == []

    def test_absent_without_a_run_is_refused_before_any_change(self, sandbox: Sandbox) -> None:
        outcome = _run(sandbox, make_bound(sandbox), state="absent")
        assert "state absent needs run_id" in str(outcome.error)
        assert outcome.mutating == []

    def test_finalized_moves_no_claim(self, sandbox: Sandbox) -> None:
        """A claim on its source disk is in use there, or was put back: neither it nor the PV is touched."""
        volume = make_bound(sandbox)
        refused = _run(sandbox, volume, state="finalized")
        refused.failed("SourceInUse", "is on its source disk")
        assert refused.mutating == []
        assert disk_behind(sandbox, volume["claim"]) == volume["source_disk_id"]

    def test_finalized_drops_the_source_and_gives_the_policy(self, sandbox: Sandbox) -> None:
        volume = make_bound(sandbox)
        _run(sandbox, volume)
        final = {**volume, "reclaim_policy": "Delete"}
        checked = _run(sandbox, final, state="finalized", check=True).succeeded(changed=True)
        assert checked.mutating == []
        done = _run(sandbox, final, state="finalized").succeeded(changed=True)
        assert checked.result == done.result
        assert done.result["dropped"] == [volume["source_pv"]]
        assert pvs_on(sandbox, volume["source_disk_id"]) == []
        assert _policy(sandbox, volume["disk_id"]) == "Delete"
        assert disk_behind(sandbox, volume["claim"]) == volume["disk_id"]
        _kept(sandbox, volume["source_disk_id"], volume["disk_id"])
        assert _run(sandbox, final, state="finalized").succeeded(changed=False).mutating == []

    def test_finalized_waits_for_the_pv_to_be_gone(self, sandbox: Sandbox) -> None:
        volume = make_bound(sandbox)
        _run(sandbox, volume)
        client = outsider(sandbox)
        client.patch(PVS, volume["source_pv"], {"metadata": {"finalizers": ["example.com/look-first"]}})
        late = _run(sandbox, volume, state="finalized", wait_timeout=0)
        late.failed("TimedOut", f"still there: {volume['source_pv']}")
        client.patch(PVS, volume["source_pv"], {"metadata": {"finalizers": None}})
        wait_for(lambda: client.get(PVS, volume["source_pv"]) is None, "the source PV to be gone")
        _run(sandbox, volume, state="finalized").succeeded(changed=False)

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a claim must agree on with PV and disk, which Kubernetes does not compare (S4), and what it is given back."""

from __future__ import annotations

import pytest
from ansible_collections.zoneshift.ack.plugins.module_utils._domain import manifests
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.objects import Obj

from tests.unit.plugins.module_utils._domain.worlds import ZONE_I, ZONE_K, ZONE_KEY, affinity, make_claim, make_pv


def described(size: str = "20Gi", **annotations: str) -> Obj:
    claim = make_claim(size=size)
    claim["metadata"]["labels"] = {"app": "nginx", "tier": "gold"}
    claim["metadata"]["annotations"].update(annotations)
    return claim


@pytest.mark.parametrize(
    ("live", "original", "patch"),
    [
        pytest.param(described(), described(), {}, id="as it was"),
        pytest.param(make_claim(), described(), {"metadata": {"labels": {"tier": "gold"}}}, id="a label is missing"),
        pytest.param(
            described(a="1"),
            described(a="2", b="3"),
            {"metadata": {"annotations": {"a": "2", "b": "3"}}},
            id="annotations",
        ),
        pytest.param(
            described("10Gi"),
            described("20Gi"),
            {"spec": {"resources": {"requests": {"storage": "20Gi"}}}},
            id="smaller than it was",
        ),
        pytest.param(described("20Gi"), described("20480Mi"), {}, id="the same size in other words"),
        pytest.param(described("40Gi"), described("20Gi"), {}, id="larger: a claim never shrinks"),
        pytest.param(described(extra="x"), described(), {}, id="what the controller added stays"),
    ],
)
def test_a_claim_from_the_template_gets_back_what_is_its_own(live: Obj, original: Obj, patch: Obj) -> None:
    assert manifests.claim_amendment(live, original) == patch


def test_an_amendment_never_carries_what_binding_left() -> None:
    live = make_claim()
    live["metadata"]["annotations"] = {}
    assert manifests.claim_amendment(live, make_claim()) == {}


MISFITS: list[tuple[str, Obj, list[str]]] = [
    ("spec", {"storageClassName": "other"}, ["'other'", "'alicloud-disk-essd'"]),
    ("spec", {"storageClassName": None}, ["storage class None"]),
    ("spec", {"accessModes": ["ReadOnlyMany"]}, ["access modes"]),
    ("spec", {"accessModes": []}, ["access modes"]),
    ("spec", {"volumeMode": "Block"}, ["volume mode Block"]),
    ("spec", {"nodeAffinity": affinity((ZONE_KEY, [ZONE_K]))}, [f"zone {ZONE_K}", ZONE_I]),
    ("spec", {"nodeAffinity": affinity((ZONE_KEY, [ZONE_I, ZONE_K]))}, ["zone none"]),
    ("spec", {"nodeAffinity": None}, ["zone none"]),
    ("csi", {"volumeHandle": "d-other"}, ["d-other", "d-www-web-0"]),
    ("csi", {"driver": "nasplugin.csi.alibabacloud.com"}, ["another driver"]),
]


def mismatches(claim: Obj, pv: Obj, size_gib: int = 20) -> list[str]:
    return manifests.mismatches(claim, pv, disk_id="d-www-web-0", zone=ZONE_I, size_gib=size_gib)


@pytest.mark.parametrize(("part", "change", "says"), MISFITS, ids=[str(row[1]) for row in MISFITS])
def test_each_misfit_is_named(part: str, change: Obj, says: list[str]) -> None:
    claim = make_claim()
    pv = make_pv(claim)
    (pv["spec"] if part == "spec" else pv["spec"]["csi"]).update(change)
    (found,) = mismatches(claim, pv)
    for words in says:
        assert words in found


@pytest.mark.parametrize(
    ("asked", "size_gib", "fits"),
    [("20Gi", 20, True), ("20Gi", 21, True), ("20Gi", 19, False), ("20481Mi", 20, False), ("21G", 20, True)],
)
def test_a_disk_is_never_smaller_than_the_claim(asked: str, size_gib: int, fits: bool) -> None:
    claim = make_claim(size=asked)
    assert (mismatches(claim, make_pv(claim), size_gib) == []) is fits


def test_all_misfits_are_named_at_once() -> None:
    claim = make_claim(size="50Gi")
    pv = make_pv(claim)
    for part, change, _says in MISFITS:
        (pv["spec"] if part == "spec" else pv["spec"]["csi"]).update(change)
    assert len(mismatches(claim, pv)) == 6


def test_equal_by_default_is_equal() -> None:
    claim = make_claim()
    pv = make_pv(claim)
    for obj in (claim, pv):
        del obj["spec"]["volumeMode"]
        obj["spec"].pop("storageClassName")
    claim["spec"]["storageClassName"] = ""
    pv["spec"]["accessModes"].append("ReadOnlyMany")
    assert mismatches(claim, pv) == []

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of Kubernetes objects: quantities, zones, ordinals, who owns and who mounts."""

from __future__ import annotations

import pytest
from ansible_collections.zoneshift.ack.plugins.module_utils._domain import objects
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.objects import Obj

from tests.unit.plugins.module_utils._domain.worlds import (
    ZONE_I,
    ZONE_J,
    ZONE_KEY,
    affinity,
    make_claim,
    make_pod,
    make_pv,
    make_sts,
    mount_in_template,
    sample,
)


@pytest.mark.parametrize(
    ("quantity", "wanted"),
    [
        ("20Gi", 20 * 2**30),
        ("20480Mi", 20 * 2**30),
        ("21474836480", 20 * 2**30),
        ("1Ti", 2**40),
        ("2Pi", 2**51),
        ("1Ei", 2**60),
        ("512Ki", 2**19),
        ("20G", 20 * 10**9),
        ("5k", 5000),
        ("1e3", 1000),
        ("1.5Gi", 3 * 2**29),
        ("1500m", 2),
        ("0.1", 1),
        (" 1Gi ", 2**30),
        ("0", 0),
    ],
)
def test_a_quantity_in_bytes_rounded_up(quantity: str, wanted: int) -> None:
    assert objects.quantity_bytes(quantity) == wanted


@pytest.mark.parametrize("text", ["", "Gi", "20GB", "many"])
def test_no_quantity(text: str) -> None:
    with pytest.raises(ValueError):
        objects.quantity_bytes(text)


def test_a_real_claim_and_pv_are_read() -> None:
    claim, pv = sample("00-object-pvc-bound"), sample("00-object-pv-bound")
    assert objects.requested_bytes(claim) == 20 * 2**30
    assert (objects.disk_of(pv), objects.zone_of(pv)) == ("d-2zezlf9h1ooakvb96tu3", ZONE_I)
    assert objects.is_bound_to(claim, pv)
    assert objects.reclaim_policy(pv) == "Delete"


def test_a_released_pv_is_bound_to_nobody() -> None:
    assert not objects.is_bound_to(sample("00-object-pvc-bound"), sample("53-object-pv-released"))


@pytest.mark.parametrize(
    ("of_claim", "of_pv"),
    [
        pytest.param({"metadata": {"uid": "other"}}, {}, id="the claim that came after"),
        pytest.param({"metadata": {"deletionTimestamp": "2026-11-22T22:00:00Z"}}, {}, id="on its way out"),
        pytest.param({"spec": {"volumeName": "other"}}, {}, id="the claim names another PV"),
        pytest.param({"status": {"phase": "Lost"}}, {}, id="Lost"),
        pytest.param({}, {"status": {"phase": "Released"}}, id="Released"),
        pytest.param({}, {"spec": {"claimRef": None}}, id="reserved for nobody"),
    ],
)
def test_half_a_binding_is_none(of_claim: Obj, of_pv: Obj) -> None:
    claim = make_claim()
    pv = make_pv(claim)
    for obj, changes in ((claim, of_claim), (pv, of_pv)):
        for part, change in changes.items():
            obj[part].update(change)
    assert not objects.is_bound_to(claim, pv)


@pytest.mark.parametrize(
    ("node_affinity", "zone"),
    [
        (affinity((ZONE_KEY, [ZONE_I])), ZONE_I),
        (affinity(("topology.kubernetes.io/zone", [ZONE_I])), ZONE_I),
        (affinity(("failure-domain.beta.kubernetes.io/zone", [ZONE_I])), ZONE_I),
        (affinity((ZONE_KEY, [ZONE_I]), ("topology.kubernetes.io/zone", [ZONE_I])), ZONE_I),
        (affinity((ZONE_KEY, [ZONE_I, ZONE_J])), ""),
        (affinity(("topology.kubernetes.io/region", ["cn-beijing"])), ""),
        (None, ""),
        ({}, ""),
    ],
)
def test_the_one_zone_that_a_pv_demands(node_affinity: Obj | None, zone: str) -> None:
    pv = make_pv(make_claim())
    pv["spec"]["nodeAffinity"] = node_affinity
    assert objects.zone_of(pv) == zone


def test_the_disk_is_the_handle_of_our_driver_alone() -> None:
    pv = make_pv(make_claim(), name="anything", disk_id="d-1")
    assert objects.disk_of(pv) == "d-1"
    pv["spec"]["csi"]["driver"] = "ossplugin.csi.alibabacloud.com"
    assert objects.disk_of(pv) == ""
    del pv["spec"]["csi"]
    assert objects.disk_of(pv) == ""


@pytest.mark.parametrize(
    ("deleted", "finalizers", "held"),
    [
        (True, ["zoneshift.io/hold"], True),
        (True, ["kubernetes.io/pvc-protection", "zoneshift.io/hold"], True),
        (True, ["kubernetes.io/pvc-protection"], False),
        (False, ["zoneshift.io/hold"], False),
        (True, None, False),
    ],
)
def test_a_claim_is_held_when_it_is_deleted_and_ours(deleted: bool, finalizers: list[str] | None, held: bool) -> None:
    claim = make_claim()
    claim["metadata"]["finalizers"] = finalizers
    if deleted:
        claim["metadata"]["deletionTimestamp"] = "2026-11-22T22:00:00Z"
    assert objects.is_held(claim) is held


def test_a_pod_belongs_to_the_set_of_this_uid() -> None:
    """OpenKruise's sets have the same kind, and a set that was made anew has the same name."""
    ours, namesake = make_sts(), make_sts()
    namesake["metadata"]["uid"] = "another"
    pod = make_pod("web-0", ("www-web-0",), ours)
    assert objects.is_pod_of(pod, ours)
    assert not objects.is_pod_of(pod, namesake)
    assert not objects.is_pod_of(make_pod("web-0", ()), ours)


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({}, {"whenDeleted": "Retain", "whenScaled": "Retain"}),
        ({"whenScaled": "Delete"}, {"whenDeleted": "Retain", "whenScaled": "Delete"}),
        ({"whenDeleted": "Delete", "whenScaled": None}, {"whenDeleted": "Delete", "whenScaled": "Retain"}),
    ],
)
def test_claims_are_kept_unless_the_set_says_otherwise(spec: Obj, wanted: dict[str, str]) -> None:
    assert objects.retention_policy(make_sts(persistentVolumeClaimRetentionPolicy=spec)) == wanted


def test_claims_of_templates_by_ordinal_then_the_shared_ones() -> None:
    sts = make_sts(2, templates=("www", "log"))
    mount_in_template(sts, "z-shared")
    mount_in_template(sts, "a-shared")
    assert objects.expected_claims(sts) == [
        ("www-web-0", 0),
        ("log-web-0", 0),
        ("www-web-1", 1),
        ("log-web-1", 1),
        ("a-shared", None),
        ("z-shared", None),
    ]


def test_without_replicas_nothing_is_mounted() -> None:
    sts = make_sts(0)
    mount_in_template(sts, "shared")
    assert objects.expected_claims(sts) == []


@pytest.mark.parametrize(("version", "kind"), [("apps/v1", "kube"), ("apps.kruise.io/v1beta1", "kruise")])
def test_which_kind_of_set_it_is(version: str, kind: str) -> None:
    assert objects.sts_type({**make_sts(), "apiVersion": version}) == kind

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The PV and claim that a run makes (S3).

A field lost here is a mount option, a label that an operator looks for, or a second disk that nobody asked for.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from ansible_collections.zoneshift.ack.plugins.module_utils._domain import manifests, objects
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.objects import Obj

from tests.unit.plugins.module_utils._domain.worlds import (
    RUN_ID,
    ZONE_I,
    ZONE_K,
    ZONE_KEY,
    affinity,
    make_claim,
    make_pv,
    sample,
)

NEW_DISK = "d-new"
OURS = {"zoneshift.io/run": RUN_ID}


def reserved(source: Obj, claim: Obj | None = None, **changes: Any) -> Obj:
    wanted: dict[str, Any] = {"name": NEW_DISK, "disk_id": NEW_DISK, "zone": ZONE_K, "size_gib": 40, "run_id": RUN_ID}
    return manifests.reserved_pv(source, claim=claim or sample("00-object-pvc-bound"), **{**wanted, **changes})


def test_a_pv_made_from_a_real_one_is_what_we_meant_to_the_last_field() -> None:
    assert reserved(sample("00-object-pv-bound")) == {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": NEW_DISK,
            "labels": OURS,
            "annotations": {"zoneshift.io/reclaim-policy": "Delete"},
        },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "40Gi"},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": "default",
                "name": "www-web-0",
            },
            "csi": {
                "driver": "diskplugin.csi.alibabacloud.com",
                "fsType": "ext4",
                "volumeAttributes": {"type": "cloud_essd"},
                "volumeHandle": NEW_DISK,
            },
            "nodeAffinity": {
                "required": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": ZONE_KEY, "operator": "In", "values": [ZONE_K]}]}
                    ]
                }
            },
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "alicloud-disk-essd",
            "volumeMode": "Filesystem",
        },
    }


def source_of_ack() -> Obj:
    """A PV as ACK's provisioner writes it, with all that csi-and-statefulsets.md 1.1 lists."""
    pv = make_pv(make_claim())
    pv["metadata"]["labels"] = {
        "csi.alibabacloud.com/disktype": "cloud_essd.PL1",
        "topology.diskplugin.csi.alibabacloud.com/region": "cn-beijing",
        ZONE_KEY: ZONE_I,
        "zoneshift.io/run": "earlier-run",
    }
    pv["metadata"]["annotations"].update(
        {
            "csi.alibabacloud.com/volume-topology": '{"nodeSelectorTerms":[]}',
            "pv.kubernetes.io/bound-by-controller": "yes",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "example.com/backup": "daily",
            "zoneshift.io/reclaim-policy": "Delete",
        }
    )
    pv["spec"]["csi"]["readOnly"] = False
    pv["spec"]["csi"]["volumeAttributes"] = {
        "storage.kubernetes.io/csiProvisionerIdentity": "1700000000000-1-diskplugin.csi.alibabacloud.com",
        "type": "cloud_essd",
        "performanceLevel": "PL1",
        "zoneId": ZONE_I,
        "sysConfig": "/queue/read_ahead_kb=4096",
        "mkfsOptions": "-I 256",
        "omitfsck": "true",
        "dataCacheSize": "10Gi",
        "dataCacheMode": "writethrough",
    }
    pv["spec"]["mountOptions"] = ["noatime"]
    pv["spec"]["volumeAttributesClassName"] = "fast"
    return pv


def test_what_a_node_reads_is_carried_over_and_what_binds_the_source_is_not() -> None:
    source = source_of_ack()
    made = reserved(source)
    attributes = dict(source["spec"]["csi"]["volumeAttributes"])
    del attributes["zoneId"]
    assert made["spec"]["csi"] == {**source["spec"]["csi"], "volumeHandle": NEW_DISK, "volumeAttributes": attributes}
    assert made["spec"]["mountOptions"] == ["noatime"]
    assert made["spec"]["volumeAttributesClassName"] == "fast"
    assert made["metadata"]["annotations"] == {
        "csi.alibabacloud.com/volume-topology": '{"nodeSelectorTerms":[]}',
        "example.com/backup": "daily",
        "zoneshift.io/reclaim-policy": "Delete",
    }
    assert made["metadata"]["labels"] == {**source["metadata"]["labels"], ZONE_KEY: ZONE_K, **OURS}


def test_the_source_is_only_read() -> None:
    source, claim = source_of_ack(), make_claim()
    before = copy.deepcopy((source, claim))
    made = reserved(source, claim)
    made["spec"]["csi"]["volumeAttributes"].clear()
    made["spec"]["nodeAffinity"]["required"].clear()
    manifests.bound_claim(claim, "d-new")["spec"]["resources"].clear()
    assert (source, claim) == before


def test_without_a_run_no_run_is_named() -> None:
    assert "labels" not in reserved(sample("00-object-pv-bound"), run_id="")["metadata"]


OTHER = ("alibabacloud.com/lingjun-worker", ["true"])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([(ZONE_KEY, [ZONE_I])], [(ZONE_KEY, [ZONE_K])], id="the driver's key"),
        pytest.param(
            [("topology.kubernetes.io/zone", [ZONE_I])],
            [("topology.kubernetes.io/zone", [ZONE_K])],
            id="the general key",
        ),
        pytest.param(
            [("failure-domain.beta.kubernetes.io/zone", [ZONE_I])],
            [("failure-domain.beta.kubernetes.io/zone", [ZONE_K])],
            id="the old key",
        ),
        pytest.param([(ZONE_KEY, [ZONE_I]), OTHER], [(ZONE_KEY, [ZONE_K]), OTHER], id="other terms stay"),
        pytest.param(
            [("topology.kubernetes.io/region", ["cn-beijing"])],
            [("topology.kubernetes.io/region", ["cn-beijing"])],
            id="a regional disk keeps its region",
        ),
    ],
)
def test_the_zone_moves_under_the_key_that_the_source_used(
    before: list[tuple[str, list[str]]], after: list[tuple[str, list[str]]]
) -> None:
    source = make_pv(make_claim())
    source["spec"]["nodeAffinity"] = affinity(*before)
    assert reserved(source)["spec"]["nodeAffinity"] == affinity(*after)


def test_a_claim_made_from_a_real_one_is_as_its_owner_wrote_it() -> None:
    assert manifests.bound_claim(sample("00-object-pvc-bound"), NEW_DISK) == {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "www-web-0", "namespace": "default", "labels": {"app": "nginx"}},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "20Gi"}},
            "storageClassName": "alicloud-disk-essd",
            "volumeMode": "Filesystem",
            "volumeName": NEW_DISK,
        },
    }


def test_annotations_of_the_owner_stay_and_those_of_the_cluster_go() -> None:
    """A copied bind-completed makes the claim Lost at once (kubernetes-behaviour.md B4)."""
    claim = make_claim()
    claim["metadata"]["annotations"].update(
        {
            "example.com/owner": "team-a",
            "cnpg.io/pvcStatus": "ready",
            "volume.kubernetes.io/storage-resizer": "diskplugin.csi.alibabacloud.com",
            "volume.beta.kubernetes.io/storage-class": "alicloud-disk-essd",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
        }
    )
    assert manifests.bound_claim(claim, NEW_DISK)["metadata"]["annotations"] == {
        "example.com/owner": "team-a",
        "cnpg.io/pvcStatus": "ready",
        "volume.beta.kubernetes.io/storage-class": "alicloud-disk-essd",
    }


def test_references_to_pods_and_sets_go_and_others_stay() -> None:
    """A reference to a pod that is gone would have the claim collected as garbage (traps 6, 7)."""
    claim = make_claim()
    operator = {"apiVersion": "v1", "kind": "Cluster", "name": "pg", "uid": "u"}
    claim["metadata"]["ownerReferences"] = [
        {"apiVersion": "v1", "kind": "Pod", "name": "web-0", "uid": "p"},
        {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "s"},
        operator,
    ]
    assert manifests.bound_claim(claim, NEW_DISK)["metadata"]["ownerReferences"] == [operator]


@pytest.mark.parametrize("name", ["", None, "gp"], ids=["empty", "absent", "named"])
def test_the_storage_class_is_copied_exactly(name: str | None) -> None:
    """Empty means no class, absent the default class: a difference of one disk (trap 31)."""
    claim = make_claim()
    del claim["spec"]["storageClassName"]
    if name is not None:
        claim["spec"]["storageClassName"] = name
    made = manifests.bound_claim(claim, NEW_DISK)["spec"]
    assert made.get("storageClassName", None) == name


def test_a_data_source_and_finalizers_are_not_taken_along() -> None:
    """A populator would run again (trap 32); an old finalizer would have no one to remove it."""
    claim = make_claim()
    claim["spec"]["dataSource"] = claim["spec"]["dataSourceRef"] = {"kind": "VolumeSnapshot", "name": "s"}
    made = manifests.bound_claim(claim, NEW_DISK)
    assert not {"dataSource", "dataSourceRef"} & set(made["spec"])
    assert not {"finalizers", "uid", "resourceVersion", "creationTimestamp"} & set(made["metadata"])


def test_what_is_made_is_json() -> None:
    for obj in (reserved(source_of_ack()), manifests.bound_claim(make_claim(), NEW_DISK)):
        assert json.loads(json.dumps(obj)) == obj


def test_a_pv_made_for_a_claim_fits_it() -> None:
    claim = sample("00-object-pvc-bound")
    made = reserved(sample("00-object-pv-bound"), claim, size_gib=20)
    assert manifests.mismatches(claim, made, disk_id=NEW_DISK, zone=ZONE_K, size_gib=20) == []
    assert objects.claim_ref(made) == ("default", "www-web-0", "")

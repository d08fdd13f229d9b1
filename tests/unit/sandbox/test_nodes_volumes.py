# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver's PVs, disks and tags, compared with csi-and-statefulsets.md 1.1 to 1.4."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.nodes.volumes import (
    Attempt,
    NewVolume,
    attempts,
    create_disk_parameters,
    disk_tags,
    gib,
    persistent_volume,
)

UID = "a825f711-9061-4698-b7d2-60773852980c"


def claim(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "www-web-0", "namespace": "default", "uid": UID, "resourceVersion": "272"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "20Gi"}}, **spec},
    }


def storage_class(**parameters: str) -> dict[str, Any]:
    return {"metadata": {"name": "alicloud-disk-essd"}, "reclaimPolicy": "Delete", "parameters": parameters}


def made(wanted: dict[str, Any], of_class: dict[str, Any], attempt: Attempt) -> dict[str, Any]:
    identity = "1700000000000-1234-diskplugin.csi.alibabacloud.com"
    return persistent_volume(
        NewVolume(wanted, of_class, "d-2zezlf9h1ooakvb96tu3", "cn-beijing", "cn-beijing-i", attempt, identity)
    )


def test_pv_has_exactly_the_shape_of_1_1() -> None:
    volume = made(claim(), storage_class(type="cloud_essd", performanceLevel="PL1"), Attempt("cloud_essd", "PL1"))

    annotations = volume["metadata"]["annotations"]
    assert json.loads(annotations.pop("csi.alibabacloud.com/volume-topology")) == {
        "nodeSelectorTerms": [
            {
                "matchExpressions": [
                    {"key": "node.csi.alibabacloud.com/disktype.cloud_essd", "operator": "In", "values": ["available"]}
                ]
            }
        ]
    }
    assert volume == {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": f"disk-{UID}",
            "labels": {
                "csi.alibabacloud.com/disktype": "cloud_essd.PL1",
                "topology.diskplugin.csi.alibabacloud.com/region": "cn-beijing",
                "topology.diskplugin.csi.alibabacloud.com/zone": "cn-beijing-i",
            },
            "annotations": {
                "pv.kubernetes.io/provisioned-by": "diskplugin.csi.alibabacloud.com",
                "volume.kubernetes.io/provisioner-deletion-secret-name": "",
                "volume.kubernetes.io/provisioner-deletion-secret-namespace": "",
            },
            "finalizers": ["external-provisioner.volume.kubernetes.io/finalizer"],
        },
        "spec": {
            "capacity": {"storage": "20Gi"},
            "accessModes": ["ReadWriteOnce"],
            "csi": {
                "driver": "diskplugin.csi.alibabacloud.com",
                "volumeHandle": "d-2zezlf9h1ooakvb96tu3",
                "fsType": "ext4",
                "volumeAttributes": {
                    "storage.kubernetes.io/csiProvisionerIdentity": (
                        "1700000000000-1234-diskplugin.csi.alibabacloud.com"
                    ),
                    "type": "cloud_essd",
                    "performanceLevel": "PL1",
                },
            },
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": "default",
                "name": "www-web-0",
                "uid": UID,
                "resourceVersion": "272",
            },
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": "alicloud-disk-essd",
            "volumeMode": "Filesystem",
            "nodeAffinity": {
                "required": {
                    "nodeSelectorTerms": [
                        {
                            "matchExpressions": [
                                {
                                    "key": "topology.diskplugin.csi.alibabacloud.com/zone",
                                    "operator": "In",
                                    "values": ["cn-beijing-i"],
                                }
                            ]
                        }
                    ]
                }
            },
        },
    }


def test_attributes_are_the_class_parameters_with_what_was_really_chosen() -> None:
    of_class = storage_class(
        type="cloud_essd,cloud_efficiency",
        performanceLevel="PL2",
        mkfsOptions="-O ^64bit",
        **{"csi.storage.k8s.io/fstype": "xfs", "csi.alibabacloud.com/reclaimPolicy": "Delete"},
    )
    of_class["mountOptions"] = ["noatime"]

    volume = made(claim(), of_class, Attempt("cloud_efficiency", ""))

    attributes = volume["spec"]["csi"]["volumeAttributes"]
    del attributes["storage.kubernetes.io/csiProvisionerIdentity"]
    assert attributes == {"type": "cloud_efficiency", "performanceLevel": "PL2", "mkfsOptions": "-O ^64bit"}
    assert volume["spec"]["csi"]["fsType"] == "xfs"
    assert volume["spec"]["mountOptions"] == ["noatime"]
    assert volume["metadata"]["labels"]["csi.alibabacloud.com/disktype"] == "cloud_efficiency"


def test_block_volume_has_no_file_system() -> None:
    volume = made(claim(volumeMode="Block"), storage_class(type="cloud_auto"), Attempt("cloud_auto", ""))

    assert "fsType" not in volume["spec"]["csi"]
    assert volume["spec"]["volumeMode"] == "Block"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, ["cloud_ssd", "cloud_efficiency"]),
        ({"type": "available"}, ["cloud_ssd", "cloud_efficiency"]),
        ({"type": "cloud_auto"}, ["cloud_auto"]),
        ({"type": "cloud_essd", "performanceLevel": "PL2,PL1"}, ["cloud_essd.PL2", "cloud_essd.PL1"]),
        ({"type": "cloud_essd,cloud_ssd", "performanceLevel": "PL1"}, ["cloud_essd.PL1", "cloud_ssd"]),
    ],
)
def test_categories_and_levels_are_tried_in_order(parameters: dict[str, str], expected: list[str]) -> None:
    assert [attempt.disk_type for attempt in attempts(parameters)] == expected


def test_disk_request_leaves_out_what_does_not_apply() -> None:
    parameters = {"type": "cloud_auto", "provisionedIops": "1000", "burstingEnabled": "true", "encrypted": "yes"}

    assert create_disk_parameters(claim(), parameters, "cn-beijing-i", Attempt("cloud_auto", "")) == {
        "ZoneId": "cn-beijing-i",
        "DiskCategory": "cloud_auto",
        "Size": 20,
        "DiskName": f"disk-{UID}",
        "Encrypted": True,
        "ProvisionedIops": "1000",
        "BurstingEnabled": "true",
    }


def test_disk_tags_come_in_the_order_of_1_3() -> None:
    tags = disk_tags(claim(), {"diskTags": "team:db,env:prod", "diskTags/cost": "42"}, "c123")

    assert tags == [
        ("k8s.aliyun.com", "true"),
        ("createdby", "alibabacloud-csi-plugin"),
        ("ack.aliyun.com", "c123"),
        ("cost", "42"),
        ("env", "prod"),
        ("kubernetes.io/created-for/pv/name", f"disk-{UID}"),
        ("kubernetes.io/created-for/pvc/name", "www-web-0"),
        ("kubernetes.io/created-for/pvc/namespace", "default"),
        ("team", "db"),
        ("csi.alibabacloud.com/volume-name", f"disk-{UID}"),
    ]


@pytest.mark.parametrize(
    ("quantity", "expected"), [("20Gi", 20), ("1Ti", 1024), ("20G", 19), ("1", 1), ("1.5Gi", 2), ("21474836480", 20)]
)
def test_sizes_are_rounded_up_to_gib(quantity: str, expected: int) -> None:
    assert gib(quantity) == expected


@pytest.mark.parametrize("quantity", ["", "twenty", "20ki", "20GiB"])
def test_what_is_no_size_is_refused(quantity: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        gib(quantity)

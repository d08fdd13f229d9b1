# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that the tests of the controllers make, and what they are called."""

from __future__ import annotations

import copy
from typing import Any

from tests.sandbox.kube.controllers.objects import (
    Object,
)

DRIVER = "diskplugin.csi.alibabacloud.com"
DISK_ZONE = f"topology.{DRIVER}/zone"
ATTACHER = "external-attacher/diskplugin-csi-alibabacloud-com"
PROVISIONER = "external-provisioner.volume.kubernetes.io/finalizer"
CLASS = "alicloud-disk-essd"

PODS, CLAIMS, VOLUMES, NODES = "pods", "persistentvolumeclaims", "persistentvolumes", "nodes"
SETS, ATTACHMENTS, EVENTS = "statefulsets.apps", "volumeattachments.storage.k8s.io", "events"


def new_node(zone: str, node_name: str = "") -> Object:
    labels = {
        "kubernetes.io/hostname": node_name or f"node-zone-{zone}",
        "topology.kubernetes.io/region": "cn-beijing",
        "topology.kubernetes.io/zone": f"cn-beijing-{zone}",
        DISK_ZONE: f"cn-beijing-{zone}",
    }
    return {"metadata": {"name": labels["kubernetes.io/hostname"], "labels": labels}, "spec": {}}


def new_class(class_name: str = CLASS, mode: str = "WaitForFirstConsumer", provisioner: str = DRIVER) -> Object:
    return {
        "metadata": {"name": class_name},
        "provisioner": provisioner,
        "parameters": {"type": "cloud_essd"},
        "reclaimPolicy": "Delete",
        "allowVolumeExpansion": True,
        "volumeBindingMode": mode,
    }


def new_volume(
    volume: str,
    zone: str = "cn-beijing-k",
    *,
    policy: str = "Retain",
    handle: str = "",
    size: str = "20Gi",
    reserved_for: str = "",
) -> Object:
    """As a migrator makes it: with ``reserved_for`` a claim of namespace default, without its uid."""
    obj: Object = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": volume, "annotations": {"pv.kubernetes.io/provisioned-by": DRIVER}},
        "spec": {
            "capacity": {"storage": size},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": policy,
            "storageClassName": CLASS,
            "volumeMode": "Filesystem",
            "csi": {
                "driver": DRIVER,
                "fsType": "ext4",
                "volumeHandle": handle or volume,
                "volumeAttributes": {"type": "cloud_essd"},
            },
            "nodeAffinity": {
                "required": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": DISK_ZONE, "operator": "In", "values": [zone]}]},
                    ]
                }
            },
        },
    }
    if reserved_for:
        obj["spec"]["claimRef"] = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": "default",
            "name": reserved_for,
        }
    return obj


def new_claim(claim: str, volume: str = "", *, size: str = "20Gi", class_name: str = CLASS, **metadata: Any) -> Object:
    obj: Object = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": claim, "namespace": "default", "labels": {"app": "nginx"}, **metadata},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": class_name,
            "resources": {"requests": {"storage": size}},
        },
    }
    if volume:
        obj["spec"]["volumeName"] = volume
    return obj


# The vendor's own example (shared/examples/web.yaml).
WEB: Object = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "selector": {"matchLabels": {"app": "nginx"}},
        "serviceName": "nginx",
        "replicas": 2,
        "template": {
            "metadata": {"labels": {"app": "nginx"}},
            "spec": {
                "containers": [
                    {
                        "name": "nginx",
                        "image": "nginx:1.14.2",
                        "ports": [{"containerPort": 80, "name": "web"}],
                        "volumeMounts": [{"name": "www", "mountPath": "/usr/share/nginx/html"}],
                    }
                ],
            },
        },
        "volumeClaimTemplates": [
            {
                "metadata": {"name": "www", "labels": {"app": "nginx"}},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "storageClassName": CLASS,
                    "resources": {"requests": {"storage": "20Gi"}},
                },
            }
        ],
    },
}


def new_set(set_name: str = "web", **spec: Any) -> Object:
    obj = copy.deepcopy(WEB)
    obj["metadata"]["name"] = set_name
    obj["spec"].update(spec)
    return obj

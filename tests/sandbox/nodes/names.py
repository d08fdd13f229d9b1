# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names that the disk driver, its side-cars and the kubelet share (csi-and-statefulsets.md 1.1, 1.3 and 1.5)."""

from __future__ import annotations

DRIVER = "diskplugin.csi.alibabacloud.com"

PROVISIONER_FINALIZER = "external-provisioner.volume.kubernetes.io/finalizer"
ATTACHER_FINALIZER = "external-attacher/diskplugin-csi-alibabacloud-com"

PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
STORAGE_PROVISIONERS = ("volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner")
VOLUME_TOPOLOGY = "csi.alibabacloud.com/volume-topology"
DISK_TYPE_LABEL = "csi.alibabacloud.com/disktype"
NODE_ID_ANNOTATION = "csi.alpha.kubernetes.io/node-id"

DISK_ZONE = "topology.diskplugin.csi.alibabacloud.com/zone"
DISK_REGION = "topology.diskplugin.csi.alibabacloud.com/region"
ZONE = "topology.kubernetes.io/zone"
REGION = "topology.kubernetes.io/region"
INSTANCE_ID = "alibabacloud.com/ecs-instance-id"
TOPOLOGY_KEYS = (INSTANCE_ID, DISK_ZONE, REGION, ZONE)
DISK_TYPE_AVAILABLE = "node.csi.alibabacloud.com/disktype."

NEVER_READY_IN = "sandbox.zoneshift.io/never-ready-in"
"""Pod annotation, for tests: a comma list of zones on whose nodes the pod runs but never becomes Ready."""

PODS = "pods"
CLAIMS = "persistentvolumeclaims"
VOLUMES = "persistentvolumes"
NODES = "nodes"
NAMESPACES = "namespaces"
EVENTS = "events"
LEASES = "leases.coordination.k8s.io"
CSI_NODES = "csinodes.storage.k8s.io"
STORAGE_CLASSES = "storageclasses.storage.k8s.io"
ATTACHMENTS = "volumeattachments.storage.k8s.io"


def volume_in_use(volume_handle: str) -> str:
    """How a node names a CSI volume in ``status.volumesInUse``."""
    return f"kubernetes.io/csi/{DRIVER}^{volume_handle}"

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a node joins and stays: Node, CSINode and Lease (csi-and-statefulsets.md 1.5)."""

from __future__ import annotations

import json
import threading

import urllib3
from kubernetes.client import ApiException

from .client import Kubernetes, Object, micro_timestamp, timestamp
from .ecs import Ecs
from .names import (
    CSI_NODES,
    DISK_TYPE_AVAILABLE,
    DISK_ZONE,
    DRIVER,
    INSTANCE_ID,
    LEASES,
    NAMESPACES,
    NODES,
    REGION,
    TOPOLOGY_KEYS,
    ZONE,
)
from .shared import NodeSpec

_LEASE_NAMESPACE = "kube-node-lease"
_LEASE_SECONDS = 40


class Registration:
    """Of all nodes of the process; one thread renews all leases."""

    def __init__(self, kubernetes: Kubernetes, ecs: Ecs, nodes: list[NodeSpec], heartbeat: float = 10.0) -> None:
        self._kubernetes = kubernetes
        self._ecs = ecs
        self._nodes = nodes
        self._heartbeat = heartbeat
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Returns when every node is registered and Ready."""
        self._create_unless_there(
            NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _LEASE_NAMESPACE}}
        )
        categories: dict[tuple[str, str], list[str]] = {}
        quantities: dict[str, int] = {}
        for node in self._nodes:
            sort = (node.zone, node.instance_type)
            if sort not in categories:
                categories[sort] = self._ecs.data_disk_categories(*sort)
            if node.instance_type not in quantities:
                quantities[node.instance_type] = self._ecs.disk_quantity(node.instance_type)
            self._register(node, categories[sort], quantities[node.instance_type])
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _register(self, node: NodeSpec, categories: list[str], disk_quantity: int) -> None:
        self._create_unless_there(NODES, node_object(node, categories))
        self._kubernetes.patch(NODES, node.name, {"status": node_status(node)}, subresource="status")
        created = self._kubernetes.get(NODES, node.name)
        assert created
        self._create_unless_there(CSI_NODES, csi_node_object(node, created["metadata"]["uid"], disk_quantity - 1))
        self._create_unless_there(LEASES, lease_object(node, created["metadata"]["uid"]))

    def _create_unless_there(self, resource: str, obj: Object) -> None:
        try:
            self._kubernetes.create(resource, obj)
        except ApiException as error:
            if error.status != 409:
                raise

    def _run(self) -> None:
        while not self._stopping.wait(self._heartbeat):
            for node in self._nodes:
                if self._stopping.is_set():
                    return
                try:
                    self._kubernetes.patch(
                        LEASES, node.name, {"spec": {"renewTime": micro_timestamp()}}, namespace=_LEASE_NAMESPACE
                    )
                except (ApiException, urllib3.exceptions.HTTPError, OSError):
                    # The next heartbeat tries again; the lease's length allows for three lost ones.
                    continue


def node_object(node: NodeSpec, categories: list[str]) -> Object:
    labels = {
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "node.kubernetes.io/instance-type": node.instance_type,
        INSTANCE_ID: node.instance_id,
        ZONE: node.zone,
        REGION: node.region,
        DISK_ZONE: node.zone,
    }
    annotations = {
        # Without it the attach-detach controller leaves the node alone.
        "volumes.kubernetes.io/controller-managed-attach-detach": "true",
        "csi.volume.kubernetes.io/nodeid": json.dumps({DRIVER: node.instance_id}),
    }
    labels |= {DISK_TYPE_AVAILABLE + category: "available" for category in categories}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "labels": labels, "annotations": annotations},
        "spec": {"providerID": f"{node.region}.{node.instance_id}"},
    }


def node_status(node: NodeSpec) -> Object:
    now = timestamp()
    size = {"cpu": "4", "memory": "16Gi", "pods": "110", "ephemeral-storage": "100Gi"}
    healthy = {"MemoryPressure": False, "DiskPressure": False, "PIDPressure": False, "Ready": True}
    return {
        "capacity": size,
        "allocatable": size,
        "addresses": [
            {"type": "InternalIP", "address": node.address},
            {"type": "Hostname", "address": node.name},
        ],
        "conditions": [
            {
                "type": name,
                "status": str(value),
                "reason": "KubeletReady" if name == "Ready" else f"KubeletHasNo{name}",
                "message": "kubelet is posting ready status" if name == "Ready" else "",
                "lastHeartbeatTime": now,
                "lastTransitionTime": now,
            }
            for name, value in healthy.items()
        ],
        "nodeInfo": {
            "architecture": "amd64",
            "operatingSystem": "linux",
            "kubeletVersion": "v1.36.2",
            "kubeProxyVersion": "v1.36.2",
            "containerRuntimeVersion": "sandbox://1",
            "kernelVersion": "5.10",
            "osImage": "Zoneshift sandbox",
            "machineID": node.instance_id,
            "systemUUID": node.instance_id,
            "bootID": node.instance_id,
        },
        "volumesInUse": [],
    }


def csi_node_object(node: NodeSpec, node_uid: str, data_disks: int) -> Object:
    owner = {"apiVersion": "v1", "kind": "Node", "name": node.name, "uid": node_uid}
    driver = {
        "name": DRIVER,
        "nodeID": node.instance_id,
        "topologyKeys": list(TOPOLOGY_KEYS),
        "allocatable": {"count": data_disks},
    }
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "CSINode",
        "metadata": {"name": node.name, "ownerReferences": [owner]},
        "spec": {"drivers": [driver]},
    }


def lease_object(node: NodeSpec, node_uid: str) -> Object:
    owner = {"apiVersion": "v1", "kind": "Node", "name": node.name, "uid": node_uid}
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": node.name, "namespace": _LEASE_NAMESPACE, "ownerReferences": [owner]},
        "spec": {
            "holderIdentity": node.name,
            "leaseDurationSeconds": _LEASE_SECONDS,
            "renewTime": micro_timestamp(),
        },
    }

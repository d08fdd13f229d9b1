# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster as the scheduler sees it while it looks for a node for one pod."""

from __future__ import annotations

from ..client import Client
from . import provisioning
from .filters import NodeState
from .matching import class_of
from .nodeselectors import taints, tolerates
from .objects import Object, claim_names, controller_of, has_ended, labels_of, name, namespace, node_of
from .volumebinding import Storage

ZONE = "topology.kubernetes.io/zone"


class Snapshot:
    """``assumed``: pods that have a node in mind (by its name), and take up room there."""

    def __init__(self, client: Client, pod: Object, assumed: list[tuple[Object, str]]) -> None:
        self._claims = {(namespace(claim), name(claim)): claim for claim in client.list("persistentvolumeclaims")}
        self.storage = Storage(
            claims={key[1]: claim for key, claim in self._claims.items() if key[0] == namespace(pod)},
            volumes={name(volume): volume for volume in client.list("persistentvolumes")},
            classes={name(each): each for each in client.list("storageclasses.storage.k8s.io")},
        )
        placed = [(each, node_of(each)) for each in client.list("pods") if node_of(each) and not has_ended(each)]
        limits = {name(each): _limits(each) for each in client.list("csinodes.storage.k8s.io")}
        attachments = client.list("volumeattachments.storage.k8s.io")
        self.states = []
        for node in client.list("nodes"):
            pods = [each for each, where in [*placed, *assumed] if where == name(node)]
            volumes = self._attached(attachments, name(node))
            for each in pods:
                for driver, handles in self.handles(each).items():
                    volumes.setdefault(driver, set()).update(handles)
            self.states.append(NodeState(node, pods, volumes, limits.get(name(node), {})))

    def find_node(self, node_name: str) -> Object | None:
        return next((state.node for state in self.states if name(state.node) == node_name), None)

    def node(self, node_name: str) -> Object:
        found = self.find_node(node_name)
        if found is None:
            raise KeyError(node_name)
        return found

    def handles(self, pod: Object) -> dict[str, set[str]]:
        """The CSI volumes that the pod needs, by driver; one that is yet to be made counts by the name of its claim."""
        result: dict[str, set[str]] = {}
        for wanted in claim_names(pod):
            claim = self._claims.get((namespace(pod), wanted))
            if claim is None:
                continue
            volume = self.storage.volumes.get(claim["spec"].get("volumeName") or "")
            storage_class = self.storage.classes.get(class_of(claim))
            if volume and volume["spec"].get("csi"):
                csi = volume["spec"]["csi"]
                result.setdefault(csi["driver"], set()).add(csi["volumeHandle"])
            elif not volume and provisioning.can_provision(storage_class):
                driver = str((storage_class or {})["provisioner"])
                result.setdefault(driver, set()).add(f"{namespace(pod)}/{wanted}")
        return result

    def score(self, pod: Object, state: NodeState) -> tuple[int, ...]:
        """The smaller the better: soft taints, then siblings in the zone, siblings on the node, pods on the node.

        What the default plug-ins amount to for replicas without wishes of their own: they are spread.
        """
        soft = sum(taint["effect"] == "PreferNoSchedule" and not tolerates(pod, taint) for taint in taints(state.node))
        zone = labels_of(state.node).get(ZONE)
        in_zone = sum(_siblings(pod, other) for other in self.states if labels_of(other.node).get(ZONE) == zone)
        return soft, in_zone, _siblings(pod, state), len(state.pods)

    def _attached(self, attachments: list[Object], node_name: str) -> dict[str, set[str]]:
        result: dict[str, set[str]] = {}
        for attachment in attachments:
            spec = attachment["spec"]
            volume = self.storage.volumes.get(spec["source"].get("persistentVolumeName") or "")
            if spec["nodeName"] == node_name and volume and volume["spec"].get("csi"):
                result.setdefault(spec["attacher"], set()).add(volume["spec"]["csi"]["volumeHandle"])
        return result


def _limits(csi_node: Object) -> dict[str, int]:
    drivers = (csi_node.get("spec") or {}).get("drivers") or []
    return {
        driver["name"]: int(driver["allocatable"]["count"])
        for driver in drivers
        if (driver.get("allocatable") or {}).get("count") is not None
    }


def _siblings(pod: Object, state: NodeState) -> int:
    owner = controller_of(pod)
    if owner is None:
        return 0
    return sum((controller_of(other) or {}).get("uid") == owner["uid"] for other in state.pods)

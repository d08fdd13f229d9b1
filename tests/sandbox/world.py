# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The world as one JSON document: what tests compare and what ``python -m tests.sandbox world`` shows.

``disks``, ``snapshots``, ``deleted_disks``, ``instances``  by id, as ``Cloud.world`` has them, with ``contents``
``pods``, ``claims``, ``statefulsets``, ``journals``        by ``namespace/name``: whole objects without managedFields
``advanced_statefulsets``                                   the same, OpenKruise's
``volumes``, ``attachments``, ``nodes``                     by name
``writes``, ``disasters``                                   see ``ledger.py``
``last_request``                                            number of the newest request, for ``/requests?since=``
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from .ledger import Ledger
from .requestlog import RequestLog

if TYPE_CHECKING:
    from .ecs.cloud import Cloud

RUN_KEY = "zoneshift.io/run"
"""The label of a journal, and the tag of every disk and snapshot that a run makes; the value is the run id."""

_KINDS = {
    "pods": "pods",
    "claims": "persistentvolumeclaims",
    "volumes": "persistentvolumes",
    "statefulsets": "statefulsets.apps",
    "attachments": "volumeattachments.storage.k8s.io",
    "nodes": "nodes",
    "journals": "configmaps",
}

World = dict[str, Any]
ListObjects = Callable[[str], Iterable[dict[str, Any]]]


def world(
    cloud: Cloud,
    list_objects: ListObjects,
    ledger: Ledger,
    log: RequestLog,
    extra: dict[str, str],
    *,
    contents: bool = True,
) -> World:
    """The ledger is read before the disks: what was acknowledged by then must be on them.

    ``extra``: more kinds that the cluster has, by the name that they get here.
    """
    found: World = {"last_request": log.last_number, **ledger.as_json(), "advanced_statefulsets": {}}
    for name, resource in (_KINDS | extra).items():
        found[name] = {_key(obj): _bare(obj) for obj in list_objects(resource)}
    found["journals"] = {
        key: obj for key, obj in found["journals"].items() if RUN_KEY in (obj["metadata"].get("labels") or {})
    }
    found |= cloud.world()
    if not contents:
        for kind in ("disks", "snapshots", "deleted_disks"):
            for thing in found[kind].values():
                thing.pop("contents", None)
    return found


def is_ready(pod: dict[str, Any]) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def mounts(pod: dict[str, Any], claim: str) -> bool:
    """Whether the pod uses the claim ``namespace/name``."""
    namespace, name = claim.split("/")
    return pod["metadata"]["namespace"] == namespace and any(
        volume.get("persistentVolumeClaim", {}).get("claimName") == name for volume in pod["spec"].get("volumes") or []
    )


def zone_of_pod(world: World, pod: dict[str, Any]) -> str:
    node = world["nodes"].get(pod["spec"].get("nodeName", ""), {"metadata": {}})
    return str((node["metadata"].get("labels") or {}).get("topology.kubernetes.io/zone", "-"))


def disk_of(volume: dict[str, Any]) -> str:
    """The disk of a PV; empty for none, or for one of another kind."""
    return str((volume.get("spec") or {}).get("csi", {}).get("volumeHandle", ""))


def disk_of_claim(world: World, claim: str) -> str:
    """The disk that the claim ``namespace/name`` is bound to; empty when there is none."""
    name = world["claims"].get(claim, {"spec": {}})["spec"].get("volumeName", "")
    return disk_of(world["volumes"].get(name) or {})


def _key(obj: dict[str, Any]) -> str:
    metadata = obj["metadata"]
    return "/".join(filter(None, (metadata.get("namespace", ""), metadata["name"])))


def _bare(obj: dict[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return {**obj, "metadata": metadata}

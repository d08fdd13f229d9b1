# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims on real disks of the emulated cloud, as the disk driver leaves them, without any pod."""

from __future__ import annotations

import copy
import itertools
from typing import Any

from tests.sandbox.kube.client import Client
from tests.sandbox.sandbox import Sandbox
from tests.support import wait_for
from tests.unit.plugins.modules.clouds import ZONE_H, ZONE_K, make_disk

PVS, CLAIMS = "persistentvolumes", "persistentvolumeclaims"
DRIVER = "diskplugin.csi.alibabacloud.com"
ZONE_KEY = "topology.diskplugin.csi.alibabacloud.com/zone"
HOLD = "zoneshift.io/hold"
Obj = dict[str, Any]

_numbers = itertools.count(1)


def outsider(sandbox: Sandbox) -> Client:
    """Somebody who is not the collection."""
    return sandbox.cluster.client("outsider")


def pv_of_driver(disk_id: str, zone: str, **spec: Any) -> Obj:
    """What the driver's provisioner makes (csi-and-statefulsets.md 1.1, 1.3)."""
    term = {"matchExpressions": [{"key": ZONE_KEY, "operator": "In", "values": [zone]}]}
    whole = {
        "capacity": {"storage": "20Gi"},
        "accessModes": ["ReadWriteOnce"],
        "csi": {
            "driver": DRIVER,
            "volumeHandle": disk_id,
            "fsType": "ext4",
            "volumeAttributes": {"type": "cloud_essd", "performanceLevel": "PL1"},
        },
        "persistentVolumeReclaimPolicy": "Delete",
        "storageClassName": "alicloud-disk-essd",
        "volumeMode": "Filesystem",
        "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
        **spec,
    }
    metadata = {"name": disk_id, "annotations": {"pv.kubernetes.io/provisioned-by": DRIVER}}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": whole}


def claim_for(name: str, pv: str = "", **spec: Any) -> Obj:
    whole = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "alicloud-disk-essd",
        "resources": {"requests": {"storage": "20Gi"}},
        **({"volumeName": pv} if pv else {}),
        **spec,
    }
    metadata = {"name": name, "namespace": "default", "labels": {"app": "shop"}, "annotations": {"team": "a"}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": whole}


def reference_to(claim: str) -> Obj:
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": "default", "name": claim}


def make_bound(sandbox: Sandbox, claim: str = "", **pv_spec: Any) -> Obj:
    """A claim of its own, Bound to a disk in zone h, and a disk in zone k: the volume as the modules take it."""
    client, claim = outsider(sandbox), claim or f"data-{next(_numbers)}"
    source, target = make_disk(sandbox), make_disk(sandbox, ZoneId=ZONE_K)
    client.create(PVS, pv_of_driver(source, ZONE_H, claimRef=reference_to(claim), **pv_spec))
    client.create(CLAIMS, claim_for(claim, source))
    wait_until_bound(sandbox, claim)
    return {
        "claim": claim,
        "source_disk_id": source,
        "source_zone": ZONE_H,
        "source_pv": source,
        "disk_id": target,
        "zone": ZONE_K,
        "size_gib": 20,
    }


def at_source(volume: Obj, **changes: Any) -> Obj:
    return {**volume, "disk_id": volume["source_disk_id"], "zone": volume["source_zone"], **changes}


def get(sandbox: Sandbox, key: str, name: str) -> Obj:
    found = outsider(sandbox).get(key, name, "" if key == PVS else "default")
    assert found is not None, f"{key} {name} is gone"
    return found


def wait_until_bound(sandbox: Sandbox, claim: str) -> Obj:
    def probe() -> Obj | None:
        found = outsider(sandbox).get(CLAIMS, claim, "default")
        return found if found and (found.get("status") or {}).get("phase") == "Bound" else None

    return wait_for(probe, f"claim {claim} to be Bound")


def disk_behind(sandbox: Sandbox, claim: str) -> str:
    """Of the claim, which must be bound on both sides."""
    bound = get(sandbox, CLAIMS, claim)
    pv = get(sandbox, PVS, bound["spec"]["volumeName"])
    assert pv["spec"]["claimRef"]["uid"] == bound["metadata"]["uid"]
    assert (bound["status"]["phase"], pv["status"]["phase"]) == ("Bound", "Bound")
    assert not bound["metadata"].get("deletionTimestamp")
    return str(pv["spec"]["csi"]["volumeHandle"])


def pvs_on(sandbox: Sandbox, disk_id: str) -> list[Obj]:
    found = outsider(sandbox).list(PVS)
    return [pv for pv in found if pv["spec"].get("csi", {}).get("volumeHandle") == disk_id]


def hold(sandbox: Sandbox, claim: str) -> None:
    """As sts_scale does it."""
    client = outsider(sandbox)
    finalizers = [*get(sandbox, CLAIMS, claim)["metadata"].get("finalizers", []), HOLD]
    client.patch(CLAIMS, claim, {"metadata": {"finalizers": finalizers}}, "default")
    client.delete(CLAIMS, claim, "default")


def recreate_when_deleted(sandbox: Sandbox, claim: str) -> Client:
    """What a StatefulSet's controller does: a claim that is gone comes back at once, from the template. Stop it."""
    client = sandbox.cluster.client("controller")
    template = claim_for(claim)
    template["metadata"] = {"name": claim, "namespace": "default", "labels": {"from": "template"}}

    def handler(event: str, obj: Obj, _previous: Obj | None) -> None:
        if event == "DELETED" and obj["metadata"]["name"] == claim:
            client.create(CLAIMS, copy.deepcopy(template))

    client.subscribe(CLAIMS, handler)
    return client

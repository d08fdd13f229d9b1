# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects as a cluster and ECS would show them, and a world in which everything is well.

PV and claim start from what a real v1.36 API server stored (tests/fixtures/kubernetes-samples, 00-object-*), so that
what it adds by itself (uids, finalizers, annotations, managedFields) is there. Each test changes what it is about.
"""

from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

from ansible_collections.zoneshift.ack.plugins.module_utils._domain import journal as journals
from ansible_collections.zoneshift.ack.plugins.module_utils._domain import objects, plan
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.cloud import Disk, Offer
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.journal import Journal
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.model import Finding, Observed, Plan, Volume, Wish
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.objects import Obj

SAMPLES = Path(__file__).parents[4] / "fixtures" / "kubernetes-samples"
ZONE_H, ZONE_I, ZONE_J, ZONE_K = (f"cn-beijing-{letter}" for letter in "hijk")
ZONES = (ZONE_H, ZONE_I, ZONE_J, ZONE_K)
RUN_ID = "run-1"
NAMESPACE = "default"
ZONE_KEY = "topology.diskplugin.csi.alibabacloud.com/zone"
DISK_LABEL = "node.csi.alibabacloud.com/disktype."


def sample(name: str) -> Obj:
    """An object that a real API server stored."""
    found: Obj = json.loads((SAMPLES / f"{name}.json").read_text())
    return found


_PV = sample("00-object-pv-bound")
_CLAIM = sample("00-object-pvc-bound")


def disk_id_of(claim: str) -> str:
    """The disk that a claim of these worlds is on."""
    return f"d-{claim}"


def make_claim(name: str = "www-web-0", *, pv: str | None = None, size: str = "20Gi") -> Obj:
    """A claim that was provisioned dynamically and is Bound."""
    claim = copy.deepcopy(_CLAIM)
    claim["metadata"].update(name=name, namespace=NAMESPACE, uid=f"uid-{name}")
    claim["spec"]["volumeName"] = disk_id_of(name) if pv is None else pv
    claim["spec"]["resources"] = {"requests": {"storage": size}}
    return claim


def _template(name: str) -> Obj:
    spec = make_claim()["spec"]
    del spec["volumeName"]
    return {"metadata": {"name": name}, "spec": spec}


def make_pv(
    claim: Obj, *, name: str | None = None, disk_id: str | None = None, zone: str = ZONE_I, size: str = "20Gi"
) -> Obj:
    """The PV that the claim is bound to, reclaim policy Delete as ACK's classes have it."""
    pv = copy.deepcopy(_PV)
    default = objects.volume_name(claim)
    pv["metadata"].update(name=name or default, uid=f"uid-pv-{name or default}")
    pv["spec"]["csi"]["volumeHandle"] = disk_id or default
    pv["spec"]["capacity"] = {"storage": size}
    pv["spec"]["claimRef"].update(namespace=objects.namespace(claim), name=objects.name(claim), uid=objects.uid(claim))
    term = pv["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]
    term["matchExpressions"][0]["values"] = [zone]
    return pv


def affinity(*expressions: tuple[str, list[str]]) -> Obj:
    """A PV's nodeAffinity of one term."""
    found = [{"key": key, "operator": "In", "values": values} for key, values in expressions]
    return {"required": {"nodeSelectorTerms": [{"matchExpressions": found}]}}


def make_disk(disk_id: str = "d-www-web-0", zone: str = ZONE_I, **changes: Any) -> Disk:
    """A PL1 ESSD that is attached to a node."""
    disk = Disk(
        disk_id=disk_id,
        region_id="cn-beijing",
        zone_id=zone,
        status="In_use",
        category="cloud_essd",
        size_gib=20,
        performance_level="PL1",
        attachments=("i-1",),
        attached_time="2026-11-01T00:00:00Z",
    )
    return dataclasses.replace(disk, **changes)


def make_sts(replicas: int | None = 2, *, name: str = "web", templates: tuple[str, ...] = ("www",), **spec: Any) -> Obj:
    """A settled apps/v1 StatefulSet; ``spec`` adds fields to its spec."""
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": NAMESPACE, "uid": f"uid-sts-{name}"},
        "spec": {
            **({} if replicas is None else {"replicas": replicas}),
            "template": {"metadata": {"labels": {"app": "nginx"}}, "spec": {"containers": []}},
            "volumeClaimTemplates": [_template(name) for name in templates],
            **spec,
        },
        "status": {
            "readyReplicas": 1 if replicas is None else replicas,
            "currentRevision": f"{name}-1",
            "updateRevision": f"{name}-1",
        },
    }


def mount_in_template(sts: Obj, claim: str) -> None:
    """Let every replica mount this one claim."""
    volumes = sts["spec"]["template"]["spec"].setdefault("volumes", [])
    volumes.append({"name": "shared", "persistentVolumeClaim": {"claimName": claim}})


def make_pod(name: str, claims: tuple[str, ...], sts: Obj | None = None, phase: str = "Running") -> Obj:
    """A pod that mounts the claims; controlled by ``sts`` if given."""
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "controller": True}
    references = [{**owner, "uid": objects.uid(sts)}] if sts else []
    return {
        "metadata": {"name": name, "namespace": NAMESPACE, "ownerReferences": references},
        "spec": {
            "nodeName": "node-i-1",
            "volumes": [{"name": claim, "persistentVolumeClaim": {"claimName": claim}} for claim in claims],
        },
        "status": {"phase": phase},
    }


def make_node(zone: str, *, labels: dict[str, str] | None = None, ready: str = "True", cordoned: bool = False) -> Obj:
    """A node that says that it takes ESSDs."""
    own = {"topology.kubernetes.io/zone": zone, ZONE_KEY: zone, f"{DISK_LABEL}cloud_essd": "available"}
    return {
        "metadata": {"name": f"node-{zone[-1]}-1", "labels": own if labels is None else labels},
        "spec": {"unschedulable": True} if cordoned else {},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def make_offer(zone: str, category: str = "cloud_essd", status: str = "Available", stock: str = "WithStock") -> Offer:
    return Offer(zone_id=zone, category=category, status=status, stock=stock)


def world_of(sts: Obj, zones: dict[str, str] | None = None) -> Observed:
    """Everything that a settled StatefulSet comes with; ``zones`` places claims elsewhere than in zone i."""
    names = [claim for claim, _ordinal in objects.expected_claims(sts)]
    of_claim = {name: (zones or {}).get(name, ZONE_I) for name in names}
    claims = {name: make_claim(name) for name in names}
    pvs = [make_pv(claim, zone=of_claim[name]) for name, claim in claims.items()]
    by_ordinal: dict[int, list[str]] = {ordinal: [] for ordinal in objects.ordinals(sts)}
    for claim, ordinal in objects.expected_claims(sts):
        for mounted in by_ordinal.values() if ordinal is None else (by_ordinal[ordinal],):
            mounted.append(claim)
    return Observed(
        sts=sts,
        claims=claims,
        pvs={objects.name(pv): pv for pv in pvs},
        pods=tuple(
            make_pod(f"{objects.name(sts)}-{number}", tuple(mounts), sts) for number, mounts in by_ordinal.items()
        ),
        nodes=tuple(make_node(zone) for zone in ZONES),
        disks={disk_id_of(name): make_disk(disk_id_of(name), zone) for name, zone in of_claim.items()},
        zones=ZONES,
        offers={zone: (make_offer(zone),) for zone in ZONES},
    )


def healthy_world() -> Observed:
    """Two replicas with one disk each in zone i."""
    return world_of(make_sts(2))


def wish_for(*target_zones: str, **changes: Any) -> Wish:
    return Wish(namespace=NAMESPACE, name="web", target_zones=target_zones, run_id=RUN_ID, **changes)


def plan_for(seen: Observed, *target_zones: str, **changes: Any) -> Plan:
    return plan.make_plan(wish_for(*(target_zones or (ZONE_K,)), **changes), seen)


def find(findings: list[Finding] | tuple[Finding, ...], check_id: str) -> list[Finding]:
    return [finding for finding in findings if finding.id == check_id]


def moved(claim: str = "www-web-0", *, zone: str = ZONE_K, **changes: Any) -> Volume:
    """A volume that a run has brought as far as a new disk in its target zone."""
    volume = Volume(
        claim=claim,
        claim_uid=f"uid-{claim}",
        ordinal=0,
        source_disk_id=disk_id_of(claim),
        source_zone=ZONE_I,
        source_pv=disk_id_of(claim),
        zone=zone,
        snapshot_id=f"s-{claim}",
        disk_id=f"d-new-{claim}",
        size_gib=20,
    )
    return dataclasses.replace(volume, **changes)


def open_journal(*target_zones: str, replicas: int = 2) -> Journal:
    """The journal of a run that was just opened on a healthy world."""
    seen = world_of(make_sts(replicas))
    planned = plan_for(seen, *target_zones).as_dict()
    return journals.begin(planned, list(seen.claims.values()), list(seen.pvs.values()), "2026-11-22T22:00:00Z")

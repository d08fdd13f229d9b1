# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Worlds in which something is wrong, each with the finding that names it, and worlds that only look like it."""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

from ansible_collections.zoneshift.ack.plugins.module_utils._domain.model import Observed, Severity
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.objects import Obj

from tests.unit.plugins.module_utils._domain.worlds import (
    DISK_LABEL,
    ZONE_I,
    ZONE_J,
    ZONE_K,
    ZONE_KEY,
    make_node,
    make_offer,
    make_pod,
    make_pv,
    make_sts,
    mount_in_template,
    world_of,
)

CLAIM, DISK = "www-web-0", "d-www-web-0"
DELETED = {"deletionTimestamp": "2026-11-22T22:00:00Z"}


class Change(Protocol):
    def __call__(self, seen: Observed, /) -> Observed | None:
        """Alters what was seen, or returns what is seen instead."""


def but(**changes: Any) -> Change:
    return lambda seen: dataclasses.replace(seen, **changes)


def claim_with(**metadata: Any) -> Change:
    return lambda seen: seen.claims[CLAIM]["metadata"].update(metadata)


def pv_with(**spec: Any) -> Change:
    return lambda seen: seen.pvs[DISK]["spec"].update(spec)


def sts_with(part: str, **fields: Any) -> Change:
    return lambda seen: seen.sts[part].update(fields)


def disk_with(**changes: Any) -> Change:
    return lambda seen: seen.disks.update({DISK: dataclasses.replace(seen.disks[DISK], **changes)})


def without(part: str, key: str) -> Change:
    """One entry less; ``pop`` returns it, and a change must return a world or nothing."""

    def drop(seen: Observed) -> None:
        del getattr(seen, part)[key]

    return drop


def revisions_apart(strategy: dict[str, Any]) -> Change:
    def change(seen: Observed) -> None:
        seen.sts["spec"]["updateStrategy"] = strategy
        seen.sts["status"]["updateRevision"] = "web-2"

    return change


def nodes(*of_zone_k: Any) -> Change:
    """The cluster with these nodes in zone k."""
    return but(nodes=(make_node(ZONE_I), *of_zone_k))


def offers(*of_zone_k: Any) -> Change:
    return but(offers={ZONE_K: of_zone_k})


def other_pod(pod: Obj) -> Change:
    return lambda seen: dataclasses.replace(seen, pods=(*seen.pods, pod))


def second_pv(seen: Observed) -> None:
    pv = make_pv(seen.claims[CLAIM], name="older", disk_id=DISK)
    seen.pvs["older"] = pv


def another_driver(seen: Observed) -> None:
    seen.pvs[DISK]["spec"]["csi"]["driver"] = "nasplugin.csi.alibabacloud.com"


def network_volume(seen: Observed) -> None:
    another_driver(seen)
    del seen.pvs[DISK]["spec"]["nodeAffinity"]


def shared_claim(seen: Observed) -> Observed:
    sts = make_sts(2)
    mount_in_template(sts, "shared")
    return world_of(sts)


def hooked_by(**hook: Any) -> Change:
    """A pod that has a label and a finalizer, in a set with this preDelete hook."""

    def change(seen: Observed) -> None:
        seen.pods[1]["metadata"].update(labels={"drain": "first"}, finalizers=["example.com/drain"])
        seen.sts["spec"]["lifecycle"] = {"preDelete": hook}

    return change


def with_start_in_force(seen: Observed) -> Observed:
    """OpenKruise with the feature gate: what runs is web-5 and web-6."""
    started = world_of(make_sts(2, ordinals={"start": 5}))
    started.sts["apiVersion"] = "apps.kruise.io/v1beta1"
    return dataclasses.replace(seen, sts=started.sts, pods=started.pods)


def claim_asks(size: str) -> Change:
    return lambda seen: seen.claims[CLAIM]["spec"].update(resources={"requests": {"storage": size}})


def template_asks(**spec: Any) -> Change:
    return lambda seen: seen.sts["spec"]["volumeClaimTemplates"][0]["spec"].update(spec)


def kubelet_only(zone: str) -> Obj:
    return make_node(zone, labels={"topology.kubernetes.io/zone": zone, "type": "virtual-kubelet"})


def takes(category: str) -> dict[str, str]:
    return {ZONE_KEY: ZONE_K, DISK_LABEL + category: "available"}


ONE_AUTOSCALER = but(autoscalers=("HorizontalPodAutoscaler web",))
MISSING_RIGHTS = but(missing_rights=("delete persistentvolumes",))
OWNED = sts_with("metadata", ownerReferences=[{"kind": "Kafka", "name": "events", "controller": True}])
NO_ZONE = {"nodeAffinity": None}

BLOCKERS = [
    ("zone-unknown", but(zones=(ZONE_I, ZONE_J)), [ZONE_K, ZONE_J]),
    ("zone-without-node", nodes(), [ZONE_K]),
    ("zone-without-node", nodes(make_node(ZONE_K, ready="False")), [ZONE_K]),
    ("zone-without-node", nodes(make_node(ZONE_K, ready="Unknown")), [ZONE_K]),
    ("zone-without-node", nodes(make_node(ZONE_K, cordoned=True)), [ZONE_K]),
    ("zone-without-node", nodes(kubelet_only(ZONE_K)), [ZONE_K]),
    ("node-takes-no-disk-of-category", nodes(make_node(ZONE_K, labels=takes("cloud_ssd"))), [ZONE_K, "cloud_essd"]),
    ("zone-sold-out", offers(), [ZONE_K, "cloud_essd"]),
    ("zone-sold-out", offers(make_offer(ZONE_K, "cloud_ssd")), [ZONE_K, "cloud_essd"]),
    ("zone-sold-out", offers(make_offer(ZONE_K, status="SoldOut")), [ZONE_K, "cloud_essd"]),
    ("zone-sold-out", offers(make_offer(ZONE_K, stock="WithoutStock")), [ZONE_K, "cloud_essd"]),
    ("zone-sold-out", offers(make_offer(ZONE_K, stock="ClosedWithoutStock")), [ZONE_K, "cloud_essd"]),
    ("claim-missing", without("claims", CLAIM), [CLAIM]),
    ("claim-terminating", claim_with(**DELETED), [CLAIM]),
    ("claim-not-bound", lambda seen: seen.claims[CLAIM].update(status={"phase": "Lost"}), [CLAIM, "Lost"]),
    ("claim-not-bound", lambda seen: seen.claims[CLAIM].update(status={}), [CLAIM, "without a phase"]),
    ("pv-terminating", lambda seen: seen.pvs[DISK]["metadata"].update(DELETED), [CLAIM, DISK]),
    ("pv-of-another-driver", another_driver, [CLAIM, DISK]),
    ("disk-missing", without("disks", DISK), [CLAIM, DISK]),
    ("pv-zone-differs", disk_with(zone_id=ZONE_J), [CLAIM, DISK, ZONE_I, ZONE_J]),
    ("disk-never-attached", disk_with(attachments=(), attached_time=""), [CLAIM, DISK]),
    ("disk-with-several-pvs", second_pv, [CLAIM, f"{DISK}, older"]),
    ("claim-misfits-pv", claim_asks("40Gi"), [CLAIM, DISK, "20 GiB", "40Gi"]),
    ("claim-misfits-pv", pv_with(storageClassName="other"), [CLAIM, "storage class"]),
    ("claim-misfits-pv", pv_with(accessModes=["ReadWriteOncePod"]), [CLAIM, "access modes"]),
    ("claim-misfits-pv", pv_with(volumeMode="Block"), [CLAIM, "volume mode"]),
    ("claim-misfits-pv", pv_with(**NO_ZONE), [CLAIM, "zone none"]),
    ("template-exceeds-claim", template_asks(resources={"requests": {"storage": "40Gi"}}), [CLAIM, "www", "40Gi"]),
    ("template-exceeds-claim", template_asks(storageClassName="other"), [CLAIM, "www", "storage class"]),
    ("claim-shared-by-replicas", shared_claim, ["shared", "2 replicas"]),
    ("claim-used-by-other-pod", other_pod(make_pod("backup-1", (CLAIM,))), ["backup-1", CLAIM]),
    ("claim-used-by-other-pod", other_pod(make_pod("done-1", (CLAIM,), phase="Succeeded")), ["done-1", CLAIM]),
    ("claim-used-by-other-pod", other_pod(make_pod("b", (CLAIM,), make_sts(name="other"))), ["Pod b", CLAIM]),
    ("pod-not-asked-for", other_pod(make_pod("web-2", (), make_sts())), ["web-0, web-1", "web-2"]),
    ("pod-not-asked-for", with_start_in_force, ["web-0, web-1", "web-5, web-6"]),
    ("pod-hooked", hooked_by(labelsHandler={"drain": "first"}), ["web-1 from stopping"]),
    ("pod-hooked", hooked_by(finalizersHandler=["other", "example.com/drain"]), ["web-1 from stopping"]),
    ("sts-terminating", sts_with("metadata", **DELETED), ["default/web"]),
    ("sts-owned", OWNED, ["Kafka events"]),
    ("rollout-unfinished", sts_with("status", updateRevision="web-2"), ["default/web"]),
    ("rollout-unfinished", sts_with("metadata", generation=9), ["default/web"]),
    ("rbac-missing", MISSING_RIGHTS, ["delete persistentvolumes"]),
    ("run-unfinished", but(open_run="run-0"), ["run-0", "default/web"]),
]  # fmt: skip
OTHERS = [
    ("sts-not-ready", Severity.WARNING, sts_with("status", readyReplicas=1), ["1 of 2"]),
    ("sts-not-ready", Severity.WARNING, without("sts", "status"), ["0 of 2"]),
    ("pv-stays", Severity.NOTE, network_volume, [CLAIM, DISK]),
    ("auto-snapshot-policy-not-carried", Severity.WARNING, disk_with(auto_snapshot_policy_id="sp-1"), [DISK, "sp-1"]),
    ("disk-regional", Severity.NOTE, disk_with(category="cloud_regional_disk_auto", zone_id=""), [CLAIM, DISK]),
    ("autoscaler", Severity.WARNING, ONE_AUTOSCALER, ["HorizontalPodAutoscaler web"]),
    (
        "claim-retention-policy",
        Severity.NOTE,
        sts_with("spec", persistentVolumeClaimRetentionPolicy={"whenScaled": "Delete", "whenDeleted": "Retain"}),
        ["whenScaled is Delete"],
    ),
]
ALL = [(check, Severity.BLOCKER, change, says) for check, change, says in BLOCKERS] + OTHERS

NOTHING_WRONG: dict[str, Change] = {
    "as it should be": lambda seen: seen,
    "one usable node is enough": nodes(make_node(ZONE_K, cordoned=True), make_node(ZONE_K)),
    "nodes that do not tell categories": nodes(make_node(ZONE_K, labels={"topology.kubernetes.io/zone": ZONE_K})),
    "nodes with the old zone key": nodes(make_node(ZONE_K, labels={"failure-domain.beta.kubernetes.io/zone": ZONE_K})),
    "stock that was not asked for": but(offers={}),
    "little stock": offers(make_offer(ZONE_K, stock="ClosedWithStock")),
    "a disk that was attached once": disk_with(attachments=(), detached_time="2026-11-22T00:00:00Z"),
    "a pod with other claims": other_pod(make_pod("other", ("other",))),
    "an owner that is no controller": sts_with("metadata", ownerReferences=[{"kind": "App", "name": "a"}]),
    "a hook that no pod has": hooked_by(labelsHandler={"drain": "last"}, finalizersHandler=["example.com/other"]),
    "OnDelete keeps revisions apart": revisions_apart({"type": "OnDelete"}),
    "a partition keeps revisions apart": revisions_apart({"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}),
    "a PV larger than the claim asks": claim_asks("10Gi"),
    "an explicit retention of claims": sts_with("spec", persistentVolumeClaimRetentionPolicy={"whenScaled": "Retain"}),
}

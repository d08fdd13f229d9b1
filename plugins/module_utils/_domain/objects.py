# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading Kubernetes objects (plain JSON dicts): what the rest of the domain wants to know about them. Pure."""

from __future__ import annotations

from typing import Any

from . import ids

Obj = dict[str, Any]

# The driver writes its own key; static PVs in the vendor's examples use either (csi-and-statefulsets.md 1.1).
ZONE_KEYS = (
    "topology.diskplugin.csi.alibabacloud.com/zone",
    "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/zone",
)


def name(obj: Obj) -> str:
    return str(obj["metadata"]["name"])


def namespace(obj: Obj) -> str:
    return str(obj["metadata"].get("namespace", ""))


def uid(obj: Obj) -> str:
    return str(obj["metadata"].get("uid", ""))


def labels_of(obj: Obj) -> dict[str, str]:
    return dict(obj["metadata"].get("labels") or {})


def annotations_of(obj: Obj) -> dict[str, str]:
    return dict(obj["metadata"].get("annotations") or {})


def owner_references(obj: Obj) -> list[Obj]:
    return list(obj["metadata"].get("ownerReferences") or [])


def is_terminating(obj: Obj) -> bool:
    return bool(obj["metadata"].get("deletionTimestamp"))


def has_hold(claim: Obj) -> bool:
    """Whether the claim carries our finalizer. Without a deletion (one that was refused, say) it holds nothing yet."""
    return ids.HOLD_FINALIZER in (claim["metadata"].get("finalizers") or [])


def is_held(claim: Obj) -> bool:
    """Whether the claim is held: Terminating, and it stays so until we take our finalizer off."""
    return is_terminating(claim) and has_hold(claim)


def condition(obj: Obj, kind: str) -> str:
    """Status of a condition of a pod or node: `True`, `False`, `Unknown`, or empty when it is not there."""
    for entry in (obj.get("status") or {}).get("conditions") or []:
        if entry.get("type") == kind:
            return str(entry.get("status", ""))
    return ""


def disk_of(pv: Obj) -> str:
    """The ECS disk id behind a PV, empty when the PV is not of the disk driver. Never inferred from the PV's name."""
    csi = pv["spec"].get("csi") or {}
    return str(csi.get("volumeHandle", "")) if csi.get("driver") == ids.DRIVER else ""


def zone_of(pv: Obj) -> str:
    """The zone that the PV's node affinity demands, empty when it names none (regional disks) or more than one."""
    found: set[str] = set()
    for expression in _affinity_expressions(pv):
        if expression.get("key") in ZONE_KEYS:
            found.update(expression.get("values") or [])
    return str(found.pop()) if len(found) == 1 else ""


def _affinity_expressions(pv: Obj) -> list[Obj]:
    required = (pv["spec"].get("nodeAffinity") or {}).get("required") or {}
    return [
        expression
        for term in required.get("nodeSelectorTerms") or []
        for expression in term.get("matchExpressions") or []
    ]


def node_zone(node: Obj) -> str:
    return next((labels_of(node)[key] for key in ZONE_KEYS if key in labels_of(node)), "")


def reclaim_policy(pv: Obj) -> str:
    return str(pv["spec"].get("persistentVolumeReclaimPolicy", "Retain"))


def claim_ref(pv: Obj) -> tuple[str, str, str]:
    """(namespace, name, uid) of the claim that the PV is bound to or reserved for; empty strings when there is none."""
    ref = pv["spec"].get("claimRef") or {}
    return str(ref.get("namespace", "")), str(ref.get("name", "")), str(ref.get("uid", ""))


def volume_name(claim: Obj) -> str:
    return str(claim["spec"].get("volumeName", ""))


def phase(obj: Obj) -> str:
    return str((obj.get("status") or {}).get("phase", ""))


def is_bound_to(claim: Obj | None, pv: Obj | None) -> bool:
    """Whether claim and PV name each other and both say Bound; the claim is not on its way out."""
    if claim is None or pv is None or is_terminating(claim):
        return False
    mutual = volume_name(claim) == name(pv) and claim_ref(pv) == (namespace(claim), name(claim), uid(claim))
    return mutual and phase(claim) == "Bound" and phase(pv) == "Bound"


def claims_of_pod(pod: Obj) -> set[str]:
    volumes = pod["spec"].get("volumes") or []
    return {str(v["persistentVolumeClaim"]["claimName"]) for v in volumes if v.get("persistentVolumeClaim")}


def is_pod_of(pod: Obj, sts: Obj) -> bool:
    """By owner, matched on uid: two API groups share the kind name StatefulSet (csi-and-statefulsets.md 4.2)."""
    return any(ref.get("uid") == uid(sts) and ref.get("controller") for ref in owner_references(pod))


def replicas(sts: Obj) -> int:
    """Desired replicas; an absent field means 1."""
    wanted = sts["spec"].get("replicas")
    return 1 if wanted is None else int(wanted)


def ordinals(sts: Obj, count: int | None = None) -> list[int]:
    """The ordinals of `count` replicas (default: the desired number), from `ordinals.start` on, no reserved ones.

    OpenKruise ignores `ordinals.start` unless its alpha feature gate is on (csi-and-statefulsets.md 4.1), which nobody
    can see from outside: a check compares with the pods that there are.
    """
    start = 0 if sts_type(sts) == "kruise" else int((sts["spec"].get("ordinals") or {}).get("start") or 0)
    reserved = _reserved_ordinals(sts["spec"].get("reserveOrdinals") or [])
    found: list[int] = []
    candidate = start
    while len(found) < (replicas(sts) if count is None else count):
        if candidate not in reserved:
            found.append(candidate)
        candidate += 1
    return found


def _reserved_ordinals(entries: list[Any]) -> set[int]:
    """OpenKruise reserves single ordinals and ranges such as "3-5"."""
    reserved: set[int] = set()
    for entry in entries:
        first, _dash, last = str(entry).partition("-")
        reserved.update(range(int(first), int(last or first) + 1))
    return reserved


def claim_templates(sts: Obj) -> list[str]:
    return [name(template) for template in sts["spec"].get("volumeClaimTemplates") or []]


def template_claim_name(template: str, sts: Obj, ordinal: int) -> str:
    return f"{template}-{name(sts)}-{ordinal}"


def shared_claims(sts: Obj) -> set[str]:
    """Claims that the pod template mounts by name, so that every replica mounts the same one."""
    return claims_of_pod(sts["spec"]["template"])


def expected_claims(sts: Obj) -> list[tuple[str, int | None]]:
    """(claim name, ordinal) by ordinal, then template; a claim of the pod template belongs to no single ordinal."""
    own: list[tuple[str, int | None]] = [
        (template_claim_name(template, sts, ordinal), ordinal)
        for ordinal in ordinals(sts)
        for template in claim_templates(sts)
    ]
    shared: list[tuple[str, int | None]] = [(claim, None) for claim in sorted(shared_claims(sts))]
    return own + (shared if replicas(sts) else [])


def may_mount(sts: Obj, claim: str) -> bool:
    """Whether the claim has the name of one that a replica of whatever ordinal mounts, or that the template names."""
    if claim in shared_claims(sts):
        return True
    prefixes = (f"{template}-{name(sts)}-" for template in claim_templates(sts))
    return any(claim.startswith(prefix) and claim.removeprefix(prefix).isdecimal() for prefix in prefixes)


def retention_policy(sts: Obj) -> dict[str, str]:
    """persistentVolumeClaimRetentionPolicy; absent (older clusters) means Retain (csi-and-statefulsets.md 5.1)."""
    policy = sts["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    return {key: str(policy.get(key) or "Retain") for key in ("whenDeleted", "whenScaled")}


_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
_DECIMAL = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18}


def quantity_bytes(quantity: str) -> int:
    """Bytes of a Kubernetes quantity, rounded up. Raises ValueError for what is not one."""
    text = str(quantity).strip()
    for suffix, factor in {**_BINARY, **_DECIMAL}.items():
        if text.endswith(suffix):
            return _ceil(float(text[: -len(suffix)]) * factor)
    if text.endswith("m"):
        return _ceil(float(text[:-1]) / 1000)
    return _ceil(float(text))


def _ceil(value: float) -> int:
    whole = int(value)
    return whole if whole == value else whole + 1


def requested_bytes(claim: Obj) -> int:
    return quantity_bytes(((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage", "0"))


KRUISE_GROUP = "apps.kruise.io"


def sts_type(sts: Obj) -> str:
    """``kube`` for apps/v1, ``kruise`` for OpenKruise's Advanced StatefulSet."""
    return "kruise" if str(sts.get("apiVersion", "")).startswith(KRUISE_GROUP) else "kube"

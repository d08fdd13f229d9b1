# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop and start a StatefulSet so that afterwards nothing writes, or everything serves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from .._domain import objects
from .._domain.objects import Obj
from .._errors import Conflict, MigrationError, Refused, TimedOut
from .._retry import Clock
from .._wait import Done, Failed, Interval, Pending, Verdict, wait_until
from . import api
from .client import K8sClient

_LOOK = Interval(0.1, factor=1.5, cap=2.0)
_THREADS = 16
_CONFLICTS = 10


@dataclasses.dataclass(frozen=True)
class Target:
    """A StatefulSet and the claims that its replicas mount. ``fence`` raises once the run lost its lock (S10)."""

    client: K8sClient
    sts: Obj
    claims: tuple[str, ...]
    clock: Clock
    fence: Callable[[], None]

    @property
    def what(self) -> str:
        return f"StatefulSet {objects.namespace(self.sts)}/{objects.name(self.sts)}"

    def pods(self) -> list[Obj]:
        """Its pods, by ordinal."""
        pods = api.list_pods(self.client, objects.namespace(self.sts))
        mine = (pod for pod in pods if objects.is_pod_of(pod, self.sts))
        return sorted(mine, key=lambda pod: (len(objects.name(pod)), objects.name(pod)))


def set_replicas(target: Target, replicas: int) -> None:
    target.fence()
    api.scale_sts(target.client, target.sts, replicas)


def set_retention_policy(target: Target, policy: dict[str, str], timeout: float) -> None:
    """Give the StatefulSet this claim retention policy; with Retain, wait until no claim is owned by it or a pod.

    The controller acts on ownerReferences, not on the field: before they are seen gone, scaling to 0 may still delete
    every claim (trap 6). That goes for all its claims, not only for those of the run.
    """
    target.fence()
    api.patch_sts(target.client, target.sts, {"spec": {"persistentVolumeClaimRetentionPolicy": policy}})
    if set(policy.values()) != {"Retain"}:
        return

    mounted = sorted({*target.claims, *(name for name, _ordinal in objects.expected_claims(target.sts))})

    def look() -> Verdict[None]:
        claims = api.names(api.list_claims(target.client, objects.namespace(target.sts)))
        owned = [name for name in mounted if name in claims and _owned_by_workload(claims[name])]
        return Pending(f"{', '.join(owned)} still owned") if owned else Done(None)

    wait_until(
        look,
        timeout=timeout,
        interval=_LOOK,
        clock=target.clock,
        what=f"the claims of {target.what} to lose the ownerReferences by which scaling down would delete them",
    )


def _owned_by_workload(claim: Obj) -> bool:
    return any(ref.get("kind") in ("Pod", "StatefulSet") for ref in objects.owner_references(claim))


def demand_retained(target: Target) -> None:
    """That the claims may be held. Raises Refused when a PV does not say Retain (S2)."""
    for name in target.claims:
        claim = api.get_claim(target.client, objects.namespace(target.sts), name)
        if claim is not None:
            _demand_retain(target.client, claim)


def hold_claims(target: Target) -> None:
    """Hold every claim: from now on no pod of the StatefulSet can start, whoever scales (DESIGN, the hold)."""
    demand_retained(target)
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(lambda name: _hold(target, name), target.claims))


def _hold(target: Target, name: str) -> None:
    client, namespace = target.client, objects.namespace(target.sts)
    for attempt in range(_CONFLICTS):
        claim = api.get_claim(client, namespace, name)
        if claim is None or objects.is_held(claim):
            return
        if objects.is_terminating(claim):
            raise Refused(
                f"Claim {namespace}/{name} is being deleted by somebody else, so it cannot be held.",
                code="ClaimTerminating",
                hint="Its PV is Retain, so the data stays. Find out who deletes it, then go back with rollback.yml.",
                context={"claim": name},
            )
        _demand_retain(client, claim)
        target.fence()
        try:
            api.hold_claim(client, claim)
            return
        except Conflict:
            if attempt == _CONFLICTS - 1:
                raise


def _demand_retain(client: K8sClient, claim: Obj) -> None:
    pv = api.get_pv(client, objects.volume_name(claim)) if objects.volume_name(claim) else None
    if pv is not None and objects.reclaim_policy(pv) != "Retain":
        raise Refused(
            f"PV {objects.name(pv)} of claim {objects.name(claim)} has reclaim policy {objects.reclaim_policy(pv)}: "
            "deleting the claim would delete the disk.",
            code="NotRetained",
            hint="Run k8s_pv_rebind with reclaim_policy Retain first. Nothing was deleted.",
            context={"claim": objects.name(claim), "pv": objects.name(pv)},
        )


def wait_stopped(target: Target, timeout: float, *, held: bool) -> None:
    """Until no pod of the StatefulSet and no VolumeAttachment of its claims' PVs is left: nothing can write then.

    With the claims ``held`` it is scaled to 0 again whenever somebody scales it up: a pod that slipped in before the
    hold was in place goes, and no other can follow.
    """
    pvs = _pvs_of(target)

    def look() -> Verdict[None]:
        pods = [objects.name(pod) for pod in target.pods()]
        if pods:
            if held:
                _keep_at_zero(target)
            return Pending(f"pods still there: {', '.join(pods)}")
        attached = [
            f"{objects.name(attachment)} (PV {attachment['spec']['source'].get('persistentVolumeName')})"
            for attachment in api.list_volume_attachments(target.client)
            if attachment["spec"]["source"].get("persistentVolumeName") in pvs
        ]
        return Pending(f"still attached: {', '.join(attached)}") if attached else Done(None)

    try:
        wait_until(
            look,
            timeout=timeout,
            interval=_LOOK,
            clock=target.clock,
            what=f"{target.what} to stop and its disks to detach",
        )
    except TimedOut as error:
        error.hint = (
            "Never force-delete a pod whose node may still write. If the node is dead, give it the taint "
            "node.kubernetes.io/out-of-service:NoExecute (traps 18, 19)."
        )
        raise


def _keep_at_zero(target: Target) -> None:
    namespace, name = objects.namespace(target.sts), objects.name(target.sts)
    if objects.replicas(api.find_sts(target.client, namespace, name, objects.sts_type(target.sts))):
        set_replicas(target, 0)


def _pvs_of(target: Target) -> set[str]:
    claims = api.names(api.list_claims(target.client, objects.namespace(target.sts)))
    return {objects.volume_name(claims[name]) for name in target.claims if name in claims}


def wait_ready(
    target: Target, *, replicas: int, progress_deadline: float, on_ready: Callable[[list[Obj]], None]
) -> None:
    """Until that many replicas are Ready and available, for as long as one more becomes so every ``progress_deadline``.

    ``on_ready`` is told the Ready pods at every look at which there are some.
    """
    pods: list[Obj] = []

    def look() -> Verdict[None]:
        nonlocal pods
        pods = target.pods()
        ready = [pod for pod in pods if objects.condition(pod, "Ready") == "True"]
        if ready:
            on_ready(ready)
        sts = api.find_sts(
            target.client, objects.namespace(target.sts), objects.name(target.sts), objects.sts_type(target.sts)
        )
        if objects.replicas(sts) != replicas:
            return Failed(_rescaled(target, objects.replicas(sts), replicas))
        if len(ready) == replicas and _has_settled(sts, replicas):
            return Done(None)
        return Pending(f"{len(ready)} of {replicas} replicas Ready")

    try:
        wait_until(
            look,
            timeout=progress_deadline * (replicas + 1),
            interval=_LOOK,
            clock=target.clock,
            what=f"the {replicas} replicas of {target.what} to be Ready",
            progress_deadline=progress_deadline,
        )
    except TimedOut as error:
        error.msg = error.msg.rstrip(".") + f"{_why_not(pods)}."
        raise


def _has_settled(sts: Obj, replicas: int) -> bool:
    """Whether the controller has seen the last change and counts that many replicas as Ready and available."""
    status = sts.get("status") or {}
    ready = int(status.get("readyReplicas") or 0)
    # Older servers do not tell availableReplicas (csi-and-statefulsets.md 5.2).
    available = int(status.get("availableReplicas", ready) or 0)
    seen = int(status.get("observedGeneration") or 0) >= int(sts["metadata"].get("generation") or 0)
    return seen and ready == available == replicas


def _rescaled(target: Target, found: int, wanted: int) -> MigrationError:
    return Conflict(
        f"Somebody scaled {target.what} to {found} replicas while this run wants {wanted}.",
        code="Rescaled",
        hint="Pause the autoscaler, operator or GitOps tool that does it (traps 35 to 37).",
    )


def _why_not(pods: list[Obj]) -> str:
    """The first pod that is not Ready, and what the scheduler or kubelet says of it."""
    for pod in pods:
        if objects.condition(pod, "Ready") == "True":
            continue
        conditions = (pod.get("status") or {}).get("conditions") or []
        said = next((c.get("message") for c in conditions if c.get("status") == "False" and c.get("message")), "")
        return f"; {objects.name(pod)} is {objects.phase(pod) or 'unknown'}" + (f": {said}" if said else "")
    return ""


def stay_ready(target: Target, *, replicas: int, seconds: float, interval: float) -> None:
    """Watch for that long that every replica stays Ready and none restarts. Raises Refused at the first lapse."""
    if seconds <= 0:
        return
    began = _restarts(target.pods())
    deadline = target.clock.now() + seconds
    while target.clock.now() < deadline:
        target.clock.sleep(min(interval, max(0.0, deadline - target.clock.now())))
        pods = target.pods()
        ready = [pod for pod in pods if objects.condition(pod, "Ready") == "True"]
        if len(ready) < replicas or _restarts(pods) != began:
            raise Refused(
                f"{target.what} did not stay healthy for {seconds:g} s: "
                f"{len(ready)} of {replicas} replicas Ready{_why_not(pods)}.",
                code="Unhealthy",
            )


def _restarts(pods: list[Obj]) -> dict[str, int]:
    """Restarts of each pod, by uid: a pod that was replaced counts as a lapse too."""
    return {
        objects.uid(pod): sum(
            int(c.get("restartCount") or 0) for c in (pod.get("status") or {}).get("containerStatuses") or []
        )
        for pod in pods
    }

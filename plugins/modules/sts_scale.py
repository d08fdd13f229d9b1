#!/usr/bin/python
# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sts_scale
short_description: Stop or start a StatefulSet so that nothing writes, or everything serves
version_added: 0.1.0
description:
  - Scales a StatefulSet of Kubernetes or OpenKruise, and waits for what the number alone does not tell.
  - At V(0) replicas until every pod is gone and every VolumeAttachment of its claims with it.
  - At more replicas until each is Ready and available, with a deadline on progress rather than on time alone, and
    then for as long as O(health_duration) says.
  - With O(hold) the claims are held, so that no pod can start on them, whoever scales the StatefulSet up again.
author:
  - Zoneshift contributors (@zoneshift)
options:
  name:
    description: Name of the StatefulSet.
    type: str
    required: true
    aliases: [sts]
  namespace:
    description: Namespace of the StatefulSet.
    type: str
    default: default
  sts_type:
    description:
      - Which kind of StatefulSet, V(kube) for C(apps/v1), V(kruise) for OpenKruise, V(auto) for the one that exists.
    type: str
    choices: [auto, kube, kruise]
    default: auto
  replicas:
    description: How many replicas there shall be.
    type: int
    required: true
  hold:
    description:
      - Whether to hold the claims while the replicas stop. Needs O(replicas=0).
      - A held claim carries the finalizer C(zoneshift.io/hold) and is Terminating, so the StatefulSet's controller
        cannot create a pod with it. M(zoneshift.ack.k8s_pv_rebind) lets it go.
      - Refused while a claim's PV has another reclaim policy than Retain.
    type: bool
    default: false
  claims:
    description:
      - The claims to hold, and whose disks must be detached.
      - By default those of the present replicas, and of a StatefulSet at V(0) replicas all that it has had.
    type: list
    elements: str
  claim_retention_policy:
    description:
      - The C(persistentVolumeClaimRetentionPolicy) that the StatefulSet shall have.
      - Set before scaling to V(0), together with a wait until no claim is owned by the StatefulSet or a pod any more;
        set after the replicas are Ready otherwise.
    type: dict
    suboptions:
      whenDeleted:
        description: What happens to claims when the StatefulSet is deleted.
        type: str
        choices: [Retain, Delete]
        default: Retain
      whenScaled:
        description: What happens to claims of replicas that are scaled away.
        type: str
        choices: [Retain, Delete]
        default: Retain
  progress_deadline:
    description: Seconds without any progress after which waiting for Ready replicas fails.
    type: int
    default: 600
  health_duration:
    description: Seconds that all replicas must stay Ready, without a restart, before the task succeeds.
    type: int
    default: 0
  check_interval:
    description: Seconds between two looks during O(health_duration).
    type: int
    default: 10
extends_documentation_fragment:
  - zoneshift.ack._volumes.run
  - zoneshift.ack._volumes.wait
  - zoneshift.ack._k8s
  - zoneshift.ack._attributes
  - zoneshift.ack._attributes.actiongroup_k8s
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: zoneshift.ack.k8s_pv_rebind
"""

EXAMPLES = r"""
- name: Stop a StatefulSet and wait until its disks are detached
  zoneshift.ack.sts_scale:
    name: web
    replicas: 0

- name: Start it and watch it for a minute
  zoneshift.ack.sts_scale:
    name: web
    replicas: 2
    health_duration: 60

- name: Stop it so that nobody can start it again
  zoneshift.ack.sts_scale:
    name: web
    replicas: 0
    hold: true
    claim_retention_policy:
      whenScaled: Retain

- name: See what scaling would change
  zoneshift.ack.sts_scale:
    name: web
    replicas: 3
  check_mode: true
  diff: true
"""

RETURN = r"""
sts:
  description: The StatefulSet afterwards; in check mode as it would be.
  returned: always
  type: dict
  contains:
    namespace:
      description: Its namespace.
      type: str
      sample: default
    name:
      description: Its name.
      type: str
      sample: web
    sts_type:
      description: V(kube) or V(kruise).
      type: str
      sample: kube
    replicas:
      description: Its desired replicas.
      type: int
      sample: 0
    claim_retention_policy:
      description: Its C(persistentVolumeClaimRetentionPolicy).
      type: dict
      sample: {"whenDeleted": "Retain", "whenScaled": "Retain"}
previous_replicas:
  description: The desired replicas before the task.
  returned: always
  type: int
  sample: 2
held:
  description: The claims that are held.
  returned: always
  type: list
  elements: str
  sample: [www-web-0, www-web-1]
"""

import dataclasses
from typing import Any

from ..module_utils._argspec import K8S_ARGS, RUN_ARGS, WAIT_ARGS, combine
from ..module_utils._domain import journal, objects
from ..module_utils._errors import BadInput
from ..module_utils._k8s import api, scale
from ..module_utils._module import Context, run_module

_POLICY = {"type": "str", "choices": ["Retain", "Delete"], "default": "Retain"}
ARGS = combine(
    K8S_ARGS,
    RUN_ARGS,
    WAIT_ARGS,
    {
        "name": {"type": "str", "required": True, "aliases": ["sts"]},
        "namespace": {"type": "str", "default": "default"},
        "sts_type": {"type": "str", "choices": ["auto", "kube", "kruise"], "default": "auto"},
        "replicas": {"type": "int", "required": True},
        "hold": {"type": "bool", "default": False},
        "claims": {"type": "list", "elements": "str"},
        "claim_retention_policy": {"type": "dict", "options": {"whenDeleted": _POLICY, "whenScaled": _POLICY}},
        "progress_deadline": {"type": "int", "default": 600},
        "health_duration": {"type": "int", "default": 0},
        "check_interval": {"type": "int", "default": 10},
    },
)


@dataclasses.dataclass(frozen=True)
class Difference:
    """What is not yet as wished."""

    scale: bool
    policy: bool
    hold: tuple[str, ...]
    held: tuple[str, ...]
    """These are as wished already."""

    def __bool__(self) -> bool:
        return self.scale or self.policy or bool(self.hold)


def run(ctx: Context) -> dict[str, Any]:
    wanted = ctx.params["replicas"]
    if wanted < 0 or (ctx.params["hold"] and wanted):
        raise BadInput(f"replicas {wanted} is not possible{' with hold' if wanted > 0 else ''}. Nothing was changed.")
    namespace = ctx.params["namespace"]
    sts = api.find_sts(ctx.k8s, namespace, ctx.params["name"], ctx.params["sts_type"])
    claims = ctx.params["claims"] or _claims_of(ctx, sts)
    target = scale.Target(ctx.k8s, sts, tuple(claims), ctx.clock, ctx.fence)
    difference = _compare(ctx, target)
    if not ctx.check_mode:
        if difference and ctx.run is not None:
            ctx.run.note(phase="restore" if wanted else "quiesce")
        (_start if wanted else _stop)(ctx, target, difference)
    return _result(ctx, target, difference)


def _claims_of(ctx: Context, sts: objects.Obj) -> list[str]:
    """At 0 replicas those that were there before: they may still be attached, and nobody shall start with them."""
    if objects.replicas(sts):
        return [name for name, _ordinal in objects.expected_claims(sts)]
    live = api.names(api.list_claims(ctx.k8s, ctx.params["namespace"]))
    return sorted(name for name in live if objects.may_mount(sts, name))


def _compare(ctx: Context, target: scale.Target) -> Difference:
    policy = ctx.params["claim_retention_policy"]
    live = api.names(api.list_claims(ctx.k8s, ctx.params["namespace"])) if ctx.params["hold"] else {}
    present = [name for name in target.claims if name in live]
    return Difference(
        scale=objects.replicas(target.sts) != ctx.params["replicas"],
        policy=policy is not None and policy != objects.retention_policy(target.sts),
        hold=tuple(name for name in present if not objects.is_held(live[name])),
        held=tuple(name for name in present if objects.is_held(live[name])),
    )


def _stop(ctx: Context, target: scale.Target, difference: Difference) -> None:
    if difference.hold:
        scale.demand_retained(target)
    if difference.policy:
        scale.set_retention_policy(target, ctx.params["claim_retention_policy"], ctx.params["wait_timeout"])
    if difference.scale:
        scale.set_replicas(target, 0)
    if difference.hold:
        scale.hold_claims(target)
    scale.wait_stopped(target, ctx.params["wait_timeout"], held=ctx.params["hold"])


def _start(ctx: Context, target: scale.Target, difference: Difference) -> None:
    if difference.scale:
        scale.set_replicas(target, ctx.params["replicas"])
    scale.wait_ready(
        target,
        replicas=ctx.params["replicas"],
        progress_deadline=ctx.params["progress_deadline"],
        on_ready=lambda ready: _note_ready(ctx, target, ready),
    )
    scale.stay_ready(
        target,
        replicas=ctx.params["replicas"],
        seconds=ctx.params["health_duration"],
        interval=ctx.params["check_interval"],
    )
    if difference.policy:
        scale.set_retention_policy(target, ctx.params["claim_retention_policy"], ctx.params["wait_timeout"])


def _note_ready(ctx: Context, target: scale.Target, ready: list[objects.Obj]) -> None:
    """Once a Ready pod is on a target disk, the application may have written there: going back would lose it (S11)."""
    if ctx.run is None or ctx.run.journal["ready_on_target"]:
        return
    mounted = {claim for pod in ready for claim in objects.claims_of_pod(pod)}
    target_pvs = {volume.claim: volume.pv for volume in journal.volumes(ctx.run.journal) if volume.pv}
    if not mounted & set(target_pvs):
        return
    claims = api.names(api.list_claims(ctx.k8s, ctx.params["namespace"]))
    if any(claim in claims and objects.volume_name(claims[claim]) == target_pvs.get(claim) for claim in mounted):
        ctx.run.note(ready_on_target=True)


def _result(ctx: Context, target: scale.Target, difference: Difference) -> dict[str, Any]:
    before = {
        "namespace": objects.namespace(target.sts),
        "name": objects.name(target.sts),
        "sts_type": objects.sts_type(target.sts),
        "replicas": objects.replicas(target.sts),
        "claim_retention_policy": objects.retention_policy(target.sts),
    }
    after = {**before, "replicas": ctx.params["replicas"]}
    if difference.policy:
        after["claim_retention_policy"] = ctx.params["claim_retention_policy"]
    held = sorted({*difference.hold, *difference.held})
    return {
        "changed": bool(difference),
        "sts": after,
        "previous_replicas": before["replicas"],
        "held": held,
        "diff": {
            "before": {**before, "held": sorted(difference.held)},
            "after": {**after, "held": held},
        },
    }


def main() -> None:
    run_module(ARGS, run)


if __name__ == "__main__":
    main()

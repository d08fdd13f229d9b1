#!/usr/bin/python
# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sts_migration_info
short_description: Observe a StatefulSet and its disks, and plan their migration
version_added: 0.1.0
description:
  - Looks at a StatefulSet, its claims, PVs, disks and nodes, and at the target zones, and answers where each claim
    would go and what stands in the way. It changes nothing.
  - Also reads the journal of a run, by default of the latest one, and tells what going back or finalizing would need.
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
  target_zones:
    description:
      - Zones to move to. Without them there is no plan, only the run.
      - A disk that is in one of them stays. The remaining ones are spread over the zones in the order of the list;
        all disks of one pod go to one zone.
    type: list
    elements: str
  run_id:
    description: The run to read the journal of. By default the latest of the StatefulSet.
    type: str
  snapshot_retention_days:
    description: Days until ECS deletes the snapshots of the run, V(-1) for ever.
    type: int
    default: 1
  retain_source:
    description: Whether source PVs and disks are kept after success.
    type: bool
    default: true
  check_source_disks:
    description: Whether to ask ECS if the source disks of the run are still there, see RV(run.gone_disks).
    type: bool
    default: false
extends_documentation_fragment:
  - zoneshift.ack._ecs
  - zoneshift.ack._k8s
  - zoneshift.ack._attributes
  - zoneshift.ack._attributes.actiongroup_ecs_k8s
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Plan to move a StatefulSet to zone k
  zoneshift.ack.sts_migration_info:
    name: web
    target_zones: [cn-beijing-k]
  register: info

- name: Show the plan
  ansible.builtin.debug:
    msg: "{{ info.text }}"

- name: Read the latest run
  zoneshift.ack.sts_migration_info:
    name: web
"""

RETURN = r"""
plan:
  description: Where each claim goes; null without O(target_zones).
  returned: always
  type: dict
  contains:
    run_id:
      description: A new run id, to carry the plan out with.
      type: str
      sample: 20261122-2037-4f1a
    moves:
      description: The claims that move, in the shape that every module takes as C(volumes).
      type: list
      elements: dict
    at_source:
      description: The same claims, as wanted on their source disks.
      type: list
      elements: dict
    stays:
      description: The claims that are in one of the target zones.
      type: list
      elements: dict
    findings:
      description: What the checks found, blockers first. A plan with a blocker cannot be carried out.
      type: list
      elements: dict
      contains:
        id:
          description: Stable name of the finding.
          type: str
          sample: zone-sold-out
        severity:
          description: V(blocker), V(warning) or V(note).
          type: str
          sample: blocker
        message:
          description: What was seen, on which object.
          type: str
        fix:
          description: How to mend it.
          type: str
    replicas:
      description: The desired replicas.
      type: int
      sample: 2
    retention_policy:
      description: The C(persistentVolumeClaimRetentionPolicy), Retain where it is not set.
      type: dict
blocked:
  description: Whether the plan has a blocker.
  returned: always
  type: bool
  sample: false
text:
  description: The plan, or without one the run, as a table for people.
  returned: always
  type: str
run:
  description: The run that was read; null when there is none.
  returned: always
  type: dict
  contains:
    run_id:
      description: Its id.
      type: str
      sample: 20261122-2037-4f1a
    state:
      description: V(open), V(succeeded), V(rolled_back), V(finalizing) or V(finalized).
      type: str
      sample: succeeded
    phase:
      description: The phase that it reached.
      type: str
      sample: restore
    message:
      description: Why it ended.
      type: str
      sample: ''
    plan:
      description: The plan that it carries out.
      type: dict
    gone_disks:
      description: Source disks that ECS no longer has in their zone; only with O(check_source_disks).
      type: list
      elements: str
    go_back:
      description: What going back or finalizing needs, see the role's entry points rollback and finalize.
      type: dict
"""

import datetime
import secrets
from typing import Any

from ..module_utils._argspec import K8S_ARGS, combine
from ..module_utils._argspec_ecs import ECS_ARGS
from ..module_utils._domain import goback, report
from ..module_utils._domain.journal import Journal
from ..module_utils._domain.model import Plan, Wish
from ..module_utils._domain.plan import make_plan
from ..module_utils._ecs import api as ecs_api
from ..module_utils._errors import BadInput
from ..module_utils._k8s import api
from ..module_utils._k8s.run import Run, runs_of
from ..module_utils._module import Context, run_module
from ..module_utils._observe import observe

ARGS = combine(
    ECS_ARGS,
    K8S_ARGS,
    {
        "name": {"type": "str", "required": True, "aliases": ["sts"]},
        "namespace": {"type": "str", "default": "default"},
        "sts_type": {"type": "str", "choices": ["auto", "kube", "kruise"], "default": "auto"},
        "target_zones": {"type": "list", "elements": "str"},
        "run_id": {"type": "str"},
        "snapshot_retention_days": {"type": "int", "default": 1},
        "retain_source": {"type": "bool", "default": True},
        "check_source_disks": {"type": "bool", "default": False},
    },
)


def run(ctx: Context) -> dict[str, Any]:
    plan = _plan(ctx) if ctx.params["target_zones"] else None
    journal = _journal(ctx)
    return {
        "changed": False,
        "plan": plan.as_dict() if plan else None,
        "blocked": bool(plan and plan.blockers),
        "text": _text(ctx, plan, journal),
        "run": _shown(ctx, journal) if journal else None,
    }


def _plan(ctx: Context) -> Plan:
    zones = [zone.strip() for zone in ctx.params["target_zones"] if zone.strip()]
    if not zones or len(set(zones)) != len(zones):
        raise BadInput(f"target_zones {zones} names no zone, or one twice. Nothing was changed.", code="BadZones")
    days = ctx.params["snapshot_retention_days"]
    if not (days == -1 or 1 <= days <= 65536):
        raise BadInput(
            f"snapshot_retention_days {days} is not -1 or 1 to 65536. Nothing was changed.", code="BadRetention"
        )
    wish = Wish(
        namespace=ctx.params["namespace"],
        name=ctx.params["name"],
        target_zones=tuple(zones),
        run_id=_new_run_id(),
        snapshot_retention_days=days,
        retain_source=ctx.params["retain_source"],
    )
    return make_plan(wish, observe(ctx.k8s, ctx.ecs, wish, ctx.params["sts_type"]))


def _new_run_id() -> str:
    """Sorts by time, and two runs in one minute still differ."""
    return f"{datetime.datetime.now(datetime.UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def _journal(ctx: Context) -> Journal | None:
    namespace, name = ctx.params["namespace"], ctx.params["name"]
    if not ctx.params["run_id"]:
        runs = runs_of(ctx.k8s, namespace, name)
        return runs[-1] if runs else None
    journal = Run.load(ctx.k8s, namespace, ctx.params["run_id"], read_only=True).journal
    if journal["plan"]["sts"] != name:
        raise BadInput(
            f"Run {journal['run_id']} is one of StatefulSet {namespace}/{journal['plan']['sts']}, "
            f"not of {namespace}/{name}.",
            code="RunOfAnother",
            hint="Nothing was changed.",
        )
    return journal


def _text(ctx: Context, plan: Plan | None, journal: Journal | None) -> str:
    if plan is not None:
        return report.plan_text(plan)
    if journal is not None:
        return report.status_text(journal)
    return f"No run of StatefulSet {ctx.params['namespace']}/{ctx.params['name']} is on record.\n"


def _shown(ctx: Context, journal: Journal) -> dict[str, Any]:
    namespace = journal["plan"]["namespace"]
    claims = api.names(api.list_claims(ctx.k8s, namespace))
    pvs = api.names(api.list_pvs(ctx.k8s))
    shown = {key: journal[key] for key in ("run_id", "state", "phase", "message", "opened", "closed", "plan")}
    return {
        **shown,
        "go_back": goback.go_back(journal, claims, pvs, api.list_pods(ctx.k8s, namespace)),
        "gone_disks": _gone_disks(ctx, journal) if ctx.params["check_source_disks"] else [],
    }


def _gone_disks(ctx: Context, journal: Journal) -> list[str]:
    wanted = {volume["source_disk_id"]: volume["source_zone"] for volume in journal["plan"]["moves"]}
    there = {disk.disk_id: disk.zone_id for disk in ecs_api.describe_disks(ctx.ecs, wanted)}
    return sorted(disk_id for disk_id, zone in wanted.items() if there.get(disk_id) != zone)


def main() -> None:
    run_module(ARGS, run)


if __name__ == "__main__":
    main()

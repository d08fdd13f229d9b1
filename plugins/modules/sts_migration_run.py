#!/usr/bin/python
# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sts_migration_run
short_description: Open and close a run, which is the journal and the lock of one migration
version_added: 0.1.0
description:
  - A run is one attempt to migrate one StatefulSet. Its journal is a ConfigMap in the StatefulSet's namespace that
    holds the plan and everything that going back needs, written before anything changes. Its lock is a Lease per
    StatefulSet.
  - Modules that are given O(run_id) and C(journal_namespace) write the entries in between.
author:
  - Zoneshift contributors (@zoneshift)
options:
  state:
    description:
      - With V(open) the run exists and holds the lock. A run that exists already is taken up again.
      - With V(closed) the run has a result and holds no lock.
    type: str
    choices: [open, closed]
    default: open
  run_id:
    description: The run.
    type: str
    required: true
  namespace:
    description: Namespace of the StatefulSet and of the journal.
    type: str
    default: default
  purpose:
    description:
      - What a run that exists is taken up for.
      - With V(go_back) it is open again, and modules that only a move needs refuse to go on with it.
      - With V(finalize) its source may be deleted, so there is no going back any more. Only for a run that succeeded.
    type: str
    choices: [migrate, go_back, finalize]
    default: migrate
  plan:
    description:
      - The plan that M(zoneshift.ack.sts_migration_info) made. Needed to open a new run.
      - In check mode with C(--diff) the whole plan is shown.
    type: dict
  result:
    description: How the run ended. Needed with O(state=closed).
    type: str
    choices: [succeeded, rolled_back, finalized]
  reason:
    description: One sentence on why, for the person who reads the journal later.
    type: str
    default: ''
extends_documentation_fragment:
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
  - module: zoneshift.ack.sts_migration_info
"""

EXAMPLES = r"""
- name: Open a run for a plan
  zoneshift.ack.sts_migration_run:
    run_id: "{{ info.plan.run_id }}"
    plan: "{{ info.plan }}"

- name: See the plan that a run would carry out
  zoneshift.ack.sts_migration_run:
    run_id: "{{ info.plan.run_id }}"
    plan: "{{ info.plan }}"
  check_mode: true
  diff: true

- name: Close it
  zoneshift.ack.sts_migration_run:
    run_id: "{{ info.plan.run_id }}"
    state: closed
    result: succeeded
"""

RETURN = r"""
run:
  description: The run afterwards.
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
      sample: open
    journal:
      description: The ConfigMap that holds the journal, as C(namespace/name).
      type: str
      sample: default/zoneshift-20261122-2037-4f1a
"""

from typing import Any

from ..module_utils._argspec import K8S_ARGS, combine
from ..module_utils._domain import ids, journal, report
from ..module_utils._domain.model import Plan
from ..module_utils._domain.objects import Obj
from ..module_utils._errors import BadInput, Conflict, NotFound, Refused
from ..module_utils._k8s import api
from ..module_utils._k8s.run import Run, now
from ..module_utils._module import Context, run_module

# By purpose: the states from which it is refused, the state and the phase that it leads to.
_PURPOSES = {
    "migrate": ((), "", ""),
    "go_back": ((journal.FINALIZING, journal.FINALIZED), journal.OPEN, journal.GO_BACK_PHASE),
    "finalize": ((journal.OPEN, journal.ROLLED_BACK), journal.FINALIZING, "finalize"),
}

ARGS = combine(
    K8S_ARGS,
    {
        "state": {"type": "str", "choices": ["open", "closed"], "default": "open"},
        "run_id": {"type": "str", "required": True},
        "namespace": {"type": "str", "default": "default"},
        "purpose": {"type": "str", "choices": ["migrate", "go_back", "finalize"], "default": "migrate"},
        "plan": {"type": "dict"},
        "result": {"type": "str", "choices": list(journal.RESULTS)},
        "reason": {"type": "str", "default": ""},
    },
)


def run(ctx: Context) -> dict[str, Any]:
    existing = _existing(ctx)
    if ctx.params["state"] == "closed":
        return _close(ctx, existing)
    if existing is not None:
        return _take_up(ctx, existing)
    if not ctx.params["plan"]:
        raise BadInput(
            f"There is no run {ctx.params['run_id']} in namespace {ctx.params['namespace']}, and no plan to open one.",
            code="RunNotFound",
            hint="Nothing was changed.",
        )
    plan = Plan.from_dict(ctx.params["plan"])
    if plan.blockers:
        raise BadInput(report.plan_text(plan), code="Blocked", hint="Nothing was changed.")
    if not ctx.check_mode:
        Run.open_new(ctx.k8s, journal.begin(plan.as_dict(), *_originals(ctx, plan), opened=now()))
    diff = {"before": "", "after": report.plan_text(plan)}
    return {"changed": True, "run": _shown(ctx, journal.OPEN), "diff": diff}


def _existing(ctx: Context) -> Run | None:
    try:
        return Run.load(ctx.k8s, ctx.params["namespace"], ctx.params["run_id"], read_only=ctx.check_mode)
    except NotFound:
        return None


def _take_up(ctx: Context, existing: Run) -> dict[str, Any]:
    """Take the lock of a run that is on record. That alone is not a change: the lock is its own."""
    before, purpose = existing.journal["state"], ctx.params["purpose"]
    refused, state, phase = _PURPOSES[purpose]
    if before in refused:
        raise Refused(
            f"Run {existing.run_id} is {before}, so it cannot be taken up to {purpose.replace('_', ' ')}.",
            code="WrongState",
            hint="See it with status.yml. Nothing was changed.",
        )
    state = state or before
    changed = before != state
    if not ctx.check_mode:
        changed = existing.take_up(state, phase)
    return {
        "changed": changed,
        "run": _shown(ctx, state),
        "diff": {"before": {"state": before}, "after": {"state": state}},
    }


def _originals(ctx: Context, plan: Plan) -> tuple[list[Obj], list[Obj]]:
    """The claims and PVs to be moved as they are now; the world must still be the one that was planned for."""
    claims, pvs = [], []
    for volume in plan.moves:
        claim = api.get_claim(ctx.k8s, plan.namespace, volume.claim)
        pv = api.get_pv(ctx.k8s, volume.source_pv)
        if claim is None or pv is None or claim["metadata"]["uid"] != volume.claim_uid:
            raise Conflict(
                f"Claim {volume.claim} or its PV {volume.source_pv} is not the one that the plan was made for.",
                code="Drifted",
                hint="Plan again. Nothing was changed.",
                context={"claim": volume.claim, "pv": volume.source_pv},
            )
        claims.append(claim)
        pvs.append(pv)
    return claims, pvs


def _close(ctx: Context, existing: Run | None) -> dict[str, Any]:
    if existing is None or not ctx.params["result"]:
        raise BadInput("Closing a run needs a run that exists, and result. Nothing was changed.", code="RunNotFound")
    before = existing.journal["state"]
    result, reason = ctx.params["result"], ctx.params["reason"]
    if ctx.check_mode:
        changed = (before, existing.journal["message"]) != (result, reason)
    else:
        if journal.is_open(existing.journal):
            existing.check_holder()
        else:
            existing.take_up(before, "")
        changed = existing.close(result, reason)
    return {
        "changed": changed,
        "run": _shown(ctx, result),
        "diff": {"before": {"state": before}, "after": {"state": result}},
    }


def _shown(ctx: Context, state: str) -> dict[str, str]:
    run_id = ctx.params["run_id"]
    return {"run_id": run_id, "state": state, "journal": f"{ctx.params['namespace']}/{ids.journal_name(run_id)}"}


def main() -> None:
    run_module(ARGS, run, required_if=[("state", "closed", ("result",))])


if __name__ == "__main__":
    main()

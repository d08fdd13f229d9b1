# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scheduler's view of a pod's claims: which nodes they allow, and what must be bound or made for a chosen node.

kubernetes-behaviour.md B4 and B5: a claim that names its volume is never delayed, a Terminating or missing claim keeps
its pod from being looked at at all, and a reserved volume in another zone does not keep a node from being chosen.
"""

from __future__ import annotations

import dataclasses

from . import matching, provisioning
from .filters import NODE_AFFINITY_CONFLICT, NOTHING_TO_BIND
from .nodeselectors import topology_allows, volume_accepts
from .objects import Object, annotations_of, claim_names, name, namespace, phase, quantity, terminating

MISSING_VOLUME = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"


@dataclasses.dataclass
class Storage:
    """All volumes and classes by name, and the claims of one namespace by name."""

    claims: dict[str, Object]
    volumes: dict[str, Object]
    classes: dict[str, Object]


@dataclasses.dataclass
class Claims:
    """The claims of one pod: bound already, or to be bound once a node is chosen."""

    bound: list[Object] = dataclasses.field(default_factory=list)
    delayed: list[Object] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Plan:
    """What a node needs: ready volumes for claims, and claims that get a new volume there."""

    static: list[tuple[Object, Object]] = dataclasses.field(default_factory=list)
    provision: list[Object] = dataclasses.field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not self.static and not self.provision


class NotReady(Exception):
    """Something of the pod is missing; no node needs to be looked at."""


def claims_of(pod: Object, storage: Storage) -> Claims:
    result = Claims()
    waiting = False
    for wanted in claim_names(pod):
        claim = storage.claims.get(wanted)
        if claim is None:
            raise NotReady(f'persistentvolumeclaim "{wanted}" not found')
        if phase(claim) == "Lost":
            volume = claim["spec"].get("volumeName", "")
            raise NotReady(f'persistentvolumeclaim "{wanted}" bound to non-existent persistentvolume "{volume}"')
        if terminating(claim):
            raise NotReady(f'persistentvolumeclaim "{wanted}" is being deleted')
        if matching.fully_bound(claim):
            result.bound.append(claim)
        elif _is_delayed(claim, storage):
            result.delayed.append(claim)
        else:
            waiting = True
    if waiting:
        raise NotReady("pod has unbound immediate PersistentVolumeClaims")
    return result


def _is_delayed(claim: Object, storage: Storage) -> bool:
    storage_class = storage.classes.get(matching.class_of(claim))
    return not claim["spec"].get("volumeName") and provisioning.binds_on_first_consumer(storage_class)


def plan_for(claims: Claims, node: Object, storage: Storage) -> tuple[list[str], Plan]:
    """The reasons why the claims keep the pod off ``node``, else how they are served there."""
    reasons = []
    volumes = [storage.volumes.get(claim["spec"]["volumeName"]) for claim in claims.bound]
    if any(volume is None for volume in volumes):
        reasons.append(MISSING_VOLUME)
    if any(volume and not volume_accepts(volume, node) for volume in volumes):
        reasons.append(NODE_AFFINITY_CONFLICT)
    plan = Plan()
    if not _serve(claims.delayed, node, storage, plan):
        reasons.append(NOTHING_TO_BIND)
    return reasons, plan


def _serve(delayed: list[Object], node: Object, storage: Storage, plan: Plan) -> bool:
    taken: set[str] = set()
    # the smallest first, so that a big volume is not spent on a small claim
    for claim in sorted(delayed, key=lambda each: quantity(matching.requested(each))):
        chosen = annotations_of(claim).get(matching.SELECTED_NODE)
        if chosen:
            if chosen != name(node):
                return False
            plan.provision.append(claim)
            continue
        free = [volume for volume in storage.volumes.values() if name(volume) not in taken]
        volume = matching.best_match(claim, free, delayed=True, fits_node=lambda each: volume_accepts(each, node))
        if volume:
            taken.add(name(volume))
            plan.static.append((volume, claim))
        else:
            storage_class = storage.classes.get(matching.class_of(claim))
            if not provisioning.can_provision(storage_class) or not topology_allows(storage_class or {}, node):
                return False
            plan.provision.append(claim)
    return True


class Broken(Exception):
    """The volumes turned out not to suit the chosen node; the pod is scheduled anew."""


def all_bound(pod: Object, node: Object, storage: Storage, provisioned: set[str]) -> bool:
    """Whether the claims of ``pod``, asked to be bound for ``node``, are. Broken when they never will be: a volume is
    elsewhere (B4), or a driver that could not make one of ``provisioned`` took the selected node off the claim."""
    done = True
    for wanted in claim_names(pod):
        claim = storage.claims.get(wanted)
        if claim is None:
            raise Broken(f'could not get PVC "{namespace(pod)}/{wanted}": not found')
        if terminating(claim):
            raise Broken(f'PVC "{namespace(pod)}/{wanted}" is being deleted')
        volume = storage.volumes.get(claim["spec"].get("volumeName") or "")
        if volume and not volume_accepts(volume, node):
            raise Broken(f'pv "{name(volume)}" node affinity doesn\'t match node "{name(node)}"')
        if matching.fully_bound(claim):
            continue
        done = False
        selected = annotations_of(claim).get(matching.SELECTED_NODE)
        if wanted in provisioned and selected is None:
            raise Broken(f'selectedNode annotation reset for PVC "{wanted}"')
        if wanted in provisioned and selected != name(node):
            raise Broken(f'selectedNode annotation value "{selected}" not set to scheduled node "{name(node)}"')
    return done

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out the claim swap: look, ask the domain for the next step, do it, look again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from .._domain import binding, ids, objects
from .._domain.binding import Action, Step, Swap
from .._domain.model import Volume
from .._domain.objects import Obj
from .._errors import Conflict, MigrationError, NotFound, Refused, Retryable, TimedOut
from .._retry import Clock
from .._wait import Done, Failed, Pending, Verdict, wait_until
from . import api
from .client import K8sClient

_THREADS = 16
_PAUSE_SECONDS = 0.1
# Others may change an object between our look and our step, but not this often: then something works against us.
_FAILURES_IN_A_ROW = 10


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Where a claim ended, and whether anything was done for it."""

    volume: Volume
    changed: bool


class Rebinder:
    """Brings claims of one namespace onto the disks where they are wanted."""

    def __init__(
        self, client: K8sClient, namespace: str, *, clock: Clock, timeout: float, fence: Callable[[], None]
    ) -> None:
        """``fence`` is called before every step that changes anything and stops it by raising (S10)."""
        self._client = client
        self._namespace = namespace
        self._clock = clock
        self._timeout = timeout
        self._fence = fence
        self._all_pvs = api.list_pvs(client)

    def swaps(self, volumes: list[Volume], originals: dict[str, tuple[Obj, Obj]], run_id: str) -> list[Swap]:
        """What is wanted with how it was: from the journal's originals, else from the live claim and its PV."""
        return [
            Swap(volume, *(originals.get(volume.claim) or self._live(volume.claim)), run_id=run_id)
            for volume in volumes
        ]

    def _live(self, claim_name: str) -> tuple[Obj, Obj]:
        claim = api.get_claim(self._client, self._namespace, claim_name)
        if claim is None:
            raise NotFound(
                f"Claim {self._namespace}/{claim_name} does not exist, and no journal tells what it looked like.",
                code="ClaimNotFound",
                hint="Give run_id and journal_namespace of the run that knows it.",
                context={"claim": claim_name},
            )
        pv = next((pv for pv in self._all_pvs if objects.name(pv) == objects.volume_name(claim)), None)
        if pv is None:
            raise Refused(
                f"Claim {self._namespace}/{claim_name} is bound to no PV, so there is none to model the new one on.",
                code="ClaimNotBound",
                context={"claim": claim_name},
            )
        return claim, pv

    def is_on_disk(self, volume: Volume) -> bool:
        """Whether the claim is bound to a PV of the disk where it is wanted."""
        return self._disk_under(volume.claim) == volume.disk_id

    def demand_off_source(self, volumes: list[Volume]) -> None:
        """Raises Refused when a claim is on its source disk, which is about to go for good."""
        for volume in volumes:
            if self._disk_under(volume.claim) == volume.source_disk_id:
                raise Refused(
                    f"Claim {volume.claim} is on its source disk {volume.source_disk_id}, which must stay then.",
                    code="SourceInUse",
                    hint="Nothing was deleted. See the run with status.yml.",
                    context={"claim": volume.claim, "disk": volume.source_disk_id},
                )

    def _disk_under(self, claim_name: str) -> str:
        claim = api.get_claim(self._client, self._namespace, claim_name)
        bound = objects.volume_name(claim) if claim else ""
        pv = next((pv for pv in self._all_pvs if objects.name(pv) == bound), None) if bound else None
        return objects.disk_of(pv) if pv else ""

    def preview(self, swaps: list[Swap]) -> list[Outcome]:
        """What ``bind`` would come to (check mode)."""
        outcomes = []
        taken = {objects.name(pv) for pv in self._all_pvs}
        for swap in swaps:
            pvs = self._look(swap)
            step = self._next(swap, pvs)
            self._refuse(swap, step)
            claim = api.get_claim(self._client, self._namespace, swap.wanted.claim)
            name = binding.final_pv_name(swap, claim, list(pvs.values()), taken)
            outcomes.append(Outcome(dataclasses.replace(swap.wanted, pv=name), step.action is not Action.DONE))
        return outcomes

    def bind(self, swaps: list[Swap]) -> list[Outcome]:
        """Bring every claim to its disk, concurrently. All are tried; then the first error is raised."""
        with ThreadPoolExecutor(_THREADS) as pool:
            futures = [pool.submit(self._bind_one, swap) for swap in swaps]
        return [future.result() for future in futures]

    def _bind_one(self, swap: Swap) -> Outcome:
        deadline = self._clock.now() + self._timeout
        changed = False
        failures = 0
        pvs = self._look(swap)
        while True:
            step = self._next(swap, pvs)
            self._refuse(swap, step)
            if step.action is Action.DONE:
                return Outcome(dataclasses.replace(swap.wanted, pv=step.name), changed)
            if self._clock.now() > deadline:
                raise TimedOut(
                    f"Claim {swap.wanted.claim} did not get onto disk {swap.wanted.disk_id} in {self._timeout:g} s; "
                    f"next would be: {step.action.value} {step.name or step.reason}".rstrip()
                    + ".",
                    hint="Nothing is lost: both disks are kept.",
                    context={"claim": swap.wanted.claim, "disk": swap.wanted.disk_id},
                )
            try:
                if step.action is not Action.WAIT:
                    self._do(swap, step)
                    changed, failures = True, 0
            except (Conflict, NotFound, Retryable):
                failures += 1
                if failures == _FAILURES_IN_A_ROW:
                    raise
            if failures or step.action is Action.WAIT:
                self._clock.sleep(_PAUSE_SECONDS * (1 + failures))
            pvs = self._look(swap, {*pvs, step.name})

    def _look(self, swap: Swap, also: set[str] | dict[str, Obj] | None = None) -> dict[str, Obj]:
        """The PVs that matter for this claim: on the wanted disk, naming the claim, or named by it."""
        place = (self._namespace, swap.wanted.claim)
        names = {
            objects.name(pv)
            for pv in self._all_pvs
            if objects.disk_of(pv) == swap.wanted.disk_id or objects.claim_ref(pv)[:2] == place
        }
        found = (api.get_pv(self._client, name) for name in sorted({*names, *(also or ())} - {""}))
        return api.names(pv for pv in found if pv is not None)

    def _next(self, swap: Swap, pvs: dict[str, Obj]) -> Step:
        """The pods are asked for only where they decide: before a claim is deleted."""
        claim = api.get_claim(self._client, self._namespace, swap.wanted.claim)
        bound = objects.volume_name(claim) if claim else ""
        if bound and bound not in pvs:
            pv = api.get_pv(self._client, bound)
            pvs = {**pvs, bound: pv} if pv else pvs
        step = binding.next_step(swap, claim, list(pvs.values()), users=[])
        if step.action in (Action.DELETE_CLAIM, Action.WAIT):
            step = binding.next_step(swap, claim, list(pvs.values()), users=self._users(swap.wanted.claim))
        return step

    def _users(self, claim: str) -> list[str]:
        """Pods that keep a claim in use: those with a node (B4), finished ones too (trap 12)."""
        pods = api.list_pods(self._client, self._namespace)
        return [
            objects.name(pod) for pod in pods if claim in objects.claims_of_pod(pod) and pod["spec"].get("nodeName")
        ]

    def _refuse(self, swap: Swap, step: Step) -> None:
        if step.action is Action.REFUSE:
            raise Refused(
                f"Claim {swap.wanted.claim} cannot be bound to disk {swap.wanted.disk_id}: {step.reason}.",
                code="CannotBind",
                hint="Both disks are kept. Mend what is named and repeat, or go back with rollback.yml.",
                context={"claim": swap.wanted.claim, "disk": swap.wanted.disk_id, "zone": swap.wanted.zone},
            )

    def _do(self, swap: Swap, step: Step) -> None:
        """One step. Conflict, NotFound and Retryable mean that the world changed or an answer was lost: look afresh."""
        self._fence()
        try:
            self._act(swap, step)
        except MigrationError as error:
            raise error.add_context(claim=swap.wanted.claim, disk=swap.wanted.disk_id) from None

    def _act(self, swap: Swap, step: Step) -> None:
        claim = swap.wanted.claim
        if step.action is Action.RETAIN_PV:
            retain = {"spec": {"persistentVolumeReclaimPolicy": "Retain"}}
            api.patch_pv(self._client, step.name, step.uid, retain)
        elif step.action is Action.SET_POLICY:
            api.patch_pv(self._client, step.name, step.uid, step.body)
        elif step.action is Action.RESERVE:
            api.create_pv(self._client, step.body)
        elif step.action is Action.DELETE_CLAIM:
            api.delete_claim(self._client, self._namespace, claim, step.uid)
        elif step.action is Action.RELEASE:
            live = api.get_claim(self._client, self._namespace, claim)
            if live is not None and objects.uid(live) == step.uid and objects.has_hold(live):
                api.release_claim(self._client, live)
        elif step.action is Action.CREATE_CLAIM:
            api.create_claim(self._client, step.body)
        elif step.action is Action.AMEND_CLAIM:
            api.patch_claim(self._client, self._namespace, claim, step.body)
        elif step.action is Action.DROP_PV:
            api.delete_pv(self._client, step.name, step.uid)

    def removable(self, volumes: list[Volume], *, source: bool, run_id: str) -> list[Obj]:
        """PV objects to drop: of the source disks (finalize), or those that this run made on the wanted disks (S8).

        Raises Refused when one of them is bound, or does not say Retain: dropping it could then take its disk along.
        """
        found = []
        pvs = api.list_pvs(self._client)
        for volume in volumes:
            disk_id = volume.source_disk_id if source else volume.disk_id
            for pv in pvs:
                ours = source or objects.labels_of(pv).get(ids.RUN_LABEL) == run_id
                if disk_id and objects.disk_of(pv) == disk_id and ours:
                    found.append(self._loose(pv, volume))
        return found

    def _loose(self, pv: Obj, volume: Volume) -> Obj:
        """The PV once nothing is bound to it; the controller may have yet to see that its claim is gone."""
        namespace, name, uid = objects.claim_ref(pv)

        def look() -> Verdict[Obj]:
            live = api.get_pv(self._client, objects.name(pv)) or pv
            if objects.phase(live) != "Bound" and objects.reclaim_policy(live) == "Retain":
                return Done(live)
            claim = api.get_claim(self._client, namespace, name) if name else None
            if objects.reclaim_policy(live) != "Retain" or (claim and objects.uid(claim) == uid):
                return Failed(_not_dropped(live, volume))
            return Pending(f"PV {objects.name(pv)} is still {objects.phase(live)}")

        return wait_until(
            look,
            timeout=self._timeout,
            interval=_PAUSE_SECONDS,
            clock=self._clock,
            what=f"PV {objects.name(pv)} to be released",
        )

    def drop(self, pvs: list[Obj]) -> None:
        """Delete these PV objects and wait until they are gone; the disks behind them stay."""
        for pv in pvs:
            self._fence()
            api.delete_pv(self._client, objects.name(pv), objects.uid(pv))

        def look() -> Verdict[None]:
            left = [name for name in map(objects.name, pvs) if api.get_pv(self._client, name) is not None]
            return Pending(f"still there: {', '.join(left)}") if left else Done(None)

        wait_until(
            look, timeout=self._timeout, interval=_PAUSE_SECONDS, clock=self._clock, what="the PV objects to be gone"
        )


def _not_dropped(pv: Obj, volume: Volume) -> MigrationError:
    return Refused(
        f"PV {objects.name(pv)} on disk {objects.disk_of(pv)} is not dropped: it is {objects.phase(pv)} "
        f"with reclaim policy {objects.reclaim_policy(pv)}.",
        code="PvInUse",
        hint="Nothing was deleted. See which claim it is bound to.",
        context={"claim": volume.claim, "pv": objects.name(pv)},
    )

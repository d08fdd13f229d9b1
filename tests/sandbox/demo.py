# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration: the vendor's example moves to another zone, and its data is compared record by record."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from . import invariants, manifests, tables
from .daemon import ROOT
from .nodes.client import Kubernetes
from .records import flaw, starts_with
from .sandbox import Backend, Sandbox
from .world import World, disk_of_claim, is_ready, mounts, zone_of_pod

NAMESPACE, STS, TARGET_ZONES = "default", "web", ("cn-beijing-k",)
PLAYBOOK = ["migrate.yml", "-e", f"sts={STS}", "-e", f"target_zones={','.join(TARGET_ZONES)}"]

_READY_SECONDS = 120.0
_RECORDS_BEFORE = 5
_RECORDS_AFTER = 3


def main(profile: str = "instant", backend: Backend = "embedded") -> int:
    """Exit status 0 only if every claim's data moved whole and is written on."""
    started = time.monotonic()
    # The servers' and the nodes' own troubles are not part of the show.
    for chatty in ("tests.sandbox", "aliyunsdkcore"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
    # Whoever ends the demo ends its sandbox in an orderly way, and the playbook with it.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    with Sandbox(profile=profile, backend=backend) as sandbox:
        _say(
            f"Sandbox up in {time.monotonic() - started:.1f} s: ECS, Kubernetes, {len(sandbox.world()['nodes'])} nodes."
        )
        manifests.apply(Kubernetes(sandbox.kubeconfig), manifests.read(manifests.WEB), NAMESPACE)
        before = _when(sandbox, lambda world: _is_running(world, _RECORDS_BEFORE), "the example does not start")
        _say(f"Before\n\n{tables.overview(before, NAMESPACE, STS)}")
        status = _migrate(sandbox)
        after = sandbox.world()
        if status == 0:
            after = _when(sandbox, lambda world: _has_gone_on(before, world), "the example does not go on")
        _say(f"After\n\n{tables.overview(after, NAMESPACE, STS)}")
        faults = _report(before, after, status)
    _say(f"{'FAILED' if faults else 'PASSED'} in {time.monotonic() - started:.1f} s; the sandbox is down.")
    return 1 if faults else 0


def _migrate(sandbox: Sandbox) -> int:
    """The user's command, in the user's place."""
    command = ["ansible-playbook", *PLAYBOOK]
    _say(f"$ {' '.join(command)}")
    path = os.pathsep.join([os.path.join(sys.prefix, "bin"), os.environ.get("PATH", os.defpath)])
    environment = os.environ | sandbox.environment() | {"PATH": path}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, start_new_session=True
    ) as playbook:
        try:
            return playbook.wait()
        except BaseException:
            # Ansible's workers too: they would go on against a sandbox that is no more.
            os.killpg(playbook.pid, signal.SIGTERM)
            raise


def _report(before: World, after: World, status: int) -> list[str]:
    """Tell the verdict; the faults that were found."""
    faults = [] if status == 0 else [f"ansible-playbook ended with status {status}"]
    lines = []
    for claim in sorted(before["claims"]):
        found = verdict(before, after, claim, TARGET_ZONES)
        faults += found
        lines.append(f"{'FAULT' if found else 'ok':5}  {claim}: {_told(before, after, claim)}")
    broken = invariants.check(before, after)
    faults += broken
    _say("Verdict\n\n" + "\n".join([*lines, *(f"FAULT  {fault}" for fault in faults)]))
    return faults


def verdict(before: World, after: World, claim: str, zones: tuple[str, ...]) -> list[str]:
    """What is wrong with the move of a claim's disk to one of the zones; nothing, if it stayed in one rightly."""
    source_id, target_id = disk_of_claim(before, claim), disk_of_claim(after, claim)
    source, target = after["disks"].get(source_id), after["disks"].get(target_id)
    if target is None:
        return [f"{claim} has no disk"]
    faults = []
    if target["zone"] not in zones:
        faults.append(f"{claim} is on disk {target_id} in {target['zone']}, not in {', '.join(zones)}")
    pod = next((pod for pod in after["pods"].values() if mounts(pod, claim)), None)
    if not pod or not is_ready(pod) or zone_of_pod(after, pod) != target["zone"]:
        faults.append(f"the pod of {claim} is not Ready in {target['zone']}")
    if fault := flaw(target["contents"]):
        faults.append(f"the contents of disk {target_id} are damaged: {fault}")
    if before["disks"][source_id]["zone"] in zones:
        return faults if target_id == source_id else [*faults, f"disk {source_id} of {claim} was moved without need"]
    if source is None:
        return [*faults, f"the source disk {source_id} of {claim} is gone"]
    if source["attached_to"]:
        faults.append(f"the source disk {source_id} of {claim} is in use")
    if not starts_with(source["contents"], before["disks"][source_id]["contents"]):
        faults.append(f"the source disk {source_id} of {claim} lost records")
    if not source["contents"] or not source["contents"][-1].get("last"):
        faults.append(f"the source disk {source_id} of {claim} has no last record: the pod was not stopped gracefully")
    if not starts_with(target["contents"], source["contents"]):
        faults.append(f"disk {target_id} of {claim} does not begin with all records of its source {source_id}")
    elif len(target["contents"]) == len(source["contents"]):
        faults.append(f"nothing was written to disk {target_id} of {claim} after the move")
    return faults


def _told(before: World, after: World, claim: str) -> str:
    source, target = before["disks"][disk_of_claim(before, claim)], after["disks"].get(disk_of_claim(after, claim))
    if not target:
        return f"had disk {source['id']} in {source['zone']}, has none"
    if source["id"] == target["id"]:
        return f"disk {source['id']} in {source['zone']}, {len(target['contents'])} records"
    kept = after["disks"].get(source["id"], {"contents": []})["contents"]
    new = target["contents"][len(kept) :]
    down = f", written to again after {new[0]['time'] - kept[-1]['time']:.1f} s" if kept and new else ""
    return (
        f"{source['zone']} -> {target['zone']}, {len(kept)} records up to the last one before the stop, "
        f"{len(new)} new ones since{down}"
    )


def _is_running(world: World, records: int) -> bool:
    """Every replica Ready, with at least so many records on its disks."""
    sts = world["statefulsets"].get(f"{NAMESPACE}/{STS}")
    ready = [pod for pod in world["pods"].values() if is_ready(pod)]
    disks = [world["disks"].get(disk_of_claim(world, claim)) for claim in world["claims"]]
    return bool(sts and disks and len(ready) == sts["spec"].get("replicas", 1)) and all(
        disk is not None and len(disk["contents"]) >= records for disk in disks
    )


def _has_gone_on(before: World, now: World) -> bool:
    """Running again, and with records after those of the source disks."""
    sources = [now["disks"].get(disk_of_claim(before, claim), {"contents": []}) for claim in before["claims"]]
    targets = [now["disks"].get(disk_of_claim(now, claim), {"contents": []}) for claim in before["claims"]]
    return _is_running(now, _RECORDS_BEFORE) and all(
        source is target or len(target["contents"]) >= len(source["contents"]) + _RECORDS_AFTER
        for source, target in zip(sources, targets, strict=True)
    )


def _when(sandbox: Sandbox, condition: Callable[[World], bool], complaint: str) -> World:
    deadline = time.monotonic() + _READY_SECONDS
    while not condition(world := sandbox.world()):
        if time.monotonic() > deadline:
            raise SystemExit(f"{complaint} within {_READY_SECONDS:g} s:\n\n{tables.describe(world)}")
        time.sleep(0.1)
    return world


def _say(text: str) -> None:
    print(f"\n{text}", flush=True)

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others do to the application in the middle of a run (peers-and-traps.md section 3), and what survives it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.role.support import QUICK, demand_moved_data, play, start_web, zones_of_pods
from tests.sandbox.faults import Fault
from tests.sandbox.sandbox import Sandbox

ZONE_H, ZONE_K = "cn-beijing-h", "cn-beijing-k"


@contextmanager
def somebody_scales_back_up(sandbox: Sandbox, replicas: int) -> Iterator[list[int]]:
    """A GitOps tool that resets the replicas whenever it sees another number; yields what it saw."""
    client = sandbox.cluster.client("gitops")
    seen: list[int] = []
    ended = threading.Event()

    def heal() -> None:
        while not ended.wait(0.05):
            found = client.get("statefulsets.apps", "web", "default")
            if found and found["spec"]["replicas"] != replicas:
                seen.append(found["spec"]["replicas"])
                client.patch("statefulsets.apps", "web", {"spec": {"replicas": replicas}}, "default")

    healer = threading.Thread(target=heal, daemon=True)
    healer.start()
    try:
        yield seen
    finally:
        ended.set()
        healer.join()


@contextmanager
def every_lost_claim(sandbox: Sandbox) -> Iterator[list[str]]:
    """Yields the claims that went while no PV was reserved for them: the next one of that name gets an empty disk."""
    client = sandbox.cluster.client("witness")
    unguarded: list[str] = []

    def see(event: str, claim: dict[str, Any], _previous: dict[str, Any] | None) -> None:
        if event != "DELETED":
            return
        name, namespace = claim["metadata"]["name"], claim["metadata"]["namespace"]
        now = client.get("persistentvolumeclaims", name, namespace)
        waiting = {"", now["metadata"]["uid"]} if now else {""}
        references = [volume["spec"].get("claimRef") or {} for volume in client.list("persistentvolumes")]
        if not any(ref.get("name") == name and ref.get("uid", "") in waiting for ref in references):
            unguarded.append(f"{name} ({claim['metadata']['uid']})")

    client.subscribe("persistentvolumeclaims", see)
    yield unguarded


def test_somebody_scales_back_up_all_the_time(sandbox: Sandbox) -> None:
    """Traps 35 to 37: the hold is the fence. Without it a pod would come up on the source disk while it is copied."""
    start_web(sandbox, ZONE_H)
    with somebody_scales_back_up(sandbox, 2) as seen, every_lost_claim(sandbox) as unguarded:
        outcome = play(sandbox, "migrate.yml", sts="web", target_zones=ZONE_K, wait_timeout=120).succeeded()
    assert seen, "nobody fought the run, so this proved nothing"
    assert unguarded == []
    assert zones_of_pods(outcome.after) == {"web-0": ZONE_K, "web-1": ZONE_K}
    for claim in ("www-web-0", "www-web-1"):
        demand_moved_data(outcome, claim)


def test_somebody_scales_back_up_while_the_run_goes_back(sandbox: Sandbox) -> None:
    start_web(sandbox, ZONE_H)
    sandbox.faults.add(Fault(side="ecs", user="admin", verb="CreateDisk", status=403, code="QuotaExceed", times=0))
    with somebody_scales_back_up(sandbox, 2) as seen, every_lost_claim(sandbox) as unguarded:
        outcome = play(sandbox, "migrate.yml", sts="web", target_zones=ZONE_K, **QUICK)
    outcome.failed("QuotaExceed", "was put back")
    assert seen, "nobody fought the run, so this proved nothing"
    assert unguarded == []
    assert zones_of_pods(outcome.after) == {"web-0": ZONE_H, "web-1": ZONE_H}
    assert outcome.after["disasters"] == []

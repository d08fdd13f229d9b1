# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others do to the application in the middle of a run (peers-and-traps.md section 3), and what survives it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.role.support import demand_moved_data, play, start_web, zones_of_pods
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


def test_somebody_scales_back_up_all_the_time(sandbox: Sandbox) -> None:
    """Traps 35 to 37: the hold is the fence. Without it a pod would come up on the source disk while it is copied."""
    start_web(sandbox, ZONE_H)
    with somebody_scales_back_up(sandbox, 2) as seen:
        outcome = play(sandbox, "migrate.yml", sts="web", target_zones=ZONE_K, wait_timeout=120).succeeded()
    assert seen, "nobody fought the run, so this proved nothing"
    assert zones_of_pods(outcome.after) == {"web-0": ZONE_K, "web-1": ZONE_K}
    for claim in ("www-web-0", "www-web-1"):
        demand_moved_data(outcome, claim)

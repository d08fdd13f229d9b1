# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others do to the application in the middle of a run (peers-and-traps.md section 3), and what survives it."""

from __future__ import annotations

from tests.role.support import (
    QUICK,
    demand_moved_data,
    every_lost_claim,
    play,
    somebody_scales_back_up,
    start_web,
    zones_of_pods,
)
from tests.sandbox.faults import Fault
from tests.sandbox.sandbox import Sandbox

ZONE_H, ZONE_K = "cn-beijing-h", "cn-beijing-k"


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

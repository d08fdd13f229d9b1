# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seed's example 1 on a real control plane."""

from __future__ import annotations

from tests.role.support import demand_moved_data, play, start_web, zones_of_disks, zones_of_pods
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.world import disk_of_claim

ZONE_H, ZONE_K = "cn-beijing-h", "cn-beijing-k"


def test_web_moves_to_another_zone_with_its_data(sandbox: Sandbox) -> None:
    start_web(sandbox, ZONE_H)
    first = play(sandbox, "migrate.yml", sts="web", target_zones=ZONE_K).succeeded()
    assert zones_of_pods(first.after) == {"web-0": ZONE_K, "web-1": ZONE_K}
    assert zones_of_disks(first.after) == {"www-web-0": ZONE_K, "www-web-1": ZONE_K}
    for claim in ("www-web-0", "www-web-1"):
        demand_moved_data(first, claim)
        assert first.after["disks"][disk_of_claim(first.before, f"default/{claim}")]["status"] == "Available"
        source = first.before["claims"][f"default/{claim}"]["spec"]["volumeName"]
        assert first.after["volumes"][source]["status"]["phase"] == "Released"
    second = play(sandbox, "migrate.yml", sts="web", target_zones=ZONE_K).succeeded()
    assert second.changed == 0
    assert second.mutating == []


def test_a_check_run_changes_nothing(sandbox: Sandbox) -> None:
    start_web(sandbox, ZONE_H)
    outcome = play(sandbox, "migrate.yml", "--check", "--diff", sts="web", target_zones=ZONE_K)
    assert outcome.returncode == 0, outcome.output
    assert outcome.mutating == []
    assert zones_of_pods(outcome.after) == {"web-0": ZONE_H, "web-1": ZONE_H}

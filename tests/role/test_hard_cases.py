# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reviewer found by walking through every step: runs that end in the wrong place, and who may take them up."""

from __future__ import annotations

from tests.role.support import QUICK, only_in, play, start_web, zones_of_disks, zones_of_pods
from tests.sandbox.faults import Fault
from tests.sandbox.sandbox import Sandbox
from tests.support import scale, wait_until_running

ZONE_H, ZONE_I, ZONE_J, ZONE_K = (f"cn-beijing-{letter}" for letter in "hijk")


def test_a_run_that_arrived_but_could_not_say_so_is_closed_by_the_same_command(sandbox: Sandbox) -> None:
    """Else the only way out of a healthy application with an open run would be to give its writes up."""
    start_web(sandbox, ZONE_H, replicas=1)
    first = play(sandbox, "migrate.yml", sts="web", target_zones=ZONE_K).succeeded()
    entries = len(first.of("update", "configmaps"))
    sandbox.faults.add(
        Fault(
            side="kubernetes",
            user="admin",
            verb="update",
            resource="configmaps",
            status=403,
            code="Forbidden",
            skip=entries - 1,
            times=0,
        )
    )
    unsaid = play(sandbox, "migrate.yml", sts="web", target_zones=ZONE_I, **QUICK)
    unsaid.failed("Write the result")
    assert zones_of_pods(unsaid.after) == {"web-0": ZONE_I}
    sandbox.faults.clear()
    closed = play(sandbox, "migrate.yml", sts="web", target_zones=ZONE_I).succeeded()
    assert "Nothing to migrate" in closed.text
    states = sorted(journal["data"]["state"] for journal in closed.after["journals"].values())
    assert states == ["succeeded", "succeeded"]

    run_id = next(iter(closed.after["journals"].values()))["metadata"]["labels"]["zoneshift.io/run"]
    strange = play(sandbox, "rollback", sts="other", run_id=run_id, on_unhealthy="rollback")
    strange.failed(f"Run {run_id} is one of StatefulSet default/web, not of default/other.")
    assert strange.mutating == []


def test_a_replica_that_stayed_does_not_forbid_going_back(sandbox: Sandbox) -> None:
    """web-0 is in one of the zones and Ready all along; web-1 moves and is never Ready there: no write is at stake."""
    template = {
        "metadata": {"labels": {"app": "nginx"}, "annotations": {"sandbox.zoneshift.io/never-ready-in": ZONE_J}},
        "spec": {
            "containers": [
                {
                    "name": "nginx",
                    "image": "nginx:1.14.2",
                    "volumeMounts": [{"name": "www", "mountPath": "/usr/share/nginx/html"}],
                }
            ]
        },
    }
    start_web(sandbox, ZONE_I, replicas=1, template=template)
    with only_in(sandbox, ZONE_H):
        scale(sandbox, 2)
        wait_until_running(sandbox, 2)
    outcome = play(
        sandbox, "migrate.yml", sts="web", target_zones=f"{ZONE_J},{ZONE_I}", **{**QUICK, "progress_deadline": 8}
    )
    outcome.failed("1 of 2 replicas Ready; web-1 is Running", "was put back")
    settled = wait_until_running(sandbox, 2)
    assert zones_of_disks(settled) == {"www-web-0": ZONE_I, "www-web-1": ZONE_H}
    assert settled["disasters"] == []

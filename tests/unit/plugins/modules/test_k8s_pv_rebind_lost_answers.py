# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""k8s_pv_rebind with every single request of a swap lost in turn: it ends as if nothing had happened."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.zoneshift.ack.plugins.module_utils._k8s import client, rebind

from tests.sandbox.faults import Fault
from tests.sandbox.sandbox import Sandbox
from tests.unit.plugins.modules.claims import CLAIMS, PVS, at_source, disk_behind, get, hold, make_bound, pvs_on
from tests.unit.plugins.modules.workbench import Outcome, run

# More than any of the swaps below needs; the test demands that the last of these faults did not fire any more.
LONGEST = 40


def _swap(sandbox: Sandbox, volume: dict[str, Any]) -> Outcome:
    return run(sandbox, "k8s_pv_rebind", volumes=[volume], wait_timeout=60)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between attempts a real server is given time; this one needs none."""
    monkeypatch.setattr(client, "_PATIENCE", dataclasses.replace(client._PATIENCE, first=0.01))
    monkeypatch.setattr(rebind, "_PAUSE_SECONDS", 0.01)


@pytest.mark.parametrize(
    "fault",
    [{"effect": "drop", "moment": "after"}, {"status": 503, "code": "ServiceUnavailable"}],
    ids=["lost-after-the-effect", "refused-for-the-moment"],
)
@pytest.mark.parametrize("held", [True, False], ids=["held", "free"])
def test_every_request_of_a_swap_may_be_lost(sandbox: Sandbox, fault: dict[str, Any], held: bool) -> None:
    for number in range(LONGEST):
        volume = make_bound(sandbox)
        if held:
            assert _swap(sandbox, at_source(volume)).error is None
            hold(sandbox, volume["claim"])
        rule = Fault(side="kubernetes", user="admin", skip=number, **fault)
        sandbox.faults.add(rule)
        outcome = _swap(sandbox, volume)
        sandbox.faults.clear()
        assert outcome.error is None, f"request {number}: {outcome.error}"
        assert disk_behind(sandbox, volume["claim"]) == volume["disk_id"]
        assert len(pvs_on(sandbox, volume["disk_id"])) == len(pvs_on(sandbox, volume["source_disk_id"])) == 1
        assert get(sandbox, PVS, volume["source_pv"])["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
        assert get(sandbox, CLAIMS, volume["claim"])["metadata"]["labels"] == {"app": "shop"}
        assert {volume["source_disk_id"], volume["disk_id"]} <= set(sandbox.cloud.world()["disks"])
        if not rule.fired:
            return
    raise AssertionError(f"a swap takes more than {LONGEST} requests")

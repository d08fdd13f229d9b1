# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes and driver carry on when their calls fail, with nothing made twice and nothing lost."""

from __future__ import annotations

import pytest

from tests.sandbox.faults import Fault, Moment
from tests.sandbox.records import flaw
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.world import disk_of_claim
from tests.support import contents, run_web, scale, scale_to_zero, wait_for, wait_until_running

CLAIM = "default/www-web-0"


def test_disk_whose_creation_lost_its_answer_is_made_once(sandbox: Sandbox) -> None:
    """The driver's ClientToken (1.3): the SDK and the provisioner repeat the call, ECS gives the same disk."""
    sandbox.faults.add(Fault(effect="drop", moment="after", side="ecs", verb="CreateDisk", times=3))

    world = run_web(sandbox, replicas=1)

    assert list(world["disks"]) == [disk_of_claim(world, CLAIM)]
    assert sandbox.faults.as_json()[0]["fired"] == 3


def test_volume_whose_creation_lost_its_answer_is_made_once(sandbox: Sandbox) -> None:
    fault = Fault(
        effect="drop", moment="after", side="kubernetes", verb="create", resource="persistentvolumes", times=1
    )
    sandbox.faults.add(fault)

    world = run_web(sandbox, replicas=1)

    assert len(world["volumes"]) == len(world["disks"]) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("action", ["AttachDisk", "DetachDisk", "DescribeDisks"])
def test_disk_is_attached_and_detached_in_spite_of_lost_calls(sandbox: Sandbox, action: str, moment: Moment) -> None:
    sandbox.faults.add(Fault(effect="drop", moment=moment, side="ecs", user="driver", verb=action, times=2))

    run_web(sandbox, replicas=1)
    stopped = scale_to_zero(sandbox)

    (disk,) = stopped["disks"].values()
    assert (disk["status"], disk["attached_to"]) == ("Available", [])
    assert contents(stopped, CLAIM)[-1]["last"] is True


def test_throttled_attach_is_told_and_repeated(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(side="ecs", verb="AttachDisk", code="Throttling.User", status=400, times=2))

    world = run_web(sandbox, replicas=1)

    (attachment,) = world["attachments"].values()
    assert "attachError" not in attachment["status"]


def test_broken_watches_are_made_up_for_by_listing(sandbox: Sandbox) -> None:
    world = run_web(sandbox, replicas=1)
    sandbox.faults.add(Fault(effect="drop", side="kubernetes", user="nodes", verb="watch", times=14))
    # The nodes' process starts anew, and every one of its watches breaks twice.
    sandbox.stop_nodes()
    sandbox.start_nodes()

    scale(sandbox, 2)

    again = wait_until_running(sandbox, 2)
    assert sandbox.faults.as_json()[0]["fired"] == 14
    assert again["disasters"] == []
    assert again["pods"]["default/web-0"]["metadata"]["uid"] == world["pods"]["default/web-0"]["metadata"]["uid"]


def test_restarted_nodes_take_up_what_was_running(sandbox: Sandbox) -> None:
    world = run_web(sandbox, replicas=2, records=2)
    sandbox.stop_nodes()
    written = len(contents(sandbox.world(), CLAIM))

    sandbox.start_nodes()

    wait_for(lambda: len(contents(sandbox.world(), CLAIM)) > written + 1, "the application going on")
    stopped = scale_to_zero(sandbox)
    assert flaw(contents(stopped, CLAIM)) == ""
    assert contents(stopped, CLAIM)[-1]["last"] is True
    assert stopped["disasters"] == []
    assert set(stopped["disks"]) == set(world["disks"])

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which volume a claim may have: the rules, without a cluster."""

from __future__ import annotations

import pytest

from tests.sandbox.kube.controllers import matching
from tests.sandbox.kube.controllers.objects import Object, name
from tests.unit.sandbox.controller_objects import (
    new_claim,
    new_volume,
)


def a_claim(**changes: object) -> Object:
    claim = new_claim("c1")
    claim["metadata"]["uid"] = "u1"
    claim["spec"].update(changes)
    return claim


def available(volume: str, **options: str) -> Object:
    return {**new_volume(volume, **options), "status": {"phase": "Available"}}


@pytest.mark.parametrize(
    ("volume", "delayed", "found"),
    [
        (available("v", reserved_for="c1"), True, True),
        (available("v", reserved_for="c2"), False, False),
        (available("v"), False, True),
        (available("v"), True, False),
        (available("v", size="10Gi"), False, False),
        (available("v", size="10Gi", reserved_for="c1"), True, False),
        ({**available("v"), "status": {"phase": "Released"}}, False, False),
        ({**available("v", reserved_for="c1"), "status": {"phase": "Released"}}, True, True),
    ],
)
def test_which_volume_an_open_claim_may_have(volume: Object, delayed: bool, found: bool) -> None:
    match = matching.best_match(a_claim(), [volume], delayed=delayed)
    assert (match is not None) == found


def test_a_reserved_volume_is_taken_whatever_its_class_and_wins_over_a_smaller_one() -> None:
    reserved = available("reserved", reserved_for="c1", size="100Gi")
    reserved["spec"]["storageClassName"] = "another"
    match = matching.best_match(a_claim(), [available("free"), reserved], delayed=False)
    assert match and name(match) == "reserved"


def test_the_scheduler_gets_nothing_when_the_reserved_volume_is_not_for_its_node() -> None:
    volumes = [available("free"), available("reserved", reserved_for="c1", size="100Gi")]
    match = matching.best_match(a_claim(), volumes, delayed=True, fits_node=lambda volume: name(volume) == "free")
    assert match is None

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages, node selectors and tolerations: the rules of the scheduler, without a cluster."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.sandbox.kube.controllers import filters, nodeselectors
from tests.sandbox.kube.controllers.objects import Object
from tests.unit.sandbox.controller_objects import (
    new_node,
)


def test_without_nodes_the_message_says_so() -> None:
    assert filters.message(0, Counter()) == "no nodes available to schedule pods"


def test_reasons_are_counted_and_advice_is_split() -> None:
    reasons = Counter({"Insufficient cpu": 2, "node(s) were unschedulable": 1})
    assert filters.message(3, reasons) == (
        "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. no new claims to deallocate, "
        "preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, "
        "2 No preemption victims found for incoming pod."
    )


def selector(operator: str, *values: str, key: str = "size") -> Object:
    return {"nodeSelectorTerms": [{"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}]}


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (selector("In", "3", "4"), True),
        (selector("NotIn", "3", "4"), False),
        (selector("NotIn", "3", key="colour"), True),
        (selector("Exists"), True),
        (selector("DoesNotExist"), False),
        (selector("Gt", "2"), True),
        (selector("Lt", "3"), False),
        (selector("Gt", "2", key="colour"), False),
        ({"nodeSelectorTerms": []}, False),
        ({"nodeSelectorTerms": [{}]}, False),
        ({"nodeSelectorTerms": [{}, *selector("Exists")["nodeSelectorTerms"]]}, True),
        (
            {
                "nodeSelectorTerms": [
                    {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]},
                ]
            },
            True,
        ),
    ],
)
def test_node_selector_terms(wanted: Object, fits: bool) -> None:
    node = new_node("i", "n1")
    node["metadata"]["labels"]["size"] = "3"
    assert nodeselectors.matches_selector(wanted, node) == fits


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "a", "operator": "Exists"}, True),
        ({"key": "a", "value": "1"}, True),
        ({"key": "a", "value": "2"}, False),
        ({"key": "b", "operator": "Exists"}, False),
        ({"key": "a", "operator": "Exists", "effect": "NoExecute"}, False),
    ],
)
def test_tolerations(toleration: Object, tolerated: bool) -> None:
    taint = {"key": "a", "value": "1", "effect": "NoSchedule"}
    assert nodeselectors.tolerates({"spec": {"tolerations": [toleration]}}, taint) == tolerated

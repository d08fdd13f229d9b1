# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an Advanced StatefulSet asks for (csi-and-statefulsets.md section 4), without a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.kruise import rules
from tests.support import web


def rolling(**fields: Any) -> dict[str, Any]:
    return {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": fields}}


@pytest.mark.parametrize(
    ("replicas", "spec", "ordinals"),
    [
        (3, {}, [0, 1, 2]),
        (2, {"reserveOrdinals": [1]}, [0, 2]),
        (2, {"reserveOrdinals": [0, "2-3"]}, [1, 4]),
        (3, {"reserveOrdinals": ["1"]}, [0, 2, 3]),
        (2, {"reserveOrdinals": [7]}, [0, 1]),
        (0, {"reserveOrdinals": [0]}, []),
        (2, {"ordinals": {"start": 5}}, [0, 1]),
    ],
)
def test_ordinals_start_at_0_and_skip_the_reserved(replicas: int, spec: dict[str, Any], ordinals: list[int]) -> None:
    assert rules.wanted_ordinals(web(replicas, **spec)) == ordinals


@pytest.mark.parametrize(
    ("given", "pods"),
    [({}, 1), ({"maxUnavailable": 2}, 2), ({"maxUnavailable": "50%"}, 2), ({"maxUnavailable": "10%"}, 1)],
)
def test_max_unavailable_is_rounded_down_but_never_0(given: dict[str, Any], pods: int) -> None:
    assert rules.max_unavailable(web(5, **rolling(**given))) == pods


def test_min_ready_seconds_are_part_of_the_rolling_update() -> None:
    assert rules.min_ready_seconds(web(1, **rolling(minReadySeconds=7))) == 7
    assert rules.min_ready_seconds(web(1, minReadySeconds=7)) == 0


@pytest.mark.parametrize(
    ("hook", "hooked"),
    [
        (None, False),
        ({"labelsHandler": {"example.com/block": "true"}}, True),
        ({"labelsHandler": {"example.com/block": "false"}}, False),
        ({"finalizersHandler": ["example.com/drain"]}, True),
        ({"finalizersHandler": ["example.com/other"]}, False),
    ],
)
def test_pod_is_hooked_by_a_label_or_a_finalizer_that_it_has(hook: dict[str, Any] | None, hooked: bool) -> None:
    pod = {"metadata": {"labels": {"example.com/block": "true"}, "finalizers": ["example.com/drain"]}}
    assert rules.is_hooked(web(1, lifecycle={"preDelete": hook}), pod) is hooked
    assert rules.is_hooked(web(1, lifecycle={"inPlaceUpdate": hook}), pod) is False

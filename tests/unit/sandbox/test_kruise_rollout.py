# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roll-outs of Advanced StatefulSets: which replicas come up on which revision (csi-and-statefulsets.md 4.1, 4.5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.nodes.client import Object
from tests.sandbox.sandbox import Backend, Sandbox
from tests.support import backends, web
from tests.unit.sandbox.kruise_helpers import AdvancedWeb


@pytest.fixture(params=backends())
def backend(request: pytest.FixtureRequest) -> Backend:
    found: Backend = request.param
    return found


@pytest.fixture
def sandbox(backend: Backend) -> Iterator[Sandbox]:
    with Sandbox(kruise=True, backend=backend) as found:
        yield found


def newer_template() -> Object:
    template = dict(web(1)["spec"]["template"])
    return {**template, "metadata": {**template["metadata"], "annotations": {"example.com/release": "2"}}}


def rolling(**fields: Any) -> dict[str, Any]:
    return {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": fields}}


def revisions(found: AdvancedWeb) -> dict[int, str]:
    return {ordinal: pod["metadata"]["labels"]["controller-revision-hash"] for ordinal, pod in found.pods().items()}


def roll_out(found: AdvancedWeb) -> tuple[str, str]:
    """The revision before, and the one that the newer template gets."""
    old = found.wait_status(readyReplicas=3)["updateRevision"]
    found.patch({"template": newer_template()})
    new = found.wait(lambda: (found.status().get("updateRevision") or old) != old, "a new revision")
    assert new
    return old, found.status()["updateRevision"]


def test_a_new_template_reaches_one_replica_after_the_other_from_the_top(sandbox: Sandbox) -> None:
    found = AdvancedWeb.run(sandbox, 3, 0, 2, 3, reserveOrdinals=[1])
    _old, new = roll_out(found)
    found.wait_status(currentRevision=new, updatedReplicas=3, readyReplicas=3)
    assert found.events("SuccessfulDelete") == [
        f"delete Pod web-{ordinal} in StatefulSet web successful" for ordinal in (3, 2, 0)
    ]


def test_an_earlier_template_gets_its_revision_back(sandbox: Sandbox) -> None:
    found = AdvancedWeb.run(sandbox, 3, 0, 1, 2, updateStrategy={"type": "OnDelete"})
    old, new = roll_out(found)
    assert new != old
    found.patch({"template": {"metadata": {"annotations": None}}})
    found.wait_status(updateRevision=old)


def test_the_partition_counts_replicas_not_ordinals(sandbox: Sandbox) -> None:
    """web-0 and web-2 are the first two replicas, so both keep the old revision, even when they are made anew."""
    found = AdvancedWeb.run(sandbox, 3, 0, 2, 3, reserveOrdinals=[1], **rolling(partition=2))
    old, new = roll_out(found)
    found.wait_status(updatedReplicas=1, readyReplicas=3, currentRevision=old)
    assert revisions(found) == {0: old, 2: old, 3: new}
    found.patch({"replicas": 0})
    found.wait_status(replicas=0)


def test_a_paused_roll_out_still_scales(sandbox: Sandbox) -> None:
    found = AdvancedWeb.run(sandbox, 3, 0, 1, 2, **rolling(paused=True))
    old, new = roll_out(found)
    found.patch({"replicas": 4})
    found.wait_ready(0, 1, 2, 3)
    assert revisions(found) == {0: old, 1: old, 2: old, 3: new}


def test_on_delete_replaces_nothing_by_itself(sandbox: Sandbox) -> None:
    found = AdvancedWeb.run(sandbox, 3, 0, 1, 2, updateStrategy={"type": "OnDelete"})
    old, new = roll_out(found)
    found.admin.delete("pods", "web-1", "default")
    found.wait(lambda: revisions(found).get(1) == new, "web-1 on the new revision")
    found.wait_ready(0, 1, 2)
    assert revisions(found) == {0: old, 1: new, 2: old}

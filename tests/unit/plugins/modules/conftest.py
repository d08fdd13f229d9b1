# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One sandbox per test file: tests make their own disks, claims and StatefulSets in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.ecs.latency import Latency
from tests.sandbox.sandbox import Sandbox


@pytest.fixture(scope="module")
def shared_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as found:
        yield found


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The file's sandbox; faults, latencies and stock are as at the start again when the test is over."""
    yield shared_sandbox
    shared_sandbox.faults.clear()
    shared_sandbox.cloud.latency = Latency.profile("instant")
    shared_sandbox.cloud.settings.failing_snapshots.clear()

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of more than one module here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.sandbox.controller_helpers import World, start_world, stop_world
from tests.unit.sandbox.kube_http import Cluster
from tests.unit.sandbox.kubectl_runner import Kubectl


@pytest.fixture
def world() -> Iterator[World]:
    """A control plane with three nodes, a stand-in for their kubelets and one for the disk driver."""
    running = start_world()
    yield running
    stop_world(running)


@pytest.fixture
def kubectl(cluster: Cluster, tmp_path: Path) -> Kubectl:
    """For the server of the module's ``cluster``."""
    return Kubectl(cluster, tmp_path)

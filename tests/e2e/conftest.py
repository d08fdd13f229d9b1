# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Here ``sandbox`` is a world on a real control plane. It is up in some four seconds, so every test has its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(backend="real") as found:
        yield found

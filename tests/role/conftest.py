# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sandboxes on every back end that ``ZONESHIFT_BACKENDS`` lists (``embedded`` if unset)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.role.support import start_web
from tests.sandbox.sandbox import Sandbox
from tests.support import backends


@pytest.fixture(params=backends())
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(backend=request.param) as found:
        yield found


@pytest.fixture(scope="module", params=backends())
def web_sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """With the example running, shared by the tests of a module that leave it as it is."""
    with Sandbox(backend=request.param) as found:
        start_web(found, "cn-beijing-h")
        yield found

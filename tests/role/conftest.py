# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sandbox with the example running, shared by the tests of a module that leave it as it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.role.support import start_web
from tests.sandbox.sandbox import Sandbox


@pytest.fixture(scope="module")
def web_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as found:
        start_web(found, "cn-beijing-h")
        yield found

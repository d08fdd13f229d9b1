# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The id of a case says which line or sample of the record it holds the cluster to; ``table.py`` lists them.

B1 to B5 are the sections of the record of a real control plane, B6 is what it left out, and D3 is what DESIGN section 3
builds on it. Behind the dash: the number of a sample (tests/fixtures/kubernetes-samples) or the rule in words.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

BACKENDS = ("embedded", "real")
ID = re.compile(r"(B[1-6]|D3)-[a-z0-9-]+")


def case(name: str) -> pytest.MarkDecorator:
    """Marks a test as the proof of this case."""
    return pytest.mark.case(name)


def samples(section: str, *numbers: str) -> pytest.MarkDecorator:
    """One case per sample: the test gets its ``number``."""
    return pytest.mark.parametrize("number", [pytest.param(each, id=f"{section}-{each}") for each in numbers])


def rules(section: str, argument: str, **values: Any) -> pytest.MarkDecorator:
    """One case per rule, named by the keyword, with the value as the test's ``argument``."""
    named = [pytest.param(value, id=f"{section}-{name.replace('_', '-')}") for name, value in values.items()]
    return pytest.mark.parametrize(argument, named)

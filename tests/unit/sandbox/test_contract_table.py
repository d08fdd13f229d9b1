# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of contract cases: what a report says of each back end, and when it is not good enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.table import main

PASSED, FAILED, SKIPPED = "", "<failure/>", "<skipped/>"


def report(path: Path, **cases: str) -> str:
    """A JUnit report with a case for each ``backend_number``."""
    tests = [
        f'<testcase name="test_x[{name.replace("_", "-B1-")}]">{outcome}</testcase>' for name, outcome in cases.items()
    ]
    path.write_text(f"<testsuites><testsuite>{''.join(tests)}</testsuite></testsuites>", encoding="utf-8")
    return str(path)


def test_both_back_ends_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    embedded = report(tmp_path / "a.xml", embedded_10=PASSED, embedded_11=PASSED)
    real = report(tmp_path / "b.xml", real_10=PASSED, real_11=PASSED)
    assert main([embedded, real]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "| B1-10 | passed | passed |"
    assert lines[-1] == "| 2 cases | 2 passed, 0 skipped | 2 passed, 0 skipped |"


@pytest.mark.parametrize(
    "cases",
    [
        {"embedded_10": FAILED},
        {"embedded_10": "<error/>"},
        {"embedded_10": SKIPPED},
        {"embedded_10": PASSED, "real_11": PASSED},
        {},
    ],
)
def test_anything_but_passed_everywhere_is_not_good(tmp_path: Path, cases: dict[str, str]) -> None:
    assert main([report(tmp_path / "a.xml", **cases)]) == 1

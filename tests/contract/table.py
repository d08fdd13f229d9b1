# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.contract.table JUNIT...``: which cases passed on which back end."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

from .cases import BACKENDS

_NAME = re.compile(r"\[(?P<backend>[a-z]+)-(?P<case>.+)\]$")
Outcomes = dict[str, dict[str, str]]


def case_of(test_name: str) -> tuple[str, str]:
    """Back end and case id, from the name of a test; an empty id for a test that is no case."""
    found = _NAME.search(test_name)
    return (found["backend"], found["case"]) if found else (test_name, "")


def outcomes(*reports: Path) -> Outcomes:
    """For each case its outcome on each back end: passed, FAILED or SKIPPED. A later report counts more."""
    found: Outcomes = defaultdict(dict)
    for report in reports:
        for test in ElementTree.parse(report).iter("testcase"):
            backend, case = case_of(test.get("name", ""))
            if case and backend in BACKENDS:
                found[case][backend] = _outcome(test)
    return found


def lines(found: Outcomes) -> list[str]:
    """A Markdown table with the totals as its last line."""
    rows = ["| case | " + " | ".join(BACKENDS) + " |", "|---|" + "---|" * len(BACKENDS)]
    for case in sorted(found):
        rows.append(f"| {case} | " + " | ".join(found[case].get(backend, "not run") for backend in BACKENDS) + " |")
    totals = [
        f"{sum(each.get(backend) == 'passed' for each in found.values())} passed, "
        f"{sum(each.get(backend) == 'SKIPPED' for each in found.values())} skipped"
        for backend in BACKENDS
    ]
    return [*rows, f"| {len(found)} cases | " + " | ".join(totals) + " |"]


def main(arguments: list[str]) -> int:
    """0 when every case that ran has passed, and all of them ran on the same back ends."""
    found = outcomes(*map(Path, arguments))
    print("\n".join(lines(found)))
    everywhere = {backend for each in found.values() for backend in each}
    good = all(each == dict.fromkeys(everywhere, "passed") for each in found.values())
    return 0 if found and good else 1


def _outcome(test: ElementTree.Element) -> str:
    if test.find("failure") is not None or test.find("error") is not None:
        return "FAILED"
    return "SKIPPED" if test.find("skipped") is not None else "passed"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

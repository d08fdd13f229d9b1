# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make test` says at its end: every check with its time, and how many passed.

A check counts as one, a pytest run as its tests. Reads what timed.sh and pytest.sh left in the build directory.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from xml.etree import ElementTree


@dataclasses.dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")


def add_pytest_run(count: Count, report: Path) -> None:
    """Adds the tests of a JUnit file; an error outside a test (collection, set-up) counts as a failure."""
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):
        tests, skipped = int(suite.attrib["tests"]), int(suite.attrib["skipped"])
        failed = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
        count.passed += tests - failed - skipped
        count.failed += failed
        count.skipped += skipped


def main(build: Path) -> None:
    count = Count()
    for line in (build / "outcomes").read_text().splitlines():
        title, seconds, verdict = line.split("\t")
        print(f"{seconds:>5} s  {title}: {verdict}")
        suite = title.removesuffix(" tests").replace(" ", "-")
        report = build / "junit" / f"{suite}.xml"
        if report.exists():
            add_pytest_run(count, report)
        elif verdict == "ok":
            count.passed += 1
        else:
            count.failed += 1
    print(count)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

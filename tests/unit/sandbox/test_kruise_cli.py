# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.sandbox up --kruise``, and an Advanced StatefulSet applied as a user does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.sandbox.daemon import ROOT
from tests.support import wait_for
from tests.unit.sandbox.kruise_helpers import advanced_web


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    found = tmp_path / "sandbox"
    yield found
    run(found, "down")


def run(directory: Path, command: str, *arguments: str) -> str:
    line = [sys.executable, "-m", "tests.sandbox", command, "--directory", str(directory), *arguments]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_advanced_set_runs_in_a_background_sandbox(directory: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "advanced.yaml"
    manifest.write_text(yaml.safe_dump(advanced_web(2, reserveOrdinals=[1])), encoding="utf-8")
    run(directory, "up", "--kruise")
    assert run(directory, "apply", str(manifest)) == "statefulset/web applied\n"

    def serving() -> dict[str, Any]:
        world = json.loads(run(directory, "world", "--json"))
        status = world["advanced_statefulsets"]["default/web"].get("status") or {}
        return world if status.get("availableReplicas") == 2 else {}

    world = wait_for(serving, "two available replicas")
    assert sorted(world["pods"]) == ["default/web-0", "default/web-2"]

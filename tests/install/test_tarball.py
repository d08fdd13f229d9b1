# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as a user gets it: built, installed into an empty place, and run from there by its name.

After the installation everything but meta/, plugins/, roles/ and playbooks/ is deleted: they must work alone
(ansible-style.md section 4, rule 3).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests import support
from tests.sandbox.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
ANSIBLE = Path(sys.executable).parent
WORKING_PARTS = {"meta", "plugins", "roles", "playbooks"}
TEXTS = {"CHANGELOG.md", "CONTRIBUTING.md", "FILES.json", "LICENSE", "MANIFEST.json", "README.md", "changelogs", "docs"}
DEADLINE = 600


def run(*command: str | Path, cwd: Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | (environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=DEADLINE,
    )


def succeed(*command: str | Path, cwd: Path) -> str:
    done = run(*command, cwd=cwd)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("build")
    collection = succeed(ROOT / "tests" / "tools" / "export_tree.sh", place, cwd=ROOT).strip()
    succeed(ANSIBLE / "ansible-galaxy", "collection", "build", "--output-path", place, cwd=Path(collection))
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
    return place / f"zoneshift-ack-{version}.tar.gz"


@pytest.fixture(scope="module")
def playbook(
    tarball: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a playbook of the installed collection: no clone around it, no ansible.cfg, an empty HOME."""
    place = tmp_path_factory.mktemp("user")
    installed = place / "collections"
    succeed(ANSIBLE / "ansible-galaxy", "collection", "install", "--offline", "-p", installed, tarball, cwd=place)
    for path in (installed / "ansible_collections" / "zoneshift" / "ack").iterdir():
        if path.name not in WORKING_PARTS:
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def run_playbook(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        home = {"HOME": str(place), "ANSIBLE_COLLECTIONS_PATH": str(installed)}
        return run(ANSIBLE / "ansible-playbook", name, *arguments, cwd=place, environment=environment | home)

    return run_playbook


def test_the_tarball_holds_the_collection_and_nothing_else(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        members = archive.getmembers()
    assert [member.name for member in members if not (member.isfile() or member.isdir())] == []
    tops = {member.name.partition("/")[0] for member in members}
    assert WORKING_PARTS <= tops <= WORKING_PARTS | TEXTS
    assert [member.name for member in members if member.name.endswith((".pyc", ".gz")) or "/." in member.name] == []


def test_it_says_what_is_missing(playbook: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = playbook("zoneshift.ack.migrate")
    assert done.returncode != 0
    assert "-e sts=" in done.stdout
    assert "undefined" not in done.stdout


def test_it_plans_and_changes_nothing(
    playbook: Callable[..., subprocess.CompletedProcess[str]], sandbox: Sandbox
) -> None:
    support.run_web(sandbox)
    before = sandbox.log.last_number
    done = playbook("zoneshift.ack.plan", "-e", "sts=web", "-e", "target_zones=cn-beijing-k", **sandbox.environment())
    assert done.returncode == 0, done.stdout
    for claim in ("www-web-0", "www-web-1"):
        assert claim in done.stdout
    calls = [call for call in sandbox.log.calls(before) if call.user == "admin"]
    assert {call.side for call in calls} == {"ecs", "kubernetes"}
    assert [call for call in calls if call.mutating and not call.dry_run] == []

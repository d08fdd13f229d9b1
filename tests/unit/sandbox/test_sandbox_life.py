# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting and stopping: nothing is left over, however it ends."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.sandbox import manifests
from tests.sandbox.sandbox import Sandbox
from tests.support import run_web, wait_for


def sandbox_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread is not threading.current_thread()]


def test_stop_leaves_no_thread_and_no_file() -> None:
    before = sandbox_threads()
    with Sandbox() as sandbox:
        run_web(sandbox, replicas=1)
        directory = sandbox.directory
        assert (directory / "kubeconfig").exists()

    wait_for(lambda: sorted(sandbox_threads()) == sorted(before), f"the end of all but {before}")
    assert not directory.exists()


def test_start_that_fails_half_way_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sandbox_threads()
    sandbox = Sandbox()
    monkeypatch.setattr(manifests, "CLUSTER", Path("/nonexistent"))

    with pytest.raises(FileNotFoundError), sandbox:
        pytest.fail("it started")

    wait_for(lambda: sorted(sandbox_threads()) == sorted(before), f"the end of all but {before}")
    assert not sandbox.directory.exists()


def test_two_sandboxes_do_not_meet() -> None:
    with Sandbox() as one, Sandbox(nodes_per_zone=2) as other:
        run_web(one, replicas=1)

        assert one.world()["pods"]
        assert not other.world()["pods"]
        assert not set(one.world()["instances"]) & set(other.world()["instances"])
        names = {f"node-{letter}-{number}" for letter in "hijk" for number in (1, 2)}
        assert set(other.world()["nodes"]) == names
        assert one.environment() != other.environment()


def test_directory_that_the_caller_gives_stays(tmp_path: Path) -> None:
    with Sandbox(directory=tmp_path / "mine") as sandbox:
        assert sandbox.kubeconfig == tmp_path / "mine" / "kubeconfig"

    assert (tmp_path / "mine" / "kubeconfig").exists()

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line and the background process, as ``make sandbox-up`` and people use them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sandbox.daemon import ROOT, DaemonError, Place, Settings, up
from tests.sandbox.manifests import WEB
from tests.support import wait_for

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Runs a command of the sandbox in a directory of its own, which is taken down at the end."""
    environment = {name: value for name, value in os.environ.items() if name != "ZONESHIFT_CONTROL"}

    def command(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "tests.sandbox", name, "--directory", str(tmp_path / "sandbox"), *arguments]
        return subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)

    yield command
    command("down")


def sourced(directory: Path, command: str) -> str:
    """What a shell prints that has sourced env.sh."""
    line = ["sh", "-c", f". {directory}/env.sh; {command}"]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout.strip()


def test_whole_life_of_a_background_sandbox(run: Run, tmp_path: Path) -> None:
    directory = tmp_path / "sandbox"
    place = Place(directory)

    started = run("up")
    assert started.returncode == 0, started.stderr
    pid = place.pid.read_text().strip()
    assert f"process {pid}" in started.stdout
    again = run("up")
    assert (again.returncode, again.stdout) == (0, f"The sandbox in {directory} is up (process {pid}).\n")
    assert run("status").returncode == 0

    assert sourced(directory, "command -v python") == str(Path(sys.prefix) / "bin" / "python")
    assert sourced(directory, "echo $KUBECONFIG") == str(directory / "kubeconfig")
    assert (directory / "env.sh").stat().st_mode & 0o077 == 0
    assert (directory / "kubeconfig").stat().st_mode & 0o077 == 0

    assert run("apply", str(WEB)).stdout == "service/nginx applied\nstatefulset/web applied\n"
    waited = run("wait", "web")
    assert (waited.returncode, waited.stdout) == (0, "web is ready\n"), waited.stderr
    assert "default/www-web-1" in run("world").stdout
    wait_for(lambda: "default/www-web-0" in json.loads(run("world", "--json").stdout)["writes"], "acknowledged records")
    world = json.loads(run("world", "--json").stdout)
    disk = world["writes"]["default/www-web-0"]["disk"]
    assert json.loads(run("records", disk).stdout.splitlines()[0])["n"] == 1
    requests = json.loads(run("requests", "--mutating", "--user", "admin", "--json").stdout)
    assert {call["resource"] for call in requests} == {"services", "statefulsets.apps"}

    assert run("fault", "add", "side=ecs", "verb=CreateSnapshot", "times=0", "code=X").returncode == 0
    assert json.loads(run("fault", "list").stdout)["times"] == 0
    assert run("fault", "clear").returncode == 0
    assert run("fault", "list").stdout == ""
    assert "attach=2\n" in run("latency", "cloud", "attach=2").stdout

    down = run("down")
    assert (down.returncode, down.stdout) == (0, f"The sandbox is down (process {pid}).\n")
    assert not directory.exists()
    wait_for(lambda: not Path(f"/proc/{pid}/cwd").exists(), "the end of the process")


def test_commands_without_a_sandbox_say_so(run: Run, tmp_path: Path) -> None:
    world = run("world")
    assert world.returncode == 1
    assert world.stderr == f"no sandbox in {tmp_path / 'sandbox'}: start one with `make sandbox-up`\n"
    assert run("status").returncode == 1
    assert run("down").stdout == f"No sandbox is up in {tmp_path / 'sandbox'}.\n"


def test_leftovers_of_a_killed_sandbox_are_in_nobodys_way(run: Run, tmp_path: Path) -> None:
    """A dead process has no lock, so its process id, which may be somebody else's by now, is never used."""
    place = Place(tmp_path / "sandbox")
    assert run("up").returncode == 0
    os.kill(int(place.pid.read_text()), 9)
    wait_for(lambda: not place.is_up(), "the end of the killed process")
    place.pid.write_text(f"{os.getpid()}\n")

    assert run("status").returncode == 1
    assert run("up").returncode == 0
    assert int(place.pid.read_text()) != os.getpid()


def test_sandbox_that_cannot_start_tells_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interpreter = tmp_path / "interpreter"
    interpreter.write_text("#!/bin/sh\necho no such module >&2\nexit 1\n")
    interpreter.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(interpreter))

    with pytest.raises(DaemonError, match="the sandbox did not start:\nno such module"):
        up(Place(tmp_path / "sandbox"), Settings())

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox as a background process: started by ``up``, found by its directory, ended by ``down``.

Whoever holds the lock file is the sandbox of the directory; the operating system drops the lock with the process, so
a crash leaves nothing behind that looks alive, and no process is ever taken for another one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import logging
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_START_SECONDS = 240.0
_STOP_SECONDS = 30.0
_LOCK_SECONDS = 2.0
_POLL_SECONDS = 0.05
_OTHER_CREDENTIALS = (
    "ALIBABA_CLOUD_SECURITY_TOKEN",
    "ALIBABA_CLOUD_PROFILE",
    "ALICLOUD_ACCESS_KEY",
    "ALICLOUD_SECRET_KEY",
    "ALICLOUD_SECURITY_TOKEN",
    "ALICLOUD_REGION",
    "K8S_AUTH_KUBECONFIG",
    "K8S_AUTH_CONTEXT",
    "K8S_AUTH_HOST",
    "K8S_AUTH_API_KEY",
)


class DaemonError(Exception):
    """Told to the user as it is."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the user may choose; see ``Sandbox``."""

    backend: str = "embedded"
    profile: str = "instant"
    nodes_per_zone: int = 1
    kruise: bool = False

    def flags(self) -> list[str]:
        """Of ``serve``."""
        chosen = ["--backend", self.backend, "--profile", self.profile, "--nodes-per-zone", str(self.nodes_per_zone)]
        return [*chosen, *(["--kruise"] if self.kruise else [])]


class Place:
    """The directory of a sandbox and the files in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self.lock = self.directory / "lock"
        self.pid = self.directory / "pid"
        self.log = self.directory / "log"
        self.environment = self.directory / "environment.json"
        self.shell = self.directory / "env.sh"

    def is_up(self) -> bool:
        """Whether a process has the lock."""
        try:
            with self.lock.open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def read_environment(self) -> dict[str, str]:
        try:
            return dict(json.loads(self.environment.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise DaemonError(f"no sandbox in {self.directory}: start one with `make sandbox-up`") from None

    def clean(self) -> None:
        """Remove what a sandbox puts here, and the directory if nothing else is in it."""
        kubeconfigs = [self.directory / "kubeconfig", self.directory / "kubeconfig-nodes"]
        for path in (self.shell, self.environment, self.pid, self.log, self.lock, *kubeconfigs):
            path.unlink(missing_ok=True)
        # Of a real control plane that was killed together with us.
        shutil.rmtree(self.directory / "control-plane", ignore_errors=True)
        with contextlib.suppress(OSError):
            self.directory.rmdir()


def up(place: Place, settings: Settings) -> str:
    """Start the sandbox unless it is up; returns when everything is ready, with what to tell the user."""
    if place.is_up() and place.shell.exists():
        return f"The sandbox in {place.directory} is up (process {place.pid.read_text().strip()})."
    place.clean()
    place.directory.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.sandbox", "serve", "--directory", str(place.directory)]
    command += settings.flags()
    with place.log.open("ab") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    deadline = time.monotonic() + _START_SECONDS
    while not place.shell.exists():
        if process.poll() is not None:
            raise DaemonError(f"the sandbox did not start:\n{_tail(place.log)}")
        if time.monotonic() > deadline:
            process.kill()
            raise DaemonError(f"the sandbox was not ready after {_START_SECONDS:g} s:\n{_tail(place.log)}")
        time.sleep(_POLL_SECONDS)
    return f"The sandbox is up (process {process.pid}). Now: source {place.shell}"


def down(place: Place) -> str:
    """End the process that has the lock, and clean up."""
    if not place.is_up():
        place.clean()
        return f"No sandbox is up in {place.directory}."
    pid = int(place.pid.read_text())
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while place.is_up():
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(_POLL_SECONDS)
    place.clean()
    return f"The sandbox is down (process {pid})."


def serve(place: Place, settings: Settings) -> None:
    """The background process itself: until SIGTERM or SIGINT."""
    # Here, because no other command needs the servers, and loading them takes longer than most commands.
    from .sandbox import Sandbox

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s")
    # The SDK logs every refusal of ECS once more, as an error.
    logging.getLogger("aliyunsdkcore").setLevel(logging.CRITICAL)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    _take_lock(place)
    place.pid.write_text(f"{os.getpid()}\n")
    with Sandbox(directory=place.directory, **dataclasses.asdict(settings)) as sandbox:
        _write_environment(place, sandbox.environment())
        logging.info("ready")
        stop.wait()


def _take_lock(place: Place) -> None:
    """For as long as the process lives: the descriptor is never closed, so that the lock goes with the process."""
    lock = os.open(place.lock, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            # Somebody who only asks whether it is up has it for an instant.
            if time.monotonic() > deadline:
                raise DaemonError(f"another sandbox has {place.directory}") from None
            time.sleep(_POLL_SECONDS)


def _write_environment(place: Place, environment: dict[str, str]) -> None:
    """``env.sh`` comes last and in one piece: that it is there means that everything is ready."""
    place.environment.touch(mode=0o600)
    place.environment.write_text(json.dumps(environment, indent=1), encoding="utf-8")
    lines = [f"unset {' '.join(_OTHER_CREDENTIALS)}"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    lines += [f'export PATH={shlex.quote(os.path.join(sys.prefix, "bin"))}:"$PATH"']
    draft = place.directory / "env.sh.new"
    draft.touch(mode=0o600)
    draft.write_text("\n".join(lines) + "\n", encoding="utf-8")
    draft.rename(place.shell)


def _tail(path: Path) -> str:
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])

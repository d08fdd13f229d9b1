# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that end with this one, whatever becomes of it, and ports that nobody else gets meanwhile."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_LAUNCH = Path(__file__).with_name("launch.py")
_SHOWN_LINES = 20


class ProcessDied(Exception):
    """With the end of what the process wrote."""


class Processes:
    """Starts programs and kills exactly these. What they write goes to ``<directory>/<name>.log``.

    The operating system ties a child to the thread that forked it, so one thread that lives as long as this object
    forks them all.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._forker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forker")

    def start(self, name: str, command: list[str], environment: dict[str, str] | None = None) -> None:
        self._running[name] = self._forker.submit(self._fork, name, command, environment or {}).result()

    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._running.items()}

    def check(self) -> None:
        """Raises ProcessDied for one that has ended by itself."""
        for name, process in self._running.items():
            if process.poll() is not None:
                lines = self._log(name).read_text(encoding="utf-8", errors="replace").splitlines()
                ending = "\n".join(lines[-_SHOWN_LINES:])
                raise ProcessDied(f"{name} ended with status {process.returncode}:\n{ending}")

    def stop(self) -> None:
        """The last one first. Killed and not asked: nothing that they hold outlives them."""
        while self._running:
            _name, process = self._running.popitem()
            process.kill()
            process.wait()
        self._forker.shutdown()

    def _fork(self, name: str, command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        launch = [sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid()), *command]
        with self._log(name).open("ab") as log:
            # A session of its own: an interrupt from the terminal is for us, who then stop them in order.
            return subprocess.Popen(
                launch,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **environment},
                start_new_session=True,
            )

    def _log(self, name: str) -> Path:
        return self._directory / f"{name}.log"


class Ports:
    """Free ports of 127.0.0.1. They stay bound here, with SO_REUSEPORT, so that only a program of the same user that is
    told the number and sets the same option can listen there."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []

    def reserve(self) -> int:
        reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(("127.0.0.1", 0))
        self._sockets.append(reserved)
        return int(reserved.getsockname()[1])

    def release(self) -> None:
        while self._sockets:
            with contextlib.suppress(OSError):
                self._sockets.pop().close()

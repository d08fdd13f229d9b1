# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kubectl, unmodified, against the embedded API server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.sandbox.kube_http import ADMIN, Cluster

_TIMEOUT_SECONDS = 120


class Kubectl:
    """Runs the kubectl on PATH with a home directory of its own, so that nobody's cache or settings are used."""

    def __init__(self, cluster: Cluster, home: Path) -> None:
        found = shutil.which("kubectl")
        if found is None:
            pytest.fail("kubectl is not on PATH: these tests run it (Debian package kubernetes-client)")
        self._path = found
        self._cluster = cluster
        self._home = home

    def start(self, *args: str, user: str = ADMIN) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self._path, *args], env=self._environment(user), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *args: str, manifest: Any = None, user: str = ADMIN, fails: bool = False) -> str:
        """Standard output; of a command that ``fails``, standard error."""
        text = None if manifest is None else json.dumps(manifest)
        done = subprocess.run(
            [self._path, *args], env=self._environment(user), text=True, input=text, capture_output=True,
            timeout=_TIMEOUT_SECONDS, check=False,
        )  # fmt: skip
        if (done.returncode != 0) != fails:
            pytest.fail(f"kubectl {' '.join(args)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stderr if fails else done.stdout

    def columns(self, *args: str) -> list[list[str]]:
        """Output in rows, the columns being at least two spaces apart."""
        return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in self.run(*args).splitlines()]

    def _environment(self, user: str) -> dict[str, str]:
        path = self._home / f"{user}.kubeconfig"
        path.write_text(yaml.safe_dump(self._cluster.server.kubeconfig(user)))
        return {"PATH": os.environ["PATH"], "HOME": str(self._home), "KUBECONFIG": str(path)}

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of a real control plane: a directory that one names, a cache, or built once with Go.

``python -m tests.sandbox.kube.real.binaries`` sees to it that they are there and says where.
"""

from __future__ import annotations

import dataclasses
import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

DIRECTORY_VARIABLE = "ZONESHIFT_CONTROLPLANE_BIN"
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")

_MODULE = Path(__file__).parents[2] / "controlplane"


class Unavailable(Exception):
    """There is no real control plane on this machine; told to the user as it is."""


@dataclasses.dataclass(frozen=True)
class Binaries:
    directory: Path

    def path(self, program: str) -> str:
        return str(self.directory / program)

    @property
    def missing(self) -> list[str]:
        return [program for program in PROGRAMS if not os.access(self.directory / program, os.X_OK)]


def version() -> str:
    """Of Kubernetes, as ``controlplane/go.mod`` requires it: the one place where it is written."""
    found = re.search(r"^\tk8s\.io/kubernetes (v\S+)", (_MODULE / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    assert found, "go.mod requires no k8s.io/kubernetes"
    return found[1]


def find() -> Binaries:
    """Those that are there, without building any. Raises Unavailable."""
    if named := os.environ.get(DIRECTORY_VARIABLE):
        binaries = Binaries(Path(named))
        if binaries.missing:
            raise Unavailable(f"{DIRECTORY_VARIABLE}={named}: there is no {', '.join(binaries.missing)}")
        return binaries
    binaries = Binaries(_cache())
    if binaries.missing:
        raise Unavailable(
            f"No programs of a real control plane: {DIRECTORY_VARIABLE} is not set, and {binaries.directory} lacks "
            f"{', '.join(binaries.missing)}. `make controlplane` builds them with Go."
        )
    return binaries


def ensure() -> Binaries:
    """Those that are there, or else built now, which takes some minutes once. Raises Unavailable."""
    try:
        return find()
    except Unavailable as unavailable:
        if os.environ.get(DIRECTORY_VARIABLE):
            raise
        if not shutil.which("go"):
            raise Unavailable(f"{unavailable} There is no Go on this machine.") from None
    _build(_cache())
    return find()


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "zoneshift" / f"controlplane-{version()}"


def _build(directory: Path) -> None:
    directory.parent.mkdir(parents=True, exist_ok=True)
    with (directory.parent / f"{directory.name}.lock").open("w") as lock:
        # Whoever comes second waits, and then finds everything there.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not Binaries(directory).missing:
            return
        shutil.rmtree(directory, ignore_errors=True)
        print(f"control plane: building Kubernetes {version()} and etcd with Go, once, into {directory}", flush=True)
        began = time.monotonic()
        outcome = subprocess.run([str(_MODULE / "build.sh"), str(directory)], check=False)
        if outcome.returncode != 0:
            raise Unavailable(f"Building the real control plane failed (status {outcome.returncode}).")
        print(f"control plane: built in {time.monotonic() - began:.0f} s", flush=True)


def main() -> int:
    try:
        print(f"control plane: Kubernetes {version()} in {ensure().directory}")
    except Unavailable as unavailable:
        print(f"{unavailable}\nNothing ran on a real control plane.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

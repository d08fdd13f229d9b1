# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each back end costs: ``python -m tests.sandbox.kube.real.measure`` starts both, one after the other.

For each one: the time to start, the memory of its processes with the example running, and the seed's example 1 (two
replicas to cn-beijing-k): how long the playbook takes, and for how long nobody writes to a disk.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from ... import daemon, manifests, tables
from ...demo import PLAYBOOK
from ...nodes.client import Kubernetes
from ...world import World, disk_of_claim, is_ready
from . import binaries

_TARGET_NODE = "node-k-1"
_REPLICAS = 2
_WAIT_SECONDS = 120.0
_POLL_SECONDS = 0.1
_KIB_PER_MIB = 1024


def main() -> int:
    binaries.ensure()
    rows = [_measure(backend) for backend in ("embedded", "real")]
    print(tables.table(["BACK END", "UP", "MEMORY", "WEB RUNS", "PLAYBOOK", "DOWNTIME"], [row[:6] for row in rows]))
    print("\n" + "\n".join(f"{row[0]}: {row[6]}" for row in rows))
    return 0


def _measure(backend: str) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="zoneshift-measure-") as temporary:
        place = daemon.Place(Path(temporary) / "sandbox")
        began = time.monotonic()
        daemon.up(place, daemon.Settings(backend=backend))
        up = time.monotonic() - began
        try:
            environment = place.read_environment()
            running = _run_example(environment)
            memory = _memory(int(place.pid.read_text()))
            before = _world(environment)
            playbook = _migrate(environment)
            downtime = _downtime(before, environment)
        finally:
            daemon.down(place)
    total = f"{sum(memory.values()):.0f} MiB"
    parts = ", ".join(f"{name} {size:.0f} MiB" for name, size in memory.items())
    return [backend, f"{up:.1f} s", total, f"{running:.1f} s", f"{playbook:.1f} s", f"{downtime:.1f} s", parts]


def _run_example(environment: dict[str, str]) -> float:
    """Until all replicas are Ready and write, none of them in the zone that they are to move to."""
    kubernetes = Kubernetes(Path(environment["KUBECONFIG"]))
    kubernetes.patch("nodes", _TARGET_NODE, {"spec": {"unschedulable": True}})
    began = time.monotonic()
    manifests.apply(kubernetes, manifests.read(manifests.WEB))
    _when(environment, _is_running, "the example does not run")
    took = time.monotonic() - began
    kubernetes.patch("nodes", _TARGET_NODE, {"spec": {"unschedulable": None}})
    kubernetes.close()
    return took


def _is_running(world: World) -> bool:
    ready = [pod for pod in world["pods"].values() if is_ready(pod)]
    return len(ready) == _REPLICAS and all(
        world["disks"][disk_of_claim(world, claim)]["contents"] for claim in world["claims"]
    )


def _migrate(environment: dict[str, str]) -> float:
    command = [str(Path(sys.executable).parent / "ansible-playbook"), *PLAYBOOK]
    began = time.monotonic()
    subprocess.run(command, cwd=daemon.ROOT, env={**os.environ, **environment}, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def _downtime(before: World, environment: dict[str, str]) -> float:
    """The longest, over all claims, from the last record of the source to the first of the target's own."""
    world = _when(environment, lambda now: len(_pauses(before, now)) == _REPLICAS, "nothing is written after the move")
    return max(_pauses(before, world))


def _pauses(before: World, now: World) -> list[float]:
    found = []
    for claim in before["claims"]:
        old = now["disks"][disk_of_claim(before, claim)]["contents"]
        new = now["disks"][disk_of_claim(now, claim)]["contents"][len(old) :]
        found += [new[0]["time"] - old[-1]["time"]] if new else []
    return found


def _memory(pid: int) -> dict[str, float]:
    """Resident MiB of the sandbox's process and of those that it started, by name."""
    processes = {path: _status(path) for path in Path("/proc").glob("[0-9]*")}
    found = {"sandbox": processes[Path(f"/proc/{pid}")]}
    # Not by the name in the status, which is cut short.
    found |= {(path / "exe").readlink().name: has for path, has in processes.items() if has.get("PPid") == str(pid)}
    return {name: int(has["VmRSS"].split()[0]) / _KIB_PER_MIB for name, has in found.items()}


def _status(process: Path) -> dict[str, str]:
    try:
        lines = (process / "status").read_text(encoding="utf-8").splitlines()
    except OSError:
        # It ended meanwhile.
        return {}
    return {name: value.strip() for name, _colon, value in (line.partition(":") for line in lines)}


def _world(environment: dict[str, str]) -> World:
    with urllib.request.urlopen(f"{environment['ZONESHIFT_CONTROL']}/world", timeout=60) as response:
        return dict(json.load(response))


def _when(environment: dict[str, str], condition: Callable[[World], bool], complaint: str) -> World:
    deadline = time.monotonic() + _WAIT_SECONDS
    while not condition(world := _world(environment)):
        if time.monotonic() > deadline:
            raise SystemExit(f"{complaint} within {_WAIT_SECONDS:g} s:\n\n{tables.describe(world)}")
        time.sleep(_POLL_SECONDS)
    return world


if __name__ == "__main__":
    sys.exit(main())

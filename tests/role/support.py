# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the playbooks against a sandbox as a user would, and look at the world before and after."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests import support
from tests.sandbox import invariants
from tests.sandbox.requestlog import Call
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.world import World, disk_of_claim, zone_of_pod

ROOT = Path(__file__).parents[2]
ANSIBLE_PLAYBOOK = Path(sys.executable).parent / "ansible-playbook"
# Ends only what would hang.
TIMEOUT_SECONDS = 300

STATEFUL_SETS = "statefulsets.apps"

QUICK = {"wait_timeout": 60, "progress_deadline": 30, "ecs_retry_timeout": 3}
"""Patience for tests in which something fails: the sandbox answers in milliseconds."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a playbook run came to. ``calls`` are the requests of the collection's user while it ran."""

    returncode: int
    output: str
    calls: list[Call]
    before: World
    after: World

    @property
    def changed(self) -> int:
        found = re.search(r"changed=(\d+)", self.output)
        assert found, self.output
        return int(found[1])

    @property
    def mutating(self) -> list[Call]:
        return [call for call in self.calls if call.mutating and not call.dry_run and not _is_question(call)]

    @property
    def text(self) -> str:
        """The output with its line breaks and indentation folded, so that a sentence can be looked for."""
        return " ".join(self.output.split())

    def of(self, verb: str, resource: str = "") -> list[Call]:
        return [call for call in self.calls if call.verb == verb and (not resource or call.resource == resource)]

    def succeeded(self) -> Outcome:
        assert self.returncode == 0, self.output
        assert invariants.check(self.before, self.after) == [], self.output
        return self

    def failed(self, *sentences: str) -> Outcome:
        """Failed with these sentences in its output, and without a traceback."""
        assert self.returncode != 0, self.output
        for sentence in sentences:
            assert sentence in self.text, self.output
        assert "Traceback" not in self.output, self.output
        return self


def _is_question(call: Call) -> bool:
    """An access review is sent with POST and leaves nothing behind."""
    return call.resource.startswith("selfsubject")


def play(
    sandbox: Sandbox,
    playbook: str,
    *flags: str,
    environment: dict[str, str] | None = None,
    user: str = "admin",
    **options: Any,
) -> Outcome:
    """``ansible-playbook PLAYBOOK -e NAME=VALUE ...`` from the root of the repository.

    ``migrate.yml`` is the one at the root; the others are called by their FQCN.
    """
    name = playbook if playbook.endswith(".yml") else f"zoneshift.ack.{playbook}"
    extra = [part for key, value in options.items() for part in ("-e", f"{key}={value}")]
    before, since = sandbox.world(), sandbox.log.last_number
    process = subprocess.run(
        [str(ANSIBLE_PLAYBOOK), name, *extra, *flags],
        cwd=ROOT,
        env={**os.environ, **sandbox.environment(), "ANSIBLE_NOCOLOR": "1", **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    calls = [call for call in sandbox.log.calls(since) if call.user == user]
    return Outcome(process.returncode, process.stdout + process.stderr, calls, before, sandbox.world())


@contextmanager
def only_in(sandbox: Sandbox, *zones: str) -> Iterator[None]:
    """While this lasts, only nodes of these zones take new pods."""
    admin = support.as_admin(sandbox)
    others = [
        name
        for name, node in sandbox.world()["nodes"].items()
        if node["metadata"]["labels"]["topology.kubernetes.io/zone"] not in zones
    ]
    for name in others:
        admin.patch("nodes", name, {"spec": {"unschedulable": True}})
    yield
    for name in others:
        admin.patch("nodes", name, {"spec": {"unschedulable": None}})


def start_web(sandbox: Sandbox, *zones: str, replicas: int = 2, **changes: Any) -> World:
    """The vendor's example, running in these zones (by default in h), with some records on every disk."""
    with only_in(sandbox, *(zones or ("cn-beijing-h",))):
        return support.run_web(sandbox, replicas, **changes)


@contextmanager
def somebody_scales_back_up(sandbox: Sandbox, replicas: int, sets: str = STATEFUL_SETS) -> Iterator[list[int]]:
    """A GitOps tool that resets the replicas whenever it sees another number; yields what it saw."""
    client = sandbox.cluster.client("gitops")
    seen: list[int] = []
    ended = threading.Event()

    def heal() -> None:
        while not ended.wait(0.05):
            found = client.get(sets, "web", "default")
            if found and found["spec"]["replicas"] != replicas:
                seen.append(found["spec"]["replicas"])
                client.patch(sets, "web", {"spec": {"replicas": replicas}}, "default")

    healer = threading.Thread(target=heal, daemon=True)
    healer.start()
    try:
        yield seen
    finally:
        ended.set()
        healer.join()


@contextmanager
def every_lost_claim(sandbox: Sandbox) -> Iterator[list[str]]:
    """Yields the claims that went while no PV was reserved for them: the next one of that name gets an empty disk."""
    client = sandbox.cluster.client("witness")
    unguarded: list[str] = []

    def see(event: str, claim: dict[str, Any], _previous: dict[str, Any] | None) -> None:
        if event != "DELETED":
            return
        name, namespace = claim["metadata"]["name"], claim["metadata"]["namespace"]
        now = client.get("persistentvolumeclaims", name, namespace)
        waiting = {"", now["metadata"]["uid"]} if now else {""}
        references = [volume["spec"].get("claimRef") or {} for volume in client.list("persistentvolumes")]
        if not any(ref.get("name") == name and ref.get("uid", "") in waiting for ref in references):
            unguarded.append(f"{name} ({claim['metadata']['uid']})")

    client.subscribe("persistentvolumeclaims", see)
    yield unguarded


def zones_of_pods(world: World) -> dict[str, str]:
    return {key.split("/")[1]: zone_of_pod(world, pod) for key, pod in sorted(world["pods"].items())}


def zones_of_disks(world: World) -> dict[str, str]:
    """The zone of the disk behind each claim, as ECS says."""
    return {key.split("/")[1]: world["disks"][disk_of_claim(world, key)]["zone"] for key in sorted(world["claims"])}


def demand_moved_data(outcome: Outcome, claim: str) -> None:
    """The target disk holds the source's records to the last one, which a graceful stop wrote, and newer ones after."""
    key = f"default/{claim}"
    source = (
        outcome.after["disks"].get(disk_of_claim(outcome.before, key))
        or (outcome.after["deleted_disks"][disk_of_claim(outcome.before, key)])
    )
    target = outcome.after["disks"][disk_of_claim(outcome.after, key)]
    old, new = source["contents"], target["contents"]
    assert source["id"] != target["id"]
    assert old[-1].get("last"), f"the last record of the source was not written by a graceful stop: {old[-1]}"
    assert new[: len(old)] == old
    assert len(new) > len(old)


def kubeconfig_of(sandbox: Sandbox, user: str, groups: tuple[str, ...] = ()) -> Path:
    """A kubeconfig of a new user who has no rights but those that the test grants."""
    sandbox.cluster.add_user(user, groups)
    path = sandbox.directory / f"kubeconfig-{user}"
    path.write_text(yaml.safe_dump(sandbox.cluster.kubeconfig(user)), encoding="utf-8")
    return path

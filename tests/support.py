# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests that use the sandbox share: waiting on conditions, the example StatefulSet, an administrator's client."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from tests.sandbox import manifests, tables
from tests.sandbox.nodes.client import Kubernetes, Object
from tests.sandbox.world import World, disk_of_claim, is_ready

if TYPE_CHECKING:
    from tests.sandbox.sandbox import Sandbox

Found = TypeVar("Found")


def backends() -> list[str]:
    """What to test on: the embedded control plane, or those that ZONESHIFT_BACKENDS lists (``embedded,real``)."""
    return os.environ.get("ZONESHIFT_BACKENDS", "embedded").split(",")


def wait_for(probe: Callable[[], Found | None], what: str, timeout: float = 60.0) -> Found:
    """The first truthy answer of the probe. The deadline is generous: it only ends what would hang."""
    deadline = time.monotonic() + timeout
    while not (found := probe()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s for {what}")
        time.sleep(0.02)
    return found


def wait_for_world(sandbox: Sandbox, condition: Callable[[World], Any], what: str, timeout: float = 60.0) -> World:
    """The first world in which the condition holds."""

    def probe() -> World | None:
        world = sandbox.world()
        return world if condition(world) else None

    try:
        return wait_for(probe, what, timeout)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{describe(sandbox)}") from None


def describe(sandbox: Sandbox) -> str:
    """What is there, and what the cluster said about it: for a test that waited in vain."""
    events = sandbox.cluster.client("test").list("events")
    lines = [f"{event['involvedObject']['name']} {event['reason']}: {event['message']}" for event in events]
    return "\n".join([tables.describe(sandbox.world()), "", *lines])


def as_admin(sandbox: Sandbox) -> Kubernetes:
    """A client over HTTPS as the user ``admin``."""
    return Kubernetes(sandbox.kubeconfig)


def web(replicas: int = 2, **changes: Any) -> Object:
    """The StatefulSet of the vendor's example; ``changes`` to its ``spec``."""
    sts = copy.deepcopy(next(obj for obj in manifests.read(manifests.WEB) if obj["kind"] == "StatefulSet"))
    sts["metadata"]["namespace"] = "default"
    sts["spec"] |= {"replicas": replicas, **changes}
    return dict(sts)


def run_web(sandbox: Sandbox, replicas: int = 2, records: int = 2, **changes: Any) -> World:
    """Create the example and wait until all of it runs and has written so many records."""
    as_admin(sandbox).create("statefulsets.apps", web(replicas, **changes))
    return wait_until_running(sandbox, replicas, records)


def wait_until_running(sandbox: Sandbox, replicas: int, records: int = 1) -> World:
    """All replicas Ready, and on each one's disk so many records, the newest of which is acknowledged."""
    claims = [f"default/www-web-{ordinal}" for ordinal in range(replicas)]

    def running(world: World) -> bool:
        ready = [pod for pod in world["pods"].values() if is_ready(pod)]
        return len(ready) == replicas == len(world["pods"]) and all(
            min(acknowledged(world, claim), len(contents(world, claim))) >= records for claim in claims
        )

    return wait_for_world(sandbox, running, f"{replicas} replicas with {records} records each")


def contents(world: World, claim: str) -> list[dict[str, Any]]:
    """The records on the disk that the claim is bound to."""
    return list(world["disks"].get(disk_of_claim(world, claim), {"contents": []})["contents"])


def acknowledged(world: World, claim: str) -> int:
    """The number of the newest record that the claim's application was told is safely written; 0 for none."""
    return int(world["writes"][claim]["record"]["n"]) if claim in world["writes"] else 0


def scale(sandbox: Sandbox, replicas: int) -> None:
    patch = {"spec": {"replicas": replicas}}
    as_admin(sandbox).patch("statefulsets.apps", "web", patch, "default", "scale")


def scale_to_zero(sandbox: Sandbox) -> World:
    """Scale the example down; returns when its pods and attachments are gone."""
    scale(sandbox, 0)
    return wait_for_world(sandbox, lambda world: not world["pods"] and not world["attachments"], "everything stopped")

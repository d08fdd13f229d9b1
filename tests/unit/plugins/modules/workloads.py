# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""StatefulSets of their own for tests that share a sandbox."""

from __future__ import annotations

import itertools
from typing import Any

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.world import is_ready
from tests.support import describe, wait_for, web
from tests.unit.plugins.modules.claims import CLAIMS, PVS, Obj, get, outsider

STS, PODS, ATTACHMENTS = "statefulsets.apps", "pods", "volumeattachments.storage.k8s.io"

_numbers = itertools.count(1)


def new_sts(replicas: int = 2, *, annotations: dict[str, str] | None = None, **spec: Any) -> Obj:
    """The vendor's example under another name, with labels of its own."""
    sts = web(replicas, **spec)
    name = f"app{next(_numbers)}"
    sts["metadata"]["name"] = name
    sts["spec"]["selector"] = {"matchLabels": {"app": name}}
    sts["spec"]["template"]["metadata"] = {"labels": {"app": name}, "annotations": annotations or {}}
    return sts


def start(sandbox: Sandbox, replicas: int = 2, **changes: Any) -> str:
    """A StatefulSet of which every replica is Ready; returns its name."""
    sts = new_sts(replicas, **changes)
    outsider(sandbox).create(STS, sts)
    name = str(sts["metadata"]["name"])
    wait_until_ready(sandbox, name, replicas)
    return name


def pods_of(sandbox: Sandbox, name: str) -> list[Obj]:
    return outsider(sandbox).list(PODS, "default", label_selector=f"app={name}")


def wait_until_ready(sandbox: Sandbox, name: str, replicas: int) -> None:
    def probe() -> bool:
        found = outsider(sandbox).get(STS, name, "default") or {}
        ready = [pod for pod in pods_of(sandbox, name) if is_ready(pod)]
        return len(ready) == replicas == int((found.get("status") or {}).get("availableReplicas") or 0)

    try:
        wait_for(probe, f"{replicas} Ready replicas of {name}")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{describe(sandbox)}") from None


def scale(sandbox: Sandbox, name: str, replicas: int) -> None:
    outsider(sandbox).patch(STS, name, {"spec": {"replicas": replicas}}, "default")


def claims_of(name: str, replicas: int = 2) -> list[str]:
    return [f"www-{name}-{ordinal}" for ordinal in range(replicas)]


def retain(sandbox: Sandbox, *claims: str) -> None:
    for claim in claims:
        pv = get(sandbox, CLAIMS, claim)["spec"]["volumeName"]
        outsider(sandbox).patch(PVS, pv, {"spec": {"persistentVolumeReclaimPolicy": "Retain"}})


def attached(sandbox: Sandbox, *claims: str) -> list[Obj]:
    """The VolumeAttachments of these claims' PVs."""
    pvs = {get(sandbox, CLAIMS, claim)["spec"]["volumeName"] for claim in claims}
    found = outsider(sandbox).list(ATTACHMENTS)
    return [entry for entry in found if entry["spec"]["source"].get("persistentVolumeName") in pvs]

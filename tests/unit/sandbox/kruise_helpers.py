# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Advanced StatefulSet ``web`` in a sandbox, and how tests look at it: over HTTP, as any client would."""

from __future__ import annotations

import dataclasses
from typing import Any

from tests.sandbox.kruise.rules import SETS
from tests.sandbox.nodes.client import Kubernetes, Object
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.world import is_ready
from tests.support import as_admin, describe, wait_for, web

CLAIMS, PODS = "persistentvolumeclaims", "pods"


def advanced_web(replicas: int, **spec: Any) -> Object:
    return web(replicas, **spec) | {"apiVersion": "apps.kruise.io/v1beta1"}


@dataclasses.dataclass(frozen=True)
class AdvancedWeb:
    """``web`` with its pods and claims, which are named by their ordinals here."""

    sandbox: Sandbox
    admin: Kubernetes

    @classmethod
    def create(cls, sandbox: Sandbox, replicas: int, **spec: Any) -> AdvancedWeb:
        found = cls(sandbox, as_admin(sandbox))
        found.admin.create(SETS, advanced_web(replicas, **spec))
        return found

    @classmethod
    def run(cls, sandbox: Sandbox, replicas: int, *ordinals: int, **spec: Any) -> AdvancedWeb:
        """Created, and these replicas are Ready."""
        found = cls.create(sandbox, replicas, **spec)
        found.wait_ready(*ordinals)
        return found

    def get(self) -> Object:
        found = self.admin.get(SETS, "web", "default")
        assert found
        return found

    def patch(self, spec: Object, subresource: str = "") -> None:
        self.admin.patch(SETS, "web", {"spec": spec}, "default", subresource)

    def touch(self) -> None:
        self.admin.patch(SETS, "web", {"metadata": {"annotations": {"touched": "yes"}}}, "default")

    def pods(self) -> dict[int, Object]:
        return {int(pod["metadata"]["name"].removeprefix("web-")): pod for pod in self.admin.list(PODS, "default")}

    def claims(self) -> dict[int, Object]:
        claims = self.admin.list(CLAIMS, "default")
        return {int(claim["metadata"]["name"].removeprefix("www-web-")): claim for claim in claims}

    def status(self) -> Object:
        """As of the newest specification; empty until then."""
        found = self.get()
        status = dict(found.get("status") or {})
        return status if status.get("observedGeneration") == found["metadata"]["generation"] else {}

    def wait(self, probe: Any, what: str, timeout: float = 60.0) -> Any:
        try:
            return wait_for(probe, what, timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.get()}\n{describe(self.sandbox)}") from None

    def wait_ready(self, *ordinals: int) -> None:
        """Exactly these pods, all Ready, and the status knows."""

        def ready() -> bool:
            pods, status = self.pods(), self.status()
            counted = (status.get("replicas"), status.get("readyReplicas"))
            return (
                counted == (len(ordinals),) * 2
                and sorted(pods) == sorted(ordinals)
                and all(is_ready(pod) for pod in pods.values())
            )

        self.wait(ready, f"replicas {ordinals} to be Ready")

    def wait_status(self, **fields: Any) -> Object:
        def seen() -> Object:
            status = self.status()
            return status if {key: status.get(key) for key in fields} == fields else {}

        return dict(self.wait(seen, f"a status with {fields}"))

    def events(self, reason: str) -> list[str]:
        """Messages, oldest first, each as often as it was said."""
        events = [event for event in self.admin.list("events", "default") if event["reason"] == reason]
        ours = [event for event in events if event["involvedObject"]["name"] == "web"]
        ours.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
        return [event["message"] for event in ours for _time in range(event["count"])]

    def hold(self, ordinal: int) -> None:
        """DESIGN, "the hold": the claim Terminating and kept by a finalizer, its pod deleted."""
        name = f"www-web-{ordinal}"
        finalizers = [*self.claims()[ordinal]["metadata"]["finalizers"], "zoneshift.example/hold"]
        self.admin.patch(CLAIMS, name, {"metadata": {"finalizers": finalizers}}, "default")
        self.admin.delete(CLAIMS, name, "default")
        self.admin.delete(PODS, f"web-{ordinal}", "default")
        self.wait(lambda: self.events("FailedCreate"), "a refusal to make the pod")

    def release(self, ordinal: int) -> None:
        """Let the held claim go; the controller may make a new one at once."""
        name = f"www-web-{ordinal}"
        uid = self.claims()[ordinal]["metadata"]["uid"]
        self.admin.patch(CLAIMS, name, {"metadata": {"finalizers": None}}, "default")
        self.wait(lambda: uid not in [each["metadata"]["uid"] for each in self.claims().values()], f"{name} to go")

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kube-controller-manager and kube-scheduler as one thing to start and stop."""

from __future__ import annotations

import dataclasses

from ..api import Api
from ..client import Client
from .attachdetach import FORCE_DETACH_SECONDS, AttachDetach
from .binder import RESYNC_SECONDS, Binder
from .controller import Controller
from .eviction import QUARANTINE_SECONDS, Eviction
from .expansion import Expansion
from .garbage import GarbageCollector
from .namespaces import NamespaceController
from .nodelifecycle import GRACE_SECONDS, NodeLifecycle
from .protection import ClaimProtection, VolumeProtection
from .scheduler import POD_BACKOFF, Scheduler
from .serviceaccounts import ServiceAccounts
from .statefulset import StatefulSetController
from .workqueue import Backoff

MANAGER, SCHEDULER = "kube-controller-manager", "kube-scheduler"


@dataclasses.dataclass(frozen=True)
class Timing:
    """What takes time by itself, with the values of the real control plane. Tests shorten what they wait for."""

    binder_resync: float = RESYNC_SECONDS
    backoff: Backoff = Backoff()
    pod_backoff: Backoff = POD_BACKOFF
    force_detach: float = FORCE_DETACH_SECONDS
    node_grace: float = GRACE_SECONDS
    orphan_quarantine: float = QUARANTINE_SECONDS


class ControllerManager:
    """All controllers over one ``Api``. ``stop`` returns when none of them writes any more.

    ``root_certificate``: of the API server, for pods; where there is none there are no service accounts either.
    """

    def __init__(self, api: Api, timing: Timing | None = None, root_certificate: str = "") -> None:
        timing = timing or Timing()
        self._manager = Client(api, MANAGER)
        self._scheduler = Client(api, SCHEDULER)
        client, backoff = self._manager, timing.backoff
        self.controllers: list[Controller] = [
            StatefulSetController(client, backoff),
            Binder(client, resync=timing.binder_resync, backoff=backoff),
            AttachDetach(client, force_after=timing.force_detach, backoff=backoff),
            ClaimProtection(client, backoff),
            VolumeProtection(client, backoff),
            Expansion(client, backoff),
            GarbageCollector(client, backoff),
            NamespaceController(client, backoff),
            NodeLifecycle(client, grace=timing.node_grace, backoff=backoff),
            Eviction(client, quarantine=timing.orphan_quarantine, backoff=backoff),
            Scheduler(self._scheduler, pod_backoff=timing.pod_backoff),
        ]
        if root_certificate:
            self.controllers.append(ServiceAccounts(client, root_certificate, backoff))

    def start(self) -> None:
        for controller in self.controllers:
            controller.start()

    def stop(self) -> None:
        for controller in self.controllers:
            controller.stop()
        self._manager.stop()
        self._scheduler.stop()

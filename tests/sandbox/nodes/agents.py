# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes and the disk driver of a cluster in one process: ordinary clients of Kubernetes, ECS and the data path."""

from __future__ import annotations

from pathlib import Path

from .application import Applications
from .attacher import Attacher
from .client import Kubernetes
from .deleter import Deleter
from .devices import Devices
from .ecs import Ecs, Endpoint
from .kubelet import Kubelets
from .latency import NodeLatency
from .provisioner import Provisioner
from .registration import Registration
from .resizer import Resizer
from .shared import NodeSpec, Shared
from .workqueue import Reconcile, WorkQueue


class Agents:
    """About twenty threads, however many pods there are."""

    def __init__(
        self,
        kubeconfig: Path,
        endpoint: Endpoint,
        control_url: str,
        nodes: list[NodeSpec],
        latency: NodeLatency,
    ) -> None:
        kubernetes, ecs, devices = Kubernetes(kubeconfig), Ecs(endpoint), Devices(control_url)
        self._shared = Shared(kubernetes, ecs, devices, latency)
        self._applications = Applications(devices, latency)
        self._registration = Registration(kubernetes, ecs, nodes)
        # Two queues: a driver that hangs in the cloud does not keep the kubelets from their work.
        driver: dict[str, Reconcile] = {}
        kubelets: dict[str, Reconcile] = {}
        self._driver_queue = WorkQueue("driver", driver, workers=6)
        self._kubelet_queue = WorkQueue("kubelet", kubelets, workers=4)
        provisioner = Provisioner(self._shared, self._driver_queue)
        attacher = Attacher(self._shared, self._driver_queue)
        deleter = Deleter(self._shared, self._driver_queue)
        resizer = Resizer(self._shared, self._driver_queue)
        kubelet = Kubelets(self._shared, self._kubelet_queue, nodes, self._applications)
        driver |= {
            Provisioner.KIND: provisioner.reconcile,
            Attacher.KIND: attacher.reconcile,
            Attacher.VOLUME_KIND: attacher.reconcile_volume,
            Deleter.KIND: deleter.reconcile,
            Resizer.KIND: resizer.reconcile,
        }
        kubelets |= {Kubelets.KIND: kubelet.reconcile, Kubelets.NODE_KIND: kubelet.reconcile_node}

    def start(self, timeout: float = 60.0) -> None:
        """Returns when all nodes are registered and Ready."""
        self._registration.start()
        self._driver_queue.start()
        self._kubelet_queue.start()
        self._applications.begin()
        self._shared.start(timeout)

    def stop(self) -> None:
        """The process dies as a whole: pods stay as they are, no last records."""
        self._applications.end()
        self._registration.stop()
        self._kubelet_queue.stop()
        self._driver_queue.stop()
        self._shared.stop()

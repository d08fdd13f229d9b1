# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole sandbox in one process: an ECS API, a Kubernetes cluster, nodes with a disk driver, a control interface."""

from __future__ import annotations

import secrets
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import yaml

from . import manifests
from .control import Control, ControlServer
from .ecs.cloud import Cloud
from .ecs.latency import Latency
from .ecs.server import EcsServer
from .faults import FaultBook
from .kruise.controller import Kruise
from .kruise.rules import SETS as KRUISE_SETS
from .kube.cluster import EmbeddedCluster
from .kube.controllers.manager import Timing
from .kube.real.cluster import RealCluster
from .ledger import Ledger
from .nodes.agents import Agents
from .nodes.ecs import Endpoint
from .nodes.latency import NodeLatency
from .nodes.shared import NodeSpec
from .requestlog import RequestLog
from .world import world

INSTANCE_TYPE = "ecs.g7.xlarge"
ADMIN_KEY_ID = "LTAI5tSandboxAdmin000001"
DRIVER_KEY_ID = "LTAI5tSandboxDriver00001"

_READY_SECONDS = 60.0
_POLL_SECONDS = 0.02

CONTROL_PLANE = "control-plane"
"""Where in its directory a real control plane keeps its data, keys and logs."""

Backend = Literal["embedded", "real"]


class Sandbox:
    """Start it with ``with Sandbox() as sandbox:`` or ``start``/``stop``. Everything listens on ephemeral ports.

    ``directory`` takes the kubeconfigs; without one it is a temporary directory that goes with the sandbox. ``backend``
    is the control plane: ``embedded`` in this process, or the ``real`` one (raises ``binaries.Unavailable`` where there
    is none). ``timing`` is the real one's defaults unless a test shortens what it waits for. With ``kruise``
    there are OpenKruise's Advanced StatefulSets too.
    """

    def __init__(
        self,
        *,
        profile: str = "instant",
        nodes_per_zone: int = 1,
        directory: Path | None = None,
        backend: Backend = "embedded",
        timing: Timing | None = None,
        kruise: bool = False,
    ) -> None:
        self.log = RequestLog()
        self.faults = FaultBook()
        self._temporary = None if directory else tempfile.TemporaryDirectory(prefix="zoneshift-sandbox-")
        self.directory = directory or Path(self._temporary.name if self._temporary else "")
        self.cluster = self._new_cluster(backend, timing)
        self.ledger = Ledger()
        self.node_latency = NodeLatency.profile(profile)
        self.cloud = Cloud(latency=Latency.profile(profile))
        self._secret = secrets.token_hex(15)
        self._driver_secret = secrets.token_hex(15)
        keys = {ADMIN_KEY_ID: (self._secret, "admin"), DRIVER_KEY_ID: (self._driver_secret, "driver")}
        self.ecs = EcsServer(self.cloud, keys, self.faults, self.log)
        self._observer = self.cluster.client("control")
        self.control = ControlServer(
            Control(
                cloud=self.cloud,
                faults=self.faults,
                log=self.log,
                ledger=self.ledger,
                node_latency=self.node_latency,
                world=lambda contents: self.world(contents=contents),
                environment=self.environment,
            )
        )
        self._nodes_per_zone = nodes_per_zone
        self._ecs_address = ""
        self._nodes: list[NodeSpec] = []
        self._agents: Agents | None = None
        self._kruise: Kruise | None = None
        self._with_kruise = kruise
        self._stopped = threading.Event()

    def __enter__(self) -> Sandbox:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when all nodes are Ready."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._ecs_address = self.ecs.start()
        self.cluster.start()
        self.cluster.add_user("nodes", groups=("system:masters",))
        self._write_kubeconfig("admin", self.kubeconfig)
        self._write_kubeconfig("nodes", self.directory / "kubeconfig-nodes")
        for obj in manifests.read(manifests.CLUSTER):
            self._observer.create("csidrivers.storage.k8s.io" if obj["kind"] == "CSIDriver" else _STORAGE_CLASSES, obj)
        self.control.start()
        self._nodes = self._node_specs()
        self.start_nodes()
        if self._with_kruise:
            self._kruise = Kruise(self.directory / "kubeconfig-nodes")
            self._kruise.start()

    def stop(self) -> None:
        if self._stopped.is_set():
            return
        self._stopped.set()
        if self._kruise:
            self._kruise.stop()
        self.stop_nodes()
        self.cluster.stop()
        self.ecs.stop()
        self.control.stop()
        if self._temporary:
            self._temporary.cleanup()

    def start_nodes(self) -> None:
        """The process of the nodes and the driver; returns when all nodes are Ready and the scheduler may use them."""
        endpoint = Endpoint(f"http://{self._ecs_address}", self.cloud.region, DRIVER_KEY_ID, self._driver_secret)
        kubeconfig = self.directory / "kubeconfig-nodes"
        self._agents = Agents(kubeconfig, endpoint, self.control.url, self._nodes, self.node_latency)
        self._agents.start()
        deadline = time.monotonic() + _READY_SECONDS
        while any(_is_not_ready(node) for node in self._observer.list("nodes")):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not every node was Ready within {_READY_SECONDS:g} s")
            time.sleep(_POLL_SECONDS)

    def stop_nodes(self) -> None:
        """As if their process died: pods stay as they are in the API, and nothing is written any more."""
        if self._agents:
            self._agents.stop()
            self._agents = None

    @property
    def kubeconfig(self) -> Path:
        """Of the user ``admin``."""
        return self.directory / "kubeconfig"

    def environment(self) -> dict[str, str]:
        """What the collection, kubectl and the SDKs need to work on this sandbox."""
        return {
            "KUBECONFIG": str(self.kubeconfig),
            "ALIBABA_CLOUD_ECS_ENDPOINT": f"http://{self._ecs_address}",
            "ALIBABA_CLOUD_REGION_ID": self.cloud.region,
            "ALIBABA_CLOUD_ACCESS_KEY_ID": ADMIN_KEY_ID,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": self._secret,
            "ZONESHIFT_CONTROL": self.control.url,
        }

    def world(self, *, contents: bool = True) -> dict[str, Any]:
        """See ``world.py``."""
        extra = {"advanced_statefulsets": KRUISE_SETS} if self._kruise else {}
        return world(self.cloud, self._observer.list, self.ledger, self.log, extra, contents=contents)

    def _new_cluster(self, backend: Backend, timing: Timing | None) -> EmbeddedCluster | RealCluster:
        if backend == "real":
            return RealCluster(self.faults, self.log, directory=self.directory / CONTROL_PLANE, timing=timing)
        return EmbeddedCluster(self.faults, self.log, timing=timing)

    def _write_kubeconfig(self, user: str, path: Path) -> None:
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(self.cluster.kubeconfig(user)), encoding="utf-8")

    def _node_specs(self) -> list[NodeSpec]:
        """``node-k-1`` in cn-beijing-k, and so on, each on an instance of its own."""
        return [
            NodeSpec(
                name=f"node-{zone[-1]}-{number}",
                instance_id=self.cloud.add_instance(zone, instance_type=INSTANCE_TYPE),
                instance_type=INSTANCE_TYPE,
                region=self.cloud.region,
                zone=zone,
                address=f"172.29.{position}.{number}",
            )
            for position, zone in enumerate(self.cloud.zones)
            for number in range(1, self._nodes_per_zone + 1)
        ]


def _is_not_ready(node: dict[str, Any]) -> bool:
    """A node is born with the first taint, and has the second after a silence; the node lifecycle controller takes both
    off."""
    return any(taint["key"] in _NOT_READY for taint in node["spec"].get("taints") or [])


_NOT_READY = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_STORAGE_CLASSES = "storageclasses.storage.k8s.io"

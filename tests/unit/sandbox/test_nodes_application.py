# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applications on their disks: what they write counts as acknowledged while their pod is Ready, and only then."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.nodes.application import Applications, Mount
from tests.sandbox.nodes.devices import Devices
from tests.sandbox.nodes.latency import NodeLatency
from tests.sandbox.nodes.names import NEVER_READY_IN
from tests.sandbox.records import flaw, starts_with
from tests.sandbox.sandbox import Sandbox
from tests.support import acknowledged, as_admin, contents, run_web, scale_to_zero, wait_for, wait_for_world

CLAIM = "default/www-web-0"


class Bench:
    """An instance with disks, and applications that run on them without Kubernetes."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._devices = Devices(sandbox.control.url)
        self.applications = Applications(self._devices, NodeLatency.profile("instant"))
        self.applications.begin()
        self._instance = next(iter(sandbox.world()["instances"]))

    def close(self) -> None:
        self.applications.end()
        self._devices.close()

    def new_disk(self, snapshot: str = "") -> str:
        """An attached disk, empty or with the contents of a snapshot."""
        cloud, region = self._sandbox.cloud, {"RegionId": "cn-beijing"}
        zone = self._sandbox.world()["instances"][self._instance]["zone"]
        source = {"SnapshotId": snapshot} if snapshot else {"Size": "20"}
        wanted = {**region, "ZoneId": zone, "DiskCategory": "cloud_essd", **source}
        disk = str(cloud.call("CreateDisk", wanted, "admin")["DiskId"])
        cloud.call("AttachDisk", {**region, "DiskId": disk, "InstanceId": self._instance}, "admin")
        return disk

    def copy(self, disk: str) -> str:
        snapshot = self._sandbox.cloud.call("CreateSnapshot", {"DiskId": disk}, "admin")["SnapshotId"]
        return self.new_disk(snapshot)

    def run(self, disk: str, pod: str, *, ready: bool) -> None:
        """A pod's life on the disk, in which it writes some records, the last one at its graceful end."""
        start = len(self.records(disk))
        self.applications.start(pod, [Mount(disk, self._instance, CLAIM, pod, "node-h-1")])
        self.applications.set_ready(pod, ready)
        wait_for(lambda: len(self.records(disk)) > start + 2, "records")
        self.applications.stop(pod, graceful=True)
        assert self.records(disk)[-1]["last"] is True
        assert flaw(self.records(disk)) == ""

    def records(self, disk: str) -> list[dict[str, object]]:
        return self._sandbox.cloud.read(disk)


@pytest.fixture
def bench(sandbox: Sandbox) -> Iterator[Bench]:
    bench = Bench(sandbox)
    yield bench
    bench.close()


def test_back_from_a_pod_that_was_never_ready_is_no_disaster(sandbox: Sandbox, bench: Bench) -> None:
    """DESIGN.md S11: the source disk has all that anybody was told is written."""
    source = bench.new_disk()
    bench.run(source, "before", ready=True)
    target = bench.copy(source)
    bench.run(target, "moved", ready=False)
    assert sandbox.world()["writes"][CLAIM] == {"disk": source, "record": bench.records(source)[-1]}

    bench.run(source, "back", ready=True)

    world = sandbox.world()
    assert world["disasters"] == []
    assert world["writes"][CLAIM] == {"disk": source, "record": bench.records(source)[-1]}


def test_back_from_a_pod_that_was_ready_is_a_disaster(sandbox: Sandbox, bench: Bench) -> None:
    source = bench.new_disk()
    bench.run(source, "before", ready=True)
    target = bench.copy(source)
    bench.run(target, "moved", ready=True)
    at_stake, left = len(bench.records(target)), len(bench.records(source))

    bench.run(source, "back", ready=True)

    (disaster,) = sandbox.world()["disasters"]
    assert (disaster["kind"], disaster["pod"], disaster["disk"]) == ("stale-disk", "back", source)
    assert (disaster["acknowledged"], disaster["found"]) == (at_stake, left)


def test_a_ready_pod_stands_for_what_was_written_before_it_was(sandbox: Sandbox, bench: Bench) -> None:
    source = bench.new_disk()
    bench.run(source, "never-ready", ready=False)
    older = bench.copy(source)
    assert sandbox.world()["writes"] == {}
    bench.run(source, "ready", ready=True)

    bench.run(older, "back", ready=False)

    (disaster,) = sandbox.world()["disasters"]
    assert (disaster["kind"], disaster["acknowledged"]) == ("stale-disk", len(bench.records(source)))


def test_a_pod_that_stops_being_ready_goes_on_writing_without_acknowledgements(sandbox: Sandbox) -> None:
    """The kubelet tells the application what it tells Kubernetes."""
    run_web(sandbox, replicas=1, records=2)
    unready = {"metadata": {"annotations": {NEVER_READY_IN: ",".join(sandbox.cloud.zones)}}}
    as_admin(sandbox).patch("pods", "web-0", unready, "default")
    wait_for_world(sandbox, lambda now: len(contents(now, CLAIM)) > acknowledged(now, CLAIM) + 2, "unread records")
    before = sandbox.world()

    stopped = scale_to_zero(sandbox)

    assert contents(stopped, CLAIM)[-1]["last"] is True
    assert starts_with(contents(stopped, CLAIM), contents(before, CLAIM))
    assert stopped["writes"] == before["writes"]
    assert stopped["disasters"] == []

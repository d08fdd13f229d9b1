# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The applications in the pods: each keeps appending numbered records to the disks it has mounted.

It writes from its start on, but has clients only while its pod is Ready: only then is anybody told that a record is
safely written. The first record that is acknowledged stands for all before it, since records are chained.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable

import urllib3

from ..records import Record, next_record
from .devices import DeviceError, Devices
from .latency import NodeLatency

log = logging.getLogger(__name__)

_TICK = 0.05
_RECORDS_PER_SECOND_OF_PAUSE = 4000
"""The pause between records grows with their number, so that a sandbox that is left on overnight stays small."""


@dataclasses.dataclass(frozen=True)
class Mount:
    """A disk in a running pod."""

    disk: str
    instance: str
    claim: str
    pod: str
    node: str


@dataclasses.dataclass
class _Log:
    mount: Mount
    newest: Record | None
    due: float
    pods: set[str]


class Applications:
    """All running applications of the process, written for by one thread in batches."""

    def __init__(self, devices: Devices, latency: NodeLatency, clock: Callable[[], float] = time.time) -> None:
        self._devices = devices
        self._latency = latency
        self._clock = clock
        self._logs: dict[str, _Log] = {}
        self._ready: set[str] = set()
        # Held while records travel: a stop waits for the answer, so that the last record really is the last.
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="applications", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=10)

    def start(self, pod_uid: str, mounts: list[Mount]) -> None:
        """The pod's application reads what is on its disks and goes on from there. DeviceError: it cannot."""
        with self._lock:
            newest = {
                mount.disk: self._devices.open(
                    mount.disk, instance=mount.instance, claim=mount.claim, pod=mount.pod, node=mount.node
                )
                for mount in mounts
                if mount.disk not in self._logs
            }
            for mount in mounts:
                found = self._logs.setdefault(mount.disk, _Log(mount, newest.get(mount.disk), 0.0, set()))
                found.pods.add(pod_uid)

    def set_ready(self, pod_uid: str, ready: bool) -> None:
        """Whether the pod is Ready, so that clients reach it. Returns when no record travels under the old answer."""
        with self._lock:
            if ready:
                self._ready.add(pod_uid)
            else:
                self._ready.discard(pod_uid)

    def stop(self, pod_uid: str, *, graceful: bool) -> None:
        """The application ends; a graceful one writes its last record and waits until it is safely written."""
        with self._lock:
            ended = [found for found in self._logs.values() if found.pods == {pod_uid}]
            if graceful and ended:
                for found, error in zip(ended, self._append(ended, last=True), strict=True):
                    if error:
                        log.warning("%s could not write its last record: %s", found.mount.pod, error)
            self._ready.discard(pod_uid)
            for found in self._logs.values():
                found.pods.discard(pod_uid)
            self._logs = {disk: found for disk, found in self._logs.items() if found.pods}

    def _run(self) -> None:
        while not self._stopping.wait(_TICK):
            try:
                self._write_what_is_due()
            except (urllib3.exceptions.HTTPError, DeviceError) as error:
                log.warning("no data path: %s", error)

    def _write_what_is_due(self) -> None:
        with self._lock:
            now = time.monotonic()
            due = [found for found in self._logs.values() if found.due <= now]
            if due:
                self._append(due, last=False)

    def _append(self, logs: list[_Log], *, last: bool) -> list[str]:
        """One record each. What could not be written is not counted: the next record takes its number."""
        now = self._clock()
        records = [
            next_record(
                found.newest,
                claim=found.mount.claim,
                pod=found.mount.pod,
                node=found.mount.node,
                time=now,
                last=last,
            )
            for found in logs
        ]
        errors = self._devices.append(
            [
                {
                    "disk": found.mount.disk,
                    "instance": found.mount.instance,
                    "record": record,
                    "ready": not self._ready.isdisjoint(found.pods),
                }
                for found, record in zip(logs, records, strict=True)
            ]
        )
        for found, record, error in zip(logs, records, errors, strict=True):
            if not error:
                found.newest = record
            pause = max(self._latency.write_interval, record["n"] / _RECORDS_PER_SECOND_OF_PAUSE)
            found.due = time.monotonic() + pause
        return errors

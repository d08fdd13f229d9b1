# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where objects live: one revision counter for the cluster, and a history that watches and old lists read from."""

from __future__ import annotations

import bisect
import dataclasses
import marshal
import threading
from collections.abc import Callable, Iterator
from typing import Any

Address = tuple[str, str]
HISTORY_LIMIT = 4000
# From version 3 on, marshal keeps shared parts shared, and a copy must not have any.
_PACKING = 2


def packed(obj: Any) -> bytes:
    return marshal.dumps(obj, _PACKING)


def copied(obj: Any) -> Any:
    """A deep copy of JSON data, ten times as fast as copy.deepcopy."""
    return marshal.loads(packed(obj))


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """One version of one object. Kept packed: unpacking is the cheapest deep copy of JSON data that Python has."""

    namespace: str
    name: str
    version: int
    packed: bytes

    def load(self) -> dict[str, Any]:
        obj: dict[str, Any] = marshal.loads(self.packed)  # packed by this process, never data from outside
        return obj


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """``type`` is ADDED, MODIFIED or DELETED; a DELETED record is the last state under the revision of its removal."""

    type: str
    version: int
    record: Record
    previous: Record | None


class Compacted(Exception):
    """The history no longer reaches back to the wanted version."""

    def __init__(self, wanted: int, oldest: int) -> None:
        super().__init__(f"{wanted} is older than {oldest}")
        self.wanted = wanted
        self.oldest = oldest


class _Shelf:
    """The objects of one resource and what happened to them."""

    def __init__(self, lock: threading.RLock, compacted: int) -> None:
        self.records: dict[Address, Record] = {}
        self.changes: list[Change] = []
        self.compacted = compacted
        self.changed = threading.Condition(lock)


class Store:
    """Thread-safe through ``lock``: whoever reads in order to write holds it over both."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._revision = 1
        self._compacted = 0
        self._shelves: dict[str, _Shelf] = {}

    @property
    def revision(self) -> int:
        return self._revision

    def get(self, key: str, namespace: str, name: str) -> Record | None:
        with self.lock:
            return self._shelf(key).records.get((namespace, name))

    def records(self, key: str, namespace: str = "", at: int | None = None) -> list[Record]:
        """All records in the order of their names; ``at`` an earlier revision, raising Compacted when that is gone."""
        with self.lock:
            records = self._shelf(key).records
            if at is not None and at < self._revision:
                records = self._as_of(key, at)
            return [records[address] for address in sorted(records) if not namespace or address[0] == namespace]

    def put(self, key: str, namespace: str, name: str, obj: dict[str, Any]) -> dict[str, Any]:
        """Stores ``obj`` under the next revision, which it gets as its resourceVersion."""
        with self.lock:
            previous = self._shelf(key).records.get((namespace, name))
            record = self._next_record(namespace, name, obj)
            self._shelf(key).records[namespace, name] = record
            self._remember(key, Change("MODIFIED" if previous else "ADDED", record.version, record, previous))
            return obj

    def remove(self, key: str, namespace: str, name: str) -> None:
        """Watches see the object as it was last stored, under a new resourceVersion (w1)."""
        with self.lock:
            previous = self._shelf(key).records.pop((namespace, name))
            record = self._next_record(namespace, name, previous.load())
            self._remember(key, Change("DELETED", record.version, record, previous))

    def changes_after(self, key: str, version: int) -> list[Change]:
        with self.lock:
            shelf = self._shelf(key)
            if version < shelf.compacted:
                raise Compacted(version, shelf.compacted)
            start = bisect.bisect_right(shelf.changes, version, key=lambda change: change.version)
            return shelf.changes[start:]

    def wait(self, key: str, version: int, timeout: float | None, stopped: Callable[[], bool]) -> None:
        """Returns when something of ``key`` changed after ``version``, if ``stopped``, or after ``timeout`` seconds."""
        shelf = self._shelf(key)

        def awaited() -> bool:
            return stopped() or shelf.compacted > version or bool(shelf.changes and shelf.changes[-1].version > version)

        with shelf.changed:
            shelf.changed.wait_for(awaited, timeout)

    def wake(self, key: str) -> None:
        shelf = self._shelf(key)
        with shelf.changed:
            shelf.changed.notify_all()

    def compact(self) -> None:
        """Forgets all history, as etcd does every five minutes: older versions are 410 Gone from here on."""
        with self.lock:
            self._compacted = self._revision
            for shelf in self._shelves.values():
                shelf.changes.clear()
                shelf.compacted = self._revision
                shelf.changed.notify_all()

    def _shelf(self, key: str) -> _Shelf:
        with self.lock:
            if key not in self._shelves:
                self._shelves[key] = _Shelf(self.lock, self._compacted)
            return self._shelves[key]

    def _next_record(self, namespace: str, name: str, obj: dict[str, Any]) -> Record:
        self._revision += 1
        obj["metadata"]["resourceVersion"] = str(self._revision)
        return Record(namespace, name, self._revision, packed(obj))

    def _remember(self, key: str, change: Change) -> None:
        shelf = self._shelf(key)
        shelf.changes.append(change)
        if len(shelf.changes) > HISTORY_LIMIT:
            dropped = len(shelf.changes) - HISTORY_LIMIT // 2
            shelf.compacted = shelf.changes[dropped - 1].version
            del shelf.changes[:dropped]
        shelf.changed.notify_all()

    def _as_of(self, key: str, version: int) -> dict[Address, Record]:
        records = dict(self._shelf(key).records)
        for change in reversed(self.changes_after(key, version)):
            address = (change.record.namespace, change.record.name)
            if change.previous is None:
                records.pop(address, None)
            else:
                records[address] = change.previous
        return records

    def __iter__(self) -> Iterator[str]:
        with self.lock:
            return iter(list(self._shelves))

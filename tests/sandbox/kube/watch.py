# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A watch: the changes of one resource after a resourceVersion, as a client with its selectors sees them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from .errors import ApiError, version_compacted
from .options import ListOptions
from .resources import Resource
from .selectors import Test, selector
from .store import Change, Compacted, Store

Event = dict[str, Any]


class Watch(Iterator[Event]):
    """Iterates over ``{"type", "object"}`` until ``stop`` or its timeout. A compacted history gives one ERROR event
    with a 410 Status and ends it, as over HTTP."""

    def __init__(
        self,
        store: Store,
        resource: Resource,
        namespace: str,
        options: ListOptions,
        version: int,
        initial: list[dict[str, Any]],
    ) -> None:
        self._store = store
        self._resource = resource
        self._namespace = namespace
        self._selected: Test | None = selector(resource.key, options.label_selector, options.field_selector)
        self._bookmarks = options.allow_bookmarks
        self._deadline = None if options.timeout is None else time.monotonic() + options.timeout
        self._version = version
        self._ready: list[Event] = [{"type": "ADDED", "object": obj} for obj in initial]
        if options.send_initial_events and options.allow_bookmarks:
            self._ready.append(self._bookmark(initial_events_end=True))
        self._ready.reverse()
        self._stopped = False

    def __next__(self) -> Event:
        event = self.next(None)
        if event is None:
            raise StopIteration
        return event

    @property
    def ended(self) -> bool:
        return self._stopped and not self._ready

    def next(self, timeout: float | None) -> Event | None:
        """The next event, or None after ``timeout`` seconds (None: wait) or when the watch has ended (``ended``)."""
        give_up = None if timeout is None else time.monotonic() + timeout
        while not self._ready and not self._stopped:
            self._fetch()
            if self._ready or self._stopped:
                break
            now = time.monotonic()
            if self._deadline is not None and now >= self._deadline:
                self._end()
                break
            if give_up is not None and now >= give_up:
                return None
            waits = [limit - now for limit in (self._deadline, give_up) if limit is not None]
            self._store.wait(self._resource.key, self._version, min(waits, default=None), lambda: self._stopped)
        return self._ready.pop() if self._ready else None

    def stop(self) -> None:
        self._stopped = True
        self._store.wake(self._resource.key)

    def _end(self) -> None:
        if self._bookmarks:
            self._ready.append(self._bookmark())
        self._stopped = True

    def _fetch(self) -> None:
        try:
            with self._store.lock:
                changes = self._store.changes_after(self._resource.key, self._version)
                self._version = self._store.revision
        except Compacted as gone:
            self._fail(version_compacted(gone.wanted, gone.oldest))
            return
        events = [event for change in changes if (event := self._event(change))]
        self._ready.extend(reversed(events))

    def _fail(self, error: ApiError) -> None:
        self._ready.append({"type": "ERROR", "object": error.status})
        self._stopped = True

    def _event(self, change: Change) -> Event | None:
        """An object that stops matching is DELETED for this client, one that starts to match is ADDED."""
        if self._namespace and change.record.namespace != self._namespace:
            return None
        obj = change.record.load()
        type_ = change.type
        if self._selected:
            matches = type_ != "DELETED" and self._selected(obj)
            before = change.previous.load() if change.previous else None
            matched = before is not None and self._selected(before)
            if not matches and not matched:
                return None
            if not matches and before is not None:
                type_ = "DELETED"
                before["metadata"]["resourceVersion"] = str(change.version)
                obj = before
            else:
                type_ = "MODIFIED" if matched else "ADDED"
        obj.update(kind=self._resource.kind, apiVersion=self._resource.api_version)
        return {"type": type_, "object": obj}

    def _bookmark(self, *, initial_events_end: bool = False) -> Event:
        metadata: dict[str, Any] = {"resourceVersion": str(self._version), "creationTimestamp": None}
        if initial_events_end:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        obj = {"kind": self._resource.kind, "apiVersion": self._resource.api_version, "metadata": metadata}
        return {"type": "BOOKMARK", "object": obj}

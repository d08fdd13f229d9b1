# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List and watch one resource: a local copy of all its objects, and a call for each change."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from .client import Kubernetes, Object, WatchStream, key_of

log = logging.getLogger(__name__)

Handler = Callable[[str, Object, Object | None], None]

_WATCH_SECONDS = 300
_PAUSE_AFTER_AN_ERROR = 0.5


class Informer:
    """Calls ``handler(type, object, previous)`` in order on its own thread; what a lost connection missed is made up
    for by listing again (B1 c1 and api-concepts: 410 Gone means the same).
    """

    def __init__(self, kubernetes: Kubernetes, resource: str, handler: Handler | None = None) -> None:
        self._kubernetes = kubernetes
        self._resource = resource
        self._handler = handler
        self._objects: dict[str, Object] = {}
        self._lock = threading.Lock()
        self._synced = threading.Event()
        self._stopping = threading.Event()
        self._stream: WatchStream | None = None
        self._thread = threading.Thread(target=self._run, name=f"informer {resource}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wait_synced(self, timeout: float) -> None:
        if not self._synced.wait(timeout):
            raise TimeoutError(f"no list of {self._resource} within {timeout:g} s")

    def stop(self) -> None:
        self._stopping.set()
        with self._lock:
            stream = self._stream
        if stream:
            stream.close()
        self._thread.join(timeout=10)

    def get(self, key: str) -> Object | None:
        with self._lock:
            return self._objects.get(key)

    def values(self) -> list[Object]:
        with self._lock:
            return list(self._objects.values())

    def _run(self) -> None:
        version = ""
        while not self._stopping.is_set():
            try:
                version = self._watch(version or self._list())
            except Exception as error:  # whatever a broken connection makes of the stream: list again
                version = ""
                if not self._stopping.is_set():
                    log.info("watch of %s broke: %s; listing again", self._resource, error)
                    self._stopping.wait(_PAUSE_AFTER_AN_ERROR)

    def _list(self) -> str:
        items, version = self._kubernetes.list_with_version(self._resource)
        listed = {key_of(item): item for item in items}
        with self._lock:
            vanished = [obj for key, obj in self._objects.items() if key not in listed]
        for obj in vanished:
            self._take("DELETED", obj)
        for obj in listed.values():
            self._take("MODIFIED" if self.get(key_of(obj)) else "ADDED", obj)
        self._synced.set()
        return version

    def _watch(self, version: str) -> str:
        """Follow the watch to its end; the version to go on from, or an empty one when it must be listed again."""
        stream = self._kubernetes.watch(self._resource, version, _WATCH_SECONDS)
        with self._lock:
            self._stream = stream
        try:
            if self._stopping.is_set():
                return version
            for event in stream:
                if event["type"] == "ERROR":
                    return ""
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    self._take(event["type"], event["object"])
            return version
        finally:
            with self._lock:
                self._stream = None
            stream.release()

    def _take(self, event_type: str, obj: Object) -> None:
        key = key_of(obj)
        with self._lock:
            previous = self._objects.get(key)
            if event_type == "DELETED":
                self._objects.pop(key, None)
            else:
                self._objects[key] = obj
        if self._handler and not self._stopping.is_set():
            self._handler(event_type, obj, previous)

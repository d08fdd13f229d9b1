# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every controller is made of: subscriptions that name keys, a work queue, and a worker."""

from __future__ import annotations

import abc
import logging
import threading
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from ..client import Client
from ..errors import ApiError
from .workqueue import Backoff, WorkQueue

Object = dict[str, Any]
# the keys that a change (type, object, object before it) gives rise to
KeysOf = Callable[[str, Object, Object | None], Iterable[Hashable]]

log = logging.getLogger(__name__)


class Controller(abc.ABC):
    """One queue and one worker thread. ``sync`` reads the state of the world anew and may be called at any time."""

    name = ""

    def __init__(self, client: Client, backoff: Backoff | None = None) -> None:
        self.client = client
        self.queue = WorkQueue(backoff)
        self._worker = threading.Thread(target=self._work, name=f"controller-{self.name}", daemon=True)
        self._stopping = threading.Event()

    @abc.abstractmethod
    def subscriptions(self) -> dict[str, KeysOf]:
        """Which resources are watched, and which keys a change of each is about."""

    @abc.abstractmethod
    def sync(self, key: Any) -> float | None:
        """Brings ``key`` in line. Returns the seconds after which to look again, None for never without an event."""

    def start(self) -> None:
        for resource, keys_of in self.subscriptions().items():
            self.client.subscribe(resource, self._handler(keys_of))
        self._worker.start()

    def stop(self) -> None:
        """Returns when the worker has ended: nothing is written after it."""
        self._stopping.set()
        self.queue.stop()
        if self._worker.is_alive():
            self._worker.join()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def process(self, key: Hashable) -> None:
        """One turn of the worker. A failure of any kind is retried with a growing delay: state is never given up on."""
        try:
            again = self.sync(key)
        except ApiError as error:
            log.debug("%s: %s: %s", self.name, key, error)
            self.queue.retry(key)
        except RetryLater as reason:
            log.debug("%s: %s: %s", self.name, key, reason)
            self.queue.retry(key)
        except Exception:
            log.exception("%s: %s", self.name, key)
            self.queue.retry(key)
        else:
            self.queue.forget(key)
            if again is not None:
                self.queue.add_after(key, again)

    def _handler(self, keys_of: KeysOf) -> Callable[[str, Object, Object | None], None]:
        def handle(type_: str, obj: Object, previous: Object | None) -> None:
            for key in keys_of(type_, obj, previous):
                self.queue.add(key)

        return handle

    def _work(self) -> None:
        while (key := self.queue.get()) is not None:
            try:
                self.process(key)
            finally:
                self.queue.done(key)


class RetryLater(Exception):
    """Raised by ``sync`` when the world is not ready yet and no event will tell when it is."""

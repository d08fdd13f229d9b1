# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One request to the API server and its answer, free of sockets."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from email.message import Message
from typing import Any, Protocol


@dataclasses.dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: Message
    body: bytes = b""

    @property
    def media_type(self) -> str:
        """Content-Type without its parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip()


@dataclasses.dataclass(frozen=True)
class Response:
    """``reason`` is that of the Status in the body of a failure, for the request log."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    reason: str = ""


class EventStream(Protocol):
    """What a watch sends: a ``watch.Watch``, or one that is passed on from another server."""

    @property
    def ended(self) -> bool: ...

    def next(self, timeout: float | None) -> Any:
        """The next event, or None after ``timeout`` seconds or when the stream has ended."""

    def stop(self) -> None: ...


@dataclasses.dataclass(frozen=True)
class WatchResponse:
    """A stream of events. Faults: ``cut_after`` seconds the server breaks it off (None: never); ``failure`` is a Status
    that it ends with instead of going on."""

    watch: EventStream
    encode: Callable[[Any], bytes]
    content_type: str = "application/json"
    cut_after: float | None = None
    failure: dict[str, Any] | None = None


Answer = Response | WatchResponse


class Dropped(Exception):
    """The connection is to be closed without an answer (a fault)."""

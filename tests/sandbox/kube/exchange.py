# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One request to the API server and its answer, free of sockets."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from email.message import Message
from typing import Any

from .watch import Event, Watch


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
    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


@dataclasses.dataclass(frozen=True)
class WatchResponse:
    """A stream of events. Faults: ``cut_after`` seconds the server breaks it off (None: never); ``failure`` is a Status
    that it ends with instead of going on."""

    watch: Watch
    encode: Callable[[Event], bytes]
    content_type: str = "application/json"
    cut_after: float | None = None
    failure: dict[str, Any] | None = None


class Dropped(Exception):
    """The connection is to be closed without an answer (a fault)."""

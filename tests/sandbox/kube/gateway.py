# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of one request: who asks, the request log, faults, the answer, and every failure as a Status."""

from __future__ import annotations

import dataclasses
import logging
import threading
from email.message import Message
from typing import Any, Protocol

from ..faults import Fault, FaultBook
from ..requestlog import Call, RequestLog
from . import media
from .errors import ApiError, failure
from .exchange import Answer, Dropped, Request, Response, WatchResponse
from .rbac import User
from .requestinfo import RequestInfo, parse_request
from .reviews import REVIEW_KEYS

logger = logging.getLogger(__name__)

_SIDE = "kubernetes"


class Authenticator(Protocol):
    """Says who asks; refuses with ApiError."""

    def authenticate(self, authorization: str | None) -> User: ...

    def impersonate(self, user: User, name: str, groups: list[str]) -> User: ...


class Endpoint(Protocol):
    """Answers what has been let in; refuses with ApiError."""

    def answer(self, info: RequestInfo, user: User, request: Request, body: media.Body) -> Answer: ...

    def stop(self) -> None: ...


class Gateway:
    """The same for both back ends: the embedded API server, and the proxy before a real one."""

    def __init__(self, endpoints: Endpoint, access: Authenticator, faults: FaultBook, log: RequestLog) -> None:
        self._endpoints = endpoints
        self._access = access
        self._faults = faults
        self._log = log
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Wakes whoever waits here."""
        self._stopping.set()
        self._endpoints.stop()

    def handle(self, request: Request) -> Answer:
        """The answer, a failure included. Raises Dropped when a fault wants the connection closed."""
        info = parse_request(request.method, request.target)
        body = media.read(request.body, request.media_type)
        call = _describe(info, request, body)
        try:
            user = self._user(request.headers, call)
        except ApiError as error:
            return self._answered(self._log.arrived(call), _refusal(error), error.reason)
        self._log.arrived(call)
        fault = self._faults.draw(call)
        try:
            if fault and fault.moment == "before":
                self._act(fault)
            answer = self._endpoints.answer(info, user, request, body)
            if fault and fault.moment == "after":
                answer = self._spoil(fault, answer)
        except ApiError as error:
            return self._answered(call, _refusal(error), error.reason)
        except Dropped:
            call.code = "Dropped"
            raise
        except Exception as error:
            logger.exception("%s %s failed", request.method, request.target)
            call.status, call.code = 500, "InternalError"
            return _refusal(failure(500, "InternalError", f"Internal error occurred: {error!r}"))
        return self._answered(call, answer)

    def _user(self, headers: Message, call: Call) -> User:
        """Who asks, or whom he impersonates: the call is logged under that name."""
        user = self._access.authenticate(headers.get("Authorization"))
        call.user = user.name
        name = headers.get("Impersonate-User")
        if name:
            user = self._access.impersonate(user, name, headers.get_all("Impersonate-Group") or [])
            call.user = user.name
        return user

    def _answered(self, call: Call, answer: Answer, code: str = "") -> Answer:
        if isinstance(answer, WatchResponse):
            call.status, call.code = 200, code
        else:
            call.status, call.code = answer.status, code or answer.reason
        return answer

    def _act(self, fault: Fault) -> None:
        if fault.effect in ("hang", "delay"):
            self._stopping.wait(fault.seconds)
        if fault.effect in ("hang", "drop"):
            raise Dropped
        if fault.effect == "error":
            details = {"retryAfterSeconds": 1} if fault.status == 429 else None
            raise failure(fault.status, fault.code, fault.message, details)

    def _spoil(self, fault: Fault, answer: Answer) -> Answer:
        """After the effect. A watch that has begun is broken off, or ends with an ERROR event."""
        if not isinstance(answer, WatchResponse) or fault.effect == "delay":
            self._act(fault)
            return answer
        if fault.effect == "error":
            status = failure(fault.status, fault.code, fault.message).status
            return dataclasses.replace(answer, failure=status)
        return dataclasses.replace(answer, cut_after=fault.seconds if fault.effect == "hang" else 0.0)


def _describe(info: RequestInfo, request: Request, body: media.Body) -> Call:
    """What the log keeps. Creates are named by their body; bodies of deletes may ask for a dry run."""
    dry_run = info.dry_run
    name = info.name
    if isinstance(body.value, dict):
        metadata = body.value.get("metadata")
        if info.verb == "create" and not name and isinstance(metadata, dict):
            name = str(metadata.get("name") or "")
        if request.method == "DELETE":
            dry_run = dry_run or body.value.get("dryRun") == ["All"]
    params: dict[str, Any] = {"content_type": request.media_type, **info.query}
    if not info.plural:
        params["path"] = info.path
    if info.mutating and body.value is not None:
        params["body"] = _without_secrets(info, body.value)
    return Call(
        side=_SIDE,
        user="",
        verb=info.verb,
        resource=info.resource if info.plural else "",
        namespace=info.namespace,
        name=name,
        mutating=info.mutating and not dry_run and info.resource not in REVIEW_KEYS,
        dry_run=dry_run,
        params=params,
    )


def _without_secrets(info: RequestInfo, body: Any) -> Any:
    """Of a Secret only its kind and name: annotations may hold a copy of the data (last-applied-configuration)."""
    if info.plural != "secrets":
        return body
    if not isinstance(body, dict):
        return None
    metadata = body.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return {"kind": "Secret", "metadata": {"name": name}}


def _refusal(error: ApiError) -> Response:
    retry_after = (error.status.get("details") or {}).get("retryAfterSeconds")
    headers = (("Retry-After", str(retry_after)),) if retry_after else ()
    return Response(error.code, media.encode(error.status, media.JSON), headers=headers)

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls an ECS action: builds and signs with the SDK's request classes, sends, tries again, says what went wrong."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

try:
    from aliyunsdkcore.http import format_type
    from aliyunsdkecs.endpoint import endpoint_data
except ImportError as error:
    _SDK_MISSING: str | None = str(error)
else:
    _SDK_MISSING = None

from .._errors import BadInput, MigrationError, MissingLibrary, Refused, Retryable
from .._retry import Clock, Policy, SystemClock, retry
from .codes import NETWORK, NETWORK_TROUBLE, PASSING, SERVER, THROTTLED, meaning_of
from .credentials import Provider, provider_for
from .transport import Answer, Transport

_SDK = "aliyun-python-sdk-ecs"

# How long ECS may take to answer: aliyun-python-sdk-core's data/timeout_config.json. 10 s for the others.
_READ_TIMEOUTS = {
    "CreateSnapshot": 86.0,
    "CreateDisk": 36.0,
    "DescribeDisks": 19.0,
    "DescribeSnapshots": 26.0,
    "DescribePrice": 16.0,
    "DescribeZones": 103.0,
    "DeleteDisk": 16.0,
    "DeleteSnapshot": 17.0,
}
_READ_TIMEOUT = 10.0

# May be sent again when nobody knows whether the first one arrived. Creates may too, if they carry a ClientToken.
_IDEMPOTENT = frozenset({"DeleteDisk", "DeleteSnapshot", "TagResources", "UntagResources", "ModifySnapshotAttribute"})
_READING = ("Describe", "List")


class Client:
    """One identity in one region. Safe to share between threads.

    ``fence`` is called before every attempt of a changing call and stops it by raising: the place to find out that this
    process no longer holds the lock (DESIGN S10). ``read_only`` (check mode) refuses changing calls: nothing is sent.
    """

    def __init__(
        self,
        *,
        region: str,
        credentials: Provider,
        transport: Transport,
        policy: Policy | None = None,
        clock: Clock | None = None,
        read_only: bool = False,
    ) -> None:
        self.region = region
        self.fence: Callable[[], None] | None = None
        self._credentials = credentials
        self._transport = transport
        self._policy = policy or Policy()
        self.clock = clock or SystemClock()
        self._read_only = read_only

    def __repr__(self) -> str:
        return f"Client({self.region}, {self._transport!r})"

    def call(
        self,
        action: str,
        params: Mapping[str, Any],
        *,
        context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """ECS's answer as a dictionary. ``params`` are flat (``Tag.1.Key``); None and empty text are left out.

        Rejections that pass (throttling, an object that is busy) are waited out; network and server trouble only where
        sending twice has the effect of sending once. Every attempt has the same parameters, ClientToken included, and
        a nonce, time and signature of its own.
        """
        changing = not action.startswith(_READING)
        if changing and self._read_only:
            raise Refused(f"{action} would change something and this is a check run.", code="ReadOnly", context=context)
        wire = {"RegionId": self.region, **_wire(params)}
        repeatable = not changing or action in _IDEMPOTENT or bool(wire.get("ClientToken"))
        kinds = {THROTTLED, PASSING} | ({NETWORK, SERVER} if repeatable else set())

        def attempt() -> dict[str, Any]:
            if changing and self.fence is not None:
                self.fence()
            return self._once(action, wire)

        def classify(error: Exception) -> float | None:
            if not isinstance(error, MigrationError) or error.context.get("kind") not in kinds:
                return None
            return float(error.context.get("retry_after", 0.0))

        try:
            return retry(attempt, self._policy, self.clock, classify)
        except MigrationError as error:
            error.add_context(action=action, region=self.region, **(context or {}))
            if error.context["attempts"] > 1:
                attempts, seconds = error.context["attempts"], error.context["waited_seconds"]
                error.msg = f"{error.msg.rstrip('.')} (tried {attempts} times in {seconds:g} s)"
            raise

    def close(self) -> None:
        self._transport.close()

    def _once(self, action: str, wire: Mapping[str, str]) -> dict[str, Any]:
        target, headers = _signed(action, wire, self.region, self._credentials)
        try:
            answer = self._transport.post(target, headers, read_timeout=_READ_TIMEOUTS.get(action, _READ_TIMEOUT))
        except Retryable as error:
            error.msg = f"{action} did not reach ECS or its answer did not reach us: {error.msg}"
            raise
        return _body(action, answer)


def client_for(
    params: Mapping[str, Any],
    *,
    environ: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    read_only: bool = False,
) -> Client:
    """A client as the options of ECS_ARGS want it."""
    region = params.get("region") or ""
    if not region:
        raise BadInput(
            "No region is given.",
            code="NoRegion",
            hint="Set the parameter region or the environment variable ALIBABA_CLOUD_REGION_ID.",
        )
    limit = params.get("ecs_retry_timeout")
    return Client(
        region=region,
        credentials=provider_for(params, os.environ if environ is None else environ),
        transport=Transport(
            params.get("ecs_endpoint") or regional_endpoint(region, params.get("ecs_network") or "public"),
            ca_file=params.get("ecs_ca_file") or "",
        ),
        policy=Policy() if limit is None else Policy(limit=float(limit)),
        clock=clock,
        read_only=read_only,
    )


def regional_endpoint(region: str, network: str = "public") -> str:
    """The SDK's own rule, with nothing looked up (endpoint_resolver_rules.py of aliyun-python-sdk-core)."""
    if network != "public":
        return f"ecs-{network}.{region}.aliyuncs.com"
    _demand_sdk()
    exceptions: Mapping[str, str] = endpoint_data.getEndpointMap()
    return exceptions.get(region) or f"ecs.{region}.aliyuncs.com"


def _signed(action: str, wire: Mapping[str, str], region: str, provider: Provider) -> tuple[str, dict[str, str]]:
    """Path with signed query, and headers. A new request object each time: signing writes into it."""
    _demand_sdk()
    module = importlib.import_module(f"aliyunsdkecs.request.v20140526.{action}Request")
    request = getattr(module, f"{action}Request")()
    request.set_accept_format(format_type.JSON)
    for key, value in wire.items():
        request.add_query_param(key, value)
    credentials = provider.get()
    if credentials.security_token:
        request.add_query_param("SecurityToken", credentials.security_token)
    target = str(request.get_url(region, credentials.access_key_id, credentials.access_key_secret))
    headers = {str(key): str(value) for key, value in request.get_signed_header().items()}
    return target, {**headers, "Accept-Encoding": "identity", "User-Agent": "zoneshift.ack"}


def _demand_sdk() -> None:
    """Its AcsClient is never imported: it brings a DEBUG handler, and keys in ALIYUN_* win over given ones."""
    if _SDK_MISSING is not None:
        raise MissingLibrary(_SDK, needed_for="to build and sign requests to ECS", reason=_SDK_MISSING)


def _wire(params: Mapping[str, Any]) -> dict[str, str]:
    """Values as text. A tag may have an empty value; elsewhere empty means not given."""
    wire = {}
    for key, value in params.items():
        if isinstance(value, bool):
            wire[key] = "true" if value else "false"
        elif value is not None and (value != "" or key.startswith("Tag.")):
            wire[key] = str(value)
    return wire


def _body(action: str, answer: Answer) -> dict[str, Any]:
    """The answer of a call that succeeded, or the error that ECS tells."""
    try:
        body = json.loads(answer.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        kind = SERVER if answer.status >= 500 else NETWORK
        raise Retryable(
            f"{action} was answered with HTTP {answer.status} and something that is not JSON (a proxy in between?)",
            code="NotAnAnswer",
            hint=NETWORK_TROUBLE.hint,
            context={"kind": kind, "http_status": answer.status},
        )
    if 200 <= answer.status < 300:
        return body
    code, message = str(body.get("Code") or f"Http{answer.status}"), str(body.get("Message") or "")
    meaning = meaning_of(code, answer.status)
    raise meaning.error(
        f"{action} failed with {code}" + (f": {message}" if message else ""),
        code=code,
        hint=meaning.hint,
        context={
            "kind": meaning.kind,
            "http_status": answer.status,
            "request_id": body.get("RequestId"),
            "retry_after": _milliseconds(answer.headers.get("x-acs-retry-after", "")),
        },
    )


def _milliseconds(header: str) -> float | None:
    return int(header) / 1000 if header.isdigit() else None

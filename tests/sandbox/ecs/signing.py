# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who sent a request: signature v1 (HMAC-SHA1, in the query) and ACS3-HMAC-SHA256 (in headers), checked as the gateway
does (alibaba-ecs.md 4.1 and 4.2)."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote

from .errors import EcsError, missing_common_parameter, refusal

ACS3 = "ACS3-HMAC-SHA256"
AUTHORIZATION = re.compile(ACS3 + r" Credential=([^,]*),SignedHeaders=([^,]*),Signature=(.*)")
# How far the clock of a client may be off, and so how long a nonce has to be remembered.
WINDOW = 15 * 60.0


class Key(NamedTuple):
    """An access key. One with a token is temporary (STS): every request must carry it, until it expires."""

    secret: str
    user: str
    token: str = ""
    expires_at: float | None = None


@dataclasses.dataclass(frozen=True)
class SignedRequest:
    """What a signature covers. ``query`` and ``form`` are decoded; header names are lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""


class Nonces:
    """What has been used once. Kept until the time stamp that went with it is too old anyway, then swept out."""

    def __init__(self, clock: Callable[[], float], sweep_at: int = 10_000) -> None:
        self._clock = clock
        self._sweep_at = sweep_at
        self._used: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._used)

    def use(self, name: str) -> None:
        now = self._clock()
        if len(self._used) > self._sweep_at:
            self._used = {key: moment for key, moment in self._used.items() if now - moment <= 2 * WINDOW}
        if now - self._used.get(name, float("-inf")) <= 2 * WINDOW:
            raise refusal("SignatureNonceUsed")
        self._used[name] = now


class Gatekeeper:
    """Finds out the user of a request, or raises what the gateway answers to one that does not prove who it is from."""

    def __init__(self, keys: Mapping[str, tuple[str, str] | Key], clock: Callable[[], float]) -> None:
        self._keys = {key_id: Key(*key) for key_id, key in keys.items()}
        self._clock = clock
        self._nonces = Nonces(clock)

    def user(self, request: SignedRequest) -> str:
        if "authorization" in request.headers:
            return self._check_acs3(request)
        return self._check_v1(request)

    def _check_v1(self, request: SignedRequest) -> str:
        params = {**request.query, **request.form}
        for name in ("AccessKeyId", "Signature", "SignatureMethod", "SignatureVersion", "SignatureNonce", "Timestamp"):
            if not params.get(name):
                raise missing_common_parameter(name)
        key = self._key(params["AccessKeyId"], params.get("SecurityToken", ""))
        if params["SignatureMethod"] != "HMAC-SHA1" or params["SignatureVersion"] != "1.0":
            raise refusal("InvalidSignatureMethod")
        self._check_time(params["Timestamp"])
        text = v1_string_to_sign(request.method, params)
        digest = hmac.new(f"{key.secret}&".encode(), text.encode(), hashlib.sha1).digest()
        if not hmac.compare_digest(base64.b64encode(digest).decode(), params["Signature"]):
            raise EcsError(
                "SignatureDoesNotMatch",
                f"Specified signature is not matched with our calculation. server string to sign is:{text}",
                400,
            )
        self._nonces.use(f"{params['AccessKeyId']}/{params['SignatureNonce']}")
        return key.user

    def _check_acs3(self, request: SignedRequest) -> str:
        headers = request.headers
        match = AUTHORIZATION.fullmatch(headers["authorization"])
        if not match:
            raise refusal("IncompleteSignature")
        key_id, signed_names, signature = match.groups()
        for name in ("x-acs-date", "x-acs-signature-nonce"):
            if not headers.get(name):
                raise missing_common_parameter(name)
        key = self._key(key_id, headers.get("x-acs-security-token", ""))
        self._check_time(headers["x-acs-date"])
        signed = signed_names.split(";")
        must_be_signed = {name for name in headers if name.startswith("x-acs-")} | {"host"}
        if not must_be_signed <= set(signed):
            raise refusal("IncompleteSignature")
        text = acs3_string_to_sign(request, signed)
        if not hmac.compare_digest(hmac.new(key.secret.encode(), text.encode(), hashlib.sha256).hexdigest(), signature):
            raise EcsError(
                "SignatureDoesNotMatch",
                f"Specified signature does not match our calculation. server StringToSign is [{text}]",
                400,
            )
        self._nonces.use(f"{key_id}/{headers['x-acs-signature-nonce']}")
        return key.user

    def _key(self, key_id: str, token: str) -> Key:
        if key_id not in self._keys:
            raise refusal("InvalidAccessKeyId.NotFound")
        key = self._keys[key_id]
        if key.token and not token:
            raise refusal("MissingSecurityToken")
        if token != key.token:
            raise refusal("InvalidSecurityToken.MismatchWithAccessKey")
        if key.expires_at is not None and self._clock() >= key.expires_at:
            raise refusal("InvalidSecurityToken.Expired")
        return key

    def _check_time(self, text: str) -> None:
        try:
            moment = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.UTC)
        except ValueError:
            raise refusal("InvalidTimeStamp.Format") from None
        if abs(moment.timestamp() - self._clock()) > WINDOW:
            raise refusal("InvalidTimeStamp.Expired")


def v1_string_to_sign(method: str, params: Mapping[str, str]) -> str:
    names = sorted(name for name in params if name != "Signature")
    query = "&".join(f"{_encode(name)}={_encode(params[name])}" for name in names)
    return f"{method}&%2F&{_encode(query)}"


def acs3_string_to_sign(request: SignedRequest, signed: list[str]) -> str:
    """The hash of the body is calculated, not believed."""
    query = "&".join(f"{_encode(name)}={_encode(request.query[name])}" for name in sorted(request.query))
    headers = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in signed)
    body_hash = hashlib.sha256(request.body).hexdigest()
    canonical = "\n".join([request.method, request.path, query, headers, ";".join(signed), body_hash])
    return f"{ACS3}\n{hashlib.sha256(canonical.encode()).hexdigest()}"


def _encode(text: str) -> str:
    return quote(text, safe="~")

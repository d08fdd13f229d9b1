# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures as the gateway of the ECS emulator checks them, each proven with the SDK's own signer."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import pytest
from alibabacloud_tea_openapi.utils import Utils
from aliyunsdkcore.auth.composer.rpc_signature_composer import get_signed_url
from darabonba.request import DaraRequest

from tests.sandbox.ecs.errors import EcsError
from tests.sandbox.ecs.signing import Gatekeeper, Key, Nonces, SignedRequest

KEYS: dict[str, tuple[str, str] | Key] = {
    "LTAI-admin": ("secret", "admin"),
    "STS.driver": Key("other", "driver", token="token/+=", expires_at=time.time() + 3600),
}
PARAMS = {"Action": "DescribeDisks", "Version": "2014-05-26", "DiskName": "a b*~/+ü&=", "Empty": ""}


@pytest.fixture
def gatekeeper() -> Gatekeeper:
    return Gatekeeper(KEYS, time.time)


def v1(key_id: str = "LTAI-admin", secret: str = "secret", method: str = "POST", **more: str) -> SignedRequest:
    """A request signed by aliyun-python-sdk-core."""
    url, _text = get_signed_url({**PARAMS, **more}, key_id, secret, "JSON", method, {})
    query = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    return SignedRequest(method, "/", query, {}, {})


def acs3(key_id: str = "LTAI-admin", secret: str = "secret", body: bytes = b"", **headers: str) -> SignedRequest:
    """A request signed by alibabacloud_tea_openapi."""
    request = DaraRequest()
    request.method, request.pathname, request.query = "POST", "/", {"DiskName": PARAMS["DiskName"], "Empty": ""}
    body_hash = Utils.hash(body, "ACS3-HMAC-SHA256").hex()
    request.headers = {
        "host": "127.0.0.1:1",
        "x-acs-action": "DescribeDisks",
        "x-acs-version": "2014-05-26",
        "x-acs-date": Utils.get_timestamp(),
        "x-acs-signature-nonce": Utils.get_nonce(),
        "x-acs-content-sha256": body_hash,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    authorization = Utils.get_authorization(request, "ACS3-HMAC-SHA256", body_hash, key_id, secret)
    return SignedRequest("POST", "/", request.query, {}, {**request.headers, "authorization": authorization}, body)


def changed(request: SignedRequest, **query: str) -> SignedRequest:
    kept = {name: value for name, value in {**request.query, **query}.items() if value != "(none)"}
    return SignedRequest(request.method, request.path, kept, request.form, request.headers, request.body)


def with_headers(request: SignedRequest, headers: dict[str, str]) -> SignedRequest:
    return SignedRequest(request.method, request.path, request.query, request.form, headers, request.body)


def refusal_of(gatekeeper: Gatekeeper, request: SignedRequest) -> EcsError:
    with pytest.raises(EcsError) as caught:
        gatekeeper.user(request)
    return caught.value


@pytest.mark.parametrize("sign", [v1, acs3])
def test_good_signature(gatekeeper: Gatekeeper, sign: Callable[..., SignedRequest]) -> None:
    assert gatekeeper.user(sign()) == "admin"


def test_get_and_form_are_signed_too(gatekeeper: Gatekeeper) -> None:
    assert gatekeeper.user(v1(method="GET")) == "admin"
    request = v1()
    form = {"DiskName": request.query["DiskName"]}
    query = {name: value for name, value in request.query.items() if name != "DiskName"}
    assert gatekeeper.user(SignedRequest("POST", "/", query, form, {})) == "admin"
    assert gatekeeper.user(acs3(body=b"a=b")) == "admin"


@pytest.mark.parametrize("sign", [v1, acs3])
def test_unknown_key(gatekeeper: Gatekeeper, sign: Callable[..., SignedRequest]) -> None:
    error = refusal_of(gatekeeper, sign(key_id="LTAI-nobody"))
    assert (error.code, error.status) == ("InvalidAccessKeyId.NotFound", 404)
    assert error.message == "Specified access key is not found."


def test_wrong_secret_v1(gatekeeper: Gatekeeper) -> None:
    """The message ends with the string that the server signed, which is how the SDK tells a wrong secret."""
    params = dict(PARAMS)
    url, text = get_signed_url(params, "LTAI-admin", "wrong", "JSON", "POST", {})
    query = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    error = refusal_of(gatekeeper, SignedRequest("POST", "/", query, {}, {}))
    assert (error.code, error.status) == ("SignatureDoesNotMatch", 400)
    assert error.message == f"Specified signature is not matched with our calculation. server string to sign is:{text}"


def test_wrong_secret_acs3(gatekeeper: Gatekeeper) -> None:
    error = refusal_of(gatekeeper, acs3(secret="wrong"))
    assert (error.code, error.status) == ("SignatureDoesNotMatch", 400)
    assert error.message.startswith("Specified signature does not match our calculation. server StringToSign is [ACS3-")


def test_changed_on_the_way(gatekeeper: Gatekeeper) -> None:
    for request in (changed(v1(), DiskName="other"), changed(v1(), Extra="1"), changed(acs3(), DiskName="other")):
        assert refusal_of(gatekeeper, request).code == "SignatureDoesNotMatch"
    signed = acs3(body=b"a=b")
    other_body = SignedRequest("POST", "/", signed.query, {}, signed.headers, b"a=c")
    assert refusal_of(gatekeeper, other_body).code == "SignatureDoesNotMatch"
    other_action = with_headers(signed, {**signed.headers, "x-acs-action": "DeleteDisk"})
    assert refusal_of(gatekeeper, other_action).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("sign", [v1, acs3])
def test_replay(gatekeeper: Gatekeeper, sign: Callable[..., SignedRequest]) -> None:
    request = sign()
    gatekeeper.user(request)
    error = refusal_of(gatekeeper, request)
    assert (error.code, error.status) == ("SignatureNonceUsed", 400)


@pytest.mark.parametrize("sign", [v1, acs3])
@pytest.mark.parametrize("seconds", [-901, 901])
def test_stale_time(sign: Callable[..., SignedRequest], seconds: float) -> None:
    gatekeeper = Gatekeeper(KEYS, lambda: time.time() + seconds)
    error = refusal_of(gatekeeper, sign())
    assert (error.code, error.status) == ("InvalidTimeStamp.Expired", 400)


@pytest.mark.parametrize("seconds", [-900, 900])
def test_time_that_is_just_not_stale(seconds: float) -> None:
    request = v1()
    moment = datetime.datetime.fromisoformat(request.query["Timestamp"]).timestamp()
    assert Gatekeeper(KEYS, lambda: moment + seconds).user(request) == "admin"


def test_malformed_time(gatekeeper: Gatekeeper) -> None:
    assert refusal_of(gatekeeper, changed(v1(), Timestamp="yesterday")).code == "InvalidTimeStamp.Format"


def test_nonces_are_forgotten_with_their_time() -> None:
    now = [0.0]
    nonces = Nonces(lambda: now[0], sweep_at=10)
    for number in range(11):
        nonces.use(str(number))
    assert len(nonces) == 11
    now[0] += 3600
    nonces.use("0")
    assert len(nonces) == 1


@pytest.mark.parametrize("name", ["AccessKeyId", "Signature", "SignatureMethod", "SignatureNonce", "Timestamp"])
def test_missing_v1_parameter(gatekeeper: Gatekeeper, name: str) -> None:
    error = refusal_of(gatekeeper, changed(v1(), **{name: "(none)"}))
    assert (error.code, error.status, error.message) == (f"Missing{name}", 400, f"{name} is mandatory for this action.")


def test_other_signature_method(gatekeeper: Gatekeeper) -> None:
    assert refusal_of(gatekeeper, changed(v1(), SignatureMethod="ROT13")).code == "InvalidSignatureMethod"


def test_incomplete_acs3(gatekeeper: Gatekeeper) -> None:
    request = acs3()
    unsigned_header = with_headers(request, {**request.headers, "x-acs-extra": "1"})
    assert refusal_of(gatekeeper, unsigned_header).code == "IncompleteSignature"
    garbled = with_headers(request, {**request.headers, "authorization": "Bearer x"})
    assert refusal_of(gatekeeper, garbled).code == "IncompleteSignature"
    without_date = with_headers(
        request, {name: value for name, value in request.headers.items() if name != "x-acs-date"}
    )
    assert refusal_of(gatekeeper, without_date).code == "Missingx-acs-date"


def test_temporary_key(gatekeeper: Gatekeeper) -> None:
    assert gatekeeper.user(v1("STS.driver", "other", SecurityToken="token/+=")) == "driver"
    assert gatekeeper.user(acs3("STS.driver", "other", x_acs_security_token="token/+=")) == "driver"
    error = refusal_of(gatekeeper, v1("STS.driver", "other"))
    assert (error.code, error.status) == ("MissingSecurityToken", 400)
    mismatch = "InvalidSecurityToken.MismatchWithAccessKey"
    assert refusal_of(gatekeeper, v1("STS.driver", "other", SecurityToken="wrong")).code == mismatch
    assert refusal_of(gatekeeper, acs3("LTAI-admin", "secret", x_acs_security_token="token/+=")).code == mismatch


def test_expired_temporary_key() -> None:
    keys: dict[str, tuple[str, str] | Key] = {
        "STS.driver": Key("other", "driver", token="t", expires_at=time.time() - 1)
    }
    error = refusal_of(Gatekeeper(keys, time.time), v1("STS.driver", "other", SecurityToken="t"))
    assert (error.code, error.status) == ("InvalidSecurityToken.Expired", 403)

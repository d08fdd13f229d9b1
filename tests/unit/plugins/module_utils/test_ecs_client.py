# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A call: signed by the SDK, sent again only where that is safe, explained when it fails, silent about its secrets."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import logging
import subprocess
import sys
import traceback
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import pytest
from ansible_collections.zoneshift.ack.plugins.module_utils._ecs import client as client_module
from ansible_collections.zoneshift.ack.plugins.module_utils._ecs.client import Client, client_for, regional_endpoint
from ansible_collections.zoneshift.ack.plugins.module_utils._ecs.credentials import Credentials
from ansible_collections.zoneshift.ack.plugins.module_utils._errors import (
    BadInput,
    Conflict,
    Denied,
    MigrationError,
    MissingLibrary,
    Refused,
    Retryable,
)

from tests.unit.plugins.module_utils.fakes import FakeClock, Reply, StubServer, ok, refuse

KEY, SECRET, TOKEN = "LTAI-hidden-key", "hidden-secret", "hidden-token/+="
CREATE = {"DiskId": "d-1", "ClientToken": "token-1"}


def client_of(server: StubServer, clock: FakeClock | None = None, **options: Any) -> Client:
    params = {
        "region": "cn-beijing",
        "access_key_id": KEY,
        "access_key_secret": SECRET,
        "security_token": TOKEN,
        "ecs_endpoint": server.endpoint,
        "ecs_retry_timeout": options.pop("ecs_retry_timeout", 60),
    }
    return client_for(params, environ={}, clock=clock or FakeClock(), **options)


def attempts(replies: Iterable[Reply], action: str, params: dict[str, Any], **options: Any) -> StubServer:
    """Make the call against these replies and return the server, whatever came of it."""
    with StubServer(replies) as server, contextlib.suppress(MigrationError):
        client_of(server, **options).call(action, params)
    return server


class TestSigning:
    def test_the_signature_is_the_one_of_the_documentation(self) -> None:
        """Signature version 1.0, computed here from what arrived (alibaba-ecs.md 4.1)."""
        sent = attempts([ok()], "CreateSnapshot", {**CREATE, "SnapshotName": "a b*~ü&=/", "Force": True}).requests[0]
        signature = sent.pop("Signature")
        query = "&".join(f"{quote(key, safe='~')}={quote(value, safe='~')}" for key, value in sorted(sent.items()))
        text = f"POST&%2F&{quote(query, safe='~')}"
        digest = hmac.new(f"{SECRET}&".encode(), text.encode(), hashlib.sha1).digest()
        assert signature == base64.b64encode(digest).decode()

    def test_what_is_on_the_wire(self) -> None:
        params = {"A": True, "B": False, "C": 7, "D": None, "E": "", "Tag.1.Key": "k", "Tag.1.Value": ""}
        sent = attempts([ok()], "DescribeDisks", params).requests[0]
        assert (sent["A"], sent["B"], sent["C"]) == ("true", "false", "7")
        assert "D" not in sent and "E" not in sent
        assert sent["Tag.1.Value"] == ""
        assert sent["RegionId"] == "cn-beijing"
        assert (sent["Action"], sent["Version"], sent["Format"]) == ("DescribeDisks", "2014-05-26", "JSON")
        assert (sent["AccessKeyId"], sent["SecurityToken"]) == (KEY, TOKEN)

    def test_without_a_token_none_is_sent(self) -> None:
        with StubServer([ok()]) as server:
            params = {"region": "r", "access_key_id": KEY, "access_key_secret": SECRET, "ecs_endpoint": server.endpoint}
            client_for(params, environ={"ALIBABA_CLOUD_SECURITY_TOKEN": "other"}).call("DescribeZones", {})
        assert "SecurityToken" not in server.requests[0]


class TestRepetition:
    @pytest.mark.parametrize(
        "first",
        [Reply(drop=True), refuse("Throttling.User"), refuse("InternalError", status=500), Reply(502, b"<html>")],
    )
    def test_same_client_token_and_fresh_nonce_and_signature(self, first: Reply) -> None:
        """Without the token a create that is sent twice makes two disks (the SDK's trap, alibaba-ecs.md 4.1)."""
        one, two = attempts([first, ok(SnapshotId="s-1")], "CreateSnapshot", CREATE).requests
        for volatile in ("SignatureNonce", "Signature"):
            assert one[volatile] != two[volatile]
        same = one.keys() - {"SignatureNonce", "Signature", "Timestamp"}
        assert "ClientToken" in same
        assert {key: one[key] for key in same} == {key: two[key] for key in same}

    @pytest.mark.parametrize(
        "first", [Reply(drop=True), refuse("InternalError", status=500), Reply(200, b"{", announce=9)]
    )
    @pytest.mark.parametrize(
        ("action", "params", "times"),
        [
            ("CreateSnapshot", CREATE, 2),
            ("CreateSnapshot", {"DiskId": "d-1"}, 1),
            ("CreateDisk", {"ZoneId": "z"}, 1),
            ("DescribeDisks", {}, 2),
            ("ListTagResources", {}, 2),
            ("DeleteDisk", {"DiskId": "d-1"}, 2),
            ("DeleteSnapshot", {"SnapshotId": "s-1"}, 2),
            ("TagResources", {}, 2),
            ("UntagResources", {}, 2),
            ("ModifySnapshotAttribute", {}, 2),
            ("AttachDisk", {}, 1),
            ("ModifyDiskSpec", {}, 1),
        ],
    )
    def test_what_may_have_arrived_is_sent_again_only_if_that_is_safe(
        self, action: str, params: dict[str, Any], times: int, first: Reply
    ) -> None:
        assert len(attempts([first, ok()], action, params).requests) == times

    @pytest.mark.parametrize(
        "code",
        ["Throttling", "Throttling.Api", "IdempotentProcessing", "LastTokenProcessing", "InvalidSnapshotId.NotReady"],
    )
    @pytest.mark.parametrize("action", ["AttachDisk", "CreateDisk", "DescribeDisks"])
    def test_a_rejection_that_passes_is_waited_out_for_every_action(self, action: str, code: str) -> None:
        """It had no effect, so there is nothing to do twice."""
        assert len(attempts([refuse(code), refuse(code), ok()], action, {}).requests) == 3

    @pytest.mark.parametrize(
        "code",
        [
            "Forbidden.RAM",
            "Zone.NotOnSale",
            "IdempotentParameterMismatch",
            "InvalidDiskId.NotFound",
            "MissingParameter",
        ],
    )
    def test_a_final_rejection_is_not_repeated(self, code: str) -> None:
        assert len(attempts([refuse(code)], "CreateDisk", CREATE).requests) == 1

    def test_the_server_may_ask_for_time(self) -> None:
        clock = FakeClock()
        slow = refuse("Throttling", **{"x-acs-retry-after": "25000"})
        attempts([slow, ok()], "DescribeDisks", {}, clock=clock)
        assert clock.slept == [25.0]

    def test_temporary_credentials_are_asked_for_again(self) -> None:
        class Rotating:
            number = 0

            def get(self) -> Credentials:
                self.number += 1
                return Credentials(f"LTAI-{self.number}", SECRET)

        with StubServer([refuse("Throttling"), ok()]) as server:
            ours = client_of(server)
            ours._credentials = Rotating()
            ours.call("DescribeZones", {})
        assert [sent["AccessKeyId"] for sent in server.requests] == ["LTAI-1", "LTAI-2"]


class TestThrottling:
    def test_waits_for_a_minute_and_then_names_the_api_and_the_time(self) -> None:
        clock = FakeClock()
        throttled = refuse("Throttling.User", "Request was denied due to user flow control.", 400)
        with StubServer([throttled]) as server, pytest.raises(Retryable) as caught:
            client_of(server, clock).call("CreateDisk", CREATE)
        assert sum(clock.slept) == pytest.approx(60)
        assert 6 <= len(server.requests) <= 20
        assert "CreateDisk failed with Throttling.User" in str(caught.value)
        assert f"tried {len(server.requests)} times in 60 s" in str(caught.value)
        assert caught.value.context["action"] == "CreateDisk"
        assert caught.value.context["request_id"] == "req-no"

    @pytest.mark.parametrize(("timeout", "waited"), [(0, 0), (5, 5), (90, 90)])
    def test_the_option_says_how_long(self, timeout: int, waited: float) -> None:
        clock = FakeClock()
        attempts([refuse("Throttling")], "DescribeDisks", {}, clock=clock, ecs_retry_timeout=timeout)
        assert sum(clock.slept) == pytest.approx(waited)


class TestRefusal:
    def test_says_what_where_why_and_what_to_do(self) -> None:
        message = "The specified AZone inventory is insufficient."
        with StubServer([refuse("OperationDenied.NoStock", message)]) as server, pytest.raises(Refused) as caught:
            client_of(server).call("CreateDisk", CREATE, context={"zone": "cn-beijing-k", "disk": "d-1"})
        assert str(caught.value) == (
            f"CreateDisk failed with OperationDenied.NoStock: {message.rstrip('.')} [disk d-1, zone cn-beijing-k]. "
            "The zone does not sell this disk now: choose another target zone or wait for stock."
        )
        context = caught.value.context
        assert (context["kind"], context["http_status"], context["request_id"]) == ("no_stock", 403, "req-no")
        assert (context["region"], context["attempts"]) == ("cn-beijing", 1)

    @pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b'["list"]', b'{"cut', b"\xff\xfe"])
    @pytest.mark.parametrize("status", [200, 403, 502])
    def test_what_is_not_an_answer_of_ecs_is_an_error(self, status: int, body: bytes) -> None:
        with StubServer([Reply(status, body)]) as server, pytest.raises(Retryable, match="not JSON") as caught:
            client_of(server, ecs_retry_timeout=0).call("DescribeDisks", {})
        assert f"HTTP {status}" in str(caught.value)
        assert caught.value.code == "NotAnAnswer"

    def test_an_error_without_a_code(self) -> None:
        with StubServer([Reply(418, b"{}")]) as server, pytest.raises(Refused) as caught:
            client_of(server).call("DescribeDisks", {})
        assert caught.value.code == "Http418"


class TestGuards:
    def test_a_check_run_cannot_change_anything(self) -> None:
        with StubServer([ok()]) as server:
            ours = client_of(server, read_only=True)
            ours.call("DescribeDisks", {})
            with pytest.raises(Refused, match="check run"):
                ours.call("DeleteDisk", {"DiskId": "d-1"})
        assert [sent["Action"] for sent in server.requests] == ["DescribeDisks"]

    def test_the_fence_stands_before_every_attempt_to_change(self) -> None:
        """A run that lost its lock while it was throttled must not go on afterwards (DESIGN S10)."""
        looks = []

        def fence() -> None:
            looks.append(1)
            if len(looks) > 1:
                raise Conflict("Another run holds the lock.")

        with StubServer([refuse("Throttling"), ok()]) as server:
            ours = client_of(server)
            ours.fence = fence
            with pytest.raises(Conflict, match="Another run"):
                ours.call("CreateDisk", CREATE)
            assert len(server.requests) == 1
            ours.call("DescribeDisks", {})
        assert len(looks) == 2


class TestSecrecy:
    FAILURES = (
        Reply(drop=True),
        Reply(200, b"{", announce=1000),
        Reply(502, b"<html>"),
        refuse("InvalidAccessKeyId.NotFound", status=404),
    )

    @pytest.mark.parametrize("reply", FAILURES)
    def test_no_error_shows_a_secret_in_text_chain_or_traceback(self, reply: Reply) -> None:
        with StubServer([reply]) as server, pytest.raises(MigrationError) as caught:
            client_of(server, ecs_retry_timeout=0).call("CreateSnapshot", CREATE)
        self.assert_silent(caught.value)

    def test_neither_when_ecs_quotes_the_string_to_sign(self) -> None:
        def quoting(sent: dict[str, str]) -> Reply:
            encoded = quote("&".join(f"{key}={quote(value, safe='')}" for key, value in sent.items()), safe="")
            return refuse("SignatureDoesNotMatch", f"server string to sign is:POST&%2F&{encoded}", 400)

        with StubServer([quoting]) as server, pytest.raises(Denied) as caught:
            client_of(server).call("DescribeDisks", {})
        assert "Action%3DDescribeDisks" in str(caught.value)
        self.assert_silent(caught.value)

    @staticmethod
    def assert_silent(error: BaseException) -> None:
        chain: list[BaseException] = [error]
        while chain[-1].__context__ or chain[-1].__cause__:
            chain.append(chain[-1].__cause__ or chain[-1].__context__ or error)
        for link in chain:
            told = f"{link} {link!r} {link.args} {vars(link)} {''.join(traceback.format_exception(link))}"
            for secret in (KEY, SECRET, TOKEN, quote(TOKEN, safe=""), "Signature="):
                assert secret not in told.replace("Signature=********", "")

    def test_no_log_shows_a_secret_at_any_level(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        attempts([refuse("Throttling"), ok()], "CreateSnapshot", CREATE)
        logged = "\n".join(f"{record.getMessage()} {record.args}" for record in caplog.records)
        assert "CreateSnapshot" in logged, "urllib3 logs request lines: this test must see them"
        for secret in (KEY, SECRET, TOKEN, quote(TOKEN, safe="")):
            assert secret not in logged

    def test_a_client_shows_no_credentials(self) -> None:
        with StubServer([ok()]) as server:
            assert "hidden" not in repr(client_of(server))

    def test_the_sdks_client_and_its_debug_handler_are_never_loaded(self) -> None:
        """Importing it hangs a DEBUG handler on stderr that prints signed URLs (alibaba-ecs.md 4.1)."""
        program = (
            "import sys\n"
            f"from {client_module.__name__} import _signed\n"
            "from types import SimpleNamespace as Some\n"
            "key = Some(access_key_id='a', access_key_secret='b', security_token='c')\n"
            "_signed('CreateDisk', {}, 'r', Some(get=lambda: key))\n"
            "loaded = {'aliyunsdkcore.client', 'aliyunsdkcore.http.http_response'} & set(sys.modules)\n"
            "sys.exit(f'loaded: {loaded}' if loaded else 0)\n"
        )
        path = [entry for entry in sys.path if entry]
        result = subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}\n{program}"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (result.returncode, result.stderr) == (0, "")


class TestMaking:
    @pytest.mark.parametrize(
        ("region", "network", "host"),
        [
            ("cn-beijing", "public", "ecs.cn-beijing.aliyuncs.com"),
            ("eu-central-1", "public", "ecs.eu-central-1.aliyuncs.com"),
            ("cn-hangzhou", "public", "ecs-cn-hangzhou.aliyuncs.com"),
            ("cn-hangzhou", "vpc", "ecs-vpc.cn-hangzhou.aliyuncs.com"),
        ],
    )
    def test_the_regions_own_endpoint(self, region: str, network: str, host: str) -> None:
        assert regional_endpoint(region, network) == host
        params = {"region": region, "ecs_network": network, "access_key_id": KEY, "access_key_secret": SECRET}
        assert f"https://{host}:443" in repr(client_for(params, environ={}))

    @pytest.mark.parametrize("region", [None, ""])
    def test_a_region_is_needed(self, region: str | None) -> None:
        with pytest.raises(BadInput, match="ALIBABA_CLOUD_REGION_ID"):
            client_for({"region": region}, environ={})

    def test_the_sdk_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(client_module, "_SDK_MISSING", "No module named aliyunsdkcore")
        with StubServer([ok()]) as server, pytest.raises(MissingLibrary, match="pip install aliyun-python-sdk-ecs"):
            client_of(server).call("DescribeDisks", {})

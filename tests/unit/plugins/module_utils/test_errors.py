# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors speak to a person and never hold a secret (DESIGN S13, S14)."""

from __future__ import annotations

import json
import pickle

import pytest
from ansible_collections.zoneshift.ack.plugins.module_utils import _errors
from ansible_collections.zoneshift.ack.plugins.module_utils._errors import (
    BadInput,
    MigrationError,
    MissingLibrary,
    Refused,
    TimedOut,
    redact,
    register_secret,
)


class TestText:
    def test_says_what_where_and_what_to_do(self) -> None:
        error = Refused(
            "CreateDisk failed with Zone.NotOnSale", hint="Choose another zone.", context={"disk": "d-1", "zone": "k"}
        )
        error.add_context(claim="default/www-web-0")
        assert str(error) == (
            "CreateDisk failed with Zone.NotOnSale [claim default/www-web-0, disk d-1, zone k]. Choose another zone."
        )

    def test_does_not_repeat_what_the_message_names(self) -> None:
        assert str(BadInput("Disk d-1 is attached.", context={"disk": "d-1"})) == "Disk d-1 is attached."

    def test_without_context_and_hint(self) -> None:
        assert str(MigrationError("It failed")) == "It failed."

    def test_context_known_nearer_to_the_cause_wins(self) -> None:
        error = Refused("no", context={"disk": "d-near"}).add_context(disk="d-far", zone="", claim=None)
        assert error.context == {"disk": "d-near"}


def test_the_result_is_json_with_all_four_keys() -> None:
    error = TimedOut("slow", code="X", hint="Wait.", context={"ids": ("a", "b"), "count": 3, "object": object})
    result = json.loads(json.dumps(error.as_result()))
    assert set(result) == {"msg", "code", "hint", "context"}
    assert result["context"]["ids"] == ["a", "b"]
    assert result["context"]["count"] == 3


KINDS = [kind for kind in vars(_errors).values() if isinstance(kind, type) and issubclass(kind, MigrationError)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_survives_pickling(kind: type[MigrationError]) -> None:
    """Concurrent futures of any kind hand errors on by pickling them."""
    error = kind("package", needed_for="x") if kind is MissingLibrary else kind("msg", context={"disk": "d-1"})
    copy = pickle.loads(pickle.dumps(error))
    assert copy.__class__ is kind
    assert copy.as_result() == error.as_result()


def test_a_missing_library_names_the_package_for_pip() -> None:
    error = MissingLibrary(
        "aliyun-python-sdk-ecs", needed_for="to talk to ECS", reason="No module named 'aliyunsdkecs'"
    )
    assert "pip install aliyun-python-sdk-ecs" in str(error)
    assert "No module named 'aliyunsdkecs'" in str(error)
    assert error.code == "MissingLibrary"


class TestRedact:
    @pytest.mark.parametrize(
        "text",
        [
            "GET /?Action=X&AccessKeyId=LTAIhidden&Format=JSON",
            "/?Signature=hidden%2B%3D&a=b",
            "SecurityToken=CAIShidden/+=",
            "string to sign is: POST&%2F&AccessKeyId%3DLTAIhidden%26Action%3DX",
            "SecurityToken%253Dhidden%26Signature%3Dhidden",
            'Authorization: ACS3-HMAC-SHA256 Credential=LTAIhidden,Signature="hidden"',
            "{'authorization': 'Bearer hidden.hidden'}",
            "proxy-authorization: Basic hidden",
            "bearer hidden-hidden",
            '{"AccessKeyId": "LTAIhidden", "SecurityToken": "hidden"}',
            "https://user:hidden@proxy:3128/",
        ],
    )
    def test_masks_what_looks_like_a_secret(self, text: str) -> None:
        assert "hidden" not in redact(text)
        assert "****" in redact(text)

    def test_keeps_what_stands_beside_it(self) -> None:
        redacted = redact("POST&%2F&AccessKeyId%3DLTAI%26Action%3DCreateDisk%26Format%3DJSON")
        assert "Action%3DCreateDisk" in redacted
        assert redact("/?AccessKeyId=LTAI&Action=CreateDisk") == "/?AccessKeyId=********&Action=CreateDisk"

    def test_masks_registered_values_in_every_encoding(self) -> None:
        secret = "pa+ss/wo=rd&x"
        register_secret(secret)
        register_secret("")
        register_secret(None)
        for shown in (secret, "pa%2Bss%2Fwo%3Drd%26x", "pa%252Bss%252Fwo%253Drd%2526x"):
            assert redact(f"before {shown} after") == "before ******** after"
        assert secret in _errors.secret_values()

    def test_values_too_short_to_be_secret_are_left_alone(self) -> None:
        register_secret("k")
        assert redact("a disk of zone k") == "a disk of zone k"

    def test_errors_redact_message_hint_and_context(self) -> None:
        register_secret("topsecretvalue")
        error = TimedOut(
            "got topsecretvalue",
            hint="use topsecretvalue",
            progress="saw topsecretvalue",
            context={"request": ["/?Signature=hidden", {"token": "topsecretvalue"}]},
        )
        told = f"{error} {error!r} {error.as_result()} {error.__dict__}"
        assert "topsecretvalue" not in told
        assert "hidden" not in told

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose keys sign: the order of the sources, and never a mixture of two identities."""

from __future__ import annotations

import builtins
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.zoneshift.ack.plugins.module_utils._ecs import credentials
from ansible_collections.zoneshift.ack.plugins.module_utils._ecs.credentials import Chain, Credentials, provider_for
from ansible_collections.zoneshift.ack.plugins.module_utils._errors import BadInput, Denied, MissingLibrary

PARAMETERS = {"access_key_id": "id-param", "access_key_secret": "secret-param", "security_token": "token-param"}
ENVIRONMENT = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "id-env",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret-env",
    "ALIBABA_CLOUD_SECURITY_TOKEN": "token-env",
}
OLD_ENVIRONMENT = {
    "ALICLOUD_ACCESS_KEY": "id-old",
    "ALICLOUD_SECRET_KEY": "secret-old",
    "ALICLOUD_SECURITY_TOKEN": "token-old",
}


class TestOrder:
    def test_parameters_win(self) -> None:
        found = provider_for(PARAMETERS, {**ENVIRONMENT, **OLD_ENVIRONMENT}).get()
        assert found == Credentials("id-param", "secret-param", "token-param")

    def test_a_key_never_meets_the_token_of_another_identity(self) -> None:
        """The reason why these options have no fallback of their own: ECS would say InvalidSecurityToken."""
        given = {"access_key_id": "id-param", "access_key_secret": "secret-param", "security_token": None}
        assert provider_for(given, ENVIRONMENT).get() == Credentials("id-param", "secret-param", "")

    def test_then_the_environment_by_its_new_names(self) -> None:
        nothing = dict.fromkeys(PARAMETERS)
        found = provider_for(nothing, {**ENVIRONMENT, **OLD_ENVIRONMENT}).get()
        assert found == Credentials("id-env", "secret-env", "token-env")

    @pytest.mark.parametrize("key_id", ["ALICLOUD_ACCESS_KEY", "ALICLOUD_ACCESS_KEY_ID"])
    @pytest.mark.parametrize("secret", ["ALICLOUD_SECRET_KEY", "ALICLOUD_SECRET_ACCESS_KEY"])
    def test_then_by_its_old_names(self, key_id: str, secret: str) -> None:
        assert provider_for({}, {key_id: "id-old", secret: "secret-old"}).get() == Credentials("id-old", "secret-old")

    def test_then_the_chain(self) -> None:
        assert isinstance(provider_for({}, {}), Chain)

    def test_the_sdks_own_variables_mean_nothing_to_us(self) -> None:
        """aliyun-python-sdk-core lets ALIYUN_ACCESS_KEY_ID win over explicit credentials (alibaba-ecs.md 4.1)."""
        sdk = {"ALIYUN_ACCESS_KEY_ID": "id-sdk", "ALIYUN_ACCESS_KEY_SECRET": "secret-sdk"}
        assert isinstance(provider_for({}, sdk), Chain)
        assert provider_for(PARAMETERS, sdk).get().access_key_id == "id-param"


@pytest.mark.parametrize(
    ("params", "environ", "there", "missing"),
    [
        ({"access_key_id": "x1x1"}, ENVIRONMENT, "parameter access_key_id", "access_key_secret"),
        ({"access_key_secret": "x2x2"}, ENVIRONMENT, "parameter access_key_secret", "access_key_id"),
        ({}, {"ALIBABA_CLOUD_ACCESS_KEY_ID": "x3x3", **OLD_ENVIRONMENT}, "ALIBABA_CLOUD_ACCESS_KEY_ID", "_SECRET"),
        ({}, {"ALICLOUD_SECRET_KEY": "x4x4"}, "ALICLOUD_SECRET_KEY", "ALICLOUD_ACCESS_KEY"),
    ],
)
def test_half_an_identity_is_an_error(
    params: dict[str, str], environ: dict[str, str], there: str, missing: str
) -> None:
    """Going on to the next source would act as somebody else than was meant."""
    with pytest.raises(BadInput) as caught:
        provider_for(params, environ)
    assert there in str(caught.value)
    assert missing in str(caught.value)
    assert not any(value in str(caught.value) for value in ("x1x1", "x2x2", "x3x3", "x4x4"))


class TestChain:
    def test_is_loaded_once_and_asked_every_time(self) -> None:
        """Temporary credentials change during a run."""
        loads, tokens = [], iter(["token-1", "token-2"])

        def answer() -> Any:
            return SimpleNamespace(access_key_id="id", access_key_secret="secret-of-chain", security_token=next(tokens))

        def load() -> Any:
            loads.append(1)
            return SimpleNamespace(get_credential=answer)

        chain = Chain(load)
        assert [chain.get().security_token, chain.get().security_token] == ["token-1", "token-2"]
        assert len(loads) == 1

    def test_an_empty_chain_lists_everything_that_was_looked_at(self) -> None:
        def fail() -> Any:
            raise ValueError("unable to load; Signature=hidden&x=1")

        with pytest.raises(Denied) as caught:
            Chain(lambda: SimpleNamespace(get_credential=fail)).get()
        told = str(caught.value)
        for name in [*ENVIRONMENT, *OLD_ENVIRONMENT, "access_key_id", "access_key_secret"]:
            assert name in told or "TOKEN" in name
        for source in ("RRSA", "~/.aliyun/config.json", "~/.alibabacloud/credentials.ini", "RAM role"):
            assert source in told
        assert caught.value.code == "NoCredentials"
        assert "unable to load" in caught.value.context["chain"]
        assert "hidden" not in str(caught.value.as_result())
        assert caught.value.__context__ is None

    def test_without_the_library_it_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real_import = builtins.__import__

        def no_library(name: str, *args: Any, **options: Any) -> Any:
            if name.startswith("alibabacloud_credentials"):
                raise ImportError(f"No module named {name}")
            return real_import(name, *args, **options)

        monkeypatch.setattr(builtins, "__import__", no_library)
        with pytest.raises(MissingLibrary, match="pip install alibabacloud_credentials"):
            Chain().get()

    def test_the_real_library_reads_a_profile(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
        """Its chain, offline: the credentials file comes before the instance's metadata service is asked."""
        ini = tmp_path / "credentials.ini"
        ini.write_text("[default]\ntype = access_key\naccess_key_id = id-ini\naccess_key_secret = secret-ini\n")
        from alibabacloud_credentials.utils import auth_util

        monkeypatch.setattr(auth_util, "environment_access_key_id", None)
        monkeypatch.setattr(auth_util, "environment_credentials_file", str(ini))
        monkeypatch.setattr(auth_util, "environment_ecs_metadata_disabled", "true")
        monkeypatch.setattr(auth_util, "enable_oidc_credential", False)
        monkeypatch.setenv("HOME", str(tmp_path))
        for name in ENVIRONMENT:
            monkeypatch.delenv(name, raising=False)
        assert Chain().get() == Credentials("id-ini", "secret-ini", "")
        assert logging.getLogger("credentials").filters


def test_credentials_do_not_show_themselves() -> None:
    shown = Credentials("id-visible-to-nobody", "secret-visible-to-nobody", "token-visible-to-nobody")
    assert "visible" not in f"{shown!r} {shown}"
    assert "visible" not in repr(credentials.Fixed(shown).get())

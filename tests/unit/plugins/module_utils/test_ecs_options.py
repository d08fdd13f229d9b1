# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of ECS modules: specification and documentation say the same, and the fallbacks work."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.zoneshift.ack.plugins.doc_fragments._ecs import ModuleDocFragment
from ansible_collections.zoneshift.ack.plugins.module_utils._argspec_ecs import ECS_ARGS

DOCUMENTED: dict[str, Any] = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]


def test_the_documentation_is_that_of_the_specification() -> None:
    told = ("type", "aliases", "choices", "default")
    specified = {name: {key: option[key] for key in told if key in option} for name, option in ECS_ARGS.items()}
    documented = {name: {key: option[key] for key in told if key in option} for name, option in DOCUMENTED.items()}
    assert specified == documented


def test_the_documentation_names_every_fallback() -> None:
    for name, option in ECS_ARGS.items():
        for variable in option.get("fallback", ("", []))[1]:
            assert f"E({variable})" in str(DOCUMENTED[name]["description"])


def test_secrets_are_not_logged() -> None:
    assert {name for name, option in ECS_ARGS.items() if option.get("no_log")} == {
        "access_key_secret",
        "security_token",
    }


def test_the_environment_fills_in_the_place_and_not_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALIBABA_CLOUD_REGION_ID", raising=False)
    monkeypatch.setenv("ALICLOUD_REGION", "cn-old")
    monkeypatch.setenv("ALIBABA_CLOUD_ECS_ENDPOINT", "ecs.example")
    monkeypatch.setenv("ALIBABA_CLOUD_CA_BUNDLE", "/ca.pem")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "id-env")
    found = ArgumentSpecValidator(ECS_ARGS).validate({}).validated_parameters
    assert found["region"] == "cn-old"
    assert found["ecs_endpoint"] == "ecs.example"
    assert found["ecs_ca_file"] == "/ca.pem"
    assert found["access_key_id"] is None
    monkeypatch.setenv("ALIBABA_CLOUD_REGION_ID", "cn-new")
    assert ArgumentSpecValidator(ECS_ARGS).validate({}).validated_parameters["region"] == "cn-new"


def test_the_old_collections_names_work() -> None:
    given = {
        "alicloud_access_key": "a",
        "alicloud_secret_key": "b",
        "alicloud_security_token": "c",
        "alicloud_region": "d",
    }
    found = ArgumentSpecValidator(ECS_ARGS).validate(given)
    assert not found.error_messages
    names = ("access_key_id", "access_key_secret", "security_token", "region")
    assert [found.validated_parameters[name] for name in names] == ["a", "b", "c", "d"]

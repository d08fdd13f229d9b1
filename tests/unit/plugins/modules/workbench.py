# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules called in this process against a sandbox: real parameters, real requests, and what was sent."""

from __future__ import annotations

import dataclasses
import importlib
import json
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator
from ansible.module_utils.testing import patch_module_args
from ansible_collections.zoneshift.ack.plugins.module_utils._errors import MigrationError
from ansible_collections.zoneshift.ack.plugins.module_utils._module import Context

from tests.sandbox.requestlog import Call
from tests.sandbox.sandbox import Sandbox

MODULES = (
    "ecs_disk_from_snapshot",
    "ecs_snapshot",
    "k8s_pv_rebind",
    "sts_migration_info",
    "sts_migration_run",
    "sts_scale",
)

_ECS_OPTIONS = {
    "region": "ALIBABA_CLOUD_REGION_ID",
    "ecs_endpoint": "ALIBABA_CLOUD_ECS_ENDPOINT",
    "access_key_id": "ALIBABA_CLOUD_ACCESS_KEY_ID",
    "access_key_secret": "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
}


def load(name: str) -> ModuleType:
    return importlib.import_module(f"ansible_collections.zoneshift.ack.plugins.modules.{name}")


def connection(sandbox: Sandbox, module: ModuleType) -> dict[str, str]:
    """Options that lead the module to the sandbox, and those of them that it takes."""
    environment = sandbox.environment()
    options = {option: environment[variable] for option, variable in _ECS_OPTIONS.items()}
    options["kubeconfig"] = environment["KUBECONFIG"]
    return {option: value for option, value in options.items() if option in module.ARGS}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a module did. ``calls`` are the requests of the collection's user meanwhile; one of the two is set."""

    result: dict[str, Any]
    error: MigrationError | None
    calls: list[Call]

    @property
    def mutating(self) -> list[Call]:
        """Access reviews are sent with POST and leave nothing behind."""
        return [call for call in self.calls if call.mutating and not call.resource.startswith("selfsubject")]

    def of(self, verb: str, resource: str = "") -> list[Call]:
        return [call for call in self.calls if call.verb == verb and (not resource or call.resource == resource)]

    def succeeded(self, *, changed: bool) -> Outcome:
        assert self.error is None, self.error
        assert self.result["changed"] is changed, self.result
        return self

    def failed(self, code: str, *sentences: str) -> MigrationError:
        assert self.error is not None, self.result
        assert self.error.code == code, repr(self.error)
        for sentence in sentences:
            assert sentence in str(self.error), str(self.error)
        return self.error


def run(sandbox: Sandbox, module: str, *, check: bool = False, **options: Any) -> Outcome:
    """One invocation, with the parameters as Ansible's own validator completes them."""
    loaded = load(module)
    checked = ModuleArgumentSpecValidator(loaded.ARGS).validate({**connection(sandbox, loaded), **options})
    assert not checked.error_messages, checked.error_messages
    since = sandbox.log.last_number
    result: dict[str, Any] = {}
    error = None
    try:
        result = loaded.run(Context(checked.validated_parameters, check_mode=check))
    except MigrationError as caught:
        error = caught
    return Outcome(result, error, [call for call in sandbox.log.calls(since) if call.user == "admin"])


@dataclasses.dataclass(frozen=True)
class Ending:
    """How a module process would have ended: its exit status and the JSON and text that it wrote."""

    status: int
    answer: dict[str, Any]
    output: str
    calls: list[Call]

    @property
    def mutating(self) -> list[Call]:
        return [call for call in self.calls if call.mutating]


def main(
    sandbox: Sandbox,
    module: str,
    capsys: pytest.CaptureFixture[str],
    *,
    check: bool = False,
    diff: bool = False,
    **options: Any,
) -> Ending:
    """The module's ``main``, called as Ansible does it."""
    loaded = load(module)
    given = {**connection(sandbox, loaded), **options, "_ansible_check_mode": check, "_ansible_diff": diff}
    given = {key: value for key, value in given.items() if value is not None}
    since = sandbox.log.last_number
    capsys.readouterr()
    with patch_module_args(given), pytest.raises(SystemExit) as ended:
        loaded.main()
    written = capsys.readouterr()
    calls = [call for call in sandbox.log.calls(since) if call.user == "admin"]
    return Ending(int(ended.value.code or 0), json.loads(written.out), written.out + written.err, calls)

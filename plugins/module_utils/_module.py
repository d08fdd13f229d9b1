# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module is made of: its parameters, lazily made clients, one way out for success and one for failure."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from functools import cached_property
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._argspec import ArgumentSpec
from ._domain import ids
from ._domain.model import Volume
from ._ecs.client import Client as EcsClient
from ._ecs.client import client_for
from ._errors import BadInput, MigrationError, redact
from ._k8s.client import K8sClient
from ._k8s.run import Run
from ._retry import Clock, SystemClock

Result = dict[str, Any]


class Context:
    """One invocation of a module: what it was asked, and the connections it may need."""

    def __init__(self, params: dict[str, Any], *, check_mode: bool, clock: Clock | None = None) -> None:
        self.params = params
        self.check_mode = check_mode
        self.clock = clock or SystemClock()

    @cached_property
    def k8s(self) -> K8sClient:
        return K8sClient(self.params, self.clock)

    @cached_property
    def ecs(self) -> EcsClient:
        """Refuses changing calls in check mode, and in a run every one after the run lost its lock (S10)."""
        client = client_for(self.params, environ=os.environ, clock=self.clock, read_only=self.check_mode)
        if self.run is not None:
            client.fence = self.fence
        return client

    @cached_property
    def run(self) -> Run | None:
        """The run whose journal this module writes, when it was given one. Nothing is written in check mode."""
        if not (self.params.get("run_id") and self.params.get("journal_namespace")):
            return None
        return Run.load(self.k8s, self.params["journal_namespace"], self.params["run_id"], read_only=self.check_mode)

    def fence(self) -> None:
        """To be called before every change: raises when this run lost its lock (S10). Outside a run nobody can."""
        if self.run is not None:
            self.run.check_holder()

    @cached_property
    def volumes(self) -> list[Volume]:
        return [Volume.from_dict(raw) for raw in self.params.get("volumes") or []]

    def demand(self, *fields: str) -> list[Volume]:
        """The volumes, each of which must have these fields. Raises BadInput that names the first gap."""
        for number, volume in enumerate(self.volumes, 1):
            for field in fields:
                if not getattr(volume, field):
                    raise BadInput(f"Volume {number} ({volume.claim or 'without a claim'}) lacks {field}.")
        return self.volumes


def run_module(argument_spec: ArgumentSpec, run: Callable[[Context], Result], **options: Any) -> None:
    """Build the module, run it, and end it: with the result, or with an error that says what to do."""
    module = AnsibleModule(argument_spec=argument_spec, supports_check_mode=True, **options)
    try:
        _check_run_id(module.params)
        result = run(Context(module.params, check_mode=module.check_mode))
    except MigrationError as error:
        module.fail_json(**error.as_result())
    except Exception as error:  # the last line of defence: whatever it is, no secret leaves with it
        module.fail_json(
            msg=f"Internal error of zoneshift.ack, please report it: {type(error).__name__}: {redact(str(error))}",
            code="InternalError",
            exception=redact(traceback.format_exc()),
        )
    diff = result.pop("diff", None)
    module.exit_json(**result, **({"diff": diff} if diff and module._diff else {}))


def _check_run_id(params: dict[str, Any]) -> None:
    if params.get("run_id") and not ids.is_run_id(params["run_id"]):
        raise BadInput(
            f"run_id {params['run_id']!r} is not usable.",
            hint="Use up to 40 lower-case letters, digits and inner hyphens. Nothing was changed.",
        )


def volume_results(volumes: list[Volume]) -> list[dict[str, Any]]:
    return [volume.as_dict() for volume in volumes]


def volumes_diff(before: list[Volume], after: list[Volume], fields: tuple[str, ...]) -> dict[str, Any]:
    """The diff of a module: the given fields of each claim before and after."""

    def shown(volumes: list[Volume]) -> dict[str, dict[str, str]]:
        return {
            volume.claim or volume.source_disk_id: {field: str(getattr(volume, field)) for field in fields}
            for volume in volumes
        }

    return {"before": shown(before), "after": shown(after)}

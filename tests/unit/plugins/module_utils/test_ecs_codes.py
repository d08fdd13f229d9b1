# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ECS's codes are taken for: every documented code of the calls that we make has a meaning that fits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.zoneshift.ack.plugins.module_utils._ecs import codes
from ansible_collections.zoneshift.ack.plugins.module_utils._errors import (
    Conflict,
    Denied,
    MigrationError,
    NotFound,
    Refused,
    Retryable,
)

CONTRACT = json.loads((Path(__file__).parents[3] / "sandbox" / "ecs" / "api_meta.json").read_text())["actions"]
DOCUMENTED: dict[str, dict[str, Any]] = {
    entry["code"]: entry
    for action in ("CreateSnapshot", "CreateDisk", "DeleteSnapshot", "DeleteDisk", "ModifySnapshotAttribute")
    for entry in CONTRACT[action]["error_codes"]
}


@pytest.mark.parametrize(
    ("code", "kind", "error"),
    [
        ("Throttling", codes.THROTTLED, Retryable),
        ("Throttling.User", codes.THROTTLED, Retryable),
        ("Throttling.Api", codes.THROTTLED, Retryable),
        ("Throttling.ConcurrentLimitExceeded", codes.THROTTLED, Retryable),
        ("Rejected.Throttling", codes.THROTTLED, Retryable),
        ("ServiceUnavailable", codes.SERVER, Retryable),
        ("InternalError", codes.SERVER, Retryable),
        ("IdempotentProcessing", codes.PASSING, Retryable),
        ("LastTokenProcessing", codes.PASSING, Retryable),
        ("InvalidSnapshotId.NotReady", codes.PASSING, Retryable),
        ("Operation.Conflict", codes.PASSING, Retryable),
        ("InvalidOperation.RelatedSnapshotNotFinished", codes.PASSING, Retryable),
        ("IncorrectDiskStatus.Initializing", codes.INITIALIZING, Retryable),
        ("IdempotentParameterMismatch", codes.IDEMPOTENCY, Conflict),
        ("InvalidDiskId.NotFound", codes.NOT_FOUND, NotFound),
        ("InvalidSnapshotId.NotFound", codes.NOT_FOUND, NotFound),
        ("InvalidZoneId.NotFound", codes.NOT_FOUND, NotFound),
        ("InvalidRegionId.NotFound", codes.NOT_FOUND, NotFound),
        ("Zone.NotOnSale", codes.NO_STOCK, Refused),
        ("OperationDenied.NoStock", codes.NO_STOCK, Refused),
        ("InvalidDataDiskCategory.NotSupported", codes.NO_STOCK, Refused),
        ("InvalidPerformanceLevel.ValueNotSupported", codes.NO_STOCK, Refused),
        ("InvalidDiskCategory.ConflictSnapshotCategory", codes.REFUSED, Refused),
        ("QuotaExceed.DiskCapacity", codes.QUOTA, Refused),
        ("QuotaExceed.SomethingNew", codes.QUOTA, Refused),
        ("Forbidden.RAM", codes.DENIED, Denied),
        ("NoPermission.Tag", codes.DENIED, Denied),
        ("InvalidAccessKeyId.NotFound", codes.CREDENTIALS, Denied),
        ("SignatureDoesNotMatch", codes.CREDENTIALS, Denied),
        ("InvalidSecurityToken.Expired", codes.CREDENTIALS, Denied),
        ("IncorrectDiskStatus.NeverAttached", codes.STATE, Conflict),
        ("Account.Arrearage", codes.ACCOUNT, Refused),
        ("SomethingNobodyKnows", codes.REFUSED, Refused),
    ],
)
def test_kinds(code: str, kind: str, error: type[MigrationError]) -> None:
    meaning = codes.meaning_of(code, 403)
    assert (meaning.kind, meaning.error) == (kind, error)
    assert meaning.hint


@pytest.mark.parametrize("status", [400, 403, 500, 503])
def test_throttling_is_told_by_its_code_and_not_by_the_status(status: int) -> None:
    assert codes.meaning_of("Throttling.User", status).kind == codes.THROTTLED


def test_an_unknown_code_with_a_server_status_is_the_servers_trouble() -> None:
    assert codes.meaning_of("SomethingNobodyKnows", 502).kind == codes.SERVER
    assert codes.meaning_of("InvalidDiskId.NotFound", 500).kind == codes.NOT_FOUND


@pytest.mark.parametrize("code", sorted(DOCUMENTED))
def test_what_is_waited_out_is_no_final_verdict(code: str) -> None:
    """A code that says "there is none", "not allowed" or "malformed" must never be retried for a minute."""
    kind = codes.meaning_of(code, DOCUMENTED[code]["http"]).kind
    final = code.endswith((".NotFound", ".Malformed", ".NotSupported", "Mismatch", "Unauthorized"))
    assert not (final and codes.ERRORS[kind] is Retryable)


@pytest.mark.parametrize("code", sorted(code for code in DOCUMENTED if "QuotaExceed" in code))
def test_every_documented_quota_is_a_quota_or_passes(code: str) -> None:
    assert codes.meaning_of(code).kind in (codes.QUOTA, codes.PASSING)


def test_every_kind_has_an_error() -> None:
    kinds = {value for name, value in vars(codes).items() if name.isupper() and isinstance(value, str)}
    assert kinds == set(codes.ERRORS)

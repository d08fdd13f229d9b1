# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ECS's error codes mean for a migration, as data: what kind of trouble it is and what a person can do about it.

The codes are those of ecs-api-meta.json and of alibaba-ecs.md 2.2 to 2.7. Classified by code and never by HTTP status:
throttling alone comes as 400, 403, 500 and 503.
"""

from __future__ import annotations

import dataclasses

from .._errors import Conflict, Denied, MigrationError, NotFound, Refused, Retryable

THROTTLED = "throttled"
PASSING = "passing"
INITIALIZING = "initializing"
SERVER = "server"
NETWORK = "network"
NOT_FOUND = "not_found"
NO_STOCK = "no_stock"
QUOTA = "quota"
ACCOUNT = "account"
DENIED = "denied"
CREDENTIALS = "credentials"
IDEMPOTENCY = "idempotency"
STATE = "state"
REFUSED = "refused"

ERRORS: dict[str, type[MigrationError]] = {
    THROTTLED: Retryable,
    PASSING: Retryable,
    INITIALIZING: Retryable,
    SERVER: Retryable,
    NETWORK: Retryable,
    NOT_FOUND: NotFound,
    NO_STOCK: Refused,
    QUOTA: Refused,
    ACCOUNT: Refused,
    DENIED: Denied,
    CREDENTIALS: Denied,
    IDEMPOTENCY: Conflict,
    STATE: Conflict,
    REFUSED: Refused,
}


@dataclasses.dataclass(frozen=True)
class Meaning:
    """A kind of trouble and what to do about it."""

    kind: str
    hint: str = ""

    @property
    def error(self) -> type[MigrationError]:
        return ERRORS[self.kind]


NETWORK_TROUBLE = Meaning(NETWORK, "Check the endpoint, the proxy and the network to ECS, then run it again.")
_SERVER_TROUBLE = Meaning(SERVER, "ECS itself had trouble: run it again; nothing is made twice.")

# (meaning, exact codes). A code stands here once.
_EXACT: tuple[tuple[Meaning, str], ...] = (
    (
        Meaning(THROTTLED, "The account's quota of this API per minute is used up: run it again later."),
        "Rejected.Throttling",
    ),
    (_SERVER_TROUBLE, "InternalError ServiceUnavailable UnknownError SignatureNonceUsed"),
    (
        Meaning(PASSING, "ECS is still busy with an earlier request for the same object: run it again in a minute."),
        "IdempotentProcessing LastTokenProcessing InvalidSnapshotId.NotReady InvalidSnapshot.NotReady"
        " Operation.Conflict InvalidOperation.RelatedSnapshotNotFinished InvalidOperation.Conflict"
        " IncorrectDiskStatus.CreatingSnapshot DISK_HAS_CREATING_SNAPSHOT DiskCreatingSnapshot"
        " IncorrectDiskStatus.Transferring QuotaExceed.ConcurrentSnapshotQuota",
    ),
    (
        Meaning(INITIALIZING, "The disk still loads from its snapshot: try to delete it again in some minutes."),
        "IncorrectDiskStatus.Initializing",
    ),
    (
        Meaning(NO_STOCK, "The zone does not sell this disk now: choose another target zone or wait for stock."),
        "Zone.NotOnSale OperationDenied.NoStock InvalidDataDiskCategory.NotSupported"
        " InvalidDiskCategory.NotSupported InvalidDataDiskCategory.ValueNotSupported"
        " InvalidDiskCategory.ValueNotSupported InvalidPerformanceLevel.ValueNotSupported OperationDenied"
        " OperationDenied.ZoneNotSupportMultiAttachDisk InvalidStorageClusterId.CapacityNotEnough",
    ),
    (
        Meaning(QUOTA, "The account's quota is used up: raise it in Quota Center for zone and category."),
        "QuotaExceed.DiskCapacity QuotaExceeded.PostpaidDataDiskCapacity QuotaExceed.PostPaidDisk"
        " QuotaExceed.PortableCloudDisk QuotaExceed.Snapshot QuotaExceed.SnapshotQuota QuotaExceed.Tags"
        " InstanceDiskCategoryLimitExceed OperationDenied.QuotaExceed",
    ),
    (
        Meaning(ACCOUNT, "The account cannot buy this: settle the balance or activate the service, then run it again."),
        "Account.Arrearage InvalidAccountStatus.NotEnoughBalance InvalidAccountStatus.CouponAmountNotEnough"
        " DiskInArrears InsufficientBalance.AgentAccount InvalidAccountStatus.SnapshotServiceUnavailable"
        " InvalidPayMethod OperationDenied.RiskIssue SecurityRisk.3DVerification",
    ),
    (
        Meaning(DENIED, "The identity lacks a RAM permission: attach the policy from the collection's README."),
        "UserNotInTheWhiteList InvalidAction.Unauthorized RegionUnauthorized"
        " InvalidDiskCategory.ValueUnauthorized InvalidOperation.ResourceManagedByCloudProduct",
    ),
    (
        Meaning(DENIED, "Let ECS's service role use the KMS key, and see that the key is enabled in this region."),
        "InvalidParameter.KMSKeyId.KMSUnauthorized InvalidParameter.KMSKeyId.CMKUnauthorized"
        " InvalidParameter.KMSKeyId.CMKNotEnabled InvalidParameter.KmsNotEnabled"
        " InvalidParameter.Encrypted.KmsNotEnable",
    ),
    (
        Meaning(CREDENTIALS, "Check access_key_id and access_key_secret: the key may be wrong or disabled."),
        "InvalidAccessKeyId InvalidAccessKeyId.NotFound InvalidAccessKeyId.Inactive InvalidAccessKeySecret"
        " SignatureDoesNotMatch IncompleteSignature MissingAccessKeyId",
    ),
    (
        Meaning(CREDENTIALS, "The temporary credentials are wrong or have run out: get fresh ones, all three parts."),
        "InvalidSecurityToken InvalidSecurityToken.Expired InvalidSecurityToken.Malformed"
        " InvalidSecurityToken.MismatchWithAccessKey MissingSecurityToken",
    ),
    (
        Meaning(CREDENTIALS, "The clock of this machine is wrong: ECS turns requests down that look old."),
        "InvalidTimeStamp.Expired InvalidTimeStamp.Format IllegalTimestamp",
    ),
    (
        Meaning(IDEMPOTENCY, "An earlier attempt asked for something else under the same token: look at what it made."),
        "IdempotentParameterMismatch InvalidClientToken.Malformed",
    ),
    (
        Meaning(NOT_FOUND, "Check the region parameter and that the zone belongs to it."),
        "InvalidRegionId InvalidRegionId.NotFound InvalidRegionId.MalFormed InvalidRegion.NotFound"
        " Invalid.RegionId InvalidZoneId.NotFound InvalidZoneId.Malformed",
    ),
    (
        Meaning(REFUSED, "A disk of this category cannot be made from this snapshot."),
        "InvalidDiskCategory.ConflictSnapshotCategory InvalidOperation.CreateFromSnapshotUnsupported"
        " InvalidSnapshotId.NotDataDiskSnapshot InvalidSnapshot.TooOld InvalidSnapshot.TooLarge"
        " NotSupportSnapshotEncrypted.DiskCategory",
    ),
    (
        Meaning(STATE, "A disk that was never attached and written has nothing to snapshot: mount it once."),
        "IncorrectDiskStatus.NeverAttached IncorrectDiskStatus.NeverUsed",
    ),
    (
        Meaning(STATE, "Look at the disk or snapshot in the console: something else holds or changes it."),
        "IncorrectDiskStatus IncorrectDiskStatus.Invalid IncorrectVolumeStatus IncorrectInstanceStatus"
        " DiskStillAttached InvalidDiskStatus.DeleteProtection InstanceLockedForSecurity SnapshotCreatedDisk"
        " SnapshotCreatedImage HibernationConfigured.InstanceOperationForbidden InvalidStatus.Upgrading"
        " InvalidOperation.UnfinishedEncryptedSnapshotCopy InvalidOperation.DecreaseRetentionDaysUnsupported",
    ),
)

_MEANINGS = {code: meaning for meaning, codes in _EXACT for code in codes.split()}

# Tried in this order for codes that are not in the table.
_PREFIXES = (
    ("Throttling", _MEANINGS["Rejected.Throttling"]),
    ("QuotaExceed", _MEANINGS["QuotaExceed.DiskCapacity"]),
    ("Forbidden.", _MEANINGS["InvalidAction.Unauthorized"]),
    ("NoPermission", _MEANINGS["InvalidAction.Unauthorized"]),
    ("PermissionDenied", _MEANINGS["InvalidAction.Unauthorized"]),
    ("Unauthorized", _MEANINGS["InvalidAction.Unauthorized"]),
    ("InvalidAccessKey", _MEANINGS["InvalidAccessKeyId"]),
    ("InvalidSecurityToken", _MEANINGS["InvalidSecurityToken"]),
    ("InvalidDataDiskCategory.", _MEANINGS["Zone.NotOnSale"]),
    ("InvalidDiskCategory.", _MEANINGS["Zone.NotOnSale"]),
)
_NOT_FOUND_SUFFIXES = (".NotFound", ".NotExist")


def meaning_of(code: str, status: int = 0) -> Meaning:
    """What the code means. The status only tells unknown codes apart: 500 and up is ECS's own trouble."""
    known = _MEANINGS.get(code)
    if known:
        return known
    for prefix, meaning in _PREFIXES:
        if code.startswith(prefix):
            return meaning
    if code.endswith(_NOT_FOUND_SUFFIXES):
        return Meaning(NOT_FOUND, "It does not exist in this region, or was deleted meanwhile.")
    if status >= 500:
        return _SERVER_TROUBLE
    return Meaning(REFUSED, "ECS does not accept this request as it is.")

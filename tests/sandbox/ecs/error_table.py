# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ECS says when it refuses: one status and one message per error code.

Codes, statuses and messages are those of the API pages (``api_meta.json`` has the codes). Where a page lists a code
with several messages, the caller names the one that fits.
"""

from __future__ import annotations

STATUS_UNSUPPORTED = "The current disk status does not support this operation."
RESOURCE_STATUS_UNSUPPORTED = "The current status of the resource does not support this operation."

# Of the gateway, before a request reaches ECS. Missing<Name> is built by missing_common_parameter().
GATEWAY = {
    "InvalidVersion": (400, "Specified parameter Version is not valid."),
    "InvalidAction.NotFound": (404, "Specified api is not found, please check your url and method."),
    "InvalidAccessKeyId.NotFound": (404, "Specified access key is not found."),
    "InvalidTimeStamp.Format": (400, "Specified time stamp or date value is not well formatted."),
    "InvalidTimeStamp.Expired": (400, "Specified time stamp or date value is expired."),
    "InvalidSignatureMethod": (400, "Specified signature method is not valid."),
    "IncompleteSignature": (400, "The request signature does not conform to Aliyun standards."),
    "SignatureNonceUsed": (400, "Specified signature nonce was used already."),
    "MissingSecurityToken": (400, "SecurityToken is mandatory for this action."),
    "InvalidSecurityToken.Expired": (403, "Specified SecurityToken is expired."),
    "InvalidSecurityToken.MismatchWithAccessKey": (400, "Specified SecurityToken is mismatch with the AccessKey."),
    "Forbidden.RAM": (
        403,
        "User not authorized to operate on the specified resource, or this API doesn't support RAM.",
    ),
    "UnsupportedParameter": (400, "The parameters is unsupported."),
    "DryRunOperation": (400, "Request validation has been passed with DryRun flag set."),
}

SHARED = {
    "InvalidRegionId.NotFound": (404, "The specified RegionId does not exist."),
    "InvalidRegionId.MalFormed": (400, "The specified RegionId is not valid."),
    "InvalidRegion.NotFound": (400, "The specified parameter RegionId is not valid."),
    "Invalid.RegionId": (404, "The specified RegionId does not exist."),
    "InvalidZoneId.NotFound": (404, "The specified zone does not exist."),
    "InvalidDiskId.NotFound": (404, "The specified disk does not exist."),
    "InvalidSnapshotId.NotFound": (404, "The specified SnapshotId does not exist."),
    "InvalidInstanceId.NotFound": (404, "The specified InstanceId does not exist."),
    "InvalidDescription.Malformed": (400, "The specified description is wrongly formed."),
    "IncorrectDiskStatus": (403, STATUS_UNSUPPORTED),
    "IncorrectInstanceStatus": (400, RESOURCE_STATUS_UNSUPPORTED),
    "DiskCreatingSnapshot": (
        403,
        "The operation is denied due to a snapshot of the specified disk is not completed yet.",
    ),
    "InvalidClientToken.Malformed": (
        403,
        "The specified clientToken is improperly formatted. It must contain only ASCII characters and must not exceed"
        " 64 characters in length.",
    ),
    "IdempotentParameterMismatch": (403, "The specified clientToken is used."),
    "IdempotentProcessing": (403, "The previous idempotent request(s) is still processing."),
    "LastTokenProcessing": (403, "The last token request is processing."),
}

TAGS = {
    "Duplicate.TagKey": (400, "The Tag.N.Key contain duplicate key."),
    "InvalidTagKey.Malformed": (400, "The specified Tag.n.Key is not valid."),
    "InvalidTagValue.Malformed": (400, "The specified Tag.n.Value is not valid."),
    "InvalidTag.Mismatch": (400, "The specified Tag.n.Key and Tag.n.Value are not match."),
    "InvalidTagCount": (400, "The specified tags are beyond the permitted range."),
    "NumberExceed.Tags": (400, "The Tags parameter's number is exceed , Valid : 20."),
    "NumberExceed.ResourceIds": (400, "The ResourceIds parameter's number is exceed , Valid : 50."),
    "OperationDenied.QuotaExceed": (400, "The quota of tags on resource is beyond permitted range."),
    "TagKey.Duplication": (403, "The TagKey has duplication with others, case-insensitive."),
    "QuotaExceed.Tags": (403, "The number of tags exceeds the limit of 20."),
    "Param.Conflict": (403, "The specified all is true, but the specified TagKey.N is not empty."),
    "InvalidResourceId.NotFound": (404, "The specified ResourceIds are not found in our records."),
    "InvalidResourceType.NotFound": (404, "The ResourceType provided does not exist in our records."),
    "MissingParameter.ResourceIds": (404, "The parameter - ResourceIds.N should not be null."),
    "MissingParameter.ResourceType": (404, "The parameter - ResourceType should not be null."),
    "MissingParameter.Tags": (404, "The parameter - Tags should not be null."),
    "MissingParameter.RegionId": (404, "The parameter - RegionId should not be null."),
}

SNAPSHOTS = {
    "InvalidSnapshotName.Malformed": (400, "The specified SnapshotName is wrongly formed."),
    "InvalidRetentionDays.Malformed": (400, "The specified RetentionDays is not valid."),
    "DiskCategory.OperationNotSupported": (400, "The type of the specified disk does not support creating a snapshot."),
    "IncorrectDiskStatus.NeverAttached": (403, "The specified disk has never been attached to any instance."),
    "IncorrectDiskStatus.CreatingSnapshot": (403, "A previous snapshot creation is in process."),
    "QuotaExceed.Snapshot": (403, "The snapshot quota exceeds."),
    "InvalidAccountStatus.SnapshotServiceUnavailable": (403, "Snapshot service has not been opened yet."),
    "NoAttributeToModify": (400, "No attribute to be modified in this request."),
    "InvalidOperation.DecreaseRetentionDaysUnsupported": (
        400,
        "The requested operation to decrease retention days for the snapshot is not supported.",
    ),
    "SnapshotCreatedDisk": (403, "The snapshot has been used to create disk(s)."),
    "InvalidSnapshotIds.Malformed": (403, "The amount of specified specified snapshot Ids exceeds the limit."),
    "InvalidStatus.NotFound": (404, "The specified Status is not found."),
    "InvalidSnapshotType.NotFound": (404, "The specfied SnapshotType is not found."),
    "InvalidUsage": (404, "The specifed Usage is not valid."),
    "InvalidSourceDiskType": (404, "The specifed SourceDiskType is not valid."),
}

CREATE_DISK = {
    "InvalidSize.ValueNotSupported": (400, "The specified parameter Size is not valid."),
    "InvalidDiskName.Malformed": (400, "The specified disk name is wrongly formed."),
    "InvalidDiskCategory.ValueNotSupported": (400, 'The specified parameter "DiskCategory" is not valid.'),
    "InvalidDataDiskCategory.NotSupported": (400, "Specified disk category is not supported."),
    "InvalidPerformanceLevel.Malformed": (400, "The specified parameter PerformanceLevel is not valid."),
    "InvalidZoneId.DiskCategoryUnsupported": (
        400,
        "The specified disk category does not support setting the ZoneId.",
    ),
    "InvalidEncrypted.NotMatchKmsKeyId": (
        400,
        "The specified parameter Encrypted must be true when KmsKeyId is not empty.",
    ),
    "InvalidKmsKeyId.NotMatchSnapshot": (
        400,
        "The specified parameter KmsKeyId is different from the KmsKeyId of the snapshot.",
    ),
    "ProvisionedIopsForDiskCategoryUnsupported": (
        400,
        "The specified disk category does not support provisioned iops.",
    ),
    "InvalidProvisionedIops.LimitExceed": (400, "The provisioned iops exceeds the limit."),
    "BurstingEnabledForDiskCategoryUnsupported": (
        400,
        "The specified disk category does not support bursting enabled.",
    ),
    "BurstingEnabledForMultiAttachDiskUnsupported": (400, "The multi attach disk does not support bursting enabled."),
    "InvalidBurstingEnabled.DiskSizeTooSmall": (400, "The disk size must be greater than 3 GiB to enable burst."),
    "OperationDenied": (400, "The specified AZone inventory is insufficient."),
    "InvalidParam.ZoneIdAndInstanceId.Conflict": (
        403,
        "The specified parameter 'ZoneId' and 'InstanceId' are not blank at the same time.",
    ),
    "InvalidInstanceChargeType.ValueNotSupported": (403, "The InstanceChargeType does not support this action."),
    "InvalidParameter.MultiAttach": (403, "The specified param MultiAttach is not valid."),
    "InvalidParameter.DiskCategoryAndMultiAttachNotMatch": (
        403,
        "The specified disk category does not support multi attach enabled.",
    ),
    "InvalidOperation.CreateFromSnapshotUnsupported": (
        403,
        "The elastic ephemeral disk cannot be created from snapshot.",
    ),
    "OperationDenied.SnapshotNotAllowed": (403, "The specified snapshot is not allowed to create disk."),
    "InvalidSnapshotId.NotReady": (403, "The specified snapshot has not completed yet."),
    "InvalidDiskSize.TooSmall": (403, "Specified disk size is less than the size of snapshot."),
    "InvalidDataDiskSize.ValueNotSupported": (
        403,
        "The specified disk size is beyond the permitted range, or the snapshot capacity exceeds the size limit for the"
        " specified disk category.",
    ),
    "OperationDenied.PerformanceLevelNotMatch": (403, "The specified PerformanceLevel and Size do not match."),
    "QuotaExceed.PostPaidDisk": (403, "Living postPaid disks quota exceeded."),
    "InvalidEncrypted.NotMatchSnapshot": (
        403,
        "The specified parameter Encrypted must be set to true when creating disks with encrypted snapshots.",
    ),
    "InvalidEncrypted.NotMatchDiskDefaultEncryption": (
        403,
        "Enabling disk default encryption prevents the creation of non-encrypted disks.",
    ),
}

DISKS = {
    "InvalidParameter.DiskIds": (400, "The specified parameter diskIds is not valid."),
    "InvalidDiskIds.Malformed": (403, "The amount of specified disk Ids exceeds the limit."),
    "InvalidDiskIds.ValueNotSupported": (404, 'The specified parameter "DiskIds" is not supported.'),
    "InvalidStatus.ValueNotSupported": (400, "The specified parameter Status is not valid."),
    "InvalidCategory.ValueNotSupported": (400, "The specified parameter Category is not valid."),
    "InvalidDiskType.ValueNotSupported": (400, "The specified parameter DiskType is not valid."),
    "MissingParamter.RegionId": (400, "The regionId should not be null."),
    "IncorrectDiskStatus.Initializing": (403, STATUS_UNSUPPORTED),
    "InvalidParameterForce.DiskCategoryNotSupported": (
        400,
        "The specified disk category does not support force attach operation.",
    ),
    "OperationConflict.DisksAttachingParallellyExceed": (
        400,
        "The number of disks attaching parallelly exceeds the limit.",
    ),
    "InstanceDiskLimitExceeded": (403, "The amount of the disk on instance in question reach its limits."),
    "ResourcesNotInSameZone": (403, "The specified instance and disk are not in the same zone."),
    "InvalidInstance.ZoneConflict": (
        403,
        "The force attach operation is not supported when both the current and target instances are in the same zone.",
    ),
    "InvalidInstanceType.NotSupportDiskCategory": (
        403,
        "The instanceType of the specified instance does not support this disk category.",
    ),
    "DiskAttachedNumberExceeded": (403, "The attaching times of the specified disk exceeded."),
    "InvalidDisk.InUse": (404, "The specified disk has been occupied."),
    "DisksDetachingOnEcsExceeded": (400, "The number of disks detaching on the instance exceeds the limit."),
    "DependencyViolation": (403, "The specified disk has not been attached on the specified instance."),
    "InvalidOperation.DiskDetachingFromThisEcs": (403, "The specified disk is detaching from this ecs."),
    "InvalidDisk.AlreadyDetached": (404, "The specified disk has been detached."),
    "InvalidParam.Type": (400, "The specified type is not supported."),
    "InvalidDiskSize": (403, "Specified new disk size is less than or equal the original disk size."),
    "InvalidDiskSize.TooLarge": (403, "Specified new disk size is beyond the permitted range."),
    "InvalidPerformanceLevelParam.Mismatch": (
        400,
        "The specified parameter PerformanceLevel should be null when DiskCategory is not cloud_essd.",
    ),
    "DiskInCoolingPeriod": (403, "There is a cooling period after the disk is successfully modified."),
    "NoChangeInDiskCategoryAndPerformanceLevel": (
        403,
        "There is no change between the parameters transmitted and the current.",
    ),
    "OperationDenied.NoStock": (
        403,
        "The requested resource is sold out in the specified zone; try other types of resources or other regions and"
        " zones.",
    ),
    "InvalidOperation.MultiAttachDisk": (403, "Multi attach disk does not support this operation."),
    "InvalidStatus.DiskNotReady": (
        403,
        "This specified disk is not ready, status needs to be either In_use or Available.",
    ),
}

FILTERS = {
    "InvalidFilterKey.NotFound": (404, "The filter key is not found."),
    "InvalidFilterValue": (404, "The filter value is not valid."),
}

TASKS = {
    "InvalidTaskId.NotFound": (404, "The specified task is not found."),
}

CATALOGUE = {
    "Invalid.ResourceType": (404, "The ResourceType provided does not exist in our records."),
    "Invalid.DestinationResource": (404, "The specified DestinationResource is not valid."),
    "InvalidDiskCategory.Missing": (404, "The specified disk category is missing."),
    "InvalidDataDiskCategory.ValueNotSupported": (403, "The specified Category of Data Disk is not valid."),
    "InvalidInstanceType.ValueNotSupported": (400, "The specified InstanceType is not valid."),
}

ERRORS = {**GATEWAY, **SHARED, **TAGS, **SNAPSHOTS, **CREATE_DISK, **DISKS, **FILTERS, **TASKS, **CATALOGUE}

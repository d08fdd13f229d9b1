# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters of the API that the emulator does not act on. It refuses them, rather than answer wrongly.

What the real service ignores too (InstantAccess, Device), and what changes nothing here (AcceptLanguage, spot options
of DescribeAvailableResource), is accepted and not listed.
"""

from __future__ import annotations

from typing import Any

from .errors import EcsError

_INSTANCE_TYPE_FILTERS = frozenset(
    {"CpuArchitecture", "CpuArchitectures", "GPUSpec", "GpuSpecs", "InstanceCategories", "InstanceCategory"}
    | {"InstanceFamilyLevel", "InstanceTypeFamilies", "LocalStorageCategories", "LocalStorageCategory", "NvmeSupport"}
    | {"PhysicalProcessorModel", "PhysicalProcessorModels", "MaximumCpuCoreCount", "MaximumCpuSpeedFrequency"}
    | {"MaximumCpuTurboFrequency", "MaximumGPUAmount", "MaximumMemorySize", "MinimumBaselineCredit"}
    | {"MinimumCpuCoreCount", "MinimumCpuSpeedFrequency", "MinimumCpuTurboFrequency", "MinimumDiskQuantity"}
    | {"MinimumEniIpv6AddressQuantity", "MinimumEniPrivateIpAddressQuantity", "MinimumEniQuantity"}
    | {"MinimumEriQuantity", "MinimumGPUAmount", "MinimumInitialCredit", "MinimumInstanceBandwidthRx"}
    | {"MinimumInstanceBandwidthTx", "MinimumInstancePpsRx", "MinimumInstancePpsTx", "MinimumLocalStorageAmount"}
    | {"MinimumLocalStorageCapacity", "MinimumMemorySize", "MinimumPrimaryEniQueueNumber", "MinimumQueuePairNumber"}
    | {"MinimumSecondaryEniQueueNumber"}
)
_INSTANCE_FILTERS = frozenset(
    {"DeviceAvailable", "EipAddresses", "Filter", "HpcClusterId", "HttpEndpoint", "HttpPutResponseHopLimit"}
    | {"HttpTokens", "ImageId", "InnerIpAddresses", "InstanceNetworkType", "InstanceTypeFamily", "InternetChargeType"}
    | {"IoOptimized", "Ipv6Address", "KeyPairName", "LockReason", "PrivateIpAddresses", "PublicIpAddresses"}
    | {"RdmaIpAddresses", "ResourceGroupId", "SecurityGroupId", "VSwitchId", "VpcId"}
)
_PRICE_OPTIONS = frozenset(
    {"AssuranceTimes", "Capacity", "DedicatedHostType", "ImageId", "InstanceAmount", "InstanceCpuCoreCount"}
    | {"InstanceTypeList", "InternetMaxBandwidthOut", "OfferingType", "Period", "Platform", "RecurrenceRules"}
    | {"SchedulerOptions", "SpotDuration", "SpotStrategy", "StartTime", "SystemDisk"}
)

NOT_EMULATED: dict[str, frozenset[str]] = {
    "AttachDisk": frozenset({"Bootable", "KeyPairName", "Password"}),
    "CreateDisk": frozenset(
        {"AdvancedFeatures", "Arn", "EncryptAlgorithm", "StorageClusterId", "StorageSetId", "StorageSetPartitionNumber"}
    ),
    "CreateSnapshot": frozenset({"StorageLocationArn"}),
    "DescribeAvailableResource": frozenset({"Cores", "DedicatedHostId", "Memory"}),
    "DescribeDisks": frozenset({"AutoSnapshotPolicyId", "EnableShared", "LockReason"}),
    "DescribeInstanceTypes": _INSTANCE_TYPE_FILTERS,
    "DescribeInstances": _INSTANCE_FILTERS,
    "DescribePrice": _PRICE_OPTIONS,
    "DescribeTasks": frozenset({"TaskGroupId"}),
    "ModifyDiskSpec": frozenset({"DestinationZoneId", "PerformanceControlOptions"}),
}


def refuse_gaps(action: str, args: dict[str, Any]) -> None:
    """Empty values and switches that are off ask for nothing."""
    for name in NOT_EMULATED.get(action, frozenset()):
        if args.get(name):
            raise EcsError(
                "UnsupportedParameter", f"The sandbox does not emulate the parameter {name} of {action}.", 400
            )

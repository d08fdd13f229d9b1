# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of ECS_ARGS in module_utils/_argspec_ecs.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  access_key_id:
    description:
      - The id of the Alibaba Cloud access key. Goes together with O(access_key_secret).
      - When neither is given, E(ALIBABA_CLOUD_ACCESS_KEY_ID), E(ALIBABA_CLOUD_ACCESS_KEY_SECRET) and
        E(ALIBABA_CLOUD_SECURITY_TOKEN) are taken together; else E(ALICLOUD_ACCESS_KEY) (or E(ALICLOUD_ACCESS_KEY_ID)),
        E(ALICLOUD_SECRET_KEY) (or E(ALICLOUD_SECRET_ACCESS_KEY)) and E(ALICLOUD_SECURITY_TOKEN).
      - When these are not set either, the default chain of the Python library C(alibabacloud_credentials) is asked,
        which knows RRSA, C(~/.aliyun/config.json), C(~/.alibabacloud/credentials.ini), RAM roles of ECS instances and
        credential URIs.
    type: str
    aliases: [alicloud_access_key]
  access_key_secret:
    description: The secret of the access key. See O(access_key_id) for what happens without it.
    type: str
    aliases: [alicloud_secret_key]
  security_token:
    description: The token of temporary credentials; only used together with O(access_key_id) and O(access_key_secret).
    type: str
    aliases: [alicloud_security_token]
  region:
    description:
      - The region of the disks, for example V(cn-beijing).
      - Falls back to E(ALIBABA_CLOUD_REGION_ID), then E(ALICLOUD_REGION). It must come from one of them.
    type: str
    aliases: [alicloud_region]
  ecs_endpoint:
    description:
      - Host name of the ECS API, with a port if need be, or its URL. Falls back to E(ALIBABA_CLOUD_ECS_ENDPOINT), then
        to the region's own endpoint.
      - TLS is always used. Only a server on this machine's loopback address may be named with C(http://).
      - The proxies of the environment (E(HTTPS_PROXY), E(NO_PROXY)) are used, but never for loopback addresses.
    type: str
  ecs_ca_file:
    description:
      - Path of a file with the CA certificates that the endpoint's certificate is verified with, instead of the
        system's.
      - Falls back to E(ALIBABA_CLOUD_CA_BUNDLE).
    type: path
  ecs_network:
    description: Whether the region's endpoint is reached over the internet or from inside of a VPC of that region.
    type: str
    choices: [public, vpc]
    default: public
  ecs_retry_timeout:
    description:
      - For how many seconds a call is repeated that ECS throttles, or that fails for a reason that passes.
      - Throttling is counted per minute, so less than V(60) may be too short. V(0) means one attempt.
      - A call that makes something is always repeated with the same client token, so that it is not made twice.
    type: int
    default: 60
requirements:
  - aliyun-python-sdk-core >= 2.16.1
  - aliyun-python-sdk-ecs >= 4.24.0
  - urllib3 >= 2.0
  - alibabacloud_credentials >= 1.0.0 (only for credentials that are neither in parameters nor in the environment)
"""

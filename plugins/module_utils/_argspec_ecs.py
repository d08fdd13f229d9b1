# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of everything that talks to ECS. plugins/doc_fragments/_ecs.py documents them."""

from __future__ import annotations

from ansible.module_utils.basic import env_fallback

from ._argspec import ArgumentSpec

# The three parts of an identity have no fallback here: one from a parameter and one from the environment would be mixed
# up. _ecs/credentials.py takes them from the environment together.
ECS_ARGS: ArgumentSpec = {
    "access_key_id": {"type": "str", "aliases": ["alicloud_access_key"], "no_log": False},
    "access_key_secret": {"type": "str", "aliases": ["alicloud_secret_key"], "no_log": True},
    "security_token": {"type": "str", "aliases": ["alicloud_security_token"], "no_log": True},
    "region": {
        "type": "str",
        "aliases": ["alicloud_region"],
        "fallback": (env_fallback, ["ALIBABA_CLOUD_REGION_ID", "ALICLOUD_REGION"]),
    },
    "ecs_endpoint": {"type": "str", "fallback": (env_fallback, ["ALIBABA_CLOUD_ECS_ENDPOINT"])},
    "ecs_ca_file": {"type": "path", "fallback": (env_fallback, ["ALIBABA_CLOUD_CA_BUNDLE"])},
    "ecs_network": {"type": "str", "choices": ["public", "vpc"], "default": "public"},
    "ecs_retry_timeout": {"type": "int", "default": 60},
}

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argument specifications that several modules share. The doc fragments of the same names say the same to people."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import env_fallback

ArgumentSpec = dict[str, dict[str, Any]]


def _env(*names: str) -> tuple[Any, list[str]]:
    return env_fallback, list(names)


# Names and variables of kubernetes.core, which AWX's own credential type fills in (ansible-style.md 1.1).
K8S_ARGS: ArgumentSpec = {
    "kubeconfig": {"type": "path", "fallback": _env("K8S_AUTH_KUBECONFIG")},
    "context": {"type": "str", "fallback": _env("K8S_AUTH_CONTEXT")},
    "host": {"type": "str", "fallback": _env("K8S_AUTH_HOST")},
    "api_key": {"type": "str", "no_log": True, "fallback": _env("K8S_AUTH_API_KEY")},
    "ca_cert": {"type": "path", "aliases": ["ssl_ca_cert"], "fallback": _env("K8S_AUTH_SSL_CA_CERT")},
    "client_cert": {"type": "path", "aliases": ["cert_file"], "fallback": _env("K8S_AUTH_CERT_FILE")},
    "client_key": {
        "type": "path",
        "aliases": ["key_file"],
        "no_log": False,
        "fallback": _env("K8S_AUTH_KEY_FILE"),
    },
    "validate_certs": {"type": "bool", "aliases": ["verify_ssl"], "fallback": _env("K8S_AUTH_VERIFY_SSL")},
    "proxy": {"type": "str", "fallback": _env("K8S_AUTH_PROXY")},
}

VOLUMES_ARG: ArgumentSpec = {
    "volumes": {
        "type": "list",
        "elements": "dict",
        "options": {
            "claim": {"type": "str"},
            "claim_uid": {"type": "str"},
            "ordinal": {"type": "int"},
            "source_disk_id": {"type": "str"},
            "source_zone": {"type": "str"},
            "source_pv": {"type": "str"},
            "zone": {"type": "str"},
            "snapshot_id": {"type": "str"},
            "disk_id": {"type": "str"},
            "size_gib": {"type": "int"},
            "pv": {"type": "str"},
            "reclaim_policy": {"type": "str", "choices": ["Retain", "Delete"], "default": "Retain"},
        },
    }
}

RUN_ARGS: ArgumentSpec = {
    "run_id": {"type": "str"},
    "journal_namespace": {"type": "str"},
}

WAIT_ARGS: ArgumentSpec = {
    "wait_timeout": {"type": "int", "default": 900},
}


def combine(*parts: ArgumentSpec) -> ArgumentSpec:
    """One specification from several; a later part wins."""
    return {name: option for part in parts for name, option in part.items()}

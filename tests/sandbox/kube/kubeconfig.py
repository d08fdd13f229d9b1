# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubeconfig documents."""

from __future__ import annotations

import base64
from typing import Any

from .tls import Certified

_NAME = "zoneshift-sandbox"


def with_token(url: str, authority: bytes, user: str, token: str) -> dict[str, Any]:
    return _document(url, authority, user, {"token": token})


def with_certificate(url: str, authority: bytes, user: str, certified: Certified) -> dict[str, Any]:
    credentials = {
        "client-certificate-data": base64.b64encode(certified.certificate).decode(),
        "client-key-data": base64.b64encode(certified.key).decode(),
    }
    return _document(url, authority, user, credentials)


def _document(url: str, authority: bytes, user: str, credentials: dict[str, str]) -> dict[str, Any]:
    cluster = {"server": url, "certificate-authority-data": base64.b64encode(authority).decode()}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": _NAME, "cluster": cluster}],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": _NAME, "context": {"cluster": _NAME, "user": user}}],
        "current-context": _NAME,
    }

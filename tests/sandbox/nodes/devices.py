# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual block device: how a node reads and appends the records of a disk that is attached to its instance."""

from __future__ import annotations

import json
from typing import Any

import urllib3

Record = dict[str, Any]


class DeviceError(Exception):
    """The input/output error of this device: the disk is not there, or not attached to the instance."""


class Devices:
    """The data path of the control server (its module docstring has the protocol). Thread-safe."""

    def __init__(self, control_url: str) -> None:
        self._url = control_url
        self._pool = urllib3.PoolManager(maxsize=8, timeout=urllib3.Timeout(30.0))

    def close(self) -> None:
        self._pool.clear()

    def open(self, disk: str, *, instance: str, claim: str, pod: str, node: str) -> Record | None:
        """The application starts on the disk; the last record on it, or ``None`` for an empty disk."""
        body = {"instance": instance, "claim": claim, "pod": pod, "node": node}
        last: Record | None = self._request("POST", f"/disks/{disk}/open", body)["last"]
        return last

    def append(self, writes: list[Record]) -> list[str]:
        """Append ``{"disk", "instance", "record", "ready"}``s; for each ``""`` when it is safely written, or the error.

        ``ready``: the pod is, so somebody is told that the record is written.
        """
        return list(self._request("PUT", "/disks/records", writes)["errors"])

    def _request(self, method: str, path: str, body: Any) -> Any:
        response = self._pool.request(
            method, self._url + path, body=json.dumps(body), headers={"Content-Type": "application/json"}, retries=False
        )
        answer = json.loads(response.data)
        if response.status >= 400:
            raise DeviceError(answer["error"])
        return answer

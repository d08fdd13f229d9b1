# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of a real control plane (tests/fixtures/kubernetes-samples), and how to say them in other names."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

Object = dict[str, Any]

SAMPLES = Path(__file__).parents[1] / "fixtures" / "kubernetes-samples"
RECORDER = "python-requests"
"""The user agent of the recordings: what a manager is called that names itself in no other way."""

_IDENTITY = ("uid", "resourceVersion")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
# Behind these words a message depends on the version of Kubernetes (B1).
_UNSTABLE = ("\n@@", "fields other than", " except resources.requests", ", except for updating", ", current: ")


def load(beginning: str) -> Any:
    """The sample whose file name begins so."""
    (path,) = SAMPLES.glob(f"{beginning}*.json")
    return json.loads(path.read_text(encoding="utf-8"))


def answer_of(beginning: str) -> Object:
    return dict(load(beginning)["response"]["body"])


@dataclasses.dataclass(frozen=True)
class Names:
    """What is called what here: ``others`` maps recorded names, uids and the like to those of this cluster."""

    namespace: str
    others: dict[str, str] = dataclasses.field(default_factory=dict)

    def here(self, value: Any, key: str = "") -> Any:
        """The recorded value in the names of this cluster."""
        if isinstance(value, dict):
            return {name: self.here(part, name) for name, part in value.items()}
        if isinstance(value, list):
            return [self.here(part) for part in value]
        if not isinstance(value, str):
            return value
        if key == "namespace":
            return self.namespace if value == "default" else value
        value = value.replace("/namespaces/default/", f"/namespaces/{self.namespace}/")
        value = value.replace('in the namespace "default"', f'in the namespace "{self.namespace}"')
        for recorded, name in self.others.items():
            value = value.replace(recorded, name)
        return value


def stable(message: str) -> str:
    """The part of a message that does not change with the version of Kubernetes."""
    for words in _UNSTABLE:
        message = message.partition(words)[0]
    return message


def lasting(value: Any, key: str = "") -> Any:
    """Without what differs from one cluster and moment to the next; that it is there still counts."""
    if isinstance(value, dict):
        return {name: lasting(part, name) for name, part in value.items()}
    if isinstance(value, list):
        return [lasting(part) for part in value]
    if isinstance(value, str) and (key in _IDENTITY or _MOMENT.fullmatch(value)):
        return f"<{key}>"
    return value

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifests that the sandbox brings along, and applying any others without kubectl."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .nodes.client import Kubernetes

DIRECTORY = Path(__file__).parent / "manifests"
CLUSTER = DIRECTORY / "cluster.yaml"
WEB = DIRECTORY / "web.yaml"


def read(path: Path) -> list[dict[str, Any]]:
    """The objects of a YAML file, those of ``v1 List``s too."""
    found: list[dict[str, Any]] = []
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        if document:
            found += document["items"] if document.get("kind") == "List" else [document]
    return found


def apply(kubernetes: Kubernetes, objects: list[dict[str, Any]], namespace: str = "default") -> list[str]:
    """Server-side apply of each object; ``kind/name`` of what was applied."""
    applied = []
    for obj in objects:
        path = _path(kubernetes, obj, namespace)
        kubernetes.apply(path, obj, "sandbox")
        applied.append(f"{obj['kind'].lower()}/{obj['metadata']['name']}")
    return applied


def _path(kubernetes: Kubernetes, obj: dict[str, Any], namespace: str) -> str:
    """Asks discovery how the kind is served."""
    version = obj["apiVersion"]
    base = f"/apis/{version}" if "/" in version else f"/api/{version}"
    for resource in kubernetes.request("GET", base)["resources"]:
        if resource["kind"] == obj["kind"] and "/" not in resource["name"]:
            metadata = obj["metadata"]
            place = f"/namespaces/{metadata.get('namespace', namespace)}" if resource["namespaced"] else ""
            return f"{base}{place}/{resource['name']}/{metadata['name']}"
    raise ValueError(f"the cluster serves no {obj['kind']} in {version}")

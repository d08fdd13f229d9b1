# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects and a clock that the tests of the embedded API share."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.kube.api import Api
from tests.sandbox.kube.client import Client
from tests.sandbox.kube.errors import ApiError
from tests.sandbox.kube.options import ListOptions

Obj = dict[str, Any]


class Cluster:
    """An Api with a clock that stands still until a test moves it, a client, and the namespace default."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.api = Api(clock=lambda: self.now)
        self.client = Client(self.api, "tester")
        self.client.create("namespaces", {"metadata": {"name": "default"}})

    def resource(self, key: str) -> Any:
        return self.api.registry.by_key(key)

    def watch(self, key: str, namespace: str = "", **options: Any) -> Any:
        return self.api.watch(self.resource(key), namespace, ListOptions(**options))

    def list(self, key: str, **options: Any) -> Obj:
        return self.api.list(self.resource(key), "", ListOptions(**options))


def config_map(name: str, **labels: str) -> Obj:
    return {"metadata": {"name": name, "namespace": "default", "labels": labels}, "data": {"a": "1"}}


def volume(name: str, **spec: Any) -> Obj:
    source = {"driver": "diskplugin.csi.alibabacloud.com", "volumeHandle": f"d-{name}"}
    return {
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "20Gi"},
            "accessModes": ["ReadWriteOnce"],
            "csi": source,
            **spec,
        },
    }


def claim(name: str, **spec: Any) -> Obj:
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "20Gi"}},
            **spec,
        },
    }


def pod(name: str, **spec: Any) -> Obj:
    return {
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "web"}},
        "spec": {
            "containers": [{"name": "c", "image": "nginx:1"}],
            **spec,
        },
    }


def stateful_set(name: str, **spec: Any) -> Obj:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "serviceName": name,
            "template": template,
            **spec,
        },
    }


def definition(**version: Any) -> Obj:
    """The CustomResourceDefinition of widgets.example.com."""
    return {
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
            "versions": [{"name": "v1", "served": True, "storage": True, **version}],
        },
    }


def refusal(expected_code: int, call: Any, *arguments: Any, **options: Any) -> ApiError:
    """The error that the call must end in."""
    with pytest.raises(ApiError) as caught:
        call(*arguments, **options)
    assert caught.value.code == expected_code, caught.value.message
    return caught.value

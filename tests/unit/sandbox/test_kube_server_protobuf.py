# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Protobuf bodies. That kubectl's own are understood is tested in test_kubectl_commands.py."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.sandbox.kube import protobuf
from tests.unit.sandbox.kube_http import Cluster

MAGIC = b"k8s\0"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        yield cluster


def field(number: int, value: int | bytes | str) -> bytes:
    """One encoded field."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    encoded = b""
    while value >= 0x80:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])


def body(api_version: str, kind: str, raw: bytes) -> bytes:
    return MAGIC + field(1, field(1, api_version) + field(2, kind)) + field(2, raw)


def test_zero_values_are_kept_just_where_they_mean_something() -> None:
    """``replicas`` is a pointer in Go, so 0 is a value; ``minReadySeconds`` is not, so 0 is none."""
    spec = field(1, 0) + field(9, 0) + field(6, "")
    found = protobuf.decode(body("apps/v1", "StatefulSet", field(1, field(1, "web")) + field(2, spec)))
    assert found["metadata"] == {"name": "web"}
    assert found["spec"]["replicas"] == 0
    assert "minReadySeconds" not in found["spec"]


def test_maps_bytes_and_quantities() -> None:
    entry = field(1, "password") + field(2, b"\x00\xff")
    secret = protobuf.decode(body("v1", "Secret", field(2, entry)))
    assert secret == {"kind": "Secret", "apiVersion": "v1", "data": {"password": "AP8="}}
    capacity = field(1, "storage") + field(2, field(1, "20Gi"))
    volume = protobuf.decode(body("v1", "PersistentVolume", field(2, field(1, capacity) + field(3, "ReadWriteOnce"))))
    assert volume["spec"] == {"capacity": {"storage": "20Gi"}, "accessModes": ["ReadWriteOnce"]}


def test_inline_messages_are_part_of_their_parent() -> None:
    """PersistentVolumeSource is inlined in the JSON of a PersistentVolumeSpec."""
    csi = field(22, field(1, "driver") + field(2, "d-1"))
    volume = protobuf.decode(body("v1", "PersistentVolume", field(2, field(2, csi))))
    assert (volume["spec"]["csi"]["driver"], volume["spec"]["csi"]["volumeHandle"]) == ("driver", "d-1")


def test_times_and_negative_numbers() -> None:
    metadata = field(1, "x") + field(9, field(1, 1_700_000_000)) + field(7, -1)
    found = protobuf.decode(body("v1", "ConfigMap", field(1, metadata)))
    assert found["metadata"] == {"name": "x", "deletionTimestamp": "2023-11-14T22:13:20Z", "generation": -1}
    lease = field(2, field(4, field(1, 1_700_000_000) + field(2, 123_456_000)))
    assert protobuf.decode(body("coordination.k8s.io/v1", "Lease", lease))["spec"] == {
        "renewTime": "2023-11-14T22:13:20.123456Z"
    }


def test_int_or_string() -> None:
    for encoded, expected in ((field(1, 1) + field(3, "50%"), "50%"), (field(2, 3), 3)):
        budget = protobuf.decode(body("policy/v1", "PodDisruptionBudget", field(2, field(1, encoded))))
        assert budget["spec"]["minAvailable"] == expected


def test_delete_options_of_any_group() -> None:
    options = field(1, 0) + field(2, field(1, "the-uid")) + field(4, "Orphan")
    assert protobuf.decode(body("apps/v1", "DeleteOptions", options)) == {
        "kind": "DeleteOptions",
        "apiVersion": "apps/v1",
        "gracePeriodSeconds": 0,
        "preconditions": {"uid": "the-uid"},
        "propagationPolicy": "Orphan",
    }


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b'{"kind":"ConfigMap"}', "does not appear to be a protobuf message"),
        (body("v1", "Nonsense", b""), 'no kind "Nonsense" is registered for version "v1"'),
        (body("v1", "ConfigMap", b"\x0a\x7f"), "unexpected EOF"),
        (body("v1", "ConfigMap", b"\x80"), "proto: "),
        (body("v1", "ConfigMap", b"\x0b"), "illegal wireType 3"),
    ],
)
def test_what_is_no_protobuf_is_refused(cluster: Cluster, data: bytes, problem: str) -> None:
    with pytest.raises(protobuf.Undecodable, match=re.escape(problem)):
        protobuf.decode(data)
    answer = cluster.http().send("POST", "/api/v1/namespaces/default/configmaps", data, protobuf.MEDIA_TYPE)
    assert (answer.status, answer.body["reason"]) == (400, "BadRequest")

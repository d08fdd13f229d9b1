# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads Kubernetes' protobuf bodies, which client-go's typed clients (``kubectl create``, ``auth can-i``) send.

Answers stay JSON: those clients accept it. wire.json has the field numbers (see make_wire.py).
"""

from __future__ import annotations

import base64
import datetime
import functools
import json
import pathlib
import struct
from collections.abc import Callable, Iterator
from typing import Any

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"

_MAGIC = b"k8s\0"
_VARINT, _FIXED64, _BYTES = 0, 1, 2
_NEGATIVE = 1 << 63
_MICROSECONDS = 1000
# A runtime.Unknown holds the kind (a TypeMeta) and the encoded object.
_KIND_FIELD, _OBJECT_FIELD = 1, 2

Object = dict[str, Any]


class Undecodable(Exception):
    """Not a protobuf body of a kind that this server knows."""


def decode(body: bytes) -> Object:
    """The object in JSON's terms, with kind and apiVersion."""
    if not body.startswith(_MAGIC):
        raise Undecodable("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    try:
        envelope = dict(_fields(body[len(_MAGIC) :]))
        type_meta = dict(_fields(envelope.get(_KIND_FIELD, b"")))
        api_version, kind = type_meta.get(1, b"").decode(), type_meta.get(2, b"").decode()
        message = _message_of(api_version, kind)
        return {"kind": kind, "apiVersion": api_version, **_message(message, envelope.get(_OBJECT_FIELD, b""))}
    except (IndexError, ValueError, struct.error) as error:
        raise Undecodable(f"proto: {error}") from error


@functools.cache
def _wire() -> Object:
    return json.loads(pathlib.Path(__file__).with_name("wire.json").read_text())


def _message_of(api_version: str, kind: str) -> str:
    kinds = _wire()["kinds"]
    # Every group version has DeleteOptions of its own name; they are all the same.
    message = kinds.get("v1 DeleteOptions" if kind == "DeleteOptions" else f"{api_version} {kind}")
    if message is None:
        raise Undecodable(f'no kind "{kind}" is registered for version "{api_version}"')
    return str(message)


def _message(name: str, data: bytes) -> Object:
    """Zero values are left out as Go's ``omitempty`` does, unless wire.json says ``keep``."""
    described = _wire()["types"][name]
    found: Object = {}
    for number, value in _fields(data):
        entry = described.get(str(number))
        if entry is None:
            continue
        field, type_, *flags = entry.split()
        if type_ == "inline":
            found.update(_message(field, value))
        elif type_.startswith("[]"):
            found.setdefault(field, []).extend(_list_items(type_[2:], value))
        elif type_.startswith("{}"):
            pair = dict(_fields(value))
            found.setdefault(field, {})[pair.get(1, b"").decode()] = _value(type_[2:], pair.get(2, b""))
        else:
            converted = _value(type_, value)
            if flags or converted:
                found[field] = converted
    return found


def _list_items(type_: str, value: Any) -> list[Any]:
    """One item of a repeated field, or all at once when numbers are packed."""
    if type_ == "int" and isinstance(value, bytes):
        numbers = []
        position = 0
        while position < len(value):
            number, position = _varint(value, position)
            numbers.append(_signed(number))
        return numbers
    return [_value(type_, value)]


def _value(type_: str, value: Any) -> Any:
    convert = _SCALARS.get(type_)
    return convert(value) if convert else _message(type_, value)


def _signed(number: int | bytes) -> int:
    value = int(number or 0)
    return value - 2 * _NEGATIVE if value >= _NEGATIVE else value


def _time(data: bytes) -> str | None:
    parts = dict(_fields(data))
    if not parts:
        return None
    moment = datetime.datetime.fromtimestamp(_signed(parts.get(1, 0)), datetime.UTC)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    nanoseconds = _signed(parts.get(2, 0))
    return f"{text}.{nanoseconds // _MICROSECONDS:06d}Z" if nanoseconds else f"{text}Z"


def _int_or_string(data: bytes) -> int | str:
    parts = dict(_fields(data))
    return parts.get(3, b"").decode() if parts.get(1) else _signed(parts.get(2, 0))


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "string": lambda value: value.decode(),
    "bytes": lambda value: base64.b64encode(value).decode(),
    "bool": bool,
    "int": _signed,
    "double": lambda value: struct.unpack("<d", value)[0],
    "Quantity": lambda value: dict(_fields(value)).get(1, b"0").decode(),
    "Time": _time,
    "IntOrString": _int_or_string,
    "Raw": lambda value: json.loads(dict(_fields(value)).get(1) or b"null"),
}


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Number and value (an int or bytes) of each field, in order."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        kind = tag & 7
        if kind == _VARINT:
            value, position = _varint(data, position)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            size, position = _varint(data, position)
        elif kind == _FIXED64:
            size = 8
        else:
            raise ValueError(f"illegal wireType {kind}")
        if position + size > len(data):
            raise ValueError("unexpected EOF")
        yield tag >> 3, data[position : position + size]
        position += size


def _varint(data: bytes, position: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
        shift += 7

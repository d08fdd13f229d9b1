# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Content negotiation and request bodies: what a client sends and what it wants to get back."""

from __future__ import annotations

import binascii
import dataclasses
import json
from typing import Any

import yaml

from . import protobuf
from .errors import ApiError, bad_request, failure

JSON = "application/json"
YAML = "application/yaml"
APPLY = "application/apply-patch+yaml"
_SUMMARY_BYTES = 30

_NOT_ACCEPTABLE = (
    "only the following media types are accepted: application/json, application/json;stream=watch, application/yaml"
)
_GO_JSON_ERRORS = {
    "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
    "Expecting value": "looking for beginning of value",
    "Expecting ':' delimiter": "after object key",
    "Expecting ',' delimiter": "after object key:value pair",
    "Extra data": "after top-level value",
}


@dataclasses.dataclass(frozen=True)
class Accepted:
    """One clause of an Accept header: a format, and for JSON the form (``Table``) that the answer is converted to."""

    format: str
    form: str = ""
    group: str = ""
    version: str = ""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}"


def negotiate(accept: str | None, forms: tuple[str, ...]) -> Accepted:
    """The first clause that can be served: JSON as it is or in one of ``forms``, or YAML. 406 when there is none.

    client-go offers protobuf first and takes the JSON that follows it.
    """
    for clause in (accept or JSON).split(","):
        media_type, *parameters = (part.strip() for part in clause.split(";"))
        options = dict(parameter.split("=", 1) for parameter in parameters if "=" in parameter)
        if media_type in (JSON, "application/*", "*/*"):
            if not options.get("as"):
                return Accepted(JSON)
            if options["as"] in forms:
                return Accepted(JSON, options["as"], options.get("g", ""), options.get("v", ""))
        if media_type == YAML and "as" not in options:
            return Accepted(YAML)
    raise failure(406, "NotAcceptable", _NOT_ACCEPTABLE, {})


def encode(answer: Any, format_: str) -> bytes:
    if format_ == YAML:
        return yaml.safe_dump(answer, sort_keys=False, allow_unicode=True).encode()
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


class _PlainLoader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: what looks like a date stays a string."""


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Malformed(Exception):
    """A body that cannot be parsed; the text is what Go's parser would say."""


def decode(body: bytes, media_type: str) -> Any:
    """JSON, YAML or protobuf, as the media type says. Raises Malformed."""
    if media_type == protobuf.MEDIA_TYPE:
        try:
            return protobuf.decode(body)
        except protobuf.Undecodable as error:
            raise Malformed(str(error)) from error
    if "yaml" not in media_type:
        return _from_json(body)
    try:
        return _from_json(body)
    except Malformed:
        return _from_yaml(body)


@dataclasses.dataclass(frozen=True)
class Body:
    """A request body, parsed: ``value`` is None when there is none or when it is ``malformed``."""

    value: Any = None
    malformed: Malformed | None = None


def read(body: bytes, media_type: str) -> Body:
    if not body:
        return Body()
    try:
        return Body(decode(body, media_type))
    except Malformed as malformed:
        return Body(malformed=malformed)


def _from_yaml(body: bytes) -> Any:
    try:
        return yaml.load(body, Loader=_PlainLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Malformed(f"error converting YAML to JSON: {' '.join(str(error).split())}") from error


def _from_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        if error.pos >= len(error.doc.rstrip()):
            raise Malformed("unexpected end of JSON input") from error
        where = _GO_JSON_ERRORS.get(error.msg, "in string literal")
        raise Malformed(f"invalid character {error.doc[error.pos]!r} {where}") from error
    except UnicodeDecodeError as error:
        raise Malformed("invalid UTF-8") from error


def unreadable_object(kind: str, body: bytes, malformed: Malformed) -> ApiError:
    """A POST or PUT whose body cannot be read."""
    problem = str(malformed)
    if not body.startswith(b"k8s\0"):
        problem = f"couldn't get version/kind; json parse error: {problem}"
    return bad_request(f"the object provided is unrecognized (must be of type {kind}): {problem} ({_summary(body)})")


def _summary(body: bytes) -> str:
    if not body:
        return "<empty>"
    start = body[:_SUMMARY_BYTES]
    text = start.decode(errors="replace") if body.startswith(b"{") else binascii.hexlify(start).decode()
    return f"{text} ..." if len(body) > _SUMMARY_BYTES else text

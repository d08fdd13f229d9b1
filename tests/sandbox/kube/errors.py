# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures as the API server states them: a ``Status`` body with code, reason, message and details (B1)."""

from __future__ import annotations

from typing import Any

from .resources import Resource

Cause = dict[str, str]


class ApiError(Exception):
    """An answer that is not a success. ``status`` is the whole body; ``code`` the HTTP status."""

    def __init__(self, status: dict[str, Any]) -> None:
        super().__init__(status["message"])
        self.status = status

    @property
    def code(self) -> int:
        return int(self.status["code"])

    @property
    def reason(self) -> str:
        return str(self.status.get("reason", ""))

    @property
    def message(self) -> str:
        return str(self.status["message"])


def failure(code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> ApiError:
    """A Status with its keys in the order in which the real server writes them."""
    status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    status["message"] = message
    if reason:
        status["reason"] = reason
    if details is not None:
        status["details"] = details
    status["code"] = code
    return ApiError(status)


def about(resource: Resource, name: str) -> dict[str, Any]:
    """The ``details`` of a Status about this object."""
    return _details(name, resource.group, resource.plural)


def _details(name: str, group: str, kind: str) -> dict[str, Any]:
    return {key: value for key, value in (("name", name), ("group", group), ("kind", kind)) if value}


def not_found(resource: Resource, name: str) -> ApiError:
    message = f'{resource.key} "{name}" not found'
    return failure(404, "NotFound", message, _details(name, resource.group, resource.plural))


def already_exists(resource: Resource, name: str, *, terminating: bool = False) -> ApiError:
    """Samples 22, 23; only the message tells that the old object is still Terminating (55, 71, a1)."""
    prefix = "object is being deleted: " if terminating else ""
    message = f'{prefix}{resource.key} "{name}" already exists'
    return failure(409, "AlreadyExists", message, _details(name, resource.group, resource.plural))


def modified(resource: Resource, name: str) -> ApiError:
    """A stale resourceVersion (samples 24, 25, 87)."""
    return conflict(
        resource.key,
        name,
        "the object has been modified; please apply your changes to the latest version and try again",
        _details(name, resource.group, resource.plural),
    )


def conflict(what: str, name: str, cause: str, details: dict[str, Any]) -> ApiError:
    return failure(409, "Conflict", f'Operation cannot be fulfilled on {what} "{name}": {cause}', details)


def uid_without_object(resource: Resource, name: str, uid: str) -> ApiError:
    """An apply that means one particular object, which is not there."""
    cause = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
    return conflict(resource.key, name, cause, _details(name, resource.group, resource.plural))


def precondition_failed(resource: Resource, name: str, cause: str) -> ApiError:
    """Preconditions of a delete name the Kind, not the plural (samples 26, 27)."""
    what = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    return conflict(what, name, cause, _details(name, resource.group, resource.kind))


def invalid(kind: str, group: str, name: str, causes: list[Cause]) -> ApiError:
    """Every 422 of validation; several causes are joined in brackets (samples 20, 32, 33)."""
    texts = list(dict.fromkeys(f"{cause['field']}: {cause['message']}" for cause in causes))
    what = f"{kind}.{group}" if group else kind
    listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = _details(name, group, kind)
    details["causes"] = causes
    return failure(422, "Invalid", f'{what} "{name}" is invalid: {listed}', details)


def bad_request(message: str) -> ApiError:
    return failure(400, "BadRequest", message)


def forbidden(resource: Resource, name: str, cause: str, causes: list[Cause] | None = None) -> ApiError:
    what = f'{resource.key} "{name}"' if name else resource.key
    details = _details(name, resource.group, resource.plural)
    if causes:
        details["causes"] = causes
    return failure(403, "Forbidden", f"{what} is forbidden: {cause}", details)


def method_not_allowed() -> ApiError:
    message = "the server does not allow this method on the requested resource"
    return failure(405, "MethodNotAllowed", message, {})


def unsupported_media_type(accepted: str = "") -> ApiError:
    tail = f": {accepted}" if accepted else ""
    return failure(415, "UnsupportedMediaType", f"415: Unsupported Media Type{tail}", {})


def internal(message: str) -> ApiError:
    """A 500 without a reason, as the storage layer gives it (sample 47)."""
    return failure(500, "", message)


def patch_failed() -> ApiError:
    """A JSON patch that cannot be carried out (sample 90)."""
    return failure(422, "Invalid", "the server rejected our request due to an error in our request", {})


def expired(message: str) -> ApiError:
    return failure(410, "Expired", message)


def version_compacted(wanted: int, oldest: int) -> ApiError:
    return expired(f"too old resource version: {wanted} ({oldest})")


def version_in_future(wanted: int, current: int) -> ApiError:
    """Sample c1; the real server waits three seconds first, which is the HTTP server's business."""
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    return failure(
        504,
        "Timeout",
        f"Timeout: Too large resource version: {wanted}, current: {current}",
        {"causes": causes, "retryAfterSeconds": 1},
    )

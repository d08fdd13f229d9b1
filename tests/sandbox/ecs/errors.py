# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refusals of the emulator, as exceptions. The table of codes is in ``error_table``."""

from __future__ import annotations

from typing import Any

from .error_table import ERRORS


class EcsError(Exception):
    """A refusal. ``extra`` are further members of the JSON body."""

    def __init__(self, code: str, message: str, status: int, **extra: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.extra = extra


def refusal(code: str, message: str = "", status: int = 0) -> EcsError:
    """The error of this code, with its usual message and status unless told otherwise."""
    usual_status, usual_message = ERRORS[code]
    return EcsError(code, message or usual_message, status or usual_status)


def missing_parameter(name: str) -> EcsError:
    message = f'The input parameter "{name}" that is mandatory for processing this request is not supplied.'
    return EcsError("MissingParameter", message, 400)


def invalid_parameter(name: str) -> EcsError:
    return EcsError("InvalidParameter", f'The specified parameter "{name}" is not valid.', 400)


def missing_common_parameter(name: str) -> EcsError:
    """A parameter that the gateway itself needs (AccessKeyId, Timestamp, Action ...)."""
    return EcsError(f"Missing{name}", f"{name} is mandatory for this action.", 400)

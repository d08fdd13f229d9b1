# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps other libraries' log records from showing what they know about our requests."""

from __future__ import annotations

import logging

from .._errors import redact


class _Redacting(logging.Filter):
    """Rewrites a record instead of dropping it: the library's users may need the rest."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = redact(record.getMessage())
        record.args = None
        record.exc_info = record.exc_text = record.stack_info = None
        return True


_REDACTING = _Redacting()


def redact_loggers(*names: str) -> None:
    """Records of exactly these loggers go through `redact` from now on, whoever prints them."""
    for name in names:
        logging.getLogger(name).addFilter(_REDACTING)

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quantities such as ``20Gi``, ``100m`` or ``1e3``, as numbers that compare exactly."""

from __future__ import annotations

import re
from decimal import Decimal

_FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d+))?")
_BINARY = {f"{letter}i": 1024**power for power, letter in enumerate("KMGTPE", start=1)}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def parse_quantity(text: str | int | float) -> Decimal:
    """ValueError when ``text`` is not a quantity."""
    found = _FORM.fullmatch(str(text))
    if not found:
        raise ValueError(f"{text!r} is not a quantity")
    number, suffix, exponent = found.groups()
    if suffix in _BINARY:
        return Decimal(number) * Decimal(_BINARY[suffix])
    return Decimal(number).scaleb(int(exponent or _DECIMAL.get(suffix or "", 0)))

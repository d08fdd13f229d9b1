# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ClientToken: the same token with the same parameters has the same result (alibaba-ecs.md 2.6)."""

from __future__ import annotations

import dataclasses
from typing import Any

from .errors import refusal

# The code for a token whose first request is not through yet differs by action.
PROCESSING = {"CreateDisk": "LastTokenProcessing"}


@dataclasses.dataclass
class _Use:
    params: dict[str, str]
    result: dict[str, Any]
    settled_at: float


class ClientTokens:
    """The tokens of the account, per action. Nothing public says when a token is forgotten: here it never is.

    A refused request leaves its token unused, so that the same request may be sent again once the cause is gone.
    """

    def __init__(self) -> None:
        self._uses: dict[tuple[str, str], _Use] = {}

    def recall(self, action: str, params: dict[str, str], now: float) -> dict[str, Any] | None:
        """The earlier result of this request; None when its token is new. The order of tags is part of the request."""
        token = params.get("ClientToken", "")
        if not token:
            return None
        if len(token) > 64 or not token.isascii():
            raise refusal("InvalidClientToken.Malformed")
        use = self._uses.get((action, token))
        if use is None:
            return None
        if use.params != params:
            raise refusal("IdempotentParameterMismatch")
        if now < use.settled_at:
            raise refusal(PROCESSING.get(action, "IdempotentProcessing"))
        return dict(use.result)

    def remember(self, action: str, params: dict[str, str], result: dict[str, Any], settled_at: float) -> None:
        token = params.get("ClientToken", "")
        if token:
            self._uses[action, token] = _Use(dict(params), dict(result), settled_at)

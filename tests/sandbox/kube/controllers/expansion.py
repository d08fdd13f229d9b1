# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The volume expansion controller, which for CSI volumes only tells that somebody else has to do it (w9, D6)."""

from __future__ import annotations

from typing import Any

from .controller import Controller, KeysOf
from .matching import requested
from .objects import address, phase, quantity

CLAIMS = "persistentvolumeclaims"
COMPONENT = "volume_expand"


class Expansion(Controller):
    name = "volume-expand"

    def subscriptions(self) -> dict[str, KeysOf]:
        return {CLAIMS: lambda type_, claim, previous: [address(claim)] if type_ == "MODIFIED" else []}

    def sync(self, key: Any) -> float | None:
        claim = self.client.get(CLAIMS, key[1], key[0])
        if claim is None or phase(claim) != "Bound":
            return None
        has = (claim["status"].get("capacity") or {}).get("storage")
        if quantity(requested(claim)) > quantity(has):
            message = "waiting for an external controller to expand this PVC"
            self.client.event(claim, "Normal", "ExternalExpanding", message, COMPONENT)
        return None

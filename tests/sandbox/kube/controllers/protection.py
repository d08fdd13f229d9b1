# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The protection controllers: claims and volumes in use outlive their deletion (kubernetes-behaviour.md B3, B4)."""

from __future__ import annotations

import abc
from collections.abc import Iterable
from typing import Any

from .controller import Controller, KeysOf
from .objects import Object, address, claim_names, finalizers, has_ended, name, namespace, node_of, phase, terminating

CLAIMS, VOLUMES, PODS = "persistentvolumeclaims", "persistentvolumes", "pods"
CLAIM_FINALIZER = "kubernetes.io/pvc-protection"
VOLUME_FINALIZER = "kubernetes.io/pv-protection"


class _Protection(Controller):
    resource = ""
    finalizer = ""

    @abc.abstractmethod
    def in_use(self, obj: Object) -> bool:
        """Whether the object must stay although its deletion is asked for."""

    def sync(self, key: Any) -> float | None:
        obj = self.client.get(self.resource, key[1], key[0])
        if obj is None:
            return None
        present = finalizers(obj)
        if terminating(obj):
            if self.finalizer in present and not self.in_use(obj):
                self._write(obj, [each for each in present if each != self.finalizer])
        elif self.finalizer not in present:
            self._write(obj, [*present, self.finalizer])
        return None

    def _write(self, obj: Object, wanted: list[str]) -> None:
        self.client.update(self.resource, {**obj, "metadata": {**obj["metadata"], "finalizers": wanted}})


class ClaimProtection(_Protection):
    """A claim is in use while a pod that has a node mounts it, whether or not the pod has ended (trap 12)."""

    name = "pvc-protection"
    resource = CLAIMS
    finalizer = CLAIM_FINALIZER

    def subscriptions(self) -> dict[str, KeysOf]:
        return {CLAIMS: lambda type_, claim, previous: [address(claim)], PODS: _claims_let_go}

    def in_use(self, obj: Object) -> bool:
        return any(node_of(pod) and name(obj) in claim_names(pod) for pod in self.client.list(PODS, namespace(obj)))


class VolumeProtection(_Protection):
    """A volume is in use while it is Bound."""

    name = "pv-protection"
    resource = VOLUMES
    finalizer = VOLUME_FINALIZER

    def subscriptions(self) -> dict[str, KeysOf]:
        return {VOLUMES: lambda type_, volume, previous: [address(volume)]}

    def in_use(self, obj: Object) -> bool:
        return phase(obj) == "Bound"


def _claims_let_go(type_: str, pod: Object, previous: Object | None) -> Iterable[tuple[str, str]]:
    if type_ == "DELETED" or has_ended(pod) or not node_of(pod):
        return [(namespace(pod), claim) for claim in claim_names(pod)]
    return []

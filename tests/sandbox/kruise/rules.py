# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an Advanced StatefulSet asks for, and how OpenKruise judges a pod: pure functions.

csi-and-statefulsets.md 4.2 to 4.5. The rest of what a pod and its claims look like is as in apps/v1.
"""

from __future__ import annotations

import math

from ..kube.controllers import statefulset_pods
from ..kube.controllers.objects import Object, finalizers, labels_of, name, terminating

SETS = "statefulsets.apps.kruise.io"
STATE_LABEL = "lifecycle.apps.kruise.io/state"
STATE_TIME = "lifecycle.apps.kruise.io/timestamp"
NORMAL, PREPARING_DELETE = "Normal", "PreparingDelete"


def wanted_replicas(stateful_set: Object) -> int:
    return int(stateful_set["spec"].get("replicas", 1))


def reserved_ordinals(stateful_set: Object) -> set[int]:
    """``reserveOrdinals`` has numbers and ranges such as ``"3-5"``, both ends included."""
    reserved: set[int] = set()
    for entry in stateful_set["spec"].get("reserveOrdinals") or []:
        first, _dash, last = str(entry).partition("-")
        reserved.update(range(int(first), int(last or first) + 1))
    return reserved


def wanted_ordinals(stateful_set: Object) -> list[int]:
    """From 0 on, skipping reserved ones, until all replicas have one. ``ordinals.start`` is ignored: its feature gate
    (StatefulSetStartOrdinal) is alpha and off."""
    reserved = reserved_ordinals(stateful_set)
    wanted: list[int] = []
    candidate = 0
    while len(wanted) < wanted_replicas(stateful_set):
        if candidate not in reserved:
            wanted.append(candidate)
        candidate += 1
    return wanted


def is_parallel(stateful_set: Object) -> bool:
    return bool(stateful_set["spec"].get("podManagementPolicy") == "Parallel")


def is_rolling(stateful_set: Object) -> bool:
    strategy = stateful_set["spec"].get("updateStrategy") or {}
    return bool(strategy.get("type", "RollingUpdate") == "RollingUpdate")


def rolling_update(stateful_set: Object) -> Object:
    return (stateful_set["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}


def min_ready_seconds(stateful_set: Object) -> float:
    """Not at the level of the spec, as in apps/v1."""
    return float(rolling_update(stateful_set).get("minReadySeconds") or 0)


def partition(stateful_set: Object) -> int:
    """How many replicas, counted from the lowest, keep the current revision."""
    return int(rolling_update(stateful_set).get("partition") or 0)


def max_unavailable(stateful_set: Object) -> int:
    """A number or a percentage of the replicas, rounded down, but at least 1."""
    given = rolling_update(stateful_set).get("maxUnavailable", 1)
    if isinstance(given, str):
        given = math.floor(float(given.removesuffix("%")) / 100 * wanted_replicas(stateful_set))
    return max(int(given), 1)


def new_pod(stateful_set: Object, ordinal: int, revision: str) -> Object:
    pod = statefulset_pods.new_pod(stateful_set, ordinal, revision)
    pod["metadata"]["labels"][STATE_LABEL] = NORMAL
    return pod


def is_normal(pod: Object) -> bool:
    return labels_of(pod).get(STATE_LABEL, NORMAL) == NORMAL


def is_healthy(pod: Object) -> bool:
    return is_normal(pod) and statefulset_pods.is_ready(pod) and not terminating(pod)


def is_available(pod: Object, seconds: float) -> bool:
    """A pod that is Terminating may still be available."""
    return is_normal(pod) and statefulset_pods.is_available(pod, seconds)


def is_hooked(stateful_set: Object, pod: Object) -> bool:
    """``lifecycle.preDelete`` names a label or finalizer that the pod has: whoever put it there is to let go first."""
    hook = (stateful_set["spec"].get("lifecycle") or {}).get("preDelete") or {}
    labels = (hook.get("labelsHandler") or {}).items()
    return any(labels_of(pod).get(key) == value for key, value in labels) or any(
        each in finalizers(pod) for each in hook.get("finalizersHandler") or []
    )


def ordinal_of(pod: Object) -> int:
    return statefulset_pods.ordinal_of(name(pod))[1]

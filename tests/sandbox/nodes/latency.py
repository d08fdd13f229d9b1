# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a node takes for each step of a pod's life, in seconds. Settings, not measurements (B6)."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass
class NodeLatency:
    """Looked at when a step begins, so that it can be changed while the nodes run.

    ``volumes_in_use``: after the unmount, until the node stops reporting the volume (a real kubelet does so on a tick
    of about 10 s); the attach-detach controller waits for it (B3). ``write_interval``: between two records.
    """

    pod_start: float = 0.0
    pod_stop: float = 0.0
    mount: float = 0.0
    unmount: float = 0.0
    volumes_in_use: float = 0.0
    write_interval: float = 0.2

    @classmethod
    def profile(cls, name: str) -> NodeLatency:
        return dataclasses.replace(_PROFILES[name])


_PROFILES = {
    "instant": NodeLatency(),
    "cloud": NodeLatency(pod_start=1.5, pod_stop=1.0, mount=0.5, unmount=0.3, volumes_in_use=3.0),
}

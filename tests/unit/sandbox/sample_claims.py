# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which test module replays which sample of tests/fixtures/kubernetes-samples: by the beginning of the file's name.

test_kube_api_samples.py fails for a sample that nobody claims and for an owner that does not exist.
"""

from __future__ import annotations

API = "test_kube_api_samples"
HTTP = "test_kube_server_http"

CLAIMS: dict[str, str] = {
    # immutable fields
    **dict.fromkeys(["10-", "11-", "12-", "13-", "14-", "15-", "16-", "17-", "18-", "19-", "20-", "21-"], API),
    # conflicts, preconditions, what is missing
    **dict.fromkeys(["22-", "23-", "24-", "25-", "26-", "27-", "28-"], API),
    # what is invalid
    **dict.fromkeys(["32-", "33-", "34-", "35-", "36-"], API),
    # what is allowed
    **dict.fromkeys(["40-", "41-", "42-", "43-", "44-", "45-", "46-", "47-", "48-"], API),
    # the steps of a migration, as far as a caller makes them
    **dict.fromkeys(["50-", "51-", "52-", "54-", "55-", "56-", "57-", "58-", "59-", "60-", "62-", "63-", "64-"], API),
    # claims and volumes that are terminating, lost, released
    **dict.fromkeys(["70-", "71-", "72-", "74-", "75-", "76-", "77-"], API),
    # deletes, server-side apply, scale, patches, lists
    **dict.fromkeys(["81-", "82-", "83-", "84-", "85-", "86-", "87-", "88-", "89-"], API),
    **dict.fromkeys(["90-", "91-", "92-", "93-", "94-", "95-", "96-", "97-", "98-", "99-"], API),
    **dict.fromkeys(["a0-", "a1-", "a2-", "c0-", "c1-", "c2-", "c3-", "c4-", "c5-", "c6-", "c7-"], API),
    # what only exists over HTTP: who asks, media types, methods, paths
    **dict.fromkeys(["29-", "30-", "31-", "37-", "38-", "39-", "c8-"], HTTP),
    # what controllers make of it: objects, the order of events, the texts of Events
    **dict.fromkeys(["00-", "53-", "61-", "73-", "80-", "b0-"], "test_kube_controllers_objects"),
    **dict.fromkeys([f"w{number}-" for number in range(1, 9)], "test_kube_controllers_watches"),
    "w9-": "test_kube_controllers_events",
    # kubectl's own words
    "k1-": "test_kube_server_tables",
    **dict.fromkeys(["k2-", "k3-"], "test_kube_api_kubectl"),
}


def owner(file_name: str) -> str | None:
    return next((module for beginning, module in CLAIMS.items() if file_name.startswith(beginning)), None)

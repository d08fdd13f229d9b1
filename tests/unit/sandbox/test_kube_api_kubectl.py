# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kubectl asks for when it scales (k2) and deletes with --cascade=orphan (k3), request by request."""

from __future__ import annotations

import json
import re
import urllib.parse

from tests.contract.samples import SAMPLES
from tests.sandbox.kube.client import Client
from tests.sandbox.kube.patches import MERGE
from tests.unit.sandbox.kube_helpers import Cluster, stateful_set
from tests.unit.sandbox.kube_replay import Replay


def requests_of(name: str) -> list[tuple[str, str, str]]:
    """Method, path with query and body of every request of a transcript."""
    text = (SAMPLES / name).read_text(encoding="utf-8")
    pattern = r'"Request Body" body=(?P<body>"(?:[^"\\]|\\.)*"|<)\n.*\] (?P<method>[A-Z]+) https://[^/]+(?P<path>/\S+)'
    return [
        (found["method"], found["path"], "" if found["body"] == "<" else json.loads(found["body"]))
        for found in re.finditer(pattern, text)
    ]


def test_scale() -> None:
    (get, scale) = requests_of("k2-kubectl-v8-scale.txt")
    replay = Replay()
    Client(replay.api, "tester").create("statefulsets.apps", stateful_set("r1", replicas=2))
    code, before = replay.send({"method": get[0], "path": get[1], "body": None, "contentType": None})
    assert (code, before["spec"]["replicas"]) == (200, 2)
    request = {"method": scale[0], "path": scale[1], "body": json.loads(scale[2]), "contentType": MERGE}
    code, answer = replay.send(request)
    assert code == 200, answer
    assert (answer["kind"], answer["spec"]) == ("Scale", {})


def test_delete_orphan() -> None:
    """After the DELETE kubectl looks, lists with a field selector and watches until the object is gone."""
    (delete, get, listing, watching) = requests_of("k3-kubectl-v8-delete-orphan.txt")
    cluster = Cluster()
    cluster.client.create("statefulsets.apps", stateful_set("r1"))
    assert (delete[0], get[0], get[1]) == ("DELETE", "GET", delete[1])
    cluster.client.delete("statefulsets.apps", "r1", "default", propagation="Orphan")
    left = cluster.client.get("statefulsets.apps", "r1", "default")
    assert left and left["metadata"]["finalizers"] == ["orphan"]
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(listing[1]).query))
    found = cluster.list(
        "statefulsets.apps",
        field_selector=query["fieldSelector"],
        limit=int(query["limit"]),
        resource_version=query["resourceVersion"],
    )
    assert [item["metadata"]["name"] for item in found["items"]] == ["r1"]
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(watching[1]).query))
    watch = cluster.watch(
        "statefulsets.apps",
        field_selector=query["fieldSelector"],
        allow_bookmarks=True,
        resource_version=found["metadata"]["resourceVersion"],
        timeout=float(query["timeoutSeconds"]),
    )
    cluster.client.create("statefulsets.apps", stateful_set("other"))
    cluster.client.patch("statefulsets.apps", "r1", {"metadata": {"finalizers": None}}, "default")
    event = watch.next(0)
    assert (event["type"], event["object"]["metadata"]["name"]) == ("DELETED", "r1")
    assert watch.next(0) is None

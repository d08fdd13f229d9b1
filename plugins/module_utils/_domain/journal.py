# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a run and its form in the cluster: a compressed, versioned document in a ConfigMap. Pure."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import zlib
from typing import Any

from . import ids, manifests
from .model import Volume
from .objects import Obj

VERSION = 1
LIMIT_BYTES = 1024 * 1024
_KEY = "journal.json.gz"

OPEN = "open"
SUCCEEDED = "succeeded"
ROLLED_BACK = "rolled_back"
FINALIZING = "finalizing"
FINALIZED = "finalized"
RESULTS = (SUCCEEDED, ROLLED_BACK, FINALIZED)

# From here on the modules that only a move needs refuse: somebody goes back.
GO_BACK_PHASE = "go_back"

Journal = dict[str, Any]


class UnreadableJournal(ValueError):
    """The ConfigMap holds no journal that this version can read."""


def begin(plan: dict[str, Any], claims: list[Obj], pvs: list[Obj], opened: str) -> Journal:
    """A new journal with everything that going back needs. ``opened`` is an RFC 3339 time."""
    return {
        "version": VERSION,
        "run_id": plan["run_id"],
        "state": OPEN,
        "phase": "plan",
        "opened": opened,
        "closed": "",
        "message": "",
        "ready_on_target": False,
        "plan": plan,
        "originals": {
            "claims": {claim["metadata"]["name"]: _trimmed(claim) for claim in claims},
            "pvs": {pv["metadata"]["name"]: _trimmed(pv) for pv in pvs},
        },
        "volumes": {volume["claim"]: volume for volume in plan["moves"]},
    }


def _trimmed(obj: Obj) -> Obj:
    """Without managedFields, which nobody needs to go back and which are half of the size."""
    trimmed = copy.deepcopy(obj)
    trimmed["metadata"].pop("managedFields", None)
    return trimmed


def note_volumes(journal: Journal, volumes: list[Volume], fields: tuple[str, ...]) -> None:
    """Record what a module made: the named fields of each volume, and nothing else of it."""
    for volume in volumes:
        entry = journal["volumes"].setdefault(volume.claim, {"claim": volume.claim})
        entry.update({field: getattr(volume, field) for field in fields if getattr(volume, field)})


def volumes(journal: Journal) -> list[Volume]:
    """Every volume of the run with all that was recorded of it, in the order of the plan."""
    return [Volume.from_dict(entry) for entry in journal["volumes"].values()]


def originals(journal: Journal) -> dict[str, tuple[Obj, Obj]]:
    """(claim, PV) as they were when the run began, by claim name."""
    claims, pvs = journal["originals"]["claims"], journal["originals"]["pvs"]
    return {name: (claim, pvs[claim["spec"]["volumeName"]]) for name, claim in claims.items()}


def original_policy(journal: Journal, volume: Volume) -> str:
    """The reclaim policy that the volume's PV had before the run, or before an earlier run that was not finalized."""
    pv = journal["originals"]["pvs"].get(volume.source_pv)
    if not pv:
        return "Retain"
    return manifests.policy_to_give_back(pv)


def is_open(journal: Journal) -> bool:
    return bool(journal["state"] == OPEN)


def encode(journal: Journal, namespace: str) -> Obj:
    """The ConfigMap. Raises ValueError when the journal outgrew what a ConfigMap can hold (1 MiB)."""
    packed = base64.b64encode(gzip.compress(json.dumps(journal).encode(), mtime=0)).decode()
    if len(packed) > LIMIT_BYTES - 4096:
        raise ValueError(f"the journal of run {journal['run_id']} needs {len(packed)} bytes, a ConfigMap holds 1 MiB")
    plan = journal["plan"]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": ids.journal_name(journal["run_id"]),
            "namespace": namespace,
            "labels": {
                "app.kubernetes.io/managed-by": "zoneshift",
                ids.RUN_LABEL: journal["run_id"],
                ids.STS_LABEL: plan["sts"],
            },
        },
        "data": {
            "state": journal["state"],
            "phase": journal["phase"],
            "opened": journal["opened"],
            "message": journal["message"],
            "target_zones": ",".join(plan["target_zones"]),
        },
        "binaryData": {_KEY: packed},
    }


def decode(config_map: Obj) -> Journal:
    """The journal in a ConfigMap. Raises UnreadableJournal."""
    where = f"ConfigMap {config_map['metadata'].get('namespace', '')}/{config_map['metadata']['name']}"
    try:
        packed = config_map["binaryData"][_KEY]
        journal = json.loads(gzip.decompress(base64.b64decode(packed)))
    except (KeyError, TypeError, ValueError, OSError, EOFError, zlib.error) as error:
        raise UnreadableJournal(f"{where} holds no readable journal: {error!r}") from error
    if not isinstance(journal, dict):
        raise UnreadableJournal(f"{where} holds no readable journal: {type(journal).__name__} instead of an object")
    if journal.get("version") != VERSION:
        raise UnreadableJournal(f"{where} is a journal of version {journal.get('version')}, this is version {VERSION}")
    return journal

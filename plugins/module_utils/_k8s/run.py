# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run in the cluster: its journal (ConfigMap) and its lock (Lease), written before each effect (S9, S10)."""

from __future__ import annotations

import datetime
import threading
from typing import Any

from .._domain import ids, journal, objects
from .._domain.journal import Journal
from .._domain.model import Volume
from .._domain.objects import Obj
from .._errors import Conflict, MigrationError, NotFound, Refused, Retryable
from . import api
from .client import K8sClient

# Renewed by every journal entry; only takes effect on a lock whose holder has died.
LOCK_SECONDS = 3600
_ATTEMPTS = 5


class Run:
    """A run that exists: read its journal, add to it, close it. One module works on it at a time."""

    def __init__(self, client: K8sClient, config_map: Obj, *, read_only: bool) -> None:
        self._client = client
        self._config_map = config_map
        self._read_only = read_only
        self._lock = threading.Lock()
        # Which taking of the lock this process works under; None until it is first looked at.
        self._term: int | None = None
        self.journal: Journal = _decode(config_map)

    @property
    def run_id(self) -> str:
        return str(self.journal["run_id"])

    @property
    def namespace(self) -> str:
        return objects.namespace(self._config_map)

    def originals(self) -> dict[str, tuple[Obj, Obj]]:
        """Each claim and its PV as they were when the run began, by claim name."""
        return journal.originals(self.journal)

    @classmethod
    def load(cls, client: K8sClient, namespace: str, run_id: str, *, read_only: bool = False) -> Run:
        """Raises NotFound when there is no such run."""
        config_map = api.get_config_map(client, namespace, ids.journal_name(run_id))
        if config_map is None:
            raise NotFound(
                f"There is no journal of run {run_id} in namespace {namespace}.",
                code="RunNotFound",
                hint="See the runs of a StatefulSet with status.yml. Nothing was changed.",
            )
        return cls(client, config_map, read_only=read_only)

    @classmethod
    def open_new(cls, client: K8sClient, new: Journal) -> Run:
        """Take the lock and write the first entry. Raises Conflict when another run holds the StatefulSet."""
        plan = new["plan"]
        take_lock(client, plan["namespace"], plan["sts"], new["run_id"])
        try:
            config_map = api.create_config_map(client, journal.encode(new, plan["namespace"]))
        except (MigrationError, ValueError) as error:
            free_lock(client, plan["namespace"], plan["sts"], new["run_id"])
            if isinstance(error, ValueError):
                raise Refused(f"The run cannot be opened: {error}.", hint="Nothing was changed.") from error
            raise
        return cls(client, config_map, read_only=False)

    def take_up(self, state: str, phase: str) -> bool:
        """Take the lock anew, so that a process which still works on this run finds out, and say what for.

        Returns whether the journal changed.
        """
        plan = self.journal["plan"]
        take_lock(self._client, self.namespace, plan["sts"], self.run_id, anew=True)
        if self.journal["state"] == state and (not phase or self.journal["phase"] == phase):
            return False
        self.note(phase=phase, state=state, closed="")
        return True

    def move_on(self, phase: str, volumes: list[Volume] | None = None, fields: tuple[str, ...] = ()) -> None:
        """Note what only a move does. Raises Conflict once somebody goes back with this run."""
        if self.journal["phase"] == journal.GO_BACK_PHASE:
            raise Conflict(
                f"Run {self.run_id} is going back, so it does not go on with {phase}.",
                code="LockLost",
                hint="Another process runs rollback.yml with this run. This one stops and changes nothing more.",
            )
        self.note(phase=phase, volumes=volumes, fields=fields)

    def check_holder(self) -> None:
        """Raises Conflict unless this run holds the lock: somebody took over, so this process must stop (S10)."""
        sts = self.journal["plan"]["sts"]
        lease = api.get_lease(self._client, self.namespace, ids.lease_name(sts))
        holder = (lease or {"spec": {}})["spec"].get("holderIdentity") or ""
        term = int((lease or {"spec": {}})["spec"].get("leaseTransitions") or 0)
        if self._term is None:
            self._term = term
        if holder != self.run_id or term != self._term:
            raise Conflict(
                f"Run {self.run_id} no longer holds the lock of StatefulSet {self.namespace}/{sts}: "
                f"{'run ' + holder + ' does, taken anew' if holder else 'nobody does'}.",
                code="LockLost",
                hint="Another run took over, or somebody deleted the Lease. This one stops and changes nothing more.",
            )

    def note(
        self, *, phase: str = "", volumes: list[Volume] | None = None, fields: tuple[str, ...] = (), **facts: Any
    ) -> None:
        """Write an entry: the phase, the named fields of these volumes, and facts about the run as a whole."""
        if self._read_only:
            return
        with self._lock:
            self.check_holder()
            if phase and self.journal["phase"] != journal.GO_BACK_PHASE:
                self.journal["phase"] = phase
            journal.note_volumes(self.journal, volumes or [], fields)
            self.journal.update(facts)
            take_lock(self._client, self.namespace, self.journal["plan"]["sts"], self.run_id)
            self._write()

    def close(self, state: str, message: str) -> bool:
        """Write the last entry and free the lock. False when the run was closed like this already."""
        plan = self.journal["plan"]
        if (self.journal["state"], self.journal["message"]) == (state, message) and self.journal["closed"]:
            free_lock(self._client, self.namespace, plan["sts"], self.run_id)
            return False
        self.journal["phase"] = "close"
        self.note(state=state, message=message, closed=now())
        free_lock(self._client, self.namespace, plan["sts"], self.run_id)
        return True

    def _write(self) -> None:
        """Optimistic, and sure: when an answer got lost, the live object tells whether the entry is in it."""
        body = journal.encode(self.journal, self.namespace)
        for attempt in range(_ATTEMPTS):
            body["metadata"]["resourceVersion"] = self._config_map["metadata"]["resourceVersion"]
            try:
                self._config_map = api.replace_config_map(self._client, body)
                return
            except (Retryable, Conflict):
                found = api.get_config_map(self._client, self.namespace, objects.name(body))
                if found is not None and found.get("binaryData") == body["binaryData"]:
                    self._config_map = found
                    return
                unchanged = (
                    found is not None and found["metadata"]["resourceVersion"] == body["metadata"]["resourceVersion"]
                )
                if not unchanged or attempt == _ATTEMPTS - 1:
                    raise


def runs_of(client: K8sClient, namespace: str, sts: str) -> list[Journal]:
    """Every run of a StatefulSet, the latest last."""
    found = api.list_config_maps(client, namespace, {ids.STS_LABEL: sts})
    return sorted((_decode(config_map) for config_map in found), key=lambda entry: (entry["opened"], entry["run_id"]))


def take_lock(client: K8sClient, namespace: str, sts: str, run_id: str, *, anew: bool = False) -> None:
    """Become or stay the holder of the StatefulSet's Lease. Raises Conflict when a live holder is another run.

    ``anew`` starts another term even for the same run: processes of the earlier term fail their next check.
    """
    name = ids.lease_name(sts)
    lease = api.get_lease(client, namespace, name)
    if lease is None:
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name, "namespace": namespace},
        }
        _write_lease(client, {**body, "spec": {}}, run_id, sts, create=True)
        return
    holder = lease["spec"].get("holderIdentity") or ""
    if holder not in ("", run_id) and not _expired(lease):
        raise Conflict(
            f"StatefulSet {namespace}/{sts} is locked by run {holder} since {lease['spec'].get('acquireTime')}, "
            f"last renewed {lease['spec'].get('renewTime')}.",
            code="Locked",
            hint="Wait for that run, or see it with status.yml. Nothing was changed.",
        )
    _write_lease(client, lease, run_id, sts, anew=anew)


def free_lock(client: K8sClient, namespace: str, sts: str, run_id: str) -> None:
    """Let go of the Lease if this run holds it."""
    lease = api.get_lease(client, namespace, ids.lease_name(sts))
    if lease is not None and lease["spec"].get("holderIdentity") == run_id:
        _write_lease(client, lease, "", sts)


def _write_lease(
    client: K8sClient, lease: Obj, holder: str, sts: str, *, create: bool = False, anew: bool = False
) -> None:
    """Optimistic: of two that try at once, the API server lets one through."""
    moment = now(micro=True)
    before = lease["spec"]
    spec: dict[str, Any] = {
        **before,
        "holderIdentity": holder,
        "leaseDurationSeconds": LOCK_SECONDS,
        "renewTime": moment,
    }
    if anew or holder != (before.get("holderIdentity") or ""):
        spec["acquireTime"] = moment
        spec["leaseTransitions"] = int(before.get("leaseTransitions") or 0) + (0 if create else 1)
    try:
        (api.create_lease if create else api.replace_lease)(client, {**lease, "spec": spec})
    except Conflict as error:
        raise Conflict(
            f"Another run took the lock of StatefulSet {objects.namespace(lease)}/{sts} at this moment.",
            code="Locked",
            hint="See it with status.yml.",
        ) from error


def _expired(lease: Obj) -> bool:
    renewed = lease["spec"].get("renewTime")
    if not renewed:
        return True
    age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(renewed.replace("Z", "+00:00"))
    return age.total_seconds() > int(lease["spec"].get("leaseDurationSeconds") or LOCK_SECONDS)


def now(*, micro: bool = False) -> str:
    """RFC 3339 in UTC, as Kubernetes writes it (MicroTime with six digits for Leases)."""
    moment = datetime.datetime.now(datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if micro else "%Y-%m-%dT%H:%M:%SZ")


def _decode(config_map: Obj) -> Journal:
    try:
        return journal.decode(config_map)
    except journal.UnreadableJournal as error:
        raise Refused(
            f"{error}.",
            code="JournalUnreadable",
            hint="Use the version of zoneshift.ack that wrote it, or a newer one.",
        ) from error

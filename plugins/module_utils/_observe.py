# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather what the planner needs from cluster and cloud. Reads only; the only place that knows both sides."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from ._domain import journal, objects
from ._domain.cloud import Offer
from ._domain.model import Observed, Wish
from ._domain.objects import Obj
from ._ecs import api as ecs_api
from ._ecs.client import Client as EcsClient
from ._errors import Denied, NotFound
from ._k8s import api
from ._k8s.client import K8sClient
from ._k8s.run import runs_of

# What the role's modules do, as an access review puts it: (verb, group, resource, in the application's namespace?).
# docs/rbac/migrate.yaml grants exactly these and the reads; a test compares the two.
NEEDED_RIGHTS = (
    ("patch", "apps", "statefulsets", True),
    ("patch", "apps", "statefulsets/scale", True),
    ("create", "", "persistentvolumeclaims", True),
    ("patch", "", "persistentvolumeclaims", True),
    ("delete", "", "persistentvolumeclaims", True),
    ("create", "", "persistentvolumes", False),
    ("patch", "", "persistentvolumes", False),
    ("delete", "", "persistentvolumes", False),
    ("list", "storage.k8s.io", "volumeattachments", False),
    ("create", "", "configmaps", True),
    ("update", "", "configmaps", True),
    ("create", "coordination.k8s.io", "leases", True),
    ("update", "coordination.k8s.io", "leases", True),
)
_THREADS = 8


def observe(k8s: K8sClient, ecs: EcsClient, wish: Wish, sts_type: str) -> Observed:
    """Everything at about one time, with a number of calls that does not grow with the claims (pages aside).

    Raises NotFound when there is no such StatefulSet, Denied when reading is not allowed.
    """
    sts = api.find_sts(k8s, wish.namespace, wish.name, sts_type)
    with ThreadPoolExecutor(_THREADS) as pool:
        claims = pool.submit(api.list_claims, k8s, wish.namespace)
        pvs = pool.submit(api.list_pvs, k8s)
        pods = pool.submit(api.list_pods, k8s, wish.namespace)
        nodes = pool.submit(api.list_nodes, k8s)
        autoscalers = pool.submit(_autoscalers, k8s, sts)
        runs = pool.submit(runs_of, k8s, wish.namespace, wish.name)
        rights = pool.submit(_missing_rights, k8s, wish.namespace, objects.sts_type(sts))
        zones = pool.submit(ecs_api.describe_zones, ecs)
        offers = {zone: pool.submit(_offers, ecs, zone) for zone in wish.target_zones}
        own = _own(claims.result(), sts)
        known = api.names(pvs.result())
        disks = pool.submit(ecs_api.describe_disks, ecs, sorted(_disk_ids(own, known)))
        return Observed(
            sts=sts,
            claims=own,
            pvs=known,
            pods=tuple(pods.result()),
            nodes=tuple(nodes.result()),
            disks={disk.disk_id: disk for disk in disks.result()},
            zones=tuple(zone.zone_id for zone in zones.result()),
            offers={zone: offer.result() for zone, offer in offers.items()},
            autoscalers=autoscalers.result(),
            missing_rights=rights.result(),
            open_run=next((run["run_id"] for run in runs.result() if journal.is_open(run)), ""),
        )


def _own(claims: list[Obj], sts: Obj) -> dict[str, Obj]:
    wanted = {name for name, _ordinal in objects.expected_claims(sts)}
    return {name: claim for name, claim in api.names(claims).items() if name in wanted}


def _disk_ids(claims: dict[str, Obj], pvs: dict[str, Obj]) -> set[str]:
    bound = (pvs.get(objects.volume_name(claim)) for claim in claims.values())
    return {disk_id for disk_id in (objects.disk_of(pv) for pv in bound if pv) if disk_id}


def _offers(ecs: EcsClient, zone: str) -> tuple[Offer, ...]:
    """Empty for a zone that does not exist: another check says so."""
    try:
        return tuple(ecs_api.describe_available_disk_categories(ecs, zone))
    except NotFound:
        return ()


def _autoscalers(k8s: K8sClient, sts: Obj) -> tuple[str, ...]:
    """Autoscalers that aim at the StatefulSet. Not being allowed to look is no reason not to migrate."""
    try:
        found = api.list_autoscalers(k8s, objects.namespace(sts))
    except (Denied, NotFound):
        return ()
    return tuple(
        f"HorizontalPodAutoscaler {objects.name(autoscaler)}"
        for autoscaler in found
        if autoscaler["spec"]["scaleTargetRef"].get("kind") == "StatefulSet"
        and autoscaler["spec"]["scaleTargetRef"].get("name") == objects.name(sts)
    )


def _missing_rights(k8s: K8sClient, namespace: str, sts_type: str) -> tuple[str, ...]:
    """The rights that a run needs and this user lacks, as the server itself says (SelfSubjectAccessReview)."""

    def lacks(right: tuple[str, str, str, bool]) -> str:
        verb, group, resource, namespaced = right
        if group == "apps" and sts_type == "kruise":
            group = objects.KRUISE_GROUP
        place = namespace if namespaced else ""
        if api.may_i(k8s, verb=verb, group=group, resource=resource, namespace=place):
            return ""
        return f"{verb} {resource}{'.' + group if group else ''}" + (f" in namespace {place}" if place else "")

    with ThreadPoolExecutor(_THREADS) as pool:
        return tuple(filter(None, pool.map(lacks, NEEDED_RIGHTS)))

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every call to Kubernetes that this collection makes, one typed function each. Nothing else talks to the cluster."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._domain import ids, objects
from .._domain.objects import Obj
from .._errors import Conflict, NotFound, Refused
from .client import JSON_PATCH, MERGE, K8sClient

_STS_PATHS = {"kube": "/apis/apps/v1", "kruise": "/apis/apps.kruise.io/v1beta1"}
# What the API server answers when a test of a JSON patch fails, or its place is gone (sample 90).
_TEST_FAILED = 422
_FIELD_MANAGER = {"fieldManager": "zoneshift"}


def _path(collection: str, namespace: str = "", name: str = "", prefix: str = "/api/v1") -> str:
    scope = f"{prefix}/namespaces/{namespace}" if namespace else prefix
    return f"{scope}/{collection}" + (f"/{name}" if name else "")


def _sts_path(sts_type: str, namespace: str, name: str) -> str:
    return _path("statefulsets", namespace, name, _STS_PATHS[sts_type])


def find_sts(client: K8sClient, namespace: str, name: str, sts_type: str = "auto") -> Obj:
    """The StatefulSet, of apps/v1 or OpenKruise; ``auto`` looks for either. Raises NotFound."""
    for kind in ("kube", "kruise") if sts_type == "auto" else (sts_type,):
        found = get_or_none(client, _sts_path(kind, namespace, name))
        if found is not None:
            return found
    raise NotFound(
        f"StatefulSet {namespace}/{name} does not exist"
        + ("" if sts_type == "auto" else f" in {_STS_PATHS[sts_type].removeprefix('/apis/')}"),
        code="StsNotFound",
        hint="Check sts, namespace and sts_type. Nothing was changed.",
    )


def patch_sts(client: K8sClient, sts: Obj, patch: dict[str, Any]) -> Obj:
    path = _sts_path(objects.sts_type(sts), objects.namespace(sts), objects.name(sts))
    return _merge(client, path, patch)


def scale_sts(client: K8sClient, sts: Obj, replicas: int) -> None:
    path = _sts_path(objects.sts_type(sts), objects.namespace(sts), objects.name(sts)) + "/scale"
    _merge(client, path, {"spec": {"replicas": replicas}})


def list_pods(client: K8sClient, namespace: str) -> list[Obj]:
    return client.list(_path("pods", namespace))


def list_claims(client: K8sClient, namespace: str) -> list[Obj]:
    return client.list(_path("persistentvolumeclaims", namespace))


def list_pvs(client: K8sClient) -> list[Obj]:
    return client.list(_path("persistentvolumes"))


def list_nodes(client: K8sClient) -> list[Obj]:
    return client.list(_path("nodes"))


def list_volume_attachments(client: K8sClient) -> list[Obj]:
    return client.list(_path("volumeattachments", prefix="/apis/storage.k8s.io/v1"))


def list_autoscalers(client: K8sClient, namespace: str) -> list[Obj]:
    return client.list(_path("horizontalpodautoscalers", namespace, prefix="/apis/autoscaling/v2"))


def get_claim(client: K8sClient, namespace: str, name: str) -> Obj | None:
    return get_or_none(client, _path("persistentvolumeclaims", namespace, name))


def create_claim(client: K8sClient, claim: Obj) -> Obj:
    return _post(client, _path("persistentvolumeclaims", objects.namespace(claim)), claim)


def patch_claim(client: K8sClient, namespace: str, name: str, patch: dict[str, Any]) -> Obj:
    return _merge(client, _path("persistentvolumeclaims", namespace, name), patch)


def hold_claim(client: K8sClient, claim: Obj) -> None:
    """Put the hold on a live claim and delete it: it stays Terminating until the hold is taken off (DESIGN, the hold).

    The finalizer goes on before the delete, both only for the claim with this uid.
    """
    path = _path("persistentvolumeclaims", objects.namespace(claim), objects.name(claim))
    if ids.HOLD_FINALIZER not in (claim["metadata"].get("finalizers") or []):
        finalizers = [*(claim["metadata"].get("finalizers") or []), ids.HOLD_FINALIZER]
        version = claim["metadata"]["resourceVersion"]
        patch = {"metadata": {"resourceVersion": version, "finalizers": finalizers}}
        _merge_into(client, path, objects.uid(claim), patch)
    _delete(client, path, objects.uid(claim))


def release_claim(client: K8sClient, claim: Obj) -> None:
    """Take our hold off, and only ours. The test guards against a list that changed meanwhile (Conflict then)."""
    finalizers = claim["metadata"].get("finalizers") or []
    place = f"/metadata/finalizers/{finalizers.index(ids.HOLD_FINALIZER)}"
    patch = [
        {"op": "test", "path": "/metadata/uid", "value": objects.uid(claim)},
        {"op": "test", "path": place, "value": ids.HOLD_FINALIZER},
        {"op": "remove", "path": place},
    ]
    path = _path("persistentvolumeclaims", objects.namespace(claim), objects.name(claim))
    try:
        client.request("PATCH", path, body=patch, content_type=JSON_PATCH, query=_FIELD_MANAGER)
    except Refused as error:
        if error.context.get("http_status") != _TEST_FAILED:
            raise
        raise Conflict(error.msg, code=error.code, context=error.context) from None


def delete_claim(client: K8sClient, namespace: str, name: str, uid: str) -> bool:
    return _delete(client, _path("persistentvolumeclaims", namespace, name), uid)


def get_pv(client: K8sClient, name: str) -> Obj | None:
    return get_or_none(client, _path("persistentvolumes", name=name))


def create_pv(client: K8sClient, pv: Obj) -> Obj:
    return _post(client, _path("persistentvolumes"), pv)


def patch_pv(client: K8sClient, name: str, uid: str, patch: dict[str, Any]) -> Obj:
    """A merge patch of the PV with this uid and no other."""
    return _merge_into(client, _path("persistentvolumes", name=name), uid, patch)


def delete_pv(client: K8sClient, name: str, uid: str) -> bool:
    return _delete(client, _path("persistentvolumes", name=name), uid)


def get_config_map(client: K8sClient, namespace: str, name: str) -> Obj | None:
    return get_or_none(client, _path("configmaps", namespace, name))


def list_config_maps(client: K8sClient, namespace: str, labels: dict[str, str]) -> list[Obj]:
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    return client.list(_path("configmaps", namespace), {"labelSelector": selector})


def create_config_map(client: K8sClient, config_map: Obj) -> Obj:
    return _post(client, _path("configmaps", objects.namespace(config_map)), config_map)


def replace_config_map(client: K8sClient, config_map: Obj) -> Obj:
    """PUT; with metadata.resourceVersion a Conflict tells that somebody else wrote in between."""
    path = _path("configmaps", objects.namespace(config_map), objects.name(config_map))
    return client.request("PUT", path, body=config_map, query=_FIELD_MANAGER)


_LEASES = "/apis/coordination.k8s.io/v1"


def get_lease(client: K8sClient, namespace: str, name: str) -> Obj | None:
    return get_or_none(client, _path("leases", namespace, name, _LEASES))


def create_lease(client: K8sClient, lease: Obj) -> Obj:
    return _post(client, _path("leases", objects.namespace(lease), prefix=_LEASES), lease)


def replace_lease(client: K8sClient, lease: Obj) -> Obj:
    path = _path("leases", objects.namespace(lease), objects.name(lease), _LEASES)
    return client.request("PUT", path, body=lease, query=_FIELD_MANAGER)


def may_i(client: K8sClient, *, verb: str, group: str, resource: str, namespace: str) -> bool:
    """Whether this user may; ``resource`` is ``plural`` or ``plural/subresource``. Creates nothing that stays."""
    plural, _slash, subresource = resource.partition("/")
    attributes = {"verb": verb, "group": group, "resource": plural, "subresource": subresource, "namespace": namespace}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    answer = client.request("POST", path, body=review, repeatable=True)
    return bool((answer.get("status") or {}).get("allowed"))


def get_or_none(client: K8sClient, path: str) -> Obj | None:
    try:
        return client.get(path)
    except NotFound:
        return None


def _post(client: K8sClient, path: str, body: Obj) -> Obj:
    return client.request("POST", path, body=body, query=_FIELD_MANAGER)


def _merge(client: K8sClient, path: str, patch: dict[str, Any]) -> Obj:
    """A merge patch says what shall be, so repeating it is harmless."""
    return client.request("PATCH", path, body=patch, content_type=MERGE, query=_FIELD_MANAGER, repeatable=True)


def _merge_into(client: K8sClient, path: str, uid: str, patch: dict[str, Any]) -> Obj:
    """A merge patch of the object with this uid. Raises Conflict when it is another one by now.

    The API server calls that Invalid (422, field metadata.uid), as if the patch were wrong.
    """
    metadata = {**patch.get("metadata", {}), "uid": uid}
    try:
        return _merge(client, path, {**patch, "metadata": metadata})
    except Refused as error:
        if "metadata.uid" not in error.msg:
            raise
        raise Conflict(error.msg, code=error.code, context=error.context) from None


def _delete(client: K8sClient, path: str, uid: str) -> bool:
    """Delete the object with this uid (S8). False when it is gone already; Conflict when it is another one by now."""
    try:
        client.request("DELETE", path, body={"preconditions": {"uid": uid}}, repeatable=True)
    except NotFound:
        return False
    return True


def names(objs: Iterable[Obj]) -> dict[str, Obj]:
    return {objects.name(obj): obj for obj in objs}

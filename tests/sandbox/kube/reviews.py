# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions that are asked by a POST and answered without storing anything: may I, who am I, give me a token."""

from __future__ import annotations

import copy
import datetime
from typing import Any

from .access import MINIMUM_TOKEN_SECONDS, Access
from .errors import bad_request, invalid
from .rbac import Attributes, User
from .resources import Resource

Object = dict[str, Any]

IDENTITY_REVIEW = Resource(
    "authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", "selfsubjectreview", namespaced=False
)
ACCESS_REVIEW_KEY = "selfsubjectaccessreviews.authorization.k8s.io"
RULES_REVIEW_KEY = "selfsubjectrulesreviews.authorization.k8s.io"
REVIEW_KEYS = (ACCESS_REVIEW_KEY, RULES_REVIEW_KEY, IDENTITY_REVIEW.key)
_DEFAULT_TOKEN_SECONDS = 3600


def review(access: Access, user: User, resource: Resource, body: Object) -> Object:
    """The body with its ``status`` filled in."""
    answer = copy.deepcopy(body)
    answer.update(apiVersion=resource.api_version, kind=resource.kind)
    answer["metadata"] = {"creationTimestamp": None, **(answer.get("metadata") or {})}
    spec = answer.get("spec") or {}
    if resource.key == ACCESS_REVIEW_KEY:
        answer["status"] = {"allowed": access.allows(user, _attributes(spec))}
    elif resource.key == RULES_REVIEW_KEY:
        answer["status"] = _rules_status(access.rules(user, spec.get("namespace", "")))
    else:
        identity = {"username": user.name, "uid": user.uid, "groups": list(user.groups)}
        answer["status"] = {"userInfo": {key: value for key, value in identity.items() if value}}
    return answer


def _attributes(spec: Object) -> Attributes:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if bool(resource) == bool(path):
        raise bad_request("exactly one of nonResourceAttributes or resourceAttributes must be specified")
    if path:
        return Attributes(verb=path.get("verb", ""), path=path.get("path", ""))
    return Attributes(
        verb=resource.get("verb", ""),
        group=resource.get("group", ""),
        plural=resource.get("resource", ""),
        subresource=resource.get("subresource", ""),
        namespace=resource.get("namespace", ""),
        name=resource.get("name", ""),
    )


def _rules_status(rules: list[dict[str, Any]]) -> Object:
    return {
        "resourceRules": [rule for rule in rules if rule.get("resources")],
        "nonResourceRules": [rule for rule in rules if rule.get("nonResourceURLs")],
        "incomplete": False,
    }


def request_token(access: Access, account: Object, body: Object) -> Object:
    """The ``token`` subresource of a service account."""
    metadata = account["metadata"]
    spec = dict(body.get("spec") or {})
    seconds = spec.setdefault("expirationSeconds", _DEFAULT_TOKEN_SECONDS)
    if seconds < MINIMUM_TOKEN_SECONDS:
        message = f"Invalid value: {seconds}: may not specify a duration less than 10 minutes"
        cause = {"reason": "FieldValueInvalid", "message": message, "field": "spec.expirationSeconds"}
        raise invalid("TokenRequest", "authentication.k8s.io", "", [cause])
    token, expires = access.issue_token(metadata["namespace"], metadata["name"], metadata["uid"], seconds)
    return {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {key: metadata[key] for key in ("name", "namespace")},
        "spec": spec,
        "status": {"token": token, "expirationTimestamp": _timestamp(expires)},
    }


def _timestamp(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each path and verb of the API does: authorize, find the resource, call the in-process API, render the answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from . import media, protobuf
from .access import Access
from .api import Api
from .crds import CustomResources
from .documents import Documents
from .errors import ApiError, bad_request, failure, method_not_allowed, unsupported_media_type
from .exchange import Answer, Request
from .httpoptions import delete_options, list_options, write_options
from .options import WriteOptions
from .patches import APPLY, JSON, MERGE, STRATEGIC
from .rbac import Attributes, User
from .rendering import Renderer
from .requestinfo import RequestInfo
from .resources import Resource
from .reviews import REVIEW_KEYS, request_token, review

_OBJECT_TYPES = ("", media.JSON, media.YAML, protobuf.MEDIA_TYPE)
_PATCH_TYPES = (JSON, MERGE, STRATEGIC, APPLY)
_TOKEN = "token"
_FRESHNESS_SECONDS = 3.0
_FRESHNESS_POLL = 0.02

Result = TypeVar("Result")


class Endpoints:
    def __init__(self, api: Api, access: Access, documents: Documents, custom: CustomResources) -> None:
        self._api = api
        self._access = access
        self._documents = documents
        self._renderer = Renderer(custom)
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def answer(self, info: RequestInfo, user: User, request: Request, body: media.Body) -> Answer:
        """Rights come first: who has none does not learn what exists."""
        self._access.authorize(user, _attributes(info))
        if not info.plural:
            return self._documents.answer(info, request)
        resource = self._api.registry.lookup(info.group, info.version, info.plural)
        if resource is None or not _is_routed(info, resource):
            return self._documents.nothing_at(info.path)
        call = _Call(self._api, self._access, info, user, request, body, resource)
        if info.verb == "watch":
            watch = self._when_fresh(call.watch)
            return self._renderer.watch(watch, resource, info, request.headers.get("Accept"))
        accepted = self._renderer.negotiate(request.headers.get("Accept"))
        answer, status = self._when_fresh(call.carry_out) if info.verb == "list" else call.carry_out()
        return self._renderer.response(answer, resource, info, accepted, status, call.warnings)

    def _when_fresh(self, call: Callable[[], Result]) -> Result:
        """A list or watch from a future resourceVersion waits three seconds for it to come (c1)."""
        deadline = time.monotonic() + _FRESHNESS_SECONDS
        while True:
            try:
                return call()
            except ApiError as error:
                if error.code != 504 or time.monotonic() >= deadline or self._stopping.wait(_FRESHNESS_POLL):
                    raise


def _attributes(info: RequestInfo) -> Attributes:
    if not info.plural:
        return Attributes(verb=info.verb, path=info.path)
    return Attributes(info.verb, info.group, info.plural, info.subresource, info.namespace, info.name)


def _is_routed(info: RequestInfo, resource: Resource) -> bool:
    """Does such a path exist? An object of a namespaced resource has a namespace in its path, any other has none."""
    if info.subresource and info.subresource not in (*resource.subresources, *_virtual_subresources(resource)):
        return False
    if resource.namespaced:
        return bool(info.namespace) or info.collection
    return not info.namespace or resource.key == "namespaces"


def _virtual_subresources(resource: Resource) -> tuple[str, ...]:
    return (_TOKEN,) if resource.key == "serviceaccounts" else ()


class _Call:
    """One request for a resource."""

    def __init__(
        self, api: Api, access: Access, info: RequestInfo, user: User, request: Request, body: media.Body,
        resource: Resource,
    ) -> None:  # fmt: skip
        self._api = api
        self._access = access
        self._info = info
        self._user = user
        self._request = request
        self._body = body
        self._resource = resource
        self._namespace = info.namespace if resource.namespaced else ""
        self.warnings: list[str] = []

    def watch(self) -> Any:
        self._check_method()
        return self._api.watch(self._resource, self._namespace, list_options(self._info))

    def carry_out(self) -> tuple[dict[str, Any], int]:
        """The answer and its HTTP status."""
        self._check_method()
        actions = {
            "get": self._get,
            "list": self._list,
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
            "deletecollection": self._delete_collection,
        }
        return actions[self._info.verb]()

    def _check_method(self) -> None:
        """405 for what the path does not offer (c8)."""
        info = self._info
        needs_namespace = self._resource.namespaced and not info.namespace
        if info.subresource == _TOKEN:
            allowed = info.verb == "create"
        elif info.subresource:
            allowed = info.verb in ("get", "update", "patch")
        elif self._resource.key in REVIEW_KEYS:
            allowed = info.verb == "create" and info.collection
        elif info.collection:
            allowed = info.verb in ("list", "watch") or (
                info.verb in ("create", "deletecollection") and not needs_namespace
            )
        else:
            allowed = info.verb in ("get", "update", "patch", "delete")
        if not allowed:
            raise method_not_allowed()

    def _get(self) -> tuple[dict[str, Any], int]:
        return self._api.get(self._resource, self._namespace, self._info.name, self._info.subresource), 200

    def _list(self) -> tuple[dict[str, Any], int]:
        return self._api.list(self._resource, self._namespace, list_options(self._info)), 200

    def _create(self) -> tuple[dict[str, Any], int]:
        body = self._object()
        if self._resource.key in REVIEW_KEYS:
            return review(self._access, self._user, self._resource, _as_dict(body)), 201
        if self._info.subresource == _TOKEN:
            account = self._api.get(self._resource, self._namespace, self._info.name)
            return request_token(self._access, account, _as_dict(body)), 201
        return self._api.create(self._resource, self._namespace, body, self._write_options()), 201

    def _update(self) -> tuple[dict[str, Any], int]:
        info, existed = self._info, self._exists()
        answer = self._api.update(
            self._resource, self._namespace, info.name, self._object(), self._write_options(), info.subresource
        )
        return answer, 200 if existed else 201

    def _patch(self) -> tuple[dict[str, Any], int]:
        info, media_type = self._info, self._request.media_type
        if media_type not in _PATCH_TYPES:
            raise unsupported_media_type()
        if self._body.malformed:
            raise bad_request(f"error decoding patch: {self._body.malformed}")
        apply = media_type == APPLY
        options = self._write_options(apply=apply)
        existed = not apply or self._exists()
        if not existed and not info.subresource:
            attributes = Attributes("create", info.group, info.plural, "", self._namespace, info.name)
            self._access.authorize(self._user, attributes)
        answer = self._api.patch(
            self._resource, self._namespace, info.name, self._body.value, media_type, options, info.subresource
        )
        return answer, 200 if existed else 201

    def _delete(self) -> tuple[dict[str, Any], int]:
        options = delete_options(self._info, self._delete_body(), self._user.name)
        answer = self._api.delete(self._resource, self._namespace, self._info.name, options)
        return answer, 200

    def _delete_collection(self) -> tuple[dict[str, Any], int]:
        options = delete_options(self._info, self._delete_body(), self._user.name)
        selection = list_options(self._info)
        return self._api.delete_collection(self._resource, self._namespace, options, selection), 200

    def _exists(self) -> bool:
        try:
            self._get()
        except ApiError as error:
            if error.code == 404:
                return False
            raise
        return True

    def _object(self) -> Any:
        media_type = self._request.media_type
        if media_type not in _OBJECT_TYPES:
            accepted = ", ".join(filter(None, _OBJECT_TYPES))
            message = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
            raise failure(415, "UnsupportedMediaType", message)
        if self._body.malformed:
            raise media.unreadable_object(self._resource.kind, self._request.body, self._body.malformed)
        return self._body.value

    def _delete_body(self) -> dict[str, Any] | None:
        if self._body.malformed:
            raise media.unreadable_object("DeleteOptions", self._request.body, self._body.malformed)
        return _as_dict(self._body.value) if self._body.value else None

    def _write_options(self, *, apply: bool = False) -> WriteOptions:
        agent = self._request.headers.get("User-Agent", "")
        options = write_options(self._info, self._user.name, agent, apply=apply)
        self.warnings = options.warnings
        return options


def _as_dict(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise bad_request("the body of the request is not an object")
    return body

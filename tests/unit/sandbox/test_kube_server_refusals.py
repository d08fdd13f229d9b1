# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that the API server refuses before it looks at any object: paths, methods, bodies, options."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.sandbox.kube_http import Cluster, config_map

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
APPLY = "application/apply-patch+yaml"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        yield cluster


def test_apply_needs_a_field_manager(cluster: Cluster) -> None:
    answer = cluster.http().send("PATCH", f"{CONFIG_MAPS}/one", config_map("one"), APPLY)
    assert answer.status == 422
    assert answer.body["message"] == (
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
    )


def test_what_cannot_be_produced_is_not_acceptable(cluster: Cluster) -> None:
    answer = cluster.http().get(CONFIG_MAPS, Accept="application/vnd.kubernetes.protobuf")
    assert (answer.status, answer.body["reason"]) == (406, "NotAcceptable")


def test_an_object_in_an_unknown_format_is_refused(cluster: Cluster) -> None:
    answer = cluster.http().send("POST", CONFIG_MAPS, config_map("one"), "text/plain")
    assert (answer.status, answer.body["reason"]) == (415, "UnsupportedMediaType")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"{bad", "invalid character 'b' looking for beginning of object key string ({bad)"),
        (b"[1,x]", "invalid character 'x' looking for beginning of value (5b312c785d)"),
        (b'{"a"', 'unexpected end of JSON input ({"a")'),
        (b'{"a" 1}', "invalid character '1' after object key ({\"a\" 1})"),
        (b'{"a":1 2}', "invalid character '2' after object key:value pair ({\"a\":1 2})"),
    ],
)
def test_a_broken_object_says_where_it_broke(cluster: Cluster, body: bytes, problem: str) -> None:
    answer = cluster.http().send("POST", CONFIG_MAPS, body)
    assert answer.status == 400
    assert answer.body["message"] == (
        "the object provided is unrecognized (must be of type ConfigMap): "
        f"couldn't get version/kind; json parse error: {problem}"
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", CONFIG_MAPS),
        ("PATCH", CONFIG_MAPS),
        ("POST", f"{CONFIG_MAPS}/one"),
        ("POST", "/api/v1/configmaps"),
        ("DELETE", "/api/v1/configmaps"),
        ("DELETE", "/apis/apps/v1/namespaces/default/statefulsets/web/status"),
        ("POST", "/apis/apps/v1/namespaces/default/statefulsets/web/scale"),
        ("GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
        ("GET", "/api/v1/namespaces/default/serviceaccounts/bot/token"),
    ],
)
def test_a_method_that_a_path_does_not_offer_is_405(cluster: Cluster, method: str, path: str) -> None:
    answer = cluster.http().send(method, path, {})
    assert (answer.status, answer.body["reason"]) == (405, "MethodNotAllowed")


@pytest.mark.parametrize(
    "path",
    [
        "/apis/apps/v1/namespaces/default/nonsense",
        "/apis/apps/v1beta1/namespaces/default/statefulsets",
        "/api/v1/configmaps/one",
        "/api/v1/namespaces/default/persistentvolumes",
        "/apis/apps/v1/namespaces/default/statefulsets/web/nonsense",
        "/api/v1/namespaces/default/configmaps/one/scale",
    ],
)
def test_nothing_in_a_group_of_the_server_is_a_status(cluster: Cluster, path: str) -> None:
    answer = cluster.http().get(path)
    assert (answer.status, answer.body["reason"]) == (404, "NotFound")
    assert answer.body["message"] == "the server could not find the requested resource"


@pytest.mark.parametrize(
    "path",
    [
        "/apis/example.com/v1/widgets",
        "/nonsense",
        "/openapi/v1",
        "/openapi/v3/apis/nonsense/v1",
    ],
)
def test_a_path_that_leads_nowhere_is_a_plain_404(cluster: Cluster, path: str) -> None:
    answer = cluster.http().get(path)
    assert (answer.status, answer.body) == (404, "404 page not found\n")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("dryRun=Some", 'dryRun: Unsupported value: ["Some"]: supported values: "All"'),
        (
            "fieldValidation=Some",
            'fieldValidation: Unsupported value: "Some": supported values: "Ignore", "Strict", "Warn"',
        ),
    ],
)
def test_options_that_do_not_exist_are_refused(cluster: Cluster, query: str, message: str) -> None:
    answer = cluster.http().send("POST", f"{CONFIG_MAPS}?{query}", config_map("one"))
    assert (answer.status, answer.body["message"]) == (422, f'CreateOptions.meta.k8s.io "" is invalid: {message}')
    assert cluster.client.get("configmaps", "one", "default") is None


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", CONFIG_MAPS),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
        ("DELETE", f"{CONFIG_MAPS}/one"),
    ],
)
def test_a_body_that_is_no_object_is_a_bad_request(cluster: Cluster, method: str, path: str) -> None:
    assert cluster.http().send(method, path, ["list"]).status == 400

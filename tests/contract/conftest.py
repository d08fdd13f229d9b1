# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs every case on every back end of ``ZONESHIFT_BACKENDS`` (a comma list; ``embedded`` if unset).

There is one sandbox per back end and process, and a namespace per test. Nothing else here or in the tests knows which
back end it is.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.sandbox.nodes.names import NAMESPACES, VOLUMES
from tests.sandbox.sandbox import Backend, Sandbox
from tests.support import wait_for

from .caller import Caller
from .cases import BACKENDS, ID
from .scene import LABEL, Scene
from .table import case_of

# A real namespace goes in steps of some seconds, and a volume after its claim.
SWEPT_WITHIN = 180.0


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "case(id): the line or sample of the record that the test proves")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    backends = os.environ.get("ZONESHIFT_BACKENDS", "embedded").split(",")
    if unknown := set(backends) - set(BACKENDS):
        raise pytest.UsageError(f"ZONESHIFT_BACKENDS: {', '.join(sorted(unknown))}; there are {', '.join(BACKENDS)}")
    marker = metafunc.definition.get_closest_marker("case")
    ids = [f"{backend}-{marker.args[0]}" if marker else backend for backend in backends]
    metafunc.parametrize("backend", backends, ids=ids, scope="session", indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test is a case of the record, and every case is one test."""
    found = Counter(case_of(item.name) for item in items if "backend" in getattr(item, "fixturenames", ()))
    wrong = [
        f"{case} ({backend}) x {count}"
        for (backend, case), count in found.items()
        if count > 1 or not ID.fullmatch(case)
    ]
    if wrong:
        raise pytest.UsageError(f"case ids: {', '.join(wrong)}")


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest) -> Backend:
    found: Backend = request.param
    return found


@pytest.fixture(scope="session")
def running(backend: Backend) -> Iterator[tuple[Sandbox, Caller]]:
    """At the end nothing that the tests made is left: it is part of the contract that all of it can go."""
    with Sandbox(backend=backend) as sandbox:
        caller = Caller(sandbox.kubeconfig)
        yield sandbox, caller
        try:
            wait_for(lambda: not _left_over(caller), "everything gone", SWEPT_WITHIN)
        except AssertionError as error:
            raise AssertionError(f"{error}: {_left_over(caller)}") from None
        caller.close()


def _left_over(caller: Caller) -> list[str]:
    namespaces = [each for each in caller.list(NAMESPACES) if LABEL in (each["metadata"].get("labels") or {})]
    return [each["metadata"]["name"] for each in (*namespaces, *caller.list(VOLUMES))]


@pytest.fixture
def scene(running: tuple[Sandbox, Caller]) -> Iterator[Scene]:
    found = Scene(*running)
    yield found
    found.close()


@pytest.fixture(scope="module")
def shared_scene(running: tuple[Sandbox, Caller]) -> Iterator[Scene]:
    """For the tests of a module that leave it as it is."""
    found = Scene(*running)
    yield found
    found.close()

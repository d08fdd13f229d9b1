# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and tokens: a retry must name the same thing, anything else another (S7)."""

from __future__ import annotations

import itertools
import re

import pytest
from ansible_collections.zoneshift.ack.plugins.module_utils._domain import ids

LONGEST_RUN = "r" * 40
# 63 for the template, 63 for the pod's name, which is also a label value.
LONGEST_CLAIM = "c" * 63 + "-" + "s" * 61 + "-9"


def test_the_same_call_has_the_same_token_for_ever() -> None:
    """Literally: a resume by a later version must not make a second disk."""
    assert ids.client_token("run-1", "disk", "d-1") == "zoneshift-e754762229f63fef8c88caa30414d7b73eca8806"


def test_different_calls_have_different_tokens() -> None:
    parts = list(itertools.product(["r", "r-1"], ["disk", "snapshot"], ["d-1", "d-11"], [1, 2, 11]))
    assert len({ids.client_token(*part) for part in parts}) == len(parts)


def test_parts_do_not_run_into_each_other() -> None:
    assert ids.client_token("a", "bc", "d") != ids.client_token("ab", "c", "d")
    assert ids.client_token("r", "s", "d-1", 11) != ids.client_token("r", "s", "d-11", 1)


@pytest.mark.parametrize("run_id", ["r", LONGEST_RUN])
def test_a_token_is_what_ecs_takes(run_id: str) -> None:
    assert re.fullmatch(r"[ -~]{1,64}", ids.client_token(run_id, "snapshot", "d-" + "x" * 60, 999))


@pytest.mark.parametrize("text", ["a", "0", "run-1", "20261122-web-k", LONGEST_RUN])
def test_a_run_id(text: str) -> None:
    assert ids.is_run_id(text)


@pytest.mark.parametrize("text", ["", "-a", "a-", "A", "a_b", "a.b", "a b", "r" * 41, "a\n", "\u00e4", "a/b"])
def test_no_run_id(text: str) -> None:
    assert not ids.is_run_id(text)


def test_tags_keep_to_the_limits_of_ecs_and_tell_claims_apart() -> None:
    first, second = (ids.owner_tags(LONGEST_RUN, "disk", LONGEST_CLAIM[:-1] + end) for end in "89")
    assert first != second
    assert all(len(value) <= 128 for value in first.values())
    assert first[ids.RUN_TAG] == LONGEST_RUN and first[ids.STEP_TAG] == "disk"


@pytest.mark.parametrize("claim", ["www-web-0", LONGEST_CLAIM])
def test_a_name_in_the_console_is_what_ecs_takes(claim: str) -> None:
    name = ids.resource_name(claim, LONGEST_RUN)
    assert re.fullmatch(r"[a-z][a-z0-9:_.-]{1,127}", name) and not name.startswith(("auto", "http"))


def test_objects_of_a_run_are_named_after_it() -> None:
    assert (ids.journal_name("run-1"), ids.lease_name("web")) == ("zoneshift-run-1", "zoneshift-web")

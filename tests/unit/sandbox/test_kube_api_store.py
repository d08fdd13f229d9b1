# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store: one revision for all, history, earlier states."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.kube.store import HISTORY_LIMIT, Compacted, Store, copied


def put(store: Store, name: str, **content: str) -> int:
    return int(store.put("things", "ns", name, {"metadata": {"name": name}, **content})["metadata"]["resourceVersion"])


def names(store: Store, at: int | None = None) -> list[str]:
    return [record.name for record in store.records("things", at=at)]


def test_every_write_of_any_kind_takes_the_next_revision() -> None:
    store = Store()
    first = put(store, "a")
    second = int(store.put("others", "", "x", {"metadata": {"name": "x"}})["metadata"]["resourceVersion"])
    store.remove("things", "ns", "a")
    assert (second, store.revision) == (first + 1, first + 2)


def test_what_is_read_belongs_to_the_reader() -> None:
    store = Store()
    obj: dict[str, Any] = {"metadata": {"name": "a"}, "list": [1]}
    store.put("things", "", "a", obj)
    obj["list"].append(2)
    record = store.get("things", "", "a")
    assert record and record.load()["list"] == [1]
    record.load()["list"].append(3)
    assert record.load()["list"] == [1]


def test_a_copy_shares_nothing_even_where_the_original_does() -> None:
    shared = {"app": "web"}
    copy = copied({"selector": shared, "labels": shared})
    copy["selector"]["app"] = "other"
    assert copy["labels"] == {"app": "web"}


def test_an_earlier_state_is_rebuilt_from_history() -> None:
    store = Store()
    put(store, "a")
    before = put(store, "b", text="old")
    put(store, "b", text="new")
    put(store, "c")
    store.remove("things", "ns", "a")
    assert names(store) == ["b", "c"]
    assert names(store, at=before) == ["a", "b"]
    assert [record.load().get("text") for record in store.records("things", at=before)] == [None, "old"]


def test_compaction_forgets_history_and_keeps_the_present() -> None:
    store = Store()
    old = put(store, "a")
    put(store, "b")
    store.compact()
    assert names(store) == ["a", "b"]
    assert store.changes_after("things", store.revision) == []
    with pytest.raises(Compacted):
        store.changes_after("things", old)
    with pytest.raises(Compacted):
        store.changes_after("never seen before", old)


def test_history_is_bounded() -> None:
    store = Store()
    first = put(store, "a")
    for _change in range(HISTORY_LIMIT + 1):
        put(store, "a")
    with pytest.raises(Compacted):
        store.changes_after("things", first)
    assert len(store.changes_after("things", store.revision - 10)) == 10

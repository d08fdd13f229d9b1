# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records and the ledger: what proves that data is complete, and what finds that it is not."""

from __future__ import annotations

import pytest

from tests.sandbox.ledger import Ledger
from tests.sandbox.records import Record, flaw, next_record, starts_with

CLAIM = "default/www-web-0"


def written(count: int, start: list[Record] | None = None, pod: str = "web-0") -> list[Record]:
    contents = list(start or [])
    for position in range(count):
        previous = contents[-1] if contents else None
        record = next_record(previous, claim=CLAIM, pod=pod, node="node-h-1", time=1000.0 + position)
        contents.append(record)
    return contents


def test_records_are_numbered_and_intact() -> None:
    contents = written(5)

    assert [record["n"] for record in contents] == [1, 2, 3, 4, 5]
    assert flaw(contents) == ""


def test_last_record_is_marked() -> None:
    assert next_record(None, claim=CLAIM, pod="web-0", node="n", time=1.0, last=True)["last"] is True
    assert "last" not in next_record(None, claim=CLAIM, pod="web-0", node="n", time=1.0)


def test_gap_is_found() -> None:
    contents = written(5)
    del contents[2]

    assert flaw(contents) == "record 3 has number 4"


def test_altered_record_is_found() -> None:
    contents = written(5)
    contents[1] = contents[1] | {"pod": "web-1"}

    assert flaw(contents) == "record 2 does not continue the records before it"


def test_equal_newest_records_mean_equal_histories() -> None:
    base = written(3)
    one, other = written(1, base, pod="web-0"), written(1, base, pod="web-1")

    assert one[-1]["n"] == other[-1]["n"]
    assert written(1, one)[-1]["chain"] != written(1, other)[-1]["chain"]
    assert starts_with(one, base)
    assert not starts_with(one, other)
    assert not starts_with(base, one)


def told(ledger: Ledger, contents: list[Record], disk: str = "d-1") -> None:
    for record in contents:
        ledger.acknowledged(CLAIM, disk, record)


def start(ledger: Ledger, contents: list[Record], disk: str = "d-2") -> list[dict[str, object]]:
    ledger.opened(CLAIM, disk, contents, pod="web-0", node="node-k-1")
    disasters: list[dict[str, object]] = ledger.as_json()["disasters"]
    return disasters


def test_first_start_on_an_empty_disk_is_no_disaster() -> None:
    assert start(Ledger(), []) == []


@pytest.mark.parametrize("more", [0, 1])
def test_start_on_all_acknowledged_records_is_no_disaster(more: int) -> None:
    ledger = Ledger()
    contents = written(3)
    told(ledger, contents)

    assert start(ledger, written(more, contents)) == []


def test_going_back_past_records_that_nobody_was_told_of_is_no_disaster() -> None:
    ledger = Ledger()
    source = written(3)
    told(ledger, source)
    target = written(4, source, pod="never-ready")

    assert start(ledger, target, "d-2") == []
    assert start(ledger, source, "d-1") == []
    unacknowledged = written(1, source)
    told(ledger, written(2, unacknowledged)[-2:], "d-1")
    assert ledger.as_json()["disasters"] == []


def test_an_acknowledged_record_stands_for_those_before_it() -> None:
    ledger = Ledger()
    contents = written(5)
    told(ledger, contents[:2])
    told(ledger, contents[4:])

    (disaster,) = start(ledger, contents[:4])

    assert (disaster["kind"], disaster["acknowledged"], disaster["found"]) == ("stale-disk", 5, 4)


def test_start_on_an_empty_disk_is_a_disaster_told_once() -> None:
    ledger = Ledger(clock=lambda: 5.0)
    told(ledger, written(3))

    (disaster,) = start(ledger, [])

    assert disaster == {
        "kind": "empty-disk",
        "claim": CLAIM,
        "disk": "d-2",
        "pod": "web-0",
        "node": "node-k-1",
        "acknowledged": 3,
        "found": 0,
        "time": 5.0,
    }
    assert len(start(ledger, [])) == 1


def test_start_on_older_contents_is_a_disaster() -> None:
    ledger = Ledger()
    contents = written(3)
    told(ledger, contents)

    (disaster,) = start(ledger, contents[:2])

    assert (disaster["kind"], disaster["acknowledged"], disaster["found"]) == ("stale-disk", 3, 2)


def test_start_on_another_history_of_the_same_length_is_a_disaster() -> None:
    ledger = Ledger()
    told(ledger, written(3))

    (disaster,) = start(ledger, written(3, pod="somebody-else"))

    assert disaster["kind"] == "stale-disk"


def test_record_behind_the_newest_one_is_a_disaster() -> None:
    ledger = Ledger()
    contents = written(3)
    told(ledger, contents)

    ledger.acknowledged(CLAIM, "d-2", contents[1])

    (disaster,) = ledger.as_json()["disasters"]
    assert (disaster["kind"], disaster["acknowledged"], disaster["found"]) == ("backwards", 3, 2)

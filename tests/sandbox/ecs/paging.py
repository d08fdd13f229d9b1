# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both ways of paging: NextToken/MaxResults, and PageNumber/PageSize, which is going away."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from .errors import invalid_parameter

Item = TypeVar("Item")


@dataclasses.dataclass(frozen=True)
class PageRules:
    """MaxResults outside of floor..ceiling counts as the nearest of the two (alibaba-ecs.md 2.5)."""

    floor: int
    ceiling: int
    default: int = 10
    page_size_ceiling: int = 100


def page(
    items: Sequence[Item], args: dict[str, Any], rules: PageRules, number: Callable[[Item], int]
) -> tuple[list[Item], dict[str, Any]]:
    """One page of ``items``, and the members that tell where it is. The items are sorted by ``number``, falling.

    The token is the number of the last item shown, so that items made or deleted meanwhile do not shift the pages.
    With a token or MaxResults, TotalCount is invalid (SDK7's comment on it); it is 0 here so that nobody relies on it.
    """
    if args.get("MaxResults") is None and not args.get("NextToken"):
        return _numbered_page(items, args, rules)
    count = min(max(args.get("MaxResults") or rules.default, rules.floor), rules.ceiling)
    rest = list(items)
    if args.get("NextToken"):
        last = _decode(args["NextToken"])
        rest = [item for item in rest if number(item) < last]
    shown = rest[:count]
    token = _encode(number(shown[-1])) if len(rest) > count else ""
    return shown, {"NextToken": token, "TotalCount": 0, "PageNumber": 0, "PageSize": 0}


def _numbered_page(items: Sequence[Item], args: dict[str, Any], rules: PageRules) -> tuple[list[Item], dict[str, Any]]:
    number = max(args.get("PageNumber") or 1, 1)
    size = min(max(args.get("PageSize") or rules.default, 1), rules.page_size_ceiling)
    shown = list(items[(number - 1) * size : number * size])
    return shown, {"NextToken": "", "TotalCount": len(items), "PageNumber": number, "PageSize": size}


def _encode(number: int) -> str:
    return base64.urlsafe_b64encode(f"after:{number}".encode()).decode()


def _decode(token: str) -> int:
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode()
        prefix, _colon, number = text.partition(":")
        if prefix == "after":
            return int(number)
    except ValueError:
        pass
    raise invalid_parameter("NextToken")

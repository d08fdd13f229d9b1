# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The domain is pure (DESIGN section 2): it computes from what it is given and reaches for nothing else.

No ansible, no SDK, no clock, no randomness, no files: what the planner decides depends on what was observed alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

MODULE_UTILS = Path(__file__).parents[2] / "plugins" / "module_utils"
DOMAIN = sorted((MODULE_UTILS / "_domain").rglob("*.py"))
PURE_MODULES = {
    "__future__", "base64", "collections", "copy", "dataclasses", "enum", "functools", "gzip", "hashlib", "itertools",
    "json", "math", "re", "textwrap", "typing", "zlib",
}  # fmt: skip
IMPURE_BUILTINS = {"__import__", "breakpoint", "eval", "exec", "input", "open", "print"}


def impurities(source: str, package: tuple[str, ...]) -> Iterator[str]:
    """What the source of a module of `package` (its path below module_utils) imports or uses that is not pure."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] not in PURE_MODULES:
                    yield f"line {node.lineno}: import {alias.name}"
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            if (node.module or "").split(".")[0] not in PURE_MODULES:
                yield f"line {node.lineno}: from {node.module} import ..."
        elif isinstance(node, ast.ImportFrom):
            if package[: len(package) - node.level + 1][:1] != ("_domain",):
                yield f"line {node.lineno}: an import from outside _domain: from {'.' * node.level}{node.module or ''}"
        elif isinstance(node, ast.Name) and node.id in IMPURE_BUILTINS:
            yield f"line {node.lineno}: {node.id}"


def test_there_is_a_domain() -> None:
    assert [path for path in DOMAIN if path.name != "__init__.py"]


@pytest.mark.parametrize("path", DOMAIN, ids=lambda path: str(path.relative_to(MODULE_UTILS)))
def test_the_domain_is_pure(path: Path) -> None:
    package = path.relative_to(MODULE_UTILS).parent.parts
    assert list(impurities(path.read_text(), package)) == []


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "import json, os.path",
        "from datetime import datetime",
        "from ansible.module_utils.basic import AnsibleModule",
        "def late():\n    import random",
        "from .. import _errors",
        "from .._ecs import api",
        "class A:\n    x = open('/etc/hosts')",
        "__import__('kubernetes')",
    ],
)
def test_an_impurity_is_seen(source: str) -> None:
    assert len(list(impurities(source, ("_domain",)))) == 1


@pytest.mark.parametrize(
    "source", ["from . import ids", "from .model import Plan", "import json", "from collections.abc import Iterable"]
)
def test_what_is_pure_passes(source: str) -> None:
    assert list(impurities(source, ("_domain",))) == []

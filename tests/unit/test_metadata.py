# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection says about itself in several places, it says everywhere alike."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COLLECTION = "zoneshift.ack"
MODULES = sorted((ROOT / "plugins" / "modules").glob("*.py"))
ROLES = sorted(path.parent for path in (ROOT / "roles").glob("*/tasks"))
HEADER = [
    "# Copyright: Zoneshift contributors",
    "# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)",
    "# SPDX-License-Identifier: GPL-3.0-or-later",
]


def load(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def action_groups() -> dict[str, list[str]]:
    return load("meta/runtime.yml")["action_groups"]


def releases() -> dict[str, dict[str, Any]]:
    return load("changelogs/changelog.yaml")["releases"]


def module_name(path: Path) -> str:
    return path.stem


@pytest.fixture(scope="module")
def docs() -> dict[str, dict[str, Any]]:
    """The documentation of every module, doc fragments merged in, as ansible-doc gives it."""
    names = [f"{COLLECTION}.{path.stem}" for path in MODULES]
    command = [Path(sys.executable).parent / "ansible-doc", "--type", "module", "--json", *names]
    shown = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return {name.removeprefix(f"{COLLECTION}."): entry["doc"] for name, entry in json.loads(shown.stdout).items()}


def test_there_are_modules_and_roles() -> None:
    assert MODULES
    assert ROLES


class TestActionGroups:
    def test_all_holds_every_module(self) -> None:
        assert sorted(action_groups()["all"]) == [path.stem for path in MODULES]

    def test_every_group_is_a_part_of_all(self) -> None:
        for name, members in action_groups().items():
            assert set(members) <= set(action_groups()["all"]), name

    @pytest.mark.parametrize("path", MODULES, ids=module_name)
    def test_a_module_documents_its_groups(self, path: Path, docs: dict[str, dict[str, Any]]) -> None:
        documented = docs[path.stem]["attributes"]["action_group"]["membership"]
        documented = [documented] if isinstance(documented, str) else documented
        expected = {f"{COLLECTION}.{name}" for name, members in action_groups().items() if path.stem in members}
        assert set(documented) == expected

    @pytest.mark.parametrize("path", MODULES, ids=module_name)
    def test_a_module_takes_the_options_of_its_groups(self, path: Path) -> None:
        """A group other than `all` is for the connection options of the doc fragment of its name."""
        groups = {name: members for name, members in action_groups().items() if name != "all"}
        fragments = {name.rpartition(".")[2].lower().lstrip("_") for name in doc_fragments(path)}
        assert fragments & set(groups) == {name for name, members in groups.items() if path.stem in members}


def doc_fragments(module: Path) -> list[str]:
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["DOCUMENTATION"]:
            fragments = yaml.safe_load(ast.literal_eval(node.value)).get("extends_documentation_fragment", [])
            return [fragments] if isinstance(fragments, str) else fragments
    raise AssertionError(f"{module.name} has no DOCUMENTATION")


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_a_module_documents_what_it_supports(path: Path, docs: dict[str, dict[str, Any]]) -> None:
    attributes = docs[path.stem]["attributes"]
    assert {"action_group", "check_mode", "diff_mode", "idempotent"} <= set(attributes)
    for name in ("check_mode", "diff_mode", "idempotent"):
        assert attributes[name]["support"] in {"full", "partial", "none", "N/A"}, name
        if attributes[name]["support"] == "partial":
            assert attributes[name].get("details"), f"{name}: which part?"


class TestRelease:
    def test_the_changelog_ends_with_the_version_of_galaxy_yml(self) -> None:
        version = load("galaxy.yml")["version"]
        assert last_release() == version
        assert f'<a id="v{version.replace(".", "-")}"></a>' in (ROOT / "CHANGELOG.md").read_text()

    @pytest.mark.parametrize("path", MODULES, ids=module_name)
    def test_a_module_is_new_or_in_the_changelog(self, path: Path, docs: dict[str, dict[str, Any]]) -> None:
        added = docs[path.stem]["version_added"]
        if numbers(added) <= numbers(last_release()):
            assert path.stem in [module["name"] for module in releases()[added]["modules"]]


def last_release() -> str:
    return max(releases(), key=numbers)


def numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
class TestRole:
    def test_every_entry_point_is_specified(self, role: Path) -> None:
        for entry_point in specs(role):
            assert (role / "tasks" / f"{entry_point}.yml").is_file(), entry_point

    def test_defaults_are_those_of_the_specs(self, role: Path) -> None:
        defaults = yaml.safe_load((role / "defaults" / "main.yml").read_text())
        specified = {
            name: option["default"]
            for entry_point in specs(role).values()
            for name, option in entry_point["options"].items()
            if "default" in option
        }
        assert specified == defaults

    def test_an_option_has_one_meaning(self, role: Path) -> None:
        seen: dict[str, Any] = {}
        for entry_point in specs(role).values():
            for name, option in entry_point["options"].items():
                how = {key: option.get(key) for key in ("type", "elements", "default", "choices")}
                assert seen.setdefault(name, how) == how, name

    def test_the_readme_explains_every_option(self, role: Path) -> None:
        explained = set(re.findall(r"`(\w+)`", (role / "README.md").read_text()))
        assert option_names(role) - explained == set()

    def test_the_readme_speaks_of_nothing_else(self, role: Path) -> None:
        """What starts with the role's name is an option, or a variable that its tasks set for others."""
        mentioned = set(re.findall(rf"`({role.name}_\w+)`", (role / "README.md").read_text()))
        tasks = "\n".join(path.read_text() for path in sorted((role / "tasks").glob("*.yml")))
        known = option_names(role) | set(re.findall(rf"\b{role.name}_\w+", tasks))
        assert mentioned - known == set()


def specs(role: Path) -> dict[str, Any]:
    return yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]


def option_names(role: Path) -> set[str]:
    return {name for entry_point in specs(role).values() for name in entry_point["options"]}


class TestRequirements:
    def test_an_execution_environment_gets_what_the_plugins_import(self) -> None:
        distributions = importlib.metadata.packages_distributions()
        imported = {
            normalized(distributions[name][0])
            for path in (ROOT / "plugins").rglob("*.py")
            for name in imports(path)
            if name not in sys.stdlib_module_names | {"ansible", "ansible_collections"}
        }
        assert imported == requirement_names("meta/ee-requirements.txt")

    def test_the_sandbox_environment_can_run_the_plugins(self) -> None:
        assert requirement_names("meta/ee-requirements.txt") <= requirement_names("tests/requirements/sandbox.txt")


def imports(path: Path) -> set[str]:
    """The top-level packages that a file imports by their absolute names."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 0}
    return {name.partition(".")[0] for name in names}


def requirement_names(path: str) -> set[str]:
    lines = (line.partition("#")[0].strip() for line in (ROOT / path).read_text().splitlines())
    return {normalized(re.split(r"[^\w.-]", line)[0]) for line in lines if line and not line.startswith("-")}


def normalized(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def python_files() -> list[Path]:
    return sorted(path for tree in ("plugins", "tests") for path in (ROOT / tree).rglob("*.py"))


def test_every_file_states_its_licence() -> None:
    lacking = []
    for path in python_files():
        lines = [line for line in path.read_text().splitlines()[:5] if not line.startswith("#!")]
        if lines and lines[: len(HEADER)] != HEADER:
            lacking.append(str(path.relative_to(ROOT)))
    assert lacking == []


def test_continuous_integration_runs_what_the_readme_tells() -> None:
    assert "make test" in (ROOT / ".ci" / "run").read_text()
    readme = (ROOT / "README.md").read_text()
    assert "make demo" in readme
    assert "make test" in readme

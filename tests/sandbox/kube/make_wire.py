# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes wire.json: the protobuf field numbers of the kinds that clients may send to this API server.

``python -m tests.sandbox.kube.make_wire DIRECTORY`` reads the struct tags in ``types.go`` of the modules ``api`` and
``apimachinery`` below DIRECTORY (``staging/src/k8s.io`` of a Kubernetes source tree of the wanted release; wire.json is
that of v1.36, Apache-2.0). One type per line, so that a newer release gives a readable diff.
"""

from __future__ import annotations

import json
import pathlib
import re
import sys

from .resources import BUILTIN

TARGET = pathlib.Path(__file__).with_name("wire.json")
META = "meta.v1"
_EXTRA_KINDS = {
    "v1 DeleteOptions": f"{META}.DeleteOptions",
    "autoscaling/v1 Scale": "autoscaling.v1.Scale",
    "authentication.k8s.io/v1 SelfSubjectReview": "authentication.v1.SelfSubjectReview",
    "authentication.k8s.io/v1 TokenRequest": "authentication.v1.TokenRequest",
}
_IMPORT = re.compile(r'^\s+(\w+)?\s*"(k8s\.io/[^"]+)"', re.MULTILINE)
_STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"^type (\w+) ([\[\w*].*)$", re.MULTILINE)
_FIELD = re.compile(r'^\s+(?:(\w+)\s+)?([*\[\]\w.]+)\s+`.*json:"([^"]*)".*protobuf:"\w+,(\d+),', re.MULTILINE)
_SCALARS = {"string": "string", "bool": "bool", "int32": "int", "int64": "int", "float64": "double", "[]byte": "bytes"}
# Types with a JSON form of their own, and names of strings in packages that are not read.
_FOREIGN = {
    "resource.Quantity": "Quantity",
    "intstr.IntOrString": "IntOrString",
    "runtime.RawExtension": "Raw",
    "types.UID": "string",
    f"{META}.Time": "Time",
    f"{META}.MicroTime": "Time",
    f"{META}.FieldsV1": "Raw",
}


class Source:
    """The structs and named types of all packages, by their full names (``core.v1.Pod``)."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.structs: dict[str, str] = {}
        self._named: dict[str, str] = {}
        self._imports: dict[str, dict[str, str]] = {}
        for path in [directory / "apimachinery/pkg/apis/meta/v1/types.go", *directory.glob("api/*/v*/types.go")]:
            self._read(".".join(path.parts[-3:-1]), path.read_text())

    def _read(self, package: str, text: str) -> None:
        self._imports[package] = {
            alias or path.split("/")[-1]: ".".join(path.split("/")[-2:]) for alias, path in _IMPORT.findall(text)
        }
        for name, body in _STRUCT.findall(text):
            self.structs[f"{package}.{name}"] = body
        for name, definition in _NAMED.findall(text):
            if not definition.startswith("struct"):
                self._named[f"{package}.{name}"] = definition.split(" //")[0].strip()

    def resolve(self, package: str, go_type: str) -> str:
        """The type as wire.json has it: a scalar or a message's name, ``[]`` or ``{}`` in front for lists and maps."""
        go_type = go_type.removeprefix("*")
        if go_type in _SCALARS:
            return _SCALARS[go_type]
        if go_type.startswith("[]"):
            return "[]" + self.resolve(package, go_type[2:])
        if go_type.startswith("map["):
            return "{}" + self.resolve(package, go_type.partition("]")[2])
        if "." in go_type and go_type in _FOREIGN:
            return _FOREIGN[go_type]
        full_name = self._full_name(package, go_type)
        if full_name in _FOREIGN:
            return _FOREIGN[full_name]
        if full_name in self._named:
            return self.resolve(full_name.rpartition(".")[0], self._named[full_name])
        if full_name not in self.structs:
            raise ValueError(f"{full_name} is not known")
        return full_name

    def _full_name(self, package: str, go_type: str) -> str:
        alias, _dot, name = go_type.rpartition(".")
        return f"{self._imports[package][alias] if alias else package}.{name}"


def messages(source: Source, roots: list[str]) -> dict[str, dict[str, str]]:
    """Fields by number of every message that the roots reach: ``name type``, plus ``keep`` when a zero is a value."""
    found: dict[str, dict[str, str]] = {}
    pending = list(roots)
    while pending:
        full_name = pending.pop()
        if full_name in found:
            continue
        fields = found[full_name] = {}
        for _name, go_type, json_tag, number in _FIELD.findall(source.structs[full_name]):
            json_name, *options = json_tag.split(",")
            type_ = source.resolve(full_name.rpartition(".")[0], go_type)
            message = type_.lstrip("[]{}")
            if message in source.structs:
                pending.append(message)
            keep = " keep" if go_type.startswith("*") or "omitempty" not in options else ""
            fields[number] = f"{json_name} {type_}{keep}" if json_name else f"{type_} inline"
    return found


def main(directory: str) -> None:
    source = Source(pathlib.Path(directory))
    kinds = dict(_EXTRA_KINDS)
    for resource in BUILTIN:
        package = f"{(resource.group or 'core').split('.')[0]}.{resource.version}"
        if f"{package}.{resource.kind}" in source.structs:
            kinds[f"{resource.api_version} {resource.kind}"] = f"{package}.{resource.kind}"
    types = messages(source, list(kinds.values()))
    lines = [f"{json.dumps(name)}: {json.dumps(types[name])}" for name in sorted(types)]
    names = json.dumps(kinds, sort_keys=True)
    TARGET.write_text('{"kinds": ' + names + ',\n"types": {\n' + ",\n".join(lines) + "\n}}\n")


if __name__ == "__main__":
    main(sys.argv[1])

# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox from the command line: ``python -m tests.sandbox COMMAND``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import daemon, tables
from .kube.real import binaries

if TYPE_CHECKING:
    from .nodes.client import Kubernetes

# What only some commands need (the servers, the clients) is imported by these: it takes longer than most commands.

DEFAULT_DIRECTORY = daemon.ROOT / ".sandbox"


def main() -> int:
    arguments = _parser().parse_args()
    try:
        return int(arguments.run(arguments) or 0)
    except (daemon.DaemonError, ControlFailed, binaries.Unavailable) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


class ControlFailed(Exception):
    """The control interface refused, or does not answer."""


def _control(arguments: argparse.Namespace, method: str, path: str, body: Any = None) -> Any:
    url = _environment(arguments)["ZONESHIFT_CONTROL"]
    request = urllib.request.Request(url + path, method=method)
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request, data, timeout=60) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise ControlFailed(json.load(error)["error"]) from None
    except urllib.error.URLError as error:
        raise ControlFailed(f"no sandbox answers at {url}: {error.reason}") from None


def _environment(arguments: argparse.Namespace) -> dict[str, str]:
    """Of the sandbox in the directory; without one, what the shell has (another directory's ``env.sh``)."""
    place = daemon.Place(arguments.directory)
    if not place.environment.exists() and "ZONESHIFT_CONTROL" in os.environ:
        return dict(os.environ)
    return place.read_environment()


def _up(arguments: argparse.Namespace) -> None:
    _ensure(arguments)
    print(daemon.up(daemon.Place(arguments.directory), _settings(arguments)))


def _ensure(arguments: argparse.Namespace) -> None:
    """In the foreground, because it may take minutes to build a real control plane."""
    if arguments.backend == "real":
        binaries.ensure()


def _down(arguments: argparse.Namespace) -> None:
    print(daemon.down(daemon.Place(arguments.directory)))


def _serve(arguments: argparse.Namespace) -> None:
    daemon.serve(daemon.Place(arguments.directory), _settings(arguments))


def _settings(arguments: argparse.Namespace) -> daemon.Settings:
    return daemon.Settings(arguments.backend, arguments.profile, arguments.nodes_per_zone, arguments.kruise)


def _status(arguments: argparse.Namespace) -> int:
    place = daemon.Place(arguments.directory)
    if not place.is_up():
        print(f"No sandbox is up in {place.directory}.")
        return 1
    about = _control(arguments, "GET", "/")
    print(f"The sandbox in {place.directory} is up (process {about['pid']}).")
    for name, value in about["environment"].items():
        print(f"  {name}={'(in env.sh)' if name.endswith('SECRET') else value}")
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    from . import demo

    _ensure(arguments)
    return demo.main(arguments.profile, arguments.backend)


def _world(arguments: argparse.Namespace) -> None:
    world = _control(arguments, "GET", "/world")
    print(json.dumps(world, indent=1) if arguments.json else tables.describe(world))


def _records(arguments: argparse.Namespace) -> None:
    for record in _control(arguments, "GET", f"/disks/{arguments.disk}/records"):
        print(json.dumps(record))


def _requests(arguments: argparse.Namespace) -> None:
    query = f"?since={arguments.since}" + ("&mutating=true" if arguments.mutating else "")
    calls = _control(arguments, "GET", f"/requests{query}")
    if arguments.user:
        calls = [call for call in calls if call["user"] == arguments.user]
    if arguments.json:
        print(json.dumps(calls, indent=1))
        return
    heading = ["NUMBER", "SIDE", "USER", "VERB", "RESOURCE", "OBJECT", "STATUS", "CODE"]
    rows = [
        [
            call["number"],
            call["side"],
            call["user"],
            call["verb"],
            call["resource"] or "-",
            "/".join(filter(None, (call["namespace"], call["name"]))) or "-",
            call["status"] or "-",
            ("dry run " if call["dry_run"] else "") + call["code"],
        ]
        for call in calls
    ]
    print(tables.table(heading, rows))


def _fault(arguments: argparse.Namespace) -> None:
    if arguments.what == "add":
        fields = dict(_assignment(text) for text in arguments.fields)
        print(json.dumps(_control(arguments, "POST", "/faults", fields)))
    elif arguments.what == "clear":
        _control(arguments, "DELETE", "/faults")
    else:
        for fault in _control(arguments, "GET", "/faults"):
            print(json.dumps(fault))


def _latency(arguments: argparse.Namespace) -> None:
    wanted: dict[str, Any] = {}
    for text in arguments.settings:
        if "=" in text:
            name, value = _assignment(text)
            wanted[name] = value
        else:
            wanted["profile"] = text
    settings = _control(arguments, "PUT", "/latency", wanted) if wanted else _control(arguments, "GET", "/latency")
    for name, seconds in settings.items():
        print(f"{name}={seconds:g}")


def _kubernetes(arguments: argparse.Namespace) -> Kubernetes:
    from .nodes.client import Kubernetes

    return Kubernetes(Path(_environment(arguments)["KUBECONFIG"]))


def _apply(arguments: argparse.Namespace) -> None:
    from . import manifests

    kubernetes = _kubernetes(arguments)
    for name in manifests.apply(kubernetes, manifests.read(arguments.file), arguments.namespace):
        print(f"{name} applied")


def _wait(arguments: argparse.Namespace) -> int:
    kubernetes = _kubernetes(arguments)
    deadline = time.monotonic() + arguments.timeout
    while time.monotonic() < deadline:
        sts = kubernetes.get("statefulsets.apps", arguments.sts, arguments.namespace)
        if sts and is_rolled_out(sts):
            print(f"{arguments.sts} is ready")
            return 0
        time.sleep(0.1)
    print(f"{arguments.sts} is not ready after {arguments.timeout:g} s", file=sys.stderr)
    return 1


def is_rolled_out(sts: dict[str, Any]) -> bool:
    """All replicas that it asks for are Ready, and no others are left."""
    status, wanted = sts.get("status") or {}, sts["spec"].get("replicas", 1)
    return bool(
        status.get("observedGeneration", 0) >= sts["metadata"]["generation"]
        and status.get("readyReplicas", 0) == wanted
        and status.get("replicas", 0) == wanted
    )


def _assignment(text: str) -> tuple[str, Any]:
    """``name=value``, the value as JSON if it is some."""
    name, _equals, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.sandbox", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        found = commands.add_parser(name, help=text, description=text)
        found.set_defaults(run=run)
        found.add_argument("--directory", type=Path, default=DEFAULT_DIRECTORY, help="default: .sandbox")
        return found

    for name, run, text in (
        ("up", _up, "start the sandbox; returns when it is ready"),
        ("serve", _serve, "be the sandbox, in the foreground"),
        ("demo", _demo, "migrate the example and judge the result"),
    ):
        found = command(name, run, text)
        found.add_argument("--backend", choices=("embedded", "real"), default="embedded", help="the control plane")
        found.add_argument("--profile", choices=("instant", "cloud"), default="instant")
        if run is not _demo:
            found.add_argument("--nodes-per-zone", type=int, default=1)
            found.add_argument("--kruise", action="store_true", help="with OpenKruise's Advanced StatefulSets")
    command("down", _down, "stop the sandbox")
    command("status", _status, "is it up, and what do clients need")
    command("world", _world, "pods, claims, disks, snapshots").add_argument("--json", action="store_true")
    command("records", _records, "the contents of a disk").add_argument("disk")
    found = command("requests", _requests, "what ECS and Kubernetes were asked")
    found.add_argument("--mutating", action="store_true", help="only requests that may change something")
    found.add_argument("--since", type=int, default=0, metavar="NUMBER")
    found.add_argument("--user", help="admin, driver or nodes")
    found.add_argument("--json", action="store_true")
    found = command("fault", _fault, "make calls fail")
    found.add_argument("what", choices=("add", "list", "clear"))
    found.add_argument("fields", nargs="*", metavar="FIELD=VALUE", help="e.g. side=ecs verb=CreateDisk times=0 code=X")
    found = command("latency", _latency, "show or set how long things take")
    found.add_argument("settings", nargs="*", metavar="NAME=SECONDS | PROFILE")
    found = command("apply", _apply, "apply a manifest without kubectl")
    found.add_argument("file", type=Path)
    found.add_argument("--namespace", default="default")
    found = command("wait", _wait, "until a StatefulSet has all its replicas Ready")
    found.add_argument("sts")
    found.add_argument("--namespace", default="default")
    found.add_argument("--timeout", type=float, default=120.0)
    return parser


if __name__ == "__main__":
    sys.exit(main())

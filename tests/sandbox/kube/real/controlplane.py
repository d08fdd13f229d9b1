# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""etcd, kube-apiserver, kube-controller-manager and kube-scheduler of one cluster, on loopback.

Their settings are the defaults, feature gates and admission included, and RBAC as kubeadm has it. What differs serves
speed: no leader election, no fsync, and one powerful user for all controllers instead of a service account for each,
which kube-controller-manager would spend four seconds on.
"""

from __future__ import annotations

import os
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric import ec

from ..controllers.manager import Timing
from ..kubeconfig import with_certificate
from ..rbac import SUPERUSERS
from ..tls import Authority, Certified, Identity, pem_of
from .binaries import Binaries
from .processes import Ports, Processes

_HOST = "127.0.0.1"
_START_SECONDS = 180.0
_POLL_SECONDS = 0.02
# More would only help a control plane with more work than this one ever has.
_PROCESSORS = 4


class ControlPlane:
    """Keeps everything in ``directory``, which goes with ``stop``."""

    def __init__(self, binaries: Binaries, directory: Path, timing: Timing | None = None) -> None:
        self._binaries = binaries
        self._directory = directory
        self._manager_flags = _flags(timing or Timing())
        self._authority = Authority("zoneshift-sandbox-ca")
        self._front_proxy_authority = Authority("zoneshift-sandbox-front-proxy-ca")
        self._ports = Ports()
        self._processes = Processes(directory)
        self._etcd_url = ""
        self.url = ""

    @property
    def certificate_authority(self) -> Path:
        """Of everything that serves this cluster."""
        return self._directory / "ca.crt"

    @property
    def front_proxy(self) -> Path:
        """Certificate and key of the one whom kube-apiserver believes what users it speaks for."""
        return self._directory / "front-proxy.pem"

    def start(self) -> str:
        """The URL of kube-apiserver, which serves now; its controllers may take a moment longer."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._write_keys()
        self._start_etcd()
        self._start_apiserver()
        self._start_clients()
        return self.url

    def stop(self) -> None:
        """Also after a start that failed half-way."""
        self._processes.stop()
        self._ports.release()
        shutil.rmtree(self._directory, ignore_errors=True)

    def identity(self, host: str) -> Identity:
        """For another server of this cluster."""
        return self._authority.identity(host)

    def kubeconfig(self, user: str, groups: tuple[str, ...] = (SUPERUSERS,)) -> dict[str, Any]:
        """Straight to kube-apiserver, for a user who has a certificate."""
        certified = self._authority.client(user, groups)
        return with_certificate(self.url, self._authority.certificate, user, certified)

    def pids(self) -> dict[str, int]:
        return self._processes.pids()

    def wait(self, condition: Callable[[], Any], what: str) -> None:
        """Until the condition holds; a process that ends meanwhile is the error."""
        deadline = time.monotonic() + _START_SECONDS
        while not condition():
            self._processes.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {_START_SECONDS:g} s for {what}; see {self._directory}")
            time.sleep(_POLL_SECONDS)

    def _write_keys(self) -> None:
        self.certificate_authority.write_bytes(self._authority.certificate)
        self._write("front-proxy-ca.crt", self._front_proxy_authority.certificate)
        self._write_pair("apiserver", self._authority.server(_HOST))
        front_proxy = self._front_proxy_authority.client("front-proxy-client")
        self._write(self.front_proxy.name, front_proxy.certificate + front_proxy.key)
        self._write("service-accounts.key", pem_of(ec.generate_private_key(ec.SECP256R1())))

    def _start_etcd(self) -> None:
        clients = f"http://{_HOST}:{self._ports.reserve()}"
        peers = f"http://{_HOST}:{self._ports.reserve()}"
        self._etcd_url = clients
        self._start(
            "etcd",
            f"--data-dir={self._directory / 'etcd'}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--socket-reuse-port",
            "--unsafe-no-fsync",
            "--log-level=warn",
        )

    def _start_apiserver(self) -> None:
        port = self._ports.reserve()
        self.url = f"https://{_HOST}:{port}"
        keys = self._directory
        self._start(
            "kube-apiserver",
            f"--etcd-servers={self._etcd_url}",
            f"--bind-address={_HOST}",
            f"--secure-port={port}",
            "--permit-port-sharing",
            # No endpoints of the Service `kubernetes`: a loopback address is not allowed there.
            f"--advertise-address={_HOST}",
            "--endpoint-reconciler-type=none",
            f"--tls-cert-file={keys / 'apiserver.crt'}",
            f"--tls-private-key-file={keys / 'apiserver.key'}",
            f"--client-ca-file={self.certificate_authority}",
            f"--requestheader-client-ca-file={keys / 'front-proxy-ca.crt'}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={keys / 'service-accounts.key'}",
            f"--service-account-signing-key-file={keys / 'service-accounts.key'}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=Node,RBAC",
            "--allow-privileged",
            "--profiling=false",
        )
        trusted = ssl.create_default_context(cafile=str(self.certificate_authority))
        self.wait(lambda: _answers(f"{self.url}/readyz", trusted), "kube-apiserver")

    def _start_clients(self) -> None:
        self._start(
            "kube-controller-manager",
            f"--kubeconfig={self._write_kubeconfig('kube-controller-manager', (SUPERUSERS,))}",
            f"--root-ca-file={self.certificate_authority}",
            f"--service-account-private-key-file={self._directory / 'service-accounts.key'}",
            "--leader-elect=false",
            "--secure-port=0",
            "--profiling=false",
            *self._manager_flags,
        )
        self._start(
            "kube-scheduler",
            f"--kubeconfig={self._write_kubeconfig('kube-scheduler')}",
            "--leader-elect=false",
            "--secure-port=0",
            "--profiling=false",
        )

    def _start(self, program: str, *arguments: str) -> None:
        processors = str(min(os.cpu_count() or 1, _PROCESSORS))
        self._processes.start(program, [self._binaries.path(program), *arguments], {"GOMAXPROCS": processors})

    def _write_kubeconfig(self, program: str, groups: tuple[str, ...] = ()) -> Path:
        document = self.kubeconfig(f"system:{program}", groups)
        return self._write(f"{program}.kubeconfig", yaml.safe_dump(document).encode())

    def _write_pair(self, name: str, certified: Certified) -> None:
        self._write(f"{name}.crt", certified.certificate)
        self._write(f"{name}.key", certified.key)

    def _write(self, name: str, data: bytes) -> Path:
        path = self._directory / name
        path.touch(mode=0o600)
        path.write_bytes(data)
        return path


def _flags(timing: Timing) -> list[str]:
    """Of kube-controller-manager. What the real one has no flag for cannot be shortened."""
    default, known = Timing(), ("binder_resync", "node_grace")
    fixed = [name for name in vars(default) if name not in known and getattr(timing, name) != getattr(default, name)]
    if fixed:
        raise ValueError(f"a real control plane has no setting for {', '.join(fixed)}")
    return [f"--pvclaimbinder-sync-period={timing.binder_resync}s", f"--node-monitor-grace-period={timing.node_grace}s"]


def _answers(url: str, trusted: ssl.SSLContext | None = None) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5, context=trusted) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False

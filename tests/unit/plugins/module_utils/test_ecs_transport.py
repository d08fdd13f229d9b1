# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to ECS: TLS or loopback, proxies, whole answers, and nothing of a request in any message."""

from __future__ import annotations

import datetime
import http.client
import logging
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ansible_collections.zoneshift.ack.plugins.module_utils._ecs import transport
from ansible_collections.zoneshift.ack.plugins.module_utils._ecs.transport import Transport, parse_endpoint
from ansible_collections.zoneshift.ack.plugins.module_utils._errors import (
    BadInput,
    MissingLibrary,
    Refused,
    Retryable,
    redact,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.unit.plugins.module_utils.fakes import Reply, StubServer, TunnelProxy

TARGET = "/?Action=DescribeDisks&AccessKeyId=LTAIhidden&Signature=hidden%3D"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXIES, *(name.upper() for name in PROXIES)):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for two names, with its key, in one file. It is its own CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stub")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.DNSName("ecs.example.test")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path_factory.mktemp("tls") / "stub.pem"
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + pem)
    return path


@pytest.fixture
def sni() -> list[str | None]:
    """The server names that clients asked for."""
    return []


@pytest.fixture
def tls_server(certificate: Path, sni: list[str | None]) -> Iterator[StubServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _socket, name, _context: sni.append(name)
    with StubServer([Reply()], tls=context) as server:
        yield server


def post(endpoint: str, *, ca_file: Path | str = "", read_timeout: float = 30.0) -> transport.Answer:
    return Transport(endpoint, ca_file=str(ca_file)).post(TARGET, {"x-acs-action": "X"}, read_timeout=read_timeout)


class TestEndpoint:
    @pytest.mark.parametrize(
        ("endpoint", "parsed"),
        [
            ("ecs.cn-beijing.aliyuncs.com", ("https", "ecs.cn-beijing.aliyuncs.com", 443)),
            ("https://ecs.cn-beijing.aliyuncs.com/", ("https", "ecs.cn-beijing.aliyuncs.com", 443)),
            ("ecs.example:8443", ("https", "ecs.example", 8443)),
            ("http://127.0.0.1:8080", ("http", "127.0.0.1", 8080)),
            ("http://localhost", ("http", "localhost", 80)),
            ("http://[::1]:80", ("http", "::1", 80)),
            ("127.0.0.1:8443", ("https", "127.0.0.1", 8443)),
        ],
    )
    def test_forms(self, endpoint: str, parsed: tuple[str, str, int]) -> None:
        assert parse_endpoint(endpoint) == parsed

    @pytest.mark.parametrize(
        "endpoint",
        [
            "http://ecs.cn-beijing.aliyuncs.com",
            "http://10.0.0.1:8080",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "HTTP://ecs.example",
            "http://[fe80::1]",
        ],
    )
    def test_clear_text_to_another_machine_is_refused_before_anything_is_sent(
        self, endpoint: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(transport.urllib3, "PoolManager", None)
        with pytest.raises(BadInput, match="in clear") as caught:
            Transport(endpoint)
        assert caught.value.code == "InsecureEndpoint"

    @pytest.mark.parametrize(
        "endpoint",
        [
            "",
            "ftp://ecs.example",
            "https://",
            "https://u:pw-hidden@ecs.example",
            "ecs.example/path",
            "a:b:c",
            "https://u:hidden",
        ],
    )
    def test_nonsense_is_refused(self, endpoint: str) -> None:
        with pytest.raises(BadInput) as caught:
            Transport(endpoint)
        assert "hidden" not in str(caught.value)


class TestTls:
    def test_sends_the_server_name_and_verifies(
        self, tls_server: StubServer, certificate: Path, sni: list[str | None]
    ) -> None:
        """The SDK's own transport sends none on Python 3.12 and later (toolchain.md 5.4)."""
        assert post(f"https://localhost:{tls_server.port}", ca_file=certificate).status == 200
        assert sni == ["localhost"]

    def test_an_unknown_ca_is_refused_and_no_request_arrives(self, tls_server: StubServer) -> None:
        with pytest.raises(Refused, match="cannot prove who it is") as caught:
            post(f"https://localhost:{tls_server.port}")
        assert caught.value.code == "UntrustedServer"
        assert tls_server.requests == []

    def test_another_name_is_refused(self, tls_server: StubServer, certificate: Path) -> None:
        with pytest.raises(Refused, match="cannot prove who it is"):
            post(f"https://127.0.0.1:{tls_server.port}", ca_file=certificate)
        assert tls_server.requests == []

    def test_no_scheme_means_tls(self, certificate: Path) -> None:
        with StubServer([Reply()]) as clear, pytest.raises(Retryable, match="TLS failed"):
            post(f"127.0.0.1:{clear.port}", ca_file=certificate)

    def test_a_ca_file_that_is_not_there_is_named(self) -> None:
        with pytest.raises(BadInput, match=r"/nowhere/ca\.pem"):
            Transport("ecs.example", ca_file="/nowhere/ca.pem")


class TestProxy:
    def test_leads_through_a_tunnel_with_tls_inside(
        self, tls_server: StubServer, certificate: Path, sni: list[str | None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with TunnelProxy(tls_server.port) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://me:hidden-pw@127.0.0.1:{proxy.server_address[1]}")
            way = Transport("ecs.example.test", ca_file=str(certificate))
            assert way.post(TARGET, {}, read_timeout=30).status == 200
            way.close()
        assert proxy.heads[0].startswith("CONNECT ecs.example.test:443 ")
        assert "authorization: basic" in proxy.heads[0].lower()
        assert "Signature" not in proxy.heads[0]
        assert redact("hidden-pw") == "********"
        assert sni == ["ecs.example.test"]

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_is_never_used_for_loopback(self, scheme: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """The SDK's own transport uses it even with NO_PROXY=127.0.0.1 (toolchain.md 5.1)."""
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        assert transport._proxy_for(scheme, host, 8080) == ""

    def test_a_request_to_loopback_really_goes_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
        with StubServer([Reply()]) as server:
            assert post(server.endpoint).status == 200

    @pytest.mark.parametrize("exception", ["ecs.example.test", ".example.test", "other,example.test", "*"])
    def test_exceptions_of_the_environment_hold(self, exception: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
        assert transport._proxy_for("https", "ecs.example.test", 443) == "http://proxy.example:3128"
        monkeypatch.setenv("NO_PROXY", exception)
        assert transport._proxy_for("https", "ecs.example.test", 443) == ""

    def test_a_kind_of_proxy_that_cannot_be_used_is_named_without_its_password(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "socks5://me:hidden-pw@proxy.example:1080")
        with pytest.raises(BadInput, match="socks5") as caught:
            Transport("ecs.example.test")
        assert "hidden" not in str(caught.value)


class TestAnswers:
    def test_status_headers_and_body_arrive(self) -> None:
        with StubServer([Reply(403, b'{"a": 1}', {"X-Acs-Retry-After": "1500"})]) as server:
            answer = post(server.endpoint)
        assert (answer.status, answer.body, answer.headers["x-acs-retry-after"]) == (403, b'{"a": 1}', "1500")

    def test_the_request_is_a_post_with_everything_in_the_query(self) -> None:
        with StubServer([Reply()]) as server:
            post(server.endpoint)
        assert server.targets == [TARGET]
        assert server.headers[0]["Content-Length"] == "0"
        assert server.headers[0]["x-acs-action"] == "X"

    def test_redirects_are_not_followed(self) -> None:
        """A signed request is for one host."""
        with StubServer([Reply(302, b"", {"Location": "http://127.0.0.1:1/"})]) as server:
            assert post(server.endpoint).status == 302

    def test_threads_share_connections_that_are_kept(self) -> None:
        with StubServer([Reply()]) as server:
            way = Transport(server.endpoint, pool_size=4)
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda _number: way.post(TARGET, {}, read_timeout=30), range(40)))
            way.close()
        assert [answer.status for answer in answers] == [200] * 40
        assert len(server.connections) <= 4


class TestTrouble:
    def expect(self, endpoint: str, text: str, **options: float) -> None:
        with pytest.raises(Retryable, match=text) as caught:
            post(endpoint, **options)
        error = caught.value
        assert error.context["kind"] == "network"
        assert error.__context__ is None and error.__cause__ is None
        for told in (str(error), repr(error), str(error.as_result())):
            assert "hidden" not in told and "Signature" not in told

    def test_a_cut_answer_is_no_answer(self) -> None:
        """The SDK's own transport returns it as a success (toolchain.md 5.2)."""
        with StubServer([Reply(200, b"{", announce=1000)]) as server:
            self.expect(server.endpoint, "broke before the answer was complete")

    def test_a_dropped_connection(self) -> None:
        with StubServer([Reply(drop=True)]) as server:
            self.expect(server.endpoint, "broke before the answer was complete")

    def test_no_answer_in_time(self) -> None:
        release = threading.Event()
        with StubServer([Reply(hang=release)]) as server:
            self.expect(server.endpoint, r"no answer within 0\.2 s", read_timeout=0.2)
            release.set()

    def test_nobody_there(self) -> None:
        with StubServer([Reply()]) as server:
            endpoint = server.endpoint
        self.expect(endpoint, "cannot connect")

    def test_the_library_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transport, "_URLLIB3_MISSING", "No module named urllib3")
        with pytest.raises(MissingLibrary, match="pip install urllib3"):
            Transport("ecs.example")


class TestSilence:
    def test_debug_logging_shows_no_secret(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        with StubServer([Reply()]) as server:
            post(server.endpoint)
        logged = "\n".join(record.getMessage() for record in caplog.records)
        assert "DescribeDisks" in logged, "urllib3 logs request lines: this test must see them"
        assert "hidden" not in logged

    def test_the_debug_output_of_http_client_shows_nothing(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The kubernetes client switches it on for the whole process when its own debugging is on."""
        monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
        with StubServer([Reply()]) as server:
            post(server.endpoint)
        assert capsys.readouterr().out == ""

    def test_a_transport_shows_its_endpoint_only(self) -> None:
        assert repr(Transport("http://127.0.0.1:1")) == "Transport(http://127.0.0.1:1)"

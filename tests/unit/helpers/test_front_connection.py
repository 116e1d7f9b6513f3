"""The front door as it is configured: a PROXY header before anything else, HTTP that sends to HTTPS."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fjordkube.helpers.gates.front_connection import Way, proxy_header
from fjordkube.helpers.gates.ingress import Door, HttpPort, knock

HOST = "demo.fjord.internal"


class Front:
    """nginx on loopback: what it expects of a connection, and what it answers."""

    def __init__(self, *, proxy: bool = False, status: int = 200, location: str = "") -> None:
        self.proxy, self.status, self.location = proxy, status, location
        self.headers: list[str] = []
        """PROXY headers that came."""
        self.names: list[str | None] = []
        """Names that TLS was opened for."""


@contextmanager
def listening(front: Front, certificate: Path | None = None) -> Iterator[int]:
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        context.sni_callback = lambda _socket, name, _context: front.names.append(name)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            if front.proxy:
                line = b""
                while not line.endswith(b"\r\n"):
                    line += self.request.recv(1)
                    if not b"PROXY ".startswith(line[:6]):
                        self.request.shutdown(socket.SHUT_RDWR)  # "broken header", says nginx
                        break
                front.headers.append(line.decode(errors="replace"))
            if context:
                self.request = context.wrap_socket(self.request, server_side=True)
            super().setup()

        def do_GET(self) -> None:
            self.send_response(front.status)
            if front.location:
                self.send_header("Location", front.location)
            else:
                self.send_header("X-Served-By", "demo-1")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[assignment,method-assign]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nobody's: signed by itself, for another name, as the controller's own is."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Fake Certificate")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    path = tmp_path_factory.mktemp("certificate") / "tls.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    return path


def knocked(way: Way, port: int, https_port: int | None = None, requests: int = 3) -> Door:
    door = Door(HttpPort("w1", "127.0.0.1", port, https_port))
    knock(door, HOST, requests, way, timeout=5)
    return door


def test_a_proxy_header_comes_first_and_once_for_each_connection() -> None:
    front = Front(proxy=True)
    with listening(front) as port:
        door = knocked(Way(proxy=True), port)
    assert (len(door.milliseconds), door.lack) == (3, None)
    (header,) = front.headers
    kind, family, source, address, source_port, target_port = header.split()
    assert (kind, family, source, address, int(target_port)) == ("PROXY", "TCP4", "127.0.0.1", "127.0.0.1", port)
    assert 0 < int(source_port) < 65536


def test_a_gate_that_speaks_plain_http_to_such_a_door_never_passes() -> None:
    with listening(Front(proxy=True)) as port:
        assert knocked(Way(), port).lack is not None
    # and the other way round: the header is a broken request
    with listening(Front()) as port:
        door = knocked(Way(proxy=True), port)
    assert door.lack is not None
    assert door.lack.measured.isprintable()


@pytest.mark.parametrize("proxy", [False, True])
def test_http_that_sends_to_https_is_followed_to_the_demo(certificate: Path, proxy: bool) -> None:
    plain = Front(proxy=proxy, status=308, location=f"https://{HOST}/")
    secret = Front(proxy=proxy)
    with listening(plain) as port, listening(secret, certificate) as https_port:
        door = knocked(Way(proxy, 308), port, https_port)
    assert (door.lack, len(door.milliseconds), door.pods) == (None, 3, {"demo-1"})
    assert secret.names == [HOST]
    assert len(plain.headers) == len(secret.headers) == proxy


@pytest.mark.parametrize(
    ("front", "words"),
    [
        (Front(), "status 200 at"),
        (Front(status=301, location=f"https://{HOST}/"), "status 301 at"),
        (Front(status=308, location="https://elsewhere.example.no/"), "status 308 at"),
        (Front(status=404), "status 404 at"),
    ],
)
def test_http_that_is_not_sent_to_https_as_promised_fails(certificate: Path, front: Front, words: str) -> None:
    with listening(front) as port, listening(Front(), certificate) as https_port:
        door = knocked(Way(redirect=308), port, https_port)
    assert door.lack is not None
    assert words in door.lack.measured
    assert "308 to https://demo.fjord.internal is promised" in door.lack.measured
    assert door.milliseconds == []


def test_a_node_without_a_port_for_https_is_named() -> None:
    door = knocked(Way(redirect=308), 1)
    assert door.lack is not None
    assert door.lack.measured == "w1: has no port for HTTPS from outside"


def test_ipv6_has_its_own_family() -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with listener, socket.create_connection(listener.getsockname()[:2]) as opened:
        assert proxy_header(opened).startswith(b"PROXY TCP6 ::1 ::1 ")

"""A registry and host of files on a loopback port, with TLS and faults, and a proxy that leads every name there.

Owns as much of the OCI distribution protocol as pulling and pushing need, and a record of what was asked.
"""

from __future__ import annotations

import base64
import datetime
import gzip
import hashlib
import http.server
import ipaddress
import json
import select
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

OCI, DOCKER = "application/vnd.oci.image.", "application/vnd.docker."
TYPES = {
    "oci": (f"{OCI}index.v1+json", f"{OCI}manifest.v1+json", f"{OCI}config.v1+json", f"{OCI}layer.v1.tar+gzip"),
    "docker": (
        f"{DOCKER}distribution.manifest.list.v2+json",
        f"{DOCKER}distribution.manifest.v2+json",
        f"{DOCKER}container.image.v1+json",
        f"{DOCKER}image.rootfs.diff.tar.gzip",
    ),
}
NAMES = ("registry.k8s.io", "quay.io", "dl.k8s.io", "github.com")


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def text(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=3).encode()


@dataclass
class Hub:
    """What it has, what it was asked, and how it fails."""

    certificate: Path
    key: Path
    blobs: dict[str, bytes] = field(default_factory=dict)
    """By digest, in all repositories alike."""
    manifests: dict[str, bytes] = field(default_factory=dict)
    """By `repository@tag` and `repository@digest`."""
    files: dict[str, bytes] = field(default_factory=dict)
    """By host and path."""
    asked: list[str] = field(default_factory=list)
    """Method and path of each request."""
    faults: dict[str, list[str]] = field(default_factory=dict)
    """By a piece of the path: how requests for it are treated in turn; then they are served."""
    login: str = ""
    """user:password that a token is given for; empty: nobody is asked."""
    port: int = 0
    proxy: str = ""
    through: list[str] = field(default_factory=list)
    """Names that the proxy was asked for."""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def image(
        self,
        name: str,
        tag: str,
        kind: str = "oci",
        architectures: tuple[str, ...] = ("arm64", "amd64"),
        bare: bool = False,
    ) -> str:
        """An image of one layer for each architecture; gives the digest of the index, or, `bare`, of its manifest."""
        index_type, manifest_type, config_type, layer_type = TYPES[kind]
        entries = []
        for architecture in architectures:
            plain = f"layer of {name} for {architecture}".encode() * 9000
            # two members, as some builders write them
            layer = _gzip(plain[:5000]) + _gzip(plain[5000:])
            config = text(
                {
                    "architecture": architecture,
                    "os": "linux",
                    "rootfs": {"type": "layers", "diff_ids": [digest(plain)]},
                }
            )
            for blob in (layer, config):
                self.blobs[digest(blob)] = blob
            manifest = text(
                {
                    "schemaVersion": 2,
                    "mediaType": manifest_type,
                    "config": {"mediaType": config_type, "digest": digest(config), "size": len(config)},
                    "layers": [{"mediaType": layer_type, "digest": digest(layer), "size": len(layer)}],
                }
            )
            self.manifests[f"{name}@{digest(manifest)}"] = manifest
            entries.append(
                {
                    "mediaType": manifest_type,
                    "digest": digest(manifest),
                    "size": len(manifest),
                    "platform": {"architecture": architecture, "os": "linux"},
                }
            )
        top = manifest if bare else text({"schemaVersion": 2, "mediaType": index_type, "manifests": entries})
        self.manifests[f"{name}@{tag}"] = self.manifests[f"{name}@{digest(top)}"] = top
        return digest(top)

    def count(self, method: str) -> int:
        return len([line for line in self.asked if line.startswith(method)])


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def certify(folder: Path, names: Iterable[str] = NAMES) -> tuple[Path, Path]:
    """A certificate of the test's own for this computer and the names, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "registry of a test")])
    now = datetime.datetime.now(datetime.UTC)
    addresses = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), *(x509.DNSName(each) for each in names)]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, private


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Nothing: clients that go away are part of the tests."""


@contextmanager
def running(folder: Path) -> Iterator[Hub]:
    """The registry and its proxy, until the end of the block."""
    hub = Hub(*certify(folder))

    class Handler(_Handler):
        state = hub

    server = _Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(hub.certificate, hub.key)
    # the handshake in the connection's own thread
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    hub.port = server.server_port

    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    with tunnel(hub.port, hub.through) as hub.proxy:
        yield hub
    server.shutdown()
    server.server_close()


@contextmanager
def tunnel(port: int, through: list[str]) -> Iterator[str]:
    """Address of a proxy that leads every name to a port of this computer, and notes the names in `through`."""

    class Tunnel(_Tunnel):
        target, noted = port, through

    proxy = _Server(("127.0.0.1", 0), Tunnel)
    threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://127.0.0.1:{proxy.server_port}"
    proxy.shutdown()
    proxy.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    state: Hub
    protocol_version = "HTTP/1.1"
    timeout = 20

    def log_message(self, *_: object) -> None:
        """Nothing: tests read what was asked."""

    def _fault(self) -> str:
        for piece, plan in self.state.faults.items():
            if piece in self.path and plan:
                return plan.pop(0)
        return ""

    def _answer(self, code: int, content: bytes = b"", **headers: str) -> None:
        fault = getattr(self, "fault", "")
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault == "cut":
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.wfile.write(content)

    def _enter(self) -> bool:
        """Whether the request may go on; else it was answered."""
        state, self.fault = self.state, self._fault()
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        state.asked.append(f"{self.command} {self.path}")
        if self.fault.isdigit():
            self._answer(int(self.fault), b"words", Retry_After="3")
            return False
        if self.fault == "hang":
            time.sleep(1.5)
            self.close_connection = True
            return False
        given = self.headers.get("Authorization", "")
        if self.path.startswith("/token"):
            wanted = base64.b64encode(state.login.encode()).decode()
            if given == f"Basic {wanted}":
                self._answer(200, json.dumps({"token": "the-token"}).encode())
            else:
                self._answer(401, b"{}")
            return False
        if state.login and self.path.startswith("/v2/") and given != "Bearer the-token":
            realm = f'Bearer realm="https://{state.host}/token",service="hub",scope="repository:all:pull,push"'
            self._answer(401, b"{}", WWW_Authenticate=realm)
            return False
        return True

    def do_GET(self) -> None:
        if not self._enter():
            return
        content = self._found()
        if content is None:
            self._answer(404, b"{}")
            return
        if self.fault == "other":
            content = content[::-1]
        asked = self.headers.get("Range")
        if asked:
            begin = int(asked.removeprefix("bytes=").rstrip("-"))
            if begin >= len(content):
                self._answer(416)
            else:
                span = f"bytes {begin}-{len(content) - 1}/{len(content)}"
                self._answer(206, content[begin:], Content_Range=span)
            return
        self._answer(200, content, Docker_Content_Digest=digest(content))

    do_HEAD = do_GET

    def _found(self) -> bytes | None:
        before, _, name = self.path.rpartition("/")
        if self.path.startswith("/v2/") and "/blobs/" in self.path:
            return self.state.blobs.get(name)
        if self.path.startswith("/v2/") and "/manifests/" in self.path:
            repository = before.removeprefix("/v2/").removesuffix("/manifests")
            return self.state.manifests.get(f"{repository}@{name}")
        return self.state.files.get(self.headers["Host"] + self.path)

    def do_POST(self) -> None:
        if self._enter():
            # relative, as the protocol lets it be
            self._answer(202, Location=f"{self.path}one?state=here")

    def do_PUT(self) -> None:
        if not self._enter():
            return
        before, _, name = self.path.rpartition("/")
        if "/blobs/uploads/" in self.path:
            (wanted,) = urllib.parse.parse_qs(self.path.partition("?")[2])["digest"]
            if digest(self.body) != wanted:
                self._answer(400, b"DIGEST_INVALID")
                return
            self.state.blobs[wanted] = self.body
        else:
            repository = before.removeprefix("/v2/").removesuffix("/manifests")
            self.state.manifests[f"{repository}@{name}"] = self.body
            self.state.manifests[f"{repository}@{digest(self.body)}"] = self.body
        self._answer(201, Docker_Content_Digest=digest(self.body))


class _Tunnel(http.server.BaseHTTPRequestHandler):
    target: int
    noted: list[str]

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_CONNECT(self) -> None:
        self.noted.append(self.path)
        with socket.create_connection(("127.0.0.1", self.target)) as there:
            self.send_response(200)
            self.end_headers()
            ends = {self.connection: there, there: self.connection}
            while True:
                ready, _, _ = select.select(list(ends), [], [], 20)
                for end in ready:
                    content = end.recv(65536)
                    if not content:
                        return
                    ends[end].sendall(content)
                if not ready:
                    return

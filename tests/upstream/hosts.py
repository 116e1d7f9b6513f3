"""Release hosts and registries on loopback, by HTTPS: files of a folder, and a registry behind it.

Owns answering, and failing as asked. Leaves the registry to Debian's docker-registry, and names to whoever asks: every
host name is answered, a file by host and path.
"""

from __future__ import annotations

import http.client
import ssl
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

from tests.unit import ranges
from tests.unit.ssh_server import free_port

CHUNK = 1 << 20
HOP = frozenset({"connection", "transfer-encoding", "keep-alive"})
"""Headers between two neighbours."""


@dataclass
class Hosts:
    """One door to the hosts. Each has faults of its own, so that of two nodes one can meet them."""

    files: Path
    registry: int
    """Port of docker-registry on loopback, which has images below the name of their own registry, as mirrors do."""
    faults: dict[str, list[str]] = field(default_factory=dict)
    """By a piece of the path, how requests are treated in turn: a status, `cut` (half of it comes), `other` (another
    content); when a list is used up, they are served."""
    mirror: str = ""
    """Host name of a mirror, whose registry wants `login`; every other host is upstream's."""
    login: str = ""
    """user:password."""
    asked: list[str] = field(default_factory=list)
    """Host and path of every request."""
    https: int = 0
    http: int = 0
    """Ports on loopback."""

    def treatment(self, path: str) -> str:
        for piece, plan in self.faults.items():
            if piece in path and plan:
                return plan.pop(0)
        return ""

    def admits(self, host: str, header: str | None) -> bool:
        return host != self.mirror or header == "Basic " + b64encode(self.login.encode()).decode()

    def path(self, host: str, path: str) -> str:
        """Of a request to that host's registry, in the one behind."""
        return path if host == self.mirror or path == "/v2/" else path.replace("/v2/", f"/v2/{host}/", 1)


@contextmanager
def serving(files: Path, registry: int, certificate: Path, key: Path) -> Iterator[Hosts]:
    """Answers until the end of the block."""
    state = Hosts(files, registry)
    secure = _server(state)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    # the handshake is each connection's own: one that never speaks must not hold up the others
    secure.socket = context.wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)
    plain = _server(state)
    state.https, state.http = secure.server_port, plain.server_port
    for server in (secure, plain):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield state
    finally:
        for server in (secure, plain):
            server.shutdown()
            server.server_close()


def _server(state: Hosts) -> ThreadingHTTPServer:
    handler = type("Handler", (_Handler,), {"state": state})
    return ThreadingHTTPServer(("127.0.0.1", 0), handler)


class _Handler(BaseHTTPRequestHandler):
    state: Hosts
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        host = (self.headers.get("Host") or "").partition(":")[0]
        self.state.asked.append(f"{host}{self.path}")
        treatment = self.state.treatment(self.path)
        if treatment.isdigit():
            self._refuse(int(treatment))
        elif self.path.startswith("/v2/"):
            self._pull(host, treatment)
        else:
            self._file(self.state.files / host / unquote(self.path).lstrip("/"), treatment)

    do_HEAD = do_GET

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="registry"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _file(self, path: Path, treatment: str) -> None:
        if not path.is_file():
            self._refuse(404)
            return
        body = b"another file" if treatment == "other" else path.read_bytes()
        begin = ranges.begin(self, len(body))
        if begin is None:
            return
        self._body(iter([body[begin:]]), treatment, len(body) - begin)

    def _pull(self, host: str, treatment: str) -> None:
        if not self.state.admits(host, self.headers.get("Authorization")):
            self._refuse(401)
            return
        connection = http.client.HTTPConnection("127.0.0.1", self.state.registry, timeout=60)
        sent = {name: value for name, value in self.headers.items() if name.lower() not in {*HOP, "authorization"}}
        connection.request(self.command, self.state.path(host, self.path), headers=sent)
        answer = connection.getresponse()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.end_headers()
        self._body(iter(lambda: answer.read(CHUNK), b""), treatment, int(answer.getheader("Content-Length") or 0))
        connection.close()

    def _body(self, chunks: Iterator[bytes], treatment: str, size: int) -> None:
        if self.command == "HEAD":
            return
        left = size // 2 if treatment == "cut" else size
        for chunk in chunks:
            self.wfile.write(b"\0" * len(chunk[:left]) if treatment == "other" else chunk[:left])
            left -= len(chunk)
            if left <= 0:
                break
        self.close_connection = treatment == "cut"

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing: `asked` says what was asked."""


@contextmanager
def registry(folder: Path) -> Iterator[int]:
    """Debian's docker-registry on loopback, without TLS; gives its port."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.yml"
    config.write_text(
        "version: 0.1\nlog: {level: warn}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder / 'data'}}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
    )
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=log, stderr=log)
        try:
            _await(port, process)
            yield port
        finally:
            process.terminate()
            process.wait()


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/v2/")
            connection.getresponse()
            return
        except OSError:
            assert process.poll() is None, "docker-registry ended"
            assert time.monotonic() < end, "docker-registry does not answer"
            time.sleep(0.2)
        finally:
            connection.close()

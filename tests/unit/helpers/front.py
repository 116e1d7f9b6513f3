"""A front door on loopback that expects what nginx expects: a PROXY header, TLS, or neither."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


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
    """Its port; by TLS with the certificate of that folder (fakes.make_certificate)."""
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "ca.pem", certificate / "key.pem")
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
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()

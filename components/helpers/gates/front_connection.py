"""A connection to the front door, in the way that nginx was told to expect: plain, after a PROXY header, by TLS.

Owns how it is opened. Leaves what is asked over it to ingress.py.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass


@dataclass(frozen=True)
class Way:
    """What the settings make of the front door."""

    proxy: bool = False
    """Whether each connection starts with a PROXY header (use-proxy-protocol)."""
    redirect: int | None = None
    """Status that sends HTTP to HTTPS (force-ssl-redirect); None: HTTP itself is answered."""


class FrontConnection(http.client.HTTPConnection):
    """HTTP to one port; with `tls` HTTPS, for a host of that name whose certificate is not judged: the demo has none of
    its own, so that the controller's stands in."""

    def __init__(self, address: str, port: int, timeout: float, proxy: bool = False, tls: str | None = None) -> None:
        super().__init__(address, port, timeout=timeout)
        self._proxy, self._tls = proxy, tls

    def connect(self) -> None:
        """Opens it; OSError (ssl.SSLError is one) when that fails."""
        super().connect()
        opened: socket.socket = self.sock
        if self._proxy:
            opened.sendall(proxy_header(opened))
        if self._tls is not None:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.sock = context.wrap_socket(opened, server_hostname=self._tls)


def proxy_header(opened: socket.socket) -> bytes:
    """Version 1 of HAProxy's PROXY protocol for a connection without anybody in between."""
    family = "TCP6" if opened.family == socket.AF_INET6 else "TCP4"
    (source, source_port, *_), (target, target_port, *_) = opened.getsockname(), opened.getpeername()
    return f"PROXY {family} {source} {target} {source_port} {target_port}\r\n".encode()

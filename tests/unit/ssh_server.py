"""A small SSH server in the test's own process, that runs each command with /bin/sh.

Owns keys made at start and a record of dials and commands. Leaves real sshd behaviour to tests/conformance.
"""

from __future__ import annotations

import contextlib
import io
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_FAILED_CONNECT_FAILED, OPEN_SUCCEEDED


def free_port() -> int:
    """A TCP port on loopback that nothing listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def new_key() -> tuple[str, paramiko.PKey]:
    """An Ed25519 private key as OpenSSH text, and parsed."""
    raw = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return raw, paramiko.Ed25519Key.from_private_key(io.StringIO(raw))


def line(key: paramiko.PKey) -> str:
    """The public key line of a key."""
    return f"{key.get_name()} {key.get_base64()}"


class SshServer:
    """Listens on loopback; `connection` is what a client needs."""

    def __init__(self, _folder: Path, port: int = 0, start: bool = True) -> None:
        self._host_key = new_key()[1]
        self._private, client = new_key()
        self.accepted = client
        self.other_key = line(new_key()[1])
        self.dials = 0
        self.commands: list[str] = []
        self.forwarded: list[tuple[str, int]] = []
        """Where clients were let through to."""
        self.while_running: Callable[[], None] = lambda: None
        self.drop_while_running = False
        self._port = port or free_port()
        self._listener: socket.socket | None = None
        self.transports: list[paramiko.Transport] = []
        if start:
            self.start()

    @property
    def connection(self) -> dict[str, Any]:
        return {
            "host": "127.0.0.1",
            "port": self._port,
            "user": "u",
            "privateKey": self._private,
            "hostKey": line(self._host_key),
        }

    def start(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self._port), reuse_port=False)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def __enter__(self) -> SshServer:
        return self

    def __exit__(self, *_: object) -> None:
        if self._listener:
            self._listener.close()
        for transport in self.transports:
            transport.close()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                self.dials += 1
                transport = paramiko.Transport(sock)
                transport.add_server_key(self._host_key)
                self.transports.append(transport)
                with contextlib.suppress(paramiko.SSHException, EOFError):
                    transport.start_server(server=_Session(self, transport))


class _Session(paramiko.ServerInterface):
    def __init__(self, server: SshServer, transport: paramiko.Transport) -> None:
        self._server, self._transport = server, transport
        self._environment: dict[str, str] = {}

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return AUTH_SUCCESSFUL if key == self._server.accepted else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_direct_tcpip_request(
        self, chanid: int, origin: tuple[str, int], destination: tuple[str, int]
    ) -> int:
        try:
            target = socket.create_connection(destination, 5)
        except OSError:
            return OPEN_FAILED_CONNECT_FAILED
        self._server.forwarded.append(destination)
        threading.Thread(target=self._forward, args=(chanid, target), daemon=True).start()
        return OPEN_SUCCEEDED

    def _forward(self, chanid: int, target: socket.socket) -> None:
        channel = self._transport.accept(5)
        assert channel is not None
        assert channel.get_id() == chanid, "one forwarding for each connection"

        def back() -> None:
            with contextlib.suppress(OSError):
                while data := target.recv(65536):
                    channel.sendall(data)
            channel.close()

        threading.Thread(target=back, daemon=True).start()
        with contextlib.suppress(OSError):
            while data := channel.recv(65536):
                target.sendall(data)
        target.close()

    def check_channel_env_request(self, channel: paramiko.Channel, name: bytes, value: bytes) -> bool:
        self._environment[name.decode()] = value.decode()
        return name == b"ALLOWED"

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self._server.commands.append(command.decode())
        threading.Thread(target=self._run, args=(channel, command.decode()), daemon=True).start()
        return True

    def _run(self, channel: paramiko.Channel, command: str) -> None:
        if self._server.drop_while_running:
            self._transport.close()
            return
        given = b""
        while data := channel.recv(65536):
            given += data
        environment = {**os.environ, **self._environment}
        with subprocess.Popen(
            ["/bin/sh"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        ) as child:
            self._server.while_running()
            # The command goes by standard input, as a here-document would: a single argument ends at 128 KiB.
            body = command.encode() if not given else f"( {command} ) <<'EOF'\n{given.decode()}EOF\n".encode()
            out, err = child.communicate(body)
        channel.sendall(out)
        channel.sendall_stderr(err)
        channel.send_exit_status(child.returncode)
        channel.close()

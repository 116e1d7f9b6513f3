"""A real OpenSSH server on loopback, run as an ordinary process with keys and configuration of its own.

Owns starting and ending it. Leaves the machine's own SSH server and its configuration alone.
"""

from __future__ import annotations

import contextlib
import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.unit.ssh_server import free_port, line, new_key

START_SECONDS = 20


@dataclass
class SshDaemon:
    """A server that may or may not run."""

    port: int
    user: str
    private_key: str
    host_key: str
    """Its public host key line."""
    _command: list[str]
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError(f"sshd did not start: {' '.join(self._command)}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it with the sessions it serves."""
        if self._process:
            self._process.terminate()
            self._process.wait(10)


def available() -> str | None:
    """The path of sshd, if it is installed (Debian package openssh-server)."""
    return shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")


@contextlib.contextmanager
def prepared(folder: Path, sshd: str) -> Iterator[SshDaemon]:
    """A server with fresh keys; not started."""
    host_text, host = new_key()
    client_text, client = new_key()
    (folder / "host_key").write_text(host_text)
    (folder / "host_key").chmod(0o600)
    (folder / "authorized_keys").write_text(line(client) + "\n")
    port = free_port()
    settings = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": folder / "host_key",
        "AuthorizedKeysFile": folder / "authorized_keys",
        "PidFile": "none",
        "UsePAM": "no",
        "StrictModes": "no",
        "PasswordAuthentication": "no",
        "PermitRootLogin": "prohibit-password",
        "AcceptEnv": "ALLOWED",
    }
    config = folder / "sshd_config"
    config.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    # sshd started by root insists on this folder (sshd(8), privilege separation).
    with contextlib.suppress(PermissionError):
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    daemon = SshDaemon(port, getpass.getuser(), client_text, line(host), [sshd, "-D", "-e", "-f", str(config)])
    try:
        yield daemon
    finally:
        daemon.stop()

"""Where the files of machines lie on this computer: looked up by stack and name, in no stack's state.

Owns the places below the roots, and names of sockets that are short enough. Leaves the roots to helpers/roots.py and
what lies at each place to whoever writes it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..roots import cache_root, home_root, runtime_root

SOCKET_PATH_LIMIT: Final = 107
"""Bytes of a Unix socket's path (unix(7): 108 with its end)."""

LONGEST_SOCKET: Final = len("/switch/.4194304-00000")
"""Bytes of the longest name in a stack's folder: vde clients bind to <switch>/.<pid>-<number>."""


@dataclass(frozen=True)
class Files:
    """Where one machine's files lie."""

    directory: Path
    """Folder of this machine alone."""
    sockets: Path
    """Folder of its stack's Unix sockets."""
    name: str

    @property
    def root(self) -> Path:
        return self.directory / "root.qcow2"

    @property
    def etcd(self) -> Path:
        return self.directory / "etcd.raw"

    @property
    def seed(self) -> Path:
        return self.directory / "seed.tar"

    @property
    def base(self) -> Path:
        return self.directory / "base.raw"

    @property
    def kernel(self) -> Path:
        return self.directory / "kernel"

    @property
    def initrd(self) -> Path:
        return self.directory / "initrd"

    @property
    def console(self) -> Path:
        return self.directory / "console.log"

    @property
    def pid(self) -> Path:
        return self.directory / "qemu.pid"

    @property
    def host_key(self) -> Path:
        return self.directory / "host_key"

    @property
    def qmp(self) -> Path:
        return self.sockets / f"{_short(self.name, LONGEST_SOCKET - len('/.qmp'))}.qmp"

    @property
    def switch(self) -> Path:
        return self.sockets / "switch"


def files(stack: str, name: str) -> Files:
    """The files of a machine."""
    return Files(home_root().resolve() / "vm" / stack / name, sockets(stack), name)


def sockets(stack: str) -> Path:
    """Folder of the stack's Unix sockets; by digest where the stack's name would make a path too long."""
    root = runtime_root()
    return root / _short(stack, SOCKET_PATH_LIMIT - LONGEST_SOCKET - len(f"{root}/"))


def claims() -> Path:
    """File in which all checkouts of this user note the ports of their machines."""
    return cache_root() / "ports.json"


def _short(name: str, room: int) -> str:
    return name if len(name) <= room else hashlib.sha256(name.encode()).hexdigest()[:8]

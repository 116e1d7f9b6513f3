"""Host ports: pinned, kept, or chosen once.

Owns the choice and the note of it. A port is free when nobody listens on it and no machine of any checkout of this
user has chosen it, running or not. Range 20000-31999: below Linux's own range for outgoing connections (32768 on).
"""

from __future__ import annotations

import json
import socket
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import HelperError
from . import record
from .spec import Wanted

FIRST, COUNT = 20000, 12000


def choose(wanted: Wanted, kept: Mapping[str, int], taken: Callable[[int], bool], key: str) -> dict[str, int]:
    """A host port for each use: pinned, else kept from before, else the first free one from a place set by `key`.

    Raises HelperError when nothing is free.
    """
    ports = {use: pin for use, pin in wanted.items() if pin is not None}
    for use in sorted(wanted):
        if use in ports:
            continue
        before = kept.get(use)
        if before is not None and before not in ports.values():
            ports[use] = before
            continue
        start = zlib.crc32(f"{key}/{use}".encode()) % COUNT
        candidates = (FIRST + (start + step) % COUNT for step in range(COUNT))
        found = next((port for port in candidates if port not in ports.values() and not taken(port)), None)
        if found is None:
            raise HelperError(
                f"ports: none free from {FIRST} to {FIRST + COUNT - 1}; end what listens there, or pin one"
            )
        ports[use] = found
    return ports


def in_use(port: int) -> bool:
    """True when somebody listens on this loopback port (or may not be asked)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as QEMU does: a closed connection is no user
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return True
    return False


def owners(claims: Path) -> dict[int, Path]:
    """Who has chosen which port: the machine's folder by port, without those whose machine is gone."""
    try:
        found = {int(port): Path(folder) for port, folder in dict(json.loads(claims.read_text())).items()}
    except (FileNotFoundError, ValueError, TypeError):  # a hand edit: each machine's own record still holds its ports
        return {}
    return {port: folder for port, folder in found.items() if _holds(folder, port)}


def claim(claims: Path, directory: Path, ports: Mapping[str, int]) -> None:
    """Notes that the machine in `directory` holds `ports` and no others. Call it with the claims locked."""
    others = {port: folder for port, folder in owners(claims).items() if folder != directory}
    entries = {**others, **dict.fromkeys(ports.values(), directory)}
    claims.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({str(port): str(folder) for port, folder in sorted(entries.items())}, indent=1)
    record.write(claims, text.encode())


def _holds(folder: Path, port: int) -> bool:
    made = record.read_made(folder)
    return made is not None and port in made.ports.values()

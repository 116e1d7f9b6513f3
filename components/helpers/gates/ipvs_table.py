"""The kernel's IPVS table, as `ipvsadm -Ln` shows it, read.

IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.96.23.7:80 rr
  -> 10.244.1.3:8080              Masq    1      0          0
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SERVICE = re.compile(r"^(?P<protocol>TCP|UDP|SCTP)\s+(?P<address>\S+):(?P<port>\d+)\s+(?P<scheduler>\S+)")
_SERVER = re.compile(r"^\s+->\s+(?P<address>\S+):(?P<port>\d+)\s+\S+\s+(?P<weight>\d+)")


@dataclass(frozen=True)
class Key:
    """A virtual service's name in the table."""

    protocol: str
    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.address}:{self.port}/{self.protocol}"


@dataclass(frozen=True)
class Entry:
    """What stands behind it."""

    scheduler: str
    servers: frozenset[str]
    """address:port of real servers that take new connections; one of weight 0 is only being drained."""


def table(text: str) -> dict[Key, Entry]:
    """Every virtual service of a node."""
    found: dict[Key, tuple[str, set[str]]] = {}
    servers: set[str] = set()
    for line in text.splitlines():
        if service := _SERVICE.match(line):
            servers = set()
            key = Key(service["protocol"], service["address"], int(service["port"]))
            found[key] = (service["scheduler"], servers)
        elif (server := _SERVER.match(line)) and server["weight"] != "0":
            servers.add(f"{server['address']}:{server['port']}")
    return {key: Entry(scheduler, frozenset(real)) for key, (scheduler, real) in found.items()}

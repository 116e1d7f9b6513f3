"""A node's devices and BIRD's routes, as `ip` shows them, read: is anything a tunnel?

Owns the text of `ip -d -o link show` and `ip -4 route show proto 12` (12: BIRD, rtnetlink's number).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TUNNELS = ("vxlan", "ipip", "wireguard")
"""Kinds with which Calico would wrap packets."""

_LINK = re.compile(r"^\d+:\s+(?P<name>[^:@\s]+)(?:@\S+)?:")
_KIND = re.compile(r"\\\s+(" + "|".join(TUNNELS) + r")\b")
_ROUTE = re.compile(r"^(?P<to>\d\S*)\s+(?:via\s+(?P<via>\S+)\s+)?dev\s+(?P<device>\S+)")


@dataclass(frozen=True)
class Route:
    """Where packets to a range leave the node."""

    via: str
    """Next hop; empty for what is on the wire itself."""
    device: str


def tunnels(text: str) -> list[str]:
    """Devices of a tunnel's kind, with the kind, e.g. "vxlan.calico (vxlan)"."""
    found = []
    for line in text.splitlines():
        link, kind = _LINK.match(line), _KIND.search(line)
        if link and kind:
            found.append(f"{link['name']} ({kind[1]})")
    return found


def routes(text: str) -> dict[str, Route]:
    """Routes by destination; a node's own blocks are blackholes here and left out."""
    found = {}
    for line in text.splitlines():
        if match := _ROUTE.match(line.strip()):
            found[match["to"]] = Route(match["via"] or "", match["device"])
    return found

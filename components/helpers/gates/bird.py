"""What BIRD 1.6 says to `show protocols` on its control socket, read.

Owns the text protocol's answer. A row's first line carries a code (`1002-`), its successors a space instead:

    0001 BIRD 1.6.8 ready.
    2002-name     proto    table    state  since       info
    1002-kernel1  Kernel   master   up     13:07:36
     Mesh_192_168_77_102 BGP      master   up     13:07:41    Established
     Mesh_192_168_77_103 BGP      master   start  13:07:36    Active        Socket: No route to host
    0000
"""

from __future__ import annotations

import re

ESTABLISHED = "Established"

_ROW = re.compile(r"^(?:1002-| )(?P<name>\S+)\s+BGP\s+\S+\s+(?P<state>\S+)\s+(?P<rest>.*)$")
_PEER = re.compile(r"^[A-Za-z]+_(\d+)_(\d+)_(\d+)_(\d+)(?:_|$)")
_TIME = re.compile(r"^(?:\d{4}-\d{2}-\d{2}|\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?|[A-Z][a-z]{2}\d{2})\s+")


def sessions(answer: str) -> dict[str, str]:
    """State of the BGP session by the peer's IPv4 address: Established, or BIRD's words for what it is instead."""
    found: dict[str, str] = {}
    for line in answer.splitlines():
        row = _ROW.match(line.rstrip())
        peer = _PEER.match(row["name"]) if row else None
        if not row or not peer:
            continue
        info = row["rest"] + " "
        while time := _TIME.match(info):
            info = info[time.end() :]
        info = " ".join(info.split())
        up = row["state"] == "up" and info.split()[:1] == [ESTABLISHED]
        found[".".join(peer.groups())] = ESTABLISHED if up else info or row["state"]
    return found


def answers(answer: str) -> bool:
    """Whether BIRD answered at all."""
    return any(line.startswith("0000") for line in answer.splitlines())

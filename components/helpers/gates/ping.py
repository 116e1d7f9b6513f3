"""What iputils' `ping` says, read.

5 packets transmitted, 5 received, 0% packet loss, time 1217ms
rtt min/avg/max/mdev = 0.412/0.530/0.713/0.102 ms
"""

from __future__ import annotations

import re
from dataclasses import dataclass

OVERHEAD = 28
"""Bytes of an ICMP echo that are not its payload: IPv4 header 20, ICMP header 8."""

_COUNTS = re.compile(r"(\d+) packets transmitted, (\d+) received")
_TIMES = re.compile(r"rtt min/avg/max/mdev = [\d.]+/([\d.]+)/")
_TOO_LONG = re.compile(r"[Mm]essage too long, mtu[ =:]*(\d+)|Frag needed and DF set \(mtu = (\d+)\)")


@dataclass(frozen=True)
class Echo:
    """How many echoes came back."""

    sent: int
    received: int
    average_ms: float | None
    """None when nothing came back."""
    narrowest: int | None = None
    """MTU of the link that refused the packet, if one did; bytes."""

    @property
    def loss_percent(self) -> float:
        return round(100 * (self.sent - self.received) / self.sent, 1) if self.sent else 100.0


def echo(text: str) -> Echo:
    """The counts; all 0 when ping did not get as far as sending."""
    counts, times, refused = _COUNTS.search(text), _TIMES.search(text), _TOO_LONG.search(text)
    return Echo(
        sent=int(counts[1]) if counts else 0,
        received=int(counts[2]) if counts else 0,
        average_ms=float(times[1]) if times else None,
        narrowest=int(refused[1] or refused[2]) if refused else None,
    )

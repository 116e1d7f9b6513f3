"""A capture in tcpdump's file format, counted: packets as they are, and packets wrapped in others.

Owns reading pcap (24 bytes of header, then 16 before each packet) as far as the outermost headers. Text output is not
used: tcpdump prints a wrapped packet's inside on lines of its own, which look like packets that are not wrapped.
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

ETHERNET = 1
IPV4 = 0x0800
ICMP, IPIP, UDP = 1, 4, 17
VXLAN_PORT, WIREGUARD_PORT = 4789, 51820
"""Destination ports of Calico's wrapped packets."""


@dataclass(frozen=True)
class Counts:
    """Packets seen on the wire."""

    native: int
    """ICMP between the two pods, nothing around it."""
    encapsulated: int
    """IP-in-IP, VXLAN or WireGuard."""


def tcpdump_filter(pod: str, peer: str, peer_node: str) -> str:
    """What to capture of the talk between two pods on different nodes."""
    wrapped = f"ip proto {IPIP} or udp port {VXLAN_PORT} or udp port {WIREGUARD_PORT}"
    return f"(icmp and host {pod} and host {peer}) or (host {peer_node} and ({wrapped}))"


def count(text: str, pod: str, peer: str) -> Counts | None:
    """What a capture (base64) holds; None when it is no capture."""
    try:
        data = base64.b64decode(text, validate=False)
    except binascii.Error:
        return None
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">"}.get(data[:4])
    if order is None or len(data) < 24 or struct.unpack_from(f"{order}I", data, 20)[0] != ETHERNET:
        return None
    ends = {IPv4Address(pod), IPv4Address(peer)}
    native = encapsulated = 0
    position = 24
    while position + 16 <= len(data):
        length = struct.unpack_from(f"{order}I", data, position + 8)[0]
        packet = data[position + 16 : position + 16 + length]
        position += 16 + length
        if len(packet) < 34 or struct.unpack_from("!H", packet, 12)[0] != IPV4:
            continue
        protocol = packet[23]
        if protocol == ICMP and {IPv4Address(packet[26:30]), IPv4Address(packet[30:34])} == ends:
            native += 1
        elif protocol == IPIP or (protocol == UDP and _ports(packet) & {VXLAN_PORT, WIREGUARD_PORT}):
            encapsulated += 1
    return Counts(native, encapsulated)


def _ports(packet: bytes) -> set[int]:
    start = 14 + 4 * (packet[14] & 15)
    return set(struct.unpack_from("!HH", packet, start)) if len(packet) >= start + 4 else set()

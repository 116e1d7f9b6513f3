"""A Service as the API knows it: what every node's table should hold for it.

Owns reading a Service and its EndpointSlices (IPv4). Leaves how nodes carry it to ipvs.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .ipvs_table import Key


def wanted(service: Mapping[str, Any], slices: Sequence[Mapping[str, Any]]) -> dict[Key, frozenset[str]]:
    """Real servers (address:port) by virtual service: the ready endpoints of each of the Service's ports."""
    spec = service["spec"]
    found = {}
    for port in spec.get("ports") or []:
        name, protocol = port.get("name") or "", port.get("protocol", "TCP")
        key = Key(protocol, spec["clusterIP"], int(port["port"]))
        found[key] = frozenset(_servers(slices, name, protocol))
    return found


def _servers(slices: Sequence[Mapping[str, Any]], name: str, protocol: str) -> list[str]:
    found = []
    for entry in slices:
        if entry.get("addressType") != "IPv4":
            continue
        numbers = [
            port["port"]
            for port in entry.get("ports") or []
            if (port.get("name") or "") == name and port.get("protocol", "TCP") == protocol and port.get("port")
        ]
        for endpoint in entry.get("endpoints") or []:
            # no condition means ready (the API's own words)
            if (endpoint.get("conditions") or {}).get("ready") is not False:
                found += [f"{address}:{number}" for address in endpoint["addresses"] for number in numbers]
    return found

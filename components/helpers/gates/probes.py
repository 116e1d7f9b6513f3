"""The probe pods (gates/probe.py) as the API knows them, and who measures to whom.

Owns finding each node's probe and the ring. Every node is source once and target once, whatever their number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class ProbePod:
    """One probe pod that runs."""

    node: str
    address: str


def probes(pods: Sequence[Mapping[str, Any]]) -> dict[str, ProbePod]:
    """The running probe of each node, of these pods; one that is being deleted does not count."""
    found = {}
    for pod in pods:
        status, node = pod.get("status") or {}, (pod.get("spec") or {}).get("nodeName")
        address = status.get("podIP")
        if node and address and _is_ready(status) and "deletionTimestamp" not in pod["metadata"]:
            found[str(node)] = ProbePod(str(node), str(address))
    return found


def ring(every: Sequence[T]) -> list[tuple[T, T]]:
    """Each with the next one, the last with the first; nothing for one alone."""
    return list(zip(every, [*every[1:], *every[:1]], strict=True)) if len(every) > 1 else []


def _is_ready(status: Mapping[str, Any]) -> bool:
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in status.get("conditions") or [])

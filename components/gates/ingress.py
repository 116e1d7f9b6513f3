"""Gate ingress: the demo answers from outside, through every node that takes HTTP.

Owns its question, its ports and its row. Leaves measuring to helpers/gates/ingress.py; nothing runs on the nodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fjordkube.gates.common import Figures, Promised, Question, Row, count, row

REQUESTS = 20
"""In a row and without a failure, through every node that takes HTTP."""


def question(promised: Promised) -> Question | None:
    """None without a demo; which ports there are is known only when the nodes are (`http_ports`)."""
    if promised.demo_host is None:
        return None
    return Question("ingress", {"host": promised.demo_host, "requests": REQUESTS}, needs=("front",))


def http_ports(nodes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Where HTTP comes in, of nodes given as name, address and ports by use; nodes without a port for it have none."""
    return [
        {"name": node["name"], "address": node["address"], "port": int(node["ports"]["http"])}
        for node in nodes
        if "http" in node["ports"]
    ]


def rows(found: Figures) -> list[Row]:
    """One row."""
    through = f"{count(found['requests'], 'request')} through {count(found['nodes'], 'node')}"
    times = f"p50 {found['p50_ms']:g} ms, p99 {found['p99_ms']:g} ms"
    needed = f"{found['requests'] // found['nodes']} times 200 in a row through every node that takes HTTP"
    return [row("HTTP from outside", f"{through}, {found['failures']} failed, {times}", needed)]

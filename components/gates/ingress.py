"""Gate ingress: the demo answers from outside, through every node that takes HTTP, as the front door is configured.

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
    asked: dict[str, Any] = {"host": promised.demo_host, "requests": REQUESTS}
    # only where it is so: the question of every other stack stays as it was
    if promised.proxy_protocol:
        asked["proxy"] = True
    if promised.https_redirect is not None:
        asked["redirect"] = promised.https_redirect
    return Question("ingress", asked, needs=("front",))


def http_ports(nodes: Sequence[Mapping[str, Any]], https: bool = False) -> list[dict[str, Any]]:
    """Where HTTP comes in, of nodes given as name, address and ports by use, and with `https` where that does; nodes
    without a port for HTTP have none."""
    return [
        {
            "name": node["name"],
            "address": node["address"],
            "port": int(node["ports"]["http"]),
            **({"https_port": int(node["ports"]["https"])} if https and "https" in node["ports"] else {}),
        }
        for node in nodes
        if "http" in node["ports"]
    ]


def rows(found: Figures) -> list[Row]:
    """One row."""
    through = f"{count(found['requests'], 'request')} through {count(found['nodes'], 'node')}"
    times = f"p50 {found['p50_ms']:g} ms, p99 {found['p99_ms']:g} ms"
    needed = f"{found['requests'] // found['nodes']} times 200 in a row through every node that takes HTTP"
    if "redirect" in found:
        needed += f", by HTTPS, where HTTP sends with {found['redirect']}"
    return [row("HTTP from outside", f"{through}, {found['failures']} failed, {times}", needed)]

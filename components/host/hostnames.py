"""The block in /etc/hosts by which nodes know each other and the API's name.

Owns the block's text. Leaves the rest of /etc/hosts to whoever wrote it (scripts/host.sh replaces only the block).
"""

from __future__ import annotations

from collections.abc import Sequence

from components.node import Node


def hosts_block(nodes: Sequence[Node], api_host: str) -> str:
    """One line per node, then one per control plane for `api_host` (e.g. "api.fjord.internal").

    A name with several addresses makes Go's dialer try them in turn: kubelets and kubeadm reach a living API server
    without a load balancer. What it does not give: a quick switch of connections that hang without an answer.
    """
    lines = [f"{node.address} {node.name}" for node in nodes]
    lines += [f"{node.address} {api_host}" for node in nodes if node.role == "control-plane"]
    return "\n".join(lines) + "\n"

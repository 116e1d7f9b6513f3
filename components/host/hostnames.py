"""The block in /etc/hosts by which a node knows its own name and the API's.

Owns the block's text. Leaves the rest of /etc/hosts to whoever wrote it (scripts/host.sh replaces only the block).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fjordkube.node import Node


def hosts_block(node: Node, api_host: str) -> str:
    """The node itself, and `api_host` (e.g. "api.fjord.internal"), which is the node's own proxy (api_proxy.py).

    Nobody else: the API server reaches kubelets by address, and pods that carry a copy of /etc/hosts keep it for life.
    So no node's block changes with the nodes of a cluster.
    """
    return f"{node.address} {node.name}\n127.0.0.1 {api_host}\n"

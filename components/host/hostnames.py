"""The block in /etc/hosts by which a node knows its own name and the API's.

Owns the block's text. Leaves the rest of /etc/hosts to whoever wrote it (scripts/host.sh replaces only the block).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fjordkube.settings import API_PROXY_ADDRESS

if TYPE_CHECKING:
    from fjordkube.node import Node


def hosts_block(node: Node, api_host: str) -> str:
    """The node itself, and `api_host` (e.g. "api.fjord.internal") as the node's own proxy (api_proxy.py).

    Nobody else: the API server reaches kubelets by address, so that no node more or less changes another's names. Pods
    on the host's network get a copy of the file when they start, which this never makes wrong.
    """
    return f"{node.address} {node.name}\n{API_PROXY_ADDRESS} {api_host}\n"

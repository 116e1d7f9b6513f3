"""The block in /etc/hosts by which a node knows its own name and the API's.

Owns the block's text. Leaves the rest of /etc/hosts to whoever wrote it (scripts/host.sh replaces only the block).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fjordkube.node import Node


def hosts_block(node: Node, control_planes: Sequence[Node], api_host: str) -> str:
    """The node itself, then one line per control plane for `api_host` (e.g. "api.fjord.internal").

    Nobody else: the API server reaches kubelets by address, so that a worker more or less changes no other node.
    A name with several addresses makes Go's dialer try them in turn: kubelets and kubeadm reach a living API server
    without a load balancer. What it does not give: a quick switch of connections that hang without an answer.
    """
    lines = [f"{node.address} {node.name}"]
    lines += [f"{plane.address} {api_host}" for plane in control_planes]
    return "\n".join(lines) + "\n"

"""Who may reach the nodes from outside, and where that is enforced.

Owns what a person decides. Leaves which port is for whom, and why, to `components/firewall/table.py`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fjordkube.settings.base import Settings
from fjordkube.settings.types import Cidr


class Firewall(Settings):
    """Networks that may reach the nodes from outside; everything else is closed. With source local, QEMU's user network
    (this machine) is an administrator and a client of the ingress by itself."""

    host: Literal["auto", "always", "never"] = "auto"
    """Whether nodes guard themselves with nftables: always, never, or auto (unless their provider's own firewall guards
    them)."""
    existing: Literal["refuse", "keep", "replace"] = "refuse"
    """A host's own firewall that is active (ufw, firewalld): refuse the host; keep it, since its owner has opened what
    nodes need of each other (docs/firewall.md); or replace it by ours: it is switched off, and on again by `down`."""
    admin_cidrs: list[Cidr] = Field(default_factory=list)
    """Who may reach SSH and the Kubernetes API from outside, e.g. [203.0.113.0/24]; the machine that runs `up`, or its
    bastion, is among them. Required for every source but local."""
    ingress_from: list[Cidr] = Field(default_factory=lambda: ["0.0.0.0/0"])
    """Who may reach the ingress's ports, e.g. [0.0.0.0/0] for everybody."""
    node_ports_from: list[Cidr] = Field(default_factory=list)
    """Who may reach NodePorts (30000 to 32767) from outside, e.g. [203.0.113.0/24]; nobody, unless named."""

"""Whether a node guards itself with nftables, and what host.sh needs for that.

Owns the decision and the values. Leaves the rules to components/firewall/nftables.py and loading to scripts/host.sh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fjordkube.firewall import FirewallPolicy, networks, nftables
from fjordkube.host import units

if TYPE_CHECKING:
    from fjordkube.node import Node

Existing = Literal["refuse", "keep", "replace"]
"""What becomes of a firewall that a host has of its own."""

PATH = "/etc/fjordkube/firewall.nft"
"""The rules, loaded at boot."""


def guards_itself(node: Node, wanted: Literal["auto", "always", "never"]) -> bool:
    """Whether nftables runs on this node: firewall.host, where auto leaves it to a provider's firewall."""
    return wanted == "always" or (wanted == "auto" and not node.guarded)


def values(node: Node, policy: FirewallPolicy | None, existing: Existing = "refuse") -> dict[str, str]:
    """Assignments for host.sh; FIREWALL_RULES is empty where what an earlier run made is to be removed.

    `existing`: firewall.existing, what becomes of ufw or firewalld.
    """
    places = {
        "FIREWALL_PATH": PATH,
        "FIREWALL_UNIT_PATH": units.FIREWALL_PATH,
        "FIREWALL_WANT": units.FIREWALL_WANT,
        "FIREWALL_TABLE": nftables.TABLE,
        "FIREWALL_EXISTING": existing,
    }
    if policy is None:
        none = ("FIREWALL_RULES", "FIREWALL_MARK", "FIREWALL_UNIT", "FIREWALL_ADMINS", "FIREWALL_SSH_PORTS")
        return {**places, **dict.fromkeys(none, "")}
    policy = policy.of_node(node)
    rules = nftables.ruleset(policy, node.role, node.interface)
    return {
        **places,
        "FIREWALL_RULES": rules,
        "FIREWALL_MARK": nftables.mark(rules),
        "FIREWALL_UNIT": units.firewall_unit(PATH),
        "FIREWALL_ADMINS": " ".join(networks(policy, "admins")),
        "FIREWALL_SSH_PORTS": " ".join(map(str, policy.ssh_ports)),
    }

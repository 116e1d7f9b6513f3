"""Whether a node guards itself with nftables, and what host.sh needs for that.

Owns the decision and the values. Leaves the rules to components/firewall/nftables.py and loading to scripts/host.sh.
"""

from __future__ import annotations

from collections.abc import Sequence

from fjordkube.firewall import networks, nftables
from fjordkube.host import units
from fjordkube.node import Node
from fjordkube.settings import Stack

PATH = "/etc/fjordkube/firewall.nft"
"""The rules, loaded at boot."""


def guards_itself(node: Node, settings: Stack) -> bool:
    """Whether nftables runs on this node: firewall.host, where auto leaves it to a provider's firewall."""
    host = settings.firewall.host
    return host == "always" or (host == "auto" and not node.guarded)


def values(node: Node, settings: Stack, all_nodes: Sequence[Node]) -> dict[str, str]:
    """Assignments for host.sh; FIREWALL_RULES is empty where what an earlier run made is to be removed."""
    places = {
        "FIREWALL_PATH": PATH,
        "FIREWALL_UNIT_PATH": units.FIREWALL_PATH,
        "FIREWALL_WANT": units.FIREWALL_WANT,
        "FIREWALL_TABLE": nftables.TABLE,
    }
    if not guards_itself(node, settings):
        return {**places, "FIREWALL_RULES": "", "FIREWALL_MARK": "", "FIREWALL_UNIT": "", "FIREWALL_ADMINS": ""}
    control_planes = [plane.address for plane in all_nodes if plane.role == "control-plane"]
    rules = nftables.ruleset(settings, node.role, node.interface, control_planes)
    return {
        **places,
        "FIREWALL_RULES": rules,
        "FIREWALL_MARK": nftables.mark(rules),
        "FIREWALL_UNIT": units.firewall_unit(PATH),
        "FIREWALL_ADMINS": " ".join(networks(settings, "admins", control_planes)),
    }

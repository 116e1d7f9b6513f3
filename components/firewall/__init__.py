"""Who may talk to a node on which port, and why: one table, rendered to nftables, UpCloud and OpenStack."""

from fjordkube.firewall.policy import FirewallPolicy
from fjordkube.firewall.sources import admits, networks
from fjordkube.firewall.table import Rule, Source, table

__all__ = ["FirewallPolicy", "Rule", "Source", "admits", "networks", "table"]

"""The table as rules of OpenStack security groups, one group for each role.

Owns the rules. Leaves registering group and rules (pulumi_openstack.networking.SecGroup, SecGroupRule) to the source.
Security groups know connections, drop what no rule names, and let everything out, unless the default egress rules are
deleted. DHCP passes them by itself.

A port gets routed pod packets with pod addresses in them (allowed address pairs), and a rule cannot name a destination.
So "nodes and pods may reach this node's pods on any port" can only be said as "on any port", which holds all rules of
the table for nodes and pods: they are left out. What nodes and pods may do to nodes is therefore for nftables on the
host: a port with this group should not be called `guarded`. Towards the outside the group says exactly the table.

No rule names a remote group: its members would be all allowed address pairs of its ports, that is, every pod.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from fjordkube.firewall.policy import FirewallPolicy
from fjordkube.firewall.sources import EVERYBODY, networks
from fjordkube.firewall.table import DHCP_CLIENT, Rule, Source, table
from fjordkube.settings.nodes.node import Role


@dataclass(frozen=True)
class SecurityGroupRule:
    """Arguments of pulumi_openstack.networking.SecGroupRule by the same names; ingress, IPv4."""

    protocol: str | None
    """tcp, udp or icmp; None: any."""
    port_range_min: int | None
    """None: the protocol has no ports, or all of them."""
    port_range_max: int | None
    remote_ip_prefix: str
    """e.g. 192.168.77.0/24."""
    description: str
    """The reason."""

    @property
    def name(self) -> str:
        """Stable part of a resource name, e.g. tcp-6443-203.0.113.0-24."""
        ports = str(self.port_range_min or "")
        if self.port_range_max != self.port_range_min:
            ports += f"-{self.port_range_max}"
        return "-".join(filter(None, [self.protocol or "any", ports, self.remote_ip_prefix.replace("/", "-")]))


def security_group(policy: FirewallPolicy, role: Role) -> tuple[SecurityGroupRule, ...]:
    """The rules of a role's group, each once. Quotas are 100 rules to a project by default."""
    rules = [rule for rule in table(policy) if role in rule.roles and rule.to != "services"]
    free = {source for rule in rules if rule.to == "pods" for source in rule.sources}
    # control planes are nodes
    free |= {"control-planes"} if "nodes" in free else set()
    found: dict[str, SecurityGroupRule] = {}
    for rule in rules:
        for made in _rules(policy, rule, free):
            found.setdefault(made.name, made)
    return tuple(found.values())


def _rules(policy: FirewallPolicy, rule: Rule, free: set[Source]) -> Iterator[SecurityGroupRule]:
    if rule.ports == DHCP_CLIENT:
        return
    first, last = (rule.ports[0], rule.ports[-1]) if rule.ports else (None, None)
    asking = [source for source in get_args(Source) if source in rule.sources]
    if rule.to == "node":
        asking = [source for source in asking if source not in free]
    every = [network for source in asking for network in networks(policy, source)]
    # neutron refuses a rule that says the same as another, and everybody holds all the others
    for network in [EVERYBODY] if EVERYBODY in every else dict.fromkeys(every):
        yield SecurityGroupRule(
            protocol=None if rule.protocol == "any" else rule.protocol,
            port_range_min=first,
            port_range_max=last,
            remote_ip_prefix=network,
            description=rule.reason,
        )

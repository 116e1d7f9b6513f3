"""The table as UpCloud firewall rules of one server (pulumi_upcloud.ServerFirewallRules), for each role.

Owns the rules. Leaves registering them, and `firewall: true` on the server, to the source. What UpCloud's own pages say
of this firewall (products/networking/features/firewall, read at second hand; nothing of it was run by us):
- It filters the public and the utility network. Private SDN networks are left out, so what nodes and pods do among
  themselves meets no rule here, and none is written for them: on a public NIC a private source address is a lie.
- It is stateless. Answers to what a node asks outside (DNS, NTP, packages) come to a port that the node chose, and no
  rule can tell them from a question. So first every port that somebody listens on is dropped, unless it was opened
  before, and then the rest above 1023 is let in. The node chooses none of those ports for itself
  (net.ipv4.ip_local_reserved_ports, set by host/sysctls.py).

Therefore this is a first fence, and nftables on the host the one that knows connections: a server with these rules
should not be called `guarded`. Not verified: whether DHCP needs its rule, and how long a comment may be.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Final

from fjordkube.firewall.policy import FirewallPolicy
from fjordkube.firewall.sources import EVERYBODY, networks
from fjordkube.firewall.table import Rule, Source, reserved_ports, table
from fjordkube.settings.nodes.node import Role

OUTSIDE: Final[tuple[Source, ...]] = ("admins", "ingress-clients", "node-port-clients", "anyone")
"""Sources that come by the public network."""

ANSWERS: Final = (1024, 65535)
"""Ports from which a node asks."""


def firewall_rules(policy: FirewallPolicy, role: Role) -> list[dict[str, str]]:
    """Arguments of ServerFirewallRulesFirewallRuleArgs by name, in the order in which they are tried; the last one
    drops everything. UpCloud takes 1000 at the most."""
    return [*_opened(policy, role), *_listeners(policy), *_answers(), {"direction": "in", "action": "drop"}]


def _opened(policy: FirewallPolicy, role: Role) -> Iterator[dict[str, str]]:
    for rule in table(policy):
        if rule.to != "node" or role not in rule.roles:
            continue
        found = [net for source in rule.sources if source in OUTSIDE for net in networks(policy, source)]
        # who is let in with everybody needs no rule of its own
        for network in [EVERYBODY] if EVERYBODY in found else dict.fromkeys(found):
            yield {**_packet(rule), **_from(network), "action": "accept", "comment": rule.reason}


def _packet(rule: Rule) -> dict[str, str]:
    matched = {"direction": "in", "family": "IPv4", "protocol": rule.protocol}
    if rule.ports is not None:
        matched |= {"destination_port_start": str(rule.ports[0]), "destination_port_end": str(rule.ports[-1])}
    return matched


def _from(network: str) -> dict[str, str]:
    if network == EVERYBODY:
        return {}
    addresses = IPv4Network(network)
    return {"source_address_start": str(addresses[0]), "source_address_end": str(addresses[-1])}


def _listeners(policy: FirewallPolicy) -> Iterator[dict[str, str]]:
    """Ports above 1023 on which a node may listen: those of the table, and those that no program is given by chance."""
    spans = {(rule.ports[0], rule.ports[-1]) for rule in table(policy) if rule.to == "node" and rule.ports}
    for span in reserved_ports([policy.http_port, policy.https_port]).split(","):
        ends = [int(port) for port in span.split("-")]
        spans.add((ends[0], ends[-1]))
    for first, last in _merged(spans):
        if last >= ANSWERS[0]:
            for protocol in ("tcp", "udp"):
                yield _span(protocol, first, last, "drop", "listeners: closed unless opened above")


def _answers() -> Iterator[dict[str, str]]:
    for protocol in ("tcp", "udp"):
        yield _span(protocol, *ANSWERS, "accept", "answers to what the node asked: this firewall keeps no state")


def _span(protocol: str, first: int, last: int, action: str, comment: str) -> dict[str, str]:
    ports = {"destination_port_start": str(first), "destination_port_end": str(last)}
    matched = {"direction": "in", "family": "IPv4", "protocol": protocol, **ports}
    return {**matched, "action": action, "comment": comment}


def _merged(spans: set[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans in order, without those that lie inside another."""
    done = 0
    for first, last in sorted(spans, key=lambda span: (span[0], -span[1])):
        if last > done:
            yield first, last
            done = last

"""The table as nftables rules of one node.

Owns the text of /etc/fjordkube/firewall.nft. Leaves other tables alone (Calico's and kube-proxy's, a person's own):
a packet must pass all of them. Leaves what a node passes on to Calico.

Two hooks judge what is addressed to the node. `input` is the usual one, and closed unless something opens it. It does
not see what is translated before it and then passed on: hostPorts of pods, and NodePorts of a kube-proxy without IPVS.
So `before_translation` judges new connections by the port that was asked for, ahead of every DNAT (priority -100).

No `ct state invalid drop`: such a packet matches no state and meets the same rules as a new one. With IPVS conntrack
follows only because kube-proxy sets net.ipv4.vs.conntrack; a rule of that kind would turn any lapse into lost packets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final, get_args

from fjordkube.firewall.policy import FirewallPolicy
from fjordkube.firewall.sources import EVERYBODY, networks
from fjordkube.firewall.table import DHCP_CLIENT, Rule, Source, table
from fjordkube.settings.nodes.node import Role

TABLE: Final = "fjordkube"
"""Name of the table, of family inet."""

PODS_HERE: Final = "cali*"
"""Calico's end of each pod's cable; it lets through only packets with the pod's own address (Felix, RPF)."""

BEHIND_PRIVATE_NIC: Final[tuple[Source, ...]] = ("control-planes", "nodes", "pods")
"""Believed only when they arrive by the node's private NIC: elsewhere such a source address is a lie."""

ICMP: Final = "destination-unreachable, time-exceeded, parameter-problem, echo-request"
ICMP6: Final = (
    "destination-unreachable, packet-too-big, time-exceeded, parameter-problem, echo-request, nd-router-advert, "
    "nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query"
)
"""Without neighbour discovery an address of IPv6 does not work at all."""

HEAD: Final = """\
#!/usr/sbin/nft -f
# Written by fjordkube: who may reach this {role}, and why (docs/firewall.md); {interface} is its private NIC.
# Loaded at boot by fjordkube-firewall.service and replaced as a whole, at once. To look: nft list table inet {table}
table inet {table}
delete table inet {table}
table inet {table} {{
\tchain {mark} {{
\t\t# Empty: by its name, a digest of these rules, `up` sees whether they are the ones that are loaded.
\t}}

"""

HOOKS: Final = """\
\tchain before_translation {{
\t\ttype filter hook prerouting priority -110; policy accept;
\t\tct state established,related accept
\t\tiif "lo" accept
\t\tip daddr {services} jump to_services
\t\tfib daddr type local jump to_node
\t}}

\tchain input {{
\t\ttype filter hook input priority filter; policy drop;
\t\tct state established,related accept
\t\tiif "lo" accept
\t\tct status dnat accept comment "judged before it was translated"
\t\tip daddr {services} jump to_services
\t\tjump to_node
\t}}
}}
"""


def ruleset(policy: FirewallPolicy, role: Role, interface: str) -> str:
    """What `nft -f` reads on a node of that role; `interface` is its private NIC, e.g. eth1.

    The same rules always make the same text.
    """
    rules = [rule for rule in table(policy) if role in rule.roles]
    found = {source: networks(policy, source) for source in get_args(Source)}
    asking = [source for source in get_args(Source) if found[source] and any(_lines(rules, source))]
    body = "\n".join(
        [
            *(_set(source, found[source]) for source in asking if EVERYBODY not in found[source]),
            *(_chain(_name("from", source), _lines(rules, source)) for source in asking),
            _chain("to_services", _to_services(rules)),
            _chain("to_node", _to_node(asking, found, interface)),
            HOOKS.format(services=policy.service_cidr),
        ]
    )
    head = HEAD.format(role=role, interface=interface, table=TABLE, mark=_mark(body))
    return head + body


def mark(text: str) -> str:
    """Name of the empty chain that tells a loaded rule set from another one, e.g. rules_1f0c2ab7d4e6."""
    return next(word for line in text.splitlines() for word in line.split() if word.startswith("rules_"))


def _mark(body: str) -> str:
    return f"rules_{hashlib.sha256(body.encode()).hexdigest()[:12]}"


def _name(kind: str, source: Source) -> str:
    return f"{kind}_{source.replace('-', '_')}"


def _set(source: Source, found: Sequence[str]) -> str:
    elements = ", ".join(found)
    return (
        f"\tset {_name('of', source)} {{\n\t\ttype ipv4_addr; flags interval\n\t\telements = {{ {elements} }}\n\t}}\n"
    )


def _chain(name: str, lines: Iterator[str]) -> str:
    return "".join([f"\tchain {name} {{\n", *(f"\t\t{line}\n" for line in lines), "\t}\n"])


def _lines(rules: Sequence[Rule], source: Source) -> Iterator[str]:
    """What one source may reach of the node itself."""
    for rule in rules:
        if source in rule.sources and rule.to == "node":
            for match in _matches(rule):
                yield f'{match} accept comment "{rule.reason}"'


def _matches(rule: Rule) -> Iterator[str]:
    if rule.protocol == "icmp":
        yield f"icmp type {{ {ICMP} }}"
        yield f"icmpv6 type {{ {ICMP6} }}"
    elif rule.ports == DHCP_CLIENT:
        yield "meta nfproto ipv4 udp sport 67 udp dport 68"
        yield "ip6 saddr fe80::/10 udp sport 547 udp dport 546"
    else:
        yield f"{rule.protocol} dport {rule.port_text}"


def _to_services(rules: Sequence[Rule]) -> Iterator[str]:
    # without IPVS kube-proxy translates the address, and the packet is passed on: then it is Calico's to judge
    reasons = [rule.reason for rule in rules if rule.to == "services"] or ["pods ask Services"]
    yield f'iifname "{PODS_HERE}" accept comment "{reasons[0]}"'
    yield 'counter drop comment "no Service is reached from outside by its own address"'


def _to_node(asking: Sequence[Source], found: dict[Source, tuple[str, ...]], interface: str) -> Iterator[str]:
    for source in asking:
        jump = f"jump {_name('from', source)}"
        if source == "anyone":
            yield jump
            continue
        if source == "pods":
            yield f'iifname "{PODS_HERE}" {jump}'
        who = "meta nfproto ipv4" if EVERYBODY in found[source] else f"ip saddr @{_name('of', source)}"
        where = f'iifname "{interface}" ' if source in BEHIND_PRIVATE_NIC else ""
        yield f"{where}{who} {jump}"
    yield "counter drop"

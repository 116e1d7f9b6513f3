"""The firewall's table as security groups, one for each role that a stack has.

Owns the resources, and who "the nodes" are where a network is shared with strangers. Leaves the rules to
`components/firewall/openstack.py`. Groups let everything out, as OpenStack makes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pulumi
import pulumi_openstack as openstack

from fjordkube.firewall import FirewallPolicy
from fjordkube.firewall.openstack import SecurityGroupRule, security_group
from fjordkube.settings.nodes.node import Role
from fjordkube.settings.nodes.openstack import OpenstackNodes

NAMES: Final[Mapping[Role, str]] = {"control-plane": "control-planes", "worker": "workers"}


def security_groups(
    name: str, settings: OpenstackNodes, policy: FirewallPolicy, stack: str, opts: pulumi.ResourceOptions
) -> dict[Role, openstack.networking.SecGroup]:
    """Registers a group for each role of the stack, with its rules."""
    roles = dict.fromkeys(node.role for node in settings.all_nodes)
    groups = {
        role: openstack.networking.SecGroup(
            f"{name}-{NAMES[role]}",
            name=f"{stack}-{NAMES[role]}",
            description=f"fjordkube: {NAMES[role]} of stack {stack}",
            region=settings.region_name,
            tags=tags(stack),
            opts=opts,
        )
        for role in roles
    }
    for role, group in groups.items():
        for suffix, rule, sender in _rules(policy, settings.routed, role, groups):
            openstack.networking.SecGroupRule(
                f"{name}-{NAMES[role]}-{suffix}",
                security_group_id=group.id,
                region=settings.region_name,
                direction="ingress",
                ethertype="IPv4",
                protocol=rule.protocol,
                port_range_min=rule.port_range_min,
                port_range_max=rule.port_range_max,
                description=rule.description,
                **sender,
                opts=opts,
            )
    return groups


def tags(stack: str) -> Sequence[str]:
    """What OpenStack's lists show of what belongs to a stack."""
    return ["fjordkube", f"fjordkube-stack={stack}"]


def _rules(
    policy: FirewallPolicy, shared: bool, role: Role, groups: Mapping[Role, openstack.networking.SecGroup]
) -> Iterator[tuple[str, SecurityGroupRule, dict[str, Any]]]:
    """A rule's part of a resource name, what it says, and who it lets in.

    In a network of one's own, nodes are its whole range. A network that a whole cloud shares is full of strangers, and
    so is the pods' range there, since such a cloud routes private addresses between projects (docs.safespring.com/
    compute/networking): nodes are then the members of these groups, and pods, whose packets come wrapped, nobody.
    """
    for rule in security_group(policy, role):
        if shared and rule.remote_ip_prefix == policy.pod_cidr:
            continue
        if shared and rule.remote_ip_prefix in policy.node_networks:
            for sender, group in groups.items():
                suffix = rule.name.removesuffix(rule.remote_ip_prefix.replace("/", "-")) + NAMES[sender]
                yield suffix, rule, {"remote_group_id": group.id}
        else:
            yield rule.name, rule, {"remote_ip_prefix": rule.remote_ip_prefix}

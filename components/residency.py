"""Residency while the stack is made: what a stack wants as a resource, and zones as providers returned them.

Owns the assertion after create: nothing reaches a machine before its returned zone is allowed. Leaves what is allowed
to `settings/residency.py`, and what a file asks for to `settings/consistency/`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from fjordkube.node import Node, after
from fjordkube.settings import Stack
from fjordkube.settings.residency import Residency, refused


@dataclass(frozen=True)
class DeclaredResidencyArgs:
    """What `DeclaredResidency` is made from."""

    wanted: Residency
    """norway, eea or any."""
    zones: Sequence[str]
    """Zones that the stack asks for, e.g. ["no-svg1"]."""
    data: Mapping[str, str]
    """Declared places by what lies there, e.g. {"state": "norwayeast"}."""

    @staticmethod
    def of(settings: Stack) -> DeclaredResidencyArgs:
        """What the settings declare."""
        zones = sorted({zone for _, _, zone in settings.nodes.zones()})
        return DeclaredResidencyArgs(
            settings.residency, zones, {path[0]: place for path, place in settings.data.locations()}
        )


class DeclaredResidency(pulumi.ComponentResource):
    """Where a stack may be, as a resource of its own: in every preview, in the state, and before the policy pack.

    Register it before any machine: the engine takes registrations in turn, so that a pack's refusal of it comes first.
    """

    def __init__(self, name: str, args: DeclaredResidencyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        declared = {"wanted": args.wanted, "zones": list(args.zones), "data": dict(args.data)}
        super().__init__("fjordkube:residency:DeclaredResidency", name, dict(declared), opts)
        self.register_outputs(declared)


def assured(zone: pulumi.Input[str], node: str, provider: str, residency: Residency) -> pulumi.Output[str]:
    """The zone that a provider returned, once it is known to be allowed; the run fails where it is not.

    Unknown in a preview, where the machine is not made yet.
    """

    def judge(returned: str) -> str:
        problem = refused(provider, returned, residency) if returned else None
        if returned and not problem:
            return returned
        state = f"as the provider returned it, {problem.state}" if problem else "the provider returned none"
        fix = f"take the machine down (make down), and {problem.fix}" if problem else "ask the provider where it is"
        raise pulumi.RunError(f"nodes[{node}].zone: {state}; {fix}")

    return pulumi.Output.from_input(zone).apply(judge)


def says_zone(node: Node) -> bool:
    """Whether the node's source says where it stands, be it known yet or not."""
    return not isinstance(node.zone, str) or bool(node.zone)


def asserted(node: Node, provider: str, residency: Residency) -> Node:
    """The node, reached only when its returned zone is allowed; as it is where its source says none."""
    if not says_zone(node):
        return node
    zone = assured(node.zone, node.name, provider, residency)
    return dataclasses.replace(after(node, zone), zone=zone)

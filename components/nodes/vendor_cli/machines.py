"""The stack's machines at the vendor as Pulumi resources: one command each, that orders, finds again and deletes.

Owns the resources and the `Node` that each becomes. Leaves talking to the vendor to `helpers/vendor/`. Machines
depend on nothing but themselves, so all are ordered at once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_command import local

from fjordkube.helpers import launcher
from fjordkube.node import Node
from fjordkube.nodes import cloud
from fjordkube.settings.nodes.vendor_cli import VendorControlPlane, VendorNode, VendorNodes


@dataclass(frozen=True)
class VendorMachinesArgs(cloud.MachinesArgs[VendorNodes]):
    """What all machines of a stack are made from; the vendor's answer may name other ports."""

    command: Sequence[str]
    """The vendor's command, without the verb."""
    secrets: pulumi.Output[str] | None = None
    """Secret. Variables for the vendor's command, a JSON object; None: it has them from elsewhere."""


class VendorMachines(pulumi.ComponentResource):
    """All machines of a stack; `nodes` is what the rest of the program needs."""

    nodes: list[Node]

    def __init__(self, name: str, args: VendorMachinesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fjordkube:nodes:VendorMachines", name, None, opts)
        wanted = [node for node in args.settings.all_nodes if isinstance(node, VendorNode)]
        self.nodes = [VendorMachine(f"{name}-{node.name}", node, args, self).node for node in wanted]
        self.register_outputs({"addresses": {node.name: node.address for node in self.nodes}})


class VendorMachine:
    """`<name>` is the machine at the vendor."""

    machine: local.Command
    node: Node

    def __init__(self, name: str, node: VendorNode, args: VendorMachinesArgs, parent: pulumi.Resource) -> None:
        # 1. What is ordered; another machine when one of these changes.
        environment = order(node, args)
        anew = {key: environment[key] for key in ANEW}
        self.machine = local.Command(
            name,
            create=launcher.command("vendor-create"),
            update=launcher.command("vendor-create"),
            delete=launcher.command("vendor-delete"),
            environment=environment,
            triggers=list[Any](anew.values()),
            logging=local.Logging.STDERR,
            add_previous_output_in_env=False,
            # The new machine has the old one's name and address.
            opts=pulumi.ResourceOptions(parent=parent, delete_before_replace=True),
        )

        # 2. What the vendor returned.
        facts = self.machine.stdout.apply(_facts)
        ports = cloud.ports_of(node.role, args.ports)
        disk = node.etcd_disk if isinstance(node, VendorControlPlane) else "root"
        self.node = cloud.node_of(
            node,
            args,
            public_address=facts.apply(lambda found: str(found["public_address"])),
            ports=facts.apply(lambda found: {use: int(found["ports"].get(use, ports[use])) for use in ports}),
            host_key=facts.apply(lambda found: str(found["host_key"])),
            # Another machine at the vendor has another id, or at least another host key.
            up=facts.apply(lambda found: f"{found['id']} {found['host_key']}"),
            identity=json.dumps(anew, sort_keys=True),
            machine=self.machine,
            zone=facts.apply(lambda found: str(found["zone"])),
            etcd_device=None if disk == "root" else disk,
        )


ANEW = (
    "VENDOR_NAME",
    "VENDOR_ROLE",
    "VENDOR_ZONE",
    "VENDOR_PLAN",
    "VENDOR_IMAGE",
    "VENDOR_PRIVATE_NETWORK",
    "VENDOR_PRIVATE_ADDRESS",
    "VENDOR_ETCD_DISK",
)
"""What a machine cannot change while it lives: another value of these orders it anew. All of the order but the host
name, which the name holds, and the SSH key, which a living machine keeps."""


def order(node: VendorNode, args: VendorMachinesArgs) -> dict[str, pulumi.Input[str]]:
    """The helper's variables for one machine; one for each field, so that a diff names what changes."""
    settings = args.settings
    own_disk = isinstance(node, VendorControlPlane) and node.etcd_disk != "root"
    return {
        "VENDOR_COMMAND": json.dumps(list(args.command)),
        "VENDOR_CALL_SECONDS": str(settings.call_seconds),
        "VENDOR_PATIENCE_SECONDS": str(settings.patience_seconds),
        "VENDOR_NAME": f"{args.stack}-{node.name}",
        "VENDOR_HOSTNAME": node.name,
        "VENDOR_ROLE": node.role,
        "VENDOR_ZONE": settings.zone,
        "VENDOR_PLAN": settings.plan_of(node),
        "VENDOR_IMAGE": settings.image,
        "VENDOR_PRIVATE_NETWORK": settings.private_cidr,
        "VENDOR_PRIVATE_ADDRESS": str(settings.address_of(node)),
        "VENDOR_ETCD_DISK": "yes" if own_disk else "no",
        "VENDOR_SSH_PUBLIC_KEY": args.login_key.public,
        **({"VENDOR_SECRETS": args.secrets} if args.secrets is not None else {}),
    }


def _facts(stdout: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(stdout)
    return facts
